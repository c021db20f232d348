#include "dataset/prepared.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/dataset.h"
#include "dataset/npy.h"

struct fcl_prepared {
    char *folder, *manifest_path;
    json_t *manifest;
    char hash[FCL_HASH_TEXT_BYTES];
    fcl_dataset *splits[FCL_N_SPLITS];
};

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

/* Every file is there with the bytes that the manifest says. */
static fcl_status check_files(const fcl_prepared *p) {
    const char *name;
    json_t *wanted;
    json_object_foreach(json_object_get(p->manifest, "files"), name, wanted) {
        char hash[FCL_HASH_TEXT_BYTES];
        char *path = fcl_path_join(p->folder, name);
        if (!path) return FCL_E_MEMORY;
        fcl_status status = fcl_hash_file(hash, path);
        if (status == FCL_OK && (!json_is_string(wanted) || strcmp(hash, json_string_value(wanted)) != 0))
            status = fcl_fail(FCL_E_INPUT, "%s: it is not what prepare wrote; prepare the data again", path);
        free(path);
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
        status =
            fcl_fail(FCL_E_INPUT, "'%s' is not a prepared folder: make one with `fiducl prepare`", folder);
        goto done;
    }
    FCL_TRY(fcl_json_read(&p->manifest, p->manifest_path));
    FCL_TRY(fcl_json_string(&format, p->manifest, "format", p->manifest_path));
    if (strcmp(format, FCL_PREPARED_FORMAT) != 0 || !json_is_object(json_object_get(p->manifest, "files"))) {
        status = fcl_fail(FCL_E_INPUT, "%s: the format is '%s'; this version reads '%s'", p->manifest_path,
                          format, FCL_PREPARED_FORMAT);
        goto done;
    }
    FCL_TRY(fcl_hash_file(p->hash, p->manifest_path));
    FCL_TRY(check_files(p));
    *out = p;
    p = NULL;
done:
    fcl_prepared_free(p);
    return status;
}

static fcl_status read_array(fcl_array *out, const fcl_prepared *p, fcl_split split, const char *what,
                             fcl_dtype dtype, unsigned n_dims) {
    char *name = fcl_format("%s_%s.npy", fcl_split_name(split), what),
         *path = name ? fcl_path_join(p->folder, name) : NULL;
    fcl_status status = path ? fcl_npy_read(out, path, dtype, n_dims) : FCL_E_MEMORY;
    free(name);
    free(path);
    return status;
}

/* Images are uint8, or float32 when not all of them are whole. */
static fcl_status read_images(fcl_array *out, const fcl_prepared *p, fcl_split split) {
    fcl_status status = read_array(out, p, split, "images", FCL_UINT8, 3);
    return status == FCL_OK ? status : read_array(out, p, split, "images", FCL_FLOAT32, 3);
}

static fcl_status load(fcl_dataset **out, const fcl_prepared *p, fcl_split split) {
    fcl_status status;
    fcl_dataset *d = NULL;
    fcl_array images = {.data = NULL}, keypoints = {.data = NULL}, mask = {.data = NULL},
              rows = {.data = NULL};
    FCL_TRY(read_images(&images, p, split));
    FCL_TRY(read_array(&keypoints, p, split, "keypoints", FCL_FLOAT32, 2));
    FCL_TRY(read_array(&mask, p, split, "mask", FCL_UINT8, 2));
    FCL_TRY(read_array(&rows, p, split, "rows", FCL_UINT32, 1));
    size_t n = images.shape[0];
    if (images.shape[1] != FCL_IMAGE_SIDE || images.shape[2] != FCL_IMAGE_SIDE || keypoints.shape[0] != n ||
        mask.shape[0] != n || rows.shape[0] != n || keypoints.shape[1] != FCL_N_COORDINATES ||
        mask.shape[1] != FCL_N_COORDINATES) {
        status = fcl_fail(FCL_E_INPUT,
                          "%s: the arrays of the %s split do not fit together; prepare the data again",
                          p->folder, fcl_split_name(split));
        goto done;
    }
    FCL_TRY(fcl_dataset_create(&d, n, p->folder));
    if (images.dtype == FCL_UINT8)
        d->pixels = images.data;
    else
        d->pixels_f = images.data;
    d->keypoints = keypoints.data;
    d->mask = mask.data;
    free(d->rows);
    d->rows = rows.data;
    d->has_keypoints = 1;
    images.data = keypoints.data = mask.data = rows.data = NULL;
    for (size_t i = 0; i < n * FCL_N_COORDINATES; i++)
        if (!d->mask[i]) d->keypoints[i] = 0.0f;
    *out = d;
    d = NULL;
done:
    fcl_dataset_free(d);
    free(images.data);
    free(keypoints.data);
    free(mask.data);
    free(rows.data);
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
