/* Names in a prepared folder. */
#ifndef FCL_DATASET_PREPARED_H
#define FCL_DATASET_PREPARED_H

#include "dataset/dataset.h"

#define FCL_PREPARED_KIND       "prepared"
#define FCL_PREPARED_FORMAT     "fiducl prepared 1"
#define FCL_PREPARED_MANIFEST   "manifest.json"
#define FCL_PREPARED_VALIDATION "validation.json"

typedef enum fcl_prepared_array {
    FCL_PREPARED_IMAGES,
    FCL_PREPARED_KEYPOINTS,
    FCL_PREPARED_MASK,
    FCL_PREPARED_ROWS,
    FCL_N_PREPARED_ARRAYS
} fcl_prepared_array;

/* "train_images.npy", for free(); NULL when memory is out. */
char *fcl_prepared_array_name(fcl_split split, fcl_prepared_array array);

#endif
