/* Pooling: forward, and backward by blocks (windows that do not overlap) or by gathering (any). */
#include "ops/elementwise.h"
#include "ops/solvers.h"

#include "base/memory.h"

struct fcl_plan {
    fcl_kernel *kernel;
    size_t items_per_sample, local;
};

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->kernel);
    free(plan);
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    (void)device;
    return fcl_fits_int(desc);
}

static int windows_overlap(const fcl_pool_shape *pool) {
    return pool->window_h > pool->stride_h || pool->window_w > pool->stride_w;
}

static int blocks_applies(const fcl_op_desc *desc, const fcl_device *device) {
    return applies(desc, device) && !windows_overlap(&desc->pool);
}

static void append_shape(fcl_text *options, const fcl_pool_shape *pool, int vector, int row_per_item) {
    fcl_text_appendf(options,
                     "-DMAX_POOL=%d -DIN_H=%d -DIN_W=%d -DCHANNELS=%d -DOUT_H=%d -DOUT_W=%d -DWINDOW_H=%d -DWINDOW_W=%d"
                     " -DSTRIDE_H=%d -DSTRIDE_W=%d -DPAD_TOP=%d -DPAD_LEFT=%d -DVECTOR=%d -DROW_PER_ITEM=%d",
                     pool->kind == FCL_MAX_POOL, pool->in_h, pool->in_w, pool->channels, pool->out_h, pool->out_w,
                     pool->window_h, pool->window_w, pool->stride_h, pool->stride_w, pool->pad_top, pool->pad_left,
                     vector, row_per_item);
}

/* A plan whose items go over a grid of rows x columns of pixels, windows or blocks. */
static fcl_status prepare_grid(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device, int rows, int columns,
                               const char *file, const char *name, fcl_text *extra_options) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    int cpu = fcl_device_facts(device)->kind == FCL_DEVICE_CPU;
    fcl_spread spread = fcl_spread_of(device, (size_t)desc->pool.channels);
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->local = spread.local;
    plan->items_per_sample = (size_t)rows;
    if (!cpu) plan->items_per_sample *= (size_t)columns * (size_t)(desc->pool.channels / spread.vector);
    append_shape(&options, &desc->pool, spread.vector, cpu);
    fcl_text_append(&options, fcl_text_get(extra_options));
    FCL_TRY(fcl_text_status(extra_options));
    FCL_TRY(fcl_kernel_from_text(&plan->kernel, device, file, name, &options));
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    fcl_text_dispose(extra_options);
    dispose(plan);
    return status;
}

static fcl_status prepare_forward(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_text options = FCL_TEXT_EMPTY;
    fcl_options_activation(&options, "ACTIVATION", desc->activation);
    return prepare_grid(out, desc, device, desc->pool.out_h, desc->pool.out_w, "pool_forward.cl", "pool_forward",
                        &options);
}

static fcl_status prepare_gather(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_text options = FCL_TEXT_EMPTY;
    fcl_options_activation(&options, "X_ACTIVATION", desc->x_activation);
    return prepare_grid(out, desc, device, desc->pool.in_h, desc->pool.in_w, "pool_gather_backward.cl",
                        "pool_gather_backward", &options);
}

static fcl_status prepare_blocks(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    const fcl_pool_shape *pool = &desc->pool;
    int rows = (pool->in_h + pool->pad_top + pool->stride_h - 1) / pool->stride_h;
    int columns = (pool->in_w + pool->pad_left + pool->stride_w - 1) / pool->stride_w;
    fcl_text options = FCL_TEXT_EMPTY;
    fcl_options_activation(&options, "X_ACTIVATION", desc->x_activation);
    fcl_text_appendf(&options, " -DN_BLOCKS_H=%d -DN_BLOCKS_W=%d", rows, columns);
    return prepare_grid(out, desc, device, rows, columns, "pool_blocks_backward.cl", "pool_blocks_backward", &options);
}

static fcl_status run_forward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    fcl_range range = fcl_range_of((size_t)n * plan->items_per_sample, plan->local);
    return FCL_LAUNCH(plan->kernel, &range, fcl_arg_int(n), fcl_arg_buffer(operands->buffer[FCL_X]),
                      fcl_arg_buffer(operands->buffer[FCL_Y]));
}

static fcl_status run_backward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_range range = fcl_range_of((size_t)n * plan->items_per_sample, plan->local);
    return FCL_LAUNCH(plan->kernel, &range, fcl_arg_int(n), fcl_arg_buffer(operands->buffer[FCL_X]),
                      fcl_arg_buffer(operands->buffer[FCL_DY]), fcl_arg_buffer(operands->buffer[FCL_DX]),
                      fcl_arg_int(args->accumulate));
}

/* Sums over a window, of at most a few dozen elements, then the activation or its derivative and the sum with
 * what was there: pooling rounds as often as a window has elements in the worst case. */
enum { ERROR_FACTOR = 16 };

/* It reads x as often as windows overlap, and for each pixel all windows that it is in. */
static double gather_speed(const fcl_op_desc *desc, const fcl_device *device) {
    (void)desc;
    (void)device;
    return 0.3;
}

const fcl_solver fcl_solver_pool_forward = {
    .name = "pool_direct",
    .kind = FCL_POOL_FORWARD,
    .files = "pool_forward.cl",
    .error_factor = ERROR_FACTOR,
    .applies = applies,
    .prepare = prepare_forward,
    .run = run_forward,
    .dispose = dispose,
};

const fcl_solver fcl_solver_pool_blocks_backward = {
    .name = "pool_blocks",
    .kind = FCL_POOL_BACKWARD,
    .files = "pool_blocks_backward.cl",
    .error_factor = ERROR_FACTOR,
    .scope = "windows that do not overlap",
    .applies = blocks_applies,
    .prepare = prepare_blocks,
    .run = run_backward,
    .dispose = dispose,
};

const fcl_solver fcl_solver_pool_gather_backward = {
    .name = "pool_gather",
    .kind = FCL_POOL_BACKWARD,
    .likely_speed = gather_speed,
    .files = "pool_gather_backward.cl",
    .error_factor = ERROR_FACTOR,
    .applies = applies,
    .prepare = prepare_gather,
    .run = run_backward,
    .dispose = dispose,
};
