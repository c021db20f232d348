/*
 * Operations: what a network is made of, described by value. A descriptor says what is computed; solvers
 * (solver.h) say how; the reference (reference.h) says what is right.
 *
 * Layout is NHWC: activations (batch, h, w, c), convolution weights (kh, kw, in_c, out_c), dense weights (in,
 * out). Everything is float32 on the device.
 *
 * Gradients: DY always is the gradient with respect to what the operation computes before its own fused
 * activation. Whoever writes a DX multiplies it by the derivative of the activation that made x
 * (`x_activation`), so no activation needs a pass of its own, forward or backward.
 */
#ifndef FCL_OPS_OP_H
#define FCL_OPS_OP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef enum fcl_activation_kind { FCL_LINEAR, FCL_RELU, FCL_LEAKY_RELU, FCL_ELU } fcl_activation_kind;
/* alpha: slope below zero of leaky ReLU (> 0), scale of ELU. All of them pass NaN on. The derivative is
 * computed from the output: ReLU y > 0, leaky ReLU y > 0 ? 1 : alpha, ELU y > 0 ? 1 : y + alpha. */
typedef struct fcl_activation {
    fcl_activation_kind kind;
    float alpha;
} fcl_activation;

typedef enum fcl_op_kind {
    FCL_CONV_FORWARD,           /* X W B -> Y [PLACE] */
    FCL_CONV_BACKWARD_DATA,     /* DY [PLACE] W [X] -> DX */
    FCL_CONV_BACKWARD_WEIGHTS,  /* X DY [PLACE] -> DW DB */
    FCL_DENSE_FORWARD,          /* X W B -> Y */
    FCL_DENSE_BACKWARD_DATA,    /* DY W [X] -> DX */
    FCL_DENSE_BACKWARD_WEIGHTS, /* X DY -> DW DB */
    FCL_POOL_FORWARD,           /* X -> Y */
    FCL_POOL_BACKWARD,          /* X DY -> DX */
    FCL_ACTIVATION_FORWARD,     /* X -> Y */
    FCL_ACTIVATION_BACKWARD,    /* X DY -> DX with DX = DY * derivative(x_activation at X) */
    FCL_DROPOUT_FORWARD,        /* X -> Y */
    FCL_DROPOUT_BACKWARD,       /* [X] DY -> DX */
    FCL_ADD,                    /* X X2 -> Y = activation(X + X2) */
    FCL_LOSS_MSE,               /* X TARGET MASK -> DX STATS */
    FCL_FINITE_CHECK,           /* X STATS FLAG -> FLAG */
    FCL_ADAM,                   /* W DW M V FLAG -> W M V */
    FCL_N_OP_KINDS
} fcl_op_kind;

/* Operands by role. Which of them an operation has, and how many elements, fcl_op_operands() says. */
typedef enum fcl_role {
    FCL_X,
    FCL_X2,
    FCL_W,
    FCL_B,
    FCL_Y,
    FCL_DY,
    FCL_DX,
    FCL_DW,
    FCL_DB,
    FCL_TARGET,
    FCL_MASK,
    FCL_STATS,
    FCL_FLAG,
    FCL_M,
    FCL_V,
    FCL_PLACE, /* see fcl_fused_pool */
    FCL_N_ROLES
} fcl_role;

typedef struct fcl_conv_shape {
    int in_h, in_w, in_c;
    int out_h, out_w, out_c;
    int kernel_h, kernel_w;
    int stride_h, stride_w;
    int pad_top, pad_left; /* zero rows/columns before the first; those after follow from the output size */
} fcl_conv_shape;

/* Max-pooling 2x2 with stride 2 and without padding behind a convolution, as part of its operations: Y and DY then are
 * (batch, out_h / 2, out_w / 2, out_c), rounded down, of the convolution's own output; the row or column that is left over is
 * not computed and has no gradient. PLACE says which of an element's four pixels (0..3, in row order) is the maximum, the
 * first if several are, a NaN before all: a byte for each element of Y, four to a 4-byte element of the operand. Forward
 * writes it, backward reads it. */
typedef enum fcl_fused_pool {
    FCL_POOL_NONE,
    FCL_POOL_2X2, /* without PLACE, for inference: forward alone */
    FCL_POOL_2X2_PLACES
} fcl_fused_pool;

typedef struct fcl_dense_shape {
    int in, out;
} fcl_dense_shape;

typedef enum fcl_pool_kind { FCL_MAX_POOL, FCL_AVERAGE_POOL } fcl_pool_kind;
/* Padding never wins a maximum and is not counted in an average (as Keras). The gradient of a maximum goes to
 * the first element, in row order, that equals it (a NaN counts as the maximum). */
typedef struct fcl_pool_shape {
    fcl_pool_kind kind;
    int in_h, in_w, channels;
    int out_h, out_w;
    int window_h, window_w;
    int stride_h, stride_w;
    int pad_top, pad_left;
} fcl_pool_shape;

/* Element-wise operations: `count` elements a sample (FCL_FINITE_CHECK and FCL_ADAM: in all). */
typedef struct fcl_flat_shape {
    size_t count;
} fcl_flat_shape;

typedef struct fcl_op_desc {
    fcl_op_kind kind;
    int batch;                   /* the largest batch it will run with; 1 for FCL_FINITE_CHECK and FCL_ADAM */
    fcl_activation activation;   /* forward: fused behind the result */
    fcl_activation x_activation; /* backward: what made x; operand X is needed unless it is FCL_LINEAR */
    fcl_fused_pool fused_pool;   /* convolution: pooling as part of it, behind the activation */
    int weights_stay; /* conv forward: W is the same in most runs, so that what a solver makes of it is kept */
    float rate;       /* dropout: share of elements set to zero, 0 <= rate < 1 */
    union {
        fcl_conv_shape conv;
        fcl_dense_shape dense;
        fcl_pool_shape pool;
        fcl_flat_shape flat;
    };
} fcl_op_desc;

/* What changes from run to run. Unused members are ignored. */
typedef struct fcl_op_args {
    /* dropout: element i of sample s keeps its value times 1/(1-rate) when
     * fcl_random_unit(word e%4 of fcl_random_block(seed, purpose, step, e/4)) >= rate,
     * e = (first_sample+s)*count + i */
    uint64_t seed;
    uint32_t purpose;
    uint32_t step;         /* dropout: counter; finite check: recorded in FLAG, must be > 0 */
    uint32_t first_sample; /* of this part in the whole batch */
    /* loss: 1 / number of labelled coordinates of the whole batch, 0 when there is none */
    float inverse_count;
    /* W holds what it held when this operation last ran, with the same workspace, which nobody wrote to since: what a
     * solver with `keeps_weights` made of W is still there. */
    int weights_unchanged;
    uint32_t slot; /* loss: which pair of STATS it writes; finite check: which it reads */
    /* Add to DW, DB and DX, and of the loss to STATS but not its DX, instead of replacing:
     * fcl_op_accumulates(). */
    int accumulate;
    /* Adam (Kingma and Ba 2015, algorithm 1, as PyTorch computes it):
     *   m = beta1 m + (1-beta1) g; v = beta2 v + (1-beta2) g^2;
     *   w -= step_size * m / (sqrt(v) * inverse_sqrt_correction + epsilon)
     * step_size = lr / (1-beta1^t), inverse_sqrt_correction = 1 / sqrt(1-beta2^t), both from the betas as
     * rounded to float: then the weights of past gradients add up to 1; with 1 - 0.999 in double they would
     * miss it by 1e-5. Nothing changes when FLAG[0] != 0. */
    float beta1, beta2, epsilon, step_size, inverse_sqrt_correction;
} fcl_op_args;

/* STATS: pairs of floats, one pair a slot: sum over labelled coordinates of the squared difference times
 * inverse_count (the masked MSE), and of the absolute difference times inverse_count (the masked MAE).
 * FCL_STATS_SLOTS pairs.
 *
 * FLAG: two int32, zero at first. FLAG[0]: `step` of the first finite check that failed, else 0: once set it
 * stays, and every later Adam leaves its operands alone. FLAG[1]: 1 when the loss was not finite, 2 when a
 * gradient was, 3 both. */
enum { FCL_STATS_SLOTS = 64, FCL_FLAG_WORDS = 2 };

typedef struct fcl_operand {
    fcl_role role;
    size_t count; /* elements of 4 bytes at the full batch */
    int is_input;
    int is_output; /* both for operands changed in place */
} fcl_operand;

/* The operands of an operation, at most FCL_N_ROLES; returns their number. */
int fcl_op_operands(fcl_operand out[FCL_N_ROLES], const fcl_op_desc *desc);
/* Elements of X (and DX) and of Y (and DY) of one sample; PLACE has as many bytes as Y elements. */
size_t fcl_op_input_count(const fcl_op_desc *desc);
size_t fcl_op_output_count(const fcl_op_desc *desc);
/* Whether `accumulate` makes the operation add to this output: DX of whatever writes one but the loss, DW,
 * DB, STATS. Their old values are then an input too. */
int fcl_op_accumulates(const fcl_op_desc *desc, fcl_role role);
/* Floating point operations of one run at batch n, a multiplication and an addition counted as two. */
double fcl_op_flop(const fcl_op_desc *desc, int n);
/* "conv_forward" etc.; and a line that describes kind, shape and batch, as errors and the solver file use it:
 * "conv_forward in=96x96x32 out=96x96x64 kernel=3x3 stride=1x1 pad=1,1 activation=relu batch=32". */
const char *fcl_op_kind_name(fcl_op_kind kind);
const char *fcl_role_name(fcl_role role);
void fcl_op_describe(char out[256], const fcl_op_desc *desc);

#endif
