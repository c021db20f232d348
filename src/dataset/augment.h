#ifndef FCL_DATASET_AUGMENT_H
#define FCL_DATASET_AUGMENT_H

#include "dataset/batches.h"

/* Changes one sample in place as its random numbers say: image (96, 96) in 0..1, keypoints (30) in pixels,
 * mask (30). `scratch` has room for an image. */
void fcl_augment(float *image, float *keypoints, uint8_t *mask, float *scratch,
                 const fcl_augmentation *augmentation, uint64_t seed, uint32_t epoch, uint32_t sample);

#endif
