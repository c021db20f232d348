#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "base/thread.h"
#include "dataset/images.h"
#include "dataset/npz.h"
#include "dataset/synth_face.h"

enum { FACES_OF_AN_IDENTITY = 3, MASK_STREAM = 0x40000000 };
/* Of the Kaggle set's 7049 rows 2140 are complete and 4755 have just these four. */
static const double share_complete = 2140.0 / 7049.0, share_four = 4755.0 / 7049.0, share_gap = 0.15;
static const unsigned the_four[] = {0, 1, 10, 14};

typedef struct job {
    fcl_dataset *dataset;
    const fcl_synth_options *options;
} job;

static uint32_t identity_of(size_t i) {
    return (uint32_t)(i / FACES_OF_AN_IDENTITY);
}

static void make_mask(uint8_t *mask, const fcl_synth_options *options, size_t i) {
    fcl_random_stream random = fcl_random_stream_make(options->seed, FCL_RANDOM_SYNTH, MASK_STREAM | (uint32_t)i);
    double kind = fcl_random_uniform(&random, 0, 1);
    memset(mask, 1, FCL_N_COORDINATES);
    if (options->complete || kind < share_complete) return;
    int four = kind < share_complete + share_four;
    for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++) {
        int kept = !four && fcl_random_uniform(&random, 0, 1) >= share_gap;
        for (size_t f = 0; four && f < sizeof the_four / sizeof the_four[0]; f++) kept |= the_four[f] == k;
        mask[2 * k] = mask[2 * k + 1] = (uint8_t)kept;
    }
}

static void make_face(void *context, size_t i) {
    job *j = context;
    fcl_synth_face(j->dataset->pixels + i * FCL_IMAGE_PIXELS, j->dataset->keypoints + i * FCL_N_COORDINATES,
                   j->options->seed, identity_of(i), (uint32_t)i);
    make_mask(j->dataset->mask + i * FCL_N_COORDINATES, j->options, i);
}

fcl_status fcl_synth_dataset(fcl_dataset **out, const fcl_synth_options *options) {
    fcl_status status;
    fcl_dataset *dataset = NULL;
    if (options->count == 0 || options->count >= MASK_STREAM)
        return fcl_fail(FCL_E_USAGE, "the number of faces must be 1 to %d", MASK_STREAM - 1);
    FCL_TRY(fcl_dataset_create(&dataset, options->count, "synthetic faces"));
    FCL_TRY(FCL_NEW(&dataset->pixels, options->count * FCL_IMAGE_PIXELS, "synthetic faces"));
    FCL_TRY(FCL_NEW(&dataset->keypoints, options->count * FCL_N_COORDINATES, "keypoints"));
    FCL_TRY(FCL_NEW(&dataset->mask, options->count * FCL_N_COORDINATES, "the mask"));
    dataset->has_keypoints = 1;
    job j = {dataset, options};
    fcl_parallel_for(options->count, make_face, &j);
    *out = dataset;
    dataset = NULL;
done:
    fcl_dataset_free(dataset);
    return status;
}

static fcl_status write_keypoints(const char *folder, const char *name, const fcl_dataset *d, int complete) {
    fcl_file_writer writer;
    char *path = fcl_path_join(folder, name);
    if (!path) return FCL_E_MEMORY;
    fcl_status status = fcl_file_writer_open(&writer, path);
    free(path);
    if (status != FCL_OK) return status;
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++)
        fprintf(writer.stream, "%s%s", c ? "," : "", fcl_coordinate_name(c));
    for (size_t i = 0; i < d->n * FCL_N_COORDINATES; i++) {
        fputs(i % FCL_N_COORDINATES ? "," : "\n", writer.stream);
        if (complete || d->mask[i]) fcl_print(writer.stream, "%.4f", (double)d->keypoints[i]);
    }
    fputs("\n", writer.stream);
    return fcl_file_writer_commit(&writer);
}

static fcl_status write_groups(const char *folder, size_t n) {
    fcl_text text = FCL_TEXT_EMPTY;
    char *path = fcl_path_join(folder, "groups.csv");
    fcl_text_append(&text, "row,identity\n");
    for (size_t i = 0; i < n; i++) fcl_text_appendf(&text, "%zu,face_%u\n", i, identity_of(i));
    fcl_status status = path ? fcl_text_status(&text) : FCL_E_MEMORY;
    if (status == FCL_OK) status = fcl_file_write(path, text.data, text.length);
    free(path);
    fcl_text_dispose(&text);
    return status;
}

/* (96, 96, n), as Kaggle's array is. */
static fcl_status write_images(const char *folder, const fcl_dataset *d) {
    fcl_status status;
    uint8_t *turned = NULL;
    char *path = fcl_path_join(folder, "face_images.npz");
    const size_t shape[] = {FCL_IMAGE_SIDE, FCL_IMAGE_SIDE, d->n};
    if (!path) return FCL_E_MEMORY;
    FCL_TRY(FCL_NEW(&turned, d->n * FCL_IMAGE_PIXELS, "images"));
    for (size_t i = 0; i < d->n; i++)
        for (size_t p = 0; p < FCL_IMAGE_PIXELS; p++) turned[p * d->n + i] = d->pixels[i * FCL_IMAGE_PIXELS + p];
    FCL_TRY(fcl_npz_write(path, FCL_IMAGES_KEY, FCL_UINT8, shape, 3, turned));
done:
    free(turned);
    free(path);
    return status;
}

fcl_status fcl_synth(const fcl_synth_options *options, const char *out_folder) {
    fcl_status status;
    fcl_dataset *dataset = NULL;
    int claimed = 0;
    FCL_TRY(fcl_synth_dataset(&dataset, options));
    FCL_TRY(fcl_folder_claim(out_folder, "synthetic", options->force));
    claimed = 1;
    FCL_TRY(write_images(out_folder, dataset));
    FCL_TRY(write_keypoints(out_folder, "facial_keypoints_complete.csv", dataset, 1));
    FCL_TRY(write_groups(out_folder, dataset->n));
    FCL_TRY(write_keypoints(out_folder, "facial_keypoints.csv", dataset, 0));
done:
    if (claimed && status != FCL_OK) fcl_folder_discard(out_folder);
    fcl_dataset_free(dataset);
    return status;
}
