/* Augmentation of one training sample. */
#ifndef FCL_DATASET_AUGMENT_H
#define FCL_DATASET_AUGMENT_H

#include "dataset/batches.h"

/* What happens to one sample. */
typedef struct fcl_change {
    int mirrored;      /* first of all */
    double shift[2];   /* pixels, to the right and down */
    double rotation;   /* radians, from the x axis towards the y axis, about the frame's center (47.5, 47.5) */
    double scale;      /* factor about the center */
    double brightness; /* added, in units of the whole range of gray */
    double contrast;   /* factor about the image's mean */
} fcl_change;

/* Drawn from (seed, FCL_RANDOM_AUGMENT, epoch, sample) alone. All numbers are drawn whatever is enabled, so that one
 * option does not change what another does. */
fcl_change fcl_change_draw(const fcl_augmentation *augmentation, uint64_t seed, uint32_t epoch, uint32_t sample);

/* Changes a sample in place: image (96, 96) in 0..1, keypoints (30) in pixels, mask (30). Pixels from outside the frame
 * repeat its border; a keypoint that leaves the frame stays a target, so that as many are labelled after as before. `scratch`
 * has room for FCL_AUGMENT_SCRATCH_VALUES. */
enum { FCL_AUGMENT_SCRATCH_VALUES = (FCL_IMAGE_SIDE + 1) * (FCL_IMAGE_SIDE + 1) };
void fcl_augment(float *image, float *keypoints, uint8_t *mask, float *scratch, const fcl_change *change);

#endif
