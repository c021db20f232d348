/* What is done with a trained run: predictions, evaluation, figures. */
#ifndef FIDUCL_EVAL_H
#define FIDUCL_EVAL_H

#include "fiducl/dataset.h"
#include "fiducl/device.h"

typedef struct fcl_eval_options {
    const char *run;                /* folder */
    const char *data;               /* raw or prepared folder; NULL: the run's prepared folder */
    const char *images, *keypoints; /* raw files instead of `data` */
    fcl_split split;                /* of a prepared folder */
    const char *device;             /* selector; NULL: the run's */
    const char *out;                /* folder for the files; NULL: the run's */
} fcl_eval_options;

/* Writes predictions.csv; works without labels. */
FCL_API fcl_status fcl_predict(const fcl_eval_options *options);
/* Writes predictions.csv, evaluation.csv, keypoints.csv and the error figure; *table is for people, for free(). */
FCL_API fcl_status fcl_evaluate(char **table, const fcl_eval_options *options);
/* Writes the figures: loss, samples, errors. FCL_E_MISSING_PROGRAM without gnuplot. */
FCL_API fcl_status fcl_plot_run(const fcl_eval_options *options);
/* The evaluations of several runs in one: writes the CSV file `path` with the rows of each evaluation.csv, equal rows
 * `mean` once; *table is for people, for free(). */
FCL_API fcl_status fcl_compare(char **table, const char *const *runs, size_t n_runs, const char *path);

#endif
