/* Running a network: forward, loss, backward, update. Everything here only enqueues. */
#include <assert.h>
#include <math.h>

#include "base/random.h"
#include "net/model.h"
#include "net/network_parts.h"

static fcl_status run(const fcl_node *node, const fcl_pass *pass, const fcl_op_args *args, unsigned layer,
                      const fcl_watch *watch) {
    if (!node->operation) return FCL_OK;
    fcl_status status;
    if (watch) FCL_TRY(watch->before(watch->user, layer, node, args));
    FCL_TRY(fcl_operation_run(node->operation, pass->n, &node->operands, args));
    if (watch) FCL_TRY(watch->after(watch->user, layer, node, args));
done:
    return status;
}

static void check_pass(const fcl_network *network, const fcl_pass *pass) {
    (void)network;
    (void)pass;
    assert(pass->n > 0 && pass->n <= network->options.batch);
    assert(pass->slot < FCL_STATS_SLOTS);
}

static fcl_op_args args_of(const fcl_network *network, unsigned layer, const fcl_pass *pass) {
    return (fcl_op_args){.seed = network->options.seed,
                         .purpose = (uint32_t)FCL_RANDOM_DROPOUT + network->model->layers[layer].dropout_index,
                         .step = pass->step,
                         .first_sample = pass->first_sample};
}

fcl_status fcl_network_run_forward(fcl_network *network, const fcl_pass *pass, const fcl_watch *watch) {
    fcl_status status = FCL_OK;
    check_pass(network, pass);
    for (unsigned i = 1; i < network->model->n_layers; i++) {
        const fcl_layer *layer = &network->model->layers[i];
        fcl_node *node = &network->layers[i].forward;
        fcl_op_args args = args_of(network, i, pass);
        args.weights_unchanged = node->kept && node->kept_version == *network->weights_version;
        if (layer->kind == FCL_LAYER_DROPOUT && node->operation && !pass->dropout) {
            /* The backward pass still finds input and output apart. */
            FCL_TRY(fcl_buffer_copy(node->operands.buffer[FCL_Y], 0, node->operands.buffer[FCL_X], 0,
                                    (size_t)pass->n * fcl_layer_output_count(layer) * sizeof(float)));
            continue;
        }
        FCL_TRY(run(node, pass, &args, i, watch));
        node->kept_version = *network->weights_version;
    }
done:
    return status;
}

fcl_status fcl_network_run_loss(fcl_network *network, const fcl_pass *pass, const fcl_watch *watch) {
    fcl_op_args args = {.inverse_count = pass->inverse_count, .slot = pass->slot, .accumulate = pass->accumulate};
    check_pass(network, pass);
    return run(&network->loss, pass, &args, network->model->n_layers - 1, watch);
}

fcl_status fcl_network_run_backward(fcl_network *network, const fcl_pass *pass, const fcl_watch *watch,
                                    const fcl_gradient_sink *sink) {
    fcl_status status = FCL_OK;
    check_pass(network, pass);
    for (unsigned i = network->model->n_layers - 1; i > 0; i--) {
        const fcl_layer_nodes *nodes = &network->layers[i];
        fcl_op_args args = args_of(network, i, pass);
        args.accumulate = pass->accumulate;
        FCL_TRY(run(&nodes->weights, pass, &args, i, watch));
        if (sink && nodes->weights.operation)
            FCL_TRY(sink->complete(sink->user, (unsigned)network->model->layers[i].parameter));
        int without = nodes->data_without.operation && !pass->dropout;
        const fcl_node *data[2] = {without ? &nodes->data_without : &nodes->data[0], &nodes->data[1]};
        for (int k = 0; k < 2; k++) {
            args.accumulate = data[k]->accumulate;
            FCL_TRY(run(data[k], pass, &args, i, watch));
        }
    }
done:
    return status;
}

fcl_status fcl_network_forward(fcl_network *network, const fcl_pass *pass) {
    return fcl_network_run_forward(network, pass, NULL);
}

fcl_status fcl_network_loss(fcl_network *network, const fcl_pass *pass) {
    return fcl_network_run_loss(network, pass, NULL);
}

fcl_status fcl_network_backward(fcl_network *network, const fcl_pass *pass, const fcl_gradient_sink *sink) {
    return fcl_network_run_backward(network, pass, NULL, sink);
}

fcl_op_args fcl_network_update_args(const fcl_pass *pass, const fcl_adam *adam) {
    /* The corrections are those of the betas that the device sees, see op.h. */
    float beta1 = (float)adam->beta1, beta2 = (float)adam->beta2;
    return (fcl_op_args){.step = pass->step,
                         .slot = pass->slot,
                         .beta1 = beta1,
                         .beta2 = beta2,
                         .epsilon = (float)adam->epsilon,
                         .step_size = (float)(adam->learning_rate / (1.0 - pow(beta1, pass->step))),
                         .inverse_sqrt_correction = (float)(1.0 / sqrt(1.0 - pow(beta2, pass->step)))};
}

fcl_status fcl_network_update(fcl_network *network, const fcl_pass *pass, const fcl_adam *adam) {
    fcl_status status;
    check_pass(network, pass);
    assert(pass->step > 0);
    const fcl_op_args args = fcl_network_update_args(pass, adam);
    fcl_pass once = {.n = 1}; /* whole arenas have no samples */
    FCL_TRY(run(&network->finite_check, &once, &args, 0, NULL));
    ++*network->weights_version;
    FCL_TRY(run(&network->adam, &once, &args, 0, NULL));
done:
    return status;
}
