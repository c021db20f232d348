/* safetensors: 8 bytes length of the header, the header, the tensors. A file is checked whole before a tensor
 * of it is taken. Numbers are stored little-endian, so a big-endian host would have to swap: it is refused at
 * compile time. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/model.h"
#include "net/weights.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian"
#endif

enum { LENGTH_BYTES = 8, ALIGNMENT = 8 };
static const char metadata_key[] = "__metadata__", wrong_model[] = "are these the weights of another model?";

static json_t *shape_of(const fcl_parameter *p) {
    json_t *shape = json_array();
    for (unsigned d = 0; d < p->n_dimensions; d++) json_array_append_new(shape, json_integer((json_int_t)p->shape[d]));
    return shape;
}

/* NULL when memory is out, or a value is not UTF-8. */
static json_t *header_of(const fcl_tensor_set *sets, unsigned n_sets, const fcl_metadata *metadata) {
    json_t *header = json_object(), *facts = json_object();
    int failed = json_object_set_new(header, metadata_key, facts) != 0;
    for (; metadata && metadata->key; metadata++)
        failed |= json_object_set_new(facts, metadata->key, json_string(metadata->value)) != 0;
    size_t offset = 0;
    for (unsigned s = 0; s < n_sets; s++) {
        const fcl_model *model = sets[s].tensors->model;
        for (unsigned i = 0; i < model->n_tensors; i++) {
            const fcl_parameter *p = &model->tensors[i];
            size_t end = offset + p->count * sizeof(float);
            char *name = fcl_format("%s%s", sets[s].prefix, p->name);
            json_t *entry = json_pack("{s:s, s:o, s:[I,I]}", "dtype", "F32", "shape", shape_of(p), "data_offsets",
                                      (json_int_t)offset, (json_int_t)end);
            failed |= !name || json_object_set_new(header, name, entry) != 0;
            free(name);
            offset = end;
        }
    }
    if (!failed) return header;
    json_decref(header);
    return NULL;
}

fcl_status fcl_safetensors_write(const char *path, const fcl_tensor_set *sets, unsigned n_sets,
                                 const fcl_metadata *metadata) {
    fcl_status status = FCL_OK;
    json_t *header = header_of(sets, n_sets, metadata);
    char *text = header ? json_dumps(header, JSON_COMPACT) : NULL;
    fcl_file_writer writer;
    if (!text) {
        status = fcl_fail_memory("the header of a weights file", 0);
        goto done;
    }
    FCL_TRY(fcl_file_writer_open(&writer, path));
    uint64_t padded = (strlen(text) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    /* A failed write is found by commit. */
    fwrite(&padded, 1, LENGTH_BYTES, writer.stream);
    fprintf(writer.stream, "%-*s", (int)padded, text);
    for (unsigned s = 0; s < n_sets; s++)
        fwrite(sets[s].tensors->data, sizeof(float), sets[s].tensors->count, writer.stream);
    FCL_TRY(fcl_file_writer_commit(&writer));
done:
    free(text);
    json_decref(header);
    return status;
}

/* A tensor of a file. */
typedef struct entry {
    const char *name, *dtype;
    const json_t *shape;
    uint64_t begin, end;
} entry;

typedef struct contents {
    const char *path;
    char *bytes;
    json_t *header;
    entry *entries; /* (n_entries), in order of their data */
    size_t n_entries;
    const char *data;
    uint64_t n_data;
} contents;

static void dispose(contents *c) {
    json_decref(c->header);
    free(c->entries);
    free(c->bytes);
}

static fcl_status read_entry(entry *out, const contents *c, const char *name, const json_t *value) {
    entry e = {.name = name,
               .dtype = json_string_value(json_object_get(value, "dtype")),
               .shape = json_object_get(value, "shape")};
    const json_t *offsets = json_object_get(value, "data_offsets"), *begin = json_array_get(offsets, 0),
                 *end = json_array_get(offsets, 1);
    if (!e.dtype || !json_is_array(e.shape) || json_array_size(offsets) != 2 || !json_is_integer(begin) ||
        !json_is_integer(end))
        return fcl_fail(FCL_E_INPUT, "%s: the header's entry of tensor '%s' needs dtype, shape and two data_offsets",
                        c->path, name);
    if (json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin) ||
        (uint64_t)json_integer_value(end) > c->n_data)
        return fcl_fail(FCL_E_INPUT, "%s: tensor '%s' is said to be in bytes %lld to %lld of %llu bytes of data",
                        c->path, name, (long long)json_integer_value(begin), (long long)json_integer_value(end),
                        (unsigned long long)c->n_data);
    e.begin = (uint64_t)json_integer_value(begin);
    e.end = (uint64_t)json_integer_value(end);
    *out = e;
    return FCL_OK;
}

static int by_place(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Fills entries and checks that they cover the data without gap or overlap. */
static fcl_status read_entries(contents *c) {
    fcl_status status;
    const char *name;
    json_t *value;
    uint64_t at = 0;
    FCL_TRY(FCL_NEW(&c->entries, json_object_size(c->header), "a header"));
    json_object_foreach(c->header, name, value) {
        if (strcmp(name, metadata_key) == 0) continue;
        FCL_TRY(read_entry(&c->entries[c->n_entries], c, name, value));
        c->n_entries++;
    }
    qsort(c->entries, c->n_entries, sizeof *c->entries, by_place);
    for (size_t i = 0; i < c->n_entries; i++) {
        const entry *e = &c->entries[i];
        if (e->begin != at) {
            status = fcl_fail(FCL_E_INPUT,
                              "%s: the data of tensor '%s' begin at byte %llu, but %llu is where the one before "
                              "ends: overlap or gap",
                              c->path, e->name, (unsigned long long)e->begin, (unsigned long long)at);
            goto done;
        }
        at = e->end;
    }
    if (at != c->n_data)
        status = fcl_fail(FCL_E_INPUT, "%s: the tensors have %llu bytes, the file %llu: damaged", c->path,
                          (unsigned long long)at, (unsigned long long)c->n_data);
done:
    return status;
}

static fcl_status open_file(contents *out, const char *path) {
    fcl_status status;
    contents c = {.path = path};
    size_t n_bytes;
    uint64_t length = 0;
    json_error_t error;
    FCL_TRY(fcl_file_read(&c.bytes, &n_bytes, path));
    if (n_bytes >= LENGTH_BYTES) memcpy(&length, c.bytes, LENGTH_BYTES);
    if (n_bytes < LENGTH_BYTES || length > n_bytes - LENGTH_BYTES) {
        status =
            fcl_fail(FCL_E_INPUT,
                     "%s: not a safetensors file, or truncated: a header of %llu bytes is announced, the file has %zu",
                     path, (unsigned long long)length, n_bytes);
        goto done;
    }
    c.header = json_loadb(c.bytes + LENGTH_BYTES, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(c.header)) {
        status = fcl_fail(FCL_E_INPUT, "%s: the header is not a JSON object: %s (byte %d)", path,
                          c.header ? "something else" : error.text, LENGTH_BYTES + (c.header ? 0 : error.position));
        goto done;
    }
    c.data = c.bytes + LENGTH_BYTES + length;
    c.n_data = n_bytes - LENGTH_BYTES - length;
    FCL_TRY(read_entries(&c));
    *out = c;
    c = (contents){0};
done:
    dispose(&c);
    return status;
}

/* *out = the tensor's bytes in the file; lends. */
static fcl_status find_tensor(const char **out, const contents *c, const char *name, const fcl_parameter *p) {
    const entry *found = NULL;
    for (size_t i = 0; i < c->n_entries && !found; i++)
        if (strcmp(c->entries[i].name, name) == 0) found = &c->entries[i];
    if (!found) return fcl_fail(FCL_E_INPUT, "%s: there is no tensor '%s': %s", c->path, name, wrong_model);
    if (strcmp(found->dtype, "F32") != 0)
        return fcl_fail(FCL_E_INPUT, "%s: tensor '%s' has dtype %s; only F32 can be read", c->path, name, found->dtype);
    json_t *wanted = shape_of(p);
    if (!json_equal(found->shape, wanted)) {
        char *here = json_dumps(found->shape, JSON_COMPACT), *there = json_dumps(wanted, JSON_COMPACT);
        fcl_status status = fcl_fail(FCL_E_INPUT, "%s: tensor '%s' has shape %s, the model's %s: %s", c->path, name,
                                     here ? here : "?", there ? there : "?", wrong_model);
        free(here);
        free(there);
        json_decref(wanted);
        return status;
    }
    json_decref(wanted);
    if (found->end - found->begin != p->count * sizeof(float))
        return fcl_fail(FCL_E_INPUT, "%s: tensor '%s' has %llu bytes, its shape needs %zu", c->path, name,
                        (unsigned long long)(found->end - found->begin), p->count * sizeof(float));
    *out = c->data + found->begin;
    return FCL_OK;
}

/* Whether a file of this model's weights may have the tensor: "conv/kernel", or "adam_m/conv/kernel" in a
 * checkpoint, which serves as weights too. */
static int is_known(const fcl_model *model, const char *name) {
    for (unsigned i = 0; i < model->n_tensors; i++) {
        const char *own = model->tensors[i].name;
        size_t n = strlen(name), n_own = strlen(own);
        if (strcmp(name, own) == 0) return 1;
        if (n > n_own && fcl_ends_with(name, own) && name[n - n_own - 1] == '/') return 1;
    }
    return 0;
}

fcl_status fcl_safetensors_read(const char *path, const fcl_tensor_set *sets, unsigned n_sets) {
    fcl_status status;
    contents c = {0};
    const char **found = NULL;
    size_t n = 0, k = 0;
    FCL_TRY(open_file(&c, path));
    for (unsigned s = 0; s < n_sets; s++) n += sets[s].tensors->model->n_tensors;
    FCL_TRY(FCL_NEW(&found, n, "a list of tensors"));
    for (unsigned s = 0; s < n_sets; s++) {
        const fcl_model *model = sets[s].tensors->model;
        for (unsigned i = 0; i < model->n_tensors; i++) {
            char *name = fcl_format("%s%s", sets[s].prefix, model->tensors[i].name);
            status = name ? find_tensor(&found[k++], &c, name, &model->tensors[i]) : FCL_E_MEMORY;
            free(name);
            if (status != FCL_OK) goto done;
        }
    }
    for (size_t i = 0; i < c.n_entries; i++) {
        int known = 0;
        for (unsigned s = 0; s < n_sets && !known; s++) known = is_known(sets[s].tensors->model, c.entries[i].name);
        if (known) continue;
        status = fcl_fail(FCL_E_INPUT, "%s: the model has no tensor '%s': %s", path, c.entries[i].name, wrong_model);
        goto done;
    }
    k = 0;
    for (unsigned s = 0; s < n_sets; s++)
        for (unsigned i = 0; i < sets[s].tensors->model->n_tensors; i++)
            memcpy(fcl_tensors_at(sets[s].tensors, i), found[k++],
                   sets[s].tensors->model->tensors[i].count * sizeof(float));
done:
    free(found);
    dispose(&c);
    return status;
}

fcl_status fcl_safetensors_metadata(char **out, const char *path, const char *key) {
    contents c = {0};
    fcl_status status = open_file(&c, path);
    if (status != FCL_OK) return status;
    const char *value = json_string_value(json_object_get(json_object_get(c.header, metadata_key), key));
    char *copy = value ? fcl_duplicate(value) : NULL;
    if (value && !copy)
        status = FCL_E_MEMORY;
    else
        *out = copy;
    dispose(&c);
    return status;
}
