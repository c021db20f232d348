#include "net/network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "net/model.h"
#include "net/slots.h"

/* One operation with its buffers. */
typedef struct node {
    fcl_operation *operation; /* NULL: the layer needs none */
    fcl_operands operands;
    int accumulate; /* its DX has an earlier part already */
} node;

/* What a layer computes. */
typedef struct layer_nodes {
    node forward;
    node data[2]; /* gradient of its input, and of the second one of an add layer */
    node weights;
    node data_without; /* of a dropout layer that is switched off */
} layer_nodes;

enum { N_ARENAS = 4 };

struct fcl_network {
    fcl_device *device;
    const fcl_model *model;
    fcl_network_options options;
    fcl_buffer *arenas[N_ARENAS];
    fcl_buffer **windows[N_ARENAS]; /* by tensor */
    size_t *offsets;                /* of each tensor in an arena, bytes */
    size_t arena_bytes;
    fcl_buffer **owned; /* activations and their gradients: the memory */
    unsigned n_owned;
    fcl_buffer **values;    /* by layer; lent from `owned` */
    fcl_buffer **gradients; /* by layer; likewise */
    fcl_buffer *targets, *mask, *stats, *flag, *workspace;
    layer_nodes *layers;
    node loss, finite_check, adam;
    const fcl_operation **operations; /* all, in order */
    char (*descriptions)[256];
    unsigned n_operations;
};

static unsigned n_layers(const fcl_network *network) {
    return network->model->n_layers;
}

static const fcl_layer *layer_at(const fcl_network *network, unsigned i) {
    return &network->model->layers[i];
}

/* The layer whose buffer holds this layer's output: flattening only renames, and so does dropout in
 * inference. */
static unsigned holder(const fcl_network *network, unsigned i) {
    for (;;) {
        const fcl_layer *l = layer_at(network, i);
        int renames =
            l->kind == FCL_LAYER_FLATTEN || (l->kind == FCL_LAYER_DROPOUT && !network->options.training);
        if (!renames) return i;
        i = l->from;
    }
}

static size_t output_count(const fcl_network *network, unsigned i) {
    const fcl_layer *l = layer_at(network, i);
    return (size_t)l->h * (size_t)l->w * (size_t)l->c;
}

/* The activation that made a layer's output. */
static fcl_activation activation_of(const fcl_network *network, unsigned i) {
    const fcl_layer *l = layer_at(network, holder(network, i));
    int has = l->kind == FCL_LAYER_CONV || l->kind == FCL_LAYER_DENSE || l->kind == FCL_LAYER_ACTIVATION ||
              l->kind == FCL_LAYER_ADD;
    return has ? l->activation : (fcl_activation){.kind = FCL_LINEAR};
}

static fcl_status create_arenas(fcl_network *network) {
    static const char *const labels[N_ARENAS] = {"parameters", "gradients", "first moments",
                                                 "second moments"};
    fcl_status status = FCL_OK;
    const fcl_model *model = network->model;
    size_t alignment = fcl_buffer_alignment(network->device), offset = 0;
    FCL_TRY(FCL_NEW(&network->offsets, model->n_tensors, "a network"));
    for (unsigned i = 0; i < model->n_tensors; i++) {
        network->offsets[i] = offset;
        offset += (model->tensors[i].count * sizeof(float) + alignment - 1) / alignment * alignment;
    }
    network->arena_bytes = offset;
    for (int a = 0; a < (network->options.training ? N_ARENAS : 1); a++) {
        FCL_TRY(fcl_buffer_create(&network->arenas[a], network->device, offset, labels[a]));
        FCL_TRY(fcl_buffer_zero(network->arenas[a]));
        FCL_TRY(FCL_NEW(&network->windows[a], model->n_tensors, "a network"));
        for (unsigned i = 0; i < model->n_tensors; i++)
            FCL_TRY(fcl_buffer_create_window(&network->windows[a][i], network->arenas[a], network->offsets[i],
                                             model->tensors[i].count * sizeof(float),
                                             model->tensors[i].name));
    }
done:
    return status;
}

/* Creates the slots' buffers and lends them to the layers. `lifetimes` has an entry a layer. */
static fcl_status create_slots(fcl_network *network, fcl_buffer **lent, fcl_lifetime *lifetimes,
                               const unsigned *order, const char *label) {
    fcl_status status = FCL_OK;
    unsigned n = n_layers(network);
    fcl_lifetime *ordered = NULL;
    size_t *slot_bytes = NULL;
    fcl_buffer **owned;
    FCL_TRY(FCL_NEW(&ordered, n, "a network"));
    FCL_TRY(FCL_NEW(&slot_bytes, n, "a network"));
    for (unsigned i = 0; i < n; i++) ordered[i] = lifetimes[order[i]];
    unsigned n_slots = fcl_slots_assign(ordered, n, slot_bytes);
    owned = network->owned + network->n_owned;
    for (unsigned s = 0; s < n_slots; s++) {
        FCL_TRY(fcl_buffer_create(&owned[s], network->device, slot_bytes[s], label));
        network->n_owned++;
    }
    for (unsigned i = 0; i < n; i++)
        if (ordered[i].slot >= 0) lent[order[i]] = owned[ordered[i].slot];
    for (unsigned i = 0; i < n; i++) lent[i] = lent[holder(network, i)];
done:
    free(ordered);
    free(slot_bytes);
    return status;
}

static fcl_status create_activations(fcl_network *network) {
    fcl_status status;
    unsigned n = n_layers(network), *order = NULL;
    fcl_lifetime *values = NULL, *gradients = NULL;
    FCL_TRY(FCL_NEW(&network->owned, 2 * (size_t)n, "a network"));
    FCL_TRY(FCL_NEW(&network->values, n, "a network"));
    FCL_TRY(FCL_NEW(&network->gradients, n, "a network"));
    FCL_TRY(FCL_NEW(&order, n, "a network"));
    FCL_TRY(FCL_NEW(&values, n, "a network"));
    FCL_TRY(FCL_NEW(&gradients, n, "a network"));
    /* Steps 0..n-1 are forward; a gradient lives from its last consumer's backward step down to its layer's
     * own. */
    for (unsigned i = 0; i < n; i++) {
        order[i] = i;
        if (holder(network, i) == i)
            values[i] = (fcl_lifetime){.begin = i,
                                       .end = i,
                                       .bytes = output_count(network, i) * sizeof(float) *
                                                (size_t)network->options.batch};
        if (network->options.training) values[i].end = n;
    }
    for (unsigned i = 1; i < n; i++) {
        unsigned inputs[2] = {holder(network, layer_at(network, i)->from),
                              holder(network, layer_at(network, i)->from2)};
        for (int k = 0; k < (layer_at(network, i)->kind == FCL_LAYER_ADD ? 2 : 1); k++)
            if (values[inputs[k]].end < i) values[inputs[k]].end = i;
    }
    values[holder(network, n - 1)].end = n;
    FCL_TRY(create_slots(network, network->values, values, order, "activations"));
    if (network->options.training) {
        for (unsigned i = 0; i < n; i++) {
            order[i] = n - 1 - i;
            gradients[i] = (fcl_lifetime){
                .begin = i, .end = i, .bytes = i && holder(network, i) == i ? values[i].bytes : 0};
        }
        for (unsigned i = 1; i < n; i++) {
            unsigned inputs[2] = {holder(network, layer_at(network, i)->from),
                                  holder(network, layer_at(network, i)->from2)};
            for (int k = 0; k < (layer_at(network, i)->kind == FCL_LAYER_ADD ? 2 : 1); k++)
                if (gradients[inputs[k]].end < i) gradients[inputs[k]].end = i;
        }
        gradients[holder(network, n - 1)].end = n;
        FCL_TRY(create_slots(network, network->gradients, gradients, order, "gradients of activations"));
    }
done:
    free(order);
    free(values);
    free(gradients);
    return status;
}

static fcl_status create_node(fcl_network *network, node *out, const fcl_op_desc *desc) {
    fcl_status status = fcl_operation_create(&out->operation, network->device, desc, network->options.choice,
                                             network->options.measure);
    if (status != FCL_OK) return status;
    network->operations[network->n_operations] = out->operation;
    fcl_op_describe(network->descriptions[network->n_operations++], desc);
    return FCL_OK;
}

static fcl_status create_forward(fcl_network *network, unsigned i) {
    static const fcl_op_kind kinds[FCL_N_LAYER_KINDS] = {
        [FCL_LAYER_CONV] = FCL_CONV_FORWARD,       [FCL_LAYER_POOL] = FCL_POOL_FORWARD,
        [FCL_LAYER_DENSE] = FCL_DENSE_FORWARD,     [FCL_LAYER_ACTIVATION] = FCL_ACTIVATION_FORWARD,
        [FCL_LAYER_DROPOUT] = FCL_DROPOUT_FORWARD, [FCL_LAYER_ADD] = FCL_ADD};
    const fcl_layer *l = layer_at(network, i);
    node *f = &network->layers[i].forward;
    if (i == 0 || holder(network, i) != i) return FCL_OK;
    fcl_op_desc desc = {.kind = kinds[l->kind],
                        .batch = network->options.batch,
                        .activation = l->activation,
                        .rate = l->rate};
    switch (l->kind) {
    case FCL_LAYER_CONV: desc.conv = l->conv; break;
    case FCL_LAYER_POOL: desc.pool = l->pool; break;
    case FCL_LAYER_DENSE: desc.dense = l->dense; break;
    default: desc.flat.count = output_count(network, i); break;
    }
    fcl_buffer **b = f->operands.buffer;
    b[FCL_X] = network->values[l->from];
    b[FCL_Y] = network->values[i];
    if (l->kind == FCL_LAYER_ADD) b[FCL_X2] = network->values[l->from2];
    if (l->parameter >= 0) {
        b[FCL_W] = network->windows[FCL_PARAMETERS][l->parameter];
        b[FCL_B] = network->windows[FCL_PARAMETERS][l->parameter + 1];
    }
    return create_node(network, f, &desc);
}

/* The gradient of input `from` of layer i by an operation of this kind. */
static fcl_status create_data(fcl_network *network, node *out, unsigned i, unsigned from, fcl_op_kind kind) {
    const fcl_layer *l = layer_at(network, i);
    fcl_op_desc desc = {.kind = kind,
                        .batch = network->options.batch,
                        .x_activation = activation_of(network, from),
                        .rate = l->rate};
    switch (kind) {
    case FCL_CONV_BACKWARD_DATA: desc.conv = l->conv; break;
    case FCL_POOL_BACKWARD: desc.pool = l->pool; break;
    case FCL_DENSE_BACKWARD_DATA: desc.dense = l->dense; break;
    default: desc.flat.count = output_count(network, i); break;
    }
    fcl_buffer **b = out->operands.buffer;
    b[FCL_X] = network->values[from];
    b[FCL_DY] = network->gradients[i];
    b[FCL_DX] = network->gradients[from];
    if (l->parameter >= 0) b[FCL_W] = network->windows[FCL_PARAMETERS][l->parameter];
    return create_node(network, out, &desc);
}

static fcl_status create_backward(fcl_network *network, unsigned i, unsigned char *has_gradient) {
    static const fcl_op_kind kinds[FCL_N_LAYER_KINDS] = {
        [FCL_LAYER_CONV] = FCL_CONV_BACKWARD_DATA,   [FCL_LAYER_POOL] = FCL_POOL_BACKWARD,
        [FCL_LAYER_DENSE] = FCL_DENSE_BACKWARD_DATA, [FCL_LAYER_ACTIVATION] = FCL_ACTIVATION_BACKWARD,
        [FCL_LAYER_DROPOUT] = FCL_DROPOUT_BACKWARD,  [FCL_LAYER_ADD] = FCL_ACTIVATION_BACKWARD};
    fcl_status status = FCL_OK;
    const fcl_layer *l = layer_at(network, i);
    layer_nodes *nodes = &network->layers[i];
    if (holder(network, i) != i) return FCL_OK;
    unsigned inputs[2] = {l->from, l->from2};
    for (int k = 0; k < (l->kind == FCL_LAYER_ADD ? 2 : 1); k++) {
        unsigned target = holder(network, inputs[k]);
        if (target == 0) continue; /* nobody wants the gradient of the images */
        FCL_TRY(create_data(network, &nodes->data[k], i, inputs[k], kinds[l->kind]));
        nodes->data[k].accumulate = has_gradient[target];
        if (l->kind == FCL_LAYER_DROPOUT) {
            FCL_TRY(create_data(network, &nodes->data_without, i, inputs[k], FCL_ACTIVATION_BACKWARD));
            nodes->data_without.accumulate = has_gradient[target];
        }
        has_gradient[target] = 1;
    }
    if (l->parameter >= 0) {
        fcl_op_desc desc = {.kind = l->kind == FCL_LAYER_CONV ? FCL_CONV_BACKWARD_WEIGHTS
                                                              : FCL_DENSE_BACKWARD_WEIGHTS,
                            .batch = network->options.batch};
        if (l->kind == FCL_LAYER_CONV)
            desc.conv = l->conv;
        else
            desc.dense = l->dense;
        fcl_buffer **b = nodes->weights.operands.buffer;
        b[FCL_X] = network->values[l->from];
        b[FCL_DY] = network->gradients[i];
        b[FCL_DW] = network->windows[FCL_GRADIENTS][l->parameter];
        b[FCL_DB] = network->windows[FCL_GRADIENTS][l->parameter + 1];
        FCL_TRY(create_node(network, &nodes->weights, &desc));
    }
done:
    return status;
}

static fcl_status create_training(fcl_network *network) {
    fcl_status status;
    unsigned n = n_layers(network);
    unsigned char *has_gradient = NULL;
    const size_t coordinates_bytes = (size_t)network->options.batch * FCL_N_COORDINATES * sizeof(float);
    FCL_TRY(FCL_NEW(&has_gradient, n, "a network"));
    FCL_TRY(fcl_buffer_create(&network->targets, network->device, coordinates_bytes, "targets"));
    FCL_TRY(fcl_buffer_create(&network->mask, network->device, coordinates_bytes, "mask"));
    FCL_TRY(
        fcl_buffer_create(&network->stats, network->device, 2 * FCL_STATS_SLOTS * sizeof(float), "losses"));
    FCL_TRY(fcl_buffer_create(&network->flag, network->device, FCL_FLAG_WORDS * sizeof(int32_t), "flag"));
    FCL_TRY(fcl_buffer_zero(network->stats));
    FCL_TRY(fcl_buffer_zero(network->flag));

    fcl_op_desc loss = {.kind = FCL_LOSS_MSE,
                        .batch = network->options.batch,
                        .x_activation = activation_of(network, n - 1),
                        .flat = {FCL_N_COORDINATES}};
    fcl_buffer **b = network->loss.operands.buffer;
    b[FCL_X] = network->values[n - 1];
    b[FCL_TARGET] = network->targets;
    b[FCL_MASK] = network->mask;
    b[FCL_DX] = network->gradients[n - 1];
    b[FCL_STATS] = network->stats;
    FCL_TRY(create_node(network, &network->loss, &loss));
    for (unsigned i = n - 1; i > 0; i--) FCL_TRY(create_backward(network, i, has_gradient));

    fcl_op_desc check = {
        .kind = FCL_FINITE_CHECK, .batch = 1, .flat = {network->arena_bytes / sizeof(float)}};
    b = network->finite_check.operands.buffer;
    b[FCL_X] = network->arenas[FCL_GRADIENTS];
    b[FCL_STATS] = network->stats;
    b[FCL_FLAG] = network->flag;
    FCL_TRY(create_node(network, &network->finite_check, &check));
    fcl_op_desc adam = {.kind = FCL_ADAM, .batch = 1, .flat = {network->arena_bytes / sizeof(float)}};
    b = network->adam.operands.buffer;
    b[FCL_W] = network->arenas[FCL_PARAMETERS];
    b[FCL_DW] = network->arenas[FCL_GRADIENTS];
    b[FCL_M] = network->arenas[FCL_MOMENT1];
    b[FCL_V] = network->arenas[FCL_MOMENT2];
    b[FCL_FLAG] = network->flag;
    FCL_TRY(create_node(network, &network->adam, &adam));
done:
    free(has_gradient);
    return status;
}

/* Calls visit for every node there is. */
static void each_node(fcl_network *network, void (*visit)(fcl_network *, node *)) {
    for (unsigned i = 0; network->layers && i < n_layers(network); i++) {
        layer_nodes *l = &network->layers[i];
        node *all[] = {&l->forward, &l->data[0], &l->data[1], &l->weights, &l->data_without};
        for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) visit(network, all[k]);
    }
    visit(network, &network->loss);
    visit(network, &network->finite_check);
    visit(network, &network->adam);
}

static void give_workspace(fcl_network *network, node *n) {
    n->operands.workspace = network->workspace;
}

static void free_operation(fcl_network *network, node *n) {
    (void)network;
    fcl_operation_free(n->operation);
}

static fcl_status create_workspace(fcl_network *network) {
    size_t bytes = 0;
    for (unsigned i = 0; i < network->n_operations; i++) {
        size_t wanted = fcl_operation_workspace_bytes(network->operations[i]);
        if (wanted > bytes) bytes = wanted;
    }
    if (bytes) {
        fcl_status status = fcl_buffer_create(&network->workspace, network->device, bytes, "workspace");
        if (status != FCL_OK) return status;
    }
    each_node(network, give_workspace);
    return FCL_OK;
}

fcl_status fcl_network_create(fcl_network **out, fcl_device *device, const fcl_model *model,
                              const fcl_network_options *options) {
    enum { NODES_A_LAYER = sizeof(layer_nodes) / sizeof(node), OTHER_NODES = 3 };
    fcl_status status;
    fcl_network *network = NULL;
    FCL_TRY(FCL_NEW(&network, 1, "a network"));
    network->device = device;
    network->model = model;
    network->options = *options;
    size_t most = (size_t)model->n_layers * NODES_A_LAYER + OTHER_NODES;
    FCL_TRY(FCL_NEW(&network->layers, model->n_layers, "a network"));
    FCL_TRY(FCL_NEW(&network->operations, most, "a network"));
    FCL_TRY(FCL_NEW(&network->descriptions, most, "a network"));
    FCL_TRY(create_arenas(network));
    FCL_TRY(create_activations(network));
    for (unsigned i = 0; i < model->n_layers; i++) FCL_TRY(create_forward(network, i));
    if (options->training) FCL_TRY(create_training(network));
    FCL_TRY(create_workspace(network));
    network->options.choice = NULL;
    *out = network;
    network = NULL;
done:
    fcl_network_free(network);
    return status;
}

void fcl_network_free(fcl_network *network) {
    if (!network) return;
    each_node(network, free_operation);
    for (int a = 0; a < N_ARENAS; a++) {
        for (unsigned i = 0; network->windows[a] && i < network->model->n_tensors; i++)
            fcl_buffer_free(network->windows[a][i]);
        free(network->windows[a]);
        fcl_buffer_free(network->arenas[a]);
    }
    for (unsigned i = 0; i < network->n_owned; i++) fcl_buffer_free(network->owned[i]);
    fcl_buffer *others[] = {network->targets, network->mask, network->stats, network->flag,
                            network->workspace};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) fcl_buffer_free(others[i]);
    free(network->owned);
    free(network->values);
    free(network->gradients);
    free(network->offsets);
    free(network->layers);
    free(network->operations);
    free(network->descriptions);
    free(network);
}

const fcl_model *fcl_network_model(const fcl_network *network) {
    return network->model;
}

fcl_buffer *fcl_network_input(fcl_network *network) {
    return network->values[0];
}

fcl_buffer *fcl_network_output(fcl_network *network) {
    return network->values[n_layers(network) - 1];
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

static fcl_status run(node *n, int samples, const fcl_op_args *args) {
    return n->operation ? fcl_operation_run(n->operation, samples, &n->operands, args) : FCL_OK;
}

static fcl_op_args dropout_args(const fcl_network *network, unsigned i, const fcl_pass *pass) {
    return (fcl_op_args){.seed = network->options.seed,
                         .purpose = (uint32_t)FCL_RANDOM_DROPOUT + layer_at(network, i)->dropout_index,
                         .step = pass->step,
                         .first_sample = pass->first_sample};
}

fcl_status fcl_network_forward(fcl_network *network, const fcl_pass *pass) {
    fcl_status status = FCL_OK;
    for (unsigned i = 1; i < n_layers(network); i++) {
        const fcl_layer *l = layer_at(network, i);
        node *f = &network->layers[i].forward;
        fcl_op_args args = dropout_args(network, i, pass);
        if (l->kind == FCL_LAYER_DROPOUT && f->operation && !pass->dropout)
            FCL_TRY(fcl_buffer_copy(f->operands.buffer[FCL_Y], 0, f->operands.buffer[FCL_X], 0,
                                    (size_t)pass->n * output_count(network, i) * sizeof(float)));
        else
            FCL_TRY(run(f, pass->n, &args));
    }
done:
    return status;
}

fcl_status fcl_network_loss(fcl_network *network, const fcl_pass *pass) {
    fcl_op_args args = {
        .inverse_count = pass->inverse_count, .slot = pass->slot, .accumulate = pass->accumulate};
    return run(&network->loss, pass->n, &args);
}

fcl_status fcl_network_backward(fcl_network *network, const fcl_pass *pass) {
    fcl_status status = FCL_OK;
    for (unsigned i = n_layers(network) - 1; i > 0; i--) {
        layer_nodes *l = &network->layers[i];
        fcl_op_args args = dropout_args(network, i, pass);
        args.accumulate = pass->accumulate;
        FCL_TRY(run(&l->weights, pass->n, &args));
        if (l->data_without.operation && !pass->dropout) {
            args.accumulate = l->data_without.accumulate;
            FCL_TRY(run(&l->data_without, pass->n, &args));
            continue;
        }
        for (int k = 0; k < 2; k++) {
            args.accumulate = l->data[k].accumulate;
            FCL_TRY(run(&l->data[k], pass->n, &args));
        }
    }
done:
    return status;
}

fcl_status fcl_network_update(fcl_network *network, const fcl_pass *pass, const fcl_adam *adam) {
    fcl_status status;
    /* The corrections are those of the betas that the device sees, see op.h. */
    double beta1 = (float)adam->beta1, beta2 = (float)adam->beta2;
    fcl_op_args args = {.step = pass->step,
                        .slot = pass->slot,
                        .beta1 = (float)adam->beta1,
                        .beta2 = (float)adam->beta2,
                        .epsilon = (float)adam->epsilon,
                        .step_size = (float)(adam->learning_rate / (1.0 - pow(beta1, pass->step))),
                        .inverse_sqrt_correction = (float)(1.0 / sqrt(1.0 - pow(beta2, pass->step)))};
    FCL_TRY(run(&network->finite_check, 1, &args));
    FCL_TRY(run(&network->adam, 1, &args));
done:
    return status;
}

static int all_finite(const float *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return 0;
    return 1;
}

fcl_status fcl_network_find_not_finite(char out[256], fcl_network *network, const fcl_pass *pass) {
    fcl_status status;
    float *values = NULL;
    fcl_tensors gradients = {0};
    size_t largest = 0;
    for (unsigned i = 0; i < n_layers(network); i++)
        if (output_count(network, i) > largest) largest = output_count(network, i);
    FCL_TRY(FCL_NEW(&values, largest * (size_t)pass->n, "activations"));
    FCL_TRY(fcl_network_forward(network, pass));
    for (unsigned i = 0; i < n_layers(network); i++) {
        size_t n = output_count(network, i) * (size_t)pass->n;
        FCL_TRY(fcl_buffer_read(values, network->values[i], 0, n * sizeof(float)));
        if (all_finite(values, n)) continue;
        const fcl_operation *operation = network->layers[i].forward.operation;
        snprintf(out, 256, "layer %s, kernel %s: its output is not finite", layer_at(network, i)->name,
                 operation ? fcl_operation_solver(operation)->name : "(input)");
        goto done;
    }
    FCL_TRY(fcl_network_loss(network, pass));
    FCL_TRY(fcl_network_backward(network, pass));
    FCL_TRY(fcl_tensors_init(&gradients, network->model));
    FCL_TRY(fcl_network_read(&gradients, network, FCL_GRADIENTS));
    for (unsigned i = n_layers(network) - 1; i > 0; i--) {
        const fcl_layer *l = layer_at(network, i);
        if (l->parameter < 0) continue;
        unsigned p = (unsigned)l->parameter;
        size_t n = network->model->tensors[p].count + network->model->tensors[p + 1].count;
        if (all_finite(fcl_tensors_at(&gradients, p), n)) continue;
        snprintf(out, 256, "layer %s, kernel %s: the gradient of its weights is not finite", l->name,
                 fcl_operation_solver(network->layers[i].weights.operation)->name);
        goto done;
    }
    snprintf(out, 256, "the loss is not finite");
done:
    fcl_tensors_dispose(&gradients);
    free(values);
    return status;
}

fcl_status fcl_network_read(fcl_tensors *out, fcl_network *network, fcl_arena arena) {
    fcl_status status = FCL_OK;
    for (unsigned i = 0; i < network->model->n_tensors; i++)
        FCL_TRY(fcl_buffer_read(fcl_tensors_at(out, i), network->windows[arena][i], 0,
                                network->model->tensors[i].count * sizeof(float)));
done:
    return status;
}

fcl_status fcl_network_write(fcl_network *network, fcl_arena arena, const fcl_tensors *tensors) {
    fcl_status status = FCL_OK;
    for (unsigned i = 0; i < network->model->n_tensors; i++)
        FCL_TRY(fcl_buffer_write(network->windows[arena][i], 0, fcl_tensors_at(tensors, i),
                                 network->model->tensors[i].count * sizeof(float)));
done:
    return status;
}

fcl_status fcl_network_reset_optimizer(fcl_network *network) {
    fcl_status status;
    FCL_TRY(fcl_buffer_zero(network->arenas[FCL_MOMENT1]));
    FCL_TRY(fcl_buffer_zero(network->arenas[FCL_MOMENT2]));
done:
    return status;
}

unsigned fcl_network_n_operations(const fcl_network *network) {
    return network->n_operations;
}

void fcl_network_operation(const char **description, const char **solver, const fcl_network *network,
                           unsigned index) {
    *description = network->descriptions[index];
    *solver = fcl_operation_solver(network->operations[index])->name;
}
