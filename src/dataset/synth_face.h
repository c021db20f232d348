#ifndef FCL_DATASET_SYNTH_FACE_H
#define FCL_DATASET_SYNTH_FACE_H

#include "dataset/dataset.h"

/* Draws face `index` of the made data set of this seed: pixels (96, 96) and all keypoints (30). Faces of one
 * identity share their build and tones; pose, light, background and noise are the face's own. */
void fcl_synth_face(uint8_t *pixels, float *keypoints, uint64_t seed, uint32_t identity, uint32_t index);

#endif
