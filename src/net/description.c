#include "net/description.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/model.h"

extern const fcl_embedded fcl_model_files[];

enum { MAX_SHIPPED = 32, MAX_FILTERS = 65536, MAX_WINDOW = FCL_IMAGE_SIDE };

static const struct layer_type {
    const char *name;
    fcl_layer_kind kind;
    fcl_pool_kind pool;
    const char *keys; /* besides type, name and from; separated by spaces */
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
static const char *const activation_names[] = {"linear", "relu", "leaky_relu", "elu"};
static const char *const initializer_names[] = {"glorot_uniform", "he_normal"};

/* What reading needs everywhere. */
typedef struct reader {
    fcl_model *model;
    const char *file;
    fcl_initializer initializer;
} reader;

static fcl_status fail_at(const reader *r, const config_setting_t *at, const char *format, const char *a,
                          const char *b) {
    char text[512];
    snprintf(text, sizeof text, format, a, b);
    return fcl_fail(FCL_E_INPUT, "%s:%u: %s", r->file, config_setting_source_line(at), text);
}

static int index_of(const char *const *names, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

static int has_word(const char *words, const char *word) {
    size_t n = strlen(word);
    for (const char *p = words; (p = strstr(p, word)); p += n)
        if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0')) return 1;
    return 0;
}

static fcl_status read_integer(int *out, const reader *r, const config_setting_t *setting, int low,
                               int high) {
    char range[64];
    snprintf(range, sizeof range, "from %d to %d", low, high);
    if (config_setting_type(setting) != CONFIG_TYPE_INT || config_setting_get_int(setting) < low ||
        config_setting_get_int(setting) > high)
        return fail_at(r, setting, "'%s' must be a whole number %s",
                       config_setting_name(setting) ? config_setting_name(setting) : "size", range);
    *out = config_setting_get_int(setting);
    return FCL_OK;
}

static fcl_status read_number(float *out, const reader *r, const config_setting_t *setting, double low,
                              double high) {
    double value;
    int type = config_setting_type(setting);
    value = type == CONFIG_TYPE_FLOAT ? config_setting_get_float(setting)
            : type == CONFIG_TYPE_INT ? config_setting_get_int(setting)
                                      : -1.0;
    if (!(value >= low && value < high)) {
        char range[64];
        snprintf(range, sizeof range, "from %g up to, but not, %g", low, high);
        return fail_at(r, setting, "'%s' must be a number %s", config_setting_name(setting), range);
    }
    *out = (float)value;
    return FCL_OK;
}

/* [rows, columns], or one number for both; the defaults stay when the key is not there. */
static fcl_status read_pair(int out[2], const reader *r, const config_setting_t *group, const char *key) {
    const config_setting_t *setting = config_setting_get_member(group, key);
    if (!setting) return FCL_OK;
    if (config_setting_type(setting) == CONFIG_TYPE_INT) {
        fcl_status status = read_integer(&out[0], r, setting, 1, MAX_WINDOW);
        out[1] = out[0];
        return status;
    }
    if (!(config_setting_is_array(setting) || config_setting_is_list(setting)) ||
        config_setting_length(setting) != 2)
        return fail_at(r, setting, "'%s' must be two whole numbers, [rows, columns]%s", key, "");
    for (unsigned i = 0; i < 2; i++) {
        fcl_status status = read_integer(&out[i], r, config_setting_get_elem(setting, i), 1, MAX_WINDOW);
        if (status != FCL_OK) return status;
    }
    return FCL_OK;
}

/* One of `names`; `*out` stays when the key is not there. */
static fcl_status read_choice(int *out, const reader *r, const config_setting_t *group, const char *key,
                              const char *const *names, int n) {
    const config_setting_t *setting = config_setting_get_member(group, key);
    if (!setting) return FCL_OK;
    int i = config_setting_type(setting) == CONFIG_TYPE_STRING
                ? index_of(names, n, config_setting_get_string(setting))
                : -1;
    if (i < 0) {
        char known[256] = "";
        for (int k = 0; k < n; k++)
            snprintf(known + strlen(known), sizeof known - strlen(known), "%s\"%s\"", k ? ", " : "",
                     names[k]);
        return fail_at(r, setting, "'%s' must be one of %s", key, known);
    }
    *out = i;
    return FCL_OK;
}

static fcl_status read_activation(fcl_layer *layer, const reader *r, const config_setting_t *group) {
    int kind = FCL_LINEAR;
    fcl_status status;
    FCL_TRY(read_choice(&kind, r, group, "activation", activation_names, 4));
    layer->activation = (fcl_activation){.kind = (fcl_activation_kind)kind,
                                         .alpha = kind == FCL_LINEAR || kind == FCL_RELU ? 0.0f : 1.0f};
    const config_setting_t *alpha = config_setting_get_member(group, "alpha");
    if (alpha) {
        if (kind != FCL_LEAKY_RELU && kind != FCL_ELU)
            return fail_at(r, alpha, "'alpha' belongs to the activations \"leaky_relu\" and \"elu\"%s%s", "",
                           "");
        FCL_TRY(read_number(&layer->activation.alpha, r, alpha, 1e-6, 100.0));
    } else if (kind == FCL_LEAKY_RELU) {
        return fail_at(r, group, "the activation \"leaky_relu\" needs 'alpha', its slope below zero%s%s", "",
                       "");
    }
done:
    return status;
}

/* The layer of that name among the first n. */
static fcl_status find_layer(unsigned *out, const reader *r, const config_setting_t *setting) {
    const char *name =
        config_setting_type(setting) == CONFIG_TYPE_STRING ? config_setting_get_string(setting) : "";
    for (unsigned i = 0; i < r->model->n_layers; i++)
        if (strcmp(r->model->layers[i].name, name) == 0) {
            *out = i;
            return FCL_OK;
        }
    return fail_at(r, setting, "'%s' must name a layer above; there is no \"%s\"",
                   config_setting_name(setting), name);
}

/* Output size and padding before the first row, as TensorFlow counts: for "same" ceil(in / stride), an odd
 * rest after the last row. */
static int output_size(int *pad, int in, int window, int stride, int same) {
    *pad = 0;
    if (!same) return in < window ? 0 : (in - window) / stride + 1;
    int out = (in + stride - 1) / stride, total = (out - 1) * stride + window - in;
    *pad = total > 0 ? total / 2 : 0;
    return out;
}

/* The shape of what goes in by one axis pair: window, stride and padding keys. */
static fcl_status read_window(int out[2], int pad[2], int window[2], int stride[2], const reader *r,
                              const config_setting_t *group, const char *key, const fcl_layer *in) {
    static const char *const paddings[] = {"valid", "same"};
    int same = 0;
    fcl_status status;
    if (!config_setting_get_member(group, key))
        return fail_at(r, group, "the key '%s' is missing%s", key, "");
    FCL_TRY(read_pair(window, r, group, key));
    FCL_TRY(read_pair(stride, r, group, "stride"));
    FCL_TRY(read_choice(&same, r, group, "padding", paddings, 2));
    out[0] = output_size(&pad[0], in->h, window[0], stride[0], same);
    out[1] = output_size(&pad[1], in->w, window[1], stride[1], same);
    if (out[0] < 1 || out[1] < 1) {
        char input[32], size[32];
        snprintf(input, sizeof input, "%dx%d", in->h, in->w);
        snprintf(size, sizeof size, "%dx%d", window[0], window[1]);
        return fail_at(r, group, "an input of %s is smaller than the window of %s: nothing would be left",
                       input, size);
    }
done:
    return status;
}

static fcl_status read_conv(fcl_layer *layer, const reader *r, const config_setting_t *group,
                            const fcl_layer *in) {
    fcl_status status;
    int window[2], stride[2] = {1, 1}, pad[2], out[2], initializer = (int)r->initializer;
    const config_setting_t *filters = config_setting_get_member(group, "filters");
    if (!filters) return fail_at(r, group, "the key 'filters' is missing%s%s", "", "");
    FCL_TRY(read_integer(&layer->c, r, filters, 1, MAX_FILTERS));
    FCL_TRY(read_window(out, pad, window, stride, r, group, "kernel", in));
    FCL_TRY(read_activation(layer, r, group));
    FCL_TRY(read_choice(&initializer, r, group, "initializer", initializer_names, 2));
    layer->initializer = (fcl_initializer)initializer;
    layer->h = out[0];
    layer->w = out[1];
    layer->conv = (fcl_conv_shape){.in_h = in->h,
                                   .in_w = in->w,
                                   .in_c = in->c,
                                   .out_h = out[0],
                                   .out_w = out[1],
                                   .out_c = layer->c,
                                   .kernel_h = window[0],
                                   .kernel_w = window[1],
                                   .stride_h = stride[0],
                                   .stride_w = stride[1],
                                   .pad_top = pad[0],
                                   .pad_left = pad[1]};
done:
    return status;
}

static fcl_status read_pool(fcl_layer *layer, const reader *r, const config_setting_t *group,
                            const fcl_layer *in, fcl_pool_kind kind) {
    fcl_status status;
    int window[2] = {1, 1}, pad[2], out[2];
    FCL_TRY(read_pair(window, r, group, "window"));
    int stride[2] = {window[0], window[1]};
    FCL_TRY(read_window(out, pad, window, stride, r, group, "window", in));
    layer->h = out[0];
    layer->w = out[1];
    layer->pool = (fcl_pool_shape){.kind = kind,
                                   .in_h = in->h,
                                   .in_w = in->w,
                                   .channels = in->c,
                                   .out_h = out[0],
                                   .out_w = out[1],
                                   .window_h = window[0],
                                   .window_w = window[1],
                                   .stride_h = stride[0],
                                   .stride_w = stride[1],
                                   .pad_top = pad[0],
                                   .pad_left = pad[1]};
done:
    return status;
}

static fcl_status read_dense(fcl_layer *layer, const reader *r, const config_setting_t *group,
                             const fcl_layer *in) {
    fcl_status status;
    int initializer = (int)r->initializer;
    const config_setting_t *units = config_setting_get_member(group, "units");
    if (!units) return fail_at(r, group, "the key 'units' is missing%s%s", "", "");
    FCL_TRY(read_integer(&layer->c, r, units, 1, MAX_FILTERS));
    if (in->h != 1 || in->w != 1)
        return fail_at(r, group, "a dense layer needs a flat input: put a \"flatten\" before it%s%s", "", "");
    FCL_TRY(read_activation(layer, r, group));
    FCL_TRY(read_choice(&initializer, r, group, "initializer", initializer_names, 2));
    layer->initializer = (fcl_initializer)initializer;
    layer->h = layer->w = 1;
    layer->dense = (fcl_dense_shape){.in = in->c, .out = layer->c};
done:
    return status;
}

static fcl_status read_add(fcl_layer *layer, const reader *r, const config_setting_t *group,
                           const fcl_layer *in) {
    fcl_status status;
    const config_setting_t *with = config_setting_get_member(group, "with");
    if (!with)
        return fail_at(r, group, "the key 'with' is missing: the name of the layer to add%s%s", "", "");
    FCL_TRY(find_layer(&layer->from2, r, with));
    const fcl_layer *other = &r->model->layers[layer->from2];
    if (other->h != in->h || other->w != in->w || other->c != in->c)
        return fail_at(r, group, "the outputs of \"%s\" and \"%s\" have different shapes", in->name,
                       other->name);
    FCL_TRY(read_activation(layer, r, group));
done:
    return status;
}

static fcl_status check_keys(const reader *r, const config_setting_t *group, const struct layer_type *type) {
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        const char *key = config_setting_name(setting);
        if (!has_word("type name from", key) && !has_word(type->keys, key)) {
            char text[256];
            snprintf(text, sizeof text, "a \"%s\" layer: type name from %s", type->name, type->keys);
            return fail_at(r, setting, "unknown key '%s' of %s", key, text);
        }
    }
    return FCL_OK;
}

/* "conv", "conv_1", ...: the first that is free. */
static void default_name(fcl_layer *layer, const reader *r, const char *type) {
    for (unsigned k = 0;; k++) {
        if (k)
            snprintf(layer->name, sizeof layer->name, "%s_%u", type, k);
        else
            snprintf(layer->name, sizeof layer->name, "%s", type);
        unsigned i = 0;
        while (i < r->model->n_layers && strcmp(r->model->layers[i].name, layer->name) != 0) i++;
        if (i == r->model->n_layers) return;
    }
}

static fcl_status read_layer(const reader *r, const config_setting_t *group) {
    fcl_status status = FCL_OK;
    fcl_model *model = r->model;
    const char *type_name = "";
    if (!config_setting_is_group(group) || !config_setting_lookup_string(group, "type", &type_name))
        return fail_at(r, group, "a layer is a group in braces with a 'type'%s%s", "", "");
    const struct layer_type *type = NULL;
    for (unsigned i = 0; i < N_LAYER_TYPES; i++)
        if (strcmp(layer_types[i].name, type_name) == 0) type = &layer_types[i];
    if (!type)
        return fail_at(r, group,
                       "unknown layer type \"%s\"; known are conv, max_pool, average_pool, flatten, dense, "
                       "activation, dropout, add%s",
                       type_name, "");
    FCL_TRY(check_keys(r, group, type));
    fcl_layer layer = {.kind = type->kind,
                       .line = (int)config_setting_source_line(group),
                       .from = model->n_layers - 1,
                       .parameter = -1};
    const config_setting_t *from = config_setting_get_member(group, "from"),
                           *name = config_setting_get_member(group, "name");
    if (from) FCL_TRY(find_layer(&layer.from, r, from));
    default_name(&layer, r, type->name);
    if (name) {
        const char *given =
            config_setting_type(name) == CONFIG_TYPE_STRING ? config_setting_get_string(name) : "";
        if (!*given || strlen(given) >= sizeof layer.name || strchr(given, '/'))
            return fail_at(r, name, "a layer's name is a string of 1 to 63 characters without '/'%s%s", "",
                           "");
        for (unsigned i = 0; i < model->n_layers; i++)
            if (strcmp(model->layers[i].name, given) == 0)
                return fail_at(r, name, "two layers have the name \"%s\"%s", given, "");
        snprintf(layer.name, sizeof layer.name, "%s", given);
    }
    const fcl_layer in = model->layers[layer.from];
    layer.h = in.h;
    layer.w = in.w;
    layer.c = in.c;
    switch (type->kind) {
    case FCL_LAYER_CONV: FCL_TRY(read_conv(&layer, r, group, &in)); break;
    case FCL_LAYER_POOL: FCL_TRY(read_pool(&layer, r, group, &in, type->pool)); break;
    case FCL_LAYER_DENSE: FCL_TRY(read_dense(&layer, r, group, &in)); break;
    case FCL_LAYER_ADD: FCL_TRY(read_add(&layer, r, group, &in)); break;
    case FCL_LAYER_ACTIVATION: FCL_TRY(read_activation(&layer, r, group)); break;
    case FCL_LAYER_FLATTEN:
        layer.c = in.h * in.w * in.c;
        layer.h = layer.w = 1;
        break;
    case FCL_LAYER_DROPOUT: {
        const config_setting_t *rate = config_setting_get_member(group, "rate");
        if (!rate) return fail_at(r, group, "the key 'rate' is missing%s%s", "", "");
        FCL_TRY(read_number(&layer.rate, r, rate, 0.0, 1.0));
        layer.dropout_index = model->n_dropouts++;
        break;
    }
    default: break;
    }
    FCL_TRY(fcl_model_add_layer(model, &layer));
done:
    return status;
}

static fcl_status read_model(reader *r, const config_setting_t *root) {
    fcl_status status = FCL_OK;
    fcl_model *model = r->model;
    const char *name = NULL;
    int initializer = FCL_GLOROT_UNIFORM;
    for (int i = 0; i < config_setting_length(root); i++) {
        const config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
        if (!has_word("name initializer layers", config_setting_name(setting)))
            return fail_at(r, setting, "unknown key '%s'; known are name, initializer, layers%s",
                           config_setting_name(setting), "");
    }
    const config_setting_t *given = config_setting_get_member(root, "name");
    if (given && (!config_setting_lookup_string(root, "name", &name) || !*name || strlen(name) >= sizeof model->name))
        return fail_at(r, given, "'name' must be a string of 1 to 63 characters%s%s", "", "");
    if (!name) name = fcl_basename(r->file); /* a model without a name has its file's */
    snprintf(model->name, sizeof model->name, "%.*s",
             (int)(strlen(name) - (fcl_ends_with(name, ".cfg") ? strlen(".cfg") : 0)), name);
    FCL_TRY(read_choice(&initializer, r, root, "initializer", initializer_names, 2));
    r->initializer = (fcl_initializer)initializer;
    const config_setting_t *layers = config_setting_get_member(root, "layers");
    if (!layers || !config_setting_is_list(layers) || config_setting_length(layers) == 0)
        return fcl_fail(FCL_E_INPUT, "%s: 'layers' is missing or not a list: layers = ( {...}, ... );",
                        r->file);
    for (int i = 0; i < config_setting_length(layers); i++)
        FCL_TRY(read_layer(r, config_setting_get_elem(layers, (unsigned)i)));
    const fcl_layer *last = &model->layers[model->n_layers - 1];
    if (last->h != 1 || last->w != 1 || last->c != FCL_N_COORDINATES)
        status =
            fcl_fail(FCL_E_INPUT, "%s:%d: the last layer gives %dx%dx%d values, %d are wanted (15 keypoints)",
                     r->file, last->line, last->h, last->w, last->c, FCL_N_COORDINATES);
done:
    return status;
}

fcl_status fcl_model_parse(fcl_model **out, const char *name, const char *text) {
    fcl_status status;
    fcl_model *model = NULL;
    config_t config;
    config_init(&config);
    reader r = {.file = name};
    FCL_TRY(fcl_model_create(&model, text));
    r.model = model;
    if (!config_read_string(&config, text)) {
        status =
            fcl_fail(FCL_E_INPUT, "%s:%d: %s", name, config_error_line(&config), config_error_text(&config));
        goto done;
    }
    FCL_TRY(read_model(&r, config_root_setting(&config)));
    *out = model;
    model = NULL;
done:
    config_destroy(&config);
    fcl_model_free(model);
    return status;
}

const char *const *fcl_model_names(void) {
    static char names[MAX_SHIPPED][64];
    static const char *list[MAX_SHIPPED + 1];
    unsigned n = 0;
    for (const fcl_embedded *file = fcl_model_files; file->name && n < MAX_SHIPPED; file++, n++) {
        snprintf(names[n], sizeof names[n], "%.*s", (int)(strlen(file->name) - strlen(".cfg")), file->name);
        list[n] = names[n];
    }
    list[n] = NULL;
    return list;
}

fcl_status fcl_model_load(fcl_model **out, const char *name_or_path) {
    fcl_status status;
    char *text = NULL, *file = NULL;
    if (strchr(name_or_path, '/') || fcl_ends_with(name_or_path, ".cfg")) {
        size_t n;
        FCL_TRY(fcl_file_read(&text, &n, name_or_path));
        if (strlen(text) != n) {
            status = fcl_fail(FCL_E_INPUT, "%s: a NUL byte at byte %zu: not a text file", name_or_path,
                              strlen(text));
            goto done;
        }
        FCL_TRY(fcl_model_parse(out, name_or_path, text));
    } else {
        file = fcl_format("%s.cfg", name_or_path);
        const fcl_embedded *shipped = file ? fcl_embedded_find(fcl_model_files, file) : NULL;
        if (!shipped) {
            fcl_text known = FCL_TEXT_EMPTY;
            for (const char *const *name = fcl_model_names(); *name; name++)
                fcl_text_appendf(&known, "%s%s", known.length ? ", " : "", *name);
            status = fcl_fail(FCL_E_USAGE, "no model '%s'; there are %s, or give the path of a .cfg file",
                              name_or_path, fcl_text_get(&known));
            fcl_text_dispose(&known);
            goto done;
        }
        FCL_TRY(fcl_model_parse(out, file, shipped->text));
    }
done:
    free(text);
    free(file);
    return status;
}
