#include "net/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"

fcl_status fcl_model_create(fcl_model **out, const char *text) {
    fcl_status status;
    fcl_model *model = NULL;
    FCL_TRY(FCL_NEW(&model, 1, "a model"));
    if (!(model->text = fcl_duplicate(text))) {
        status = FCL_E_MEMORY;
        goto done;
    }
    fcl_layer input = {
        .kind = FCL_LAYER_INPUT, .name = "input", .h = FCL_IMAGE_SIDE, .w = FCL_IMAGE_SIDE, .c = 1, .parameter = -1};
    FCL_TRY(fcl_model_add_layer(model, &input));
    *out = model;
    model = NULL;
done:
    fcl_model_free(model);
    return status;
}

void fcl_model_free(fcl_model *model) {
    if (!model) return;
    free(model->text);
    free(model->layers);
    free(model->tensors);
    free(model);
}

static fcl_status add_tensor(fcl_model *model, const fcl_parameter *tensor) {
    void *tensors = model->tensors;
    fcl_status status =
        fcl_grow(&tensors, &model->tensor_capacity, model->n_tensors + 1, sizeof *tensor, "a model's parameters");
    if (status != FCL_OK) return status;
    model->tensors = tensors;
    model->tensors[model->n_tensors++] = *tensor;
    return FCL_OK;
}

/* Kernel and bias of a convolution or dense layer. */
static fcl_status add_parameters(fcl_model *model, fcl_layer *layer) {
    fcl_status status;
    fcl_parameter kernel = {.layer = model->n_layers}, bias = {.layer = model->n_layers, .n_dimensions = 1};
    if (layer->kind == FCL_LAYER_CONV) {
        const fcl_conv_shape *c = &layer->conv;
        size_t taps = (size_t)c->kernel_h * (size_t)c->kernel_w;
        kernel.n_dimensions = 4;
        kernel.shape[0] = (size_t)c->kernel_h;
        kernel.shape[1] = (size_t)c->kernel_w;
        kernel.shape[2] = (size_t)c->in_c;
        kernel.shape[3] = (size_t)c->out_c;
        kernel.fan_in = taps * (size_t)c->in_c;
        kernel.fan_out = taps * (size_t)c->out_c;
    } else {
        kernel.n_dimensions = 2;
        kernel.shape[0] = kernel.fan_in = (size_t)layer->dense.in;
        kernel.shape[1] = kernel.fan_out = (size_t)layer->dense.out;
    }
    kernel.count = 1;
    for (unsigned d = 0; d < kernel.n_dimensions; d++) kernel.count *= kernel.shape[d];
    bias.count = bias.shape[0] = (size_t)layer->c;
    snprintf(kernel.name, sizeof kernel.name, "%s/kernel", layer->name);
    snprintf(bias.name, sizeof bias.name, "%s/bias", layer->name);
    layer->parameter = (int)model->n_tensors;
    FCL_TRY(add_tensor(model, &kernel));
    FCL_TRY(add_tensor(model, &bias));
done:
    return status;
}

fcl_status fcl_model_add_layer(fcl_model *model, const fcl_layer *layer) {
    fcl_status status;
    fcl_layer added = *layer;
    void *layers = model->layers;
    FCL_TRY(fcl_grow(&layers, &model->layer_capacity, model->n_layers + 1, sizeof added, "a model's layers"));
    model->layers = layers;
    if (layer->kind == FCL_LAYER_CONV || layer->kind == FCL_LAYER_DENSE) FCL_TRY(add_parameters(model, &added));
    model->layers[model->n_layers++] = added;
done:
    return status;
}

const char *fcl_model_name(const fcl_model *model) {
    return model->name;
}

const char *fcl_model_text(const fcl_model *model) {
    return model->text;
}

unsigned fcl_model_n_layers(const fcl_model *model) {
    return model->n_layers;
}

const fcl_layer *fcl_model_layer(const fcl_model *model, unsigned index) {
    return &model->layers[index];
}

unsigned fcl_model_n_tensors(const fcl_model *model) {
    return model->n_tensors;
}

const fcl_parameter *fcl_model_tensor(const fcl_model *model, unsigned index) {
    return &model->tensors[index];
}

uint64_t fcl_model_n_parameters(const fcl_model *model) {
    uint64_t n = 0;
    for (unsigned i = 0; i < model->n_tensors; i++) n += model->tensors[i].count;
    return n;
}
