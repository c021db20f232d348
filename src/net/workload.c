#include "net/workload.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/network.h"

static int is_known(const fcl_workload *workload, const char *description) {
    char known[256];
    for (size_t i = 0; i < workload->n_operations; i++) {
        fcl_op_describe(known, &workload->operations[i]);
        if (strcmp(known, description) == 0) return 1;
    }
    return 0;
}

static int by_work(const void *a, const void *b) {
    const fcl_op_desc *x = a, *y = b;
    double x_flop = fcl_op_flop(x, x->batch), y_flop = fcl_op_flop(y, y->batch);
    return (x_flop < y_flop) - (x_flop > y_flop);
}

static fcl_status add_network(fcl_workload *workload, fcl_device *device, const fcl_model *model, int batch,
                              int training) {
    fcl_status status;
    fcl_network *network = NULL;
    const fcl_network_options options = {.batch = batch, .training = training, .describe = 1};
    FCL_TRY(fcl_network_create(&network, device, model, &options));
    for (unsigned i = 0; i < fcl_network_n_operations(network); i++) {
        char description[256];
        const fcl_op_desc *desc = fcl_network_operation_desc(network, i);
        fcl_op_describe(description, desc);
        if (is_known(workload, description)) continue;
        FCL_TRY(fcl_grow((void **)&workload->operations, &workload->capacity, workload->n_operations + 1,
                         sizeof *workload->operations, "a workload"));
        workload->operations[workload->n_operations++] = *desc;
    }
    qsort(workload->operations, workload->n_operations, sizeof *workload->operations, by_work);
done:
    fcl_network_free(network);
    return status;
}

fcl_status fcl_workload_add(fcl_workload *workload, fcl_device *device, const fcl_model *model, int batch) {
    fcl_status status;
    FCL_TRY(add_network(workload, device, model, batch, 1));
    FCL_TRY(add_network(workload, device, model, FCL_PREDICTOR_BATCH, 0));
    FCL_TRY(add_network(workload, device, model, 1, 0));
done:
    return status;
}

void fcl_workload_dispose(fcl_workload *workload) {
    free(workload->operations);
    *workload = FCL_WORKLOAD_EMPTY;
}
