#include "dataset/images.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/npz.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    SIDE = FCL_IMAGE_SIDE,
    PIXELS = FCL_IMAGE_PIXELS,
    CHUNK = 8192,         /* elements converted at a time */
    MAX_IMAGES = 1000000, /* 9 GB */
    MAX_GRAY = 255
};

/* An array of images on its way from the file to memory. */
typedef struct reader {
    const fcl_byte_source *source;
    fcl_npy_header header;
    size_t n;
    int rows_fastest; /* neighbours in the file are the same pixel of neighbouring rows */
    int transposed;   /* y runs faster than x */
    size_t done;      /* elements read */
    int whole;        /* all values so far are whole numbers */
    double highest;
    fcl_images images;
    uint64_t raw[CHUNK]; /* elements as they are in the file; uint64_t for its alignment */
} reader;

static fcl_status find_layout(reader *r) {
    const size_t *s = r->header.shape;
    const unsigned n_dims = r->header.n_dims;
    int rows_first;
    char shape[FCL_SHAPE_TEXT_BYTES];
    fcl_shape_text(shape, s, n_dims);
    if (n_dims == 3 && s[0] == SIDE && s[1] == SIDE) {
        rows_first = 0;
        r->n = s[2];
        if (s[2] == SIDE) fcl_log(FCL_LOG_WARNING, "%s: the shape %s is taken as [y, x, row]", r->source->name, shape);
    } else if ((n_dims == 3 && s[1] == SIDE && s[2] == SIDE) ||
               (n_dims == 4 && s[1] == SIDE && s[2] == SIDE && s[3] == 1) || (n_dims == 2 && s[1] == PIXELS)) {
        rows_first = 1;
        r->n = s[0];
    } else {
        return fcl_fail(FCL_E_INPUT, "%s: an array of shape %s; images are (96, 96, n), (n, 96, 96) or (n, 9216)",
                        r->source->name, shape);
    }
    if (r->n == 0) return fcl_fail(FCL_E_INPUT, "%s: the shape %s holds no image", r->source->name, shape);
    if (r->n > MAX_IMAGES)
        return fcl_fail(FCL_E_INPUT, "%s: %zu images; at most %d are read into memory", r->source->name, r->n,
                        MAX_IMAGES);
    r->rows_fastest = rows_first == r->header.fortran_order;
    r->transposed = r->header.fortran_order && n_dims > 2;
    return FCL_OK;
}

static fcl_status fail_value(const reader *r, size_t element, double value) {
    size_t row = r->rows_fastest ? element % r->n : element / PIXELS;
    size_t pixel = r->rows_fastest ? element / r->n : element % PIXELS;
    size_t slow = pixel / SIDE, fast = pixel % SIDE;
    return fcl_fail(FCL_E_INPUT, "%s: row %zu (counted from 0), y %zu, x %zu: the value %g is not a gray level 0..255",
                    r->source->name, row, r->transposed ? fast : slow, r->transposed ? slow : fast, value);
}

/* Any other type than uint8, whose every value is right. */
static fcl_status convert(float *out, reader *r, size_t n) {
#define CONVERT(type)                                                                                                  \
    for (size_t i = 0; i < n; i++) values[i] = (double)((const type *)(const void *)r->raw)[i];                        \
    break
    double values[CHUNK];
    switch (r->header.dtype) {
    case FCL_UINT16: CONVERT(uint16_t);
    case FCL_UINT32: CONVERT(uint32_t);
    case FCL_UINT64: CONVERT(uint64_t);
    case FCL_INT8: CONVERT(int8_t);
    case FCL_INT16: CONVERT(int16_t);
    case FCL_INT32: CONVERT(int32_t);
    case FCL_INT64: CONVERT(int64_t);
    case FCL_FLOAT32: CONVERT(float);
    default: CONVERT(double);
    }
#undef CONVERT
    int in_range = 1, whole = 1;
    double highest = r->highest;
    for (size_t i = 0; i < n; i++) {
        double v = values[i];
        int good = v >= 0.0 && v <= MAX_GRAY; /* false for NaN */
        in_range &= good;
        whole &= (double)(int)(good ? v : 0.0) == v;
        highest = v > highest ? v : highest;
        out[i] = (float)v;
    }
    if (!in_range)
        for (size_t i = 0; i < n; i++)
            if (!(values[i] >= 0.0 && values[i] <= MAX_GRAY)) return fail_value(r, r->done + i, values[i]);
    r->highest = highest;
    r->whole &= whole;
    return FCL_OK;
}

/* The next n elements of the file, in its order. */
static fcl_status read_values(float *out, reader *r, size_t n) {
    while (n > 0) {
        size_t part = n < CHUNK ? n : CHUNK;
        fcl_status status = fcl_npy_elements_read(r->raw, &r->header, r->source, part);
        if (status != FCL_OK) return status;
        if (r->header.dtype == FCL_UINT8) {
            const uint8_t *bytes = (const uint8_t *)r->raw;
            for (size_t i = 0; i < part; i++) out[i] = (float)bytes[i];
        } else if ((status = convert(out, r, part)) != FCL_OK) {
            return status;
        }
        r->done += part;
        out += part;
        n -= part;
    }
    return FCL_OK;
}

/* Once a value is not whole, everything is kept as float. */
static fcl_status widen(fcl_images *images, size_t n_values) {
    /* No calloc: pages are touched when values come. */
    images->pixels_f = malloc(n_values * sizeof(float));
    if (!images->pixels_f) return fcl_fail_memory("images", n_values * sizeof(float));
    for (size_t i = 0; i < n_values; i++) images->pixels_f[i] = (float)images->pixels[i];
    free(images->pixels);
    images->pixels = NULL;
    return FCL_OK;
}

static void put(fcl_images *images, size_t at, float value) {
    if (images->pixels)
        images->pixels[at] = (uint8_t)value;
    else
        images->pixels_f[at] = value;
}

/* The file as panels of SIDE columns, each with a value for every row; or as one image after the other. */
static fcl_status read_panels(reader *r) {
    fcl_status status;
    float *panel = NULL;
    const size_t n_panels = r->rows_fastest ? SIDE : r->n;
    const size_t panel_values = r->rows_fastest ? SIDE * r->n : PIXELS;
    FCL_TRY(FCL_NEW(&panel, panel_values, "a part of the images"));
    for (size_t p = 0; p < n_panels; p++) {
        fcl_progress_report(&(fcl_progress){
            .task = "reading images", .done = p * panel_values / PIXELS, .total = r->n, .unit = "images"});
        FCL_TRY(read_values(panel, r, panel_values));
        if (!r->whole && r->images.pixels) FCL_TRY(widen(&r->images, r->n * PIXELS));
        if (r->rows_fastest) {
            for (size_t row = 0; row < r->n; row++)
                for (size_t i = 0; i < SIDE; i++) put(&r->images, row * PIXELS + p * SIDE + i, panel[i * r->n + row]);
        } else {
            for (size_t i = 0; i < PIXELS; i++) put(&r->images, p * PIXELS + i, panel[i]);
        }
    }
    fcl_progress_report(&(fcl_progress){.task = "reading images", .done = r->n, .total = r->n, .unit = "images"});
done:
    free(panel);
    return status;
}

static void transpose(fcl_images *images, size_t n) {
    for (size_t row = 0; row < n; row++)
        for (size_t y = 0; y < SIDE; y++)
            for (size_t x = 0; x < y; x++) {
                size_t a = row * PIXELS + y * SIDE + x, b = row * PIXELS + x * SIDE + y;
                if (images->pixels) {
                    uint8_t value = images->pixels[a];
                    images->pixels[a] = images->pixels[b];
                    images->pixels[b] = value;
                } else {
                    float value = images->pixels_f[a];
                    images->pixels_f[a] = images->pixels_f[b];
                    images->pixels_f[b] = value;
                }
            }
}

/* Reads past the last element, which is where an archive's checksum is held against the data. */
static fcl_status check_end(const fcl_byte_source *source) {
    char byte;
    size_t got = 0;
    fcl_status status = source->read(&got, source, &byte, 1);
    if (status == FCL_OK && got > 0)
        status = fcl_fail(FCL_E_INPUT, "%s: has more bytes than it claims: the file is damaged", source->name);
    return status;
}

static fcl_status load_source(fcl_images *out, const fcl_byte_source *source, const char *path, const char *labels,
                              size_t n_labels) {
    fcl_status status;
    reader *r = NULL;
    FCL_TRY(FCL_NEW(&r, 1, "a reader of images"));
    r->source = source;
    r->whole = 1;
    FCL_TRY(fcl_npy_header_read(&r->header, source));
    FCL_TRY(find_layout(r));
    if (labels && r->n != n_labels) {
        status = fcl_fail(FCL_E_INPUT, "'%s' has %zu images but '%s' has %zu rows: they must belong together", path,
                          r->n, labels, n_labels);
        goto done;
    }
    r->images.n = r->n;
    if (!(r->images.pixels = malloc(r->n * PIXELS))) {
        status = fcl_fail_memory("images", r->n * PIXELS);
        goto done;
    }
    FCL_TRY(read_panels(r));
    FCL_TRY(check_end(source));
    if (!r->whole && r->highest <= 1.0) {
        status =
            fcl_fail(FCL_E_INPUT, "%s: all values are between 0 and 1; gray levels 0..255 are needed: multiply by 255",
                     source->name);
        goto done;
    }
    if (r->transposed) transpose(&r->images, r->n);
    *out = r->images;
    r->images = (fcl_images){0};
done:
    if (r) {
        free(r->images.pixels);
        free(r->images.pixels_f);
    }
    free(r);
    return status;
}

/* Which of the two formats it is, by its first bytes: names may lie. */
static fcl_status begins_with(int *out, const char *path, const char *bytes) {
    fcl_byte_source source;
    char begin[8];
    size_t got = 0, n = strlen(bytes);
    fcl_status status = fcl_file_source_open(&source, path);
    if (status != FCL_OK) return status;
    status = source.read(&got, &source, begin, n);
    fcl_file_source_close(&source);
    *out = got == n && memcmp(begin, bytes, n) == 0;
    return status;
}

fcl_status fcl_images_load(fcl_images *out, const char *path, const char *labels, size_t n_labels) {
    fcl_status status;
    fcl_npz *npz = NULL;
    fcl_byte_source file = {0}, member;
    int is_npy, is_zip;
    FCL_TRY(begins_with(&is_npy, path, "\x93NUMPY"));
    FCL_TRY(begins_with(&is_zip, path, "PK"));
    if (is_npy) {
        FCL_TRY(fcl_file_source_open(&file, path));
        FCL_TRY(load_source(out, &file, path, labels, n_labels));
    } else if (is_zip) {
        FCL_TRY(fcl_npz_open(&npz, path));
        FCL_TRY(fcl_npz_member(&member, npz, FCL_IMAGES_KEY));
        FCL_TRY(load_source(out, &member, path, labels, n_labels));
    } else {
        status = fcl_fail(FCL_E_INPUT, "%s: byte 0: neither an .npz archive nor an .npy array%s", path,
                          fcl_ends_with(path, ".csv")
                              ? "; a table that has the images in its column Image is named with --keypoints alone"
                              : "");
    }
done:
    fcl_npz_close(npz);
    fcl_file_source_close(&file);
    return status;
}
