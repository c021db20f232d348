/* Operands made from fixed random numbers, for the gate and for measuring. */
#ifndef FCL_OPS_MADE_OPERANDS_H
#define FCL_OPS_MADE_OPERANDS_H

#include "ops/reference.h"
#include "ops/solver.h"

/* Floats behind each operand on the device that nobody may write. */
enum { FCL_GUARD_FLOATS = 64 };

typedef struct fcl_made_operands {
    int n_operands;
    fcl_operand list[FCL_N_ROLES]; /* counts are those of n samples */
    void *bytes[FCL_N_ROLES];      /* by role: values before the operation; outputs that are replaced hold NaN */
    fcl_host_operands host;        /* lends `bytes` */
    fcl_operands device;           /* workspace is NULL: it is the solver's */
} fcl_made_operands;

/* NaNs that no computation makes: what was not written, and what may not be read (workspace, and what lies
 * behind an input). They differ so that a NaN that is read and passed on shows where it may not be written.
 */
#define FCL_POISON_UNWRITTEN  0x7fc0deadu
#define FCL_POISON_UNREADABLE 0x7fc0f00du

/* Values for n samples on host and device. `args` decides which outputs are added to, and see
 * fcl_gate_args(). */
fcl_status fcl_made_operands_create(fcl_made_operands **out, fcl_device *device, const fcl_op_desc *desc, int n,
                                    const fcl_op_args *args);
/* For measuring: the whole batch, on the device alone, the same block of values over and over. Several operations share
 * them: each operand is as large as the largest one needs it. */
fcl_status fcl_made_operands_create_for_timing(fcl_made_operands **out, fcl_device *device, const fcl_op_desc *descs,
                                               size_t n_descs);
void fcl_made_operands_free(fcl_made_operands *made);

/* Fills the buffer with FCL_POISON_UNREADABLE. */
fcl_status fcl_buffer_poison(fcl_buffer *buffer);

#endif
