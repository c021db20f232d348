/* A recipe inside a run's config.json, and what it says about batches. */
#ifndef FCL_TRAIN_RECIPE_H
#define FCL_TRAIN_RECIPE_H

#include "base/json.h"
#include "dataset/batches.h"
#include "fiducl/train.h"

/* A new object; NULL when memory is out. */
json_t *fcl_recipe_to_json(const fcl_recipe *recipe);
/* `path` is named in errors. */
fcl_status fcl_recipe_from_json(fcl_recipe *out, const json_t *object, const char *path);

/* How batches for training are made. */
fcl_batch_options fcl_recipe_batches(const fcl_recipe *recipe);

#endif
