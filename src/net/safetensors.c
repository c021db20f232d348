/* Written as: 8 bytes length, header, data. Floats are stored little-endian, so a big-endian host would have
 * to swap: it is refused at compile time. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "net/model.h"
#include "net/weights.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian"
#endif

enum { LENGTH_BYTES = 8, ALIGNMENT = 8 };
#define METADATA "__metadata__"

static json_t *shape_of(const fcl_parameter *p) {
    json_t *shape = json_array();
    for (unsigned d = 0; d < p->n_dimensions && shape; d++)
        json_array_append_new(shape, json_integer((json_int_t)p->shape[d]));
    return shape;
}

static json_t *header_of(const fcl_tensor_set *sets, unsigned n_sets, const fcl_metadata *metadata) {
    json_t *header = json_object(), *facts = json_object();
    for (; metadata && metadata->key; metadata++)
        json_object_set_new(facts, metadata->key, json_string(metadata->value));
    if (json_object_set_new(header, METADATA, facts) != 0) goto failed;
    size_t offset = 0;
    for (unsigned s = 0; s < n_sets; s++) {
        const fcl_model *model = sets[s].tensors->model;
        for (unsigned i = 0; i < model->n_tensors; i++) {
            const fcl_parameter *p = &model->tensors[i];
            size_t end = offset + p->count * sizeof(float);
            char *name = fcl_format("%s%s", sets[s].prefix, p->name);
            json_t *entry = json_pack("{s:s, s:o, s:[I,I]}", "dtype", "F32", "shape", shape_of(p),
                                      "data_offsets", (json_int_t)offset, (json_int_t)end);
            int failed = !name || json_object_set_new(header, name, entry) != 0;
            free(name);
            if (failed) goto failed;
            offset = end;
        }
    }
    return header;
failed:
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
    uint64_t n = strlen(text), padded = (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
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

typedef struct contents {
    char *bytes;
    size_t n_bytes;
    json_t *header;
    const char *data;
    size_t n_data;
} contents;

static void dispose(contents *c) {
    json_decref(c->header);
    free(c->bytes);
}

static fcl_status open_file(contents *out, const char *path) {
    fcl_status status;
    contents c = {0};
    uint64_t length = 0;
    json_error_t error;
    FCL_TRY(fcl_file_read(&c.bytes, &c.n_bytes, path));
    if (c.n_bytes >= LENGTH_BYTES) memcpy(&length, c.bytes, LENGTH_BYTES);
    if (c.n_bytes < LENGTH_BYTES || length > c.n_bytes - LENGTH_BYTES) {
        status = fcl_fail(
            FCL_E_INPUT,
            "%s: not a safetensors file, or truncated: the header should have %llu bytes, the file has %zu",
            path, (unsigned long long)length, c.n_bytes);
        goto done;
    }
    c.header = json_loadb(c.bytes + LENGTH_BYTES, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(c.header)) {
        status = fcl_fail(FCL_E_INPUT, "%s: the header is not a JSON object (byte %d)", path,
                          LENGTH_BYTES + error.position);
        goto done;
    }
    c.data = c.bytes + LENGTH_BYTES + length;
    c.n_data = c.n_bytes - LENGTH_BYTES - (size_t)length;
    *out = c;
    c = (contents){0};
done:
    dispose(&c);
    return status;
}

static fcl_status read_tensor(float *out, const contents *c, const char *path, const char *name,
                              const fcl_parameter *p) {
    const json_t *entry = json_object_get(c->header, name);
    if (!entry)
        return fcl_fail(FCL_E_INPUT, "%s: there is no tensor '%s': weights of another model?", path, name);
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype || strcmp(dtype, "F32") != 0)
        return fcl_fail(FCL_E_INPUT, "%s: tensor '%s' has dtype %s, F32 is wanted", path, name,
                        dtype ? dtype : "(none)");
    json_t *wanted = shape_of(p);
    int same = json_equal(json_object_get(entry, "shape"), wanted);
    json_decref(wanted);
    if (!same)
        return fcl_fail(FCL_E_INPUT,
                        "%s: tensor '%s' has another shape than the model's: weights of another model?", path,
                        name);
    const json_t *offsets = json_object_get(entry, "data_offsets");
    json_int_t begin = json_integer_value(json_array_get(offsets, 0)),
               end = json_integer_value(json_array_get(offsets, 1));
    if (json_array_size(offsets) != 2 || begin < 0 || end < begin || (uint64_t)end > c->n_data ||
        (uint64_t)(end - begin) != p->count * sizeof(float))
        return fcl_fail(
            FCL_E_INPUT,
            "%s: the data of tensor '%s' (bytes %lld to %lld) do not fit its shape or the file's %zu bytes",
            path, name, (long long)begin, (long long)end, c->n_data);
    memcpy(out, c->data + begin, p->count * sizeof(float));
    return FCL_OK;
}

fcl_status fcl_safetensors_read(const char *path, const fcl_tensor_set *sets, unsigned n_sets) {
    fcl_status status;
    contents c = {0};
    size_t n_wanted = 0, n_here = 0;
    FCL_TRY(open_file(&c, path));
    for (unsigned s = 0; s < n_sets; s++) {
        const fcl_model *model = sets[s].tensors->model;
        for (unsigned i = 0; i < model->n_tensors; i++) {
            char *name = fcl_format("%s%s", sets[s].prefix, model->tensors[i].name);
            status = name
                         ? read_tensor(fcl_tensors_at(sets[s].tensors, i), &c, path, name, &model->tensors[i])
                         : FCL_E_MEMORY;
            free(name);
            if (status != FCL_OK) goto done;
        }
        n_wanted += model->n_tensors;
    }
    n_here = json_object_size(c.header) - (json_object_get(c.header, METADATA) ? 1 : 0);
    /* A checkpoint, which has the optimizer's moments too, may serve as weights. */
    if (n_here != n_wanted && !json_object_get(c.header, METADATA))
        status = fcl_fail(FCL_E_INPUT, "%s: it has %zu tensors, the model %zu: weights of another model?",
                          path, n_here, n_wanted);
done:
    dispose(&c);
    return status;
}

fcl_status fcl_safetensors_metadata(char **out, const char *path, const char *key) {
    contents c = {0};
    fcl_status status = open_file(&c, path);
    if (status != FCL_OK) return status;
    const char *value = json_string_value(json_object_get(json_object_get(c.header, METADATA), key));
    char *copy = value ? fcl_duplicate(value) : NULL;
    if (value && !copy)
        status = FCL_E_MEMORY;
    else
        *out = copy;
    dispose(&c);
    return status;
}
