/* From the text of a model file to layers with shapes. Errors name file and line. */
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "net/model.h"

/* More than any network of 96x96 images has, and few enough that sizes of tensors fit their integers. */
enum { MAX_LAYERS = 1000, MAX_CHANNELS = 65536, MAX_WINDOW = FCL_IMAGE_SIDE, N_ACTIVATIONS = 4 };
static const double min_alpha = 1e-6, max_alpha = 100.0;

static const char common_keys[] = "type name from";
static const struct layer_type {
    const char *name;
    fcl_layer_kind kind;
    fcl_pool_kind pool;
    const char *keys; /* besides the common ones, separated by spaces */
} layer_types[] = {
    {"conv", FCL_LAYER_CONV, 0, "filters kernel stride padding activation alpha initializer"},
    {"max_pool", FCL_LAYER_POOL, FCL_MAX_POOL, "window stride padding"},
    {"average_pool", FCL_LAYER_POOL, FCL_AVERAGE_POOL, "window stride padding"},
    {"flatten", FCL_LAYER_FLATTEN, 0, ""},
    {"dense", FCL_LAYER_DENSE, 0, "units activation alpha initializer"},
    {"activation", FCL_LAYER_ACTIVATION, 0, "activation alpha"},
    {"dropout", FCL_LAYER_DROPOUT, 0, "rate"},
    {"add", FCL_LAYER_ADD, 0, "with activation alpha"},
};
enum { N_LAYER_TYPES = sizeof layer_types / sizeof layer_types[0] };
static const char *const activation_names[N_ACTIVATIONS] = {"linear", "relu", "leaky_relu", "elu"};
static const char *const initializer_names[] = {"glorot_uniform", "he_normal"};
static const char *const padding_names[] = {"valid", "same"};

typedef const config_setting_t setting;

typedef struct reader {
    fcl_model *model;
    const char *file;
    int initializer; /* of layers that do not say */
    unsigned n_of_type[N_LAYER_TYPES];
} reader;

static fcl_status fail_at(const reader *r, setting *at, const char *format, ...) FCL_PRINTF(3, 4);

static fcl_status fail_at(const reader *r, setting *at, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return fcl_fail(FCL_E_INPUT, "%s:%u: %s", r->file, config_setting_source_line(at), text);
}

static int has_word(const char *words, const char *word) {
    size_t n = strlen(word);
    for (const char *p = words; (p = strstr(p, word)); p += n)
        if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0')) return 1;
    return 0;
}

/* What names of models and layers are made of: they become parts of file and tensor names. */
static int is_name(const char *text, size_t capacity) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t n = strlen(text);
    return n > 0 && n < capacity && strspn(text, allowed) == n;
}

static const char *string_of(setting *s) {
    return config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : "";
}

/* `meaning` completes the message: what the key is. */
static fcl_status require(setting **out, const reader *r, setting *group, const char *key, const char *meaning) {
    setting *found = config_setting_get_member(group, key);
    if (!found) return fail_at(r, group, "the key '%s' is missing: %s", key, meaning);
    *out = found;
    return FCL_OK;
}

static fcl_status read_integer(int *out, const reader *r, setting *s, const char *key, int high) {
    int value = config_setting_type(s) == CONFIG_TYPE_INT ? config_setting_get_int(s) : 0;
    if (value < 1 || value > high) return fail_at(r, s, "'%s' must be a whole number from 1 to %d", key, high);
    *out = value;
    return FCL_OK;
}

/* low <= number < high */
static fcl_status read_number(float *out, const reader *r, setting *s, double low, double high) {
    int type = config_setting_type(s), is_number = type == CONFIG_TYPE_FLOAT || type == CONFIG_TYPE_INT;
    double value = type == CONFIG_TYPE_FLOAT ? config_setting_get_float(s)
                   : type == CONFIG_TYPE_INT ? config_setting_get_int(s)
                                             : 0.0;
    if (!is_number || !(value >= low && value < high))
        return fail_at(r, s, "'%s' must be a number that is at least %g and less than %g", config_setting_name(s), low,
                       high);
    *out = (float)value;
    return FCL_OK;
}

/* [rows, columns], or one number for both; `out` stays when the key is not there. */
static fcl_status read_pair(int out[2], const reader *r, setting *group, const char *key) {
    fcl_status status = FCL_OK;
    setting *s = config_setting_get_member(group, key);
    if (!s) return FCL_OK;
    if (config_setting_type(s) == CONFIG_TYPE_INT) {
        FCL_TRY(read_integer(&out[0], r, s, key, MAX_WINDOW));
        out[1] = out[0];
    } else if ((config_setting_is_array(s) || config_setting_is_list(s)) && config_setting_length(s) == 2) {
        for (unsigned i = 0; i < 2; i++)
            FCL_TRY(read_integer(&out[i], r, config_setting_get_elem(s, i), key, MAX_WINDOW));
    } else {
        status = fail_at(r, s, "'%s' must be [rows, columns], or one whole number for both", key);
    }
done:
    return status;
}

/* The index of one of `names`; `*out` stays when the key is not there. */
static fcl_status read_choice(int *out, const reader *r, setting *group, const char *key, const char *const *names,
                              int n) {
    setting *s = config_setting_get_member(group, key);
    if (!s) return FCL_OK;
    char known[256] = "";
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], string_of(s)) == 0) {
            *out = i;
            return FCL_OK;
        }
        size_t length = strlen(known);
        snprintf(known + length, sizeof known - length, "%s\"%s\"", i ? ", " : "", names[i]);
    }
    return fail_at(r, s, "'%s' must be one of %s", key, known);
}

static fcl_status read_activation(fcl_layer *layer, const reader *r, setting *group) {
    int kind = FCL_LINEAR;
    fcl_status status;
    FCL_TRY(read_choice(&kind, r, group, "activation", activation_names, N_ACTIVATIONS));
    layer->activation = (fcl_activation){.kind = (fcl_activation_kind)kind, .alpha = kind == FCL_ELU ? 1.0f : 0.0f};
    setting *alpha = config_setting_get_member(group, "alpha");
    if (alpha && kind != FCL_LEAKY_RELU && kind != FCL_ELU)
        return fail_at(r, alpha, "'alpha' belongs to the activations \"leaky_relu\" and \"elu\" only");
    if (!alpha && kind == FCL_LEAKY_RELU)
        return fail_at(r, group, "the activation \"leaky_relu\" needs 'alpha', its slope below zero");
    if (alpha) FCL_TRY(read_number(&layer->activation.alpha, r, alpha, min_alpha, max_alpha));
done:
    return status;
}

/* The layer above that a key names. */
static fcl_status find_layer(unsigned *out, const reader *r, setting *s) {
    for (unsigned i = 0; i < r->model->n_layers; i++)
        if (strcmp(r->model->layers[i].name, string_of(s)) == 0) {
            *out = i;
            return FCL_OK;
        }
    return fail_at(r, s, "'%s' must name a layer above this one; none of them is \"%s\"", config_setting_name(s),
                   string_of(s));
}

/* Output size, and padding before the first row, as TensorFlow counts: for "same" the size is in / stride
 * rounded up, and an odd row of padding comes after the last. */
static int output_size(int *pad, int in, int window, int stride, int same) {
    *pad = 0;
    if (!same) return in < window ? 0 : (in - window) / stride + 1;
    int out = (in + stride - 1) / stride, total = (out - 1) * stride + window - in;
    if (total > 0) *pad = total / 2;
    return out;
}

/* A window that moves over the input: rows first. */
typedef struct sliding {
    int window[2], stride[2], pad[2], out[2];
} sliding;

/* `key` is the one that holds the window; its default stride is `stride`, or the window itself when that is
 * 0. */
static fcl_status read_sliding(sliding *out, const reader *r, setting *group, const char *key, int stride,
                               const fcl_layer *in) {
    int same = 0;
    setting *window;
    fcl_status status;
    FCL_TRY(require(&window, r, group, key, "the size of the window, [rows, columns]"));
    FCL_TRY(read_pair(out->window, r, group, key));
    for (int i = 0; i < 2; i++) out->stride[i] = stride ? stride : out->window[i];
    FCL_TRY(read_pair(out->stride, r, group, "stride"));
    FCL_TRY(read_choice(&same, r, group, "padding", padding_names, 2));
    out->out[0] = output_size(&out->pad[0], in->h, out->window[0], out->stride[0], same);
    out->out[1] = output_size(&out->pad[1], in->w, out->window[1], out->stride[1], same);
    if (out->out[0] < 1 || out->out[1] < 1)
        return fail_at(r, group,
                       "its input of %dx%d is smaller than the window of %dx%d: nothing would be left; use a "
                       "smaller window, less pooling before it, or padding \"same\"",
                       in->h, in->w, out->window[0], out->window[1]);
done:
    return status;
}

static fcl_status read_conv(fcl_layer *layer, const reader *r, setting *group, const fcl_layer *in) {
    fcl_status status;
    sliding s;
    int initializer = r->initializer;
    setting *filters = NULL;
    FCL_TRY(require(&filters, r, group, "filters", "the number of output channels"));
    FCL_TRY(read_integer(&layer->c, r, filters, "filters", MAX_CHANNELS));
    FCL_TRY(read_sliding(&s, r, group, "kernel", 1, in));
    FCL_TRY(read_activation(layer, r, group));
    FCL_TRY(read_choice(&initializer, r, group, "initializer", initializer_names, 2));
    layer->initializer = (fcl_initializer)initializer;
    layer->h = s.out[0];
    layer->w = s.out[1];
    layer->conv = (fcl_conv_shape){.in_h = in->h,
                                   .in_w = in->w,
                                   .in_c = in->c,
                                   .out_h = layer->h,
                                   .out_w = layer->w,
                                   .out_c = layer->c,
                                   .kernel_h = s.window[0],
                                   .kernel_w = s.window[1],
                                   .stride_h = s.stride[0],
                                   .stride_w = s.stride[1],
                                   .pad_top = s.pad[0],
                                   .pad_left = s.pad[1]};
done:
    return status;
}

static fcl_status read_pool(fcl_layer *layer, const reader *r, setting *group, const fcl_layer *in,
                            fcl_pool_kind kind) {
    sliding s;
    fcl_status status = read_sliding(&s, r, group, "window", 0, in);
    if (status != FCL_OK) return status;
    layer->h = s.out[0];
    layer->w = s.out[1];
    layer->pool = (fcl_pool_shape){.kind = kind,
                                   .in_h = in->h,
                                   .in_w = in->w,
                                   .channels = in->c,
                                   .out_h = layer->h,
                                   .out_w = layer->w,
                                   .window_h = s.window[0],
                                   .window_w = s.window[1],
                                   .stride_h = s.stride[0],
                                   .stride_w = s.stride[1],
                                   .pad_top = s.pad[0],
                                   .pad_left = s.pad[1]};
    return FCL_OK;
}

static fcl_status read_dense(fcl_layer *layer, const reader *r, setting *group, const fcl_layer *in) {
    fcl_status status;
    int initializer = r->initializer;
    setting *units = NULL;
    FCL_TRY(require(&units, r, group, "units", "the number of outputs"));
    FCL_TRY(read_integer(&layer->c, r, units, "units", MAX_CHANNELS));
    if (in->h != 1 || in->w != 1)
        return fail_at(r, group, "a dense layer needs a flat input, \"%s\" gives %dx%dx%d: put a \"flatten\" before it",
                       in->name, in->h, in->w, in->c);
    FCL_TRY(read_activation(layer, r, group));
    FCL_TRY(read_choice(&initializer, r, group, "initializer", initializer_names, 2));
    layer->initializer = (fcl_initializer)initializer;
    layer->dense = (fcl_dense_shape){.in = in->c, .out = layer->c};
done:
    return status;
}

static fcl_status read_add(fcl_layer *layer, const reader *r, setting *group, const fcl_layer *in) {
    fcl_status status;
    setting *with = NULL;
    FCL_TRY(require(&with, r, group, "with", "the name of the layer whose output is added"));
    FCL_TRY(find_layer(&layer->from2, r, with));
    const fcl_layer *other = &r->model->layers[layer->from2];
    if (other->h != in->h || other->w != in->w || other->c != in->c)
        return fail_at(r, with, "\"%s\" gives %dx%dx%d and \"%s\" %dx%dx%d: only equal shapes can be added", in->name,
                       in->h, in->w, in->c, other->name, other->h, other->w, other->c);
    FCL_TRY(read_activation(layer, r, group));
done:
    return status;
}

static fcl_status read_dropout(fcl_layer *layer, const reader *r, setting *group) {
    fcl_status status;
    setting *rate = NULL;
    FCL_TRY(require(&rate, r, group, "rate", "the share of values set to zero"));
    FCL_TRY(read_number(&layer->rate, r, rate, 0.0, 1.0));
    layer->dropout_index = r->model->n_dropouts++;
done:
    return status;
}

static fcl_status find_type(unsigned *out, const reader *r, setting *group) {
    char known[256] = "";
    setting *type = NULL;
    if (!config_setting_is_group(group))
        return fail_at(r, group, "a layer is a group in braces: { type = \"conv\"; ... }");
    fcl_status status = require(&type, r, group, "type", "what kind of layer this is");
    if (status != FCL_OK) return status;
    for (unsigned i = 0; i < N_LAYER_TYPES; i++) {
        if (strcmp(layer_types[i].name, string_of(type)) == 0) {
            *out = i;
            return FCL_OK;
        }
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s\"%s\"", i ? ", " : "", layer_types[i].name);
    }
    return fail_at(r, type, "unknown layer type \"%s\"; 'type' must be one of %s", string_of(type), known);
}

static fcl_status check_keys(const reader *r, setting *group, const struct layer_type *type) {
    for (int i = 0; i < config_setting_length(group); i++) {
        setting *s = config_setting_get_elem(group, (unsigned)i);
        const char *key = config_setting_name(s);
        if (!has_word(common_keys, key) && !has_word(type->keys, key))
            return fail_at(r, s, "unknown key '%s'; a layer of type \"%s\" has %s %s", key, type->name, common_keys,
                           type->keys);
    }
    return FCL_OK;
}

static int name_is_taken(const reader *r, const char *name) {
    for (unsigned i = 0; i < r->model->n_layers; i++)
        if (strcmp(r->model->layers[i].name, name) == 0) return 1;
    return 0;
}

/* As given; else "conv", "conv_1", ...: the first that is free. */
static fcl_status read_layer_name(fcl_layer *layer, reader *r, setting *group, unsigned type) {
    setting *given = config_setting_get_member(group, "name");
    if (given) {
        if (!is_name(string_of(given), sizeof layer->name))
            return fail_at(r, given, "a layer's name is a string of 1 to %zu letters, digits, '_', '.' and '-'",
                           sizeof layer->name - 1);
        if (name_is_taken(r, string_of(given)))
            return fail_at(r, given, "another layer has the name \"%s\" already", string_of(given));
        snprintf(layer->name, sizeof layer->name, "%s", string_of(given));
        return FCL_OK;
    }
    do {
        unsigned k = r->n_of_type[type]++;
        if (k == 0)
            snprintf(layer->name, sizeof layer->name, "%s", layer_types[type].name);
        else
            snprintf(layer->name, sizeof layer->name, "%s_%u", layer_types[type].name, k);
    } while (name_is_taken(r, layer->name));
    return FCL_OK;
}

static fcl_status read_layer(reader *r, setting *group) {
    fcl_status status;
    fcl_model *model = r->model;
    unsigned type = 0;
    FCL_TRY(find_type(&type, r, group));
    FCL_TRY(check_keys(r, group, &layer_types[type]));
    fcl_layer layer = {.kind = layer_types[type].kind,
                       .line = (int)config_setting_source_line(group),
                       .from = model->n_layers - 1,
                       .parameter = -1};
    setting *from = config_setting_get_member(group, "from");
    if (from) FCL_TRY(find_layer(&layer.from, r, from));
    FCL_TRY(read_layer_name(&layer, r, group, type));
    const fcl_layer in = model->layers[layer.from];
    layer.h = in.h;
    layer.w = in.w;
    layer.c = in.c;
    switch (layer.kind) {
    case FCL_LAYER_CONV: FCL_TRY(read_conv(&layer, r, group, &in)); break;
    case FCL_LAYER_POOL: FCL_TRY(read_pool(&layer, r, group, &in, layer_types[type].pool)); break;
    case FCL_LAYER_DENSE: FCL_TRY(read_dense(&layer, r, group, &in)); break;
    case FCL_LAYER_ADD: FCL_TRY(read_add(&layer, r, group, &in)); break;
    case FCL_LAYER_DROPOUT: FCL_TRY(read_dropout(&layer, r, group)); break;
    case FCL_LAYER_ACTIVATION: {
        setting *activation = NULL;
        FCL_TRY(require(&activation, r, group, "activation", "which one the layer applies"));
        FCL_TRY(read_activation(&layer, r, group));
        break;
    }
    case FCL_LAYER_FLATTEN:
        layer.c = in.h * in.w * in.c;
        layer.h = layer.w = 1;
        break;
    case FCL_LAYER_INPUT:
    case FCL_N_LAYER_KINDS: break;
    }
    FCL_TRY(fcl_model_add_layer(model, &layer));
done:
    return status;
}

/* The name it gives, else the file's, which is then added to the text: that may be stored in another file. */
static fcl_status read_model_name(const reader *r, setting *root) {
    fcl_model *model = r->model;
    setting *name = config_setting_get_member(root, "name");
    if (name) {
        if (!is_name(string_of(name), sizeof model->name))
            return fail_at(r, name, "a model's name is a string of 1 to %zu letters, digits, '_', '.' and '-'",
                           sizeof model->name - 1);
        snprintf(model->name, sizeof model->name, "%s", string_of(name));
        return FCL_OK;
    }
    const char *file = fcl_basename(r->file);
    size_t n = strlen(file) - (fcl_ends_with(file, ".cfg") ? strlen(".cfg") : 0);
    char *own = fcl_format("%.*s", (int)n, file);
    char *text = own ? fcl_format("%s\nname = \"%s\";\n", model->text, own) : NULL;
    fcl_status status = FCL_E_MEMORY;
    if (text && !is_name(own, sizeof model->name)) {
        status = fcl_fail(FCL_E_INPUT,
                          "%s: the key 'name' is missing, and the file's name has other characters than "
                          "letters, digits, '_', '.' and '-': give the model a name",
                          r->file);
    } else if (text) {
        snprintf(model->name, sizeof model->name, "%s", own);
        free(model->text);
        model->text = text;
        text = NULL;
        status = FCL_OK;
    }
    free(own);
    free(text);
    return status;
}

/* That all layers lead to the last, that it gives the coordinates, and that there is something to learn. */
static fcl_status check_whole(const reader *r, setting *layers) {
    const fcl_model *model = r->model;
    unsigned last = model->n_layers - 1;
    const fcl_layer *output = &model->layers[last];
    for (unsigned i = 1; i < last; i++) {
        int used = 0;
        for (unsigned k = i + 1; k <= last; k++)
            used |=
                model->layers[k].from == i || (model->layers[k].kind == FCL_LAYER_ADD && model->layers[k].from2 == i);
        if (!used)
            return fcl_fail(FCL_E_INPUT,
                            "%s:%d: no later layer takes the output of \"%s\": name it in a 'from' or "
                            "'with', or remove it",
                            r->file, model->layers[i].line, model->layers[i].name);
    }
    if (output->h != 1 || output->w != 1 || output->c != FCL_N_COORDINATES)
        return fcl_fail(FCL_E_INPUT,
                        "%s:%d: the last layer gives %dx%dx%d values, 1x1x%d are wanted: x and y of %d keypoints",
                        r->file, output->line, output->h, output->w, output->c, FCL_N_COORDINATES, FCL_N_KEYPOINTS);
    if (model->n_tensors == 0) return fail_at(r, layers, "no layer has weights: there must be a \"conv\" or \"dense\"");
    return FCL_OK;
}

static fcl_status read_model(reader *r, setting *root) {
    fcl_status status;
    for (int i = 0; i < config_setting_length(root); i++) {
        setting *s = config_setting_get_elem(root, (unsigned)i);
        if (!has_word("name initializer layers", config_setting_name(s)))
            return fail_at(r, s, "unknown key '%s'; a model has name initializer layers", config_setting_name(s));
    }
    FCL_TRY(read_model_name(r, root));
    r->initializer = FCL_GLOROT_UNIFORM;
    FCL_TRY(read_choice(&r->initializer, r, root, "initializer", initializer_names, 2));
    setting *layers = config_setting_get_member(root, "layers");
    if (!layers) return fcl_fail(FCL_E_INPUT, "%s: the key 'layers' is missing: layers = ( {...}, {...} );", r->file);
    int n = config_setting_is_list(layers) ? config_setting_length(layers) : 0;
    if (n < 1 || n > MAX_LAYERS)
        return fail_at(r, layers, "'layers' must be a list of 1 to %d groups: layers = ( {...}, {...} );", MAX_LAYERS);
    for (int i = 0; i < n; i++) FCL_TRY(read_layer(r, config_setting_get_elem(layers, (unsigned)i)));
    FCL_TRY(check_whole(r, layers));
done:
    return status;
}

/* libconfig reads other files where a line says so; a model is one file, which a run keeps a copy of. */
static fcl_status refuse_include(const char *file, const char *text) {
    static const char directive[] = "@include";
    unsigned line = 1;
    for (const char *p = text; *p; line++) {
        p += strspn(p, " \t");
        if (strncmp(p, directive, strlen(directive)) == 0)
            return fcl_fail(FCL_E_INPUT, "%s:%u: %s is not possible: a model is one file", file, line, directive);
        p += strcspn(p, "\n");
        if (*p) p++;
    }
    return FCL_OK;
}

fcl_status fcl_model_parse(fcl_model **out, const char *name, const char *text) {
    fcl_status status;
    fcl_model *model = NULL;
    config_t config;
    config_init(&config);
    FCL_TRY(refuse_include(name, text));
    FCL_TRY(fcl_model_create(&model, text));
    if (!config_read_string(&config, text)) {
        status = fcl_fail(FCL_E_INPUT, "%s:%d: %s", name, config_error_line(&config), config_error_text(&config));
        goto done;
    }
    reader r = {.model = model, .file = name};
    FCL_TRY(read_model(&r, config_root_setting(&config)));
    *out = model;
    model = NULL;
done:
    config_destroy(&config);
    fcl_model_free(model);
    return status;
}
