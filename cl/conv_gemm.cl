/*
 * What a convolution needs around a product of matrices: the product itself is CLBlast's.
 *
 *   conv_gemm_columns:     columns[pixel][tap][c] = what that tap reads of x for that pixel of y (im2col)
 *   conv_gemm_bias:        y = activation(y + b), in place
 *   conv_gemm_gather:      dx = x_activation'(x) * sum of the columns' gradients that read that element (col2im, by
 *                          gathering, so that no two items write to one place)
 *   conv_gemm_bias_parts:  sums of dy over one of `n_parts` parts of its pixels, for db
 *
 * Shapes: x, dx (n, IN_H, IN_W, IN_C), y, dy (n, OUT_H, OUT_W, OUT_C), columns (n, OUT_H, OUT_W, KERNEL_H, KERNEL_W, IN_C).
 * x, y and dx begin at sample `first`.
 * Work sizes: elements of the result, rounded up; conv_gemm_bias_parts (OUT_C rounded up, n_parts).
 * Macros: IN_H ... PAD_LEFT as in conv_shape.c, ACTIVATION or X_ACTIVATION.
 */
#include "common.h"

#ifndef IN_H
#error "IN_H and the rest of the shape are needed"
#endif

#define ROW_OF_COLUMNS (KERNEL_H * KERNEL_W * IN_C)
#define OUT_PIXELS     (OUT_H * OUT_W)
#define IN_FLOATS      (IN_H * IN_W * IN_C)

__kernel void conv_gemm_columns(int n, int first, __global const float *restrict x, __global float *restrict columns) {
    const int i = (int)get_global_id(0);
    if (i >= n * OUT_PIXELS * ROW_OF_COLUMNS) return;
    const int c = i % IN_C, kx = i / IN_C % KERNEL_W, ky = i / (IN_C * KERNEL_W) % KERNEL_H;
    const int ox = i / ROW_OF_COLUMNS % OUT_W, oy = i / (ROW_OF_COLUMNS * OUT_W) % OUT_H;
    const int sample = i / (ROW_OF_COLUMNS * OUT_PIXELS);
    const int iy = oy * STRIDE_H - PAD_TOP + ky, ix = ox * STRIDE_W - PAD_LEFT + kx;
    const int inside = iy >= 0 && iy < IN_H && ix >= 0 && ix < IN_W;
    columns[i] = inside ? x[(first + sample) * IN_FLOATS + (iy * IN_W + ix) * IN_C + c] : 0.0f;
}

#ifdef ACTIVATION
__kernel void conv_gemm_bias(int n, __global const float *restrict b, __global float *restrict y) {
    const int i = (int)get_global_id(0);
    if (i >= n * (OUT_PIXELS * OUT_C)) return;
    const float sum = y[i] + b[i % OUT_C];
    y[i] = ACTIVATE(sum);
}
#endif

#ifdef X_ACTIVATION
__kernel void conv_gemm_gather(int n, int first, __global const float *restrict columns,
                               __global const float *restrict x, __global float *restrict dx, int accumulate) {
    const int i = (int)get_global_id(0);
    if (i >= n * IN_FLOATS) return;
    const int c = i % IN_C, ix = i / IN_C % IN_W, iy = i / (IN_C * IN_W) % IN_H, sample = i / IN_FLOATS;
    float sum = 0.0f;
    for (int ky = 0; ky < KERNEL_H; ky++) {
        const int down = iy + PAD_TOP - ky;
        if (down < 0 || down % STRIDE_H != 0 || down / STRIDE_H >= OUT_H) continue;
        for (int kx = 0; kx < KERNEL_W; kx++) {
            const int right = ix + PAD_LEFT - kx;
            if (right < 0 || right % STRIDE_W != 0 || right / STRIDE_W >= OUT_W) continue;
            const int pixel = (sample * OUT_H + down / STRIDE_H) * OUT_W + right / STRIDE_W;
            sum += columns[pixel * ROW_OF_COLUMNS + (ky * KERNEL_W + kx) * IN_C + c];
        }
    }
    const int at = first * IN_FLOATS + i;
#if X_ACTIVATION != ACTIVATION_LINEAR
    sum = X_DERIVATIVE(sum, x[at]);
#endif
    dx[at] = accumulate ? dx[at] + sum : sum;
}
#endif

__kernel void conv_gemm_bias_parts(int n, int n_parts, __global const float *restrict dy,
                                   __global float *restrict parts) {
    const int c = (int)get_global_id(0), part = (int)get_global_id(1);
    if (c >= OUT_C) return;
    const int begin = (int)((long)n * OUT_PIXELS * part / n_parts),
              end = (int)((long)n * OUT_PIXELS * (part + 1) / n_parts);
    float sum = 0.0f;
    for (int pixel = begin; pixel < end; pixel++) sum += dy[pixel * OUT_C + c];
    parts[part * OUT_C + c] = sum;
}
