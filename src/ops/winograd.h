/* What the solvers by Winograd's method share: F(4x4, 3x3) and, for the weights' gradient, F(3x3, 4x4), see cl/winograd.h. */
#ifndef FCL_OPS_WINOGRAD_H
#define FCL_OPS_WINOGRAD_H

#include "ops/solver.h"

enum {
    FCL_WINOGRAD_TILE = 4,           /* pixels of y in each direction */
    FCL_WINOGRAD_POINTS = 36,        /* of a transformed tile, 6x6 */
    FCL_WINOGRAD_LANES = 16,         /* channels at a time */
    FCL_WINOGRAD_BLOCK = 24,         /* tiles that are transformed at a time, at most: docs/kernels.md, Measured */
    FCL_WINOGRAD_ERROR_FACTOR = 256, /* docs/kernels.md */
};

/* Of one sample's y. */
size_t fcl_winograd_tiles(const fcl_conv_shape *conv);
/* Tiles, or input channels, whose products with fcl_register_vectors() vectors registers hold the sums of. */
int fcl_winograd_sums(const fcl_conv_shape *conv, const fcl_device *device);
/* Whether kernel, stride, channels and device are those that the method is made for; the workspace may still be too large. */
int fcl_winograd_fits(const fcl_op_desc *desc, const fcl_device *device);
/* In words (solver.h). */
#define FCL_WINOGRAD_SCOPE "CPUs, kernels 3x3, stride 1 and channels in multiples of 16"
/* likely_speed (solver.h). */
double fcl_winograd_speed(const fcl_op_desc *desc, const fcl_device *device);

#endif
