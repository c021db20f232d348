/*
 * Max and average pooling backward for any windows: each element of dx gathers from all windows that hold it,
 * and for a maximum looks through each of them again:
 *
 *   dx = sum over windows (gradient where x is the first maximum, or its share of the mean)
 *        * derivative of the activation that made x, or dx += that
 *
 * Shapes: x, dx (n, IN_H, IN_W, CHANNELS), dy (n, OUT_H, OUT_W, CHANNELS); x is not read for a mean whose
 * X_ACTIVATION is linear.
 *
 * Work sizes: one dimension, any work-group. ROW_PER_ITEM 1: at least n * IN_H items, an input row each;
 * 0: at least n * IN_H * IN_W * CHANNELS / VECTOR items, VECTOR channels of an input pixel each.
 *
 * Macros: those of pool_forward.cl but ACTIVATION; X_ACTIVATION, X_ACTIVATION_ALPHA.
 */
#include "common.h"
#include "pool.h"

#ifndef X_ACTIVATION
#error "X_ACTIVATION is needed"
#endif

static inline floatv gathered(__global const float *x, __global const float *dy, int sample, int iy, int ix, int v) {
    /* Windows that hold the element: those that begin at most a window before it. */
    const int down = iy + PAD_TOP, right = ix + PAD_LEFT;
    const int begin_oy = max((down - WINDOW_H + STRIDE_H) / STRIDE_H, 0), end_oy = min(down / STRIDE_H + 1, OUT_H);
    const int begin_ox = max((right - WINDOW_W + STRIDE_W) / STRIDE_W, 0), end_ox = min(right / STRIDE_W + 1, OUT_W);
    floatv total = 0.0f;
#if MAX_POOL
    const floatv mine = LOAD(x, VECTOR_AT(sample, iy, ix, v));
    const intv mine_is_nan = mine != mine;
#endif
    for (int oy = begin_oy; oy < end_oy; oy++) {
        const int begin_y = max(oy * STRIDE_H - PAD_TOP, 0), end_y = min(oy * STRIDE_H - PAD_TOP + WINDOW_H, IN_H);
        for (int ox = begin_ox; ox < end_ox; ox++) {
            const int begin_x = max(ox * STRIDE_W - PAD_LEFT, 0);
            const int end_x = min(ox * STRIDE_W - PAD_LEFT + WINDOW_W, IN_W);
            const floatv gradient = LOAD(dy, ((sample * OUT_H + oy) * OUT_W + ox) * N_VECTORS + v);
#if MAX_POOL
            /* The element is the maximum when it beats all before it and no later one beats it. */
            intv beaten = 0;
            for (int wy = begin_y; wy < end_y; wy++) {
                for (int wx = begin_x; wx < end_x; wx++) {
                    const floatv other = LOAD(x, VECTOR_AT(sample, wy, wx, v));
                    if (wy < iy || (wy == iy && wx < ix))
                        beaten |= mine_is_nan ? (intv)(other != other) : (intv)(!(other < mine));
                    else if (wy > iy || wx > ix)
                        beaten |= mine_is_nan ? (intv)(0) : (intv)(!(other <= mine));
                }
            }
            total += beaten ? (floatv)(0.0f) : gradient;
#else
            total += gradient * (1.0f / (float)((end_y - begin_y) * (end_x - begin_x)));
#endif
        }
    }
    return total;
}

static inline void element(__global const float *x, __global const float *dy, __global float *dx, int accumulate,
                           int sample, int iy, int ix, int v) {
    const int at = VECTOR_AT(sample, iy, ix, v);
    floatv result = gathered(x, dy, sample, iy, ix, v);
#if X_ACTIVATION != ACTIVATION_LINEAR
    const floatv output = LOAD(x, at);
    result = X_DERIVATIVE(result, output);
#endif
    STORE(dx, at, accumulate ? LOAD(dx, at) + result : result);
}

__kernel void pool_gather_backward(int n, __global const float *restrict x, __global const float *restrict dy,
                                   __global float *restrict dx, int accumulate) {
    const int item = (int)get_global_id(0);
#if ROW_PER_ITEM
    if (item >= n * IN_H) return;
    for (int ix = 0; ix < IN_W; ix++)
        for (int v = 0; v < N_VECTORS; v++) element(x, dy, dx, accumulate, item / IN_H, item % IN_H, ix, v);
#else
    if (item >= n * IN_H * IN_W * N_VECTORS) return;
    const int pixel = item / N_VECTORS, row = pixel / IN_W;
    element(x, dy, dx, accumulate, row / IN_H, row % IN_H, pixel % IN_W, item % N_VECTORS);
#endif
}
