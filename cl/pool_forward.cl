/*
 * Max and average pooling forward: y = activation(maximum or mean of x in the window). Padding is never the
 * maximum and is not counted in the mean. A NaN in the window is the maximum.
 *
 * Shapes: x (n, IN_H, IN_W, CHANNELS), y (n, OUT_H, OUT_W, CHANNELS).
 *
 * Work sizes: one dimension, any work-group. ROW_PER_ITEM 1: at least n * OUT_H items, an output row each;
 * 0: at least n * OUT_H * OUT_W * CHANNELS / VECTOR items, VECTOR channels of an output pixel each.
 *
 * Macros: MAX_POOL (1 maximum, 0 mean), IN_H, IN_W, CHANNELS, OUT_H, OUT_W, WINDOW_H, WINDOW_W, STRIDE_H,
 * STRIDE_W, PAD_TOP, PAD_LEFT, VECTOR (divides CHANNELS), ROW_PER_ITEM, ACTIVATION, ACTIVATION_ALPHA.
 */
#include "common.h"
#include "pool.h"

#ifndef ACTIVATION
#error "ACTIVATION is needed"
#endif

static inline floatv pooled(__global const float *x, int sample, int oy, int ox, int v) {
    const int top = oy * STRIDE_H - PAD_TOP, left = ox * STRIDE_W - PAD_LEFT;
#if PADDED
    const int begin_y = max(top, 0), end_y = min(top + WINDOW_H, IN_H);
    const int begin_x = max(left, 0), end_x = min(left + WINDOW_W, IN_W);
#else
    const int begin_y = top, end_y = top + WINDOW_H, begin_x = left, end_x = left + WINDOW_W;
#endif
#if MAX_POOL
    floatv best = LOAD(x, VECTOR_AT(sample, begin_y, begin_x, v));
#else
    floatv best = 0.0f;
#endif
    for (int iy = begin_y; iy < end_y; iy++) {
        for (int ix = begin_x; ix < end_x; ix++) {
            const floatv candidate = LOAD(x, VECTOR_AT(sample, iy, ix, v));
#if MAX_POOL
            best = IS_GREATER_OR_NAN(candidate, best) ? candidate : best;
#else
            best += candidate;
#endif
        }
    }
#if !MAX_POOL
    best *= 1.0f / (float)((end_y - begin_y) * (end_x - begin_x));
#endif
    return ACTIVATE(best);
}

__kernel void pool_forward(int n, __global const float *restrict x, __global float *restrict y) {
    const int item = (int)get_global_id(0);
#if ROW_PER_ITEM
    if (item >= n * OUT_H) return;
    for (int ox = 0; ox < OUT_W; ox++)
        for (int v = 0; v < N_VECTORS; v++)
            STORE(y, (item * OUT_W + ox) * N_VECTORS + v, pooled(x, item / OUT_H, item % OUT_H, ox, v));
#else
    if (item >= n * OUT_H * OUT_W * N_VECTORS) return;
    const int pixel = item / N_VECTORS, row = pixel / OUT_W;
    STORE(y, item, pooled(x, row / OUT_H, row % OUT_H, pixel % OUT_W, item % N_VECTORS));
#endif
}
