/*
 * Max and average pooling backward where windows do not overlap: the input is cut into blocks of a stride
 * each, block (by, bx) holding window (by, bx) if there is one. A block reads its part of x once and writes
 * its part of dx:
 *
 *   dx = (gradient of the window where x is the first maximum, or its share of the mean)
 *        * derivative of the activation that made x, or dx += that
 *
 * Shapes: x, dx (n, IN_H, IN_W, CHANNELS), dy (n, OUT_H, OUT_W, CHANNELS); x is not read for a mean whose
 * X_ACTIVATION is linear.
 *
 * Work sizes: one dimension, any work-group. ROW_PER_ITEM 1: at least n * N_BLOCKS_H items, a row of blocks
 * each; 0: at least n * N_BLOCKS_H * N_BLOCKS_W * CHANNELS / VECTOR items, VECTOR channels of a block each.
 *
 * Macros: those of pool_forward.cl but ACTIVATION; N_BLOCKS_H, N_BLOCKS_W, X_ACTIVATION, X_ACTIVATION_ALPHA.
 */
#include "common.h"
#include "pool.h"

#if !defined(X_ACTIVATION) || !defined(N_BLOCKS_H) || !defined(N_BLOCKS_W)
#error "X_ACTIVATION, N_BLOCKS_H and N_BLOCKS_W are needed"
#endif
#if WINDOW_H > STRIDE_H || WINDOW_W > STRIDE_W
#error "windows overlap"
#endif

static inline void block(__global const float *x, __global const float *dy, __global float *dx, int accumulate,
                         int sample, int by, int bx, int v) {
    const int top = by * STRIDE_H - PAD_TOP, left = bx * STRIDE_W - PAD_LEFT;
    const int begin_y = max(top, 0), end_y = min(top + STRIDE_H, IN_H);
    const int begin_x = max(left, 0), end_x = min(left + STRIDE_W, IN_W);
    const int has_window = by < OUT_H && bx < OUT_W;
    /* The window's part of the block; empty when the block has none. */
    const int window_end_y = has_window ? min(top + WINDOW_H, IN_H) : begin_y;
    const int window_end_x = has_window ? min(left + WINDOW_W, IN_W) : begin_x;
    floatv gradient = 0.0f;
    if (has_window) gradient = LOAD(dy, ((sample * OUT_H + by) * OUT_W + bx) * N_VECTORS + v);
#if MAX_POOL
    intv winner = -1;
    floatv best = 0.0f;
    int place = 0;
    for (int iy = begin_y; iy < window_end_y; iy++) {
        for (int ix = begin_x; ix < window_end_x; ix++, place++) {
            const floatv candidate = LOAD(x, VECTOR_AT(sample, iy, ix, v));
            if (place == 0) {
                best = candidate;
                winner = 0;
            } else {
                const intv wins = IS_NEW_MAXIMUM(candidate, best);
                best = wins ? candidate : best;
                winner = wins ? (intv)(place) : winner;
            }
        }
    }
#else
    if (has_window) gradient *= 1.0f / (float)((window_end_y - begin_y) * (window_end_x - begin_x));
#endif
    for (int iy = begin_y; iy < end_y; iy++) {
        for (int ix = begin_x; ix < end_x; ix++) {
            const int at = VECTOR_AT(sample, iy, ix, v);
            floatv result = 0.0f;
            if (iy < window_end_y && ix < window_end_x) {
#if MAX_POOL
                const intv here = (iy - begin_y) * (window_end_x - begin_x) + (ix - begin_x);
                result = here == winner ? gradient : (floatv)(0.0f);
#else
                result = gradient;
#endif
            }
#if X_ACTIVATION != ACTIVATION_LINEAR
            const floatv output = LOAD(x, at);
            result = X_DERIVATIVE(result, output);
#endif
            STORE(dx, at, accumulate ? LOAD(dx, at) + result : result);
        }
    }
}

__kernel void pool_blocks_backward(int n, __global const float *restrict x, __global const float *restrict dy,
                                   __global float *restrict dx, int accumulate) {
    const int item = (int)get_global_id(0);
#if ROW_PER_ITEM
    if (item >= n * N_BLOCKS_H) return;
    for (int bx = 0; bx < N_BLOCKS_W; bx++)
        for (int v = 0; v < N_VECTORS; v++) block(x, dy, dx, accumulate, item / N_BLOCKS_H, item % N_BLOCKS_H, bx, v);
#else
    if (item >= n * N_BLOCKS_H * N_BLOCKS_W * N_VECTORS) return;
    const int place = item / N_VECTORS, row = place / N_BLOCKS_W;
    block(x, dy, dx, accumulate, row / N_BLOCKS_H, row % N_BLOCKS_H, place % N_BLOCKS_W, item % N_VECTORS);
#endif
}
