/* Which rows belong together (a person, a film): a CSV with a column of names and perhaps a column `row`. */
#ifndef FCL_DATASET_GROUPS_H
#define FCL_DATASET_GROUPS_H

#include "dataset/dataset.h"

/* group[i], for each sample of the data set: the number of its group, counted from 0 in the order of the names. The file
 * has a line a sample: with a column `row` each of the data set's rows once, in any order, else in their order. `group`
 * is for free(). */
fcl_status fcl_groups_read(uint32_t **group, size_t *n_groups, const fcl_dataset *dataset, const char *path,
                           const char *column);

#endif
