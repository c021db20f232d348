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

/* The least that a device has to do: floating point operations (a multiplication with an addition is two), and bytes that
 * are read or written once. */
typedef struct fcl_work {
    double flop, bytes;
} fcl_work;

typedef struct fcl_solver {
    /* Lower case with underscores, a variant's parameters behind a colon; unique among the solvers of a kind; part of
     * files and options. */
    const char *name;
    fcl_op_kind kind;
    /* The files of cl/ that it compiles, separated by spaces (common.h and other includes are found through
     * them): part of what verdicts and measurements in the solver cache are keyed by. NULL when it has no
     * kernels of its own. */
    const char *files;
    /* How fast it is likely to be, with 1 for a kernel that is made for the kind of device and does every multiplication; NULL
     * means 1. Without tuning only the likeliest are compiled and measured (selection.h), so it need not be exact. Asks
     * facts of shape and device, and is called only where the solver applies. docs/kernels.md has the values. */
    double (*likely_speed)(const fcl_op_desc *desc, const fcl_device *device);
    /* On a CPU it is used only when it is asked for by name: work-groups that share local memory, which a CPU emulates. */
    int not_on_cpu;
    /* Whether it computes convolutions with pooling fused into them (op.h). */
    int fuses_pool;
    /* Whether results that are equal by definition may differ where their terms can be added without rounding: what it adds is
     * something else than the operation's own products. */
    int rounds_ties;
    /* What it makes of W alone it writes into the workspace first, and leaves it there: with args->weights_unchanged it
     * does not make it again. */
    int keeps_weights;
    /* How large an error is acceptable: the bound on |device - reference| of an element is
     * error_factor * FLT_EPSILON * magnitude (+ the smallest normal float). docs/kernels.md justifies each
     * value. */
    double error_factor;
    /* What `applies` asks for, in words that follow "it is for"; NULL when that is only a size. */
    const char *scope;
    /* Whether it can compute this shape on this device; asks facts, never vendors. Asked through fcl_solver_applies(). */
    int (*applies)(const fcl_op_desc *desc, const fcl_device *device);
    size_t (*workspace_bytes)(const fcl_op_desc *desc, const fcl_device *device); /* NULL means 0 */
    fcl_status (*prepare)(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device);
    /* What a run of the whole batch computes and moves, where it differs from the operation's own (fcl_solver_work). */
    fcl_work (*work)(const fcl_op_desc *desc, const fcl_device *device);
    /* Enqueues; 1 <= n <= desc->batch samples. */
    fcl_status (*run)(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args);
    void (*dispose)(fcl_plan *plan); /* releases the plan; NULL is legal */
} fcl_solver;

/* All solvers of a kind; of those that are as likely to be fast (likely_speed) the first is tried first. Ends with NULL. */
const fcl_solver *const *fcl_solvers_of(fcl_op_kind kind);
/* NULL when there is none of that name. A name without parameters is that of the default variant too. */
const fcl_solver *fcl_solver_find(fcl_op_kind kind, const char *name);
/* Whether both are variants of one solver. */
int fcl_solver_is_variant_of(const fcl_solver *a, const fcl_solver *b);
/* Whether it can compute this on this device: what `applies` says, and that of a fused pooling. */
int fcl_solver_applies(const fcl_solver *solver, const fcl_op_desc *desc, const fcl_device *device);
/* Of a run of the whole batch: what the solver says, else the operation's floating point operations and its operands. */
fcl_work fcl_solver_work(const fcl_solver *solver, const fcl_op_desc *desc, const fcl_device *device);
fcl_work fcl_op_work(const fcl_op_desc *desc);
/* Whether it may be considered for this device without being asked for. */
int fcl_solver_suits(const fcl_solver *solver, const fcl_device *device);

#endif
