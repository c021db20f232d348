/*
 * Tuning an operation: all its solvers with all their variants, each held against the reference, then timed. The fastest
 * takes the place of the one that is chosen by default when it is faster beyond noise. The solver cache remembers the
 * choice, and fcl_operation_create() uses it from then on.
 */
#ifndef FCL_OPS_TUNING_H
#define FCL_OPS_TUNING_H

#include "ops/solver.h"

typedef struct fcl_tuning {
    const fcl_solver *by_default, *best; /* the same where nothing is faster beyond noise */
    double default_seconds, best_seconds;
    int n_right, n_left_out; /* solvers that were compared; that are wrong here or failed */
} fcl_tuning;

/* Whether there is more than one solver, or variant of one, to choose from. */
int fcl_tuning_has_choice(const fcl_op_desc *desc, const fcl_device *device);
/* `solvers` ends with NULL, as of fcl_solvers_of(). Times that are remembered are not measured again unless `again` is set.
 * After `end` (fcl_clock_seconds()), or when an interrupt is requested, no solver is begun: then the operation is not
 * tuned, FCL_E_INTERRUPTED, but what was measured is remembered. */
fcl_status fcl_tune_operation(fcl_tuning *out, fcl_device *device, const fcl_op_desc *desc, int again, double end,
                              const fcl_solver *const *solvers);

#endif
