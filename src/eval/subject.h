/* A run, the data it is applied to, and what it predicts for them. */
#ifndef FCL_EVAL_SUBJECT_H
#define FCL_EVAL_SUBJECT_H

#include "base/json.h"
#include "fiducl/eval.h"

typedef struct fcl_subject {
    char *label;                /* of the model */
    const char *split;          /* "test", or "all" for raw data */
    const char *folder;         /* where files go; exists */
    const fcl_dataset *dataset; /* lent */
    float *predictions;         /* (n, 30), pixels */

    json_t *config; /* of the run */
    char *config_path;
    fcl_prepared *prepared; /* whose split the data are; NULL for raw data */
    fcl_dataset *raw;       /* NULL for prepared data */
} fcl_subject;

/* With `need_labels` it is an error when the data have none. */
fcl_status fcl_subject_create(fcl_subject *out, const fcl_eval_options *options, int need_labels);
void fcl_subject_dispose(fcl_subject *subject);
/* "FOLDER/NAME" for free(). */
fcl_status fcl_subject_path(char **out, const fcl_subject *subject, const char *name);

/* What predicting the mean of the run's training labels gives, (n, 30), for free(). NULL, with a warning,
 * when the data are not the run's own and its prepared folder is gone or has changed. */
fcl_status fcl_subject_mean_predictions(float **out, const fcl_subject *subject);

#endif
