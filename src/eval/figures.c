#include "eval/figures.h"

#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "dataset/csv.h"
#include "metrics/metrics.h"
#include "plot/figure.h"

enum { IMAGE_PIXELS = FCL_IMAGE_SIDE * FCL_IMAGE_SIDE, N_SAMPLES = 12, SAMPLE_COLUMNS = 4 };
/* The axis of errors: up to the largest distance that is scored, in steps that no eye sees. */
enum { ERROR_AXIS_PX = 15, STEPS_A_PX = 10, N_ERROR_STEPS = ERROR_AXIS_PX * STEPS_A_PX + 1 };
/* So many epochs have a tick each: no half epochs on the axis. */
enum { MAX_EPOCH_TICKS = 10 };
static const uint64_t samples_seed = 0;

/* *out[i] = per cent of the errors <= i / STEPS_A_PX. */
static fcl_status cumulative(double out[N_ERROR_STEPS], const fcl_dataset *truth, const float *predictions) {
    float *errors;
    size_t n, below = 0;
    fcl_status status = fcl_keypoint_errors(&errors, &n, truth, predictions);
    if (status != FCL_OK) return status;
    for (size_t i = 0; i < N_ERROR_STEPS; i++) {
        while (below < n && (double)errors[below] <= (double)i / STEPS_A_PX) below++;
        out[i] = n ? 100.0 * (double)below / (double)n : NAN;
    }
    free(errors);
    return FCL_OK;
}

fcl_status fcl_figure_errors(const fcl_subject *subject, const float *mean_predictions) {
    fcl_status status;
    double x[N_ERROR_STEPS], model[N_ERROR_STEPS], mean[N_ERROR_STEPS];
    char *stem = NULL, *title = fcl_format("%s: keypoint errors, %s data", subject->label, subject->split);
    if (!title) return FCL_E_MEMORY;
    for (size_t i = 0; i < N_ERROR_STEPS; i++) x[i] = (double)i / STEPS_A_PX;
    FCL_TRY(cumulative(model, subject->dataset, subject->predictions));
    if (mean_predictions) FCL_TRY(cumulative(mean, subject->dataset, mean_predictions));
    const fcl_series series[] = {
        {.name = subject->label, .x = x, .y = model, .n = N_ERROR_STEPS},
        {.name = "mean of the training labels", .x = x, .y = mean, .n = N_ERROR_STEPS, .dashed = 1}};
    const fcl_axes axes = {.title = title,
                           .x_label = "distance from the label (px)",
                           .legend_below = 1,
                           .y_label = "keypoints within it (%)",
                           .x_max = ERROR_AXIS_PX,
                           .y_max = 100.0};
    FCL_TRY(fcl_subject_path(&stem, subject, "errors"));
    FCL_TRY(fcl_figure_lines(stem, &axes, series, mean_predictions ? 2 : 1));
done:
    free(stem);
    free(title);
    return status;
}

/* What the loss figure draws of a history. */
typedef struct losses {
    double *epoch, *train, *validation;
    size_t n;
} losses;

static void dispose_losses(losses *l) {
    free(l->epoch);
    free(l->train);
    free(l->validation);
}

static fcl_status read_losses(losses *out, const char *path) {
    fcl_status status;
    fcl_csv *csv = NULL;
    losses l = {0};
    static const char *const names[] = {"epoch", "train_loss", "val_loss"};
    double **const columns[] = {&l.epoch, &l.train, &l.validation};
    enum { N_COLUMNS = sizeof names / sizeof *names };
    size_t where[N_COLUMNS], capacity[N_COLUMNS] = {0};
    FCL_TRY(fcl_csv_open(&csv, path));
    for (unsigned c = 0; c < N_COLUMNS; c++) FCL_TRY(fcl_csv_require(&where[c], csv, names[c]));
    for (;;) {
        int more;
        FCL_TRY(fcl_csv_next(&more, csv));
        if (!more) break;
        for (unsigned c = 0; c < N_COLUMNS; c++) {
            void *grown = *columns[c];
            FCL_TRY(fcl_grow(&grown, &capacity[c], l.n + 1, sizeof(double), "the history"));
            *columns[c] = grown;
            FCL_TRY(fcl_csv_number(&(*columns[c])[l.n], csv, where[c]));
        }
        l.n++;
    }
    *out = l;
    l = (losses){0};
done:
    fcl_csv_close(csv);
    dispose_losses(&l);
    return status;
}

fcl_status fcl_figure_loss(const fcl_subject *subject, const char *run) {
    fcl_status status;
    losses l = {0};
    char *stem = NULL, *title = NULL, *history = fcl_path_join(run, "history.csv");
    if (!history) return FCL_E_MEMORY;
    FCL_TRY(read_losses(&l, history));
    if (l.n == 0) {
        fcl_log(FCL_LOG_WARNING, "%s has no complete epoch: no loss figure", history);
        goto done;
    }
    if (!(title = fcl_format("%s: loss", subject->label))) {
        status = FCL_E_MEMORY;
        goto done;
    }
    const fcl_series series[] = {{.name = "training", .x = l.epoch, .y = l.train, .n = l.n},
                                 {.name = "validation", .x = l.epoch, .y = l.validation, .n = l.n, .dashed = 1}};
    const fcl_axes axes = {.title = title,
                           .x_label = "epoch",
                           .y_label = "masked mean squared error",
                           .x_step = l.n <= MAX_EPOCH_TICKS ? 1.0 : 0.0,
                           .log_y = 1};
    FCL_TRY(fcl_subject_path(&stem, subject, "loss"));
    FCL_TRY(fcl_figure_lines(stem, &axes, series, sizeof series / sizeof *series));
done:
    dispose_losses(&l);
    free(stem);
    free(title);
    free(history);
    return status;
}

/* One face: the mask says for each keypoint whether both of its coordinates are labelled. */
typedef struct sample {
    float image[IMAGE_PIXELS];
    uint8_t mask[FCL_N_KEYPOINTS];
    fcl_point_set sets[2];
    char *caption;
} sample;

static fcl_status fill_sample(sample *out, fcl_panel *panel, const fcl_subject *subject, size_t i) {
    const fcl_dataset *d = subject->dataset;
    const size_t row = i * FCL_N_COORDINATES;
    fcl_dataset_image(out->image, d, i);
    for (size_t k = 0; k < FCL_N_KEYPOINTS; k++) out->mask[k] = d->mask[row + 2 * k] && d->mask[row + 2 * k + 1];
    if (!(out->caption = fcl_format("row %lu", (unsigned long)d->rows[i]))) return FCL_E_MEMORY;
    const fcl_point_set predicted = {
        .name = "predicted", .xy = subject->predictions + row, .n = FCL_N_KEYPOINTS, .style = 1};
    unsigned n = 0;
    if (d->has_keypoints)
        out->sets[n++] = (fcl_point_set){
            .name = "labelled", .xy = d->keypoints + row, .mask = out->mask, .n = FCL_N_KEYPOINTS, .style = 0};
    out->sets[n++] = predicted;
    *panel = (fcl_panel){.image = out->image, .caption = out->caption, .sets = out->sets, .n_sets = n};
    return FCL_OK;
}

fcl_status fcl_figure_samples(const fcl_subject *subject) {
    fcl_status status;
    const size_t total = subject->dataset->n, n = total < N_SAMPLES ? total : N_SAMPLES;
    sample *samples = NULL;
    uint32_t *order = NULL;
    fcl_panel panels[N_SAMPLES];
    char *stem = NULL, *title = fcl_format("%s: %s data", subject->label, subject->split);
    if (!title) return FCL_E_MEMORY;
    FCL_TRY(FCL_NEW(&samples, n, "sample faces"));
    FCL_TRY(FCL_NEW(&order, total, "sample faces"));
    fcl_random_permutation(order, total, samples_seed, FCL_RANDOM_SAMPLES, 0);
    for (size_t i = 0; i < n; i++) FCL_TRY(fill_sample(&samples[i], &panels[i], subject, order[i]));
    FCL_TRY(fcl_subject_path(&stem, subject, "samples"));
    FCL_TRY(fcl_figure_panels(stem, title, panels, n, SAMPLE_COLUMNS, FCL_IMAGE_SIDE, FCL_IMAGE_SIDE));
done:
    for (size_t i = 0; samples && i < n; i++) free(samples[i].caption);
    free(samples);
    free(order);
    free(stem);
    free(title);
    return status;
}
