/* Convolution and dense layers as products of matrices (im2col): cl/conv_gemm.cl and CLBlast. Where each
 * pixel of y reads one pixel of x, as in a dense layer, x is the matrix already and nothing is copied. */
#include "ops/conv_shape.h"
#include "ops/gemm.h"
#include "ops/solvers.h"

#include "base/memory.h"

enum {
    MAX_COLUMNS_BYTES = 64 << 20, /* as many samples at a time as fit */
    BIAS_PARTS = 64,
    /* CLBlast adds up whole rows of the columns' transpose, some 1e5 terms for a weight's gradient, in one
     * sum: rounding grows with their root. docs/kernels.md. */
    WEIGHTS_ERROR_FACTOR = 512,
};

struct fcl_plan {
    fcl_device *device;
    fcl_conv_shape conv;
    fcl_kernel *columns, *finish, *sum_parts;
    size_t pixels, row, group; /* of y in a sample; floats of a row of columns; samples at a time */
    int is_direct;             /* x is the matrix */
};

/* What is at which float of the workspace. */
static size_t pixels_of(const fcl_conv_shape *c) {
    return (size_t)c->out_h * (size_t)c->out_w;
}

static size_t row_of(const fcl_conv_shape *c) {
    return (size_t)c->kernel_h * (size_t)c->kernel_w * (size_t)c->in_c;
}

static int is_direct(const fcl_conv_shape *c) {
    return c->kernel_h == 1 && c->kernel_w == 1 && c->stride_h == 1 && c->stride_w == 1 && c->pad_top == 0 &&
           c->pad_left == 0 && c->in_h == c->out_h && c->in_w == c->out_w;
}

static size_t group_of(const fcl_op_desc *desc, const fcl_conv_shape *c) {
    size_t fit = MAX_COLUMNS_BYTES / (pixels_of(c) * row_of(c) * sizeof(float)), batch = (size_t)desc->batch;
    return fit < 1 ? 1 : fit > batch ? batch : fit;
}

static int is_forward(fcl_op_kind kind) {
    return kind == FCL_CONV_FORWARD || kind == FCL_DENSE_FORWARD;
}

static int is_weights(fcl_op_kind kind) {
    return kind == FCL_CONV_BACKWARD_WEIGHTS || kind == FCL_DENSE_BACKWARD_WEIGHTS;
}

/* The gradient's columns are always there: what follows them must see them before they are added. */
static int has_columns(const fcl_op_desc *desc, const fcl_conv_shape *c) {
    return !is_direct(c) || !(is_forward(desc->kind) || is_weights(desc->kind));
}

static size_t columns_floats(const fcl_op_desc *desc, const fcl_conv_shape *c) {
    return has_columns(desc, c) ? group_of(desc, c) * pixels_of(c) * row_of(c) : 0;
}

/* The parts of the bias' gradient and the columns are not needed at the same time. */
static size_t workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    (void)device;
    fcl_conv_shape c = fcl_conv_of(desc);
    size_t columns = columns_floats(desc, &c),
           parts = is_weights(desc->kind) ? (size_t)BIAS_PARTS * (size_t)c.out_c : 0;
    return (columns > parts ? columns : parts) * sizeof(float);
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    (void)device;
    fcl_conv_shape c = fcl_conv_of(desc);
    return fcl_conv_fits_int(desc) && pixels_of(&c) * row_of(&c) <= FCL_MAX_ELEMENTS;
}

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->columns);
    fcl_kernel_free(plan->finish);
    fcl_kernel_free(plan->sum_parts);
    free(plan);
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    fcl_conv_shape c = fcl_conv_of(desc);
    const char *finish = "conv_gemm_bias_parts";
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->device = device;
    plan->conv = c;
    plan->pixels = pixels_of(&c);
    plan->row = row_of(&c);
    plan->is_direct = is_direct(&c);
    plan->group = has_columns(desc, &c) ? group_of(desc, &c) : (size_t)desc->batch;
    fcl_options_conv(&options, &c);
    if (is_forward(desc->kind)) {
        finish = "conv_gemm_bias";
        fcl_options_activation(&options, "ACTIVATION", desc->activation);
    } else if (!is_weights(desc->kind)) {
        finish = "conv_gemm_gather";
        fcl_options_activation(&options, "X_ACTIVATION", desc->x_activation);
    }
    FCL_TRY(fcl_text_status(&options));
    FCL_TRY(fcl_kernel_create(&plan->columns, device, "conv_gemm.cl", "conv_gemm_columns", fcl_text_get(&options)));
    FCL_TRY(fcl_kernel_create(&plan->finish, device, "conv_gemm.cl", finish, fcl_text_get(&options)));
    if (is_weights(desc->kind)) {
        fcl_conv_shape biases = c;
        biases.in_c = 0;
        FCL_TRY(fcl_sum_parts_create(&plan->sum_parts, &biases, device));
    }
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    dispose(plan);
    return status;
}

static size_t samples_of(const fcl_plan *plan, size_t first, int n) {
    return (size_t)n - first < plan->group ? (size_t)n - first : plan->group;
}

/* The matrix of `samples` samples' pixels: x, or its columns, which are made first. */
static fcl_status read_columns(fcl_matrix *out, fcl_plan *plan, size_t first, size_t samples,
                               const fcl_operands *operands) {
    if (plan->is_direct) {
        *out = (fcl_matrix){operands->buffer[FCL_X], first * plan->pixels * plan->row, plan->row, 0};
        return FCL_OK;
    }
    fcl_range range = fcl_kernel_range(plan->columns, samples * plan->pixels * plan->row);
    *out = (fcl_matrix){operands->workspace, 0, plan->row, 0};
    return FCL_LAUNCH(plan->columns, &range, fcl_arg_int((int)samples), fcl_arg_int((int)first),
                      fcl_arg_buffer(operands->buffer[FCL_X]), fcl_arg_buffer(operands->workspace));
}

/* (pixels of the samples from `first` on, OUT_C) */
static fcl_matrix out_matrix(const fcl_plan *plan, const fcl_buffer *buffer, size_t first) {
    size_t channels = (size_t)plan->conv.out_c;
    return (fcl_matrix){buffer, first * plan->pixels * channels, channels, 0};
}

static fcl_matrix weights_matrix(const fcl_plan *plan, const fcl_buffer *buffer, int transposed) {
    return (fcl_matrix){buffer, 0, (size_t)plan->conv.out_c, transposed};
}

static fcl_status run_forward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    fcl_status status;
    size_t channels = (size_t)plan->conv.out_c;
    for (size_t first = 0; first < (size_t)n; first += plan->group) {
        size_t samples = samples_of(plan, first, n);
        fcl_matrix columns;
        FCL_TRY(read_columns(&columns, plan, first, samples, operands));
        FCL_TRY(fcl_gemm(plan->device, samples * plan->pixels, channels, plan->row, columns,
                         weights_matrix(plan, operands->buffer[FCL_W], 0),
                         out_matrix(plan, operands->buffer[FCL_Y], first), 0));
    }
    fcl_range range = fcl_kernel_range(plan->finish, (size_t)n * plan->pixels * channels);
    FCL_TRY(FCL_LAUNCH(plan->finish, &range, fcl_arg_int(n), fcl_arg_buffer(operands->buffer[FCL_B]),
                       fcl_arg_buffer(operands->buffer[FCL_Y])));
done:
    return status;
}

static fcl_status run_data(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_status status;
    const fcl_conv_shape *c = &plan->conv;
    for (size_t first = 0; first < (size_t)n; first += plan->group) {
        size_t samples = samples_of(plan, first, n);
        fcl_range range = fcl_kernel_range(plan->finish, samples * (size_t)c->in_h * (size_t)c->in_w * (size_t)c->in_c);
        FCL_TRY(fcl_gemm(plan->device, samples * plan->pixels, plan->row, (size_t)c->out_c,
                         out_matrix(plan, operands->buffer[FCL_DY], first),
                         weights_matrix(plan, operands->buffer[FCL_W], 1),
                         (fcl_matrix){operands->workspace, 0, plan->row, 0}, 0));
        FCL_TRY(FCL_LAUNCH(plan->finish, &range, fcl_arg_int((int)samples), fcl_arg_int((int)first),
                           fcl_arg_buffer(operands->workspace), fcl_arg_buffer(operands->buffer[FCL_X]),
                           fcl_arg_buffer(operands->buffer[FCL_DX]), fcl_arg_int(args->accumulate)));
    }
done:
    return status;
}

static fcl_status run_weights(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_status status;
    size_t channels = (size_t)plan->conv.out_c;
    for (size_t first = 0; first < (size_t)n; first += plan->group) {
        size_t samples = samples_of(plan, first, n);
        fcl_matrix columns;
        FCL_TRY(read_columns(&columns, plan, first, samples, operands));
        columns.transposed = 1;
        FCL_TRY(fcl_gemm(plan->device, plan->row, channels, samples * plan->pixels, columns,
                         out_matrix(plan, operands->buffer[FCL_DY], first),
                         weights_matrix(plan, operands->buffer[FCL_DW], 0), args->accumulate || first > 0));
    }
    fcl_range range = fcl_kernel_range(plan->finish, channels);
    range.n_dimensions = 2;
    range.global[1] = BIAS_PARTS;
    FCL_TRY(FCL_LAUNCH(plan->finish, &range, fcl_arg_int(n), fcl_arg_int(BIAS_PARTS),
                       fcl_arg_buffer(operands->buffer[FCL_DY]), fcl_arg_buffer(operands->workspace)));
    FCL_TRY(fcl_sum_parts_run(plan->sum_parts, BIAS_PARTS, channels, operands, args));
done:
    return status;
}

#define SOLVER(variable, op_kind, factor, run_)                                                                        \
    const fcl_solver variable = {                                                                                      \
        .name = "gemm",                                                                                                \
        .kind = op_kind,                                                                                               \
        .likely_speed = fcl_speed_of_detour,                                                                           \
        .files = "conv_gemm.cl sum_parts.cl",                                                                          \
        .error_factor = factor,                                                                                        \
        .applies = applies,                                                                                            \
        .workspace_bytes = workspace_bytes,                                                                            \
        .prepare = prepare,                                                                                            \
        .run = run_,                                                                                                   \
        .dispose = dispose,                                                                                            \
    }

SOLVER(fcl_solver_conv_gemm_forward, FCL_CONV_FORWARD, FCL_CONV_ERROR_FACTOR, run_forward);
SOLVER(fcl_solver_conv_gemm_backward_data, FCL_CONV_BACKWARD_DATA, FCL_CONV_ERROR_FACTOR, run_data);
SOLVER(fcl_solver_conv_gemm_backward_weights, FCL_CONV_BACKWARD_WEIGHTS, WEIGHTS_ERROR_FACTOR, run_weights);
SOLVER(fcl_solver_dense_gemm_forward, FCL_DENSE_FORWARD, FCL_CONV_ERROR_FACTOR, run_forward);
SOLVER(fcl_solver_dense_gemm_backward_data, FCL_DENSE_BACKWARD_DATA, FCL_CONV_ERROR_FACTOR, run_data);
SOLVER(fcl_solver_dense_gemm_backward_weights, FCL_DENSE_BACKWARD_WEIGHTS, FCL_CONV_ERROR_FACTOR, run_weights);
