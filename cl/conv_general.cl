/*
 * Convolution of any shape, stride and padding, one work-item an element of the result; a dense layer is a convolution over
 * one pixel. What must be right everywhere, and coalesced on a GPU: neighbours compute neighbouring channels.
 *
 *   conv_general_forward:           y[n][oy][ox][oc] = activation(b[oc] + sum of x * w)
 *   conv_general_backward_data:     dx[n][iy][ix][ic] = x_activation'(x) * sum of dy * w
 *   conv_general_backward_weights:  one partial sum of dw and db for each of `n_parts` parts of the batch;
 *                                   sum_parts.cl adds them up
 *
 * Shapes: x, dx (n, IN_H, IN_W, IN_C), y, dy (n, OUT_H, OUT_W, OUT_C), w, dw (KERNEL_H, KERNEL_W, IN_C, OUT_C), b, db (OUT_C),
 * parts (n_parts, weights then biases). Sums are made row by row, so that long ones round less.
 * Work sizes: elements of the result, rounded up; conv_general_backward_weights (weights and biases, n_parts).
 * Macros: IN_H ... PAD_LEFT as in conv_shape.c, ACTIVATION or X_ACTIVATION.
 */
#include "common.h"

#ifndef IN_H
#error "IN_H and the rest of the shape are needed"
#endif

#define N_WEIGHTS (KERNEL_H * KERNEL_W * IN_C * OUT_C)

#ifdef ACTIVATION
__kernel void conv_general_forward(int n, __global const float *restrict x, __global const float *restrict w,
                                   __global const float *restrict b, __global float *restrict y) {
    const int i = (int)get_global_id(0);
    if (i >= n * (OUT_H * OUT_W * OUT_C)) return;
    const int oc = i % OUT_C, ox = i / OUT_C % OUT_W, oy = i / (OUT_C * OUT_W) % OUT_H,
              sample = i / (OUT_C * OUT_W * OUT_H);
    const int top = oy * STRIDE_H - PAD_TOP, left = ox * STRIDE_W - PAD_LEFT;
    float sum = b[oc];
    for (int ky = max(0, -top); ky < min(KERNEL_H, IN_H - top); ky++)
        for (int kx = max(0, -left); kx < min(KERNEL_W, IN_W - left); kx++) {
            __global const float *pixel = x + ((sample * IN_H + top + ky) * IN_W + left + kx) * IN_C;
            __global const float *tap = w + (ky * KERNEL_W + kx) * IN_C * OUT_C + oc;
            float part[4] = {0.0f, 0.0f, 0.0f, 0.0f};
            for (int c = 0; c < IN_C; c++) part[c % 4] = fma(pixel[c], tap[c * OUT_C], part[c % 4]);
            sum += (part[0] + part[1]) + (part[2] + part[3]);
        }
    y[i] = ACTIVATE(sum);
}
#endif

#ifdef X_ACTIVATION
__kernel void conv_general_backward_data(int n, __global const float *restrict dy, __global const float *restrict w,
                                         __global const float *restrict x, __global float *restrict dx,
                                         int accumulate) {
    const int i = (int)get_global_id(0);
    if (i >= n * (IN_H * IN_W * IN_C)) return;
    const int ic = i % IN_C, ix = i / IN_C % IN_W, iy = i / (IN_C * IN_W) % IN_H, sample = i / (IN_C * IN_W * IN_H);
    float sum = 0.0f;
    for (int ky = 0; ky < KERNEL_H; ky++) {
        const int down = iy + PAD_TOP - ky;
        if (down < 0 || down % STRIDE_H != 0 || down / STRIDE_H >= OUT_H) continue;
        for (int kx = 0; kx < KERNEL_W; kx++) {
            const int right = ix + PAD_LEFT - kx;
            if (right < 0 || right % STRIDE_W != 0 || right / STRIDE_W >= OUT_W) continue;
            __global const float *pixel = dy + ((sample * OUT_H + down / STRIDE_H) * OUT_W + right / STRIDE_W) * OUT_C;
            __global const float *tap = w + ((ky * KERNEL_W + kx) * IN_C + ic) * OUT_C;
            float part[4] = {0.0f, 0.0f, 0.0f, 0.0f};
            for (int c = 0; c < OUT_C; c++) part[c % 4] = fma(pixel[c], tap[c], part[c % 4]);
            sum += (part[0] + part[1]) + (part[2] + part[3]);
        }
    }
#if X_ACTIVATION != ACTIVATION_LINEAR
    sum = X_DERIVATIVE(sum, x[i]);
#endif
    dx[i] = accumulate ? dx[i] + sum : sum;
}
#endif

__kernel void conv_general_backward_weights(int n, int n_parts, __global const float *restrict x,
                                            __global const float *restrict dy, __global float *restrict parts) {
    const int i = (int)get_global_id(0), part = (int)get_global_id(1);
    if (i >= N_WEIGHTS + OUT_C) return;
    const int is_bias = i >= N_WEIGHTS;
    const int oc = i % OUT_C, ic = i / OUT_C % IN_C, kx = i / (OUT_C * IN_C) % KERNEL_W,
              ky = i / (OUT_C * IN_C * KERNEL_W);
    const int end = n * (part + 1) / n_parts;
    float sum = 0.0f;
    for (int sample = n * part / n_parts; sample < end; sample++)
        for (int oy = 0; oy < OUT_H; oy++) {
            const int iy = oy * STRIDE_H - PAD_TOP + ky;
            if (!is_bias && (iy < 0 || iy >= IN_H)) continue;
            __global const float *gradient = dy + (sample * OUT_H + oy) * OUT_W * OUT_C + oc;
            __global const float *row = x + (sample * IN_H + iy) * IN_W * IN_C + ic;
            float row_sum = 0.0f;
            for (int ox = 0; ox < OUT_W; ox++) {
                const int ix = ox * STRIDE_W - PAD_LEFT + kx;
                if (is_bias)
                    row_sum += gradient[ox * OUT_C];
                else if (ix >= 0 && ix < IN_W)
                    row_sum = fma(row[ix * IN_C], gradient[ox * OUT_C], row_sum);
            }
            sum += row_sum;
        }
    parts[part * (N_WEIGHTS + OUT_C) + i] = sum;
}
