/* Writes a prepared folder. */
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/npy.h"
#include "dataset/prepared.h"
#include "dataset/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COORDINATES = FCL_N_COORDINATES };

fcl_prepare_options fcl_prepare_defaults(void) {
    return (fcl_prepare_options){.shares = {0.8, 0.1, 0.1}};
}

/* Writes one array and notes its shape and hash. */
static fcl_status write_array(json_t *files, const char *folder, fcl_split split, fcl_prepared_array array,
                              fcl_dtype dtype, const size_t *shape, unsigned n_dims, const void *data) {
    fcl_status status;
    char hash[FCL_HASH_TEXT_BYTES];
    json_t *dimensions = json_array();
    char *name = fcl_prepared_array_name(split, array), *path = name ? fcl_path_join(folder, name) : NULL;
    if (!path) {
        status = FCL_E_MEMORY;
        goto done;
    }
    FCL_TRY(fcl_npy_write(path, dtype, shape, n_dims, data));
    FCL_TRY(fcl_hash_file(hash, path));
    int failed = 0;
    for (unsigned d = 0; d < n_dims; d++)
        failed |= json_array_append_new(dimensions, json_integer((json_int_t)shape[d]));
    failed |= json_object_set_new(
        files, name, json_pack("{s:s, s:O, s:s}", "dtype", fcl_dtype_name(dtype), "shape", dimensions, "hash", hash));
    if (failed) status = fcl_fail_memory("the manifest", 0);
done:
    json_decref(dimensions);
    free(name);
    free(path);
    return status;
}

static fcl_status write_images(json_t *files, const char *folder, fcl_split split, const fcl_dataset *d,
                               const uint32_t *samples, size_t n) {
    const size_t shape[] = {n, FCL_IMAGE_SIDE, FCL_IMAGE_SIDE};
    const size_t image_bytes = FCL_IMAGE_PIXELS * (d->pixels ? sizeof *d->pixels : sizeof *d->pixels_f);
    const char *source = d->pixels ? (const char *)d->pixels : (const char *)d->pixels_f;
    char *images = NULL;
    fcl_status status = FCL_NEW(&images, n * image_bytes, "the images of a split");
    if (status != FCL_OK) return status;
    for (size_t i = 0; i < n; i++) memcpy(images + i * image_bytes, source + samples[i] * image_bytes, image_bytes);
    status =
        write_array(files, folder, split, FCL_PREPARED_IMAGES, d->pixels ? FCL_UINT8 : FCL_FLOAT32, shape, 3, images);
    free(images);
    return status;
}

static fcl_status write_split(json_t *files, const char *folder, fcl_split split, const fcl_dataset *d,
                              const uint32_t *samples, size_t n) {
    fcl_status status;
    float *keypoints = NULL;
    uint8_t *mask = NULL;
    uint32_t *rows = NULL;
    const size_t shape[] = {n, COORDINATES};
    FCL_TRY(write_images(files, folder, split, d, samples, n));
    FCL_TRY(FCL_NEW(&keypoints, n * COORDINATES, "the keypoints of a split"));
    FCL_TRY(FCL_NEW(&mask, n * COORDINATES, "the mask of a split"));
    FCL_TRY(FCL_NEW(&rows, n, "the rows of a split"));
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < COORDINATES; c++) {
            size_t to = i * COORDINATES + c, from = samples[i] * (size_t)COORDINATES + c;
            mask[to] = d->mask[from];
            keypoints[to] = mask[to] ? d->keypoints[from] : NAN;
        }
        rows[i] = d->rows[samples[i]];
    }
    FCL_TRY(write_array(files, folder, split, FCL_PREPARED_KEYPOINTS, FCL_FLOAT32, shape, 2, keypoints));
    FCL_TRY(write_array(files, folder, split, FCL_PREPARED_MASK, FCL_UINT8, shape, 2, mask));
    FCL_TRY(write_array(files, folder, split, FCL_PREPARED_ROWS, FCL_UINT32, shape, 1, rows));
done:
    free(keypoints);
    free(mask);
    free(rows);
    return status;
}

static fcl_status write_json(const char *folder, const char *name, const json_t *value) {
    char *path = fcl_path_join(folder, name);
    if (!path) return FCL_E_MEMORY;
    fcl_status status = fcl_json_write(path, value);
    free(path);
    return status;
}

static json_t *describe_sources(const fcl_dataset *dataset) {
    json_t *sources = json_array();
    int failed = 0;
    for (unsigned i = 0; i < dataset->n_files; i++)
        failed |= json_array_append_new(sources, json_pack("{s:s, s:s}", "name", fcl_basename(dataset->files[i].path),
                                                           "hash", dataset->files[i].hash));
    if (!failed) return sources;
    json_decref(sources);
    return NULL;
}

/* Names without folders: the same data in another place give the same manifest. */
static fcl_status describe_groups(json_t **out, const fcl_prepare_options *options, size_t n_groups) {
    char hash[FCL_HASH_TEXT_BYTES];
    if (!options->group_file) {
        *out = json_null();
        return FCL_OK;
    }
    fcl_status status = fcl_hash_file(hash, options->group_file);
    if (status != FCL_OK) return status;
    *out = json_pack("{s:s, s:s, s:s, s:I}", "file", fcl_basename(options->group_file), "hash", hash, "column",
                     options->group_column, "groups", (json_int_t)n_groups);
    return *out ? FCL_OK : fcl_fail_memory("the manifest", 0);
}

/* All that can go wrong but writing. */
typedef struct plan {
    fcl_row_split split;
    json_t *report, *groups;
} plan;

static void dispose(plan *p) {
    fcl_row_split_dispose(&p->split);
    json_decref(p->report);
    json_decref(p->groups);
}

/* That replacing the output's folder leaves it, and that the manifest can name it. */
static fcl_status check_input(const char *folder, const char *path) {
    fcl_status status = fcl_folder_check_outside(folder, path);
    return status == FCL_OK ? fcl_json_check_text(fcl_basename(path)) : status;
}

static fcl_status make_plan(plan *out, const fcl_dataset *dataset, const fcl_prepare_options *options,
                            const char *folder) {
    fcl_status status;
    plan p = {0};
    if (!dataset->has_keypoints) {
        status = fcl_fail(FCL_E_INPUT, "'%s' has no keypoints; images alone cannot be prepared for training",
                          dataset->source);
        goto done;
    }
    if (options->group_file && !options->group_column) {
        status =
            fcl_fail(FCL_E_USAGE, "which column of '%s' holds the groups? Name it as FILE:COLUMN", options->group_file);
        goto done;
    }
    for (unsigned i = 0; i < dataset->n_files; i++) FCL_TRY(check_input(folder, dataset->files[i].path));
    if (options->group_file) FCL_TRY(check_input(folder, options->group_file));
    FCL_TRY(fcl_row_split_make(&p.split, dataset, options));
    FCL_TRY(fcl_validation_report(&p.report, dataset, &p.split));
    FCL_TRY(describe_groups(&p.groups, options, p.split.n_groups));
    *out = p;
    p = (plan){0};
done:
    dispose(&p);
    return status;
}

static fcl_status write_manifest(const char *folder, const fcl_dataset *dataset, const fcl_prepare_options *options,
                                 const plan *p, json_t *files) {
    fcl_status status;
    const fcl_row_split *split = &p->split;
    json_t *manifest = NULL, *sources = describe_sources(dataset), *counts = json_object();
    int failed = 0;
    for (int s = 0; s < FCL_N_SPLITS; s++)
        failed |= json_object_set_new(
            counts, fcl_split_name((fcl_split)s),
            json_pack("{s:I, s:I}", "asked", (json_int_t)split->asked[s], "got", (json_int_t)split->n[s]));
    /* The seed as text: JSON's whole numbers have a sign. */
    char seed[32], hash[FCL_HASH_TEXT_BYTES];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)options->seed);
    manifest = json_pack("{s:s, s:O, s:I, s:I, s:s, s:O, s:O, s:O}", "format", FCL_PREPARED_FORMAT, "sources", sources,
                         "rows", (json_int_t)dataset->n, "left_out", (json_int_t)split->left_out, "seed", seed,
                         "grouped_by", p->groups, "splits", counts, "files", files);
    if (failed || !manifest) {
        status = fcl_fail_memory("the manifest", 0);
        goto done;
    }
    FCL_TRY(fcl_manifest_hash(hash, manifest));
    if (json_object_set_new(manifest, FCL_PREPARED_MANIFEST_HASH, json_string(hash)) != 0)
        FCL_TRY(fcl_fail_memory("the manifest", 0));
    status = write_json(folder, FCL_PREPARED_MANIFEST, manifest);
done:
    json_decref(manifest);
    json_decref(sources);
    json_decref(counts);
    return status;
}

/* Everything into a folder that is claimed. The manifest comes last: a folder without one was not finished. */
static fcl_status write_folder(const char *folder, const fcl_dataset *dataset, const fcl_prepare_options *options,
                               const plan *p) {
    fcl_status status;
    json_t *files = json_object();
    const fcl_row_split *split = &p->split;
    for (int s = 0; s < FCL_N_SPLITS; s++)
        FCL_TRY(write_split(files, folder, (fcl_split)s, dataset, split->samples[s], split->n[s]));
    FCL_TRY(write_json(folder, FCL_PREPARED_VALIDATION, p->report));
    FCL_TRY(write_manifest(folder, dataset, options, p, files));
done:
    json_decref(files);
    return status;
}

static void log_split(const fcl_row_split *split) {
    for (int s = 0; s < FCL_N_SPLITS; s++)
        fcl_log(FCL_LOG_INFO, "%s: %zu rows (asked for %zu)", fcl_split_name((fcl_split)s), split->n[s],
                split->asked[s]);
    if (split->left_out) fcl_log(FCL_LOG_INFO, "left out: %zu rows that the split does not ask for", split->left_out);
}

fcl_status fcl_prepare_check(const fcl_dataset *dataset, const fcl_prepare_options *options, const char *folder) {
    plan p = {0};
    fcl_status status = make_plan(&p, dataset, options, folder);
    dispose(&p);
    return status;
}

fcl_status fcl_prepare(const fcl_dataset *dataset, const fcl_prepare_options *options, const char *out_folder) {
    fcl_status status;
    plan p = {0};
    int claimed = 0;
    FCL_TRY(make_plan(&p, dataset, options, out_folder));
    FCL_TRY(fcl_folder_claim(out_folder, FCL_PREPARED_KIND, options->force));
    claimed = 1;
    FCL_TRY(write_folder(out_folder, dataset, options, &p));
    log_split(&p.split);
done:
    if (claimed && status != FCL_OK) fcl_folder_discard(out_folder);
    dispose(&p);
    return status;
}
