/*
 * What is right: every output element of every operation, computed on its own in double from float operands.
 * Slow and plain on purpose; an element costs only its own terms, so that big tensors are checked at sampled
 * elements.
 */
#ifndef FCL_OPS_REFERENCE_H
#define FCL_OPS_REFERENCE_H

#include "ops/op.h"

/* Host operands by role, as they were before the operation. */
typedef struct fcl_host_operands {
    const void *data[FCL_N_ROLES];
} fcl_host_operands;

/* Element `index` of output `role` for a run with n <= desc->batch samples. *magnitude is the sum of absolute
 * values of the terms (|a*b| summed), which the error bound is proportional to. FLAG is returned as a number,
 * and so is PLACE, whose elements are counted in bytes. */
double fcl_reference_element(double *magnitude, const fcl_op_desc *desc, const fcl_op_args *args, int n,
                             const fcl_host_operands *operands, fcl_role role, size_t index);

/* What a convolution computes at one of the four pixels (0..3) that its fused pooling makes element `index` of Y from. */
double fcl_reference_pixel(double *magnitude, const fcl_op_desc *desc, int n, const fcl_host_operands *operands,
                           size_t index, int pixel);

double fcl_activation_apply(fcl_activation activation, double z);
double fcl_activation_derivative(fcl_activation activation, double y);

#endif
