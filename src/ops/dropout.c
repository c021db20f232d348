#include "ops/elementwise.h"
#include "ops/solvers.h"

#include "base/memory.h"

enum {
    BLOCK = 4,              /* random numbers come in fours */
    CPU_BLOCKS_AT_ONCE = 4, /* 16 elements */
    CPU_PER_ITEM = 64,
};

struct fcl_plan {
    fcl_kernel *kernel;
    fcl_op_desc desc;
    size_t blocks_per_item, local;
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
    int forward = desc->kind == FCL_DROPOUT_FORWARD;
    int cpu = fcl_device_facts(device)->kind == FCL_DEVICE_CPU, at_once = cpu ? CPU_BLOCKS_AT_ONCE : 1;
    int per_item = cpu ? CPU_PER_ITEM : 1;
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->desc = *desc;
    plan->local = fcl_spread_of(device, BLOCK).local;
    plan->blocks_per_item = (size_t)at_once * (size_t)per_item;
    fcl_text_appendf(&options, "-DRANDOM_BLOCKS=%d -DPER_ITEM=%d", at_once, per_item);
    if (forward)
        fcl_options_activation(&options, "ACTIVATION", desc->activation);
    else
        fcl_options_activation(&options, "X_ACTIVATION", desc->x_activation);
    FCL_TRY(fcl_kernel_from_text(&plan->kernel, device, "dropout.cl", forward ? "dropout_forward" : "dropout_backward",
                                 &options));
    *out = plan;
    plan = NULL;
done:
    dispose(plan);
    return status;
}

static fcl_status run(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    uint64_t first = (uint64_t)args->first_sample * plan->desc.flat.count;
    size_t count = (size_t)n * plan->desc.flat.count;
    size_t blocks = (count + (size_t)(first % BLOCK) + BLOCK - 1) / BLOCK;
    fcl_range range = fcl_range_of((blocks + plan->blocks_per_item - 1) / plan->blocks_per_item, plan->local);
    fcl_arg list[13] = {
        fcl_arg_int((int32_t)count),
        fcl_arg_uint((uint32_t)args->seed),
        fcl_arg_uint((uint32_t)(args->seed >> 32)),
        fcl_arg_uint(args->purpose),
        fcl_arg_uint(args->step),
        fcl_arg_uint((uint32_t)first),
        fcl_arg_uint((uint32_t)(first >> 32)),
        fcl_arg_float(plan->desc.rate),
        fcl_arg_float((float)(1.0 / (1.0 - (double)plan->desc.rate))),
        fcl_arg_buffer(operands->buffer[FCL_X]),
    };
    unsigned n_args = 10;
    if (plan->desc.kind == FCL_DROPOUT_FORWARD) {
        list[n_args++] = fcl_arg_buffer(operands->buffer[FCL_Y]);
    } else {
        list[n_args++] = fcl_arg_buffer(operands->buffer[FCL_DY]);
        list[n_args++] = fcl_arg_buffer(operands->buffer[FCL_DX]);
        list[n_args++] = fcl_arg_int(args->accumulate);
    }
    return fcl_kernel_launch(plan->kernel, &range, list, n_args);
}

const fcl_solver fcl_solver_dropout_forward = {
    .name = "dropout",
    .kind = FCL_DROPOUT_FORWARD,
    .files = "dropout.cl",
    .error_factor = 8, /* the scale and the product round; an ELU behind it has 3 ulp and a product */
    .applies = applies,
    .prepare = prepare,
    .run = run,
    .dispose = dispose,
};

const fcl_solver fcl_solver_dropout_backward = {
    .name = "dropout",
    .kind = FCL_DROPOUT_BACKWARD,
    .files = "dropout.cl",
    .error_factor = 6, /* the scale, two products, x + alpha and the sum round once each */
    .applies = applies,
    .prepare = prepare,
    .run = run,
    .dispose = dispose,
};
