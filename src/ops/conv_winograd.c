/* Winograd convolution for CPUs, forward and backward to the data: cl/conv_winograd.cl says how. */
#include "ops/conv_shape.h"
#include "ops/solvers.h"

#include "base/memory.h"

enum {
    KERNEL = 3,
    TILE = 4,
    POINTS = 36,
    LANES = 16,
    MIN_REGISTER_SUMS = 16, /* fewer, and the transforms cost more than the multiplications they save */
    ITEMS_PER_UNIT = 4,     /* so that cores end together */
    ERROR_FACTOR = 256,     /* docs/kernels.md */
};

struct fcl_plan {
    fcl_conv_shape shape;
    fcl_kernel *weights, *convolve;
    fcl_range weights_range, range;
    int has_places;
};

static size_t tiles_of(const fcl_conv_shape *s, int batch) {
    return (size_t)batch * fcl_div_up((size_t)s->out_h, TILE) * fcl_div_up((size_t)s->out_w, TILE);
}

static int block_of(const fcl_conv_shape *s, int batch, const fcl_device *device) {
    size_t tiles = tiles_of(s, batch);
    int sums = fcl_register_sums(device);
    return tiles < (size_t)sums ? (int)tiles : sums;
}

/* Bounds memory: more blocks than that are done one after the other. */
static size_t items_of(const fcl_conv_shape *s, int batch, const fcl_device *device) {
    size_t blocks = fcl_div_up(tiles_of(s, batch), (size_t)block_of(s, batch, device));
    size_t most = (size_t)fcl_device_facts(device)->compute_units * ITEMS_PER_UNIT;
    return blocks < most ? blocks : most;
}

static size_t workspace_floats(const fcl_op_desc *desc, const fcl_device *device) {
    fcl_conv_shape s = fcl_conv_as_forward(desc);
    size_t src_c = (size_t)s.in_c, dst_c = (size_t)s.out_c;
    size_t scratch = (size_t)block_of(&s, desc->batch, device) * (src_c + dst_c) * items_of(&s, desc->batch, device);
    return POINTS * (src_c * dst_c + scratch);
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    const fcl_conv_shape *c = &desc->conv;
    fcl_conv_shape s = fcl_conv_as_forward(desc);
    /* On a GPU one item a group leaves all but one lane idle. */
    if (fcl_device_facts(device)->kind == FCL_DEVICE_GPU || !fcl_conv_fits_int(desc)) return 0;
    if (c->kernel_h != KERNEL || c->kernel_w != KERNEL || c->stride_h != 1 || c->stride_w != 1) return 0;
    if (s.in_c % LANES != 0 || s.out_c % LANES != 0 || fcl_register_sums(device) < MIN_REGISTER_SUMS) return 0;
    return workspace_floats(desc, device) <= FCL_MAX_ELEMENTS;
}

static size_t workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    return workspace_floats(desc, device) * sizeof(float);
}

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->weights);
    fcl_kernel_free(plan->convolve);
    free(plan);
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    fcl_conv_shape s = fcl_conv_as_forward(desc);
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->weights_range =
        (fcl_range){.n_dimensions = 2, .global = {(size_t)s.in_c, (size_t)(s.out_c / LANES)}, .local = {1, 1}};
    plan->range = (fcl_range){.n_dimensions = 1, .global = {items_of(&s, desc->batch, device)}, .local = {1}};
    plan->shape = s;
    plan->has_places = desc->fused_pool == FCL_POOL_2X2_PLACES;
    fcl_text_appendf(&options, "-DBLOCK=%d -DBACKWARD=%d", block_of(&s, desc->batch, device),
                     desc->kind == FCL_CONV_BACKWARD_DATA);
    fcl_options_pool(&options, desc);
    /* Tiles begin at multiples of four less the padding. */
    if (desc->fused_pool && desc->kind == FCL_CONV_BACKWARD_DATA)
        fcl_text_appendf(&options, " -DODD_TOP=%d -DODD_LEFT=%d", abs(s.pad_top) % 2, abs(s.pad_left) % 2);
    if (desc->kind == FCL_CONV_FORWARD)
        fcl_options_activation(&options, "ACTIVATION", desc->activation);
    else
        fcl_options_activation(&options, "X_ACTIVATION", desc->x_activation);
    FCL_TRY(fcl_text_status(&options));
    FCL_TRY(
        fcl_kernel_create(&plan->weights, device, "conv_winograd.cl", "conv_winograd_weights", fcl_text_get(&options)));
    FCL_TRY(fcl_kernel_create(&plan->convolve, device, "conv_winograd.cl", "conv_winograd", fcl_text_get(&options)));
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    dispose(plan);
    return status;
}

/* The sizes that both directions are launched with. */
#define SHAPE_ARGS(s)                                                                                                  \
    fcl_arg_int((s)->in_h), fcl_arg_int((s)->in_w), fcl_arg_int((s)->in_c), fcl_arg_int((s)->out_h),                   \
        fcl_arg_int((s)->out_w), fcl_arg_int((s)->out_c), fcl_arg_int((s)->pad_top), fcl_arg_int((s)->pad_left)

static fcl_status transform_weights(fcl_plan *plan, const fcl_operands *operands) {
    return FCL_LAUNCH(plan->weights, &plan->weights_range, fcl_arg_buffer(operands->buffer[FCL_W]),
                      fcl_arg_buffer(operands->workspace));
}

/* The arguments of both directions up to those that one has alone. */
#define SHARED_ARGS(plan, n, src, dst)                                                                                 \
    fcl_arg_int(n), SHAPE_ARGS(&(plan)->shape), fcl_arg_buffer(operands->buffer[src]),                                 \
        fcl_arg_buffer(operands->workspace), fcl_arg_buffer(operands->buffer[dst])

static fcl_status run_forward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    fcl_status status;
    FCL_TRY(transform_weights(plan, operands));
    if (plan->has_places)
        FCL_TRY(FCL_LAUNCH(plan->convolve, &plan->range, SHARED_ARGS(plan, n, FCL_X, FCL_Y),
                           fcl_arg_buffer(operands->buffer[FCL_B]), fcl_arg_buffer(operands->buffer[FCL_PLACE])));
    else
        FCL_TRY(FCL_LAUNCH(plan->convolve, &plan->range, SHARED_ARGS(plan, n, FCL_X, FCL_Y),
                           fcl_arg_buffer(operands->buffer[FCL_B])));
done:
    return status;
}

static fcl_status run_backward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_status status;
    FCL_TRY(transform_weights(plan, operands));
    if (plan->has_places)
        FCL_TRY(FCL_LAUNCH(plan->convolve, &plan->range, SHARED_ARGS(plan, n, FCL_DY, FCL_DX),
                           fcl_arg_buffer(operands->buffer[FCL_X]), fcl_arg_int(args->accumulate),
                           fcl_arg_buffer(operands->buffer[FCL_PLACE])));
    else
        FCL_TRY(FCL_LAUNCH(plan->convolve, &plan->range, SHARED_ARGS(plan, n, FCL_DY, FCL_DX),
                           fcl_arg_buffer(operands->buffer[FCL_X]), fcl_arg_int(args->accumulate)));
done:
    return status;
}

#define SOLVER(variable, op_kind, run_)                                                                                \
    const fcl_solver variable = {                                                                                      \
        .name = "conv_winograd",                                                                                       \
        .kind = op_kind,                                                                                               \
        .tier = FCL_TIER_MADE_FOR,                                                                                     \
        .files = "conv_winograd.cl",                                                                                   \
        .fuses_pool = 1,                                                                                               \
        .error_factor = ERROR_FACTOR,                                                                                  \
        .applies = applies,                                                                                            \
        .workspace_bytes = workspace_bytes,                                                                            \
        .prepare = prepare,                                                                                            \
        .run = run_,                                                                                                   \
        .dispose = dispose,                                                                                            \
    }

SOLVER(fcl_solver_conv_winograd_forward, FCL_CONV_FORWARD, run_forward);
SOLVER(fcl_solver_conv_winograd_backward_data, FCL_CONV_BACKWARD_DATA, run_backward);
