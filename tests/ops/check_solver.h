/* Checks of solvers on a device. */
#ifndef FCL_TEST_CHECK_SOLVER_H
#define FCL_TEST_CHECK_SOLVER_H

#include "device/fixture.h"
#include "ops/gate.h"

/* Every element of every output in every variant of the gate's arguments, at n samples. */
void check_solver(const fcl_solver *solver, const fcl_op_desc *desc, int n);
/* The solvers that apply, one after the other, the first of NULL; NULL after the last. Of each the first variant that the
 * device can run stands for all. */
const fcl_solver *const *next_solver(const fcl_solver *const *after, const fcl_op_desc *desc);
/* Each of them (there must be one), at the whole batch, at one sample, and at a partial batch. */
void check_solvers(const fcl_op_desc *desc);
/* The same for every variant of a solver. */
void check_variants(const fcl_op_desc *desc, const char *name);

/* Runs a solver once on given operands: `in` by role before (those of outputs may be NULL unless changed in
 * place), `out` by role after, where not NULL. */
void run_solver(const fcl_solver *solver, const fcl_op_desc *desc, int n, const fcl_op_args *args,
                const void *const in[FCL_N_ROLES], void *const out[FCL_N_ROLES]);

#endif
