/* Opens a prepared folder and holds it against its manifest. */
#include "dataset/prepared.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct fcl_prepared {
    char *folder, *manifest_path;
    json_t *manifest;
    char hash[FCL_HASH_TEXT_BYTES];
    fcl_dataset *splits[FCL_N_SPLITS];
};

char *fcl_prepared_array_name(fcl_split split, fcl_prepared_array array) {
    static const char *const names[FCL_N_PREPARED_ARRAYS] = {"images", "keypoints", "mask", "rows"};
    return fcl_format("%s_%s.npy", fcl_split_name(split), names[array]);
}

int fcl_path_is_prepared(const char *folder) {
    char *path = fcl_path_join(folder, FCL_PREPARED_MANIFEST);
    int is = path && fcl_path_exists(path);
    free(path);
    return is;
}

void fcl_prepared_free(fcl_prepared *p) {
    if (!p) return;
    for (int s = 0; s < FCL_N_SPLITS; s++) fcl_dataset_free(p->splits[s]);
    json_decref(p->manifest);
    free(p->folder);
    free(p->manifest_path);
    free(p);
}

const char *fcl_prepared_hash(const fcl_prepared *p) {
    return p->hash;
}

fcl_status fcl_manifest_hash(char out[FCL_HASH_TEXT_BYTES], const json_t *manifest) {
    json_t *others = json_copy((json_t *)manifest);
    if (others) json_object_del(others, FCL_PREPARED_MANIFEST_HASH);
    char *text = others ? json_dumps(others, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(others);
    if (!text) return fcl_fail_memory("the manifest", 0);
    fcl_hash_bytes(out, text, strlen(text));
    free(text);
    return FCL_OK;
}

static fcl_status check_manifest(const fcl_prepared *p) {
    fcl_status status;
    char hash[FCL_HASH_TEXT_BYTES];
    const char *wanted;
    if (!json_object_get(p->manifest, FCL_PREPARED_MANIFEST_HASH)) {
        fcl_log(FCL_LOG_WARNING,
                "%s has no hash of its own, as earlier builds wrote it: whether it was edited cannot be told",
                p->manifest_path);
        return FCL_OK;
    }
    FCL_TRY(fcl_json_string(&wanted, p->manifest, FCL_PREPARED_MANIFEST_HASH, p->manifest_path));
    FCL_TRY(fcl_manifest_hash(hash, p->manifest));
    if (strcmp(hash, wanted) != 0)
        status = fcl_fail(FCL_E_INPUT,
                          "'%s' was edited after it was written (its hash is %s, it says %s); prepare the data again",
                          p->manifest_path, hash, wanted);
done:
    return status;
}

/* The path of an array and what the manifest says of it; the path is for free(). */
static fcl_status find_array(char **path, const json_t **entry, const fcl_prepared *p, fcl_split split,
                             fcl_prepared_array array) {
    char *name = fcl_prepared_array_name(split, array);
    if (!name) return FCL_E_MEMORY;
    fcl_status status = FCL_OK;
    *entry = json_object_get(json_object_get(p->manifest, "files"), name);
    if (!json_is_object(*entry))
        status = fcl_fail(FCL_E_INPUT, "%s: there is no entry of '%s'; prepare the data again", p->manifest_path, name);
    else if (!(*path = fcl_path_join(p->folder, name)))
        status = FCL_E_MEMORY;
    free(name);
    return status;
}

/* The file is there with the bytes that the manifest says. */
static fcl_status check_array(const fcl_prepared *p, fcl_split split, fcl_prepared_array array) {
    fcl_status status;
    char *path = NULL, hash[FCL_HASH_TEXT_BYTES];
    const json_t *entry;
    const char *wanted;
    FCL_TRY(find_array(&path, &entry, p, split, array));
    FCL_TRY(fcl_json_string(&wanted, entry, "hash", p->manifest_path));
    if (!fcl_path_exists(path)) {
        status = fcl_fail(FCL_E_INPUT, "'%s' is missing; prepare the data again", path);
        goto done;
    }
    FCL_TRY(fcl_hash_file(hash, path));
    if (strcmp(hash, wanted) != 0)
        status = fcl_fail(FCL_E_INPUT,
                          "'%s' was changed after it was prepared (its hash is %s, the manifest says %s); "
                          "prepare the data again",
                          path, hash, wanted);
done:
    free(path);
    return status;
}

static fcl_status check_files(const fcl_prepared *p) {
    for (int s = 0; s < FCL_N_SPLITS; s++)
        for (int a = 0; a < FCL_N_PREPARED_ARRAYS; a++) {
            fcl_status status = check_array(p, (fcl_split)s, (fcl_prepared_array)a);
            if (status != FCL_OK) return status;
        }
    return FCL_OK;
}

fcl_status fcl_prepared_open(fcl_prepared **out, const char *folder) {
    fcl_status status;
    fcl_prepared *p = NULL;
    const char *format;
    FCL_TRY(FCL_NEW(&p, 1, "prepared data"));
    p->folder = fcl_duplicate(folder);
    p->manifest_path = fcl_path_join(folder, FCL_PREPARED_MANIFEST);
    if (!p->folder || !p->manifest_path) {
        status = FCL_E_MEMORY;
        goto done;
    }
    if (!fcl_path_is_prepared(folder)) {
        status = fcl_fail(FCL_E_INPUT, "'%s' is not a prepared folder: make one with `fiducl prepare`", folder);
        goto done;
    }
    FCL_TRY(fcl_json_read(&p->manifest, p->manifest_path));
    FCL_TRY(fcl_json_string(&format, p->manifest, "format", p->manifest_path));
    if (strcmp(format, FCL_PREPARED_FORMAT) != 0 || !json_is_object(json_object_get(p->manifest, "files"))) {
        status = fcl_fail(FCL_E_INPUT, "%s: the format is '%s'; this version reads '%s'", p->manifest_path, format,
                          FCL_PREPARED_FORMAT);
        goto done;
    }
    FCL_TRY(check_manifest(p));
    FCL_TRY(fcl_hash_file(p->hash, p->manifest_path));
    FCL_TRY(check_files(p));
    *out = p;
    p = NULL;
done:
    fcl_prepared_free(p);
    return status;
}

static fcl_status read_array(fcl_array *out, const fcl_prepared *p, fcl_split split, fcl_prepared_array array,
                             fcl_dtype dtype, unsigned n_dims) {
    char *path = NULL;
    const json_t *entry;
    fcl_status status = find_array(&path, &entry, p, split, array);
    if (status == FCL_OK) status = fcl_npy_read(out, path, dtype, n_dims);
    free(path);
    return status;
}

/* uint8, or float32 when not all pixels are whole. */
static fcl_status read_images(fcl_array *out, const fcl_prepared *p, fcl_split split) {
    char *path = NULL;
    const json_t *entry;
    const char *dtype;
    fcl_status status;
    FCL_TRY(find_array(&path, &entry, p, split, FCL_PREPARED_IMAGES));
    FCL_TRY(fcl_json_string(&dtype, entry, "dtype", p->manifest_path));
    status = fcl_npy_read(out, path, strcmp(dtype, fcl_dtype_name(FCL_UINT8)) == 0 ? FCL_UINT8 : FCL_FLOAT32, 3);
done:
    free(path);
    return status;
}

/* The arrays of a split, that load() gathers into a data set. */
typedef struct split_arrays {
    fcl_array images, keypoints, mask, rows;
} split_arrays;

static fcl_status check_arrays(const split_arrays *a, const fcl_prepared *p, fcl_split split) {
    const size_t n = a->images.shape[0];
    int fits = a->images.shape[1] == FCL_IMAGE_SIDE && a->images.shape[2] == FCL_IMAGE_SIDE &&
               a->keypoints.shape[0] == n && a->mask.shape[0] == n && a->rows.shape[0] == n &&
               a->keypoints.shape[1] == FCL_N_COORDINATES && a->mask.shape[1] == FCL_N_COORDINATES;
    const float *keypoints = a->keypoints.data;
    const uint8_t *mask = a->mask.data;
    for (size_t i = 0; fits && i < n * FCL_N_COORDINATES; i++)
        fits = mask[i] == 0 || (mask[i] == 1 && isfinite(keypoints[i]));
    if (fits) return FCL_OK;
    return fcl_fail(FCL_E_INPUT, "'%s': the arrays of the %s split do not belong together; prepare the data again",
                    p->folder, fcl_split_name(split));
}

static fcl_status load(fcl_dataset **out, const fcl_prepared *p, fcl_split split) {
    fcl_status status;
    fcl_dataset *d = NULL;
    split_arrays a = {.images = {.data = NULL}};
    FCL_TRY(read_images(&a.images, p, split));
    FCL_TRY(read_array(&a.keypoints, p, split, FCL_PREPARED_KEYPOINTS, FCL_FLOAT32, 2));
    FCL_TRY(read_array(&a.mask, p, split, FCL_PREPARED_MASK, FCL_UINT8, 2));
    FCL_TRY(read_array(&a.rows, p, split, FCL_PREPARED_ROWS, FCL_UINT32, 1));
    FCL_TRY(check_arrays(&a, p, split));
    FCL_TRY(fcl_dataset_create(&d, a.images.shape[0], p->folder));
    if (a.images.dtype == FCL_UINT8)
        d->pixels = a.images.data;
    else
        d->pixels_f = a.images.data;
    d->keypoints = a.keypoints.data;
    d->mask = a.mask.data;
    free(d->rows);
    d->rows = a.rows.data;
    d->has_keypoints = 1;
    a = (split_arrays){.images = {.data = NULL}};
    for (size_t i = 0; i < d->n * FCL_N_COORDINATES; i++)
        if (!d->mask[i]) d->keypoints[i] = 0.0f;
    *out = d;
    d = NULL;
done:
    fcl_dataset_free(d);
    free(a.images.data);
    free(a.keypoints.data);
    free(a.mask.data);
    free(a.rows.data);
    return status;
}

fcl_status fcl_prepared_split(const fcl_dataset **out, fcl_prepared *p, fcl_split split) {
    if (!p->splits[split]) {
        fcl_status status = load(&p->splits[split], p, split);
        if (status != FCL_OK) return status;
    }
    *out = p->splits[split];
    return FCL_OK;
}
