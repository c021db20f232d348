/* Limits of device memory that divide batches. */
#ifndef FCL_TEST_TRAIN_LIMIT_H
#define FCL_TEST_TRAIN_LIMIT_H

#include "fiducl/train.h"

/* What training with these options and batches in this many parts needs, in bytes, on the device that tests use. */
uint64_t limit_for_parts(const fcl_train_options *options, unsigned n_parts);

#endif
