/* checkpoint.safetensors: everything that resuming needs, at any step. */
#ifndef FCL_TRAIN_CHECKPOINT_H
#define FCL_TRAIN_CHECKPOINT_H

#include "fiducl/train.h"
#include "train/team.h"

typedef enum fcl_finish { FCL_UNFINISHED, FCL_FINISHED_EPOCHS, FCL_FINISHED_EARLY, FCL_FINISHED_STEPS } fcl_finish;

/* Where training stands. */
typedef struct fcl_position {
    uint64_t step;            /* steps done; Adam's t and dropout's counter of the next one is step + 1 */
    unsigned epoch;           /* epochs done */
    uint64_t batch;           /* batches done of the epoch under way */
    double loss_sum, mae_sum; /* of the epoch under way: step values times labelled coordinates (network units) */
    double labelled;          /* labelled coordinates so far */
    double images;            /* samples so far */
    double seconds;           /* training time so far in this epoch */
    double total_seconds;
    unsigned best_epoch; /* 0: none yet */
    double best_val_loss, best_val_mae;
    unsigned wait; /* epochs since the best */
    fcl_finish finish;
} fcl_position;

/* Weights and both moments are the team's; `best` has the weights of position->best_epoch, and is neither read nor
 * written while that is 0. */
fcl_status fcl_checkpoint_write(const char *path, fcl_team *team, fcl_tensors *best, const fcl_position *position);
fcl_status fcl_checkpoint_read(fcl_position *out, fcl_team *team, fcl_tensors *best, const char *path);
/* Only where it stands. */
fcl_status fcl_checkpoint_position(fcl_position *out, const char *path);

#endif
