/*
 * Faults put in on purpose, for tests of what a training does when a device fails: $FIDUCL_FAULT names them, "KIND:DEVICE@STEP"
 * with more after commas; devices count from 0 in the order in which they were given.
 *   fail         the device fails before it computes the step
 *   fail-update  it fails when gradients have been exchanged
 *   hang         it does not answer any more
 */
#ifndef FCL_TRAIN_FAULT_H
#define FCL_TRAIN_FAULT_H

#include "base/error.h"

#include <stdint.h>

fcl_status fcl_fault_before_step(unsigned device, uint64_t step);
fcl_status fcl_fault_before_update(unsigned device, uint64_t step);

#endif
