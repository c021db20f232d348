#include "dataset/labels.h"

#include "base/memory.h"
#include "dataset/csv.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { MAX_GRAY = 255 };

/* A point further outside than the frame is wide is a mistake of units or columns, not of a label. */
static const double lowest = -(double)FCL_IMAGE_SIDE, highest = 2.0 * FCL_IMAGE_SIDE;

typedef struct column_map {
    size_t coordinates[FCL_N_COORDINATES];
    int has_coordinates;
    size_t image, image_id; /* SIZE_MAX when missing */
} column_map;

typedef struct capacities {
    size_t keypoints, mask, pixels;
} capacities;

void fcl_labels_dispose(fcl_labels *labels) {
    free(labels->keypoints);
    free(labels->mask);
    free(labels->pixels);
    *labels = (fcl_labels){0};
}

static int is_coordinate(const char *name) {
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++)
        if (strcmp(name, fcl_coordinate_name(c)) == 0) return 1;
    return 0;
}

static fcl_status find_columns(column_map *out, const fcl_csv *csv) {
    column_map found = {.image = fcl_csv_find(csv, "Image"), .image_id = SIZE_MAX};
    if (found.image != SIZE_MAX) found.image_id = fcl_csv_find(csv, "ImageId");
    for (size_t i = 0; i < fcl_csv_n_columns(csv); i++) {
        int known = is_coordinate(fcl_csv_column_name(csv, i));
        found.has_coordinates |= known;
        if (!known && i != found.image && i != found.image_id)
            return fcl_csv_fail(csv, i,
                                "this column is unknown; a keypoints file has the 30 coordinates, "
                                "left_eye_center_x to mouth_center_bottom_lip_y, and perhaps Image");
    }
    if (found.has_coordinates || found.image == SIZE_MAX)
        for (unsigned c = 0; c < FCL_N_COORDINATES; c++) {
            fcl_status status = fcl_csv_require(&found.coordinates[c], csv, fcl_coordinate_name(c));
            if (status != FCL_OK) return status;
        }
    *out = found;
    return FCL_OK;
}

static fcl_status read_keypoints(float *keypoints, uint8_t *mask, const fcl_csv *csv, const column_map *columns) {
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++) {
        size_t column = columns->coordinates[c];
        double value = 0.0;
        mask[c] = *fcl_csv_field(csv, column) != '\0';
        if (mask[c]) {
            fcl_status status = fcl_csv_number(&value, csv, column);
            if (status != FCL_OK) return status;
            if (value < lowest || value > highest)
                return fcl_csv_fail(csv, column, "%g is far outside the frame of 96 x 96 pixels", value);
        }
        keypoints[c] = (float)value;
    }
    for (unsigned c = 0; c < FCL_N_COORDINATES; c += 2)
        if (mask[c] != mask[c + 1]) {
            unsigned empty = mask[c] ? c + 1 : c;
            return fcl_csv_fail(csv, columns->coordinates[empty], "empty, but %s of the same keypoint is not",
                                fcl_coordinate_name(mask[c] ? c : c + 1));
        }
    return FCL_OK;
}

/* How much of the number at `text` a message shows. */
static int shown_length(const char *text) {
    enum { MAX_SHOWN = 20 };
    size_t n = strcspn(text, " ");
    return n < MAX_SHOWN ? (int)n : MAX_SHOWN;
}

static fcl_status read_image(uint8_t *pixels, const fcl_csv *csv, size_t column) {
    const char *p = fcl_csv_field(csv, column);
    size_t n = 0;
    for (;; n++) {
        p += strspn(p, " ");
        if (!*p) break;
        const char *begin = p;
        unsigned value = 0;
        for (; isdigit((unsigned char)*p) && value <= MAX_GRAY; p++) value = value * 10 + (unsigned)(*p - '0');
        if (p == begin || (*p && *p != ' ') || value > MAX_GRAY)
            return fcl_csv_fail(csv, column, "number %zu of the image, '%.*s', is not a whole number 0..255", n + 1,
                                shown_length(begin), begin);
        if (n < FCL_IMAGE_PIXELS) pixels[n] = (uint8_t)value;
    }
    if (n != FCL_IMAGE_PIXELS)
        return fcl_csv_fail(csv, column, "%zu numbers; an image has %d (96 x 96)", n, FCL_IMAGE_PIXELS);
    return FCL_OK;
}

/* Room for one more row in every array that the file has. */
static fcl_status make_room(fcl_labels *labels, capacities *capacity, const column_map *columns) {
    fcl_status status = FCL_OK;
    void *keypoints = labels->keypoints, *mask = labels->mask, *pixels = labels->pixels;
    const size_t wanted = labels->n + 1;
    if (columns->has_coordinates) {
        FCL_TRY(fcl_grow(&keypoints, &capacity->keypoints, wanted, FCL_N_COORDINATES * sizeof(float), "keypoints"));
        labels->keypoints = keypoints;
        FCL_TRY(fcl_grow(&mask, &capacity->mask, wanted, FCL_N_COORDINATES, "the mask of keypoints"));
        labels->mask = mask;
    }
    if (columns->image != SIZE_MAX) {
        FCL_TRY(fcl_grow(&pixels, &capacity->pixels, wanted, FCL_IMAGE_PIXELS, "images"));
        labels->pixels = pixels;
    }
done:
    return status;
}

fcl_status fcl_labels_load(fcl_labels *out, const char *path) {
    fcl_status status;
    fcl_csv *csv = NULL;
    fcl_labels labels = {0};
    capacities capacity = {0};
    column_map columns = {0};
    int more;
    FCL_TRY(fcl_csv_open(&csv, path));
    FCL_TRY(find_columns(&columns, csv));
    for (;;) {
        FCL_TRY(fcl_csv_next(&more, csv));
        if (!more) break;
        FCL_TRY(make_room(&labels, &capacity, &columns));
        size_t row = labels.n;
        if (columns.has_coordinates)
            FCL_TRY(read_keypoints(labels.keypoints + row * FCL_N_COORDINATES, labels.mask + row * FCL_N_COORDINATES,
                                   csv, &columns));
        if (columns.image != SIZE_MAX) FCL_TRY(read_image(labels.pixels + row * FCL_IMAGE_PIXELS, csv, columns.image));
        labels.n++;
    }
    if (labels.n == 0) {
        status = fcl_fail(FCL_E_INPUT, "%s: there is no row below the header", path);
        goto done;
    }
    *out = labels;
    labels = (fcl_labels){0};
done:
    fcl_labels_dispose(&labels);
    fcl_csv_close(csv);
    return status;
}
