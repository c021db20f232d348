/* Activations that stand alone, sums, and dropout: one kernel over all elements. */
#include "ops/elementwise.h"
#include "ops/solvers.h"

#include "base/memory.h"

struct fcl_plan {
    fcl_kernel *kernel;
    fcl_op_desc desc;
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

static fcl_status prepare_kernel(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device, const char *file,
                                 const char *name) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->desc = *desc;
    plan->spread = fcl_spread_of(device, desc->flat.count);
    fcl_options_spread(&options, &plan->spread);
    if (desc->kind == FCL_ACTIVATION_BACKWARD)
        fcl_options_activation(&options, "X_ACTIVATION", desc->x_activation);
    else
        fcl_options_activation(&options, "ACTIVATION", desc->activation);
    FCL_TRY(fcl_kernel_from_text(&plan->kernel, device, file, name, &options));
    *out = plan;
    plan = NULL;
done:
    dispose(plan);
    return status;
}

static size_t elements(const fcl_plan *plan, int n) {
    return (size_t)n * plan->desc.flat.count;
}

static int vectors(const fcl_plan *plan, int n) {
    return (int)(elements(plan, n) / (size_t)plan->spread.vector);
}

static fcl_status prepare_forward(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    return prepare_kernel(out, desc, device, "activation.cl", "activation_forward");
}

static fcl_status run_forward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    fcl_range range = fcl_spread_range(&plan->spread, elements(plan, n));
    return FCL_LAUNCH(plan->kernel, &range, fcl_arg_int(vectors(plan, n)), fcl_arg_buffer(operands->buffer[FCL_X]),
                      fcl_arg_buffer(operands->buffer[FCL_Y]));
}

const fcl_solver fcl_solver_activation_forward = {
    .name = "activation",
    .kind = FCL_ACTIVATION_FORWARD,
    .files = "activation.cl",
    .error_factor = 8, /* expm1 has 3 ulp, the product with alpha one more */
    .applies = applies,
    .prepare = prepare_forward,
    .run = run_forward,
    .dispose = dispose,
};

static fcl_status prepare_backward(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    return prepare_kernel(out, desc, device, "activation.cl", "activation_backward");
}

static fcl_status run_backward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_range range = fcl_spread_range(&plan->spread, elements(plan, n));
    return FCL_LAUNCH(plan->kernel, &range, fcl_arg_int(vectors(plan, n)), fcl_arg_buffer(operands->buffer[FCL_X]),
                      fcl_arg_buffer(operands->buffer[FCL_DY]), fcl_arg_buffer(operands->buffer[FCL_DX]),
                      fcl_arg_int(args->accumulate));
}

const fcl_solver fcl_solver_activation_backward = {
    .name = "activation",
    .kind = FCL_ACTIVATION_BACKWARD,
    .files = "activation.cl",
    .error_factor = 4, /* x + alpha, the product and the sum round once each */
    .applies = applies,
    .prepare = prepare_backward,
    .run = run_backward,
    .dispose = dispose,
};

static fcl_status prepare_add(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    return prepare_kernel(out, desc, device, "activation.cl", "add");
}

static fcl_status run_add(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    fcl_range range = fcl_spread_range(&plan->spread, elements(plan, n));
    return FCL_LAUNCH(plan->kernel, &range, fcl_arg_int(vectors(plan, n)), fcl_arg_buffer(operands->buffer[FCL_X]),
                      fcl_arg_buffer(operands->buffer[FCL_X2]), fcl_arg_buffer(operands->buffer[FCL_Y]));
}

const fcl_solver fcl_solver_add = {
    .name = "add",
    .kind = FCL_ADD,
    .files = "activation.cl",
    .error_factor = 8, /* as activation_forward, after one addition */
    .applies = applies,
    .prepare = prepare_add,
    .run = run_add,
    .dispose = dispose,
};
