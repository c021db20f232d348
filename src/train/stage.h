/*
 * Batches that are prepared where the network reads them. On a device that works in the host's memory each slot of the batches has
 * buffers of the device that are mapped while the slot is filled; with a step they change places with the network's, so that
 * nothing is copied. All is enqueued in the order of the device's queue by the thread that enqueues the steps: a slot is mapped
 * again behind the last step that reads what it gets, and is released when the next step is done.
 */
#ifndef FCL_TRAIN_STAGE_H
#define FCL_TRAIN_STAGE_H

#include "train/team.h"

typedef struct fcl_stage fcl_stage;

/* *out is NULL where batches have to be copied: the device has memory of its own; they are computed in parts; several devices share
 * them; or, which the log says, there is too little memory for so many or the device cannot lend it. Ends an epoch that is under
 * way. `team` and `batches` must outlive it. */
fcl_status fcl_stage_create(fcl_stage **out, fcl_team *team, fcl_batches *batches);
/* Ends an epoch that is under way; the batches are made in memory of their own again. The device is idle. */
void fcl_stage_free(fcl_stage *stage);
/* The network takes over the images, targets and mask of a batch, which has none afterwards. Enqueues only. Its slot may be
 * released after fcl_fence_wait() of a later fence. */
fcl_status fcl_stage_enter(fcl_stage *stage, fcl_batch *batch);

#endif
