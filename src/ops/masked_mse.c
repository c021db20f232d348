#include "ops/elementwise.h"
#include "ops/solvers.h"

#include "base/memory.h"

enum {
    ELEMENTS_PER_PARTIAL = 16,
    MAX_PARTIALS = 256, /* one item of the second stage adds them all */
};

struct fcl_plan {
    fcl_kernel *gradient, *sum;
    size_t count, local;
};

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->gradient);
    fcl_kernel_free(plan->sum);
    free(plan);
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    (void)device;
    return fcl_fits_int(desc);
}

static size_t workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    (void)desc;
    (void)device;
    return 2 * MAX_PARTIALS * sizeof(float);
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->count = desc->flat.count;
    plan->local = fcl_spread_of(device, 1).local;
    fcl_options_activation(&options, "X_ACTIVATION", desc->x_activation);
    FCL_TRY(fcl_text_status(&options));
    FCL_TRY(fcl_kernel_create(&plan->gradient, device, "masked_mse.cl", "masked_mse_gradient", fcl_text_get(&options)));
    FCL_TRY(fcl_kernel_create(&plan->sum, device, "masked_mse.cl", "masked_mse_sum", fcl_text_get(&options)));
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    dispose(plan);
    return status;
}

static fcl_status run(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_status status;
    size_t count = (size_t)n * plan->count, n_partials = (count + ELEMENTS_PER_PARTIAL - 1) / ELEMENTS_PER_PARTIAL;
    if (n_partials > MAX_PARTIALS) n_partials = MAX_PARTIALS;
    fcl_range gradient = fcl_range_of(n_partials, plan->local), sum = fcl_range_of(1, 1);
    FCL_TRY(FCL_LAUNCH(plan->gradient, &gradient, fcl_arg_int((int32_t)count), fcl_arg_int((int32_t)n_partials),
                       fcl_arg_float(args->inverse_count), fcl_arg_buffer(operands->buffer[FCL_X]),
                       fcl_arg_buffer(operands->buffer[FCL_TARGET]), fcl_arg_buffer(operands->buffer[FCL_MASK]),
                       fcl_arg_buffer(operands->buffer[FCL_DX]), fcl_arg_buffer(operands->workspace)));
    FCL_TRY(FCL_LAUNCH(plan->sum, &sum, fcl_arg_int((int32_t)n_partials), fcl_arg_float(args->inverse_count),
                       fcl_arg_buffer(operands->workspace), fcl_arg_uint(args->slot), fcl_arg_int(args->accumulate),
                       fcl_arg_buffer(operands->buffer[FCL_STATS])));
done:
    return status;
}

const fcl_solver fcl_solver_masked_mse = {
    .name = "masked_mse",
    .kind = FCL_LOSS_MSE,
    .files = "masked_mse.cl",
    /* A sum of positive terms in at most count / 256 + 256 steps; errors of rounding grow with the square
     * root of that number and reach about 20 eps for a million elements. */
    .error_factor = 32,
    .applies = applies,
    .workspace_bytes = workspace_bytes,
    .prepare = prepare,
    .run = run,
    .dispose = dispose,
};
