#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/npy.h"
#include "dataset/prepared.h"
#include "dataset/split.h"
#include "dataset/validate.h"

fcl_prepare_options fcl_prepare_defaults(void) {
    return (fcl_prepare_options){.shares = {0.8, 0.1, 0.1}};
}

/* Writes one array and notes its hash. */
static fcl_status write_array(json_t *files, const char *folder, fcl_split split, const char *what,
                              fcl_dtype dtype, const size_t *shape, unsigned n_dims, const void *data) {
    fcl_status status;
    char hash[FCL_HASH_TEXT_BYTES];
    char *name = fcl_format("%s_%s.npy", fcl_split_name(split), what),
         *path = name ? fcl_path_join(folder, name) : NULL;
    if (!path) {
        status = FCL_E_MEMORY;
        goto done;
    }
    FCL_TRY(fcl_npy_write(path, dtype, shape, n_dims, data));
    FCL_TRY(fcl_hash_file(hash, path));
    json_object_set_new(files, name, json_string(hash));
done:
    free(name);
    free(path);
    return status;
}

static fcl_status write_split(json_t *files, const char *folder, fcl_split split, const fcl_dataset *d,
                              const uint32_t *rows, size_t n) {
    fcl_status status;
    const size_t pixel_bytes = d->pixels ? sizeof *d->pixels : sizeof *d->pixels_f,
                 image_bytes = FCL_IMAGE_PIXELS * pixel_bytes;
    const char *source = d->pixels ? (const char *)d->pixels : (const char *)d->pixels_f;
    char *images = NULL;
    float *keypoints = NULL;
    uint8_t *mask = NULL;
    uint32_t *numbers = NULL;
    FCL_TRY(FCL_NEW(&images, n * image_bytes, "the images of a split"));
    FCL_TRY(FCL_NEW(&keypoints, n * FCL_N_COORDINATES, "the keypoints of a split"));
    FCL_TRY(FCL_NEW(&mask, n * FCL_N_COORDINATES, "the mask of a split"));
    FCL_TRY(FCL_NEW(&numbers, n, "the rows of a split"));
    for (size_t i = 0; i < n; i++) {
        size_t row = rows[i];
        memcpy(images + i * image_bytes, source + row * image_bytes, image_bytes);
        for (size_t c = 0; c < FCL_N_COORDINATES; c++) {
            mask[i * FCL_N_COORDINATES + c] = d->mask[row * FCL_N_COORDINATES + c];
            keypoints[i * FCL_N_COORDINATES + c] =
                mask[i * FCL_N_COORDINATES + c] ? d->keypoints[row * FCL_N_COORDINATES + c] : NAN;
        }
        numbers[i] = d->rows[row];
    }
    const size_t image_shape[] = {n, FCL_IMAGE_SIDE, FCL_IMAGE_SIDE}, label_shape[] = {n, FCL_N_COORDINATES};
    FCL_TRY(write_array(files, folder, split, "images", d->pixels ? FCL_UINT8 : FCL_FLOAT32, image_shape, 3,
                        images));
    FCL_TRY(write_array(files, folder, split, "keypoints", FCL_FLOAT32, label_shape, 2, keypoints));
    FCL_TRY(write_array(files, folder, split, "mask", FCL_UINT8, label_shape, 2, mask));
    FCL_TRY(write_array(files, folder, split, "rows", FCL_UINT32, label_shape, 1, numbers));
done:
    free(images);
    free(keypoints);
    free(mask);
    free(numbers);
    return status;
}

static fcl_status write_json(const char *folder, const char *name, const json_t *value) {
    char *path = fcl_path_join(folder, name);
    if (!path) return FCL_E_MEMORY;
    fcl_status status = value ? fcl_json_write(path, value) : fcl_fail_memory(name, 0);
    free(path);
    return status;
}

fcl_status fcl_prepare(const fcl_dataset *dataset, const fcl_prepare_options *options,
                       const char *out_folder) {
    fcl_status status;
    fcl_row_split split = {.n_groups = 0};
    json_t *files = json_object(), *sources = json_array(), *counts = json_object(), *manifest = NULL,
           *report = NULL;
    if (!dataset->has_keypoints) {
        status = fcl_fail(FCL_E_INPUT, "%s: data without keypoints cannot be prepared for training",
                          dataset->source);
        goto done;
    }
    FCL_TRY(fcl_row_split_make(&split, dataset->n, options));
    FCL_TRY(fcl_folder_claim(out_folder, FCL_PREPARED_KIND, options->force));
    for (int s = 0; s < FCL_N_SPLITS; s++) {
        FCL_TRY(write_split(files, out_folder, (fcl_split)s, dataset, split.rows[s], split.n[s]));
        json_object_set_new(
            counts, fcl_split_name((fcl_split)s),
            json_pack("{s:I, s:I}", "asked", (json_int_t)split.asked[s], "got", (json_int_t)split.n[s]));
        fcl_log(FCL_LOG_INFO, "%s: %zu rows (asked for %zu)", fcl_split_name((fcl_split)s), split.n[s],
                split.asked[s]);
    }
    for (unsigned i = 0; i < dataset->n_files; i++)
        json_array_append_new(
            sources, json_pack("{s:s, s:s}", "name", dataset->files[i].name, "hash", dataset->files[i].hash));
    report = fcl_validate_dataset(dataset);
    FCL_TRY(write_json(out_folder, "validation.json", report));
    manifest = json_pack("{s:s, s:O, s:I, s:s?, s:I, s:O, s:O}", "format", FCL_PREPARED_FORMAT, "sources",
                         sources, "seed", (json_int_t)options->seed, "grouped_by",
                         options->group_file ? options->group_column : NULL, "groups",
                         (json_int_t)split.n_groups, "counts", counts, "files", files);
    /* The manifest comes last: a folder without one was not finished. */
    FCL_TRY(write_json(out_folder, FCL_PREPARED_MANIFEST, manifest));
done:
    fcl_row_split_dispose(&split);
    json_decref(files);
    json_decref(sources);
    json_decref(counts);
    json_decref(manifest);
    json_decref(report);
    return status;
}
