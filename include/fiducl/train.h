/* Training: recipes, the loop, resuming. */
#ifndef FIDUCL_TRAIN_H
#define FIDUCL_TRAIN_H

#include "fiducl/dataset.h"
#include "fiducl/device.h"
#include "fiducl/model.h"

typedef enum fcl_schedule { FCL_CONSTANT, FCL_COSINE } fcl_schedule;

/* "constant", "cosine" */
FCL_API const char *fcl_schedule_name(fcl_schedule schedule);
FCL_API fcl_status fcl_schedule_parse(fcl_schedule *out, const char *name);

/* All that decides what training computes. Read from data/recipes/NAME.cfg and overridden by arguments. */
typedef struct fcl_recipe {
    char name[64];
    unsigned epochs;
    unsigned batch;
    double learning_rate;
    fcl_schedule schedule; /* cosine: falls from learning_rate to 0 over all epochs' steps */
    unsigned warmup_steps; /* linear from 0; at most a tenth of all steps */
    double beta1, beta2, epsilon;
    unsigned patience; /* epochs without a better validation loss before the end; 0 never */
    double min_delta;  /* how much lower counts as better */
    uint64_t seed;
    fcl_fill fill;
    int shuffle, dropout;
    int augment;
    double flip, max_shift, max_rotation, max_scale, max_brightness, max_contrast;
} fcl_recipe;

/* A name that ships ("standard", "original") or a file. `model_name` selects the recipe's section for that model, if
 * it has one. Errors name file and line. */
FCL_API fcl_status fcl_recipe_load(fcl_recipe *out, const char *name_or_path, const char *model_name);
FCL_API const char *const *fcl_recipe_names(void);
/* FCL_E_USAGE names the first value that makes no sense. */
FCL_API fcl_status fcl_recipe_check(const fcl_recipe *recipe);

typedef struct fcl_train_options {
    const char *prepared; /* folder */
    const char *model;    /* name or file */
    const char *out;      /* run folder */
    fcl_recipe recipe;
    /* Selectors, with commas between several, which train together (device.h), or NULL; "auto" is not measured here: see
     * fcl_auto_choose() */
    const char *device;
    const char *const *solvers; /* "conv=conv_direct" ..., NULL-ended, or NULL */
    const char *init_weights;   /* safetensors, or NULL */
    const char *step_log;       /* CSV of step,loss, or NULL */
    unsigned long max_steps;    /* ends there; */
    int has_max_steps;          /* 0 steps write the initial weights */
    /* A step is held against the host reference before a checkpoint when the last time is this long ago, so that a device that
     * comes to compute wrongly is noticed; 0: never. */
    double recheck_seconds;
    uint64_t
        memory_limit; /* bytes on each device; 0: what it has. Where a batch does not fit it is computed in parts */
    const double
        *duties;       /* (n_duties): the share of the time that a device may work, up to 1: one for all, or one each */
    unsigned n_duties; /* 0: all of it */
    /* (n_shares): how the devices share a batch, in proportion, one each. None: by their measured speeds, adapted as it goes */
    const unsigned *shares;
    unsigned n_shares;
    int force;
} fcl_train_options;

typedef struct fcl_train_result {
    unsigned epochs; /* done in all */
    unsigned best_epoch;
    double best_val_loss, best_val_mae; /* loss in network units, mae in pixels */
    double seconds;
    int stopped_early;
} fcl_train_result;

/* FCL_E_INTERRUPTED after a signal, with a checkpoint written. Values that are not finite, or wrong, stop it with a message that
 * names step, layer, kernel, and the last good checkpoint, which is kept: FCL_E_INPUT when the data are at fault,
 * FCL_E_NOT_FINITE when numbers became too large, FCL_E_WRONG_RESULT when the device computes what the reference does not. */
FCL_API fcl_status fcl_train(fcl_train_result *out, const fcl_train_options *options);
/* Trains once more what `run` recorded, from the first step on, into the new folder `out`, with the same devices, drivers, solvers,
 * parts and shares, so that all bits are the same. FCL_E_INPUT where they are not, or where the run moved to other devices on its
 * way. */
FCL_API fcl_status fcl_train_replay(fcl_train_result *result, const char *run, const char *out, int force);
/* Fails where fcl_train would for what `options` alone say (model, recipe, solvers' names, inputs inside the output's
 * folder), without data, device or anything written; `prepared` may be NULL. */
FCL_API fcl_status fcl_train_check(const fcl_train_options *options);
/* What may change when a run is taken up; what is 0 or NULL stays as it was. */
typedef struct fcl_resume_options {
    unsigned epochs;
    const char *device;
    uint64_t memory_limit;
    const double *duties; /* (n_duties) */
    unsigned n_duties;
} fcl_resume_options;

/* Takes up a run where its checkpoint is; `options` may be NULL. A finished run is success at once. */
FCL_API fcl_status fcl_train_resume(fcl_train_result *out, const char *run, const fcl_resume_options *options);

#endif
