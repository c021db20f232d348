/* The weights' gradient of a convolution for CPUs: cl/conv_direct_weights.cl says how. */
#include "ops/conv_shape.h"
#include "ops/solvers.h"

#include "base/memory.h"

struct fcl_plan {
    fcl_kernel *main, *sum;
    size_t channel_blocks, out_blocks, n_parts, gradient_floats;
};

enum {
    LANES = 16,
    MAX_TOTALS = 1024,          /* vectors of 16 floats in an item's private memory: 64 KiB */
    WANTED_ITEMS = 64,          /* enough to spread evenly over the cores of a CPU */
    MAX_PARTS_BYTES = 32 << 20, /* of partial sums */
    MAX_KERNEL_W = 11,          /* taps taken together are unrolled */
};

/* How a work-item's registers are divided. */
typedef struct weights_block {
    int channels, vectors, taps;
} weights_block;

static weights_block block_of(const fcl_conv_shape *c, const fcl_device *device) {
    int sums = fcl_register_sums(device);
    weights_block block = {.vectors = fcl_register_vectors(c->out_c, device), .taps = 1};
    block.channels = fcl_even_part(c->in_c, fcl_max_int(1, sums / block.vectors));
    if (c->kernel_w <= MAX_KERNEL_W && block.channels * block.vectors * c->kernel_w <= sums) block.taps = c->kernel_w;
    return block;
}

/* Depends on the shape and the vector width alone, so that the sums do not depend on the number of cores. */
static size_t parts_of(const fcl_op_desc *desc, const weights_block *block) {
    const fcl_conv_shape conv = fcl_conv_of(desc), *c = &conv;
    size_t blocks = fcl_div_up((size_t)c->in_c, (size_t)block->channels) *
                    fcl_div_up((size_t)c->out_c, (size_t)(LANES * block->vectors));
    size_t parts = fcl_div_up(WANTED_ITEMS, blocks), rows = (size_t)desc->batch * (size_t)c->out_h;
    size_t fit = MAX_PARTS_BYTES / (fcl_conv_gradient_floats(c) * sizeof(float));
    if (parts > rows) parts = rows;
    if (parts > fit) parts = fit;
    return parts > 0 ? parts : 1;
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    const fcl_conv_shape conv = fcl_conv_of(desc), *c = &conv;
    weights_block block = block_of(c, device);
    /* On a GPU one item a group leaves all but one lane idle. */
    if (fcl_device_facts(device)->kind == FCL_DEVICE_GPU || !fcl_conv_fits_int(desc)) return 0;
    return (long)c->kernel_h * c->kernel_w * block.channels * block.vectors <= MAX_TOTALS &&
           parts_of(desc, &block) * fcl_conv_gradient_floats(c) <= FCL_MAX_ELEMENTS;
}

static size_t workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    const fcl_conv_shape conv = fcl_conv_of(desc);
    weights_block block = block_of(&conv, device);
    return parts_of(desc, &block) * fcl_conv_gradient_floats(&conv) * sizeof(float);
}

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->main);
    fcl_kernel_free(plan->sum);
    free(plan);
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    const fcl_conv_shape conv = fcl_conv_of(desc), *c = &conv;
    weights_block block = block_of(c, device);
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->channel_blocks = fcl_div_up((size_t)c->in_c, (size_t)block.channels);
    plan->out_blocks = fcl_div_up((size_t)c->out_c, (size_t)(LANES * block.vectors));
    plan->n_parts = parts_of(desc, &block);
    plan->gradient_floats = fcl_conv_gradient_floats(c);
    fcl_options_conv(&options, c);
    fcl_text_appendf(&options, " -DCHANNELS=%d -DVECTORS=%d -DTAPS=%d", block.channels, block.vectors, block.taps);
    fcl_options_pool(&options, desc);
    FCL_TRY(fcl_text_status(&options));
    FCL_TRY(fcl_kernel_create(&plan->main, device, "conv_direct_weights.cl", "conv_direct_weights",
                              fcl_text_get(&options)));
    FCL_TRY(fcl_sum_parts_create(&plan->sum, c, device));
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    dispose(plan);
    return status;
}

static fcl_status run(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_status status;
    fcl_range main = {
        .n_dimensions = 3, .global = {plan->channel_blocks, plan->out_blocks, plan->n_parts}, .local = {1, 1, 1}};
    FCL_TRY(FCL_LAUNCH(plan->main, &main, fcl_arg_int(n), fcl_arg_int((int)plan->n_parts),
                       fcl_arg_buffer(operands->buffer[FCL_X]), fcl_arg_buffer(operands->buffer[FCL_DY]),
                       fcl_arg_buffer(operands->buffer[FCL_PLACE]), fcl_arg_buffer(operands->workspace)));
    FCL_TRY(fcl_sum_parts_run(plan->sum, (int)plan->n_parts, plan->gradient_floats, operands, args));
done:
    return status;
}

const fcl_solver fcl_solver_conv_direct_backward_weights = {
    .name = "conv_direct",
    .kind = FCL_CONV_BACKWARD_WEIGHTS,
    .files = "conv_direct_weights.cl sum_parts.cl",
    .fuses_pool = 1,
    .error_factor = FCL_CONV_ERROR_FACTOR,
    .scope = "CPUs, and kernels whose sums fit into an item's memory",
    .applies = applies,
    .workspace_bytes = workspace_bytes,
    .prepare = prepare,
    .run = run,
    .dispose = dispose,
};
