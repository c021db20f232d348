#include "ops/op.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *fcl_op_kind_name(fcl_op_kind kind) {
    static const char *const names[FCL_N_OP_KINDS] = {
        [FCL_CONV_FORWARD] = "conv_forward",
        [FCL_CONV_BACKWARD_DATA] = "conv_backward_data",
        [FCL_CONV_BACKWARD_WEIGHTS] = "conv_backward_weights",
        [FCL_DENSE_FORWARD] = "dense_forward",
        [FCL_DENSE_BACKWARD_DATA] = "dense_backward_data",
        [FCL_DENSE_BACKWARD_WEIGHTS] = "dense_backward_weights",
        [FCL_POOL_FORWARD] = "pool_forward",
        [FCL_POOL_BACKWARD] = "pool_backward",
        [FCL_ACTIVATION_FORWARD] = "activation_forward",
        [FCL_ACTIVATION_BACKWARD] = "activation_backward",
        [FCL_DROPOUT_FORWARD] = "dropout_forward",
        [FCL_DROPOUT_BACKWARD] = "dropout_backward",
        [FCL_ADD] = "add",
        [FCL_LOSS_MSE] = "loss_mse",
        [FCL_FINITE_CHECK] = "finite_check",
        [FCL_ADAM] = "adam",
    };
    assert((unsigned)kind < FCL_N_OP_KINDS);
    return names[kind];
}

const char *fcl_role_name(fcl_role role) {
    static const char *const names[FCL_N_ROLES] = {
        [FCL_X] = "x",       [FCL_X2] = "x2",         [FCL_W] = "w",       [FCL_B] = "b",
        [FCL_Y] = "y",       [FCL_DY] = "dy",         [FCL_DX] = "dx",     [FCL_DW] = "dw",
        [FCL_DB] = "db",     [FCL_TARGET] = "target", [FCL_MASK] = "mask", [FCL_STATS] = "stats",
        [FCL_FLAG] = "flag", [FCL_M] = "m",           [FCL_V] = "v",       [FCL_PLACE] = "place",
    };
    assert((unsigned)role < FCL_N_ROLES);
    return names[role];
}

size_t fcl_op_input_count(const fcl_op_desc *desc) {
    switch (desc->kind) {
    case FCL_CONV_FORWARD:
    case FCL_CONV_BACKWARD_DATA:
    case FCL_CONV_BACKWARD_WEIGHTS: return (size_t)desc->conv.in_h * (size_t)desc->conv.in_w * (size_t)desc->conv.in_c;
    case FCL_DENSE_FORWARD:
    case FCL_DENSE_BACKWARD_DATA:
    case FCL_DENSE_BACKWARD_WEIGHTS: return (size_t)desc->dense.in;
    case FCL_POOL_FORWARD:
    case FCL_POOL_BACKWARD: return (size_t)desc->pool.in_h * (size_t)desc->pool.in_w * (size_t)desc->pool.channels;
    default: return desc->flat.count;
    }
}

size_t fcl_op_output_count(const fcl_op_desc *desc) {
    switch (desc->kind) {
    case FCL_CONV_FORWARD:
    case FCL_CONV_BACKWARD_DATA:
    case FCL_CONV_BACKWARD_WEIGHTS: {
        const size_t pooled = desc->fused_pool ? 2 : 1;
        return (size_t)desc->conv.out_h / pooled * ((size_t)desc->conv.out_w / pooled) * (size_t)desc->conv.out_c;
    }
    case FCL_DENSE_FORWARD:
    case FCL_DENSE_BACKWARD_DATA:
    case FCL_DENSE_BACKWARD_WEIGHTS: return (size_t)desc->dense.out;
    case FCL_POOL_FORWARD:
    case FCL_POOL_BACKWARD: return (size_t)desc->pool.out_h * (size_t)desc->pool.out_w * (size_t)desc->pool.channels;
    default: return desc->flat.count;
    }
}

/* Weights and biases; zero where there are none. */
static size_t weight_count(const fcl_op_desc *desc) {
    switch (desc->kind) {
    case FCL_CONV_FORWARD:
    case FCL_CONV_BACKWARD_DATA:
    case FCL_CONV_BACKWARD_WEIGHTS:
        return (size_t)desc->conv.kernel_h * (size_t)desc->conv.kernel_w * (size_t)desc->conv.in_c *
               (size_t)desc->conv.out_c;
    case FCL_DENSE_FORWARD:
    case FCL_DENSE_BACKWARD_DATA:
    case FCL_DENSE_BACKWARD_WEIGHTS: return (size_t)desc->dense.in * (size_t)desc->dense.out;
    default: return 0;
    }
}

static size_t bias_count(const fcl_op_desc *desc) {
    return desc->kind <= FCL_CONV_BACKWARD_WEIGHTS ? (size_t)desc->conv.out_c : (size_t)desc->dense.out;
}

/* A byte for each element of Y, the last word filled up. */
static size_t words_of_places(const fcl_op_desc *desc, int n) {
    return ((size_t)n * fcl_op_output_count(desc) + sizeof(float) - 1) / sizeof(float);
}

int fcl_op_operands(fcl_operand out[FCL_N_ROLES], const fcl_op_desc *desc) {
    enum { IN = 1, OUT = 2, IN_PLACE = 3 };
    size_t batch = (size_t)desc->batch, x = batch * fcl_op_input_count(desc), y = batch * fcl_op_output_count(desc);
    size_t needs_x = desc->x_activation.kind != FCL_LINEAR ? x : 0;
    const size_t places = desc->fused_pool == FCL_POOL_2X2_PLACES ? words_of_places(desc, desc->batch) : 0;
    int n = 0;
#define OPERAND(operand_role, operand_count, how)                                                                      \
    out[n++] = (fcl_operand) {                                                                                         \
        .role = (operand_role), .count = (operand_count), .is_input = ((how)&IN) != 0, .is_output = ((how)&OUT) != 0   \
    }
    switch (desc->kind) {
    case FCL_CONV_FORWARD:
    case FCL_DENSE_FORWARD:
        OPERAND(FCL_X, x, IN);
        OPERAND(FCL_W, weight_count(desc), IN);
        OPERAND(FCL_B, bias_count(desc), IN);
        OPERAND(FCL_Y, y, OUT);
        if (places) OPERAND(FCL_PLACE, places, OUT);
        break;
    case FCL_CONV_BACKWARD_DATA:
    case FCL_DENSE_BACKWARD_DATA:
        OPERAND(FCL_DY, y, IN);
        if (places) OPERAND(FCL_PLACE, places, IN);
        OPERAND(FCL_W, weight_count(desc), IN);
        if (needs_x) OPERAND(FCL_X, x, IN);
        OPERAND(FCL_DX, x, OUT);
        break;
    case FCL_CONV_BACKWARD_WEIGHTS:
    case FCL_DENSE_BACKWARD_WEIGHTS:
        OPERAND(FCL_X, x, IN);
        OPERAND(FCL_DY, y, IN);
        if (places) OPERAND(FCL_PLACE, places, IN);
        OPERAND(FCL_DW, weight_count(desc), OUT);
        OPERAND(FCL_DB, bias_count(desc), OUT);
        break;
    case FCL_POOL_FORWARD:
    case FCL_ACTIVATION_FORWARD:
    case FCL_DROPOUT_FORWARD:
        OPERAND(FCL_X, x, IN);
        OPERAND(FCL_Y, y, OUT);
        break;
    case FCL_POOL_BACKWARD:
        /* A maximum is looked for in X again; an average needs X for the derivative alone. */
        if (needs_x || desc->pool.kind == FCL_MAX_POOL) OPERAND(FCL_X, x, IN);
        OPERAND(FCL_DY, y, IN);
        OPERAND(FCL_DX, x, OUT);
        break;
    case FCL_ACTIVATION_BACKWARD:
    case FCL_DROPOUT_BACKWARD:
        if (needs_x) OPERAND(FCL_X, x, IN);
        OPERAND(FCL_DY, y, IN);
        OPERAND(FCL_DX, x, OUT);
        break;
    case FCL_ADD:
        OPERAND(FCL_X, x, IN);
        OPERAND(FCL_X2, x, IN);
        OPERAND(FCL_Y, y, OUT);
        break;
    case FCL_LOSS_MSE:
        OPERAND(FCL_X, x, IN);
        OPERAND(FCL_TARGET, x, IN);
        OPERAND(FCL_MASK, x, IN);
        OPERAND(FCL_DX, x, OUT);
        OPERAND(FCL_STATS, 2 * FCL_STATS_SLOTS, IN_PLACE);
        break;
    case FCL_FINITE_CHECK:
        OPERAND(FCL_X, x, IN);
        OPERAND(FCL_STATS, 2 * FCL_STATS_SLOTS, IN);
        OPERAND(FCL_FLAG, FCL_FLAG_WORDS, IN_PLACE);
        break;
    case FCL_ADAM:
        OPERAND(FCL_W, x, IN_PLACE);
        OPERAND(FCL_DW, x, IN);
        OPERAND(FCL_M, x, IN_PLACE);
        OPERAND(FCL_V, x, IN_PLACE);
        OPERAND(FCL_FLAG, FCL_FLAG_WORDS, IN);
        break;
    case FCL_N_OP_KINDS: assert(0);
    }
#undef OPERAND
    return n;
}

int fcl_op_accumulates(const fcl_op_desc *desc, fcl_role role) {
    if (desc->kind == FCL_LOSS_MSE) return role == FCL_STATS;
    if (desc->kind == FCL_ADAM) return 0;
    return role == FCL_DX || role == FCL_DW || role == FCL_DB;
}

int fcl_role_is_per_sample(fcl_role role) {
    switch (role) {
    case FCL_X:
    case FCL_X2:
    case FCL_Y:
    case FCL_DY:
    case FCL_DX:
    case FCL_TARGET:
    case FCL_MASK:
    case FCL_PLACE: return 1;
    default: return 0;
    }
}

size_t fcl_operand_count(const fcl_operand *operand, const fcl_op_desc *desc, int n) {
    if (operand->role == FCL_PLACE) return words_of_places(desc, n);
    return fcl_role_is_per_sample(operand->role) ? operand->count / (size_t)desc->batch * (size_t)n : operand->count;
}

double fcl_op_flop(const fcl_op_desc *desc, int n) {
    /* Per element: comparison and so on counted as one each. */
    enum { LOSS_FLOP = 7, ADAM_FLOP = 12 };
    double in = (double)fcl_op_input_count(desc), out = (double)fcl_op_output_count(desc);
    switch (desc->kind) {
    case FCL_CONV_FORWARD:
    case FCL_CONV_BACKWARD_DATA:
    case FCL_CONV_BACKWARD_WEIGHTS:
        return 2.0 * n * out * (desc->fused_pool ? 4.0 : 1.0) * desc->conv.kernel_h * desc->conv.kernel_w *
               desc->conv.in_c;
    case FCL_DENSE_FORWARD:
    case FCL_DENSE_BACKWARD_DATA:
    case FCL_DENSE_BACKWARD_WEIGHTS: return 2.0 * n * in * out;
    case FCL_POOL_FORWARD:
    case FCL_POOL_BACKWARD: return 1.0 * n * out * desc->pool.window_h * desc->pool.window_w;
    case FCL_LOSS_MSE: return 1.0 * n * in * LOSS_FLOP;
    case FCL_ADAM: return in * ADAM_FLOP;
    default: return 1.0 * n * in;
    }
}

static int writes(const fcl_op_desc *desc, fcl_role role) {
    fcl_operand operands[FCL_N_ROLES];
    int n = fcl_op_operands(operands, desc);
    for (int i = 0; i < n; i++)
        if (operands[i].role == role) return operands[i].is_output;
    return 0;
}

/* Appends to a description; what does not fit is a programming error. */
typedef struct text_line {
    char *text;
    size_t length, capacity;
} text_line;

static void append(text_line *line, const char *format, ...) FCL_PRINTF(2, 3);
static void append(text_line *line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(line->text + line->length, line->capacity - line->length, format, arguments);
    va_end(arguments);
    assert(n >= 0 && (size_t)n < line->capacity - line->length);
    line->length += (size_t)n;
}

static void append_activation(text_line *line, const char *key, fcl_activation activation) {
    static const char *const names[] = {"linear", "relu", "leaky_relu", "elu"};
    append(line, " %s=%s", key, names[activation.kind]);
    /* Nine digits tell any two floats apart. */
    if (activation.kind == FCL_LEAKY_RELU || activation.kind == FCL_ELU) append(line, ":%.9g", activation.alpha);
}

void fcl_op_describe(char out[256], const fcl_op_desc *desc) {
    text_line line = {out, 0, 256};
    append(&line, "%s", fcl_op_kind_name(desc->kind));
    if (desc->kind <= FCL_CONV_BACKWARD_WEIGHTS) {
        const fcl_conv_shape *conv = &desc->conv;
        append(&line, " in=%dx%dx%d out=%dx%dx%d kernel=%dx%d stride=%dx%d pad=%d,%d", conv->in_h, conv->in_w,
               conv->in_c, conv->out_h, conv->out_w, conv->out_c, conv->kernel_h, conv->kernel_w, conv->stride_h,
               conv->stride_w, conv->pad_top, conv->pad_left);
        if (desc->fused_pool) append(&line, " pool=2x2%s", desc->fused_pool == FCL_POOL_2X2_PLACES ? ",places" : "");
    } else if (desc->kind <= FCL_DENSE_BACKWARD_WEIGHTS) {
        append(&line, " in=%d out=%d", desc->dense.in, desc->dense.out);
    } else if (desc->kind <= FCL_POOL_BACKWARD) {
        const fcl_pool_shape *pool = &desc->pool;
        append(&line, " %s in=%dx%dx%d out=%dx%d window=%dx%d stride=%dx%d pad=%d,%d",
               pool->kind == FCL_MAX_POOL ? "max" : "average", pool->in_h, pool->in_w, pool->channels, pool->out_h,
               pool->out_w, pool->window_h, pool->window_w, pool->stride_h, pool->stride_w, pool->pad_top,
               pool->pad_left);
    } else {
        append(&line, " count=%zu", desc->flat.count);
    }
    if (desc->kind == FCL_DROPOUT_FORWARD || desc->kind == FCL_DROPOUT_BACKWARD)
        append(&line, " rate=%.9g", desc->rate);
    if (writes(desc, FCL_Y)) append_activation(&line, "activation", desc->activation);
    if (writes(desc, FCL_DX)) append_activation(&line, "x_activation", desc->x_activation);
    append(&line, "%s batch=%d", desc->weights_stay ? " weights=stay" : "", desc->batch);
}
