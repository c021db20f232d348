/* Filling of missing labels in training targets. */
#include "base/memory.h"
#include "dataset/batches.h"
#include "dataset/dataset.h"

#include <assert.h>
#include <string.h>

enum { COORDINATES = FCL_N_COORDINATES };

static const char *const names[FCL_N_FILLS] = {"none", "mean", "median", "forward", "drop"};

const char *fcl_fill_name(fcl_fill fill) {
    assert(fill < FCL_N_FILLS);
    return names[fill];
}

fcl_status fcl_fill_parse(fcl_fill *out, const char *name) {
    for (int f = 0; f < FCL_N_FILLS; f++)
        if (strcmp(name, names[f]) == 0) {
            *out = (fcl_fill)f;
            return FCL_OK;
        }
    return fcl_fail(FCL_E_USAGE, "'%s' is no way to fill missing labels: none, mean, median, forward and drop are",
                    name);
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* `values` holds the n labels of one coordinate and is sorted here. */
static float median(float *values, size_t n) {
    qsort(values, n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : (float)(((double)values[n / 2 - 1] + values[n / 2]) / 2.0);
}

static float mean(const float *values, size_t n) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += values[i];
    return (float)(sum / (double)n);
}

/* Gives the coordinate `c` of every row a value. `labels` has room for all rows. */
static fcl_status fill_column(float *keypoints, uint8_t *mask, float *labels, const fcl_dataset *train, unsigned c,
                              fcl_fill fill) {
    size_t n = 0;
    for (size_t i = 0; i < train->n; i++)
        if (mask[i * COORDINATES + c]) labels[n++] = keypoints[i * COORDINATES + c];
    if (n == 0)
        return fcl_fail(FCL_E_INPUT,
                        "%s: no training row has a label of %s, so that nothing can fill it; use --fill none",
                        train->source, fcl_coordinate_name(c));
    /* Forward: rows above the first label take that one. */
    float value = fill == FCL_FILL_MEAN ? mean(labels, n) : fill == FCL_FILL_MEDIAN ? median(labels, n) : labels[0];
    for (size_t i = 0; i < train->n; i++) {
        size_t at = i * COORDINATES + c;
        if (!mask[at])
            keypoints[at] = value;
        else if (fill == FCL_FILL_FORWARD)
            value = keypoints[at];
        mask[at] = 1;
    }
    return FCL_OK;
}

static void drop_incomplete(uint8_t *mask, size_t n) {
    for (size_t i = 0; i < n; i++, mask += COORDINATES)
        if (memchr(mask, 0, COORDINATES)) memset(mask, 0, COORDINATES);
}

fcl_status fcl_fill_targets(float **keypoints, uint8_t **mask, const fcl_dataset *train, fcl_fill fill) {
    fcl_status status;
    float *filled = NULL, *labels = NULL;
    uint8_t *filled_mask = NULL;
    const size_t n = train->n * COORDINATES;
    FCL_TRY(FCL_NEW(&filled, n, "training targets"));
    FCL_TRY(FCL_NEW(&filled_mask, n, "the mask of training targets"));
    memcpy(filled, train->keypoints, n * sizeof *filled);
    memcpy(filled_mask, train->mask, n);
    if (fill == FCL_FILL_DROP) {
        drop_incomplete(filled_mask, train->n);
    } else if (fill != FCL_FILL_NONE) {
        FCL_TRY(FCL_NEW(&labels, train->n, "labels of a coordinate"));
        for (unsigned c = 0; c < COORDINATES; c++) FCL_TRY(fill_column(filled, filled_mask, labels, train, c, fill));
    }
    *keypoints = filled;
    *mask = filled_mask;
    filled = NULL;
    filled_mask = NULL;
done:
    free(filled);
    free(filled_mask);
    free(labels);
    return status;
}
