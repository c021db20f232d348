#include "ops/conv_shape.h"

#include <assert.h>

int fcl_op_is_dense(fcl_op_kind kind) {
    return kind == FCL_DENSE_FORWARD || kind == FCL_DENSE_BACKWARD_DATA || kind == FCL_DENSE_BACKWARD_WEIGHTS;
}

fcl_conv_shape fcl_conv_of_dense(const fcl_dense_shape *dense) {
    return (fcl_conv_shape){.in_h = 1,
                            .in_w = 1,
                            .in_c = dense->in,
                            .out_h = 1,
                            .out_w = 1,
                            .out_c = dense->out,
                            .kernel_h = 1,
                            .kernel_w = 1,
                            .stride_h = 1,
                            .stride_w = 1};
}

fcl_conv_shape fcl_conv_of(const fcl_op_desc *desc) {
    if (fcl_op_is_dense(desc->kind)) return fcl_conv_of_dense(&desc->dense);
    fcl_conv_shape conv = desc->conv;
    if (desc->fused_pool) {
        conv.out_h -= conv.out_h % 2;
        conv.out_w -= conv.out_w % 2;
    }
    return conv;
}

fcl_conv_shape fcl_conv_as_forward(const fcl_op_desc *desc) {
    const fcl_conv_shape conv = fcl_conv_of(desc), *c = &conv;
    if (desc->kind == FCL_CONV_FORWARD) return conv;
    return (fcl_conv_shape){.in_h = c->out_h,
                            .in_w = c->out_w,
                            .in_c = c->out_c,
                            .out_h = c->in_h,
                            .out_w = c->in_w,
                            .out_c = c->in_c,
                            .kernel_h = c->kernel_h,
                            .kernel_w = c->kernel_w,
                            .stride_h = 1,
                            .stride_w = 1,
                            .pad_top = c->kernel_h - 1 - c->pad_top,
                            .pad_left = c->kernel_w - 1 - c->pad_left};
}

fcl_range fcl_kernel_range(const fcl_kernel *kernel, size_t n_items) {
    enum { LOCAL = 64 };
    size_t most = fcl_kernel_max_work_group(kernel);
    return fcl_range_of(n_items, most < LOCAL ? most : LOCAL);
}

size_t fcl_conv_weights(const fcl_conv_shape *conv) {
    return (size_t)conv->kernel_h * (size_t)conv->kernel_w * (size_t)conv->in_c * (size_t)conv->out_c;
}

int fcl_conv_fits_int(const fcl_op_desc *desc) {
    fcl_conv_shape conv = fcl_conv_of(desc);
    return fcl_fits_int(desc) && fcl_conv_weights(&conv) <= FCL_MAX_ELEMENTS;
}

void fcl_options_conv(fcl_text *options, const fcl_conv_shape *conv) {
    fcl_text_appendf(options,
                     "-DIN_H=%d -DIN_W=%d -DIN_C=%d -DOUT_H=%d -DOUT_W=%d -DOUT_C=%d -DKERNEL_H=%d -DKERNEL_W=%d"
                     " -DSTRIDE_H=%d -DSTRIDE_W=%d -DPAD_TOP=%d -DPAD_LEFT=%d",
                     conv->in_h, conv->in_w, conv->in_c, conv->out_h, conv->out_w, conv->out_c, conv->kernel_h,
                     conv->kernel_w, conv->stride_h, conv->stride_w, conv->pad_top, conv->pad_left);
}

void fcl_options_pool(fcl_text *options, const fcl_op_desc *desc) {
    fcl_text_appendf(options, " -DPOOL=%d", desc->fused_pool != FCL_POOL_NONE);
}

size_t fcl_conv_gradient_floats(const fcl_conv_shape *conv) {
    return fcl_conv_weights(conv) + (size_t)conv->out_c;
}

fcl_status fcl_sum_parts_create(fcl_kernel **out, const fcl_conv_shape *conv, fcl_device *device) {
    fcl_text options = FCL_TEXT_EMPTY;
    fcl_text_appendf(&options, "-DN_WEIGHTS=%zu -DN_BIASES=%d", fcl_conv_weights(conv), conv->out_c);
    return fcl_kernel_from_text(out, device, "sum_parts.cl", "sum_parts", &options);
}

fcl_status fcl_sum_parts_run(fcl_kernel *sum_parts, int n_parts, size_t gradient_floats, const fcl_operands *operands,
                             const fcl_op_args *args) {
    fcl_range range = fcl_kernel_range(sum_parts, gradient_floats);
    return FCL_LAUNCH(sum_parts, &range, fcl_arg_int(n_parts), fcl_arg_buffer(operands->workspace),
                      fcl_arg_buffer(operands->buffer[FCL_DW]), fcl_arg_buffer(operands->buffer[FCL_DB]),
                      fcl_arg_int(args->accumulate));
}

int fcl_register_sums(const fcl_device *device) {
    /* AVX-512: 32 registers of 16 floats. AVX: 16 of 8. SSE and NEON: 16 or more of 4. */
    enum { WIDE = 24, MIDDLE = 6, NARROW = 3 };
    unsigned width = fcl_device_facts(device)->native_vector_width_float;
    return width >= 16 ? WIDE : width >= 8 ? MIDDLE : NARROW;
}

int fcl_register_vectors(int channels, const fcl_device *device) {
    enum { LANES = 16 };
    const int vectors = (channels + LANES - 1) / LANES;
    return vectors % 2 == 0 && fcl_register_sums(device) >= LANES ? 2 : 1;
}

double fcl_speed_of_detour(const fcl_op_desc *desc, const fcl_device *device) {
    (void)desc;
    (void)device;
    return 0.3;
}

double fcl_speed_of_last_resort(const fcl_op_desc *desc, const fcl_device *device) {
    (void)desc;
    (void)device;
    return 0.02;
}

int fcl_even_part(int n, int most) {
    assert(n > 0 && most > 0);
    int times = (n + most - 1) / most;
    return (n + times - 1) / times;
}

int fcl_min_int(int a, int b) {
    return a < b ? a : b;
}

int fcl_max_int(int a, int b) {
    return a > b ? a : b;
}

size_t fcl_div_up(size_t a, size_t b) {
    return (a + b - 1) / b;
}
