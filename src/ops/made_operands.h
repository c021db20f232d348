/* Operands made from fixed random numbers, for the gate and for measuring. */
#ifndef FCL_OPS_MADE_OPERANDS_H
#define FCL_OPS_MADE_OPERANDS_H

#include "ops/reference.h"
#include "ops/solver.h"

/* Floats behind each operand on the device that nobody may write. */
enum { FCL_GUARD_FLOATS = 64 };

/* What is planted in a finite check, by args->seed. */
typedef enum fcl_planted {
    FCL_PLANTED_NOTHING,
    FCL_PLANTED_IN_X,     /* an infinity at its end */
    FCL_PLANTED_IN_STATS, /* a NaN */
    FCL_PLANTED_IN_BOTH,  /* a NaN in the middle of X, an infinity in the first of the two STATS */
    FCL_PLANTED_BEFORE,   /* a NaN at the beginning of X, and FLAG is set already */
    FCL_N_PLANTED
} fcl_planted;

typedef struct fcl_made_operands {
    int n_operands;
    fcl_operand list[FCL_N_ROLES]; /* counts are those of n samples */
    void *bytes[FCL_N_ROLES];      /* by role: values before the operation; outputs that are replaced hold NaN */
    fcl_host_operands host;        /* lends `bytes` */
    fcl_operands device;           /* workspace is NULL: it is the solver's */
} fcl_made_operands;

/* Whether pixels of a cell that are equal are so in this output channel of a forward convolution with places, for which X are
 * multiples of 1/4: the second of each four channels has weights that are multiples of 1/2 and a bias that is one of 1/8, so
 * that some pixels tie and sums of products as they are have no rounding; the third has no weights but zeros, so that all
 * tie, whatever computes them. */
typedef enum fcl_ties { FCL_TIES_NONE, FCL_TIES_OF_EXACT_SUMS, FCL_TIES_OF_ALL } fcl_ties;
fcl_ties fcl_made_ties(const fcl_op_desc *desc, size_t channel);

/* NaNs that no computation makes: what was not written, and what may not be read (workspace, and what lies
 * behind an input). They differ so that a NaN that is read and passed on shows where it may not be written.
 */
#define FCL_POISON_UNWRITTEN  0x7fc0deadu
#define FCL_POISON_UNREADABLE 0x7fc0f00du

/* Values for n samples on host and device. `args` decides which outputs are added to, what is planted in a finite check, and
 * whether Adam finds FLAG set (an odd seed). Where an operation passes NaN on element by element, some elements are NaN, and
 * all of X where a loss has no labels. Pixels tie where places are wanted (fcl_made_ties). Adam has gaps of zeros, as between the tensors of an arena, and values that are as
 * small as epsilon. */
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
