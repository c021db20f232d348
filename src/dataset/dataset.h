/* What the files of this layer share about data sets. */
#ifndef FCL_DATASET_DATASET_H
#define FCL_DATASET_DATASET_H

#include "base/error.h"
#include "fiducl/dataset.h"

enum { FCL_IMAGE_PIXELS = FCL_IMAGE_SIDE * FCL_IMAGE_SIDE };

/* Pixel centers are at whole coordinates, so that the frame reaches from -0.5 to 95.5. */
#define FCL_FRAME_LOW  (-0.5)
#define FCL_FRAME_HIGH (FCL_IMAGE_SIDE - 0.5)

/* Rows 0..n-1 and the source's name; no pixels, keypoints or mask yet. */
fcl_status fcl_dataset_create(fcl_dataset **out, size_t n, const char *source);

#endif
