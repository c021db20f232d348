/* What a person should know about data before training on them. */
#ifndef FCL_DATASET_VALIDATE_H
#define FCL_DATASET_VALIDATE_H

#include "base/json.h"
#include "dataset/split.h"

/* Counts and ranges, points outside the frame, left and right exchanged, constant and duplicate images, each with its
 * rows and splits (docs/formats.md). Nothing is changed; what is noteworthy is logged too. json_decref() releases it. */
fcl_status fcl_validation_report(json_t **out, const fcl_dataset *dataset, const fcl_row_split *split);

#endif
