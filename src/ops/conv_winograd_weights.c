/* The weights' gradient of a convolution by Winograd's method, for CPUs: cl/conv_winograd_weights.cl says how. */
#include "ops/conv_shape.h"
#include "ops/solvers.h"

#include "base/memory.h"

enum {
    KERNEL = 3,
    TILE = 4,
    POINTS = 36,
    LANES = 16,
    MIN_REGISTER_SUMS = 16,     /* fewer, and the transforms cost more than the multiplications they save */
    MAX_CHUNK_BYTES = 16 << 20, /* of transformed tiles, to stay in the last cache */
    MIN_CHUNK = 64,             /* tiles, so that a sum is worth storing */
    ERROR_FACTOR = 256,         /* docs/kernels.md */
};

struct fcl_plan {
    fcl_kernel *tiles, *product, *finish;
    fcl_range product_range, finish_range;
    size_t tiles_a_sample, chunk;
};

/* What begins at which float of the workspace; the bias' sums are at 0. */
typedef struct winograd_layout {
    size_t chunk, v, d, du, end;
} winograd_layout;

static size_t tiles_of(const fcl_conv_shape *c) {
    return fcl_div_up((size_t)c->out_h, TILE) * fcl_div_up((size_t)c->out_w, TILE);
}

static winograd_layout layout_of(const fcl_op_desc *desc) {
    const fcl_conv_shape *c = &desc->conv;
    size_t in_c = (size_t)c->in_c, out_c = (size_t)c->out_c, tiles = tiles_of(c) * (size_t)desc->batch;
    winograd_layout l = {.chunk = MAX_CHUNK_BYTES / sizeof(float) / POINTS / (in_c + out_c)};
    if (l.chunk < MIN_CHUNK) l.chunk = MIN_CHUNK;
    if (l.chunk > tiles) l.chunk = tiles;
    l.v = out_c;
    l.d = l.v + POINTS * l.chunk * in_c;
    l.du = l.d + POINTS * l.chunk * out_c;
    l.end = l.du + POINTS * in_c * out_c;
    return l;
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    const fcl_conv_shape *c = &desc->conv;
    /* On a GPU one item a group leaves all but one lane idle. */
    if (fcl_device_facts(device)->kind == FCL_DEVICE_GPU || !fcl_conv_fits_int(desc)) return 0;
    if (c->kernel_h != KERNEL || c->kernel_w != KERNEL || c->stride_h != 1 || c->stride_w != 1) return 0;
    if (c->in_c % LANES != 0 || c->out_c % LANES != 0 || fcl_register_sums(device) < MIN_REGISTER_SUMS) return 0;
    return layout_of(desc).end <= FCL_MAX_ELEMENTS;
}

static size_t workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    (void)device;
    return layout_of(desc).end * sizeof(float);
}

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->tiles);
    fcl_kernel_free(plan->product);
    fcl_kernel_free(plan->finish);
    free(plan);
}

/* The largest divisor of `n` that is at most `most`. */
static int divisor_of(int n, int most) {
    while (n % most != 0) most--;
    return most;
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    static const char file[] = "conv_winograd_weights.cl";
    fcl_status status;
    fcl_plan *plan = NULL;
    const fcl_conv_shape *c = &desc->conv;
    const winograd_layout l = layout_of(desc);
    fcl_text options = FCL_TEXT_EMPTY;
    int vectors = c->out_c % (2 * LANES) == 0 ? 2 : 1;
    int channels = divisor_of(c->in_c, fcl_register_sums(device) / vectors);
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    fcl_text_appendf(&options,
                     "-DIN_H=%d -DIN_W=%d -DIN_C=%d -DOUT_H=%d -DOUT_W=%d -DOUT_C=%d -DPAD_TOP=%d -DPAD_LEFT=%d"
                     " -DCHUNK=%zu -DV_AT=%zu -DD_AT=%zu -DDU_AT=%zu -DCHANNELS=%d -DVECTORS=%d",
                     c->in_h, c->in_w, c->in_c, c->out_h, c->out_w, c->out_c, c->pad_top, c->pad_left, l.chunk, l.v,
                     l.d, l.du, channels, vectors);
    FCL_TRY(fcl_text_status(&options));
    FCL_TRY(fcl_kernel_create(&plan->tiles, device, file, "conv_winograd_tiles", fcl_text_get(&options)));
    FCL_TRY(fcl_kernel_create(&plan->product, device, file, "conv_winograd_product", fcl_text_get(&options)));
    FCL_TRY(fcl_kernel_create(&plan->finish, device, file, "conv_winograd_finish", fcl_text_get(&options)));
    plan->tiles_a_sample = tiles_of(c);
    plan->chunk = l.chunk;
    plan->product_range =
        (fcl_range){.n_dimensions = 3,
                    .global = {(size_t)(c->in_c / channels), (size_t)(c->out_c / (LANES * vectors)), POINTS},
                    .local = {1, 1, 1}};
    plan->finish_range =
        (fcl_range){.n_dimensions = 2, .global = {(size_t)c->in_c, (size_t)(c->out_c / LANES)}, .local = {1, 1}};
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    dispose(plan);
    return status;
}

static fcl_status run(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_status status;
    const size_t n_tiles = plan->tiles_a_sample * (size_t)n;
    fcl_arg workspace = fcl_arg_buffer(operands->workspace);
    for (size_t first = 0; first < n_tiles; first += plan->chunk) {
        size_t tiles = n_tiles - first < plan->chunk ? n_tiles - first : plan->chunk;
        fcl_range range = {.n_dimensions = 1, .global = {tiles}, .local = {1}};
        FCL_TRY(FCL_LAUNCH(plan->tiles, &range, fcl_arg_int((int)first), fcl_arg_buffer(operands->buffer[FCL_X]),
                           fcl_arg_buffer(operands->buffer[FCL_DY]), workspace));
        FCL_TRY(FCL_LAUNCH(plan->product, &plan->product_range, fcl_arg_int((int)tiles), fcl_arg_int(first == 0),
                           workspace));
    }
    FCL_TRY(FCL_LAUNCH(plan->finish, &plan->finish_range, workspace, fcl_arg_buffer(operands->buffer[FCL_DW]),
                       fcl_arg_buffer(operands->buffer[FCL_DB]), fcl_arg_int(args->accumulate)));
done:
    return status;
}

const fcl_solver fcl_solver_conv_winograd_backward_weights = {
    .name = "conv_winograd",
    .kind = FCL_CONV_BACKWARD_WEIGHTS,
    .tier = FCL_TIER_MADE_FOR,
    .files = "conv_winograd_weights.cl",
    .error_factor = ERROR_FACTOR,
    .applies = applies,
    .workspace_bytes = workspace_bytes,
    .prepare = prepare,
    .run = run,
    .dispose = dispose,
};
