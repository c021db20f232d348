#include "train/recipe.h"

#include <libconfig.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/file.h"
#include "base/text.h"

extern const fcl_embedded fcl_recipe_files[];

enum { MAX_SHIPPED = 32 };

typedef enum value_kind { UNSIGNED, SEED, NUMBER, FLAG, SCHEDULE, FILL } value_kind;

/* Every key of a recipe: its member, and what values make sense. */
typedef struct recipe_key {
    const char *name;
    value_kind kind;
    size_t offset;
    double low, high;
} recipe_key;

#define KEY(name, kind, member, low, high)                                                                             \
    { name, kind, offsetof(fcl_recipe, member), low, high }
static const recipe_key keys[] = {
    KEY("epochs", UNSIGNED, epochs, 1, 1e6),
    KEY("batch_size", UNSIGNED, batch, 1, 65536),
    KEY("learning_rate", NUMBER, learning_rate, 0, 1e30),
    KEY("schedule", SCHEDULE, schedule, 0, 0),
    KEY("warmup_steps", UNSIGNED, warmup_steps, 0, 1e9),
    KEY("beta1", NUMBER, beta1, 0, 0.9999999),
    KEY("beta2", NUMBER, beta2, 0, 0.9999999),
    KEY("epsilon", NUMBER, epsilon, 1e-30, 1),
    KEY("patience", UNSIGNED, patience, 0, 1e6),
    KEY("min_delta", NUMBER, min_delta, 0, 1e30),
    KEY("seed", SEED, seed, 0, 0),
    KEY("fill", FILL, fill, 0, 0),
    KEY("shuffle", FLAG, shuffle, 0, 0),
    KEY("dropout", FLAG, dropout, 0, 0),
    KEY("augment", FLAG, augment, 0, 0),
    KEY("flip", NUMBER, flip, 0, 1),
    KEY("max_shift", NUMBER, max_shift, 0, FCL_IMAGE_SIDE),
    KEY("max_rotation", NUMBER, max_rotation, 0, 180),
    KEY("max_scale", NUMBER, max_scale, 0, 10),
    KEY("max_brightness", NUMBER, max_brightness, 0, 255),
    KEY("max_contrast", NUMBER, max_contrast, 0, 10),
};
enum { N_KEYS = sizeof keys / sizeof keys[0] };

static fcl_status wrong(const config_setting_t *setting, const char *file, const char *wanted) {
    return fcl_fail(FCL_E_INPUT, "%s:%u: '%s' must be %s", file, config_setting_source_line(setting),
                    config_setting_name(setting), wanted);
}

static int whole_number(long long *out, const config_setting_t *setting) {
    int type = config_setting_type(setting);
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) return 0;
    *out = type == CONFIG_TYPE_INT ? config_setting_get_int(setting) : config_setting_get_int64(setting);
    return 1;
}

static fcl_status set_value(fcl_recipe *recipe, const recipe_key *key, const config_setting_t *setting,
                            const char *file) {
    void *member = (char *)recipe + key->offset;
    int type = config_setting_type(setting);
    long long whole;
    char wanted[96];
    switch (key->kind) {
    case UNSIGNED:
        snprintf(wanted, sizeof wanted, "a whole number from %g to %g", key->low, key->high);
        if (!whole_number(&whole, setting) || (double)whole < key->low || (double)whole > key->high)
            return wrong(setting, file, wanted);
        *(unsigned *)member = (unsigned)whole;
        return FCL_OK;
    case SEED:
        if (!whole_number(&whole, setting) || whole < 0) return wrong(setting, file, "a whole number from 0 up");
        *(uint64_t *)member = (uint64_t)whole;
        return FCL_OK;
    case NUMBER: {
        double value;
        if (type == CONFIG_TYPE_FLOAT)
            value = config_setting_get_float(setting);
        else if (whole_number(&whole, setting))
            value = (double)whole;
        else
            value = -1.0;
        snprintf(wanted, sizeof wanted, "a number from %g to %g", key->low, key->high);
        if (!(value >= key->low && value <= key->high)) return wrong(setting, file, wanted);
        *(double *)member = value;
        return FCL_OK;
    }
    case FLAG:
        if (type != CONFIG_TYPE_BOOL) return wrong(setting, file, "true or false");
        *(int *)member = config_setting_get_bool(setting);
        return FCL_OK;
    case SCHEDULE:
        if (type != CONFIG_TYPE_STRING || fcl_schedule_parse(member, config_setting_get_string(setting)) != FCL_OK)
            return wrong(setting, file, "\"constant\" or \"cosine\"");
        return FCL_OK;
    case FILL:
        if (type != CONFIG_TYPE_STRING || fcl_fill_parse(member, config_setting_get_string(setting)) != FCL_OK)
            return wrong(setting, file, "\"none\", \"mean\", \"median\", \"forward\" or \"drop\"");
        return FCL_OK;
    }
    return FCL_E_INTERNAL;
}

/* `top` may also have the groups in `models`. */
static fcl_status read_group(fcl_recipe *recipe, const config_setting_t *group, const char *file, int top,
                             unsigned char seen[N_KEYS]) {
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(setting);
        if (top && strcmp(name, "models") == 0) continue;
        unsigned k = 0;
        while (k < N_KEYS && strcmp(keys[k].name, name) != 0) k++;
        if (k == N_KEYS) {
            fcl_text known = FCL_TEXT_EMPTY;
            for (unsigned j = 0; j < N_KEYS; j++) fcl_text_appendf(&known, "%s%s", j ? ", " : "", keys[j].name);
            fcl_status status = fcl_fail(FCL_E_INPUT, "%s:%u: unknown key '%s'; known are %s", file,
                                         config_setting_source_line(setting), name, fcl_text_get(&known));
            fcl_text_dispose(&known);
            return status;
        }
        seen[k] = 1;
        fcl_status status = set_value(recipe, &keys[k], setting, file);
        if (status != FCL_OK) return status;
    }
    return FCL_OK;
}

static fcl_status parse(fcl_recipe *out, const char *text, const char *file, const char *model_name) {
    fcl_status status = FCL_OK;
    config_t config;
    config_init(&config);
    unsigned char seen[N_KEYS] = {0};
    if (!config_read_string(&config, text)) {
        status = fcl_fail(FCL_E_INPUT, "%s:%d: %s", file, config_error_line(&config), config_error_text(&config));
        goto done;
    }
    const config_setting_t *root = config_root_setting(&config);
    FCL_TRY(read_group(out, root, file, 1, seen));
    const config_setting_t *models = config_setting_get_member(root, "models");
    if (models && !config_setting_is_group(models)) {
        status = wrong(models, file, "a group of groups named after models");
        goto done;
    }
    for (int i = 0; models && i < config_setting_length(models); i++) {
        const config_setting_t *group = config_setting_get_elem(models, (unsigned)i);
        if (!config_setting_is_group(group)) {
            status = wrong(group, file, "a group of keys");
            goto done;
        }
        /* Groups of other models are read too, into nothing, so that their mistakes show. */
        fcl_recipe other = *out;
        int ours = strcmp(config_setting_name(group), model_name) == 0;
        FCL_TRY(read_group(ours ? out : &other, group, file, 0, seen));
    }
    for (unsigned k = 0; k < N_KEYS; k++)
        if (!seen[k]) {
            status = fcl_fail(FCL_E_INPUT, "%s: the key '%s' is missing", file, keys[k].name);
            goto done;
        }
done:
    config_destroy(&config);
    return status;
}

const char *const *fcl_recipe_names(void) {
    static char names[MAX_SHIPPED][64];
    static const char *list[MAX_SHIPPED + 1];
    unsigned n = 0;
    for (const fcl_embedded *file = fcl_recipe_files; file->name && n < MAX_SHIPPED; file++, n++) {
        snprintf(names[n], sizeof names[n], "%.*s", (int)(strlen(file->name) - strlen(".cfg")), file->name);
        list[n] = names[n];
    }
    list[n] = NULL;
    return list;
}

fcl_status fcl_recipe_load(fcl_recipe *out, const char *name_or_path, const char *model_name) {
    fcl_status status = FCL_OK;
    fcl_recipe recipe = {0};
    char *text = NULL;
    const char *base = fcl_basename(name_or_path);
    int is_path = fcl_is_path(name_or_path);
    size_t stem = strlen(base) - (fcl_ends_with(base, ".cfg") ? strlen(".cfg") : 0);
    snprintf(recipe.name, sizeof recipe.name, "%.*s", (int)stem, base);
    if (is_path) {
        size_t n;
        FCL_TRY(fcl_file_read(&text, &n, name_or_path));
        if (strlen(text) != n) {
            status = fcl_fail(FCL_E_INPUT, "%s: a NUL byte at byte %zu: not a text file", name_or_path, strlen(text));
            goto done;
        }
        FCL_TRY(parse(&recipe, text, name_or_path, model_name));
    } else {
        char file[80];
        snprintf(file, sizeof file, "%s.cfg", recipe.name);
        const fcl_embedded *shipped = fcl_embedded_find(fcl_recipe_files, file);
        if (!shipped) {
            fcl_text known = FCL_TEXT_EMPTY;
            for (const char *const *name = fcl_recipe_names(); *name; name++)
                fcl_text_appendf(&known, "%s%s", known.length ? ", " : "", *name);
            status = fcl_fail(FCL_E_USAGE, "no recipe '%s'; there are %s, or give the path of a .cfg file",
                              name_or_path, fcl_text_get(&known));
            fcl_text_dispose(&known);
            goto done;
        }
        FCL_TRY(parse(&recipe, shipped->text, file, model_name));
    }
    *out = recipe;
done:
    free(text);
    return status;
}

fcl_status fcl_recipe_check(const fcl_recipe *recipe) {
    for (unsigned k = 0; k < N_KEYS; k++) {
        const void *member = (const char *)recipe + keys[k].offset;
        double value;
        if (keys[k].kind == UNSIGNED)
            value = *(const unsigned *)member;
        else if (keys[k].kind == NUMBER)
            value = *(const double *)member;
        else
            continue;
        if (!(value >= keys[k].low && value <= keys[k].high))
            return fcl_fail(FCL_E_USAGE, "recipe '%s': '%s' is %g and must be from %g to %g", recipe->name,
                            keys[k].name, value, keys[k].low, keys[k].high);
    }
    return FCL_OK;
}

json_t *fcl_recipe_to_json(const fcl_recipe *recipe) {
    json_t *object = json_object();
    int failed = !object || json_object_set_new(object, "name", json_string(recipe->name)) != 0;
    for (unsigned k = 0; k < N_KEYS && !failed; k++) {
        const void *member = (const char *)recipe + keys[k].offset;
        json_t *value = NULL;
        switch (keys[k].kind) {
        case UNSIGNED: value = json_integer(*(const unsigned *)member); break;
        case SEED: value = json_integer((json_int_t) * (const uint64_t *)member); break;
        case NUMBER: value = json_real(*(const double *)member); break;
        case FLAG: value = json_boolean(*(const int *)member); break;
        case SCHEDULE: value = json_string(fcl_schedule_name(*(const fcl_schedule *)member)); break;
        case FILL: value = json_string(fcl_fill_name(*(const fcl_fill *)member)); break;
        }
        failed = json_object_set_new(object, keys[k].name, value) != 0;
    }
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

static fcl_status fail_json(const char *path, const char *key, const char *what) {
    return fcl_fail(FCL_E_INPUT, "%s: '%s' %s", path, key, what);
}

fcl_status fcl_recipe_from_json(fcl_recipe *out, const json_t *object, const char *path) {
    fcl_recipe recipe = {0};
    const char *text;
    fcl_status status = fcl_json_string(&text, object, "name", path);
    if (status != FCL_OK) return status;
    snprintf(recipe.name, sizeof recipe.name, "%s", text);
    for (unsigned k = 0; k < N_KEYS; k++) {
        void *member = (char *)&recipe + keys[k].offset;
        const char *name = keys[k].name;
        long long whole = 0;
        switch (keys[k].kind) {
        case UNSIGNED:
            FCL_TRY(fcl_json_integer(&whole, object, name, path));
            if (whole < 0 || whole > UINT_MAX) return fail_json(path, name, "is out of range");
            *(unsigned *)member = (unsigned)whole;
            break;
        case SEED:
            FCL_TRY(fcl_json_integer(&whole, object, name, path));
            *(uint64_t *)member = (uint64_t)whole;
            break;
        case NUMBER: FCL_TRY(fcl_json_number(member, object, name, path)); break;
        case FLAG:
            if (!json_is_boolean(json_object_get(object, name)))
                return fail_json(path, name, "is missing or not true or false");
            *(int *)member = json_is_true(json_object_get(object, name));
            break;
        case SCHEDULE:
            FCL_TRY(fcl_json_string(&text, object, name, path));
            if (fcl_schedule_parse(member, text) != FCL_OK) return fail_json(path, name, "names no schedule");
            break;
        case FILL:
            FCL_TRY(fcl_json_string(&text, object, name, path));
            if (fcl_fill_parse(member, text) != FCL_OK) return fail_json(path, name, "names no way to fill");
            break;
        }
    }
    if (fcl_recipe_check(&recipe) != FCL_OK) {
        status = fcl_fail(FCL_E_INPUT, "%s: %s", path, fcl_error_message());
        goto done;
    }
    *out = recipe;
done:
    return status;
}

fcl_batch_options fcl_recipe_batches(const fcl_recipe *r) {
    return (fcl_batch_options){.batch = r->batch,
                               .shuffle = r->shuffle,
                               .seed = r->seed,
                               .fill = r->fill,
                               .augmentation = {.enabled = r->augment,
                                                .flip = r->flip,
                                                .max_shift = r->max_shift,
                                                .max_rotation = r->max_rotation,
                                                .max_scale = r->max_scale,
                                                .max_brightness = r->max_brightness,
                                                .max_contrast = r->max_contrast},
                               .drop_unlabelled = 1};
}
