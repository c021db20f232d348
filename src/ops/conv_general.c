/* Convolution and dense layers, one work-item an element: cl/conv_general.cl. */
#include "ops/conv_shape.h"
#include "ops/solvers.h"

#include "base/memory.h"

enum {
    MAX_PARTS = 8, /* of the batch, for the weights' gradient: enough items for small weights, bounded memory
                      for large */
    MAX_PARTS_BYTES = 32 << 20,
};

struct fcl_plan {
    fcl_kernel *main, *sum_parts;
    size_t items; /* a sample's, but all of the weights' gradient */
    int n_parts;
};

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->main);
    fcl_kernel_free(plan->sum_parts);
    free(plan);
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    (void)device;
    return fcl_conv_fits_int(desc);
}

static size_t gradient_floats(const fcl_op_desc *desc) {
    fcl_conv_shape conv = fcl_conv_of(desc);
    return fcl_conv_gradient_floats(&conv);
}

static int parts_of(const fcl_op_desc *desc) {
    size_t fit = MAX_PARTS_BYTES / (gradient_floats(desc) * sizeof(float));
    return fcl_max_int(1, fcl_min_int(fcl_min_int(desc->batch, MAX_PARTS), (int)(fit > MAX_PARTS ? MAX_PARTS : fit)));
}

static size_t weights_workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    (void)device;
    return (size_t)parts_of(desc) * gradient_floats(desc) * sizeof(float);
}

static int weights_applies(const fcl_op_desc *desc, const fcl_device *device) {
    return applies(desc, device) && (size_t)parts_of(desc) * gradient_floats(desc) <= FCL_MAX_ELEMENTS;
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device, const char *name, size_t items,
                          int n_parts) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    fcl_conv_shape conv = fcl_conv_of(desc);
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->items = items;
    plan->n_parts = n_parts;
    fcl_options_conv(&options, &conv);
    if (desc->kind == FCL_CONV_FORWARD || desc->kind == FCL_DENSE_FORWARD)
        fcl_options_activation(&options, "ACTIVATION", desc->activation);
    else
        fcl_options_activation(&options, "X_ACTIVATION", desc->x_activation);
    FCL_TRY(fcl_text_status(&options));
    FCL_TRY(fcl_kernel_create(&plan->main, device, "conv_general.cl", name, fcl_text_get(&options)));
    if (n_parts) FCL_TRY(fcl_sum_parts_create(&plan->sum_parts, &conv, device));
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    dispose(plan);
    return status;
}

static fcl_status prepare_forward(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    return prepare(out, desc, device, "conv_general_forward", fcl_op_output_count(desc), 0);
}

static fcl_status prepare_data(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    return prepare(out, desc, device, "conv_general_backward_data", fcl_op_input_count(desc), 0);
}

static fcl_status prepare_weights(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    return prepare(out, desc, device, "conv_general_backward_weights", gradient_floats(desc), parts_of(desc));
}

static fcl_status run_forward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    fcl_range range = fcl_kernel_range(plan->main, (size_t)n * plan->items);
    return FCL_LAUNCH(plan->main, &range, fcl_arg_int(n), fcl_arg_buffer(operands->buffer[FCL_X]),
                      fcl_arg_buffer(operands->buffer[FCL_W]), fcl_arg_buffer(operands->buffer[FCL_B]),
                      fcl_arg_buffer(operands->buffer[FCL_Y]));
}

static fcl_status run_data(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_range range = fcl_kernel_range(plan->main, (size_t)n * plan->items);
    return FCL_LAUNCH(plan->main, &range, fcl_arg_int(n), fcl_arg_buffer(operands->buffer[FCL_DY]),
                      fcl_arg_buffer(operands->buffer[FCL_W]), fcl_arg_buffer(operands->buffer[FCL_X]),
                      fcl_arg_buffer(operands->buffer[FCL_DX]), fcl_arg_int(args->accumulate));
}

static fcl_status run_weights(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_status status;
    fcl_range parts = fcl_kernel_range(plan->main, plan->items);
    parts.n_dimensions = 2;
    parts.global[1] = (size_t)plan->n_parts;
    FCL_TRY(FCL_LAUNCH(plan->main, &parts, fcl_arg_int(n), fcl_arg_int(plan->n_parts),
                       fcl_arg_buffer(operands->buffer[FCL_X]), fcl_arg_buffer(operands->buffer[FCL_DY]),
                       fcl_arg_buffer(operands->workspace)));
    FCL_TRY(fcl_sum_parts_run(plan->sum_parts, plan->n_parts, plan->items, operands, args));
done:
    return status;
}

/* Three solvers for convolution and the same three for dense layers. */
#define SOLVER(variable, op_kind, applies_, workspace, prepare_, run_)                                                 \
    const fcl_solver variable = {                                                                                      \
        .name = "conv_general",                                                                                        \
        .kind = op_kind,                                                                                               \
        .likely_speed = fcl_speed_of_last_resort,                                                                      \
        .files = "conv_general.cl sum_parts.cl",                                                                       \
        .error_factor = FCL_CONV_ERROR_FACTOR,                                                                         \
        .applies = applies_,                                                                                           \
        .workspace_bytes = workspace,                                                                                  \
        .prepare = prepare_,                                                                                           \
        .run = run_,                                                                                                   \
        .dispose = dispose,                                                                                            \
    }

SOLVER(fcl_solver_conv_general_forward, FCL_CONV_FORWARD, applies, NULL, prepare_forward, run_forward);
SOLVER(fcl_solver_conv_general_backward_data, FCL_CONV_BACKWARD_DATA, applies, NULL, prepare_data, run_data);
SOLVER(fcl_solver_conv_general_backward_weights, FCL_CONV_BACKWARD_WEIGHTS, weights_applies, weights_workspace_bytes,
       prepare_weights, run_weights);
SOLVER(fcl_solver_dense_general_forward, FCL_DENSE_FORWARD, applies, NULL, prepare_forward, run_forward);
SOLVER(fcl_solver_dense_general_backward_data, FCL_DENSE_BACKWARD_DATA, applies, NULL, prepare_data, run_data);
SOLVER(fcl_solver_dense_general_backward_weights, FCL_DENSE_BACKWARD_WEIGHTS, weights_applies, weights_workspace_bytes,
       prepare_weights, run_weights);
