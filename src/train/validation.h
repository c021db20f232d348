#ifndef FCL_TRAIN_VALIDATION_H
#define FCL_TRAIN_VALIDATION_H

#include "fiducl/dataset.h"
#include "train/team.h"

/* Masked MSE (network units) and MAE (pixels) of the team's weights without dropout over a data set's measured labels, summed in
 * double on the host, sample by sample, so that it does not matter which device computed which. FCL_E_INPUT when there is no label
 * at all; for outputs that are not finite what fcl_guard_explain() makes of them, with `learning_rate` for its message. Ctrl-Z
 * stops it between batches. */
fcl_status fcl_validate(double *loss, double *mae, fcl_team *team, const fcl_dataset *dataset, double learning_rate);

#endif
