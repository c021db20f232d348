/* Which solver an operation gets: gated, chosen or measured, remembered. */
#ifndef FCL_OPS_SELECTION_H
#define FCL_OPS_SELECTION_H

#include "ops/operation.h"
#include "ops/solver_cache.h"

/* As fcl_operation_create_from() says; `solvers` ends with NULL. *is_new: something was checked or measured for it. */
fcl_status fcl_select_solver(const fcl_solver **out, int *is_new, fcl_device *device, const fcl_op_desc *desc,
                             const fcl_choice *choice, int measure, const fcl_solver *const *solvers);
/* The same without a choice and without tuning: the likeliest solver (solver.h) that is right, or with `measure` the fastest
 * of up to three that are right and likely to be near it. Those that are not needed for that are not compiled. `description`
 * is that of `desc`; what comes to be known goes into `cache`. */
fcl_status fcl_select_default(const fcl_solver **out, fcl_device *device, const fcl_op_desc *desc, int measure,
                              const fcl_solver *const *solvers, fcl_solver_cache *cache, const char *description);
/* The verdict on one solver, from the cache or from the gate. `fault` says what is wrong with one that did not pass. */
fcl_status fcl_judge(fcl_solver_record *out, char fault[256], fcl_device *device, const fcl_op_desc *desc,
                     const fcl_solver *solver, fcl_solver_cache *cache, const char *description);
/* What is looked at before a solver's first use: every variant of the arguments with as many samples as is cheap, at least
 * min(batch, 2), then the whole batch, or one less where that was the first, each at sampled elements. The report is that of the
 * first check that failed, or of the one with the largest error. */
fcl_status fcl_check_solver(fcl_gate_report *out, fcl_device *device, const fcl_op_desc *desc,
                            const fcl_solver *solver);

#endif
