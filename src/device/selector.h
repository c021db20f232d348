/* What choosing a device by measuring needs to know about selectors and listed devices. */
#ifndef FCL_DEVICE_SELECTOR_H
#define FCL_DEVICE_SELECTOR_H

#include "base/error.h"
#include "fiducl/device.h"

/* N of "SELECTOR:Ncores"; 0 when all cores are meant. NULL is $FIDUCL_DEVICE. */
unsigned fcl_selector_cores(const char *selector);
/* fcl_device_selector() for so many cores; 0: for all. For free(), NULL when memory is out. */
char *fcl_device_selector_of(const fcl_device_info *info, unsigned cores);
/* fcl_device_identity() of a device that is not open; for free(), NULL when memory is out. */
char *fcl_device_identity_of(const fcl_device_info *info);

#endif
