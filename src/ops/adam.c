#include "ops/elementwise.h"
#include "ops/solvers.h"

#include "base/memory.h"

struct fcl_plan {
    fcl_kernel *kernel;
    size_t count;
    fcl_spread spread;
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

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->count = desc->flat.count;
    plan->spread = fcl_spread_of(device, plan->count);
    fcl_options_spread(&options, &plan->spread);
    FCL_TRY(fcl_kernel_from_text(&plan->kernel, device, "adam.cl", "adam", &options));
    *out = plan;
    plan = NULL;
done:
    dispose(plan);
    return status;
}

static fcl_status run(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)n;
    fcl_range range = fcl_spread_range(&plan->spread, plan->count);
    return FCL_LAUNCH(plan->kernel, &range, fcl_arg_int((int32_t)(plan->count / (size_t)plan->spread.vector)),
                      fcl_arg_buffer(operands->buffer[FCL_W]), fcl_arg_buffer(operands->buffer[FCL_DW]),
                      fcl_arg_buffer(operands->buffer[FCL_M]), fcl_arg_buffer(operands->buffer[FCL_V]),
                      fcl_arg_buffer(operands->buffer[FCL_FLAG]), fcl_arg_float(args->beta1),
                      fcl_arg_float(args->beta2), fcl_arg_float(args->epsilon), fcl_arg_float(args->step_size),
                      fcl_arg_float(args->inverse_sqrt_correction));
}

const fcl_solver fcl_solver_adam = {
    .name = "adam",
    .kind = FCL_ADAM,
    .files = "adam.cl",
    /* Of the step: m 1.5 ulp, v 2, sqrt 3 (half of v's error before it), product and sum 1, product with
     * step_size 0.5, division 2.5; and the subtraction. */
    .error_factor = 16,
    .applies = applies,
    .prepare = prepare,
    .run = run,
    .dispose = dispose,
};
