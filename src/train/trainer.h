/*
 * The steps of training: batches to the device, passes of the network, and the loss back, without waiting for
 * the device but every FCL_STATS_SLOTS steps and at an epoch's end.
 */
#ifndef FCL_TRAIN_TRAINER_H
#define FCL_TRAIN_TRAINER_H

#include <stdio.h>

#include "dataset/batches.h"
#include "train/checkpoint.h"
#include "train/team.h"

typedef struct fcl_trainer fcl_trainer;

typedef struct fcl_trainer_setup {
    fcl_team *team; /* all lent */
    fcl_batches *batches;
    const fcl_recipe *recipe;
    uint64_t max_steps; /* UINT64_MAX: no bound */
} fcl_trainer_setup;

typedef enum fcl_epoch_end { FCL_EPOCH_DONE, FCL_EPOCH_MAX_STEPS, FCL_EPOCH_INTERRUPTED } fcl_epoch_end;

/* What training begins with: the weights of a file, or without one the initial ones of this seed, and moments of zero. */
fcl_status fcl_trainer_begin(fcl_team *team, uint64_t seed, const char *weights_file);
/* Batches have all the memory that they need afterwards. */
fcl_status fcl_trainer_create(fcl_trainer **out, const fcl_trainer_setup *setup);
void fcl_trainer_free(fcl_trainer *trainer);
/* From now on `log`, which is lent, gets a row "step,loss" for each step. */
void fcl_trainer_log_steps(fcl_trainer *trainer, FILE *log);
/* Trains from `position` to the epoch's end, to max_steps or to an interrupt, and leaves the position there
 * with all losses counted; the device is idle then. position->epoch is not advanced. A loss or gradient that is
 * not finite is what fcl_guard_explain() (guard.h) makes of it: weights and position are those before the step that the
 * message names. When no device is left to go on with, the position is that after the last step that was done, if any of them still
 * tells. */
fcl_status fcl_trainer_epoch(fcl_epoch_end *out, fcl_trainer *trainer, fcl_position *position);
/* After a failure: whether the position is that of the weights, so that both may be kept. */
int fcl_trainer_is_current(const fcl_trainer *trainer);
/* Holds the step that would come next, which is run and taken back, against the host reference: FCL_E_WRONG_RESULT names layer
 * and kernel that the device computes wrongly. Training goes on as if it had not been called. */
fcl_status fcl_trainer_recheck(fcl_trainer *trainer, const fcl_position *position);

#endif
