#include "train/guard.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ranks/ranks.h"

enum { TEXT = 512 };

/* No image and no label has such a value; gray levels and pixels. */
static const double absurd = 1e6;

/* Whether a value of a sample is not finite or beyond `limit`, and which. */
static fcl_status find_in_sample(int *found, char text[TEXT], const fcl_dataset *d, size_t sample, double limit) {
    enum { PIXELS = FCL_IMAGE_SIDE * FCL_IMAGE_SIDE };
    float *image;
    fcl_status status = FCL_NEW(&image, PIXELS, "an image");
    if (status != FCL_OK) return status;
    char what[TEXT / 2] = "";
    fcl_dataset_image(image, d, sample);
    for (size_t i = 0; i < PIXELS && !*what; i++)
        if (!(fabs((double)image[i]) <= limit))
            snprintf(what, sizeof what, "the pixel at x %zu, y %zu is %g", i % FCL_IMAGE_SIDE, i / FCL_IMAGE_SIDE,
                     (double)image[i]);
    for (unsigned c = 0; c < FCL_N_COORDINATES && !*what; c++) {
        size_t i = sample * FCL_N_COORDINATES + c;
        if (d->mask[i] && !(fabs((double)d->keypoints[i]) <= limit))
            snprintf(what, sizeof what, "%s is %g", fcl_coordinate_name(c), (double)d->keypoints[i]);
    }
    free(image);
    *found = *what != '\0';
    if (*found)
        snprintf(text, TEXT, "row %u of the raw data, counted from 0 (of '%s'): %s", d->rows[sample], d->source, what);
    return FCL_OK;
}

/* The first sample of the batch that has such a value. */
static fcl_status find_in_batch(int *found, char text[TEXT], const fcl_guarded *g, double limit) {
    fcl_status status = FCL_OK;
    *found = 0;
    for (size_t i = 0; i < g->n && !*found; i++) FCL_TRY(find_in_sample(found, text, g->dataset, g->samples[i], limit));
done:
    return status;
}

static fcl_status fail_data(const fcl_guarded *g, const char *text) {
    return fcl_fail(FCL_E_INPUT,
                    "training stopped at %s: the data are at fault, %s. Correct that row and prepare the data again",
                    g->when, text);
}

static fcl_status fail_device(const fcl_guarded *g, const fcl_finding *found) {
    char other[160] = "";
    if (found->other_solver[0]) snprintf(other, sizeof other, ", begin anew with --solver %s", found->other_solver);
    return fcl_fail(
        FCL_E_WRONG_RESULT,
        "training stopped at %s: %s. The device or its driver is at fault, neither data nor learning rate: check "
        "it with `fiducl selftest`%s, or go on on another device with --resume RUN --device NAME",
        g->when, found->text, other);
}

static fcl_status fail_overflow(const fcl_guarded *g, const char *what) {
    return fcl_fail(
        FCL_E_NOT_FINITE,
        "training stopped at %s: %s. Numbers became too large, on any device: try a lower learning rate than "
        "%.3g",
        g->when, what, g->learning_rate);
}

fcl_status fcl_guard_explain(const fcl_guarded *g, const fcl_finding *found) {
    static const fcl_finding unrepeated = {
        .cause = FCL_CAUSE_DEVICE,
        .text = "all is finite and right when the batch is computed again: the device does not repeat its results, or "
                "its check of them (kernel finite_check) is wrong"};
    fcl_status status;
    char text[TEXT];
    int is_data;
    FCL_TRY(find_in_batch(&is_data, text, g, (double)FLT_MAX));
    if (is_data) return fail_data(g, text);
    if (found->cause == FCL_CAUSE_NONE) return fail_device(g, &unrepeated);
    if (found->cause == FCL_CAUSE_DEVICE) return fail_device(g, found);
    FCL_TRY(find_in_batch(&is_data, text, g, absurd));
    return is_data ? fail_data(g, text) : fail_overflow(g, found->text);
done:
    return status;
}

fcl_status fcl_guard_recheck(const fcl_guarded *g, const fcl_finding *found) {
    /* What is too large is found by the step itself, should it come to that. */
    return found->cause == FCL_CAUSE_DEVICE ? fail_device(g, found) : FCL_OK;
}

fcl_status fcl_guard_share(fcl_finding *found) {
    fcl_status status;
    fcl_finding *all = NULL;
    const unsigned n = fcl_ranks_count();
    FCL_TRY(FCL_NEW(&all, n, "findings"));
    FCL_TRY(fcl_ranks_gather(all, found, sizeof *found));
    for (unsigned i = n; i-- > 0;)
        if (all[i].cause != FCL_CAUSE_NONE) *found = all[i];
done:
    free(all);
    return status;
}
