/*
 * Batches for training: prepared by a host thread, or several (fcl_threads), ahead of the device. What a batch holds depends
 * on the data, the options and (epoch, index) alone.
 */
#ifndef FCL_DATASET_BATCHES_H
#define FCL_DATASET_BATCHES_H

#include "fiducl/dataset.h"

typedef struct fcl_augmentation {
    int enabled;
    double flip;           /* probability of a mirror image (left and right keypoints change places) */
    double max_shift;      /* pixels */
    double max_rotation;   /* degrees */
    double max_scale;      /* 0.1: factor in [1/1.1, 1.1] */
    double max_brightness; /* gray levels added, of 255 */
    double max_contrast;   /* 0.2: factor around the image's mean in [1/1.2, 1.2] */
} fcl_augmentation;

typedef struct fcl_batch_options {
    size_t batch;
    int shuffle;
    uint64_t seed;
    fcl_fill fill;
    fcl_augmentation augmentation;
    int drop_unlabelled; /* 1: samples without any label are left out */
} fcl_batch_options;

/* One batch, ready for the device. Memory is lent until the slot is released. Images, targets and mask of samples outside the
 * window are not set; everything else is the whole batch's. */
typedef struct fcl_batch {
    size_t n;
    size_t index;            /* in the epoch */
    const float *images;     /* (n, 96, 96, 1), pixels / 255 */
    const float *targets;    /* (n, 30), (coordinate - 48) / 48; 0 where masked */
    const float *mask;       /* (n, 30), 1 or 0 */
    size_t n_labelled;       /* ones in the mask */
    const uint32_t *samples; /* (n): index of each in the data set */
    unsigned slot;
    size_t window_first, window_n; /* samples that are made: [window_first, window_first + window_n) */
} fcl_batch;

/* Where a batch is made: room for the largest one. */
typedef struct fcl_batch_memory {
    float *images, *targets, *mask; /* (n, 96, 96, 1), (n, 30), (n, 30) */
} fcl_batch_memory;

/* The part of each batch that is made, where others make the rest: the shares [first, first + n) of those that
 * fcl_share_by_weights (net/share.h) divides the batch into, one after the other. */
typedef struct fcl_batches_window {
    const unsigned *weights; /* (n_weights), with a sum of at least 1 */
    size_t n_weights;
    size_t first, n;
} fcl_batches_window;

typedef struct fcl_batches fcl_batches;

/* `dataset` must outlive it. */
fcl_status fcl_batches_create(fcl_batches **out, const fcl_dataset *dataset, const fcl_batch_options *options);
void fcl_batches_free(fcl_batches *batches);
size_t fcl_batches_n_samples(const fcl_batches *batches);           /* an epoch's, after dropping */
const fcl_dataset *fcl_batches_dataset(const fcl_batches *batches); /* lends */
size_t fcl_batches_per_epoch(const fcl_batches *batches);
size_t fcl_batches_largest(const fcl_batches *batches); /* samples of the largest one */
/* From the next start on only the window of each batch is made; NULL: all of it, as at first. Ends an epoch that was under way.
 * Weights are copied. */
fcl_status fcl_batches_set_window(fcl_batches *batches, const fcl_batches_window *window);
/* From now on the batches of a slot, which is the caller's, or any while no epoch is under way, are made in this memory, which is
 * lent. NULL, only while no epoch is under way: in memory of its own, as at first. */
void fcl_batches_set_memory(fcl_batches *batches, unsigned slot, const fcl_batch_memory *memory);
/* Gives slots that were given none memory of their own, as the next start does otherwise: so that it cannot fail for that. */
fcl_status fcl_batches_allocate(fcl_batches *batches);
/* Starts an epoch (from 0) at batch `first`; ends one that was under way. */
fcl_status fcl_batches_start(fcl_batches *batches, uint32_t epoch, size_t first);
/* Ends an epoch that is under way: nothing is made any more. */
void fcl_batches_stop(fcl_batches *batches);
/* The next batch; *more is 0 and out->n is 0 at the epoch's end. At most fcl_batches_n_slots() may be unreleased. */
fcl_status fcl_batches_next(fcl_batch *out, int *more, fcl_batches *batches);
void fcl_batches_release(fcl_batches *batches, unsigned slot);
unsigned fcl_batches_n_slots(void);
/* What batches of this size take of the host's memory, apart from the data set. */
size_t fcl_batches_bytes(size_t batch);

/* Fills missing labels of training targets: keypoints (n, 30) and the mask of targets to train on. Statistics are those
 * of `train` itself. FCL_FILL_FORWARD takes the last labelled value above in row order; rows above the first are filled
 * with the first labelled value below. A column without any label is an error. FCL_FILL_DROP sets the mask of
 * incomplete rows to 0. Both outputs are for free(). */
fcl_status fcl_fill_targets(float **keypoints, uint8_t **mask, const fcl_dataset *train, fcl_fill fill);

#endif
