#ifndef FCL_DATASET_SPLIT_H
#define FCL_DATASET_SPLIT_H

#include "dataset/dataset.h"

/* The rows of each split, ascending. */
typedef struct fcl_row_split {
    uint32_t *rows[FCL_N_SPLITS]; /* owned */
    size_t n[FCL_N_SPLITS];
    size_t asked[FCL_N_SPLITS];
    size_t n_groups; /* 0: by rows */
} fcl_row_split;

void fcl_row_split_dispose(fcl_row_split *split);
/* Rows, or whole groups, in the order of a random permutation: each goes to the split that lacks most of what
 * was asked for. Rows beyond the counts asked for are left out. */
fcl_status fcl_row_split_make(fcl_row_split *out, size_t n_rows, const fcl_prepare_options *options);

#endif
