/*
 * The weights' gradient of a convolution for CPUs, read in place: padding is left out of the sums.
 *
 *   conv_direct_weights: partial sums of dw and db over one of `n_parts` parts of the batch's rows, which sum_parts.cl
 *   adds up
 *
 * Shapes: x (n, IN_H, IN_W, IN_C), dy (n, OUT_H, OUT_W, OUT_C), dw (KERNEL_H, KERNEL_W, IN_C, OUT_C), db (OUT_C),
 * parts (n_parts, dw then db).
 *
 * A work-item holds, for each tap, the sums of CHANNELS input channels times VECTORS vectors of 16 output channels; those
 * of TAPS neighbouring taps at a time are in registers while it goes over a row of dy. With few input channels, as in the
 * first layer, all taps of a row of the kernel are taken at once, else there would be too few sums to keep the multipliers
 * busy. Every row is summed on its own and then added, so that long sums round less.
 *
 * With POOL dy is the pooled gradient, (n, OUT_H / 2, OUT_W / 2, OUT_C), and its places say which pixel it belongs to
 * (pool_cells.h); OUT_H and OUT_W are even.
 *
 * Work sizes: conv_direct_weights (blocks of input channels, blocks of output channels, n_parts), groups of one item.
 * Macros: IN_H ... PAD_LEFT as in conv_shape.c, CHANNELS, VECTORS, TAPS (1 or KERNEL_W), POOL.
 */
#include "common.h"
#define CHANNELS_IN_ALL OUT_C
#include "channels.h"
#include "pool_cells.h"

#if !defined(TAPS) || !defined(POOL)
#error "TAPS and POOL are needed"
#endif

#define LANES     (16 * VECTORS)
#define N_TAPS    (KERNEL_H * KERNEL_W)
#define N_WEIGHTS (N_TAPS * IN_C * OUT_C)
#define SUMS      (CHANNELS * VECTORS)

/* Columns of dy for which tap kx reads inside of x: from FIRST to END. */
#define FIRST_COLUMN(kx) ((kx) >= PAD_LEFT ? 0 : (PAD_LEFT - (kx) + STRIDE_W - 1) / STRIDE_W)
#define LAST_INSIDE(kx)  (IN_W - 1 + PAD_LEFT - (kx))
#define END_COLUMN(kx)   (LAST_INSIDE(kx) < 0 ? 0 : min(OUT_W, LAST_INSIDE(kx) / STRIDE_W + 1))

/* 16 channels of dy at a column of a row, of which `pixel` is the first one of its cell: 0 or 2. */
static inline __attribute__((always_inline)) float16
load_gradient(__global const float *dy, __global const uchar *places, int pixel, int column, int offset, int channel) {
#if POOL
    const int at = column / 2 * OUT_C + offset;
    return cell_gradient(load_channels(dy + at, channel), load_bytes(places + at, channel), pixel + column % 2);
#else
    return load_channels(dy + column * OUT_C + offset, channel);
#endif
}

/* Adds columns `from` to `end` of a row for `n_taps` taps from kx on. */
static inline __attribute__((always_inline)) void add_columns(float16 *sums, __global const float *x,
                                                              __global const float *dy, __global const uchar *places,
                                                              int pixel, int channel, int kx, const int n_taps,
                                                              int from, int end) {
#pragma unroll 2
    for (int column = from; column < end; column++) {
        float16 gradient[VECTORS];
#pragma unroll
        for (int v = 0; v < VECTORS; v++)
            gradient[v] = load_gradient(dy, places, pixel, column, v * 16, channel + v * 16);
#pragma unroll
        for (int tap = 0; tap < n_taps; tap++) {
            __global const float *source = x + (column * STRIDE_W - PAD_LEFT + kx + tap) * IN_C;
#pragma unroll
            for (int i = 0; i < CHANNELS; i++)
#pragma unroll
                for (int v = 0; v < VECTORS; v++)
                    sums[tap * SUMS + i * VECTORS + v] =
                        fma((float16)(source[i]), gradient[v], sums[tap * SUMS + i * VECTORS + v]);
        }
    }
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_direct_weights(int n, int n_parts, __global const float *restrict all_x, __global const float *restrict all_dy,
                    __global const uchar *restrict all_places, __global float *restrict parts) {
    /* The last block of input channels is shifted to end with them; what it shares with the one before is not stored
     * again. */
    const int new_channel = (int)get_global_id(0) * CHANNELS, first_channel = min(new_channel, IN_C - CHANNELS);
    const int channel = (int)get_global_id(1) * LANES, part = (int)get_global_id(2);
    const int begin = (int)((long)n * OUT_H * part / n_parts), end = (int)((long)n * OUT_H * (part + 1) / n_parts);
    float16 totals[N_TAPS * SUMS], bias[VECTORS];
    for (int i = 0; i < N_TAPS * SUMS; i++) totals[i] = (float16)(0.0f);
#pragma unroll
    for (int v = 0; v < VECTORS; v++) bias[v] = (float16)(0.0f);
    for (int row = begin; row < end; row++) {
        const int sample = row / OUT_H, oy = row % OUT_H;
#if POOL
        const int at_row = (sample * (OUT_H / 2) + oy / 2) * (OUT_W / 2) * OUT_C + channel;
        __global const uchar *places = all_places + at_row;
#else
        const int at_row = row * OUT_W * OUT_C + channel;
        __global const uchar *places = 0;
#endif
        __global const float *dy = all_dy + at_row;
        const int pixel = oy % 2 * 2;
        for (int ky = 0; ky < KERNEL_H; ky++) {
            const int iy = oy * STRIDE_H - PAD_TOP + ky;
            if (iy < 0 || iy >= IN_H) continue;
            __global const float *x = all_x + (sample * IN_H + iy) * IN_W * IN_C + first_channel;
            for (int kx = 0; kx < KERNEL_W; kx += TAPS) {
                float16 sums[TAPS * SUMS];
#pragma unroll
                for (int i = 0; i < TAPS * SUMS; i++) sums[i] = (float16)(0.0f);
#if TAPS == 1
                add_columns(sums, x, dy, places, pixel, channel, kx, 1, FIRST_COLUMN(kx), END_COLUMN(kx));
#else
                /* The columns that all taps share, and what is left of each at both sides. */
                const int from = FIRST_COLUMN(0), shared_end = max(from, END_COLUMN(KERNEL_W - 1));
                add_columns(sums, x, dy, places, pixel, channel, 0, TAPS, from, shared_end);
#pragma unroll
                for (int tap = 0; tap < TAPS; tap++) {
                    add_columns(sums + tap * SUMS, x, dy, places, pixel, channel, tap, 1, FIRST_COLUMN(tap),
                                min(from, END_COLUMN(tap)));
                    add_columns(sums + tap * SUMS, x, dy, places, pixel, channel, tap, 1,
                                max(shared_end, FIRST_COLUMN(tap)), END_COLUMN(tap));
                }
#endif
#pragma unroll
                for (int i = 0; i < TAPS * SUMS; i++) totals[(ky * KERNEL_W + kx) * SUMS + i] += sums[i];
            }
        }
        /* Both rows of cells have one pooled gradient. */
        if (first_channel == 0 && oy % (POOL ? 2 : 1) == 0) {
            float16 sums[VECTORS];
#pragma unroll
            for (int v = 0; v < VECTORS; v++) sums[v] = (float16)(0.0f);
            for (int column = 0; column < OUT_W / (POOL ? 2 : 1); column++)
#pragma unroll
                for (int v = 0; v < VECTORS; v++)
                    sums[v] += load_channels(dy + column * OUT_C + v * 16, channel + v * 16);
#pragma unroll
            for (int v = 0; v < VECTORS; v++) bias[v] += sums[v];
        }
    }
    __global float *out = parts + part * (N_WEIGHTS + OUT_C) + channel;
    for (int tap = 0; tap < N_TAPS; tap++)
        for (int i = 0; i < CHANNELS; i++)
            for (int v = 0; v < VECTORS; v++)
                if (first_channel + i >= new_channel)
                    store_channels(totals[tap * SUMS + i * VECTORS + v],
                                   out + (tap * IN_C + first_channel + i) * OUT_C + v * 16, channel + v * 16);
    if (new_channel == 0)
        for (int v = 0; v < VECTORS; v++) store_channels(bias[v], out + N_WEIGHTS + v * 16, channel + v * 16);
}
