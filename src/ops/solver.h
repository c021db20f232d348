/*
 * Solvers: ways to compute an operation on a device. A new one is a file in src/ops/, its kernels in cl/, and
 * a row in solvers.c. A solver is used only after the gate (gate.h) held it against the reference.
 *
 * A solver with parameters has several variants. Each is a solver of its own to everything here, named
 * "SOLVER:PARAMETERS" ("conv_tiled:64x64x16"); they follow each other in the table, the default one first. One that is not
 * legal on a device does not apply there.
 */
#ifndef FCL_OPS_SOLVER_H
#define FCL_OPS_SOLVER_H

#include "device/kernel.h"
#include "device/queue.h"
#include "ops/op.h"

/* What a solver prepared for one descriptor on one device: kernels, sizes. Each solver has its own. */
typedef struct fcl_plan fcl_plan;

typedef struct fcl_operands {
    fcl_buffer *buffer[FCL_N_ROLES]; /* by role; those the operation does not have are NULL */
    fcl_buffer *workspace;           /* at least workspace_bytes; contents undefined; NULL when that is 0 */
} fcl_operands;

typedef struct fcl_solver {
    /* Lower case with underscores, a variant's parameters behind a colon; unique among the solvers of a kind; part of
     * files and options. */
    const char *name;
    fcl_op_kind kind;
    /* The files of cl/ that it compiles, separated by spaces (common.h and other includes are found through
     * them): part of what verdicts and measurements in the solver cache are keyed by. NULL when it has no
     * kernels of its own. */
    const char *files;
    /* Solvers of a higher tier are looked at only when none of a lower one is right: what is hardly ever the fastest
     * where another applies costs no compilation and no measurement. */
    int tier;
    /* On a CPU it is used only when it is asked for by name: work-groups that share local memory, which a CPU emulates. */
    int not_on_cpu;
    /* Whether it computes convolutions with pooling fused into them (op.h). */
    int fuses_pool;
    /* How large an error is acceptable: the bound on |device - reference| of an element is
     * error_factor * FLT_EPSILON * magnitude (+ the smallest normal float). docs/kernels.md justifies each
     * value. */
    double error_factor;
    /* Whether it can compute this shape on this device; asks facts, never vendors. Asked through fcl_solver_applies(). */
    int (*applies)(const fcl_op_desc *desc, const fcl_device *device);
    size_t (*workspace_bytes)(const fcl_op_desc *desc, const fcl_device *device); /* NULL means 0 */
    fcl_status (*prepare)(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device);
    /* Enqueues; 1 <= n <= desc->batch samples. */
    fcl_status (*run)(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args);
    void (*dispose)(fcl_plan *plan); /* releases the plan; NULL is legal */
} fcl_solver;

/* All solvers of a kind in the order in which they are tried on this device when nothing was measured; ends
 * with NULL. */
const fcl_solver *const *fcl_solvers_of(fcl_op_kind kind);
/* NULL when there is none of that name. A name without parameters is that of the default variant too. */
const fcl_solver *fcl_solver_find(fcl_op_kind kind, const char *name);
/* Whether both are variants of one solver. */
int fcl_solver_is_variant_of(const fcl_solver *a, const fcl_solver *b);
/* Whether it can compute this on this device: what `applies` says, and that of a fused pooling. */
int fcl_solver_applies(const fcl_solver *solver, const fcl_op_desc *desc, const fcl_device *device);
/* Whether it may be considered for this device without being asked for. */
int fcl_solver_suits(const fcl_solver *solver, const fcl_device *device);

#endif
