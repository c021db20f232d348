#ifndef FCL_TRAIN_VALIDATION_H
#define FCL_TRAIN_VALIDATION_H

#include "fiducl/dataset.h"
#include "net/network.h"

/* Masked MSE (network units) and MAE (pixels) of the network without dropout over a data set's measured
 * labels, summed in double on the host. Waits for the device. FCL_E_INPUT when there is no label at all. */
fcl_status fcl_validate(double *loss, double *mae, fcl_network *network, const fcl_dataset *dataset);

#endif
