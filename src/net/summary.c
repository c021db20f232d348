#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "net/model.h"

static const double mega = 1e6, mebi = 1024.0 * 1024.0;
static const char *const kind_names[FCL_N_LAYER_KINDS] = {"input", "conv",       "pool",    "flatten",
                                                          "dense", "activation", "dropout", "add"};

static double layer_flop(const fcl_layer *layer) {
    if (layer->kind == FCL_LAYER_CONV) {
        const fcl_conv_shape *c = &layer->conv;
        return 2.0 * c->out_h * c->out_w * c->out_c * c->kernel_h * c->kernel_w * c->in_c;
    }
    return layer->kind == FCL_LAYER_DENSE ? 2.0 * layer->dense.in * layer->dense.out : 0.0;
}

double fcl_model_flop(const fcl_model *model) {
    double flop = 0.0;
    for (unsigned i = 0; i < model->n_layers; i++) flop += layer_flop(&model->layers[i]);
    return flop;
}

static uint64_t layer_parameters(const fcl_model *model, const fcl_layer *layer) {
    if (layer->parameter < 0) return 0;
    return model->tensors[layer->parameter].count + model->tensors[layer->parameter + 1].count;
}

/* Bytes that a training keeps: parameters, gradients, two moments; and the activations of a batch. */
static double parameter_bytes(const fcl_model *model) {
    return 4.0 * sizeof(float) * (double)fcl_model_n_parameters(model);
}

static double activation_bytes(const fcl_model *model, unsigned batch) {
    double floats = 0.0;
    for (unsigned i = 0; i < model->n_layers; i++) {
        const fcl_layer *l = &model->layers[i];
        if (l->kind != FCL_LAYER_FLATTEN) floats += (double)l->h * l->w * l->c;
    }
    return floats * batch * sizeof(float);
}

fcl_status fcl_model_summary(char **out, const fcl_model *model, unsigned batch) {
    fcl_text text = FCL_TEXT_EMPTY;
    fcl_text_appendf(&text, "%s\n\n%-16s %-11s %-16s %12s %10s\n", model->name, "layer", "type", "output",
                     "parameters", "MFLOP");
    for (unsigned i = 0; i < model->n_layers; i++) {
        const fcl_layer *l = &model->layers[i];
        char shape[32];
        snprintf(shape, sizeof shape, "%d x %d x %d", l->h, l->w, l->c);
        fcl_text_appendf(&text, "%-16s %-11s %-16s %12llu %10.2f\n", l->name, kind_names[l->kind], shape,
                         (unsigned long long)layer_parameters(model, l), layer_flop(l) / mega);
    }
    fcl_text_appendf(&text, "\nparameters: %llu; forward pass of an image: %.1f MFLOP\n",
                     (unsigned long long)fcl_model_n_parameters(model), fcl_model_flop(model) / mega);
    fcl_text_appendf(&text,
                     "training at batch %u: parameters, gradients and moments %.1f MiB, activations %.1f "
                     "MiB, and gradients of "
                     "activations\n",
                     batch, parameter_bytes(model) / mebi, activation_bytes(model, batch) / mebi);
    fcl_status status = fcl_text_status(&text);
    if (status == FCL_OK)
        *out = text.data;
    else
        fcl_text_dispose(&text);
    return status;
}

fcl_status fcl_model_summary_json(char **out, const fcl_model *model, unsigned batch) {
    json_t *layers = json_array();
    for (unsigned i = 0; i < model->n_layers && layers; i++) {
        const fcl_layer *l = &model->layers[i];
        json_array_append_new(layers,
                              json_pack("{s:s, s:s, s:[i,i,i], s:I, s:f}", "name", l->name, "type",
                                        kind_names[l->kind], "output", l->h, l->w, l->c, "parameters",
                                        (json_int_t)layer_parameters(model, l), "flop", layer_flop(l)));
    }
    json_t *object = json_pack("{s:s, s:o, s:I, s:f, s:i, s:f, s:f}", "model", model->name, "layers", layers,
                               "parameters", (json_int_t)fcl_model_n_parameters(model), "flop",
                               fcl_model_flop(model), "batch", (int)batch, "parameter_bytes",
                               parameter_bytes(model), "activation_bytes", activation_bytes(model, batch));
    char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
    json_decref(object);
    if (!text) return fcl_fail_memory("the summary", 0);
    *out = text;
    return FCL_OK;
}
