/*
 * An operation on a device: a descriptor with the solver that was chosen for it.
 *
 * The choice: a forced solver (fcl_choice), else one recorded for this run, else the one that tuning chose on this device
 * (tuning.h), else the likeliest for shape and device, or the fastest in a short measurement of the two or three likeliest
 * where none is clearly so (selection.h); a solver must pass the gate first, else the next is tried. Of a solver with variants
 * (solver.h) the default one is measured, the next when that cannot be used.
 * Verdicts and measurements are remembered in the cache folder (docs/formats.md: solvers), keyed by device,
 * driver, kernel source and descriptor. A solver that fails the gate is skipped with a warning that names it
 * and how wrong it was.
 */
#ifndef FCL_OPS_OPERATION_H
#define FCL_OPS_OPERATION_H

#include "ops/gate.h"

/* Which solvers to use. Owned by the caller of fcl_operation_create, lives as long as needed there only. */
typedef struct fcl_choice fcl_choice;
fcl_status fcl_choice_create(fcl_choice **out);
void fcl_choice_free(fcl_choice *choice);
/* "conv_forward=conv_direct" forces a solver for an operation kind. "conv=conv_direct", a prefix of kinds, does so for every
 * kind that starts with it and has a solver of that name, where the solver applies; elsewhere another one is chosen, and the
 * log says so. "conv=conv_tiled:32x32x8" asks for a variant, "conv=conv_tiled" for the default one. FCL_E_USAGE lists what
 * there is. */
fcl_status fcl_choice_force(fcl_choice *choice, const char *text);
/* Use this solver for exactly this description (from fcl_op_describe): how a run repeats its record. */
fcl_status fcl_choice_record(fcl_choice *choice, const char *description, const char *solver);

/* Whether the choice names a solver for this operation, forced or recorded. */
int fcl_choice_names(const fcl_choice *choice, const fcl_op_desc *desc);
/* What tuning chose is not looked at: the solvers are those of a device that nobody tuned. */
void fcl_choice_ignore_tuning(fcl_choice *choice);

typedef struct fcl_operation fcl_operation;
/* `choice` may be NULL. `measure` 0 takes the likeliest solver that passes the gate, whatever times are known. A forced
 * or recorded solver that does not apply is FCL_E_USAGE; FCL_E_WRONG_RESULT when it, or every solver there
 * is, fails the gate. */
fcl_status fcl_operation_create(fcl_operation **out, fcl_device *device, const fcl_op_desc *desc,
                                const fcl_choice *choice, int measure);
/* For operations that others can stand in for. How long the likeliest solver (solver.h) will take, in units that compare
 * operations on one device; INFINITY where none applies. Nothing is compiled for it. */
double fcl_likely_time(const fcl_op_desc *desc, const fcl_device *device);
/* The largest workspace of the solvers that are likely enough to be measured, or that of the one that the choice names: what the
 * operation is likely to need at most. Nothing is compiled for it. */
size_t fcl_likely_workspace_bytes(const fcl_op_desc *desc, const fcl_device *device, const fcl_choice *choice);
/* Whether there is a solver that applies: the one that the choice names, else any that suits the device. Nothing is compiled for
 * it. */
fcl_status fcl_operation_has_solver(int *out, const fcl_device *device, const fcl_op_desc *desc,
                                    const fcl_choice *choice);
/* Whether there is one that runs and is right as well; else a warning says what is wrong. What is found out is remembered;
 * `is_new` says whether anything was. */
fcl_status fcl_operation_is_possible(int *out, int *is_new, fcl_device *device, const fcl_op_desc *desc,
                                     const fcl_choice *choice, int measure);
/* The same with other solvers than those of fcl_solvers_of(): a list that ends with NULL. For tests of the
 * choice. */
fcl_status fcl_operation_create_from(fcl_operation **out, fcl_device *device, const fcl_op_desc *desc,
                                     const fcl_choice *choice, int measure, const fcl_solver *const *solvers);
void fcl_operation_free(fcl_operation *operation);
const fcl_op_desc *fcl_operation_desc(const fcl_operation *operation);
const fcl_solver *fcl_operation_solver(const fcl_operation *operation);
size_t fcl_operation_workspace_bytes(const fcl_operation *operation);
/* Whether choosing its solver told something that was not known of this device: something was checked, and probably compiled. */
int fcl_operation_is_new(const fcl_operation *operation);
/* Whether args->weights_unchanged saves time, so that a workspace of its own is worth its memory. */
int fcl_operation_keeps_weights(const fcl_operation *operation);
/* Enqueues. An error names the operation and its solver. */
fcl_status fcl_operation_run(fcl_operation *operation, int n, const fcl_operands *operands, const fcl_op_args *args);

#endif
