/* Predictors of a chosen batch, without a run: for measuring. */
#ifndef FCL_NET_PREDICTOR_H
#define FCL_NET_PREDICTOR_H

#include "net/network.h"

/* `model` is lent; `weights` are taken over, also on failure, and left empty. `batch`: the most images at a time. `choice` is
 * used as for a network, and until the predictor is freed. */
fcl_status fcl_predictor_create(fcl_predictor **out, fcl_device *device, const fcl_model *model, fcl_tensors *weights,
                                size_t batch, const fcl_choice *choice);
/* The network that computes `n` images, made if it was not needed yet; lends. */
fcl_status fcl_predictor_network(fcl_network **out, fcl_predictor *predictor, size_t n);

#endif
