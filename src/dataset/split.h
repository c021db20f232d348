/* Which samples go to which split. */
#ifndef FCL_DATASET_SPLIT_H
#define FCL_DATASET_SPLIT_H

#include "dataset/dataset.h"

typedef struct fcl_row_split {
    uint32_t *samples[FCL_N_SPLITS]; /* ascending; owned */
    size_t n[FCL_N_SPLITS];
    size_t asked[FCL_N_SPLITS];
    size_t n_groups; /* 0: by rows */
    size_t left_out; /* samples in no split */
} fcl_row_split;

void fcl_row_split_dispose(fcl_row_split *split);
/* Rows, or whole groups, in the order of a permutation that the seed gives. Rows reach the counts asked for; groups come
 * as near as whole groups can: test and validation are filled first, and train takes the rest, unless the counts ask for
 * fewer rows than there are. */
fcl_status fcl_row_split_make(fcl_row_split *out, const fcl_dataset *dataset, const fcl_prepare_options *options);

#endif
