#include "ops/winograd.h"

#include "ops/conv_shape.h"

size_t fcl_winograd_tiles(const fcl_conv_shape *conv) {
    return fcl_div_up((size_t)conv->out_h, FCL_WINOGRAD_TILE) * fcl_div_up((size_t)conv->out_w, FCL_WINOGRAD_TILE);
}

int fcl_winograd_sums(const fcl_conv_shape *conv, const fcl_device *device) {
    return fcl_register_sums(device) / fcl_register_vectors(conv->out_c, device);
}

int fcl_winograd_fits(const fcl_op_desc *desc, const fcl_device *device) {
    enum { KERNEL = 3 };
    const fcl_conv_shape *c = &desc->conv;
    /* On a GPU one item a group leaves all but one lane idle. */
    if (fcl_device_facts(device)->kind == FCL_DEVICE_GPU || !fcl_conv_fits_int(desc)) return 0;
    if (c->kernel_h != KERNEL || c->kernel_w != KERNEL || c->stride_h != 1 || c->stride_w != 1) return 0;
    return c->in_c % FCL_WINOGRAD_LANES == 0 && c->out_c % FCL_WINOGRAD_LANES == 0;
}

double fcl_winograd_speed(const fcl_op_desc *desc, const fcl_device *device) {
    /* Of 9 * 16 multiplications of a tile 36 are left. A tile's transform of a channel takes as long as so many products,
     * reading the weights as long as so many tiles, and transforming them as well. */
    static const double saved = 4.0, transform_channels = 24.0, weights_tiles = 16.0, transform_tiles = 16.0;
    const int is_gradient = desc->kind == FCL_CONV_BACKWARD_WEIGHTS;
    const fcl_conv_shape s = is_gradient ? fcl_conv_of(desc) : fcl_conv_as_forward(desc);
    const size_t tiles = fcl_winograd_tiles(&s), all_tiles = tiles * (size_t)desc->batch;
    const size_t units = fcl_device_facts(device)->compute_units;
    const double useful = (double)s.out_h * s.out_w / (double)(tiles * FCL_WINOGRAD_TILE * FCL_WINOGRAD_TILE);
    const double transforms = transform_channels * (1.0 / s.in_c + 1.0 / s.out_c);
    const double weights = (weights_tiles + (desc->weights_stay ? 0.0 : transform_tiles)) / (double)all_tiles;
    /* A gradient of weights is divided in other ways than blocks of tiles. */
    const size_t blocks = is_gradient ? units : fcl_div_up(all_tiles, FCL_WINOGRAD_BLOCK);
    const double busy = (double)blocks / (double)(fcl_div_up(blocks, units) * units);
    return saved * useful * busy / (1.0 + transforms + weights);
}
