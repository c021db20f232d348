/* What a model is and costs, for people and as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "net/memory_plan.h"
#include "net/model.h"

enum { DETAIL_CAPACITY = 256 };
static const double mega = 1e6;

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

static const char *type_of(const fcl_layer *layer) {
    static const char *const names[FCL_N_LAYER_KINDS] = {
        [FCL_LAYER_INPUT] = "input",     [FCL_LAYER_CONV] = "conv",   [FCL_LAYER_POOL] = "max_pool",
        [FCL_LAYER_FLATTEN] = "flatten", [FCL_LAYER_DENSE] = "dense", [FCL_LAYER_ACTIVATION] = "activation",
        [FCL_LAYER_DROPOUT] = "dropout", [FCL_LAYER_ADD] = "add"};
    return layer->kind == FCL_LAYER_POOL && layer->pool.kind == FCL_AVERAGE_POOL ? "average_pool" : names[layer->kind];
}

/* "conv 3x3 stride 2x2 leaky_relu 0.1 from input": the type with what is not as usual. */
static void describe(char out[DETAIL_CAPACITY], const fcl_model *model, unsigned index) {
    static const char *const activations[] = {"", " relu", " leaky_relu", " elu"};
    const fcl_layer *l = &model->layers[index];
    char window[64] = "", activation[32] = "", rate[16] = "", from[80] = "", with[80] = "";
    if (l->kind == FCL_LAYER_CONV) {
        int n = snprintf(window, sizeof window, " %dx%d", l->conv.kernel_h, l->conv.kernel_w);
        if (l->conv.stride_h != 1 || l->conv.stride_w != 1)
            snprintf(window + n, sizeof window - (size_t)n, " stride %dx%d", l->conv.stride_h, l->conv.stride_w);
    } else if (l->kind == FCL_LAYER_POOL) {
        int n = snprintf(window, sizeof window, " %dx%d", l->pool.window_h, l->pool.window_w);
        if (l->pool.stride_h != l->pool.window_h || l->pool.stride_w != l->pool.window_w)
            snprintf(window + n, sizeof window - (size_t)n, " stride %dx%d", l->pool.stride_h, l->pool.stride_w);
    }
    if (l->activation.kind == FCL_LEAKY_RELU || (l->activation.kind == FCL_ELU && l->activation.alpha != 1.0f))
        snprintf(activation, sizeof activation, "%s %g", activations[l->activation.kind], (double)l->activation.alpha);
    else
        snprintf(activation, sizeof activation, "%s", activations[l->activation.kind]);
    if (l->kind == FCL_LAYER_DROPOUT) snprintf(rate, sizeof rate, " %g", (double)l->rate);
    if (index > 0 && l->from != index - 1) snprintf(from, sizeof from, " from %s", model->layers[l->from].name);
    if (l->kind == FCL_LAYER_ADD) snprintf(with, sizeof with, " with %s", model->layers[l->from2].name);
    snprintf(out, DETAIL_CAPACITY, "%s%s%s%s%s%s", type_of(l), window, activation, rate, from, with);
}

/* 3377438 as "3,377,438". */
static void group_digits(char out[32], uint64_t value) {
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value), k = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = '\0';
}

static void append_rule(fcl_text *text, size_t width) {
    for (size_t i = 0; i < width; i++) fcl_text_append(text, "-");
    fcl_text_append(text, "\n");
}

static void append_layers(fcl_text *text, const fcl_model *model) {
    enum { SHAPE_WIDTH = 16, PARAMETERS_WIDTH = 12, MFLOP_WIDTH = 10, GAPS = 8 };
    int name_width = (int)strlen("Layer"), type_width = (int)strlen("Type");
    char detail[DETAIL_CAPACITY], shape[48], parameters[32];
    for (unsigned i = 0; i < model->n_layers; i++) {
        int name = (int)strlen(model->layers[i].name), type;
        describe(detail, model, i);
        type = (int)strlen(detail);
        if (name > name_width) name_width = name;
        if (type > type_width) type_width = type;
    }
    size_t width = (size_t)(name_width + type_width + SHAPE_WIDTH + PARAMETERS_WIDTH + MFLOP_WIDTH + GAPS);
    fcl_text_appendf(text, "%-*s  %-*s  %-*s  %*s  %*s\n", name_width, "Layer", type_width, "Type", SHAPE_WIDTH,
                     "Output shape", PARAMETERS_WIDTH, "Parameters", MFLOP_WIDTH, "MFLOP");
    append_rule(text, width);
    for (unsigned i = 0; i < model->n_layers; i++) {
        const fcl_layer *l = &model->layers[i];
        describe(detail, model, i);
        snprintf(shape, sizeof shape, "%d x %d x %d", l->h, l->w, l->c);
        group_digits(parameters, layer_parameters(model, l));
        fcl_text_appendf(text, "%-*s  %-*s  %-*s  %*s  %*.2f\n", name_width, l->name, type_width, detail, SHAPE_WIDTH,
                         shape, PARAMETERS_WIDTH, parameters, MFLOP_WIDTH, layer_flop(l) / mega);
    }
    append_rule(text, width);
}

fcl_status fcl_model_summary_of(char **out, const fcl_model *model, const fcl_memory_plan *plan) {
    char parameters[32];
    fcl_text text = FCL_TEXT_EMPTY;
    fcl_text_appendf(&text, "Model: %s\n\n", model->name);
    append_layers(&text, model);
    group_digits(parameters, fcl_model_n_parameters(model));
    fcl_text_appendf(&text, "Parameters: %s; forward pass of an image: %.1f MFLOP\n\n", parameters,
                     fcl_model_flop(model) / mega);
    fcl_memory_plan_append(&text, plan);
    fcl_status status = fcl_text_status(&text);
    if (status == FCL_OK)
        *out = text.data;
    else
        fcl_text_dispose(&text);
    return status;
}

fcl_status fcl_model_summary(char **out, const fcl_model *model, const fcl_memory_request *request) {
    fcl_memory_plan plan;
    fcl_status status = fcl_memory_plan_make(&plan, model, request, NULL, 1);
    return status == FCL_OK ? fcl_model_summary_of(out, model, &plan) : status;
}

static json_t *layer_json(const fcl_model *model, const fcl_layer *l) {
    return json_pack("{s:s, s:s, s:[i,i,i], s:I, s:f}", "name", l->name, "type", type_of(l), "output", l->h, l->w, l->c,
                     "parameters", (json_int_t)layer_parameters(model, l), "flop", layer_flop(l));
}

/* Null where it is not known. */
static json_t *bytes_json(uint64_t bytes, int is_known) {
    return is_known ? json_integer((json_int_t)bytes) : json_null();
}

static json_t *plan_json(const fcl_memory_plan *plan) {
    const fcl_memory_needs *needs = &plan->needs;
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:o, s:o, s:I}", "parameters", (json_int_t)needs->parameters,
                     "gradients_and_moments", (json_int_t)needs->optimizer, "activations",
                     (json_int_t)needs->activations, "activation_gradients", (json_int_t)needs->gradients, "workspace",
                     bytes_json(needs->workspace, plan->request.device != NULL), "total",
                     (json_int_t)fcl_memory_plan_bytes(plan), "largest_buffer", (json_int_t)needs->largest, "limit",
                     bytes_json(plan->total_limit, plan->total_limit != UINT64_MAX), "single_limit",
                     bytes_json(plan->single_limit, plan->single_limit != UINT64_MAX), "host_batches",
                     (json_int_t)plan->request.staging_bytes);
}

fcl_status fcl_model_summary_json(char **out, const fcl_model *model, const fcl_memory_request *request) {
    fcl_memory_plan plan;
    fcl_status status = fcl_memory_plan_make(&plan, model, request, NULL, 1);
    if (status != FCL_OK) return status;
    json_t *layers = json_array(), *object = NULL;
    char *text = NULL, *line = NULL;
    for (unsigned i = 0; i < model->n_layers; i++)
        if (json_array_append_new(layers, layer_json(model, &model->layers[i])) != 0) goto done;
    object = json_pack("{s:s, s:O, s:I, s:f, s:I, s:I, s:I, s:o}", "model", model->name, "layers", layers, "parameters",
                       (json_int_t)fcl_model_n_parameters(model), "flop", fcl_model_flop(model), "batch",
                       (json_int_t)request->batch, "parts", (json_int_t)plan.n_parts, "largest_part",
                       (json_int_t)plan.part, "training_bytes", plan_json(&plan));
    text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
    line = text ? fcl_format("%s\n", text) : NULL;
done:
    json_decref(layers);
    json_decref(object);
    free(text);
    if (!line) return fcl_fail_memory("the summary", 0);
    *out = line;
    return FCL_OK;
}
