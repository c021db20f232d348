#include "dataset/validate.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { COORDINATES = FCL_N_COORDINATES, NO_SPLIT = FCL_N_SPLITS };

/* The report as it grows. A value that memory did not suffice for makes `failed` nonzero, so that one check is enough. */
typedef struct report {
    const fcl_dataset *dataset;
    unsigned char *split_of; /* of each sample, NO_SPLIT for those left out */
    json_t *top;
    int failed;
} report;

static const char *split_text(const report *r, size_t sample) {
    return r->split_of[sample] == NO_SPLIT ? "none" : fcl_split_name((fcl_split)r->split_of[sample]);
}

static void set(report *r, json_t *object, const char *key, json_t *value) {
    r->failed |= json_object_set_new(object, key, value);
}

static void append(report *r, json_t *array, json_t *value) {
    r->failed |= json_array_append_new(array, value);
}

static json_t *count(size_t n) {
    return json_integer((json_int_t)n);
}

/* A member of the report, which owns it; NULL, which jansson takes everywhere, when memory is out. */
static json_t *section(report *r, const char *key, json_t *empty) {
    set(r, r->top, key, empty);
    return json_object_get(r->top, key);
}

static size_t n_labelled(const fcl_dataset *d, size_t sample) {
    size_t n = 0;
    for (unsigned c = 0; c < COORDINATES; c++) n += d->mask[sample * COORDINATES + c];
    return n;
}

static void add_splits(report *r) {
    json_t *splits = section(r, "splits", json_object());
    for (unsigned char s = 0; s <= NO_SPLIT; s++) {
        size_t n = 0, complete = 0, unlabelled = 0, labels = 0;
        for (size_t i = 0; i < r->dataset->n; i++) {
            if (r->split_of[i] != s) continue;
            size_t labelled = n_labelled(r->dataset, i);
            n++;
            labels += labelled;
            complete += labelled == COORDINATES;
            unlabelled += labelled == 0;
        }
        set(r, splits, s == NO_SPLIT ? "none" : fcl_split_name((fcl_split)s),
            json_pack("{s:o, s:o, s:o, s:o, s:o}", "rows", count(n), "complete_rows", count(complete),
                      "unlabelled_rows", count(unlabelled), "labelled_coordinates", count(labels),
                      "missing_coordinates", count(n * COORDINATES - labels)));
    }
}

static void add_coordinates(report *r) {
    const fcl_dataset *d = r->dataset;
    json_t *coordinates = section(r, "coordinates", json_object());
    for (unsigned c = 0; c < COORDINATES; c++) {
        size_t n = 0;
        double sum = 0.0, lowest = 0.0, highest = 0.0;
        for (size_t i = 0; i < d->n; i++) {
            if (!d->mask[i * COORDINATES + c]) continue;
            double value = d->keypoints[i * COORDINATES + c];
            if (n == 0 || value < lowest) lowest = value;
            if (n == 0 || value > highest) highest = value;
            sum += value;
            n++;
        }
        json_t *entry = json_pack("{s:o, s:o}", "labelled", count(n), "missing", count(d->n - n));
        if (n > 0) {
            set(r, entry, "lowest", json_real(lowest));
            set(r, entry, "highest", json_real(highest));
            set(r, entry, "mean", json_real(sum / (double)n));
        }
        set(r, coordinates, fcl_coordinate_name(c), entry);
    }
}

static int is_outside(double value) {
    return value < FCL_FRAME_LOW || value > FCL_FRAME_HIGH;
}

/* Points outside the frame; and pairs whose left point lies to the right of its partner, when left is the subject's. */
static void add_odd_points(report *r) {
    const fcl_dataset *d = r->dataset;
    json_t *outside = section(r, "outside_the_frame", json_array());
    json_t *swapped = section(r, "left_right_swapped", json_array());
    for (size_t i = 0; i < d->n; i++)
        for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++) {
            const size_t at = i * COORDINATES + 2 * k;
            if (!d->mask[at] || !d->mask[at + 1]) continue;
            double x = d->keypoints[at], y = d->keypoints[at + 1];
            if (is_outside(x) || is_outside(y))
                append(r, outside,
                       json_pack("{s:o, s:s, s:s, s:f, s:f}", "row", count(d->rows[i]), "split", split_text(r, i),
                                 "keypoint", fcl_keypoint_name(k), "x", x, "y", y));
            /* Of each pair, the left point stands first in Kaggle's order. */
            unsigned partner = fcl_keypoint_mirror(k);
            const size_t other = i * COORDINATES + 2 * partner;
            if (partner > k && d->mask[other] && x < d->keypoints[other])
                append(r, swapped,
                       json_pack("{s:o, s:s, s:s, s:s}", "row", count(d->rows[i]), "split", split_text(r, i), "left",
                                 fcl_keypoint_name(k), "right", fcl_keypoint_name(partner)));
        }
    if (json_array_size(outside))
        fcl_log(FCL_LOG_WARNING, "%zu keypoints lie outside the frame; they are kept", json_array_size(outside));
    if (json_array_size(swapped))
        fcl_log(FCL_LOG_WARNING, "%zu pairs of keypoints have left and right exchanged; they are kept",
                json_array_size(swapped));
}

typedef struct hashed_image {
    char hash[FCL_HASH_TEXT_BYTES];
    size_t sample;
} hashed_image;

static int by_hash(const void *a, const void *b) {
    const hashed_image *x = a, *y = b;
    int order = strcmp(x->hash, y->hash);
    return order ? order : (x->sample > y->sample) - (x->sample < y->sample);
}

/* images[begin..begin+n) are equal. */
typedef struct equal_images {
    size_t first_sample, begin, n;
} equal_images;

static int by_first_sample(const void *a, const void *b) {
    const equal_images *x = a, *y = b;
    return (x->first_sample > y->first_sample) - (x->first_sample < y->first_sample);
}

/* One set of equal images: their rows and the splits they are in. Returns 1 when those are several. */
static int add_duplicate(report *r, json_t *duplicates, const hashed_image *images, size_t n) {
    json_t *rows = json_array(), *splits = json_array();
    unsigned seen = 0;
    for (size_t i = 0; i < n; i++) {
        append(r, rows, count(r->dataset->rows[images[i].sample]));
        seen |= 1u << r->split_of[images[i].sample];
    }
    int n_splits = 0;
    for (int s = 0; s < FCL_N_SPLITS; s++)
        if (seen & 1u << s) {
            append(r, splits, json_string(fcl_split_name((fcl_split)s)));
            n_splits++;
        }
    append(r, duplicates, json_pack("{s:o, s:o}", "rows", rows, "splits", splits));
    return n_splits > 1;
}

/* `images` is sorted by hash. */
static fcl_status add_duplicates(report *r, const hashed_image *images) {
    const size_t n = r->dataset->n;
    size_t n_sets = 0, across = 0;
    equal_images *sets = NULL;
    json_t *duplicates = section(r, "duplicate_images", json_array());
    fcl_status status = FCL_NEW(&sets, n, "duplicate images");
    if (status != FCL_OK) return status;
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && strcmp(images[end].hash, images[begin].hash) == 0;) end++;
        if (end - begin > 1) sets[n_sets++] = (equal_images){images[begin].sample, begin, end - begin};
    }
    qsort(sets, n_sets, sizeof *sets, by_first_sample);
    for (size_t i = 0; i < n_sets; i++)
        across += (size_t)add_duplicate(r, duplicates, images + sets[i].begin, sets[i].n);
    free(sets);
    set(r, r->top, "duplicates_across_splits", count(across));
    if (n_sets)
        fcl_log(FCL_LOG_WARNING, "%zu images occur more than once, %zu of them in different splits", n_sets, across);
    return FCL_OK;
}

static fcl_status add_images(report *r) {
    fcl_status status;
    const fcl_dataset *d = r->dataset;
    float image[FCL_IMAGE_PIXELS];
    double sum = 0.0, lowest = 0.0, highest = 0.0;
    hashed_image *images = NULL;
    json_t *pixels = section(r, "pixels", json_object());
    json_t *constant = section(r, "constant_images", json_array());
    FCL_TRY(FCL_NEW(&images, d->n, "hashes of images"));
    for (size_t i = 0; i < d->n; i++) {
        fcl_dataset_image(image, d, i);
        fcl_hash_bytes(images[i].hash, image, sizeof image);
        images[i].sample = i;
        double low = image[0], high = image[0], image_sum = 0.0;
        for (size_t p = 0; p < FCL_IMAGE_PIXELS; p++) {
            low = image[p] < low ? image[p] : low;
            high = image[p] > high ? image[p] : high;
            image_sum += image[p];
        }
        if (low == high)
            append(r, constant,
                   json_pack("{s:o, s:s, s:f}", "row", count(d->rows[i]), "split", split_text(r, i), "level", low));
        lowest = i == 0 || low < lowest ? low : lowest;
        highest = i == 0 || high > highest ? high : highest;
        sum += image_sum;
    }
    set(r, pixels, "lowest", json_real(lowest));
    set(r, pixels, "highest", json_real(highest));
    set(r, pixels, "mean", json_real(sum / ((double)d->n * FCL_IMAGE_PIXELS)));
    if (json_array_size(constant))
        fcl_log(FCL_LOG_WARNING, "%zu images have one gray level only", json_array_size(constant));
    qsort(images, d->n, sizeof *images, by_hash);
    FCL_TRY(add_duplicates(r, images));
done:
    free(images);
    return status;
}

fcl_status fcl_validation_report(json_t **out, const fcl_dataset *dataset, const fcl_row_split *split) {
    fcl_status status;
    report r = {.dataset = dataset, .top = json_object()};
    FCL_TRY(FCL_NEW(&r.split_of, dataset->n, "a validation report"));
    memset(r.split_of, NO_SPLIT, dataset->n);
    for (unsigned char s = 0; s < FCL_N_SPLITS; s++)
        for (size_t i = 0; i < split->n[s]; i++) r.split_of[split->samples[s][i]] = s;
    set(&r, r.top, "rows", count(dataset->n));
    add_splits(&r);
    add_coordinates(&r);
    add_odd_points(&r);
    FCL_TRY(add_images(&r));
    if (r.failed) {
        status = fcl_fail_memory("a validation report", 0);
        goto done;
    }
    *out = r.top;
    r.top = NULL;
done:
    json_decref(r.top);
    free(r.split_of);
    return status;
}
