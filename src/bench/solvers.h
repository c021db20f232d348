/* Which solvers a network has, and others that compute the same, for checks. */
#ifndef FCL_BENCH_SOLVERS_H
#define FCL_BENCH_SOLVERS_H

#include "bench/report.h"
#include "net/network.h"

/* FCL_TUNED when tuning chose the solver of at least one of the network's operations; "solvers" (by operation),
 * "operations" and "tuned_operations" go into `details`. */
fcl_status fcl_network_solvers(fcl_solver_origin *out, json_t *details, const fcl_network *network, fcl_device *device);
/* The same for one operation. */
fcl_status fcl_operation_origin(fcl_solver_origin *out, fcl_device *device, const fcl_op_desc *desc,
                                const char *solver);

/* For every operation of the network another solver than its own that is right at that shape, or at least another variant;
 * *n_other is how many have one, the others keep theirs. */
fcl_status fcl_other_solvers(fcl_choice **out, unsigned *n_other, const fcl_network *network, fcl_device *device);

/* The largest error that rounding explains in what a network of these operations computes, relative to its values: each
 * solver's error_factor roundings, one operation after the other. */
double fcl_network_rounding(const fcl_network *network);

#endif
