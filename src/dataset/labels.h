/* Keypoints in CSV files: Kaggle's 30 columns in any order, and Kaggle's competition files, which have an image a row. */
#ifndef FCL_DATASET_LABELS_H
#define FCL_DATASET_LABELS_H

#include "dataset/dataset.h"

typedef struct fcl_labels {
    size_t n;
    float *keypoints; /* (n, 30), 0 where missing; NULL when the file has no column of a keypoint */
    uint8_t *mask;    /* (n, 30) or NULL */
    uint8_t *pixels;  /* (n, 96, 96), NULL without a column Image */
} fcl_labels;

void fcl_labels_dispose(fcl_labels *labels);
/* Errors name file:line:column. A file has all 30 columns, an Image column, or both. */
fcl_status fcl_labels_load(fcl_labels *out, const char *path);

#endif
