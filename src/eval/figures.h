/* The figures of a run. Each fails with FCL_E_MISSING_PROGRAM without gnuplot. */
#ifndef FCL_EVAL_FIGURES_H
#define FCL_EVAL_FIGURES_H

#include "eval/subject.h"

/* The share of labelled keypoints within a distance, for the model and, unless NULL, for the mean's
 * predictions. */
fcl_status fcl_figure_errors(const fcl_subject *subject, const float *mean_predictions);
/* Training and validation loss from `run`'s history.csv; nothing when no epoch is complete. */
fcl_status fcl_figure_loss(const fcl_subject *subject, const char *run);
/* Labels and predictions over some images. */
fcl_status fcl_figure_samples(const fcl_subject *subject);

#endif
