/* Names in a prepared folder. */
#ifndef FCL_DATASET_PREPARED_H
#define FCL_DATASET_PREPARED_H

#include "base/hash.h"
#include "base/json.h"
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

/* The member of the manifest that has the hash of all others, so that an edit shows. */
#define FCL_PREPARED_MANIFEST_HASH "manifest_hash"
fcl_status fcl_manifest_hash(char out[FCL_HASH_TEXT_BYTES], const json_t *manifest);

/* "train_images.npy", for free(); NULL when memory is out. */
char *fcl_prepared_array_name(fcl_split split, fcl_prepared_array array);

#endif
