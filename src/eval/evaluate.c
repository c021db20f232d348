#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "eval/figures.h"
#include "eval/subject.h"
#include "metrics/metrics.h"
#include "plot/figure.h"

static const char mean_name[] = "mean";

static fcl_status write_predictions(const fcl_subject *subject) {
    char *path;
    fcl_status status = fcl_subject_path(&path, subject, "predictions.csv");
    if (status != FCL_OK) return status;
    status = fcl_predictions_write(path, subject->dataset, subject->predictions);
    free(path);
    return status;
}

fcl_status fcl_predict(const fcl_eval_options *options) {
    fcl_subject subject;
    fcl_status status = fcl_subject_create(&subject, options, 0);
    if (status != FCL_OK) return status;
    status = write_predictions(&subject);
    fcl_subject_dispose(&subject);
    return status;
}

/* evaluation.csv and keypoints.csv; *table as fcl_evaluation_table. */
static fcl_status write_scores(char **table, const fcl_subject *subject, const float *mean) {
    enum { MODEL, MEAN, N_ROWS };
    fcl_status status;
    char *evaluation = NULL, *keypoints = NULL;
    fcl_scores by_keypoint[N_ROWS][FCL_N_KEYPOINTS];
    fcl_evaluation_row rows[N_ROWS] = {{subject->label, subject->split, {0}}, {mean_name, subject->split, {0}}};
    const fcl_keypoint_rows keypoint_rows[N_ROWS] = {{subject->label, subject->split, by_keypoint[MODEL]},
                                                     {mean_name, subject->split, by_keypoint[MEAN]}};
    const size_t n = mean ? N_ROWS : 1;
    for (size_t i = 0; i < n; i++) {
        const float *predictions = i == MODEL ? subject->predictions : mean;
        fcl_scores_compute(&rows[i].scores, subject->dataset, predictions);
        fcl_scores_by_keypoint(by_keypoint[i], subject->dataset, predictions);
    }
    FCL_TRY(fcl_subject_path(&evaluation, subject, "evaluation.csv"));
    FCL_TRY(fcl_subject_path(&keypoints, subject, "keypoints.csv"));
    FCL_TRY(fcl_evaluation_write(evaluation, rows, n));
    FCL_TRY(fcl_keypoint_scores_write(keypoints, keypoint_rows, n));
    FCL_TRY(fcl_evaluation_table(table, rows, n));
done:
    free(evaluation);
    free(keypoints);
    return status;
}

fcl_status fcl_evaluate(char **table, const fcl_eval_options *options) {
    fcl_status status;
    fcl_subject subject = {0};
    float *mean = NULL;
    char *text = NULL;
    FCL_TRY(fcl_subject_create(&subject, options, 1));
    FCL_TRY(fcl_subject_mean_predictions(&mean, &subject));
    FCL_TRY(write_predictions(&subject));
    FCL_TRY(write_scores(&text, &subject, mean));
    status = fcl_figure_errors(&subject, mean);
    if (status == FCL_E_MISSING_PROGRAM) {
        fcl_log(FCL_LOG_WARNING, "%s; there is no error figure", fcl_error_message());
        status = FCL_OK;
    }
    if (status != FCL_OK) goto done;
    *table = text;
    text = NULL;
done:
    free(text);
    free(mean);
    fcl_subject_dispose(&subject);
    return status;
}

fcl_status fcl_plot_run(const fcl_eval_options *options) {
    fcl_status status;
    fcl_subject subject = {0};
    float *mean = NULL;
    FCL_TRY(fcl_plot_check());
    FCL_TRY(fcl_subject_create(&subject, options, 0));
    FCL_TRY(fcl_figure_loss(&subject, options->run));
    FCL_TRY(fcl_figure_samples(&subject));
    if (subject.dataset->has_keypoints) {
        FCL_TRY(fcl_subject_mean_predictions(&mean, &subject));
        FCL_TRY(fcl_figure_errors(&subject, mean));
    }
done:
    free(mean);
    fcl_subject_dispose(&subject);
    return status;
}
