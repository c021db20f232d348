/* Winograd convolution for CPUs, forward and backward to the data: cl/conv_winograd.cl says how. */
#include "ops/conv_shape.h"
#include "ops/solvers.h"
#include "ops/winograd.h"

#include "base/memory.h"

enum {
    POINTS = FCL_WINOGRAD_POINTS,
    LANES = FCL_WINOGRAD_LANES,
    ITEMS_PER_UNIT = 4,     /* so that cores end together */
    BLOCKS_BYTES = 4 << 20, /* of transformed weights: with more, tiles are done in chunks instead of blocks */
    CHUNK_BYTES = 16 << 20, /* of a chunk's transformed tiles and their results, to stay in the last cache */
};

struct fcl_plan {
    fcl_conv_shape shape;
    int is_backward, pools;
    float x_slope; /* of the activation that made x, left of 0 */
    fcl_kernel *weights;
    fcl_kernel *convolve; /* in blocks; or in chunks: */
    fcl_kernel *tiles, *product, *results;
    fcl_range weights_range, range; /* range: of `convolve` or `product` */
    size_t tiles_a_sample, capacity;
};

static size_t tiles_of(const fcl_conv_shape *s, int batch) {
    return (size_t)batch * fcl_winograd_tiles(s);
}

/* The tiles of a block: as many groups as are needed, all as large, of tiles whose sums registers hold. */
typedef struct tile_block {
    int tiles, group;
} tile_block;

static tile_block block_of(const fcl_conv_shape *s, int batch, const fcl_device *device) {
    const size_t all = tiles_of(s, batch);
    const int tiles = (int)(all < FCL_WINOGRAD_BLOCK ? all : FCL_WINOGRAD_BLOCK);
    const int groups = (int)fcl_div_up((size_t)tiles, (size_t)fcl_winograd_sums(s, device));
    const int group = (int)fcl_div_up((size_t)tiles, (size_t)groups);
    return (tile_block){.tiles = group * groups, .group = group};
}

/* Bounds memory: more blocks than that are done one after the other. */
static size_t items_of(const fcl_conv_shape *s, int batch, const fcl_device *device) {
    size_t blocks = fcl_div_up(tiles_of(s, batch), (size_t)block_of(s, batch, device).tiles);
    size_t most = (size_t)fcl_device_facts(device)->compute_units * ITEMS_PER_UNIT;
    return blocks < most ? blocks : most;
}

static size_t weights_floats(const fcl_conv_shape *s) {
    return (size_t)POINTS * (size_t)s->in_c * (size_t)s->out_c;
}

static int is_in_chunks(const fcl_conv_shape *s) {
    return weights_floats(s) * sizeof(float) > BLOCKS_BYTES;
}

/* Tiles of a chunk: all have as many or fewer, in whole blocks. */
static size_t capacity_of(const fcl_conv_shape *s, int batch, const fcl_device *device) {
    size_t tiles = tiles_of(s, batch), block = (size_t)block_of(s, batch, device).tiles;
    size_t most = CHUNK_BYTES / sizeof(float) / (POINTS * ((size_t)s->in_c + (size_t)s->out_c));
    size_t chunks = fcl_div_up(tiles, most > block ? most : block);
    return fcl_div_up(fcl_div_up(tiles, chunks), block) * block;
}

static size_t workspace_floats(const fcl_op_desc *desc, const fcl_device *device) {
    fcl_conv_shape s = fcl_conv_as_forward(desc);
    size_t tiles = is_in_chunks(&s)
                       ? capacity_of(&s, desc->batch, device)
                       : (size_t)block_of(&s, desc->batch, device).tiles * items_of(&s, desc->batch, device);
    return weights_floats(&s) + POINTS * tiles * ((size_t)s.in_c + (size_t)s.out_c);
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    return fcl_winograd_fits(desc, device) && workspace_floats(desc, device) <= FCL_MAX_ELEMENTS;
}

static size_t workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    return workspace_floats(desc, device) * sizeof(float);
}

/* Its own multiplications; the transformed weights are written and read. */
static fcl_work work(const fcl_op_desc *desc, const fcl_device *device) {
    const fcl_conv_shape s = fcl_conv_as_forward(desc);
    const double points = (double)POINTS * s.in_c * s.out_c;
    (void)device;
    return (fcl_work){.flop = 2.0 * (double)tiles_of(&s, desc->batch) * points,
                      .bytes = fcl_op_work(desc).bytes + 2.0 * points * sizeof(float)};
}

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->weights);
    fcl_kernel_free(plan->convolve);
    fcl_kernel_free(plan->tiles);
    fcl_kernel_free(plan->product);
    fcl_kernel_free(plan->results);
    free(plan);
}

/* An argument instead of a macro, so that layers with and without an activation before them share a program. */
static float slope_of(fcl_activation activation) {
    return activation.kind == FCL_LINEAR ? 1.0f : activation.kind == FCL_LEAKY_RELU ? activation.alpha : 0.0f;
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    static const char file[] = "conv_winograd.cl";
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    fcl_conv_shape s = fcl_conv_as_forward(desc);
    const int vectors = fcl_register_vectors(s.out_c, device);
    const tile_block block = block_of(&s, desc->batch, device);
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->weights_range =
        (fcl_range){.n_dimensions = 2, .global = {(size_t)s.in_c, (size_t)(s.out_c / LANES)}, .local = {1, 1}};
    plan->shape = s;
    plan->is_backward = desc->kind == FCL_CONV_BACKWARD_DATA;
    plan->pools = desc->fused_pool != FCL_POOL_NONE;
    plan->tiles_a_sample = tiles_of(&s, 1);
    fcl_text_appendf(&options, "-DVECTORS=%d -DBLOCK=%d -DTILES=%d -DBACKWARD=%d -DCHUNKS=%d", vectors, block.tiles,
                     block.group, plan->is_backward, is_in_chunks(&s));
    if (desc->kind == FCL_CONV_FORWARD)
        fcl_options_activation(&options, "ACTIVATION", desc->activation);
    else if (desc->x_activation.kind == FCL_ELU)
        fcl_options_activation(&options, "X_ACTIVATION", desc->x_activation);
    plan->x_slope = slope_of(desc->x_activation);
    FCL_TRY(fcl_text_status(&options));
    FCL_TRY(fcl_kernel_create(&plan->weights, device, file, "conv_winograd_weights", fcl_text_get(&options)));
    if (is_in_chunks(&s)) {
        FCL_TRY(fcl_kernel_create(&plan->tiles, device, file, "conv_winograd_tiles", fcl_text_get(&options)));
        FCL_TRY(fcl_kernel_create(&plan->product, device, file, "conv_winograd_product", fcl_text_get(&options)));
        FCL_TRY(fcl_kernel_create(&plan->results, device, file, "conv_winograd_results", fcl_text_get(&options)));
        plan->capacity = capacity_of(&s, desc->batch, device);
        plan->range =
            (fcl_range){.n_dimensions = 2, .global = {(size_t)(s.out_c / (LANES * vectors)), POINTS}, .local = {1, 1}};
    } else {
        FCL_TRY(fcl_kernel_create(&plan->convolve, device, file, "conv_winograd", fcl_text_get(&options)));
        plan->range = (fcl_range){.n_dimensions = 1, .global = {items_of(&s, desc->batch, device)}, .local = {1}};
    }
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    dispose(plan);
    return status;
}

/* SIZES of the kernels. */
#define SIZES_ARGS(s)                                                                                                  \
    fcl_arg_int((s)->in_h), fcl_arg_int((s)->in_w), fcl_arg_int((s)->in_c), fcl_arg_int((s)->out_h),                   \
        fcl_arg_int((s)->out_w), fcl_arg_int((s)->out_c), fcl_arg_int((s)->pad_top), fcl_arg_int((s)->pad_left)

/* What the kernels that write dst end with. */
#define PLACES        fcl_arg_buffer(operands->buffer[FCL_PLACE])
#define EXTRA_FORWARD fcl_arg_buffer(operands->buffer[FCL_B]), fcl_arg_int(plan->pools), PLACES
#define EXTRA_BACKWARD                                                                                                 \
    fcl_arg_buffer(operands->buffer[FCL_X]), fcl_arg_float(plan->x_slope), fcl_arg_int(args->accumulate), PLACES

static fcl_status run_blocks(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args, fcl_arg src,
                             fcl_arg dst) {
    fcl_arg workspace = fcl_arg_buffer(operands->workspace);
    if (plan->is_backward)
        return FCL_LAUNCH(plan->convolve, &plan->range, fcl_arg_int(n), SIZES_ARGS(&plan->shape), src, workspace, dst,
                          EXTRA_BACKWARD);
    return FCL_LAUNCH(plan->convolve, &plan->range, fcl_arg_int(n), SIZES_ARGS(&plan->shape), src, workspace, dst,
                      EXTRA_FORWARD);
}

static fcl_status run_chunks(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args, fcl_arg src,
                             fcl_arg dst) {
    fcl_status status = FCL_OK;
    const fcl_conv_shape *s = &plan->shape;
    fcl_arg workspace = fcl_arg_buffer(operands->workspace), capacity = fcl_arg_int((int)plan->capacity);
    size_t n_tiles = plan->tiles_a_sample * (size_t)n;
    for (size_t first = 0; first < n_tiles; first += plan->capacity) {
        size_t tiles = n_tiles - first < plan->capacity ? n_tiles - first : plan->capacity;
        fcl_range range = {.n_dimensions = 1, .global = {tiles}, .local = {1}};
        FCL_TRY(
            FCL_LAUNCH(plan->tiles, &range, fcl_arg_int((int)first), SIZES_ARGS(s), capacity, src, PLACES, workspace));
        FCL_TRY(FCL_LAUNCH(plan->product, &plan->range, fcl_arg_int((int)tiles), fcl_arg_int(s->in_c),
                           fcl_arg_int(s->out_c), capacity, workspace));
        if (plan->is_backward)
            FCL_TRY(FCL_LAUNCH(plan->results, &range, fcl_arg_int((int)first), SIZES_ARGS(s), capacity, workspace, dst,
                               EXTRA_BACKWARD));
        else
            FCL_TRY(FCL_LAUNCH(plan->results, &range, fcl_arg_int((int)first), SIZES_ARGS(s), capacity, workspace, dst,
                               EXTRA_FORWARD));
    }
done:
    return status;
}

static fcl_status run(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_status status;
    fcl_arg src = fcl_arg_buffer(operands->buffer[plan->is_backward ? FCL_DY : FCL_X]);
    fcl_arg dst = fcl_arg_buffer(operands->buffer[plan->is_backward ? FCL_DX : FCL_Y]);
    if (!args->weights_unchanged)
        FCL_TRY(FCL_LAUNCH(plan->weights, &plan->weights_range, fcl_arg_buffer(operands->buffer[FCL_W]),
                           fcl_arg_buffer(operands->workspace)));
    FCL_TRY((plan->convolve ? run_blocks : run_chunks)(plan, n, operands, args, src, dst));
done:
    return status;
}

#define SOLVER(variable, op_kind)                                                                                      \
    const fcl_solver variable = {                                                                                      \
        .name = "conv_winograd",                                                                                       \
        .kind = op_kind,                                                                                               \
        .likely_speed = fcl_winograd_speed,                                                                            \
        .files = "conv_winograd.cl",                                                                                   \
        .fuses_pool = 1,                                                                                               \
        .rounds_ties = 1,                                                                                              \
        .keeps_weights = op_kind == FCL_CONV_FORWARD,                                                                  \
        .error_factor = FCL_WINOGRAD_ERROR_FACTOR,                                                                     \
        .scope = FCL_WINOGRAD_SCOPE,                                                                                   \
        .applies = applies,                                                                                            \
        .workspace_bytes = workspace_bytes,                                                                            \
        .work = work,                                                                                                  \
        .prepare = prepare,                                                                                            \
        .run = run,                                                                                                    \
        .dispose = dispose,                                                                                            \
    }

SOLVER(fcl_solver_conv_winograd_forward, FCL_CONV_FORWARD);
SOLVER(fcl_solver_conv_winograd_backward_data, FCL_CONV_BACKWARD_DATA);
