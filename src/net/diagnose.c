/* Finding the first tensor of a pass that is not finite. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/model.h"
#include "net/network_parts.h"

typedef struct search {
    char text[256]; /* what was found, "" so far */
    const fcl_network *network;
    const fcl_pass *pass;
    float *values; /* room for `capacity` */
    size_t capacity;
} search;

static int all_finite(const float *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return 0;
    return 1;
}

/* *out = whether `count` floats of the buffer from element `first` on are finite. */
static fcl_status is_finite(int *out, search *s, const fcl_buffer *buffer, size_t first, size_t count) {
    if (count > s->capacity) {
        float *values;
        fcl_status status = FCL_NEW(&values, count, "a copy of a tensor");
        if (status != FCL_OK) return status;
        free(s->values);
        s->values = values;
        s->capacity = count;
    }
    fcl_status status = fcl_buffer_read(s->values, buffer, first * sizeof(float), count * sizeof(float));
    if (status == FCL_OK) *out = all_finite(s->values, count);
    return status;
}

static fcl_status look_at(void *user, unsigned layer, const fcl_node *node) {
    static const char *const names[FCL_N_ROLES] = {[FCL_Y] = "the activation",
                                                   [FCL_DX] = "the gradient of its input",
                                                   [FCL_DW] = "the gradient of its kernel",
                                                   [FCL_DB] = "the gradient of its bias",
                                                   [FCL_STATS] = "the loss"};
    search *s = user;
    const fcl_op_desc *desc = fcl_operation_desc(node->operation);
    fcl_operand operands[FCL_N_ROLES];
    int n = fcl_op_operands(operands, desc);
    for (int i = 0; i < n && !s->text[0]; i++) {
        fcl_role role = operands[i].role;
        size_t first = 0, count = operands[i].count;
        if (!operands[i].is_output) continue;
        if (fcl_role_is_per_sample(role)) count = count / (size_t)desc->batch * (size_t)s->pass->n;
        if (role == FCL_STATS) {
            first = 2 * (size_t)s->pass->slot;
            count = 2;
        }
        int finite = 0;
        fcl_status status = is_finite(&finite, s, node->operands.buffer[role], first, count);
        if (status != FCL_OK) return status;
        const char *subject = desc->kind == FCL_LOSS_MSE && role == FCL_DX ? "the gradient of the loss" : names[role];
        if (!finite)
            snprintf(s->text, sizeof s->text, "layer %s, kernel %s (%s): %s is not finite",
                     s->network->model->layers[layer].name, fcl_operation_solver(node->operation)->name,
                     fcl_op_kind_name(desc->kind), subject);
    }
    return FCL_OK;
}

/* What goes in: images, labels and weights. */
static fcl_status look_at_inputs(search *s) {
    const fcl_network *network = s->network;
    const size_t n_labels = (size_t)s->pass->n * FCL_N_COORDINATES;
    const struct {
        const fcl_buffer *buffer;
        size_t count;
        const char *name;
    } inputs[] = {
        {fcl_network_value(network, 0), (size_t)s->pass->n * fcl_layer_output_count(&network->model->layers[0]),
         "images"},
        {network->targets, n_labels, "targets"},
        {network->mask, n_labels, "mask"},
    };
    int finite;
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0] && !s->text[0]; i++) {
        fcl_status status = is_finite(&finite, s, inputs[i].buffer, 0, inputs[i].count);
        if (status != FCL_OK) return status;
        if (!finite) snprintf(s->text, sizeof s->text, "the batch's %s are not finite", inputs[i].name);
    }
    for (unsigned i = 0; i < network->model->n_tensors && !s->text[0]; i++) {
        const fcl_parameter *tensor = &network->model->tensors[i];
        fcl_status status = is_finite(&finite, s, network->windows[FCL_PARAMETERS][i], 0, tensor->count);
        if (status != FCL_OK) return status;
        if (!finite)
            snprintf(s->text, sizeof s->text, "layer %s: its weights (%s) were not finite before the step",
                     network->model->layers[tensor->layer].name, tensor->name);
    }
    return FCL_OK;
}

fcl_status fcl_network_find_not_finite(char out[256], fcl_network *network, const fcl_pass *pass) {
    fcl_status status;
    search s = {.network = network, .pass = pass};
    const fcl_watch watch = {look_at, &s};
    FCL_TRY(look_at_inputs(&s));
    if (!s.text[0]) FCL_TRY(fcl_network_run_forward(network, pass, &watch));
    if (!s.text[0]) FCL_TRY(fcl_network_run_loss(network, pass, &watch));
    if (!s.text[0]) FCL_TRY(fcl_network_run_backward(network, pass, &watch));
    memcpy(out, s.text, sizeof s.text);
done:
    free(s.values);
    return status;
}
