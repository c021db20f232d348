/* Raw data from a folder or from files that are named. */
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/images.h"
#include "dataset/labels.h"

#include <stdint.h>
#include <string.h>

_Static_assert((int)FCL_DATASET_HASH_BYTES == (int)FCL_HASH_TEXT_BYTES, "a data set keeps whole hashes");

/* The files that a data set is read from; NULL where there is none. */
typedef struct found_files {
    char *images, *labels;
} found_files;

typedef struct folder {
    const char *path;
    char **names;
    size_t n;
} folder;

static int has(const folder *f, const char *name) {
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->names[i], name) == 0) return 1;
    return 0;
}

static int has_suffix(const char *name, const char *const suffixes[2]) {
    return fcl_ends_with(name, suffixes[0]) || (suffixes[1] && fcl_ends_with(name, suffixes[1]));
}

/* One of two well-known names, else the only file with one of the suffixes; *out stays NULL without any. */
static fcl_status choose(const char **out, const folder *f, const char *const known[2], const char *const suffixes[2],
                         const char *what, const char *option) {
    const char *name = NULL;
    size_t n = 0;
    for (int i = 0; i < 2; i++)
        if (known[i] && has(f, known[i])) {
            name = known[i];
            n++;
        }
    if (n == 0 && suffixes)
        for (size_t i = 0; i < f->n; i++)
            if (has_suffix(f->names[i], suffixes)) {
                if (n == 0) name = f->names[i];
                n++;
            }
    if (n > 1)
        return fcl_fail(FCL_E_INPUT,
                        "the folder '%s' has %zu files that could hold the %s, '%s' among them: name one with %s",
                        f->path, n, what, name, option);
    *out = name;
    return FCL_OK;
}

static fcl_status fail_not_found(const folder *f, const char *what, const char *looked_for) {
    enum { MAX_LISTED = 20 };
    fcl_text names = FCL_TEXT_EMPTY;
    for (size_t i = 0; i < f->n && i < MAX_LISTED; i++) fcl_text_appendf(&names, "%s%s", i ? ", " : "", f->names[i]);
    if (f->n > MAX_LISTED) fcl_text_append(&names, ", ...");
    fcl_status status = fcl_text_status(&names);
    if (status == FCL_OK)
        status = fcl_fail(FCL_E_INPUT, "no %s in the folder '%s': looked for %s; the folder has %s", what, f->path,
                          looked_for, f->n ? fcl_text_get(&names) : "no files");
    fcl_text_dispose(&names);
    return status;
}

/* Fills in what is not named yet. */
static fcl_status search_folder(found_files *files, const char *path, int labels_optional) {
    static const char *const known_images[2] = {"face_images.npz", "face_images.npy"};
    static const char *const array_suffixes[2] = {".npz", ".npy"};
    static const char *const known_labels[2] = {"facial_keypoints.csv", "training.csv"};
    static const char *const known_unlabelled[2] = {"test.csv", NULL};
    static const char *const csv_suffixes[2] = {".csv", NULL};
    fcl_status status;
    folder f = {.path = path};
    const char *images = NULL, *labels = NULL;
    FCL_TRY(fcl_folder_list(&f.names, &f.n, path));
    if (fcl_path_is_prepared(path)) {
        status = fcl_fail(FCL_E_INPUT, "the folder '%s' holds prepared data; raw data are needed here", path);
        goto done;
    }
    if (!files->images) FCL_TRY(choose(&images, &f, known_images, array_suffixes, "images", "--images"));
    if (!files->labels) {
        int table_only = !files->images && !images;
        FCL_TRY(choose(&labels, &f, known_labels, NULL, "keypoints", "--keypoints"));
        if (!labels && table_only && labels_optional)
            FCL_TRY(choose(&labels, &f, known_unlabelled, NULL, "images", "--keypoints"));
        if (!labels && table_only) FCL_TRY(choose(&labels, &f, known_labels, csv_suffixes, "keypoints", "--keypoints"));
        if (!labels && table_only) {
            status =
                fail_not_found(&f, "images",
                               "face_images.npz, face_images.npy, a single .npz or .npy file, or a competition file "
                               "with an Image column (training.csv)");
            goto done;
        }
        if (!labels && !labels_optional) {
            status = fail_not_found(&f, "keypoints", "facial_keypoints.csv and training.csv");
            goto done;
        }
    }
    if (images && !(files->images = fcl_path_join(path, images))) status = FCL_E_MEMORY;
    if (labels && !(files->labels = fcl_path_join(path, labels))) status = FCL_E_MEMORY;
done:
    fcl_names_free(f.names, f.n);
    return status;
}

static fcl_status find_files(found_files *out, const fcl_data_paths *paths) {
    fcl_status status = FCL_OK;
    found_files files = {0};
    if (!paths->folder && !paths->images && !paths->keypoints)
        return fcl_fail(FCL_E_USAGE, "no data named: give a folder, or files with --images and --keypoints");
    if ((paths->images && !(files.images = fcl_duplicate(paths->images))) ||
        (paths->keypoints && !(files.labels = fcl_duplicate(paths->keypoints)))) {
        status = FCL_E_MEMORY;
        goto done;
    }
    if (paths->folder && !fcl_path_exists(paths->folder)) {
        status = fcl_fail(FCL_E_IO, "there is no folder '%s'", paths->folder);
    } else if (paths->folder && fcl_path_is_folder(paths->folder)) {
        status = search_folder(&files, paths->folder, paths->labels_optional);
    } else if (paths->folder) {
        /* A file in the folder's place: a table if its name says so, else images. */
        char **place = fcl_ends_with(paths->folder, ".csv") ? &files.labels : &files.images;
        if (!*place && !(*place = fcl_duplicate(paths->folder))) status = FCL_E_MEMORY;
    }
    if (status != FCL_OK) goto done;
    if (!files.labels && !paths->labels_optional) {
        status = fcl_fail(FCL_E_USAGE, "'%s' has images alone: name the file of their keypoints with --keypoints",
                          files.images);
        goto done;
    }
    *out = files;
    files = (found_files){0};
done:
    free(files.images);
    free(files.labels);
    return status;
}

static fcl_status note_file(fcl_dataset *dataset, const char *path) {
    fcl_dataset_file *file = &dataset->files[dataset->n_files];
    if (!(file->path = fcl_duplicate(path))) return FCL_E_MEMORY;
    fcl_status status = fcl_hash_file(file->hash, path);
    if (status == FCL_OK) dataset->n_files++;
    return status;
}

static fcl_status check_contents(const found_files *files, const fcl_labels *labels, int labels_optional) {
    if (!files->labels) return FCL_OK;
    if (files->images && labels->pixels)
        return fcl_fail(FCL_E_INPUT, "'%s' has images too (its column Image): name either it or '%s', not both",
                        files->labels, files->images);
    if (!files->images && !labels->pixels)
        return fcl_fail(
            FCL_E_INPUT,
            "'%s' has no images (no column Image), and no .npz or .npy file was found or named with --images",
            files->labels);
    if (!labels->keypoints && !labels_optional)
        return fcl_fail(FCL_E_INPUT, "'%s' has no keypoints, which are needed here", files->labels);
    return FCL_OK;
}

fcl_status fcl_dataset_load(fcl_dataset **out, const fcl_data_paths *paths) {
    fcl_status status;
    found_files files = {0};
    fcl_labels labels = {0};
    fcl_images images = {0};
    fcl_dataset *dataset = NULL;
    FCL_TRY(find_files(&files, paths));
    /* The table first: it is small, and the number of its rows is held against what the images claim. */
    if (files.labels) FCL_TRY(fcl_labels_load(&labels, files.labels));
    FCL_TRY(check_contents(&files, &labels, paths->labels_optional));
    if (files.images) FCL_TRY(fcl_images_load(&images, files.images, files.labels, labels.n));
    const char *source = paths->folder ? paths->folder : files.images ? files.images : files.labels;
    FCL_TRY(fcl_dataset_create(&dataset, files.images ? images.n : labels.n, source));
    dataset->has_keypoints = labels.keypoints != NULL;
    if (!dataset->has_keypoints) {
        FCL_TRY(FCL_NEW(&labels.keypoints, dataset->n * FCL_N_COORDINATES, "keypoints"));
        FCL_TRY(FCL_NEW(&labels.mask, dataset->n * FCL_N_COORDINATES, "the mask of keypoints"));
    }
    dataset->pixels = files.images ? images.pixels : labels.pixels;
    dataset->pixels_f = images.pixels_f;
    dataset->keypoints = labels.keypoints;
    dataset->mask = labels.mask;
    images = (fcl_images){0};
    labels = (fcl_labels){0};
    if (files.images) FCL_TRY(note_file(dataset, files.images));
    if (files.labels) FCL_TRY(note_file(dataset, files.labels));
    fcl_log(FCL_LOG_INFO, "%s: %zu images%s", source, dataset->n, dataset->has_keypoints ? " with keypoints" : "");
    *out = dataset;
    dataset = NULL;
done:
    fcl_dataset_free(dataset);
    fcl_labels_dispose(&labels);
    free(images.pixels);
    free(images.pixels_f);
    free(files.images);
    free(files.labels);
    return status;
}
