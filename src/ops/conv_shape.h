/* What the solvers of convolution and dense layers share: options for their kernels and what a device's registers hold. */
#ifndef FCL_OPS_CONV_SHAPE_H
#define FCL_OPS_CONV_SHAPE_H

#include "ops/elementwise.h"

/* The error bound of solvers that add up products as they are: docs/kernels.md. */
enum { FCL_CONV_ERROR_FACTOR = 64 };

/* A dense layer is a convolution over one pixel. */
fcl_conv_shape fcl_conv_of_dense(const fcl_dense_shape *dense);
/* The shape of a convolution or of a dense layer as a convolution. With a fused pooling the rows and columns of y that it
 * drops are left out: the output is twice as large as what is pooled. */
fcl_conv_shape fcl_conv_of(const fcl_op_desc *desc);
int fcl_op_is_dense(fcl_op_kind kind);
/* The convolution that a forward pass is, or a backward pass to the data with stride 1: of dy, with the kernel turned
 * around. Its padding may be negative. */
fcl_conv_shape fcl_conv_as_forward(const fcl_op_desc *desc);
/* Enough work-items for `n_items` in groups that the kernel can have. */
fcl_range fcl_kernel_range(const fcl_kernel *kernel, size_t n_items);

/* Elements of the weights. */
size_t fcl_conv_weights(const fcl_conv_shape *conv);
/* Whether kernels may count x, y and w of the whole batch with int. */
int fcl_conv_fits_int(const fcl_op_desc *desc);
/* "-DIN_H=96 -DIN_W=96 -DIN_C=1 -DOUT_H=... -DKERNEL_H=... -DSTRIDE_H=... -DPAD_TOP=... -DPAD_LEFT=..." */
void fcl_options_conv(fcl_text *options, const fcl_conv_shape *conv);

/* " -DPOOL=1" where pooling is fused into the convolution, else " -DPOOL=0". */
void fcl_options_pool(fcl_text *options, const fcl_op_desc *desc);

/* Elements of the gradients of weights and biases. */
size_t fcl_conv_gradient_floats(const fcl_conv_shape *conv);
/* The second stage of a weights' gradient: adds `n_parts` partial sums (dw then db each) in the workspace to DW and DB. */
fcl_status fcl_sum_parts_create(fcl_kernel **out, const fcl_conv_shape *conv, fcl_device *device);
fcl_status fcl_sum_parts_run(fcl_kernel *sum_parts, int n_parts, size_t gradient_floats, const fcl_operands *operands,
                             const fcl_op_args *args);

/* How many sums of 16 floats a CPU can hold in registers beside the operands of a multiplication. */
int fcl_register_sums(const fcl_device *device);
/* Vectors of 16 output channels, of `channels` in all, whose sums are made together, so that what was read of the other operand
 * serves all: two where registers have room and vectors come in pairs. */
int fcl_register_vectors(int channels, const fcl_device *device);
/* How many of `n` to take at a time, at most `most`, so that the last time is as full as can be. */
int fcl_even_part(int n, int most);

/* likely_speed of solvers (solver.h): through a library or some other detour; right everywhere and slow. */
double fcl_speed_of_detour(const fcl_op_desc *desc, const fcl_device *device);
double fcl_speed_of_last_resort(const fcl_op_desc *desc, const fcl_device *device);

int fcl_min_int(int a, int b);
int fcl_max_int(int a, int b);
size_t fcl_div_up(size_t a, size_t b);

#endif
