/* Direct convolution for CPUs, forward and backward to the data: cl/conv_direct.cl says how. */
#include "ops/conv_shape.h"
#include "ops/solvers.h"

#include "base/memory.h"

struct fcl_plan {
    fcl_kernel *pack, *convolve;
    fcl_range pack_range;
    size_t rows, channel_blocks;
    int samples;
};

/* How a work-item's registers are divided. */
typedef struct direct_block {
    int columns, samples, vectors;
} direct_block;

enum {
    LANES = 16,
    MAX_KERNEL_W = 11, /* its taps are unrolled */
    MAX_SAMPLES = 4,   /* each needs a register for its address */
};

/* Whether only the first block of a row looks to the left of it, and only the last to the right. */
static int borders_fit(const fcl_conv_shape *s, int columns) {
    int n_blocks = (s->out_w + columns - 1) / columns;
    if (n_blocks == 1) return 1;
    int second_begin = fcl_min_int(columns, s->out_w - columns);
    int last_of_inner = (n_blocks - 1) * columns - 1;
    return second_begin * s->stride_w >= s->pad_left &&
           last_of_inner * s->stride_w - s->pad_left + s->kernel_w <= s->in_w;
}

/* False when there is no way to divide a row. A fused pooling takes two rows and pairs of columns. */
static int block_of(direct_block *out, const fcl_op_desc *desc, const fcl_device *device) {
    const fcl_conv_shape shape = fcl_conv_as_forward(desc), *s = &shape;
    const int cell = desc->fused_pool ? 2 : 1;
    direct_block block = {.vectors = fcl_register_vectors(s->out_c, device)};
    int most = fcl_register_sums(device) / block.vectors / cell;
    if (most < cell) return 0;
    block.columns = fcl_even_part(s->out_w / cell, most / cell) * cell;
    while (block.columns > 0 && !borders_fit(s, block.columns)) block.columns -= cell;
    if (block.columns == 0) return 0;
    block.samples = fcl_min_int(fcl_min_int(most / block.columns, desc->batch), MAX_SAMPLES);
    *out = block;
    return 1;
}

static size_t packed_floats(const fcl_conv_shape *s, const direct_block *block) {
    size_t lanes = (size_t)(LANES * block->vectors);
    return fcl_div_up((size_t)s->out_c, lanes) * lanes * (size_t)s->kernel_h * (size_t)s->kernel_w * (size_t)s->in_c;
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    const fcl_conv_shape *c = &desc->conv;
    fcl_conv_shape s = fcl_conv_as_forward(desc);
    direct_block block;
    /* On a GPU one item a group leaves all but one lane idle. */
    if (fcl_device_facts(device)->kind == FCL_DEVICE_GPU || !fcl_conv_fits_int(desc)) return 0;
    if (desc->kind == FCL_CONV_BACKWARD_DATA && (c->stride_h != 1 || c->stride_w != 1)) return 0;
    if (s.pad_top < 0 || s.pad_left < 0 || s.kernel_w > MAX_KERNEL_W) return 0;
    return block_of(&block, desc, device) && packed_floats(&s, &block) <= FCL_MAX_ELEMENTS;
}

static size_t workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    fcl_conv_shape s = fcl_conv_as_forward(desc);
    direct_block block;
    return block_of(&block, desc, device) ? packed_floats(&s, &block) * sizeof(float) : 0;
}

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->pack);
    fcl_kernel_free(plan->convolve);
    free(plan);
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    fcl_conv_shape s = fcl_conv_as_forward(desc);
    direct_block block = {1, 1, 1};
    block_of(&block, desc, device);
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->rows = (size_t)s.out_h / (desc->fused_pool ? 2 : 1);
    plan->channel_blocks = fcl_div_up((size_t)s.out_c, (size_t)(LANES * block.vectors));
    plan->samples = block.samples;
    plan->pack_range = (fcl_range){.n_dimensions = 3,
                                   .global = {(size_t)s.kernel_w, (size_t)s.kernel_h, plan->channel_blocks},
                                   .local = {1, 1, 1}};
    fcl_text_appendf(&options,
                     "-DSRC_H=%d -DSRC_W=%d -DSRC_C=%d -DDST_H=%d -DDST_W=%d -DDST_C=%d -DKERNEL_H=%d -DKERNEL_W=%d"
                     " -DSTRIDE_H=%d -DSTRIDE_W=%d -DPAD_TOP=%d -DPAD_LEFT=%d -DCOLUMNS=%d -DSAMPLES=%d -DVECTORS=%d"
                     " -DBACKWARD=%d",
                     s.in_h, s.in_w, s.in_c, s.out_h, s.out_w, s.out_c, s.kernel_h, s.kernel_w, s.stride_h, s.stride_w,
                     s.pad_top, s.pad_left, block.columns, block.samples, block.vectors,
                     desc->kind == FCL_CONV_BACKWARD_DATA);
    fcl_options_pool(&options, desc);
    if (desc->kind == FCL_CONV_FORWARD)
        fcl_options_activation(&options, "ACTIVATION", desc->activation);
    else
        fcl_options_activation(&options, "X_ACTIVATION", desc->x_activation);
    FCL_TRY(fcl_text_status(&options));
    FCL_TRY(fcl_kernel_create(&plan->pack, device, "conv_direct.cl", "conv_direct_pack", fcl_text_get(&options)));
    FCL_TRY(fcl_kernel_create(&plan->convolve, device, "conv_direct.cl", "conv_direct", fcl_text_get(&options)));
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    dispose(plan);
    return status;
}

static fcl_range convolve_range(const fcl_plan *plan, int n) {
    size_t groups = n >= plan->samples ? fcl_div_up((size_t)n, (size_t)plan->samples) : (size_t)n;
    return (fcl_range){.n_dimensions = 3, .global = {plan->rows, plan->channel_blocks, groups}, .local = {1, 1, 1}};
}

static fcl_status pack_weights(fcl_plan *plan, const fcl_operands *operands) {
    return FCL_LAUNCH(plan->pack, &plan->pack_range, fcl_arg_buffer(operands->buffer[FCL_W]),
                      fcl_arg_buffer(operands->workspace));
}

static fcl_status run_forward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_status status;
    fcl_range range = convolve_range(plan, n);
    if (!args->weights_unchanged) FCL_TRY(pack_weights(plan, operands));
    FCL_TRY(FCL_LAUNCH(plan->convolve, &range, fcl_arg_int(n), fcl_arg_buffer(operands->buffer[FCL_X]),
                       fcl_arg_buffer(operands->workspace), fcl_arg_buffer(operands->buffer[FCL_Y]),
                       fcl_arg_buffer(operands->buffer[FCL_B]), fcl_arg_buffer(operands->buffer[FCL_PLACE])));
done:
    return status;
}

static fcl_status run_backward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_status status;
    fcl_range range = convolve_range(plan, n);
    FCL_TRY(pack_weights(plan, operands));
    FCL_TRY(FCL_LAUNCH(plan->convolve, &range, fcl_arg_int(n), fcl_arg_buffer(operands->buffer[FCL_DY]),
                       fcl_arg_buffer(operands->workspace), fcl_arg_buffer(operands->buffer[FCL_DX]),
                       fcl_arg_buffer(operands->buffer[FCL_X]), fcl_arg_int(args->accumulate)));
done:
    return status;
}

static const char scope[] = "CPUs, kernels at most 11 wide and padded by less than their size, backward with stride 1";

const fcl_solver fcl_solver_conv_direct_forward = {
    .name = "conv_direct",
    .kind = FCL_CONV_FORWARD,
    .files = "conv_direct.cl",
    .fuses_pool = 1,
    .keeps_weights = 1,
    .error_factor = FCL_CONV_ERROR_FACTOR,
    .scope = scope,
    .applies = applies,
    .workspace_bytes = workspace_bytes,
    .prepare = prepare,
    .run = run_forward,
    .dispose = dispose,
};

const fcl_solver fcl_solver_conv_direct_backward_data = {
    .name = "conv_direct",
    .kind = FCL_CONV_BACKWARD_DATA,
    .files = "conv_direct.cl",
    .error_factor = FCL_CONV_ERROR_FACTOR,
    .scope = scope,
    .applies = applies,
    .workspace_bytes = workspace_bytes,
    .prepare = prepare,
    .run = run_backward,
    .dispose = dispose,
};
