/*
 * A replica: one device's network, with which it computes its share of each batch. All replicas of a training have the same weights
 * and moments, since each applies the same update (team.h).
 */
#ifndef FCL_TRAIN_REPLICA_H
#define FCL_TRAIN_REPLICA_H

#include "dataset/batches.h"
#include "net/network.h"
#include "net/share.h"
#include "train/pace.h"

struct fcl_fence;

/* Steps that may be enqueued and not done: enough to keep the device busy while the host prepares the next
 * one, few enough that a display driver's watchdog sees short work. */
enum { FCL_STEPS_IN_FLIGHT = 2 };

typedef struct fcl_replica {
    fcl_device *device;                             /* lent */
    fcl_network *network;                           /* lent */
    fcl_pace pace;                                  /* of rests between steps */
    struct fcl_fence *flights[FCL_STEPS_IN_FLIGHT]; /* by step; NULL: done */
} fcl_replica;

/* What a replica is to do of a batch. */
typedef struct fcl_task {
    const fcl_batch *batch; /* without images, targets and mask where the network has them already (stage.h) */
    fcl_share share;        /* may be empty */
    uint64_t step;          /* from 1 */
    int dropout;
} fcl_task;

/* `duty`: the share of the time that the device may work, up to 1. */
void fcl_replica_init(fcl_replica *replica, fcl_device *device, fcl_network *network, double duty);
/* Parts into which a share is divided: as few as the network has room for. */
size_t fcl_replica_n_parts(const fcl_replica *replica, fcl_share share);
/* Enqueues upload, forward, loss and backward of the share, part by part where the network has no room for all of it. The loss
 * and MAE are the share's part of the batch's. `sink` as for fcl_network_backward(); for an empty share all is complete at once. */
fcl_status fcl_replica_gradients(fcl_replica *replica, const fcl_task *task, const fcl_gradient_sink *sink);
/* Enqueues finite check and Adam with the gradients that are there, and ends the step. */
fcl_status fcl_replica_update(fcl_replica *replica, const fcl_task *task, const fcl_adam *adam);
/* Waits until the step is done that `step` takes the place of, FCL_STEPS_IN_FLIGHT before it; until all are done. */
fcl_status fcl_replica_land(fcl_replica *replica, uint64_t step);
fcl_status fcl_replica_land_all(fcl_replica *replica);
/* Rests as long as its duty asks for, once all is done. */
fcl_status fcl_replica_rest(fcl_replica *replica);
/* Computes the task again, part by part until something is found; `adam`, unless NULL, with the last part (network.h). */
fcl_status fcl_replica_inspect(fcl_finding *out, fcl_replica *replica, const fcl_task *task, const fcl_adam *adam);

#endif
