/* Why a training has to stop: the row, the layer and kernel, or the learning rate that is at fault. */
#ifndef FCL_TRAIN_GUARD_H
#define FCL_TRAIN_GUARD_H

#include "fiducl/dataset.h"
#include "net/network.h"

/* Some samples that were computed. */
typedef struct fcl_guarded {
    const char *when; /* "step 13 (epoch 2)" */
    const fcl_dataset *dataset;
    const uint32_t *samples; /* (n): of the data set */
    size_t n;
    double learning_rate; /* the recipe's */
} fcl_guarded;

/* They were not finite, and `found` is what fcl_network_inspect() found when they were computed again. Never FCL_OK: FCL_E_INPUT
 * names the row of the data that is at fault; FCL_E_WRONG_RESULT the layer and kernel that the device computes wrongly;
 * FCL_E_NOT_FINITE where numbers became too large, as with a learning rate that is too high. */
fcl_status fcl_guard_explain(const fcl_guarded *guarded, const fcl_finding *found);
/* What the first rank found that found anything becomes what all did, so that all come to the same end. */
fcl_status fcl_guard_share(fcl_finding *found);
/* They were looked at to see whether the device still computes what the reference does: FCL_E_WRONG_RESULT names layer and
 * kernel. */
fcl_status fcl_guard_recheck(const fcl_guarded *guarded, const fcl_finding *found);

#endif
