#include "dataset/dataset.h"

#include "base/memory.h"
#include "base/text.h"

#include <assert.h>

const char *fcl_split_name(fcl_split split) {
    static const char *const names[FCL_N_SPLITS] = {"train", "validation", "test"};
    assert(split < FCL_N_SPLITS);
    return names[split];
}

fcl_status fcl_dataset_create(fcl_dataset **out, size_t n, const char *source) {
    fcl_status status;
    fcl_dataset *dataset = NULL;
    if (n > UINT32_MAX) return fcl_fail(FCL_E_INPUT, "%s: %zu rows; at most %u are read", source, n, UINT32_MAX);
    FCL_TRY(FCL_NEW(&dataset, 1, "a data set"));
    dataset->n = n;
    FCL_TRY(FCL_NEW(&dataset->rows, n, "row numbers"));
    for (size_t i = 0; i < n; i++) dataset->rows[i] = (uint32_t)i;
    if (!(dataset->source = fcl_duplicate(source))) {
        status = FCL_E_MEMORY;
        goto done;
    }
    *out = dataset;
    dataset = NULL;
done:
    fcl_dataset_free(dataset);
    return status;
}

void fcl_dataset_free(fcl_dataset *dataset) {
    if (!dataset) return;
    free(dataset->pixels);
    free(dataset->pixels_f);
    free(dataset->keypoints);
    free(dataset->mask);
    free(dataset->rows);
    free(dataset->source);
    for (unsigned i = 0; i < FCL_DATASET_MAX_FILES; i++) free(dataset->files[i].path);
    free(dataset);
}

void fcl_dataset_image(float *out, const fcl_dataset *dataset, size_t i) {
    assert(i < dataset->n);
    for (size_t p = 0; p < FCL_IMAGE_PIXELS; p++)
        out[p] = dataset->pixels ? (float)dataset->pixels[i * FCL_IMAGE_PIXELS + p]
                                 : dataset->pixels_f[i * FCL_IMAGE_PIXELS + p];
}
