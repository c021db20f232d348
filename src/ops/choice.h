/* What a choice of solvers holds, for operation.c. */
#ifndef FCL_OPS_CHOICE_H
#define FCL_OPS_CHOICE_H

#include "ops/operation.h"

/* The solver that `choice` asks for, forced before recorded; *solver is NULL when it asks for none. *is_wish: another one
 * may be taken where it does not apply.
 * FCL_E_USAGE when a recorded solver does not exist (any more), with the list of those that do. `choice` may
 * be NULL. */
fcl_status fcl_choice_find(const fcl_solver **solver, int *is_wish, const fcl_choice *choice, const fcl_op_desc *desc,
                           const char *description);

int fcl_choice_ignores_tuning(const fcl_choice *choice);

#endif
