/* Which solvers a network has, and others that compute the same, for checks. */
#ifndef FCL_BENCH_SOLVERS_H
#define FCL_BENCH_SOLVERS_H

#include "bench/bench.h"
#include "net/network.h"

/* The origin of the network's solvers on its device becomes that of the result: FCL_TUNED when tuning chose the solver of at least one
 * operation, unless the benchmark leaves tuning aside. "solvers" (by operation), "operations" and "tuned_operations" go into
 * the details. */
fcl_status fcl_result_set_solvers(fcl_result *result, fcl_network *network, const fcl_bench *bench);
/* The origin of one operation's solver, on a device that may be another one than the benchmark's. */
fcl_status fcl_operation_origin(fcl_solver_origin *out, const fcl_bench *bench, fcl_device *device,
                                const fcl_op_desc *desc, const char *solver);

/* For every operation of the network another solver than its own that is right at that shape, or at least another variant;
 * *n_other is how many have one, the others keep theirs. */
fcl_status fcl_other_solvers(fcl_choice **out, unsigned *n_other, const fcl_network *network, fcl_device *device);

/* The largest error that rounding explains in what a network of these operations computes, relative to its values: each
 * solver's error_factor roundings, one operation after the other. */
double fcl_network_rounding(const fcl_network *network);
/* What all operations of a step at the full batch compute, by their definition. */
double fcl_network_step_flop(const fcl_network *network);

#endif
