#ifndef FCL_DATASET_VALIDATE_H
#define FCL_DATASET_VALIDATE_H

#include "base/json.h"
#include "dataset/dataset.h"

/* What is noteworthy in the data: missing labels, points outside the frame, left and right exchanged,
 * constant and duplicate images. Nothing is changed. A new JSON object, NULL when memory is out. */
json_t *fcl_validate_dataset(const fcl_dataset *dataset);

#endif
