/* Which solver an operation gets: gated, chosen or measured, remembered. */
#ifndef FCL_OPS_SELECTION_H
#define FCL_OPS_SELECTION_H

#include "ops/operation.h"
#include "ops/solver_cache.h"

/* As fcl_operation_create_from() says; `solvers` ends with NULL. */
fcl_status fcl_select_solver(const fcl_solver **out, fcl_device *device, const fcl_op_desc *desc,
                             const fcl_choice *choice, int measure, const fcl_solver *const *solvers);
/* The same without a choice and without tuning: the likeliest solver (solver.h) that is right, or with `measure` the fastest
 * of up to three that are right and likely to be near it. Those that are not needed for that are not compiled. `description`
 * is that of `desc`; what comes to be known goes into `cache`. */
fcl_status fcl_select_default(const fcl_solver **out, fcl_device *device, const fcl_op_desc *desc, int measure,
                              const fcl_solver *const *solvers, fcl_solver_cache *cache, const char *description);
/* The verdict on one solver, from the cache or from the gate. `fault` says what is wrong with one that did not pass. */
fcl_status fcl_judge(fcl_solver_record *out, char fault[256], fcl_device *device, const fcl_op_desc *desc,
                     const fcl_solver *solver, fcl_solver_cache *cache, const char *description);
/* The largest workspace of the solvers that fcl_select_default() would consider: what the operation is likely to need at most. */
size_t fcl_likely_workspace_bytes(const fcl_op_desc *desc, const fcl_device *device);
/* How many samples the gate runs with: the whole batch where that is cheap, at least min(batch, 2). */
int fcl_gate_samples(const fcl_op_desc *desc);

#endif
