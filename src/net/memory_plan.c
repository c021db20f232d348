#include "net/memory_plan.h"

#include "base/log.h"
#include "base/system.h"
#include "net/model.h"
#include "net/network_parts.h"
#include "net/share.h"

/* The bytes of n buffers, of which some may be NULL; *largest grows to that of the largest. */
static uint64_t sum_bytes(uint64_t *largest, fcl_buffer *const *buffers, unsigned n) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        uint64_t bytes = buffers[i] ? fcl_buffer_bytes(buffers[i]) : 0;
        if (bytes > *largest) *largest = bytes;
        sum += bytes;
    }
    return sum;
}

static fcl_memory_needs needs_of(const fcl_network *network) {
    const fcl_placement *p = &network->placement;
    fcl_buffer *const labels[] = {network->targets, network->mask}, *const results[] = {network->stats, network->flag};
    fcl_memory_needs needs = {0};
    uint64_t *largest = &needs.largest;
    needs.parameters = sum_bytes(largest, network->arenas, 1);
    needs.optimizer = sum_bytes(largest, network->arenas + 1, FCL_N_ARENAS - 1);
    needs.activations = sum_bytes(largest, network->value_slots, p->n_values) +
                        sum_bytes(largest, network->places, network->model->n_layers) +
                        sum_bytes(largest, labels, sizeof labels / sizeof *labels);
    needs.gradients = sum_bytes(largest, network->gradient_slots, p->n_gradients) +
                      sum_bytes(largest, results, sizeof results / sizeof *results);
    needs.workspace = sum_bytes(largest, &network->workspace, 1);
    return needs;
}

static fcl_status create_network(fcl_network **out, const fcl_memory_plan *plan, const fcl_model *model,
                                 const fcl_network_options *options) {
    fcl_network_options of_part = *options;
    of_part.batch = (int)plan->part;
    of_part.training = 1;
    return fcl_network_create(out, plan->request.device, model, &of_part);
}

/* What the plan's parts need, from a network that is described only. */
static fcl_status measure(fcl_memory_plan *plan, const fcl_model *model, const fcl_choice *choice) {
    fcl_network *network = NULL;
    fcl_status status = create_network(&network, plan, model, &(fcl_network_options){.choice = choice, .describe = 1});
    if (status == FCL_OK) plan->needs = needs_of(network);
    fcl_network_free(network);
    return status;
}

/* A device that works in the host's memory reports all of it, whoever else uses it. */
static uint64_t available_on_host(void) {
    enum { SHARE = 10 }; /* one is left for what comes later */
    uint64_t available;
    if (!fcl_system_memory_available(&available, &FCL_SYSTEM_ROOTS)) return UINT64_MAX;
    return available - available / SHARE;
}

/* There batches wait in the same memory, whether it is the device's buffers that they wait in or not. */
static void limit_to_host(fcl_memory_plan *plan) {
    const uint64_t available = available_on_host(), staging = plan->request.staging_bytes;
    if (available == UINT64_MAX) return;
    const uint64_t left = available > staging ? available - staging : 1;
    if (left >= plan->total_limit) return;
    plan->total_limit = left;
    if (available < plan->device_limit) plan->device_limit = available;
    plan->total_limit_is = "is free in the computer now";
}

static void set_limits(fcl_memory_plan *plan) {
    const fcl_memory_request *request = &plan->request;
    plan->total_limit = plan->device_limit = plan->single_limit = UINT64_MAX;
    if (request->device) {
        const fcl_device_info *info = fcl_device_facts(request->device);
        plan->single_limit = info->max_allocation_bytes;
        plan->total_limit = plan->device_limit = info->global_memory_bytes;
        plan->total_limit_is = "is the device's";
        if (info->host_unified_memory && !request->limit) limit_to_host(plan);
    }
    if (request->limit && request->limit < plan->total_limit) {
        plan->total_limit = plan->device_limit = request->limit;
        plan->total_limit_is = "was asked for";
    }
}

static fcl_status fail_to_fit(const fcl_memory_plan *plan, const fcl_model *model) {
    static const char advice[] = "take another device or a smaller model";
    const fcl_memory_needs *needs = &plan->needs;
    if (needs->largest > plan->single_limit)
        return fcl_fail(
            FCL_E_DEVICE_MEMORY,
            "training %s needs %.1f MiB in one piece, even with one image at a time, and the device allocates at "
            "most %.1f MiB in one piece: %s",
            fcl_model_name(model), fcl_mebibytes(needs->largest), fcl_mebibytes(plan->single_limit), advice);
    return fcl_fail(
        FCL_E_DEVICE_MEMORY,
        "training %s needs %.1f MiB on the device, even with one image at a time (%.1f MiB of it are weights, "
        "their gradients and Adam's moments), and there are %.1f MiB, which %s: %s, or allow more memory",
        fcl_model_name(model), fcl_mebibytes(fcl_memory_plan_bytes(plan)),
        fcl_mebibytes(needs->parameters + needs->optimizer), fcl_mebibytes(plan->total_limit), plan->total_limit_is,
        advice);
}

/* Parts of at most this many samples, as few as there can be. */
static void divide(fcl_memory_plan *plan, unsigned largest) {
    const fcl_share batch = {0, plan->request.batch};
    plan->n_parts = (unsigned)fcl_share_n_parts(batch, largest);
    plan->part = (unsigned)fcl_share_part(batch, plan->n_parts, 0).n;
}

fcl_status fcl_memory_plan_make(fcl_memory_plan *out, const fcl_model *model, const fcl_memory_request *request,
                                const fcl_choice *choice, unsigned n_parts) {
    fcl_status status;
    fcl_memory_plan plan = {.request = *request};
    const fcl_share batch = {0, request->batch};
    set_limits(&plan);
    for (divide(&plan, (unsigned)fcl_share_part(batch, n_parts, 0).n);; divide(&plan, plan.part - 1)) {
        FCL_TRY(measure(&plan, model, choice));
        if (fcl_memory_plan_bytes(&plan) <= plan.total_limit && plan.needs.largest <= plan.single_limit) break;
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
    const fcl_memory_needs *needs = &plan->needs;
    return needs->parameters + needs->optimizer + needs->activations + needs->gradients + needs->workspace;
}

static void append_row(fcl_text *text, const char *name, uint64_t bytes) {
    fcl_text_appendf(text, "  %-30s %9.1f MiB\n", name, fcl_mebibytes(bytes));
}

void fcl_memory_plan_append(fcl_text *text, const fcl_memory_plan *plan) {
    const fcl_memory_needs *needs = &plan->needs;
    fcl_text_appendf(text, "Memory to train with a batch of %u", plan->request.batch);
    if (plan->n_parts > 1) fcl_text_appendf(text, " in %u parts of at most %u", plan->n_parts, plan->part);
    fcl_text_append(text, plan->request.device ? ":\n" : ", at most, besides the solvers' workspace:\n");
    append_row(text, "parameters", needs->parameters);
    append_row(text, "gradients and Adam's moments", needs->optimizer);
    append_row(text, "activations and labels", needs->activations);
    append_row(text, "gradients of activations", needs->gradients);
    if (plan->request.device) append_row(text, "workspace", needs->workspace);
    append_row(text, "together on the device", fcl_memory_plan_bytes(plan));
    if (plan->total_limit != UINT64_MAX)
        fcl_text_appendf(text, "  of %.1f MiB, which %s", fcl_mebibytes(plan->total_limit), plan->total_limit_is);
    if (plan->single_limit != UINT64_MAX)
        fcl_text_appendf(text, "; in one piece %.1f of at most %.1f MiB", fcl_mebibytes(needs->largest),
                         fcl_mebibytes(plan->single_limit));
    if (plan->total_limit != UINT64_MAX) fcl_text_append(text, "\n");
    append_row(text, "batches prepared on the host", plan->request.staging_bytes);
}

fcl_status fcl_network_create_by_plan(fcl_network **out, fcl_memory_plan *plan, const fcl_model *model,
                                      const fcl_network_options *options) {
    fcl_status status;
    while ((status = create_network(out, plan, model, options)) == FCL_E_DEVICE_MEMORY && plan->part > 1) {
        divide(plan, plan->part - 1);
        fcl_log(FCL_LOG_WARNING,
                "%s. The batch of %u is now computed in %u parts, which give the same gradient but for rounding",
                fcl_error_message(), plan->request.batch, plan->n_parts);
    }
    if (status == FCL_OK) plan->needs = needs_of(*out);
    return status;
}
