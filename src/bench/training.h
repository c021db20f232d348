/* A training in memory: what `fiducl train` does from step to step, without files. */
#ifndef FCL_BENCH_TRAINING_H
#define FCL_BENCH_TRAINING_H

#include "bench/bench.h"
#include "dataset/batches.h"
#include "fiducl/train.h"
#include "net/network.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

/* Everything is lent, and all but the lists used as long as the training is there. */
typedef struct fcl_training_setup {
    fcl_device *const *devices; /* (n) */
    unsigned n;
    const double *duties;   /* (n), or NULL: all of the time */
    const unsigned *shares; /* (n), in which batches are divided; NULL: as measured */
    const fcl_model *model;
    const fcl_recipe *recipe;
    const fcl_choice *choice;
    const fcl_dataset *data;
    size_t n_images; /* the first of them are trained with */
} fcl_training_setup;

typedef struct fcl_training {
    fcl_device *device; /* the first; lent, with model and data */
    const fcl_model *model;
    fcl_recipe recipe;
    fcl_dataset data;       /* a part of the data set that was given; its arrays are lent */
    fcl_network *network;   /* that of the first device */
    fcl_network **networks; /* (n) */
    unsigned n;
    fcl_team *team; /* of these */
    fcl_batches *batches;
    fcl_trainer *trainer;
    fcl_position position;
    int has_lost; /* after its end, or a beginning that failed: a device does not answer (fcl_team_has_lost()) */
} fcl_training;

/* What a benchmark trains with: the recipe `standard` for the model, at this batch, with a constant learning rate and
 * without augmentation, so that the work is the one that other programs do. */
fcl_status fcl_training_recipe(fcl_recipe *out, const fcl_model *model, int batch);
/* Network, initial weights (the recipe's seed) and trainer, over the first n_images of `data`. */
fcl_status fcl_training_init(fcl_training *out, fcl_device *device, const fcl_model *model, const fcl_recipe *recipe,
                             const fcl_choice *choice, const fcl_dataset *data, size_t n_images);
/* The same on several devices. */
fcl_status fcl_training_init_several(fcl_training *out, const fcl_training_setup *setup);
/* A device that does not answer any more keeps what it has. */
void fcl_training_dispose(fcl_training *training);
/* Goes on with the first n_images of the data set. */
fcl_status fcl_training_use(fcl_training *training, size_t n_images);
/* One epoch. FCL_E_INTERRUPTED after a signal, FCL_E_NOT_FINITE as the trainer says. */
fcl_status fcl_training_epoch(fcl_training *training);
/* Loss and gradients (for fcl_tensors_dispose) of the first batch, with dropout; the weights stay as they are. */
fcl_status fcl_training_first_gradients(double *loss, fcl_tensors *gradients, fcl_training *training);
/* The same, as all devices together find it in a step; the weights are the initial ones afterwards. */
fcl_status fcl_training_shared_gradients(double *loss, fcl_tensors *gradients, fcl_training *training);

#endif
