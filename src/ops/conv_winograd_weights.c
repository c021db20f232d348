/* The weights' gradient of a convolution by Winograd's method, for CPUs: cl/conv_winograd_weights.cl says how. */
#include "ops/conv_shape.h"
#include "ops/solvers.h"
#include "ops/winograd.h"

#include "base/memory.h"

enum {
    POINTS = FCL_WINOGRAD_POINTS,
    LANES = FCL_WINOGRAD_LANES,
    /* In chunks: */
    CHUNK_BYTES = 8 << 20, /* of transformed tiles, to stay in the last cache; or */
    CHUNK_SUMS = 2,        /* times the bytes of the sums, so that they are worth storing */
    /* What a product goes over at a time: 12 KiB of d, as much of v and 4 KiB of sums stay in a first-level cache of 32 KiB. */
    NEAR_TILES = 96,
    NEAR_CHANNELS = 32,
    /* In parts, where one's sums and tiles fit into a second-level cache of 1 MiB: */
    MAX_PART_BYTES = 600 << 10,     /* of sums */
    BLOCK_BYTES = 320 << 10,        /* of transformed tiles */
    WANTED_PARTS = 16,              /* so that many cores have something to do */
    MAX_ALL_PARTS_BYTES = 16 << 20, /* of sums, which all are added in the end */
};

struct fcl_plan {
    fcl_conv_shape shape;
    fcl_kernel *parts, *tiles, *product, *finish; /* `parts`, or else `tiles` and `product` */
    fcl_range parts_range, product_range, finish_range;
    size_t tiles_a_sample, block, n_parts;
};

typedef struct winograd_layout {
    int in_parts;
    size_t block;     /* tiles that are transformed before their products are added */
    size_t parts;     /* of the sums; 1 in chunks */
    size_t workspace; /* floats */
} winograd_layout;

static size_t at_most(size_t n, size_t most) {
    return n < most ? n : most;
}

static size_t at_least(size_t n, size_t least) {
    return n > least ? n : least;
}

/* From the shape alone, so that the sums do not depend on the number of cores. */
static winograd_layout layout_of(const fcl_op_desc *desc) {
    const fcl_conv_shape conv = fcl_conv_of(desc), *c = &conv;
    const size_t in_c = (size_t)c->in_c, out_c = (size_t)c->out_c, tiles = fcl_winograd_tiles(c) * (size_t)desc->batch;
    const size_t tile_floats = POINTS * (in_c + out_c), part_floats = (POINTS * in_c + 1) * out_c;
    winograd_layout l = {.in_parts = part_floats * sizeof(float) <= MAX_PART_BYTES, .parts = 1};
    const size_t chunk = at_least(CHUNK_BYTES / sizeof(float), CHUNK_SUMS * part_floats);
    const size_t most = at_least((l.in_parts ? BLOCK_BYTES / sizeof(float) : chunk) / tile_floats, 1);
    /* The fewest tiles that give as many blocks, so that the last one is not nearly empty. */
    l.block = fcl_div_up(tiles, fcl_div_up(tiles, most));
    if (l.in_parts)
        l.parts = at_most(at_most(WANTED_PARTS, MAX_ALL_PARTS_BYTES / sizeof(float) / part_floats),
                          fcl_div_up(tiles, l.block));
    l.workspace = l.parts * (part_floats + l.block * tile_floats);
    return l;
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    return fcl_winograd_fits(desc, device) && layout_of(desc).workspace <= FCL_MAX_ELEMENTS;
}

static size_t workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    (void)device;
    return layout_of(desc).workspace * sizeof(float);
}

/* Its own multiplications; the parts' sums are written and read. */
static fcl_work work(const fcl_op_desc *desc, const fcl_device *device) {
    const fcl_conv_shape conv = fcl_conv_of(desc), *c = &conv;
    const double points = (double)POINTS * c->in_c * c->out_c;
    (void)device;
    return (fcl_work){.flop = 2.0 * (double)fcl_winograd_tiles(c) * desc->batch * points,
                      .bytes = fcl_op_work(desc).bytes + 2.0 * (double)layout_of(desc).parts * points * sizeof(float)};
}

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->parts);
    fcl_kernel_free(plan->tiles);
    fcl_kernel_free(plan->product);
    fcl_kernel_free(plan->finish);
    free(plan);
}

/* The largest power of two that is at most `most`, and at most LANES. */
static int power_of_two(int most) {
    int power = LANES;
    while (power > most) power /= 2;
    return power;
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    static const char file[] = "conv_winograd_weights.cl";
    fcl_status status;
    fcl_plan *plan = NULL;
    const fcl_conv_shape conv = fcl_conv_of(desc), *c = &conv;
    const winograd_layout l = layout_of(desc);
    fcl_text options = FCL_TEXT_EMPTY;
    const int vectors = fcl_register_vectors(c->out_c, device);
    const int channels = power_of_two(fcl_winograd_sums(c, device));
    const int near_channels = c->in_c % NEAR_CHANNELS == 0 ? NEAR_CHANNELS : LANES;
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->shape = *c;
    fcl_text_appendf(&options, "-DCHANNELS=%d -DVECTORS=%d -DNEAR=%d -DPARTS=%d", channels, vectors, NEAR_TILES,
                     l.in_parts);
    FCL_TRY(fcl_text_status(&options));
    if (l.in_parts) {
        FCL_TRY(fcl_kernel_create(&plan->parts, device, file, "conv_winograd_parts", fcl_text_get(&options)));
    } else {
        FCL_TRY(fcl_kernel_create(&plan->tiles, device, file, "conv_winograd_tiles", fcl_text_get(&options)));
        FCL_TRY(fcl_kernel_create(&plan->product, device, file, "conv_winograd_product", fcl_text_get(&options)));
    }
    FCL_TRY(fcl_kernel_create(&plan->finish, device, file, "conv_winograd_finish", fcl_text_get(&options)));
    plan->tiles_a_sample = fcl_winograd_tiles(c);
    plan->block = l.block;
    plan->n_parts = l.parts;
    plan->parts_range = (fcl_range){.n_dimensions = 1, .global = {l.parts}, .local = {1}};
    plan->product_range =
        (fcl_range){.n_dimensions = 3,
                    .global = {(size_t)(c->in_c / near_channels), (size_t)(c->out_c / (LANES * vectors)), POINTS},
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

/* What the kernels that transform tiles are launched with behind the first argument. */
#define TILES_ARGS(plan, operands)                                                                                     \
    fcl_arg_int((plan)->shape.in_h), fcl_arg_int((plan)->shape.in_w), fcl_arg_int((plan)->shape.in_c),                 \
        fcl_arg_int((plan)->shape.out_h), fcl_arg_int((plan)->shape.out_w), fcl_arg_int((plan)->shape.out_c),          \
        fcl_arg_int((plan)->shape.pad_top), fcl_arg_int((plan)->shape.pad_left), fcl_arg_int((int)(plan)->block),      \
        fcl_arg_buffer((operands)->buffer[FCL_X]), fcl_arg_buffer((operands)->buffer[FCL_DY]),                         \
        fcl_arg_buffer((operands)->buffer[FCL_PLACE]), fcl_arg_buffer((operands)->workspace)

static fcl_status add_chunks(fcl_plan *plan, int n, const fcl_operands *operands) {
    fcl_status status = FCL_OK;
    const size_t n_tiles = plan->tiles_a_sample * (size_t)n;
    fcl_arg workspace = fcl_arg_buffer(operands->workspace);
    for (size_t first = 0; first < n_tiles; first += plan->block) {
        size_t tiles = at_most(n_tiles - first, plan->block);
        fcl_range range = {.n_dimensions = 1, .global = {tiles}, .local = {1}};
        FCL_TRY(FCL_LAUNCH(plan->tiles, &range, fcl_arg_int((int)first), TILES_ARGS(plan, operands)));
        FCL_TRY(FCL_LAUNCH(plan->product, &plan->product_range, fcl_arg_int((int)tiles), fcl_arg_int(first == 0),
                           fcl_arg_int(plan->shape.in_c), fcl_arg_int(plan->shape.out_c), fcl_arg_int((int)plan->block),
                           workspace));
    }
done:
    return status;
}

static fcl_status run(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_status status;
    fcl_arg workspace = fcl_arg_buffer(operands->workspace);
    if (plan->parts)
        FCL_TRY(FCL_LAUNCH(plan->parts, &plan->parts_range, fcl_arg_int(n), TILES_ARGS(plan, operands)));
    else
        FCL_TRY(add_chunks(plan, n, operands));
    FCL_TRY(FCL_LAUNCH(plan->finish, &plan->finish_range, fcl_arg_int((int)plan->n_parts), workspace,
                       fcl_arg_buffer(operands->buffer[FCL_DW]), fcl_arg_buffer(operands->buffer[FCL_DB]),
                       fcl_arg_int(args->accumulate)));
done:
    return status;
}

const fcl_solver fcl_solver_conv_winograd_backward_weights = {
    .name = "conv_winograd",
    .kind = FCL_CONV_BACKWARD_WEIGHTS,
    .likely_speed = fcl_winograd_speed,
    .files = "conv_winograd_weights.cl",
    .fuses_pool = 1,
    .error_factor = FCL_WINOGRAD_ERROR_FACTOR,
    .scope = FCL_WINOGRAD_SCOPE,
    .applies = applies,
    .workspace_bytes = workspace_bytes,
    .work = work,
    .prepare = prepare,
    .run = run,
    .dispose = dispose,
};
