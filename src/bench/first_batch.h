/* Whether a training computes what it should: loss and gradients of its first batch against those found another way. */
#ifndef FCL_BENCH_FIRST_BATCH_H
#define FCL_BENCH_FIRST_BATCH_H

#include "bench/training.h"

typedef struct fcl_first_batch {
    double loss;
    fcl_tensors gradients;
} fcl_first_batch;
void fcl_first_batch_dispose(fcl_first_batch *batch);

/* Makes it the result's check, with the numbers in its details. `rounding` is the larger fcl_network_rounding() of the two, `what`
 * says what was compared. */
fcl_status fcl_first_batch_compare(fcl_result *result, const fcl_first_batch *own, const fcl_first_batch *other,
                                   double rounding, const char *what);
/* The same for a training on one device, against a network with other solvers on that device. */
fcl_status fcl_training_check(fcl_result *result, fcl_training *training);

#endif
