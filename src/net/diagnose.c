/* Looking into a pass: the first tensor that is not finite or not what the host reference computes from the same operands. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/model.h"
#include "net/network_parts.h"
#include "ops/inspect.h"

enum { INSPECTED_ELEMENTS = 128 };

typedef struct copy {
    float *values; /* room for `capacity` */
    size_t capacity;
} copy;

typedef struct look {
    const fcl_network *network;
    const fcl_pass *pass;
    fcl_finding *found;
    copy inputs[FCL_N_ROLES]; /* by role: operands as they were before the operation */
    copy result;
} look;

static void dispose(look *l) {
    for (int role = 0; role < FCL_N_ROLES; role++) free(l->inputs[role].values);
    free(l->result.values);
}

static fcl_status read_to(copy *out, const fcl_buffer *buffer, size_t count) {
    if (count > out->capacity) {
        float *values;
        fcl_status status = FCL_NEW(&values, count, "a copy of a tensor");
        if (status != FCL_OK) return status;
        free(out->values);
        *out = (copy){values, count};
    }
    return fcl_buffer_read(out->values, buffer, 0, count * sizeof(float));
}

/* The first of `count` floats that is not finite, or `count`. */
static size_t first_not_finite(const float *values, size_t count) {
    size_t i = 0;
    while (i < count && isfinite(values[i])) i++;
    return i;
}

/* With the counts of the pass, which may have fewer samples than the operation was made for. What is done with parameters has
 * a batch of 1. */
static int operands_of(fcl_operand out[FCL_N_ROLES], const look *l, const fcl_op_desc *desc) {
    fcl_op_desc of_pass = *desc;
    if (of_pass.batch > l->pass->n) of_pass.batch = l->pass->n;
    return fcl_op_operands(out, &of_pass);
}

/* What is added to is an input too, and gone afterwards. */
static fcl_status copy_sums(void *user, unsigned layer, const fcl_node *node, const fcl_op_args *args) {
    (void)layer;
    look *l = user;
    fcl_status status = FCL_OK;
    const fcl_op_desc *desc = fcl_operation_desc(node->operation);
    fcl_operand operands[FCL_N_ROLES];
    int n = args->accumulate && l->found->cause == FCL_CAUSE_NONE ? operands_of(operands, l, desc) : 0;
    for (int i = 0; i < n; i++)
        if (operands[i].is_output && fcl_op_accumulates(desc, operands[i].role))
            FCL_TRY(read_to(&l->inputs[operands[i].role], node->operands.buffer[operands[i].role], operands[i].count));
done:
    return status;
}

/* ", |x| up to 3e+20, |w| up to 1e+30": of the operands that went in. */
static void append_magnitudes(char *text, size_t n_text, const look *l, const fcl_operand *operands, int n) {
    for (int i = 0; i < n; i++) {
        double largest = 0.0;
        if (!operands[i].is_input || operands[i].role == FCL_STATS || operands[i].role == FCL_FLAG ||
            operands[i].role == FCL_PLACE)
            continue;
        for (size_t k = 0; k < operands[i].count; k++)
            largest = fmax(largest, fabs((double)l->inputs[operands[i].role].values[k]));
        size_t length = strlen(text);
        snprintf(text + length, n_text - length, ", |%s| up to %.3g", fcl_role_name(operands[i].role), largest);
    }
}

/* Another solver of the kind, for advice; NULL if there is none. */
static const char *other_solver(const fcl_solver *solver, const fcl_op_desc *desc, const fcl_device *device) {
    for (const fcl_solver *const *s = fcl_solvers_of(solver->kind); *s; s++)
        if (!fcl_solver_is_variant_of(*s, solver) && fcl_solver_applies(*s, desc, device)) return (*s)->name;
    return NULL;
}

static void conclude(look *l, const char *layer, const fcl_output *output, const fcl_inspection *seen,
                     const fcl_operand *operands, int n_operands) {
    static const char *const names[FCL_N_ROLES] = {[FCL_Y] = "the activation",
                                                   [FCL_DX] = "the gradient of its input",
                                                   [FCL_DW] = "the gradient of its kernel",
                                                   [FCL_DB] = "the gradient of its bias",
                                                   [FCL_STATS] = "the loss",
                                                   [FCL_W] = "the new weights",
                                                   [FCL_M] = "the new first moments",
                                                   [FCL_V] = "the new second moments"};
    fcl_finding *found = l->found;
    const fcl_op_desc *desc = output->desc;
    const char *subject =
        desc->kind == FCL_LOSS_MSE && output->role == FCL_DX ? "the gradient of the loss" : names[output->role];
    char description[256];
    fcl_op_describe(description, desc);
    found->cause = seen->overflows ? FCL_CAUSE_OVERFLOW : FCL_CAUSE_DEVICE;
    snprintf(found->text, sizeof found->text,
             "layer %s, kernel %s (%s): %s[%zu], of %s, is %.9g; the reference says %.9g", layer, output->solver->name,
             description, fcl_role_name(output->role), seen->index, subject, seen->got, seen->wanted);
    if (seen->overflows) append_magnitudes(found->text, sizeof found->text, l, operands, n_operands);
    const char *other = other_solver(output->solver, desc, l->network->device);
    if (other) snprintf(found->other_solver, sizeof found->other_solver, "%s=%s", fcl_op_kind_name(desc->kind), other);
}

/* All outputs of an operation that ran, up to the first that is not right. */
static fcl_status inspect_node(look *l, const char *layer, const fcl_node *node, const fcl_op_args *args) {
    fcl_status status = FCL_OK;
    const fcl_op_desc *desc = fcl_operation_desc(node->operation);
    fcl_operand operands[FCL_N_ROLES];
    fcl_host_operands host = {{0}};
    int n = operands_of(operands, l, desc);
    for (int i = 0; i < n; i++) {
        copy *input = &l->inputs[operands[i].role];
        if (operands[i].is_input && !operands[i].is_output)
            FCL_TRY(read_to(input, node->operands.buffer[operands[i].role], operands[i].count));
        host.data[operands[i].role] = input->values;
    }
    for (int i = 0; i < n && l->found->cause == FCL_CAUSE_NONE; i++) {
        if (!operands[i].is_output || operands[i].role == FCL_PLACE) continue;
        fcl_inspection seen;
        fcl_output output = {.solver = fcl_operation_solver(node->operation),
                             .desc = desc,
                             .args = args,
                             .n = l->pass->n,
                             .operands = &host,
                             .role = operands[i].role,
                             .count = operands[i].count};
        FCL_TRY(read_to(&l->result, node->operands.buffer[output.role], output.count));
        output.result = l->result.values;
        if (output.role == FCL_STATS) {
            output.first = 2 * (size_t)args->slot;
            output.count = 2;
            /* Without adding, the reference asks other pairs alone for what was there. */
            if (!args->accumulate) host.data[FCL_STATS] = output.result;
        }
        FCL_TRY(fcl_inspect(&seen, &output, INSPECTED_ELEMENTS));
        int finite = first_not_finite(output.result + output.first, output.count) == output.count;
        if (finite ? seen.ratio > 1.0 && !seen.overflows : 1) conclude(l, layer, &output, &seen, operands, n);
    }
done:
    return status;
}

static fcl_status look_at(void *user, unsigned layer, const fcl_node *node, const fcl_op_args *args) {
    look *l = user;
    if (l->found->cause != FCL_CAUSE_NONE) return FCL_OK;
    return inspect_node(l, l->network->model->layers[layer].name, node, args);
}

/* What goes in: images, labels and weights. */
static fcl_status look_at_inputs(look *l) {
    fcl_status status = FCL_OK;
    const fcl_network *network = l->network;
    const size_t n_labels = (size_t)l->pass->n * FCL_N_COORDINATES;
    const struct {
        const fcl_buffer *buffer;
        size_t count;
        const char *name;
    } inputs[] = {
        {fcl_network_value(network, 0), (size_t)l->pass->n * fcl_layer_output_count(&network->model->layers[0]),
         "images"},
        {network->targets, n_labels, "targets"},
        {network->mask, n_labels, "mask"},
    };
    for (unsigned i = 0; i < network->model->n_tensors; i++) {
        const fcl_parameter *tensor = &network->model->tensors[i];
        FCL_TRY(read_to(&l->result, network->windows[FCL_PARAMETERS][i], tensor->count));
        if (first_not_finite(l->result.values, tensor->count) == tensor->count) continue;
        l->found->cause = FCL_CAUSE_DEVICE;
        snprintf(l->found->text, sizeof l->found->text,
                 "layer %s: its weights (%s) are not finite, and the gradients of the step before were",
                 network->model->layers[tensor->layer].name, tensor->name);
        goto done;
    }
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        FCL_TRY(read_to(&l->result, inputs[i].buffer, inputs[i].count));
        if (first_not_finite(l->result.values, inputs[i].count) == inputs[i].count) continue;
        l->found->cause = FCL_CAUSE_DEVICE;
        snprintf(l->found->text, sizeof l->found->text, "the batch's %s are not finite on the device", inputs[i].name);
        goto done;
    }
done:
    return status;
}

/* Adam changes what it reads: that is copied before, and put back. */
static fcl_status look_at_update(look *l, fcl_network *network, const fcl_adam *adam) {
    static const fcl_role in_place[] = {FCL_W, FCL_M, FCL_V};
    enum { N_IN_PLACE = sizeof in_place / sizeof in_place[0] };
    fcl_status status = FCL_OK;
    const fcl_node *node = &network->adam;
    const fcl_op_args args = fcl_network_update_args(l->pass, adam);
    for (int i = 0; i < N_IN_PLACE; i++)
        FCL_TRY(
            read_to(&l->inputs[in_place[i]], node->operands.buffer[in_place[i]], network->arena_bytes / sizeof(float)));
    FCL_TRY(fcl_operation_run(node->operation, 1, &node->operands, &args));
    FCL_TRY(inspect_node(l, "step", node, &args));
    for (int i = 0; i < N_IN_PLACE; i++)
        FCL_TRY(fcl_buffer_write(node->operands.buffer[in_place[i]], 0, l->inputs[in_place[i]].values,
                                 network->arena_bytes));
done:
    return status;
}

fcl_status fcl_network_inspect(fcl_finding *out, fcl_network *network, const fcl_pass *pass, const fcl_adam *adam) {
    fcl_status status;
    fcl_finding found = {.cause = FCL_CAUSE_NONE};
    look l = {.network = network, .pass = pass, .found = &found};
    const fcl_watch watch = {copy_sums, look_at, &l};
    FCL_TRY(look_at_inputs(&l));
    if (!found.cause) FCL_TRY(fcl_network_run_forward(network, pass, &watch));
    if (!found.cause) FCL_TRY(fcl_network_run_loss(network, pass, &watch));
    if (!found.cause) FCL_TRY(fcl_network_run_backward(network, pass, &watch, NULL));
    if (!found.cause && adam) FCL_TRY(look_at_update(&l, network, adam));
    *out = found;
done:
    dispose(&l);
    return status;
}
