/* What a device has to compute for models: the operations of training and of predicting, for tuning and measuring them. */
#ifndef FCL_NET_WORKLOAD_H
#define FCL_NET_WORKLOAD_H

#include "fiducl/model.h"
#include "ops/op.h"

typedef struct fcl_workload {
    fcl_op_desc *operations; /* (n_operations), each once; those with the most to compute first */
    size_t n_operations, capacity;
} fcl_workload;
#define FCL_WORKLOAD_EMPTY ((fcl_workload){0})

/* Adds the operations of training at this batch size, and of predicting in batches and single images. Nothing is compiled. */
fcl_status fcl_workload_add(fcl_workload *workload, fcl_device *device, const fcl_model *model, int batch);
void fcl_workload_dispose(fcl_workload *workload);

#endif
