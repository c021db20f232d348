/* The analysis of a data set: tables and figures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/dataset.h"
#include "plot/figure.h"

/* A point is an outlier when its robust z, |value - median| / (1.4826 MAD) (Iglewicz and Hoaglin 1993),
 * exceeds this. */
static const double outlier_z = 5.0, mad_to_sd = 1.4826;
enum { N_SAMPLE_FACES = 12, SAMPLE_COLUMNS = 4, N_GRAY_LEVELS = 256 };

typedef struct column {
    size_t n;
    double mean, sd, min, q1, median, q3, max, mad;
} column;

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The value below which a share of a sorted array lies, linear between two. */
static double quantile(const double *sorted, size_t n, double share) {
    double at = share * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

/* Sample standard deviation (n - 1), as numpy's ddof=1. `values` has room for all rows. */
static column describe(const fcl_dataset *d, unsigned c, double *values) {
    column out = {.n = 0};
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < d->n; i++)
        if (d->mask[i * FCL_N_COORDINATES + c])
            sum += values[out.n++] = (double)d->keypoints[i * FCL_N_COORDINATES + c];
    if (out.n == 0) return out;
    out.mean = sum / (double)out.n;
    for (size_t i = 0; i < out.n; i++) squares += (values[i] - out.mean) * (values[i] - out.mean);
    out.sd = out.n > 1 ? sqrt(squares / (double)(out.n - 1)) : 0.0;
    qsort(values, out.n, sizeof *values, ascending);
    out.min = values[0];
    out.q1 = quantile(values, out.n, 0.25);
    out.median = quantile(values, out.n, 0.5);
    out.q3 = quantile(values, out.n, 0.75);
    out.max = values[out.n - 1];
    for (size_t i = 0; i < out.n; i++) values[i] = fabs(values[i] - out.median);
    qsort(values, out.n, sizeof *values, ascending);
    out.mad = quantile(values, out.n, 0.5);
    return out;
}

static fcl_status write_table(const char *folder, const char *name, const fcl_text *text) {
    fcl_status status = fcl_text_status(text);
    char *path = fcl_path_join(folder, name);
    if (!path) status = FCL_E_MEMORY;
    if (status == FCL_OK) status = fcl_file_write(path, fcl_text_get(text), text->length);
    free(path);
    return status;
}

static fcl_status write_columns(const char *folder, const fcl_dataset *d, const column *columns) {
    fcl_text text = FCL_TEXT_EMPTY;
    fcl_text_append(&text, "coordinate,count,missing,mean,sd,min,q1,median,q3,max\n");
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++) {
        const column *k = &columns[c];
        fcl_text_appendf(&text, "%s,%zu,%zu", fcl_coordinate_name(c), k->n, d->n - k->n);
        if (k->n)
            fcl_text_appendf(&text, ",%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g\n", k->mean, k->sd, k->min, k->q1, k->median,
                             k->q3, k->max);
        else
            fcl_text_append(&text, ",,,,,,,\n");
    }
    fcl_status status = write_table(folder, "keypoints.csv", &text);
    fcl_text_dispose(&text);
    return status;
}

static fcl_status write_outliers(const char *folder, const fcl_dataset *d, const column *columns) {
    fcl_text text = FCL_TEXT_EMPTY;
    fcl_text_append(&text, "row,coordinate,value,robust_z\n");
    for (size_t i = 0; i < d->n; i++)
        for (unsigned c = 0; c < FCL_N_COORDINATES; c++) {
            size_t at = i * FCL_N_COORDINATES + c;
            if (!d->mask[at] || columns[c].mad == 0.0) continue;
            double z = fabs((double)d->keypoints[at] - columns[c].median) / (mad_to_sd * columns[c].mad);
            if (z > outlier_z)
                fcl_text_appendf(&text, "%u,%s,%.6g,%.4g\n", d->rows[i], fcl_coordinate_name(c),
                                 (double)d->keypoints[at], z);
        }
    fcl_status status = write_table(folder, "outliers.csv", &text);
    fcl_text_dispose(&text);
    return status;
}

typedef struct pattern {
    char present[FCL_N_KEYPOINTS + 1]; /* '1' where x and y are labelled, '0' else */
    size_t n;
} pattern;

static int most_first(const void *a, const void *b) {
    const pattern *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : strcmp(y->present, x->present);
}

/* Which keypoints are labelled together: one row a pattern, the most frequent first. */
static fcl_status write_patterns(const char *folder, const fcl_dataset *d) {
    fcl_status status;
    fcl_text text = FCL_TEXT_EMPTY;
    pattern *patterns = NULL;
    size_t n_patterns = 0;
    FCL_TRY(FCL_NEW(&patterns, d->n, "patterns"));
    for (size_t i = 0; i < d->n; i++) {
        pattern p = {.n = 1};
        for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++)
            p.present[k] =
                d->mask[i * FCL_N_COORDINATES + 2 * k] && d->mask[i * FCL_N_COORDINATES + 2 * k + 1] ? '1' : '0';
        size_t at = 0;
        while (at < n_patterns && strcmp(patterns[at].present, p.present) != 0) at++;
        if (at == n_patterns)
            patterns[n_patterns++] = p;
        else
            patterns[at].n++;
    }
    qsort(patterns, n_patterns, sizeof *patterns, most_first);
    fcl_text_append(&text, "present,rows,per_cent\n");
    for (size_t i = 0; i < n_patterns; i++)
        fcl_text_appendf(&text, "%s,%zu,%.4g\n", patterns[i].present, patterns[i].n,
                         100.0 * (double)patterns[i].n / (double)d->n);
    FCL_TRY(write_table(folder, "missing_patterns.csv", &text));
done:
    fcl_text_dispose(&text);
    free(patterns);
    return status;
}

/* Mean face into `mean` (96*96), and pixels.csv. */
static fcl_status analyze_pixels(float *mean, const char *folder, const fcl_dataset *d) {
    fcl_text text = FCL_TEXT_EMPTY;
    float image[FCL_IMAGE_PIXELS];
    double sums[FCL_IMAGE_PIXELS] = {0}, sum = 0.0, squares = 0.0, count = (double)d->n * FCL_IMAGE_PIXELS;
    size_t histogram[N_GRAY_LEVELS] = {0};
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < d->n; i++) {
        fcl_dataset_image(image, d, i);
        for (size_t p = 0; p < FCL_IMAGE_PIXELS; p++) {
            sums[p] += image[p];
            sum += image[p];
            squares += (double)image[p] * image[p];
            low = image[p] < low ? image[p] : low;
            high = image[p] > high ? image[p] : high;
            histogram[(size_t)image[p]]++;
        }
    }
    for (size_t p = 0; p < FCL_IMAGE_PIXELS; p++) mean[p] = (float)(sums[p] / (double)d->n);
    double average = sum / count;
    fcl_text_appendf(&text, "figure,value\nimages,%zu\nmean,%.6g\nsd,%.6g\nmin,%g\nmax,%g\n", d->n, average,
                     sqrt(squares / count - average * average), (double)low, (double)high);
    for (int g = 0; g < N_GRAY_LEVELS; g++) fcl_text_appendf(&text, "gray_%d,%zu\n", g, histogram[g]);
    fcl_status status = write_table(folder, "pixels.csv", &text);
    fcl_text_dispose(&text);
    return status;
}

static fcl_status stem_of(char **out, const char *folder, const char *name) {
    *out = fcl_path_join(folder, name);
    return *out ? FCL_OK : FCL_E_MEMORY;
}

static fcl_status draw_missing(const char *folder, const fcl_dataset *d, const column *columns) {
    const char *labels[FCL_N_KEYPOINTS];
    double values[FCL_N_KEYPOINTS];
    char *stem;
    fcl_status status = stem_of(&stem, folder, "missing");
    if (status != FCL_OK) return status;
    for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++) {
        labels[k] = fcl_keypoint_name(k);
        values[k] = 100.0 * (double)(d->n - columns[2 * k].n) / (double)d->n;
    }
    fcl_axes axes = {.title = "Missing labels", .x_label = "per cent of the faces"};
    status = fcl_figure_bars(stem, &axes, labels, values, FCL_N_KEYPOINTS);
    free(stem);
    return status;
}

static fcl_status draw_scatter(const char *folder, const fcl_dataset *d, const float *mean) {
    fcl_status status;
    char *stem = NULL;
    uint8_t *mask = NULL;
    const size_t n = d->n * FCL_N_KEYPOINTS;
    FCL_TRY(stem_of(&stem, folder, "scatter"));
    FCL_TRY(FCL_NEW(&mask, n, "points"));
    for (size_t i = 0; i < n; i++) mask[i] = d->mask[2 * i] && d->mask[2 * i + 1];
    fcl_point_set set = {.name = "keypoints", .xy = d->keypoints, .mask = mask, .n = n};
    fcl_panel panel = {.image = mean, .sets = &set, .n_sets = 1};
    FCL_TRY(fcl_figure_panels(stem, "Keypoints over the mean face", &panel, 1, 1, FCL_IMAGE_SIDE, FCL_IMAGE_SIDE));
done:
    free(mask);
    free(stem);
    return status;
}

static fcl_status draw_samples(const char *folder, const fcl_dataset *d) {
    fcl_status status;
    char *stem = NULL;
    float *images = NULL;
    uint8_t masks[N_SAMPLE_FACES][FCL_N_KEYPOINTS];
    fcl_point_set sets[N_SAMPLE_FACES];
    fcl_panel panels[N_SAMPLE_FACES];
    char captions[N_SAMPLE_FACES][32];
    size_t n = d->n < N_SAMPLE_FACES ? d->n : N_SAMPLE_FACES;
    FCL_TRY(stem_of(&stem, folder, "samples"));
    FCL_TRY(FCL_NEW(&images, n * FCL_IMAGE_PIXELS, "images"));
    for (size_t i = 0; i < n; i++) {
        size_t row = i * d->n / n; /* spread over the data set */
        fcl_dataset_image(images + i * FCL_IMAGE_PIXELS, d, row);
        for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++)
            masks[i][k] = d->mask[row * FCL_N_COORDINATES + 2 * k] && d->mask[row * FCL_N_COORDINATES + 2 * k + 1];
        snprintf(captions[i], sizeof captions[i], "row %u", d->rows[row]);
        sets[i] = (fcl_point_set){
            .name = "label", .xy = d->keypoints + row * FCL_N_COORDINATES, .mask = masks[i], .n = FCL_N_KEYPOINTS};
        panels[i] =
            (fcl_panel){.image = images + i * FCL_IMAGE_PIXELS, .caption = captions[i], .sets = &sets[i], .n_sets = 1};
    }
    FCL_TRY(
        fcl_figure_panels(stem, "Faces and their labels", panels, n, SAMPLE_COLUMNS, FCL_IMAGE_SIDE, FCL_IMAGE_SIDE));
done:
    free(images);
    free(stem);
    return status;
}

fcl_status fcl_analyze(const fcl_dataset *dataset, const char *out_folder, int *figures) {
    fcl_status status;
    column columns[FCL_N_COORDINATES];
    float *mean = NULL;
    double *values = NULL;
    FCL_TRY(fcl_folder_create(out_folder));
    FCL_TRY(FCL_NEW(&values, dataset->n, "a column"));
    FCL_TRY(FCL_NEW(&mean, FCL_IMAGE_PIXELS, "the mean face"));
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++) columns[c] = describe(dataset, c, values);
    FCL_TRY(write_columns(out_folder, dataset, columns));
    FCL_TRY(write_outliers(out_folder, dataset, columns));
    FCL_TRY(write_patterns(out_folder, dataset));
    FCL_TRY(analyze_pixels(mean, out_folder, dataset));
    status = draw_missing(out_folder, dataset, columns);
    if (status == FCL_OK) status = draw_scatter(out_folder, dataset, mean);
    if (status == FCL_OK) status = draw_samples(out_folder, dataset);
    *figures = status == FCL_OK;
    if (status == FCL_E_MISSING_PROGRAM) {
        fcl_log(FCL_LOG_WARNING, "%s; the analysis lacks figures", fcl_error_message());
        status = FCL_OK;
    }
done:
    free(values);
    free(mean);
    return status;
}
