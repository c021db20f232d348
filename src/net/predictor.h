/* Predictors of a chosen batch, without a run: for measuring. */
#ifndef FCL_NET_PREDICTOR_H
#define FCL_NET_PREDICTOR_H

#include "net/network.h"

/* `model` is lent; `choice` as for a network. Weights are undefined until they are written to its network. */
fcl_status fcl_predictor_create(fcl_predictor **out, fcl_device *device, const fcl_model *model, int batch,
                                const fcl_choice *choice);
fcl_network *fcl_predictor_network(fcl_predictor *predictor); /* lends */

#endif
