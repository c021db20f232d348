#include "net/memory_plan.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/system.h"
#include "device/buffer.h"
#include "net/model.h"
#include "net/placement.h"
#include "net/share.h"
#include "ops/selection.h"

enum { MOMENTS_AND_GRADIENTS = 3 };
static const double mebi = 1024.0 * 1024.0;

static void include_workspace(uint64_t *most, const fcl_op_desc *desc, const fcl_device *device) {
    uint64_t bytes = fcl_likely_workspace_bytes(desc, device);
    if (bytes > *most) *most = bytes;
}

/* All operations share one. Those that are not looked at need none. */
static uint64_t likely_workspace(const fcl_model *model, const fcl_placement *placement, int batch,
                                 const fcl_device *device) {
    static const fcl_op_kind kinds[][3] = {
        {FCL_CONV_FORWARD, FCL_CONV_BACKWARD_WEIGHTS, FCL_CONV_BACKWARD_DATA},
        {FCL_DENSE_FORWARD, FCL_DENSE_BACKWARD_WEIGHTS, FCL_DENSE_BACKWARD_DATA},
    };
    const fcl_op_desc loss = {.kind = FCL_LOSS_MSE, .batch = batch, .flat = {FCL_N_COORDINATES}};
    const fcl_op_desc finite_check = {
        .kind = FCL_FINITE_CHECK, .batch = 1, .flat = {(size_t)fcl_model_n_parameters(model)}};
    uint64_t most = 0;
    include_workspace(&most, &loss, device);
    include_workspace(&most, &finite_check, device);
    for (unsigned i = 0; i < model->n_layers; i++) {
        const fcl_layer *layer = &model->layers[i];
        if (layer->parameter < 0) continue;
        const int is_dense = layer->kind == FCL_LAYER_DENSE, n_kinds = placement->learns[layer->from] ? 3 : 2;
        for (int k = 0; k < n_kinds; k++) {
            fcl_op_desc desc = {.kind = kinds[is_dense][k], .batch = batch};
            if (is_dense)
                desc.dense = layer->dense;
            else
                desc.conv = layer->conv;
            include_workspace(&most, &desc, device);
        }
    }
    return most;
}

static uint64_t largest_of(uint64_t so_far, const size_t *bytes, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        if (bytes[i] > so_far) so_far = bytes[i];
    return so_far;
}

/* Sets what the plan's parts need. */
static fcl_status measure(fcl_memory_plan *plan, const fcl_model *model) {
    fcl_placement placement;
    fcl_status status = fcl_placement_init(&placement, model, plan->part, 1);
    if (status != FCL_OK) return status;
    const fcl_device *device = plan->request.device;
    const uint64_t targets_and_mask = (uint64_t)plan->part * 2 * FCL_N_COORDINATES * sizeof(float);
    const uint64_t losses_and_flag = 2 * FCL_STATS_SLOTS * sizeof(float) + FCL_FLAG_WORDS * sizeof(int32_t);
    plan->parameters = fcl_network_arena_bytes(model, device);
    plan->optimizer = MOMENTS_AND_GRADIENTS * plan->parameters;
    plan->activations = fcl_placement_value_bytes(&placement) + targets_and_mask;
    plan->gradients = fcl_placement_gradient_bytes(&placement) + losses_and_flag;
    plan->workspace = device ? likely_workspace(model, &placement, (int)plan->part, device) : 0;
    plan->largest = plan->parameters > plan->workspace ? plan->parameters : plan->workspace;
    plan->largest = largest_of(plan->largest, placement.value_bytes, placement.n_values);
    plan->largest = largest_of(plan->largest, placement.gradient_bytes, placement.n_gradients);
    fcl_placement_dispose(&placement);
    return FCL_OK;
}

/* A device that works in the host's memory reports all of it, whoever else uses it. */
static uint64_t available_on_host(const fcl_memory_request *request) {
    enum { SHARE = 10 }; /* one is left for what comes later */
    uint64_t available;
    if (!fcl_system_memory_available(&available, &FCL_SYSTEM_ROOTS)) return UINT64_MAX;
    available -= available / SHARE;
    return available > request->staging_bytes ? available - request->staging_bytes : 1;
}

static void set_limits(fcl_memory_plan *plan) {
    const fcl_memory_request *request = &plan->request;
    plan->total_limit = plan->single_limit = UINT64_MAX;
    if (request->device) {
        const fcl_device_info *info = fcl_device_facts(request->device);
        plan->single_limit = info->max_allocation_bytes;
        plan->total_limit = info->global_memory_bytes;
        plan->total_limit_is = "is the device's";
        uint64_t available = info->host_unified_memory && !request->limit ? available_on_host(request) : UINT64_MAX;
        if (available < plan->total_limit) {
            plan->total_limit = available;
            plan->total_limit_is = "is free in the computer now";
        }
    }
    if (request->limit && request->limit < plan->total_limit) {
        plan->total_limit = request->limit;
        plan->total_limit_is = "was asked for";
    }
}

static fcl_status fail_to_fit(const fcl_memory_plan *plan, const fcl_model *model) {
    static const char advice[] = "take another device or a smaller model";
    if (plan->largest > plan->single_limit)
        return fcl_fail(
            FCL_E_DEVICE_MEMORY,
            "training %s needs %.1f MiB in one piece, even with one image at a time, and the device allocates at "
            "most %.1f MiB in one piece: %s",
            fcl_model_name(model), (double)plan->largest / mebi, (double)plan->single_limit / mebi, advice);
    return fcl_fail(
        FCL_E_DEVICE_MEMORY,
        "training %s needs %.1f MiB on the device, even with one image at a time (%.1f MiB of it are weights, "
        "gradients and Adam's moments), and there are %.1f MiB, which %s: %s, or allow more memory",
        fcl_model_name(model), (double)fcl_memory_plan_bytes(plan) / mebi,
        (double)(plan->parameters + plan->optimizer) / mebi, (double)plan->total_limit / mebi, plan->total_limit_is,
        advice);
}

/* Parts of at most this many samples, as few as there can be. */
static void divide(fcl_memory_plan *plan, unsigned largest) {
    const fcl_share batch = {0, plan->request.batch};
    plan->n_parts = (unsigned)fcl_share_n_parts(batch, largest);
    plan->part = (unsigned)fcl_share_part(batch, plan->n_parts, 0).n;
}

fcl_status fcl_memory_plan_make(fcl_memory_plan *out, const fcl_model *model, const fcl_memory_request *request,
                                unsigned n_parts) {
    fcl_status status;
    fcl_memory_plan plan = {.request = *request};
    const fcl_share batch = {0, request->batch};
    set_limits(&plan);
    for (divide(&plan, (unsigned)fcl_share_part(batch, n_parts, 0).n);; divide(&plan, plan.part - 1)) {
        FCL_TRY(measure(&plan, model));
        if (fcl_memory_plan_bytes(&plan) <= plan.total_limit && plan.largest <= plan.single_limit) break;
        if (plan.part == 1) {
            status = fail_to_fit(&plan, model);
            goto done;
        }
    }
    *out = plan;
done:
    return status;
}

uint64_t fcl_memory_plan_bytes(const fcl_memory_plan *plan) {
    return plan->parameters + plan->optimizer + plan->activations + plan->gradients + plan->workspace;
}

static void append_row(fcl_text *text, const char *name, uint64_t bytes) {
    fcl_text_appendf(text, "  %-30s %9.1f MiB\n", name, (double)bytes / mebi);
}

void fcl_memory_plan_append(fcl_text *text, const fcl_memory_plan *plan) {
    fcl_text_appendf(text, "Memory to train with a batch of %u", plan->request.batch);
    if (plan->n_parts > 1) fcl_text_appendf(text, " in %u parts of at most %u", plan->n_parts, plan->part);
    fcl_text_append(text, plan->request.device ? ":\n" : ", besides the solvers' workspace:\n");
    append_row(text, "parameters", plan->parameters);
    append_row(text, "gradients and Adam's moments", plan->optimizer);
    append_row(text, "activations and labels", plan->activations);
    append_row(text, "gradients of activations", plan->gradients);
    if (plan->request.device) append_row(text, "workspace", plan->workspace);
    append_row(text, "together on the device", fcl_memory_plan_bytes(plan));
    if (plan->total_limit != UINT64_MAX)
        fcl_text_appendf(text, "  of %.1f MiB, which %s", (double)plan->total_limit / mebi, plan->total_limit_is);
    if (plan->single_limit != UINT64_MAX)
        fcl_text_appendf(text, "; in one piece %.1f of at most %.1f MiB", (double)plan->largest / mebi,
                         (double)plan->single_limit / mebi);
    if (plan->total_limit != UINT64_MAX) fcl_text_append(text, "\n");
    append_row(text, "batches prepared on the host", plan->request.staging_bytes);
}

static fcl_status network_of(fcl_network **out, const fcl_memory_plan *plan, const fcl_model *model,
                             const fcl_network_options *options) {
    fcl_network_options of_part = *options;
    of_part.batch = (int)plan->part;
    of_part.training = 1;
    return fcl_network_create(out, plan->request.device, model, &of_part);
}

fcl_status fcl_network_create_by_plan(fcl_network **out, fcl_memory_plan *plan, const fcl_model *model,
                                      const fcl_network_options *options) {
    fcl_status status;
    while ((status = network_of(out, plan, model, options)) == FCL_E_DEVICE_MEMORY && plan->part > 1) {
        divide(plan, plan->part - 1);
        fcl_log(FCL_LOG_WARNING, "%s. The batch of %u is now computed in %u parts, which give the same gradient",
                fcl_error_message(), plan->request.batch, plan->n_parts);
        FCL_TRY(measure(plan, model));
    }
    if (status == FCL_OK) plan->workspace = fcl_network_workspace_bytes(*out);
done:
    return status;
}
