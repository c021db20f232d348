#include "ops/elementwise.h"
#include "ops/solvers.h"

#include "base/memory.h"

enum {
    GPU_GROUP = 128,
    MAX_PARTIALS = 256,          /* one item of the second stage reads them all */
    MIN_VECTORS_PER_GROUP = 512, /* below that a group costs more than its work */
};

struct fcl_plan {
    fcl_kernel *scan, *judge;
    size_t count, n_partials, group;
    int vector;
};

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->scan);
    fcl_kernel_free(plan->judge);
    free(plan);
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    return fcl_fits_int(desc) && fcl_device_facts(device)->max_work_group_size >= GPU_GROUP;
}

static size_t workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    (void)desc;
    (void)device;
    return MAX_PARTIALS * sizeof(int32_t);
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    int cpu = fcl_device_facts(device)->kind == FCL_DEVICE_CPU;
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->count = desc->flat.count;
    plan->vector = fcl_spread_of(device, plan->count).vector;
    plan->group = cpu ? 1 : GPU_GROUP;
    plan->n_partials = plan->count / (size_t)plan->vector / MIN_VECTORS_PER_GROUP + 1;
    if (plan->n_partials > MAX_PARTIALS) plan->n_partials = MAX_PARTIALS;
    fcl_text_appendf(&options, "-DVECTOR=%d -DGROUP=%zu -DN_PARTIALS=%zu -DCONTIGUOUS=%d", plan->vector, plan->group,
                     plan->n_partials, cpu);
    FCL_TRY(fcl_text_status(&options));
    FCL_TRY(fcl_kernel_create(&plan->scan, device, "finite_check.cl", "finite_check_scan", fcl_text_get(&options)));
    FCL_TRY(fcl_kernel_create(&plan->judge, device, "finite_check.cl", "finite_check_judge", fcl_text_get(&options)));
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    dispose(plan);
    return status;
}

static fcl_status run(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)n;
    fcl_status status;
    fcl_range scan = fcl_range_of(plan->n_partials * plan->group, plan->group), judge = fcl_range_of(1, 1);
    FCL_TRY(FCL_LAUNCH(plan->scan, &scan, fcl_arg_int((int32_t)(plan->count / (size_t)plan->vector)),
                       fcl_arg_buffer(operands->buffer[FCL_X]), fcl_arg_buffer(operands->workspace)));
    FCL_TRY(FCL_LAUNCH(plan->judge, &judge, fcl_arg_buffer(operands->workspace),
                       fcl_arg_buffer(operands->buffer[FCL_STATS]), fcl_arg_uint(args->slot), fcl_arg_uint(args->step),
                       fcl_arg_buffer(operands->buffer[FCL_FLAG])));
done:
    return status;
}

const fcl_solver fcl_solver_finite_check = {
    .name = "finite_check",
    .kind = FCL_FINITE_CHECK,
    .files = "finite_check.cl",
    .error_factor = 0, /* integers */
    .scope = "devices with work-groups of 128 work-items",
    .applies = applies,
    .workspace_bytes = workspace_bytes,
    .prepare = prepare,
    .run = run,
    .dispose = dispose,
};
