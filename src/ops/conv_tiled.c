/* Convolution and dense layers as tiled products of matrices, for devices other than CPUs: cl/conv_tiled.cl says how. */
#include "ops/conv_shape.h"
#include "ops/solvers.h"

#include "base/memory.h"

/* What a work-group and a work-item compute of the product: cl/conv_tiled.cl. */
typedef struct tile {
    int m, n, k, block_m, block_n;
} tile;

enum {
    LINE_PADDING = 4, /* floats, as in cl/conv_tiled.cl */
    PIXEL_BYTES = 16, /* of its table of pixels: an int4 each */
    /* Of the sum over pixels in a weights' gradient: parts for enough work-groups to fill a large GPU, but of so many
     * terms that a part's sums are worth storing, and so few that rounding stays small (docs/kernels.md). */
    WANTED_GROUPS = 512,
    MIN_TERMS = 256,
    MAX_TERMS = 4096,
    MAX_PARTS = 1024,
    MAX_PARTS_BYTES = 64 << 20,
};

struct fcl_plan {
    fcl_kernel *main, *sum_parts;
    tile tile;
    size_t pixels, rows, columns; /* of a sample's result; of the weights' gradient; columns of both */
    size_t n_parts;
};

static int items_of(const tile *t) {
    return t->m / t->block_m * (t->n / t->block_n);
}

static size_t local_bytes(const tile *t, int is_weights) {
    size_t floats = (size_t)t->k * (size_t)(t->m + LINE_PADDING + t->n + LINE_PADDING);
    return floats * sizeof(float) + (size_t)(is_weights ? t->k : t->m) * PIXEL_BYTES;
}

static int is_weights(const fcl_op_desc *desc) {
    return desc->kind == FCL_CONV_BACKWARD_WEIGHTS || desc->kind == FCL_DENSE_BACKWARD_WEIGHTS;
}

static int is_forward(const fcl_op_desc *desc) {
    return desc->kind == FCL_CONV_FORWARD || desc->kind == FCL_DENSE_FORWARD;
}

/* Depends on shape and tile alone, so that the bits do not depend on anything else. */
static size_t parts_of(const tile *t, const fcl_op_desc *desc) {
    fcl_conv_shape c = fcl_conv_of(desc);
    size_t rows = fcl_conv_weights(&c) / (size_t)c.out_c + 1,
           pixels = (size_t)desc->batch * (size_t)(c.out_h * c.out_w);
    size_t tiles = fcl_div_up(rows, (size_t)t->m) * fcl_div_up((size_t)c.out_c, (size_t)t->n);
    size_t parts = fcl_div_up(WANTED_GROUPS, tiles), most = fcl_div_up(pixels, MIN_TERMS),
           least = fcl_div_up(pixels, MAX_TERMS),
           fit = MAX_PARTS_BYTES / (fcl_conv_gradient_floats(&c) * sizeof(float));
    if (parts > most) parts = most;
    if (parts < least) parts = least;
    if (parts > fit) parts = fit;
    if (parts > MAX_PARTS) parts = MAX_PARTS;
    return parts > 0 ? parts : 1;
}

static size_t parts_floats(const tile *t, const fcl_op_desc *desc) {
    fcl_conv_shape c = fcl_conv_of(desc);
    return is_weights(desc) ? parts_of(t, desc) * fcl_conv_gradient_floats(&c) : 0;
}

static int applies(const tile *t, const fcl_op_desc *desc, const fcl_device *device) {
    const fcl_device_info *facts = fcl_device_facts(device);
    size_t items = (size_t)items_of(t);
    return items <= facts->max_work_group_size && items <= facts->max_work_item_sizes[0] &&
           local_bytes(t, is_weights(desc)) <= facts->local_memory_bytes && fcl_conv_fits_int(desc) &&
           parts_floats(t, desc) <= FCL_MAX_ELEMENTS;
}

static size_t workspace_bytes(const tile *t, const fcl_op_desc *desc) {
    return parts_floats(t, desc) * sizeof(float);
}

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->main);
    fcl_kernel_free(plan->sum_parts);
    free(plan);
}

/* The convolution that the left matrix is gathered for. A backward pass to the data is one of dy with the kernel turned
 * around, whose rows lie as far apart as the stride was. */
static void append_shape(fcl_text *options, const fcl_op_desc *desc) {
    fcl_conv_shape c = fcl_conv_of(desc), s = c;
    int dilation_h = 1, dilation_w = 1;
    if (!is_forward(desc) && !is_weights(desc)) {
        const fcl_op_desc conv = {.kind = FCL_CONV_BACKWARD_DATA, .conv = c};
        s = fcl_conv_as_forward(&conv);
        dilation_h = c.stride_h;
        dilation_w = c.stride_w;
    }
    fcl_text_appendf(options,
                     "-DSOURCE_H=%d -DSOURCE_W=%d -DSOURCE_C=%d -DGRID_H=%d -DGRID_W=%d -DCOLUMNS=%d -DKERNEL_H=%d"
                     " -DKERNEL_W=%d -DSTRIDE_H=%d -DSTRIDE_W=%d -DDILATION_H=%d -DDILATION_W=%d -DPAD_TOP=%d"
                     " -DPAD_LEFT=%d",
                     s.in_h, s.in_w, s.in_c, s.out_h, s.out_w, s.out_c, s.kernel_h, s.kernel_w, s.stride_h, s.stride_w,
                     dilation_h, dilation_w, s.pad_top, s.pad_left);
}

static fcl_status prepare(fcl_plan **out, const tile *t, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    fcl_conv_shape c = fcl_conv_of(desc);
    const char *name = "conv_tiled_backward_weights";
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->tile = *t;
    plan->pixels = (size_t)c.out_h * (size_t)c.out_w;
    plan->columns = (size_t)c.out_c;
    append_shape(&options, desc);
    fcl_text_appendf(&options, " -DTILE_M=%d -DTILE_N=%d -DTILE_K=%d -DBLOCK_M=%d -DBLOCK_N=%d", t->m, t->n, t->k,
                     t->block_m, t->block_n);
    if (is_forward(desc)) {
        name = "conv_tiled_forward";
        fcl_options_activation(&options, "ACTIVATION", desc->activation);
    } else if (is_weights(desc)) {
        plan->rows = fcl_conv_weights(&c) / plan->columns + 1;
        plan->n_parts = parts_of(t, desc);
        FCL_TRY(fcl_sum_parts_create(&plan->sum_parts, &c, device));
    } else {
        name = "conv_tiled_backward_data";
        plan->pixels = (size_t)c.in_h * (size_t)c.in_w;
        plan->columns = (size_t)c.in_c;
        fcl_options_activation(&options, "X_ACTIVATION", desc->x_activation);
    }
    FCL_TRY(fcl_text_status(&options));
    FCL_TRY(fcl_kernel_create(&plan->main, device, "conv_tiled.cl", name, fcl_text_get(&options)));
    /* What the device allows in general, registers may forbid to this kernel. */
    if (fcl_kernel_max_work_group(plan->main) < (size_t)items_of(t)) {
        status = fcl_fail(FCL_E_DEVICE,
                          "the tile %dx%dx%d needs work-groups of %d work-items, of which '%s' can run %zu; a smaller "
                          "tile may do",
                          t->m, t->n, t->k, items_of(t), fcl_device_facts(device)->name,
                          fcl_kernel_max_work_group(plan->main));
        goto done;
    }
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    dispose(plan);
    return status;
}

static fcl_range range_of(const fcl_plan *plan, size_t rows) {
    const tile *t = &plan->tile;
    size_t items = (size_t)items_of(t),
           tiles = fcl_div_up(rows, (size_t)t->m) * fcl_div_up(plan->columns, (size_t)t->n);
    return (fcl_range){.n_dimensions = 1, .global = {tiles * items, 1, 1}, .local = {items, 1, 1}};
}

static fcl_status run_forward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    fcl_range range = range_of(plan, (size_t)n * plan->pixels);
    return FCL_LAUNCH(plan->main, &range, fcl_arg_int(n), fcl_arg_buffer(operands->buffer[FCL_X]),
                      fcl_arg_buffer(operands->buffer[FCL_W]), fcl_arg_buffer(operands->buffer[FCL_B]),
                      fcl_arg_buffer(operands->buffer[FCL_Y]));
}

static fcl_status run_data(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_range range = range_of(plan, (size_t)n * plan->pixels);
    return FCL_LAUNCH(plan->main, &range, fcl_arg_int(n), fcl_arg_buffer(operands->buffer[FCL_DY]),
                      fcl_arg_buffer(operands->buffer[FCL_W]), fcl_arg_buffer(operands->buffer[FCL_X]),
                      fcl_arg_buffer(operands->buffer[FCL_DX]), fcl_arg_int(args->accumulate));
}

static fcl_status run_weights(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_status status;
    fcl_range range = range_of(plan, plan->rows);
    range.n_dimensions = 2;
    range.global[1] = plan->n_parts;
    FCL_TRY(FCL_LAUNCH(plan->main, &range, fcl_arg_int(n), fcl_arg_int((int)plan->n_parts),
                       fcl_arg_buffer(operands->buffer[FCL_X]), fcl_arg_buffer(operands->buffer[FCL_DY]),
                       fcl_arg_buffer(operands->workspace)));
    FCL_TRY(fcl_sum_parts_run(plan->sum_parts, (int)plan->n_parts, plan->rows * plan->columns, operands, args));
done:
    return status;
}

/* The variants: m, n and k of the tile, rows and columns of a block. The first is the default. docs/kernels.md says which
 * is for what. */
#define VARIANTS(V)                                                                                                    \
    V(64, 64, 16, 8, 4)                                                                                                \
    V(32, 32, 16, 4, 4)                                                                                                \
    V(32, 32, 8, 4, 4)                                                                                                 \
    V(16, 32, 8, 4, 4)                                                                                                 \
    V(64, 32, 16, 8, 4)                                                                                                \
    V(128, 64, 16, 8, 8)                                                                                               \
    V(128, 128, 8, 8, 8)

/* The functions of a variant say which tile it has. */
#define FUNCTIONS(m, n, k, block_m, block_n)                                                                           \
    static const tile tile_##m##x##n##x##k = {m, n, k, block_m, block_n};                                              \
    static int applies_##m##x##n##x##k(const fcl_op_desc *desc, const fcl_device *device) {                            \
        return applies(&tile_##m##x##n##x##k, desc, device);                                                           \
    }                                                                                                                  \
    static size_t workspace_bytes_##m##x##n##x##k(const fcl_op_desc *desc, const fcl_device *device) {                 \
        (void)device;                                                                                                  \
        return workspace_bytes(&tile_##m##x##n##x##k, desc);                                                           \
    }                                                                                                                  \
    static fcl_status prepare_##m##x##n##x##k(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {           \
        return prepare(out, &tile_##m##x##n##x##k, desc, device);                                                      \
    }
VARIANTS(FUNCTIONS)

#define SOLVER(op_kind, speed, run_, m, n, k)                                                                          \
    {                                                                                                                  \
        .name = "conv_tiled:" #m "x" #n "x" #k,                                                                        \
        .kind = op_kind,                                                                                               \
        .likely_speed = speed,                                                                                         \
        .not_on_cpu = 1,                                                                                               \
        .files = "conv_tiled.cl sum_parts.cl",                                                                         \
        .error_factor = FCL_CONV_ERROR_FACTOR,                                                                         \
        .scope = "devices whose work-groups and local memory hold its tile",                                           \
        .applies = applies_##m##x##n##x##k,                                                                            \
        .workspace_bytes = workspace_bytes_##m##x##n##x##k,                                                            \
        .prepare = prepare_##m##x##n##x##k,                                                                            \
        .run = run_,                                                                                                   \
        .dispose = dispose,                                                                                            \
    },
/* A dense layer has few rows, so that a library may be as fast. */
#define CONV_FORWARD(m, n, k, ...)  SOLVER(FCL_CONV_FORWARD, NULL, run_forward, m, n, k)
#define CONV_DATA(m, n, k, ...)     SOLVER(FCL_CONV_BACKWARD_DATA, NULL, run_data, m, n, k)
#define CONV_WEIGHTS(m, n, k, ...)  SOLVER(FCL_CONV_BACKWARD_WEIGHTS, NULL, run_weights, m, n, k)
#define DENSE_FORWARD(m, n, k, ...) SOLVER(FCL_DENSE_FORWARD, fcl_speed_of_detour, run_forward, m, n, k)
#define DENSE_DATA(m, n, k, ...)    SOLVER(FCL_DENSE_BACKWARD_DATA, fcl_speed_of_detour, run_data, m, n, k)
#define DENSE_WEIGHTS(m, n, k, ...) SOLVER(FCL_DENSE_BACKWARD_WEIGHTS, fcl_speed_of_detour, run_weights, m, n, k)

const fcl_solver fcl_solvers_conv_tiled_forward[FCL_N_TILES] = {VARIANTS(CONV_FORWARD)};
const fcl_solver fcl_solvers_conv_tiled_backward_data[FCL_N_TILES] = {VARIANTS(CONV_DATA)};
const fcl_solver fcl_solvers_conv_tiled_backward_weights[FCL_N_TILES] = {VARIANTS(CONV_WEIGHTS)};
const fcl_solver fcl_solvers_dense_tiled_forward[FCL_N_TILES] = {VARIANTS(DENSE_FORWARD)};
const fcl_solver fcl_solvers_dense_tiled_backward_data[FCL_N_TILES] = {VARIANTS(DENSE_DATA)};
const fcl_solver fcl_solvers_dense_tiled_backward_weights[FCL_N_TILES] = {VARIANTS(DENSE_WEIGHTS)};
