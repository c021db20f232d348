/* Building a network: the operations of its layers, and which of them pool. Its buffers are in network_buffers.c. */
#include "net/network.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "device/ahead.h"
#include "net/model.h"
#include "net/network_parts.h"

static const char what[] = "a network";

static const fcl_layer *layer_at(const fcl_network *network, unsigned i) {
    return &network->model->layers[i];
}

/* The activation that made what stands in a layer's buffer. */
static fcl_activation activation_of(const fcl_network *network, unsigned i) {
    const fcl_layer *layer = layer_at(network, network->placement.holder[i]);
    switch (layer->kind) {
    case FCL_LAYER_CONV:
    case FCL_LAYER_DENSE:
    case FCL_LAYER_ADD:
    case FCL_LAYER_ACTIVATION: return layer->activation;
    default: return (fcl_activation){.kind = FCL_LINEAR};
    }
}

/* Operations are made when all are known, so that progress has an end. */
static fcl_status create_node(fcl_network *network, fcl_node *out, const fcl_op_desc *desc) {
    fcl_status status;
    FCL_TRY(fcl_grow((void **)&network->planned, &network->planned_capacity, network->n_operations + 1,
                     sizeof *network->planned, what));
    network->planned[network->n_operations++] = (fcl_planned_node){out, *desc};
done:
    return status;
}

static fcl_status create_operation(fcl_network *network, unsigned i) {
    const fcl_planned_node *planned = &network->planned[i];
    fcl_node *node = planned->node;
    network->descs[i] = planned->desc;
    fcl_op_describe(network->descriptions[i], &planned->desc);
    if (network->options.describe) return FCL_OK;
    fcl_status status = fcl_operation_create(&node->operation, network->device, &planned->desc, network->options.choice,
                                             network->options.measure);
    if (status != FCL_OK) return status;
    network->operations[i] = node->operation;
    if (!fcl_operation_keeps_weights(node->operation)) return FCL_OK;
    return fcl_buffer_create(&node->kept, network->device, fcl_operation_workspace_bytes(node->operation),
                             "workspace with weights");
}

/* Worth a line only where something is new to the device: else it takes no time. */
static void report_choices(unsigned done, unsigned total, const char *unit) {
    fcl_progress_report(
        &(fcl_progress){.task = "compiling and checking kernels", .done = done, .total = total, .unit = unit});
}

static fcl_status create_operations(fcl_network *network) {
    fcl_status status;
    int any_new = 0;
    FCL_TRY(FCL_NEW(&network->operations, network->n_operations, what));
    FCL_TRY(FCL_NEW(&network->descs, network->n_operations, what));
    FCL_TRY(FCL_NEW(&network->descriptions, network->n_operations, what));
    for (unsigned i = 0; i < network->n_operations; i++) {
        FCL_TRY(create_operation(network, i));
        any_new |= !network->options.describe && fcl_operation_is_new(network->operations[i]);
        if (any_new) report_choices(i + 1, network->n_operations, "operations");
    }
done:
    free(network->planned);
    network->planned = NULL;
    return status;
}

/* Fills in the shape that an operation of layer i has, with its pooling. */
static void set_shape(fcl_op_desc *desc, const fcl_network *network, unsigned i) {
    const fcl_layer *layer = layer_at(network, i);
    desc->batch = network->options.batch;
    switch (layer->kind) {
    case FCL_LAYER_CONV:
        desc->conv = layer->conv;
        if (network->placement.pools[i])
            desc->fused_pool = network->options.training ? FCL_POOL_2X2_PLACES : FCL_POOL_2X2;
        break;
    case FCL_LAYER_POOL: desc->pool = layer->pool; break;
    case FCL_LAYER_DENSE: desc->dense = layer->dense; break;
    default: desc->flat.count = fcl_layer_output_count(layer); break;
    }
}

static fcl_op_desc forward_desc(const fcl_network *network, unsigned i) {
    static const fcl_op_kind kinds[FCL_N_LAYER_KINDS] = {
        [FCL_LAYER_CONV] = FCL_CONV_FORWARD,       [FCL_LAYER_POOL] = FCL_POOL_FORWARD,
        [FCL_LAYER_DENSE] = FCL_DENSE_FORWARD,     [FCL_LAYER_ACTIVATION] = FCL_ACTIVATION_FORWARD,
        [FCL_LAYER_DROPOUT] = FCL_DROPOUT_FORWARD, [FCL_LAYER_ADD] = FCL_ADD};
    const fcl_layer *layer = layer_at(network, i);
    fcl_op_desc desc = {.kind = kinds[layer->kind],
                        .activation = layer->activation,
                        .weights_stay = layer->kind == FCL_LAYER_CONV && !network->options.training,
                        .rate = layer->rate};
    set_shape(&desc, network, i);
    return desc;
}

/* The gradient of input `from` of layer i, by an operation of this kind. */
static fcl_op_desc data_desc(const fcl_network *network, unsigned i, unsigned from, fcl_op_kind kind) {
    fcl_op_desc desc = {.kind = kind, .x_activation = activation_of(network, from), .rate = layer_at(network, i)->rate};
    set_shape(&desc, network, i);
    return desc;
}

static fcl_op_desc weights_desc(const fcl_network *network, unsigned i) {
    fcl_op_desc desc = {.kind = layer_at(network, i)->kind == FCL_LAYER_CONV ? FCL_CONV_BACKWARD_WEIGHTS
                                                                             : FCL_DENSE_BACKWARD_WEIGHTS};
    set_shape(&desc, network, i);
    return desc;
}

/* Where a convolution that pools, in training, keeps which pixels were maxima. */
static fcl_status create_places(fcl_network *network) {
    fcl_status status;
    FCL_TRY(FCL_NEW(&network->places, network->model->n_layers, what));
    for (unsigned i = 0; i < network->model->n_layers && network->options.training; i++) {
        if (!network->placement.pools[i]) continue;
        fcl_operand operands[FCL_N_ROLES];
        const fcl_op_desc desc = forward_desc(network, i);
        for (int k = fcl_op_operands(operands, &desc) - 1; k >= 0; k--)
            if (operands[k].role == FCL_PLACE)
                FCL_TRY(fcl_buffer_reserve(&network->places[i], network->device, operands[k].count * sizeof(float),
                                           "places of maxima"));
    }
    status = FCL_OK;
done:
    return status;
}

static fcl_status create_forward(fcl_network *network, unsigned i) {
    const fcl_layer *layer = layer_at(network, i);
    fcl_node *node = &network->layers[i].forward;
    fcl_buffer **b = node->operands.buffer;
    if (layer->kind == FCL_LAYER_INPUT || network->placement.holder[i] != i) return FCL_OK;
    const fcl_op_desc desc = forward_desc(network, i);
    b[FCL_PLACE] = network->places[i];
    b[FCL_X] = fcl_network_value(network, layer->from);
    b[FCL_Y] = fcl_network_value(network, i);
    if (layer->kind == FCL_LAYER_ADD) b[FCL_X2] = fcl_network_value(network, layer->from2);
    if (layer->parameter >= 0) {
        b[FCL_W] = network->windows[FCL_PARAMETERS][layer->parameter];
        b[FCL_B] = network->windows[FCL_PARAMETERS][layer->parameter + 1];
    }
    return create_node(network, node, &desc);
}

static fcl_status create_data(fcl_network *network, fcl_node *out, unsigned i, unsigned from, fcl_op_kind kind,
                              int accumulate) {
    const fcl_layer *layer = layer_at(network, i);
    fcl_buffer **b = out->operands.buffer;
    const fcl_op_desc desc = data_desc(network, i, from, kind);
    b[FCL_PLACE] = network->places[i];
    b[FCL_X] = fcl_network_value(network, from);
    b[FCL_DY] = fcl_network_gradient(network, i);
    b[FCL_DX] = fcl_network_gradient(network, from);
    if (layer->parameter >= 0) b[FCL_W] = network->windows[FCL_PARAMETERS][layer->parameter];
    out->accumulate = accumulate;
    return create_node(network, out, &desc);
}

static fcl_status create_weights(fcl_network *network, fcl_node *out, unsigned i) {
    const fcl_layer *layer = layer_at(network, i);
    fcl_buffer **b = out->operands.buffer;
    const fcl_op_desc desc = weights_desc(network, i);
    b[FCL_PLACE] = network->places[i];
    b[FCL_X] = fcl_network_value(network, layer->from);
    b[FCL_DY] = fcl_network_gradient(network, i);
    b[FCL_DW] = network->windows[FCL_GRADIENTS][layer->parameter];
    b[FCL_DB] = network->windows[FCL_GRADIENTS][layer->parameter + 1];
    return create_node(network, out, &desc);
}

/* `has_share` says by layer whether the operation of a later consumer has written its gradient: then others
 * add to it. */
static fcl_status create_backward(fcl_network *network, unsigned i, unsigned char *has_share) {
    static const fcl_op_kind kinds[FCL_N_LAYER_KINDS] = {
        [FCL_LAYER_CONV] = FCL_CONV_BACKWARD_DATA,   [FCL_LAYER_POOL] = FCL_POOL_BACKWARD,
        [FCL_LAYER_DENSE] = FCL_DENSE_BACKWARD_DATA, [FCL_LAYER_ACTIVATION] = FCL_ACTIVATION_BACKWARD,
        [FCL_LAYER_DROPOUT] = FCL_DROPOUT_BACKWARD,  [FCL_LAYER_ADD] = FCL_ACTIVATION_BACKWARD};
    fcl_status status = FCL_OK;
    const fcl_layer *layer = layer_at(network, i);
    fcl_layer_nodes *nodes = &network->layers[i];
    unsigned from[2], n_from = fcl_layer_inputs(from, layer);
    if (network->placement.holder[i] != i) return FCL_OK;
    if (layer->parameter >= 0) FCL_TRY(create_weights(network, &nodes->weights, i));
    for (unsigned k = 0; k < n_from; k++) {
        unsigned target = network->placement.holder[from[k]];
        if (!network->placement.learns[target]) continue;
        FCL_TRY(create_data(network, &nodes->data[k], i, from[k], kinds[layer->kind], has_share[target]));
        if (layer->kind == FCL_LAYER_DROPOUT)
            FCL_TRY(create_data(network, &nodes->data_without, i, from[k], FCL_ACTIVATION_BACKWARD, has_share[target]));
        has_share[target] = 1;
    }
done:
    return status;
}

static fcl_status create_loss(fcl_network *network) {
    fcl_status status;
    unsigned last = network->model->n_layers - 1;
    fcl_buffer **b = network->loss.operands.buffer;
    size_t label_bytes = (size_t)network->options.batch * FCL_N_COORDINATES * sizeof(float);
    FCL_TRY(fcl_buffer_reserve(&network->targets, network->device, label_bytes, "targets"));
    FCL_TRY(fcl_buffer_reserve(&network->mask, network->device, label_bytes, "mask"));
    FCL_TRY(fcl_buffer_reserve(&network->stats, network->device, 2 * FCL_STATS_SLOTS * sizeof(float), "losses"));
    FCL_TRY(fcl_buffer_reserve(&network->flag, network->device, FCL_FLAG_WORDS * sizeof(int32_t), "flag"));
    fcl_op_desc desc = {.kind = FCL_LOSS_MSE,
                        .batch = network->options.batch,
                        .x_activation = activation_of(network, last),
                        .flat = {FCL_N_COORDINATES}};
    b[FCL_X] = fcl_network_value(network, last);
    b[FCL_TARGET] = network->targets;
    b[FCL_MASK] = network->mask;
    b[FCL_DX] = fcl_network_gradient(network, last);
    b[FCL_STATS] = network->stats;
    FCL_TRY(create_node(network, &network->loss, &desc));
done:
    return status;
}

/* Over whole arenas: the gaps are zero, and stay so. */
static fcl_status create_update(fcl_network *network) {
    fcl_status status;
    fcl_op_desc desc = {.kind = FCL_FINITE_CHECK, .batch = 1, .flat = {network->arena_bytes / sizeof(float)}};
    fcl_buffer **b = network->finite_check.operands.buffer;
    b[FCL_X] = network->arenas[FCL_GRADIENTS];
    b[FCL_STATS] = network->stats;
    b[FCL_FLAG] = network->flag;
    FCL_TRY(create_node(network, &network->finite_check, &desc));
    desc.kind = FCL_ADAM;
    b = network->adam.operands.buffer;
    b[FCL_W] = network->arenas[FCL_PARAMETERS];
    b[FCL_DW] = network->arenas[FCL_GRADIENTS];
    b[FCL_M] = network->arenas[FCL_MOMENT1];
    b[FCL_V] = network->arenas[FCL_MOMENT2];
    b[FCL_FLAG] = network->flag;
    FCL_TRY(create_node(network, &network->adam, &desc));
done:
    return status;
}

static fcl_status create_training(fcl_network *network) {
    fcl_status status;
    unsigned char *has_share = NULL;
    FCL_TRY(FCL_NEW(&has_share, network->model->n_layers, what));
    FCL_TRY(create_loss(network));
    for (unsigned i = network->model->n_layers - 1; i > 0; i--) FCL_TRY(create_backward(network, i, has_share));
    FCL_TRY(create_update(network));
done:
    free(has_share);
    return status;
}

/* Calls visit for every node there is. */
static void each_node(fcl_network *network, void (*visit)(fcl_network *, fcl_node *)) {
    for (unsigned i = 0; network->layers && i < network->model->n_layers; i++) {
        fcl_layer_nodes *l = &network->layers[i];
        fcl_node *all[] = {&l->forward, &l->weights, &l->data[0], &l->data[1], &l->data_without};
        for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) visit(network, all[k]);
    }
    visit(network, &network->loss);
    visit(network, &network->finite_check);
    visit(network, &network->adam);
}

static void give_workspace(fcl_network *network, fcl_node *node) {
    node->operands.workspace = node->kept ? node->kept : network->workspace;
}

static void dispose_node(fcl_network *network, fcl_node *node) {
    (void)network;
    fcl_operation_free(node->operation);
    fcl_buffer_free(node->kept);
}

/* What an operation takes of the common workspace. */
static size_t workspace_bytes(const fcl_network *network, unsigned i) {
    const fcl_operation *operation = network->operations[i];
    if (operation) return fcl_operation_keeps_weights(operation) ? 0 : fcl_operation_workspace_bytes(operation);
    if (!network->device) return 0;
    return fcl_likely_workspace_bytes(&network->descs[i], network->device, network->options.choice);
}

/* One for all operations, which run one after the other, but those that keep something in their own. */
static fcl_status create_workspace(fcl_network *network) {
    size_t bytes = 0;
    for (unsigned i = 0; i < network->n_operations; i++) {
        size_t wanted = workspace_bytes(network, i);
        if (wanted > bytes) bytes = wanted;
    }
    fcl_status status = FCL_OK;
    if (bytes > 0) status = fcl_buffer_reserve(&network->workspace, network->device, bytes, "workspace");
    if (status == FCL_OK) each_node(network, give_workspace);
    return status;
}

static fcl_status place(fcl_network *network, const unsigned char *fused) {
    fcl_placement_dispose(&network->placement);
    return fcl_placement_init(&network->placement, network->model, (unsigned)network->options.batch,
                              network->options.training, fused);
}

/* Whether convolution i, placed to pool, has a solver for each of its operations, which are likely to take no longer than those
 * of the convolution alone: the same solvers do the same or less then. That pooling of its own takes time too is left out.
 * A choice that names solvers for these operations decides alone. */
static fcl_status can_pool(int *out, int *any_new, fcl_network *network, unsigned i) {
    fcl_status status;
    const fcl_network_options *o = &network->options;
    fcl_op_desc descs[3] = {forward_desc(network, i)};
    unsigned n = 1, from = layer_at(network, i)->from;
    double fused = 0.0, separate = 0.0;
    if (o->training) descs[n++] = weights_desc(network, i);
    if (o->training && network->placement.learns[from])
        descs[n++] = data_desc(network, i, from, FCL_CONV_BACKWARD_DATA);
    *out = 1;
    for (unsigned k = 0; k < n; k++) {
        fcl_op_desc alone = descs[k];
        alone.fused_pool = FCL_POOL_NONE;
        if (fcl_choice_names(o->choice, &descs[k])) continue;
        fused += fcl_likely_time(&descs[k], network->device);
        separate += fcl_likely_time(&alone, network->device);
    }
    *out = fused <= separate;
    for (unsigned k = 0; k < n && *out; k++) {
        int is_new = 0;
        if (o->describe)
            FCL_TRY(fcl_operation_has_solver(out, network->device, &descs[k], o->choice));
        else
            FCL_TRY(fcl_operation_is_possible(out, &is_new, network->device, &descs[k], o->choice, o->measure));
        *any_new |= is_new;
    }
    status = FCL_OK;
done:
    return status;
}

/* Pooling becomes part of the convolution before it wherever that can pool, and no solver is named for the pooling. */
static fcl_status place_with_pooling(fcl_network *network) {
    fcl_status status;
    unsigned char *fused = NULL;
    int any_new = 0;
    FCL_TRY(FCL_NEW(&fused, network->model->n_layers, what));
    FCL_TRY(place(network, fused));
    for (unsigned i = 0; i < network->model->n_layers && network->device; i++) {
        int possible = 0;
        if (!fcl_layer_may_fuse(network->model, i)) continue;
        const fcl_op_desc forward = forward_desc(network, i),
                          backward = data_desc(network, i, layer_at(network, i)->from, FCL_POOL_BACKWARD);
        if (fcl_choice_names(network->options.choice, &forward) || fcl_choice_names(network->options.choice, &backward))
            continue;
        fused[i] = 1;
        FCL_TRY(place(network, fused));
        FCL_TRY(can_pool(&possible, &any_new, network, layer_at(network, i)->from));
        if (any_new) report_choices(i + 1, network->model->n_layers, "layers");
        if (possible) continue;
        fcl_log(FCL_LOG_DEBUG,
                "layer %s is computed on its own: not all operations of %s have a fast solver that pools",
                layer_at(network, i)->name, layer_at(network, layer_at(network, i)->from)->name);
        fused[i] = 0;
        FCL_TRY(place(network, fused));
    }
done:
    free(fused);
    return status;
}

/* Compiles at once what its operations are likely to take, so that they find it: an operation is created as it will be, but for
 * kernels that have no code. What goes wrong is an error when it does so again. */
static fcl_status compile_ahead(fcl_device *device, const fcl_model *model, const fcl_network_options *options) {
    fcl_network *described = NULL;
    fcl_network_options all = *options;
    all.describe = 1;
    if (!fcl_ahead_note(device)) return FCL_OK;
    if (fcl_network_create(&described, device, model, &all) == FCL_OK)
        for (unsigned i = 0; i < described->n_operations; i++) {
            fcl_operation *operation;
            if (fcl_operation_create(&operation, device, &described->descs[i], options->choice, options->measure) ==
                FCL_OK)
                fcl_operation_free(operation);
        }
    fcl_network_free(described);
    return fcl_ahead_compile(device);
}

fcl_status fcl_network_create(fcl_network **out, fcl_device *device, const fcl_model *model,
                              const fcl_network_options *options) {
    assert(options->batch > 0);
    assert(!options->parameters_of || (!options->training && options->parameters_of->model == model));
    fcl_status status;
    fcl_network *network = NULL;
    if (!options->describe) FCL_TRY(compile_ahead(device, model, options));
    FCL_TRY(FCL_NEW(&network, 1, what));
    network->device = device;
    network->model = model;
    network->options = *options;
    network->own_version = 1;
    network->weights_version = options->parameters_of ? options->parameters_of->weights_version : &network->own_version;
    FCL_TRY(FCL_NEW(&network->layers, model->n_layers, what));
    FCL_TRY(place_with_pooling(network));
    FCL_TRY(create_places(network));
    FCL_TRY(fcl_network_reserve_arenas(network));
    FCL_TRY(fcl_network_reserve_slots(network));
    for (unsigned i = 0; i < model->n_layers; i++) FCL_TRY(create_forward(network, i));
    if (options->training) FCL_TRY(create_training(network));
    FCL_TRY(create_operations(network));
    FCL_TRY(create_workspace(network));
    if (!options->describe) FCL_TRY(fcl_network_allocate(network));
    network->options.choice = NULL;
    *out = network;
    network = NULL;
done:
    fcl_network_free(network);
    return status;
}

void fcl_network_free(fcl_network *network) {
    if (!network) return;
    each_node(network, dispose_node);
    fcl_network_free_buffers(network);
    fcl_placement_dispose(&network->placement);
    free(network->layers);
    free(network->planned);
    free(network->operations);
    free(network->descs);
    free(network->descriptions);
    free(network);
}

const fcl_model *fcl_network_model(const fcl_network *network) {
    return network->model;
}

int fcl_network_batch(const fcl_network *network) {
    return network->options.batch;
}

unsigned fcl_network_n_operations(const fcl_network *network) {
    return network->n_operations;
}

const fcl_op_desc *fcl_network_operation_desc(const fcl_network *network, unsigned index) {
    return &network->descs[index];
}

void fcl_network_operation(const char **description, const char **solver, const fcl_network *network, unsigned index) {
    *description = network->descriptions[index];
    *solver = fcl_operation_solver(network->operations[index])->name;
}
