/* Errors and accuracy in pixels of the 96x96 frame, over labelled coordinates only; each with its count. */
#ifndef FCL_METRICS_METRICS_H
#define FCL_METRICS_METRICS_H

#include "fiducl/dataset.h"

enum { FCL_N_THRESHOLDS = 3 };
extern const double fcl_accuracy_thresholds[FCL_N_THRESHOLDS]; /* 5, 10, 15 px */

typedef struct fcl_scores {
    size_t n_rows;                     /* samples with any label */
    size_t n_coordinates;              /* labelled */
    size_t n_keypoints;                /* with x and y labelled */
    size_t n_nme;                      /* of those, with both eye centers labelled in the same sample and apart */
    double mae, rmse;                  /* px, over coordinates */
    double mean_error;                 /* px, over keypoints: Euclidean */
    double nme;                        /* per cent of the distance of the labelled eye centers */
    double accuracy[FCL_N_THRESHOLDS]; /* per cent of keypoints with error <= threshold */
} fcl_scores;                          /* figures over nothing are NaN */

/* `predictions` is (n, 30) in pixels. */
void fcl_scores_compute(fcl_scores *out, const fcl_dataset *truth, const float *predictions);
/* The same for each keypoint. */
void fcl_scores_by_keypoint(fcl_scores out[FCL_N_KEYPOINTS], const fcl_dataset *truth, const float *predictions);
/* Mean of the labelled values of each coordinate (30), the yardstick `mean`; a column without labels is 48. */
void fcl_mean_keypoints(float out[FCL_N_COORDINATES], const fcl_dataset *train);
/* Euclidean errors of all labelled keypoints, sorted ascending; for free(). */
fcl_status fcl_keypoint_errors(float **out, size_t *n, const fcl_dataset *truth, const float *predictions);

/* evaluation.csv (docs/formats.md): model, split, scores and their counts. Written whole or not at all; a figure over
 * nothing is an empty field. */
typedef struct fcl_evaluation_row {
    const char *model, *split;
    fcl_scores scores;
} fcl_evaluation_row;
fcl_status fcl_evaluation_write(const char *path, const fcl_evaluation_row *rows, size_t n);
/* *rows is for fcl_evaluation_free. */
fcl_status fcl_evaluation_read(fcl_evaluation_row **rows, size_t *n, const char *path);
void fcl_evaluation_free(fcl_evaluation_row *rows, size_t n);
/* The rows as a table for people; for free(). */
fcl_status fcl_evaluation_table(char **out, const fcl_evaluation_row *rows, size_t n);

/* keypoints.csv: the same for each keypoint of each row's model; `scores` is lent. */
typedef struct fcl_keypoint_rows {
    const char *model, *split;
    const fcl_scores *scores; /* (15) */
} fcl_keypoint_rows;
fcl_status fcl_keypoint_scores_write(const char *path, const fcl_keypoint_rows *rows, size_t n);
/* row, 30 columns in Kaggle's names and order. */
fcl_status fcl_predictions_write(const char *path, const fcl_dataset *dataset, const float *predictions);

#endif
