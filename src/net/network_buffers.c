/* The buffers of a network: reserved, allocated, found, and what they hold copied between host and device. */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/model.h"
#include "net/network_parts.h"

static const char what[] = "a network";

fcl_status fcl_network_reserve_arenas(fcl_network *network) {
    static const char *const labels[FCL_N_ARENAS] = {"parameters", "gradients", "first moments", "second moments"};
    fcl_status status = FCL_OK;
    const fcl_model *model = network->model;
    const fcl_network *lender = network->options.parameters_of;
    size_t alignment = network->device ? fcl_buffer_alignment(network->device) : sizeof(float), *offsets = NULL;
    FCL_TRY(FCL_NEW(&offsets, model->n_tensors, what));
    for (unsigned i = 0; i < model->n_tensors; i++) {
        offsets[i] = network->arena_bytes;
        network->arena_bytes += (model->tensors[i].count * sizeof(float) + alignment - 1) / alignment * alignment;
    }
    if (lender) {
        network->arenas[FCL_PARAMETERS] = lender->arenas[FCL_PARAMETERS];
        network->windows[FCL_PARAMETERS] = lender->windows[FCL_PARAMETERS];
    }
    for (int a = lender ? 1 : 0; a < (network->options.training ? FCL_N_ARENAS : 1); a++) {
        FCL_TRY(fcl_buffer_reserve(&network->arenas[a], network->device, network->arena_bytes, labels[a]));
        FCL_TRY(FCL_NEW(&network->windows[a], model->n_tensors, what));
        for (unsigned i = 0; i < model->n_tensors && !network->options.describe; i++)
            FCL_TRY(fcl_buffer_create_window(&network->windows[a][i], network->arenas[a], offsets[i],
                                             model->tensors[i].count * sizeof(float), model->tensors[i].name));
    }
done:
    free(offsets);
    return status;
}

static fcl_status reserve_slots(fcl_buffer ***out, fcl_network *network, const size_t *bytes, unsigned n,
                                const char *label) {
    fcl_status status;
    FCL_TRY(FCL_NEW(out, n, what));
    for (unsigned i = 0; i < n; i++) FCL_TRY(fcl_buffer_reserve(&(*out)[i], network->device, bytes[i], label));
done:
    return status;
}

fcl_status fcl_network_reserve_slots(fcl_network *network) {
    fcl_status status;
    const fcl_placement *p = &network->placement;
    FCL_TRY(reserve_slots(&network->value_slots, network, p->value_bytes, p->n_values, "activations"));
    FCL_TRY(reserve_slots(&network->gradient_slots, network, p->gradient_bytes, p->n_gradients,
                          "gradients of activations"));
done:
    return status;
}

/* Where they are not NULL. */
static fcl_status allocate_all(fcl_buffer **buffers, unsigned n) {
    fcl_status status = FCL_OK;
    for (unsigned i = 0; i < n && status == FCL_OK; i++)
        if (buffers[i]) status = fcl_buffer_allocate(buffers[i]);
    return status;
}

fcl_status fcl_network_allocate(fcl_network *network) {
    fcl_status status;
    const fcl_placement *p = &network->placement;
    fcl_buffer *others[] = {network->targets, network->mask, network->stats, network->flag, network->workspace};
    for (int a = network->options.parameters_of ? 1 : 0; a < (network->options.training ? FCL_N_ARENAS : 1); a++) {
        FCL_TRY(fcl_buffer_allocate(network->arenas[a]));
        FCL_TRY(fcl_buffer_zero(network->arenas[a]));
        FCL_TRY(allocate_all(network->windows[a], network->model->n_tensors));
    }
    FCL_TRY(allocate_all(network->value_slots, p->n_values));
    FCL_TRY(allocate_all(network->gradient_slots, p->n_gradients));
    FCL_TRY(allocate_all(network->places, network->model->n_layers));
    FCL_TRY(allocate_all(others, sizeof others / sizeof others[0]));
    if (!network->options.training) goto done;
    FCL_TRY(fcl_buffer_zero(network->stats));
    FCL_TRY(fcl_buffer_zero(network->flag));
done:
    return status;
}

static void free_buffers(fcl_buffer **buffers, unsigned n) {
    for (unsigned i = 0; buffers && i < n; i++) fcl_buffer_free(buffers[i]);
    free(buffers);
}

void fcl_network_free_buffers(fcl_network *network) {
    for (int a = network->options.parameters_of ? 1 : 0; a < FCL_N_ARENAS; a++) {
        free_buffers(network->windows[a], network->model->n_tensors);
        fcl_buffer_free(network->arenas[a]);
    }
    free_buffers(network->value_slots, network->placement.n_values);
    free_buffers(network->gradient_slots, network->placement.n_gradients);
    free_buffers(network->places, network->model->n_layers);
    fcl_buffer *others[] = {network->targets, network->mask, network->stats, network->flag, network->workspace};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) fcl_buffer_free(others[i]);
}

fcl_buffer *fcl_network_value(const fcl_network *network, unsigned layer) {
    return network->value_slots[network->placement.value[layer]];
}

fcl_buffer *fcl_network_gradient(const fcl_network *network, unsigned layer) {
    int slot = network->placement.gradient[layer];
    return slot < 0 ? NULL : network->gradient_slots[slot];
}

fcl_buffer *fcl_network_input(fcl_network *network) {
    return fcl_network_value(network, 0);
}

fcl_buffer *fcl_network_output(fcl_network *network) {
    return fcl_network_value(network, network->model->n_layers - 1);
}

fcl_buffer *fcl_network_targets(fcl_network *network) {
    return network->targets;
}

fcl_buffer *fcl_network_mask(fcl_network *network) {
    return network->mask;
}

fcl_buffer *fcl_network_stats(fcl_network *network) {
    return network->stats;
}

fcl_buffer *fcl_network_flag(fcl_network *network) {
    return network->flag;
}

fcl_status fcl_network_read(fcl_tensors *out, fcl_network *network, fcl_arena arena) {
    fcl_status status = FCL_OK;
    assert(network->windows[arena]);
    for (unsigned i = 0; i < network->model->n_tensors; i++)
        FCL_TRY(fcl_buffer_read(fcl_tensors_at(out, i), network->windows[arena][i], 0,
                                network->model->tensors[i].count * sizeof(float)));
done:
    return status;
}

fcl_status fcl_network_write(fcl_network *network, fcl_arena arena, const fcl_tensors *tensors) {
    fcl_status status = FCL_OK;
    assert(network->windows[arena]);
    if (arena == FCL_PARAMETERS) ++*network->weights_version;
    for (unsigned i = 0; i < network->model->n_tensors; i++)
        FCL_TRY(fcl_buffer_write(network->windows[arena][i], 0, fcl_tensors_at(tensors, i),
                                 network->model->tensors[i].count * sizeof(float)));
done:
    return status;
}

fcl_buffer *fcl_network_tensor(fcl_network *network, fcl_arena arena, unsigned tensor) {
    assert(network->windows[arena] && tensor < network->model->n_tensors);
    return network->windows[arena][tensor];
}

fcl_status fcl_network_reset_optimizer(fcl_network *network) {
    fcl_status status;
    FCL_TRY(fcl_buffer_zero(network->arenas[FCL_MOMENT1]));
    FCL_TRY(fcl_buffer_zero(network->arenas[FCL_MOMENT2]));
done:
    return status;
}
