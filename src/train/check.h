/* Mistakes in the arguments of a training, found before they cost anything. fcl_train_check() is public. */
#ifndef FCL_TRAIN_CHECK_H
#define FCL_TRAIN_CHECK_H

#include "fiducl/train.h"

/* FCL_E_USAGE names the first duty that is no share of the time. */
fcl_status fcl_train_check_duties(const double *duties, unsigned n);
/* fcl_train() with options that fcl_train_check() has found right. */
fcl_status fcl_train_checked(fcl_train_result *out, const fcl_train_options *options);

#endif
