/* Which solver an operation gets: gated, chosen or measured, remembered. */
#ifndef FCL_OPS_SELECTION_H
#define FCL_OPS_SELECTION_H

#include "ops/operation.h"

/* As fcl_operation_create_from() says; `solvers` ends with NULL. */
fcl_status fcl_select_solver(const fcl_solver **out, fcl_device *device, const fcl_op_desc *desc,
                             const fcl_choice *choice, int measure, const fcl_solver *const *solvers);
/* How many samples the gate runs with: the whole batch where that is cheap, at least min(batch, 2). */
int fcl_gate_samples(const fcl_op_desc *desc);

#endif
