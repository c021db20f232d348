#include "dataset/validate.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

typedef struct hashed {
    char hash[FCL_HASH_TEXT_BYTES];
    size_t row;
} hashed;

static int by_hash(const void *a, const void *b) {
    const hashed *x = a, *y = b;
    int order = strcmp(x->hash, y->hash);
    return order ? order : x->row < y->row ? -1 : x->row > y->row;
}

static int is_constant(const float *image) {
    for (size_t p = 1; p < FCL_IMAGE_PIXELS; p++)
        if (image[p] != image[0]) return 0;
    return 1;
}

/* Rows whose image another, earlier row has too, as pairs; rows with an image of one gray level. */
static void look_at_images(json_t *duplicates, json_t *constant, const fcl_dataset *d) {
    hashed *hashes = fcl_calloc(d->n, sizeof *hashes);
    float image[FCL_IMAGE_PIXELS];
    for (size_t i = 0; hashes && i < d->n; i++) {
        fcl_dataset_image(image, d, i);
        fcl_hash_bytes(hashes[i].hash, image, sizeof image);
        hashes[i].row = i;
        if (is_constant(image)) json_array_append_new(constant, json_integer((json_int_t)d->rows[i]));
    }
    if (hashes) qsort(hashes, d->n, sizeof *hashes, by_hash);
    for (size_t i = 1; hashes && i < d->n; i++)
        if (strcmp(hashes[i].hash, hashes[i - 1].hash) == 0)
            json_array_append_new(duplicates, json_pack("[I,I]", (json_int_t)d->rows[hashes[i - 1].row],
                                                        (json_int_t)d->rows[hashes[i].row]));
    free(hashes);
}

/* Rows whose left point lies right of its mirror image: left is the subject's, so it has the larger x. */
static int is_swapped(const fcl_dataset *d, size_t i) {
    for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++) {
        unsigned other = fcl_keypoint_mirror(k);
        if (strncmp(fcl_keypoint_name(k), "left", 4) != 0 && !strstr(fcl_keypoint_name(k), "_left_"))
            continue;
        size_t at = i * FCL_N_COORDINATES;
        if (other != k && d->mask[at + 2 * k] && d->mask[at + 2 * other] &&
            d->keypoints[at + 2 * k] < d->keypoints[at + 2 * other])
            return 1;
    }
    return 0;
}

json_t *fcl_validate_dataset(const fcl_dataset *d) {
    json_t *missing = json_object(), *outside = json_array(), *swapped = json_array(),
           *constant = json_array(), *duplicates = json_array();
    size_t unlabelled = 0, complete = 0;
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++) {
        size_t n = 0;
        for (size_t i = 0; i < d->n; i++) n += !d->mask[i * FCL_N_COORDINATES + c];
        json_object_set_new(missing, fcl_coordinate_name(c), json_integer((json_int_t)n));
    }
    for (size_t i = 0; i < d->n; i++) {
        size_t labelled = 0;
        for (unsigned c = 0; c < FCL_N_COORDINATES; c++) {
            size_t at = i * FCL_N_COORDINATES + c;
            labelled += d->mask[at];
            if (d->mask[at] && (d->keypoints[at] < FCL_FRAME_LOW || d->keypoints[at] > FCL_FRAME_HIGH))
                json_array_append_new(outside, json_pack("{s:I, s:s, s:f}", "row", (json_int_t)d->rows[i],
                                                         "coordinate", fcl_coordinate_name(c), "value",
                                                         (double)d->keypoints[at]));
        }
        unlabelled += labelled == 0;
        complete += labelled == FCL_N_COORDINATES;
        if (is_swapped(d, i)) json_array_append_new(swapped, json_integer((json_int_t)d->rows[i]));
    }
    look_at_images(duplicates, constant, d);
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "rows", (json_int_t)d->n, "complete_rows",
                     (json_int_t)complete, "unlabelled_rows", (json_int_t)unlabelled, "missing", missing,
                     "outside_the_frame", outside, "left_right_swapped_rows", swapped, "constant_images",
                     constant, "duplicate_images", duplicates);
}
