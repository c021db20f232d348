#include "eval/subject.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "eval/label.h"
#include "metrics/metrics.h"

enum { IMAGE_PIXELS = FCL_IMAGE_SIDE * FCL_IMAGE_SIDE, IMAGES_A_CALL = 128 };

static fcl_status open_run(fcl_subject *s, const char *run) {
    fcl_status status;
    const char *model;
    if (!(s->config_path = fcl_path_join(run, "config.json"))) return FCL_E_MEMORY;
    if (!fcl_path_exists(s->config_path))
        return fcl_fail(FCL_E_INPUT, "'%s' is not the folder of a run: it has no config.json", run);
    FCL_TRY(fcl_json_read(&s->config, s->config_path));
    FCL_TRY(fcl_json_string(&model, s->config, "model", s->config_path));
    FCL_TRY(fcl_model_label(&s->label, model));
done:
    return status;
}

/* The prepared folder that the run was trained on, as it was then. */
static fcl_status open_run_data(fcl_prepared **out, const fcl_subject *s) {
    fcl_status status;
    fcl_prepared *prepared = NULL;
    const char *path, *hash;
    FCL_TRY(fcl_json_string(&path, s->config, "prepared", s->config_path));
    FCL_TRY(fcl_json_string(&hash, s->config, "prepared_hash", s->config_path));
    if (!fcl_path_exists(path)) {
        status = fcl_fail(FCL_E_INPUT, "the prepared folder '%s' that %s names is gone; name other data with --data",
                          path, s->config_path);
        goto done;
    }
    FCL_TRY(fcl_prepared_open(&prepared, path));
    if (strcmp(hash, fcl_prepared_hash(prepared)) != 0) {
        status =
            fcl_fail(FCL_E_INPUT,
                     "the prepared data in '%s' are not those that the run was trained on (manifest hash %s, was %s); "
                     "name other data with --data",
                     path, fcl_prepared_hash(prepared), hash);
        goto done;
    }
    *out = prepared;
    prepared = NULL;
done:
    fcl_prepared_free(prepared);
    return status;
}

static fcl_status load_data(fcl_subject *s, const fcl_eval_options *options, int need_labels) {
    fcl_status status = FCL_OK;
    if (!options->data && !options->images && !options->keypoints)
        FCL_TRY(open_run_data(&s->prepared, s));
    else if (options->data && fcl_path_is_prepared(options->data))
        FCL_TRY(fcl_prepared_open(&s->prepared, options->data));
    if (s->prepared) {
        FCL_TRY(fcl_prepared_split(&s->dataset, s->prepared, options->split));
        s->split = fcl_split_name(options->split);
    } else {
        const fcl_data_paths paths = {.folder = options->data,
                                      .images = options->images,
                                      .keypoints = options->keypoints,
                                      .labels_optional = !need_labels};
        FCL_TRY(fcl_dataset_load(&s->raw, &paths));
        s->dataset = s->raw;
        s->split = "all";
    }
    const char *source = s->dataset->source ? s->dataset->source : "the data";
    if (s->dataset->n == 0)
        status = fcl_fail(FCL_E_INPUT, "%s: the split '%s' has no images", source, s->split);
    else if (need_labels && !s->dataset->has_keypoints)
        status = fcl_fail(FCL_E_INPUT,
                          "%s: there are no labels to hold predictions against; `fiducl predict` needs none", source);
done:
    return status;
}

/* The first of a list: predicting takes one. */
static fcl_status open_first(fcl_device **out, const char *selectors) {
    fcl_status status;
    fcl_device_list *list = NULL;
    char **names = NULL;
    unsigned n = 0;
    FCL_TRY(fcl_device_list_create(&list));
    FCL_TRY(fcl_device_select_several(&names, &n, list, selectors));
    FCL_TRY(fcl_device_open(out, names[0], 0));
done:
    fcl_device_selectors_free(names, n);
    fcl_device_list_free(list);
    return status;
}

/* The device asked for, else the run's. Prediction does not depend on the device, so a run that came from
 * elsewhere works on what there is. */
static fcl_status open_device(fcl_device **out, const fcl_subject *s, const char *asked) {
    const char *recorded = json_string_value(json_object_get(s->config, "device"));
    if (asked || !recorded) return open_first(out, asked);
    fcl_status status = open_first(out, recorded);
    if (status != FCL_E_NO_DEVICE) return status;
    status = fcl_device_open(out, NULL, 0);
    if (status == FCL_OK)
        fcl_log(FCL_LOG_INFO, "the run's device (%s) is not here: predicting on %s", recorded,
                fcl_device_facts(*out)->name);
    return status;
}

static fcl_status predict(fcl_subject *s, const fcl_eval_options *options) {
    fcl_status status;
    fcl_device *device = NULL;
    fcl_predictor *predictor = NULL;
    float *images = NULL;
    const size_t n = s->dataset->n;
    FCL_TRY(FCL_NEW(&s->predictions, n * FCL_N_COORDINATES, "predictions"));
    FCL_TRY(FCL_NEW(&images, (size_t)(IMAGES_A_CALL + 1) * IMAGE_PIXELS, "images"));
    FCL_TRY(open_device(&device, s, options->device));
    FCL_TRY(fcl_predictor_load(&predictor, device, options->run));
    for (size_t first = 0, count; first < n; first += count) {
        /* A single image that is left over is not worth kernels of its own. */
        count = n - first <= IMAGES_A_CALL + 1 ? n - first : IMAGES_A_CALL;
        if (fcl_interrupt_requested()) {
            status = fcl_fail(FCL_E_INTERRUPTED, "interrupted while predicting; nothing was written");
            goto done;
        }
        for (size_t i = 0; i < count; i++) fcl_dataset_image(images + i * IMAGE_PIXELS, s->dataset, first + i);
        FCL_TRY(fcl_predictor_run(predictor, s->predictions + first * FCL_N_COORDINATES, images, count));
        fcl_progress_report(&(fcl_progress){
            .task = "predict", .done = first + count, .total = n, .unit = "images", .detail = s->label});
    }
done:
    free(images);
    fcl_predictor_free(predictor);
    fcl_device_free(device);
    return status;
}

fcl_status fcl_subject_create(fcl_subject *out, const fcl_eval_options *options, int need_labels) {
    fcl_status status;
    fcl_subject s = {.folder = options->out ? options->out : options->run};
    FCL_TRY(open_run(&s, options->run));
    FCL_TRY(load_data(&s, options, need_labels));
    FCL_TRY(predict(&s, options));
    FCL_TRY(fcl_folder_create(s.folder));
    *out = s;
    s = (fcl_subject){0};
done:
    fcl_subject_dispose(&s);
    return status;
}

void fcl_subject_dispose(fcl_subject *subject) {
    free(subject->label);
    free(subject->predictions);
    json_decref(subject->config);
    free(subject->config_path);
    fcl_prepared_free(subject->prepared);
    fcl_dataset_free(subject->raw);
    *subject = (fcl_subject){0};
}

fcl_status fcl_subject_path(char **out, const fcl_subject *subject, const char *name) {
    char *path = fcl_path_join(subject->folder, name);
    if (!path) return FCL_E_MEMORY;
    *out = path;
    return FCL_OK;
}

fcl_status fcl_subject_mean_predictions(float **out, const fcl_subject *subject) {
    fcl_status status;
    fcl_prepared *prepared = NULL;
    const fcl_dataset *train;
    float mean[FCL_N_COORDINATES], *predictions = NULL;
    status = open_run_data(&prepared, subject);
    if (status == FCL_E_INPUT) {
        fcl_log(FCL_LOG_WARNING, "no row `mean` to compare with: %s", fcl_error_message());
        *out = NULL;
        return FCL_OK;
    }
    if (status != FCL_OK) return status;
    FCL_TRY(fcl_prepared_split(&train, prepared, FCL_TRAIN));
    fcl_mean_keypoints(mean, train);
    FCL_TRY(FCL_NEW(&predictions, subject->dataset->n * FCL_N_COORDINATES, "predictions of the mean"));
    for (size_t i = 0; i < subject->dataset->n; i++) memcpy(predictions + i * FCL_N_COORDINATES, mean, sizeof mean);
    *out = predictions;
done:
    fcl_prepared_free(prepared);
    return status;
}
