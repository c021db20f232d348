#ifndef FCL_TRAIN_SCHEDULE_H
#define FCL_TRAIN_SCHEDULE_H

#include "fiducl/train.h"

/* The learning rate of a step (from 1) of `total` steps: linear from 0 over the warm-up, which is at most a tenth of all steps,
 * times, for FCL_COSINE, a half cosine from 1 at step 1 to 0 after the last (Loshchilov and Hutter 2017, eq. 5, without
 * restarts). */
double fcl_learning_rate(const fcl_recipe *recipe, uint64_t step, uint64_t total);

#endif
