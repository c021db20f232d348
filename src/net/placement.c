#include "net/placement.h"

#include <stdlib.h>

#include "base/memory.h"
#include "net/model.h"
#include "net/slots.h"

size_t fcl_layer_output_count(const fcl_layer *layer) {
    return (size_t)layer->h * (size_t)layer->w * (size_t)layer->c;
}

unsigned fcl_layer_inputs(unsigned from[2], const fcl_layer *layer) {
    from[0] = layer->from;
    from[1] = layer->from2;
    return layer->kind == FCL_LAYER_INPUT ? 0 : layer->kind == FCL_LAYER_ADD ? 2 : 1;
}

int fcl_layer_may_fuse(const fcl_model *model, unsigned i) {
    enum { SIDE = 2 };
    const fcl_layer *layer = &model->layers[i];
    const fcl_pool_shape *pool = &layer->pool;
    unsigned n_takers = 0;
    if (layer->kind != FCL_LAYER_POOL || model->layers[layer->from].kind != FCL_LAYER_CONV) return 0;
    if (pool->kind != FCL_MAX_POOL || pool->window_h != SIDE || pool->window_w != SIDE || pool->stride_h != SIDE ||
        pool->stride_w != SIDE || pool->pad_top != 0 || pool->pad_left != 0 || pool->out_h != pool->in_h / SIDE ||
        pool->out_w != pool->in_w / SIDE)
        return 0;
    for (unsigned k = 0; k < model->n_layers; k++) {
        unsigned from[2], n = fcl_layer_inputs(from, &model->layers[k]);
        for (unsigned input = 0; input < n; input++) n_takers += from[input] == layer->from;
    }
    return n_takers == 1;
}

static void trace(fcl_placement *p, const fcl_model *model, int training, const unsigned char *fused) {
    for (unsigned i = 0; i < p->n_layers; i++) {
        const fcl_layer *layer = &model->layers[i];
        unsigned from[2], n = fcl_layer_inputs(from, layer);
        int renames =
            layer->kind == FCL_LAYER_FLATTEN || (layer->kind == FCL_LAYER_DROPOUT && !training) || (fused && fused[i]);
        p->holder[i] = renames ? p->holder[layer->from] : i;
        if (fused && fused[i]) p->pools[layer->from] = 1;
        p->learns[i] = layer->parameter >= 0;
        for (unsigned k = 0; k < n; k++) p->learns[i] |= p->learns[from[k]];
    }
}

/* The time is the layer that is at work. An output lives from its own layer to the last that takes it; its
 * gradient as long, the other way round. The network's output, and all that training keeps, stay to the end.
 */
static void measure(fcl_lifetime *lifetimes, const fcl_placement *p, const fcl_model *model, size_t batch, int keep) {
    unsigned n = p->n_layers;
    for (unsigned i = 0; i < n; i++) {
        if (p->holder[i] == i) lifetimes[i] = (fcl_lifetime){.begin = i, .end = keep ? n : i};
        /* The last of the layers that share a buffer: a convolution's holds what is pooled. */
        lifetimes[p->holder[i]].bytes = fcl_layer_output_count(&model->layers[i]) * batch * sizeof(float);
        unsigned from[2], n_from = fcl_layer_inputs(from, &model->layers[i]);
        for (unsigned k = 0; k < n_from; k++) {
            fcl_lifetime *taken = &lifetimes[p->holder[from[k]]];
            if (taken->end < i) taken->end = i;
        }
    }
    lifetimes[p->holder[n - 1]].end = n;
}

/* `order` says which tensor gets its slot first, second, ... */
static fcl_status assign(int *slots, size_t *slot_bytes, unsigned *n_slots, const fcl_lifetime *lifetimes,
                         const unsigned *order, const fcl_placement *p) {
    fcl_lifetime *ordered;
    fcl_status status = FCL_NEW(&ordered, p->n_layers, "the placement of activations");
    if (status != FCL_OK) return status;
    for (unsigned i = 0; i < p->n_layers; i++) ordered[i] = lifetimes[order[i]];
    *n_slots = fcl_slots_assign(ordered, p->n_layers, slot_bytes);
    for (unsigned i = 0; i < p->n_layers; i++) slots[order[i]] = ordered[i].slot;
    for (unsigned i = 0; i < p->n_layers; i++) slots[i] = slots[p->holder[i]];
    free(ordered);
    return FCL_OK;
}

fcl_status fcl_placement_init(fcl_placement *out, const fcl_model *model, unsigned batch, int training,
                              const unsigned char *fused) {
    static const char what[] = "the placement of activations";
    fcl_status status;
    unsigned n = model->n_layers, *order = NULL;
    fcl_lifetime *lifetimes = NULL;
    fcl_placement p = {.n_layers = n};
    FCL_TRY(FCL_NEW(&p.holder, n, what));
    FCL_TRY(FCL_NEW(&p.pools, n, what));
    FCL_TRY(FCL_NEW(&p.learns, n, what));
    FCL_TRY(FCL_NEW(&p.value, n, what));
    FCL_TRY(FCL_NEW(&p.gradient, n, what));
    FCL_TRY(FCL_NEW(&p.value_bytes, n, what));
    FCL_TRY(FCL_NEW(&p.gradient_bytes, n, what));
    FCL_TRY(FCL_NEW(&order, n, what));
    FCL_TRY(FCL_NEW(&lifetimes, n, what));
    trace(&p, model, training, fused);
    measure(lifetimes, &p, model, batch, training);
    for (unsigned i = 0; i < n; i++) order[i] = i;
    FCL_TRY(assign(p.value, p.value_bytes, &p.n_values, lifetimes, order, &p));
    for (unsigned i = 0; i < n; i++) lifetimes[i] = (fcl_lifetime){0};
    if (training) measure(lifetimes, &p, model, batch, 0);
    for (unsigned i = 0; i < n; i++) {
        order[i] = n - 1 - i;
        if (!p.learns[i]) lifetimes[i].bytes = 0;
    }
    FCL_TRY(assign(p.gradient, p.gradient_bytes, &p.n_gradients, lifetimes, order, &p));
    *out = p;
    p = (fcl_placement){0};
done:
    free(order);
    free(lifetimes);
    fcl_placement_dispose(&p);
    return status;
}

void fcl_placement_dispose(fcl_placement *placement) {
    free(placement->holder);
    free(placement->pools);
    free(placement->learns);
    free(placement->value);
    free(placement->gradient);
    free(placement->value_bytes);
    free(placement->gradient_bytes);
    *placement = (fcl_placement){0};
}
