#ifndef FCL_TRAIN_VALIDATION_H
#define FCL_TRAIN_VALIDATION_H

#include "fiducl/dataset.h"
#include "net/network.h"
#include "train/pace.h"

/* Masked MSE (network units) and MAE (pixels) of the network without dropout over a data set's measured
 * labels, summed in double on the host. Waits for the device. FCL_E_INPUT when there is no label at all; for outputs that are
 * not finite what fcl_guard_explain() makes of them, with `learning_rate` for its message. `pace`, of breaks
 * between batches, may be NULL. */
fcl_status fcl_validate(double *loss, double *mae, fcl_network *network, const fcl_dataset *dataset,
                        double learning_rate, fcl_pace *pace);

#endif
