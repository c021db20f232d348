/* Arrays of images from .npz and .npy files. */
#ifndef FCL_DATASET_IMAGES_H
#define FCL_DATASET_IMAGES_H

#include "dataset/dataset.h"

#define FCL_IMAGES_KEY "face_images" /* in an .npz */

typedef struct fcl_images {
    size_t n;
    uint8_t *pixels; /* (n, 96, 96), or NULL when not all values are whole */
    float *pixels_f; /* (n, 96, 96), or NULL */
} fcl_images;

/* Reads (96, 96, n) = [y, x, row], (n, 96, 96), (n, 96, 96, 1) or (n, 9216) of any number type and array order; an array
 * (96, 96, 96) is [y, x, row]. The file is converted while it is read, so that memory stays near what is returned.
 * `labels` (may be NULL) names a file with `n_labels` rows: another number of images is an error before any memory is
 * taken. Both arrays are for free(). */
fcl_status fcl_images_load(fcl_images *out, const char *path, const char *labels, size_t n_labels);

#endif
