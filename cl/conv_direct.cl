/*
 * Direct convolution for CPUs, forward, and backward to the data for stride 1: that is the convolution of dy with the
 * kernel turned around, its input and output channels exchanged.
 *
 *   conv_direct: dst[n][y][x][:] = finish(sum over ky, kx, c of src[n][y*STRIDE_H - PAD_TOP + ky][..][c] * w[ky][kx][c][:])
 *   conv_direct_pack: weights (KERNEL_H, KERNEL_W, in, out) to (blocks of LANES dst channels, ky, kx, src channels, LANES)
 *
 * Shapes: src (n, SRC_H, SRC_W, SRC_C), dst (n, DST_H, DST_W, DST_C). What the padding would hold is left out of the sums,
 * so src is read in place and padding costs nothing.
 *
 * A work-item holds SAMPLES x COLUMNS pixels times VECTORS vectors of 16 channels in registers. Those at the borders of a
 * row are compiled on their own, because which taps of which pixel fall outside is a constant there: the last block of
 * columns is shifted to end with the row, and the pixels it shares with the one before are not stored again.
 *
 * With POOL (pool_cells.h), forward alone, a work-item holds two rows, whose pixels are cells: DST_H, DST_W and COLUMNS are even,
 * dst is (n, DST_H / 2, DST_W / 2, DST_C), and there are half as many items; places are written unless they are NULL.
 *
 * Work sizes: conv_direct (DST_H, blocks of channels, ceil(n / SAMPLES)), or n in place of the last when n < SAMPLES;
 * conv_direct_pack (KERNEL_W, KERNEL_H, blocks of channels). Groups of one item.
 * Macros: SRC_H, SRC_W, SRC_C, DST_H, DST_W, DST_C, KERNEL_H, KERNEL_W, STRIDE_H, STRIDE_W, PAD_TOP, PAD_LEFT, COLUMNS,
 * SAMPLES, VECTORS, BACKWARD (0: bias and ACTIVATION; 1: X_ACTIVATION, and the sum with what was there), POOL.
 */
#include "common.h"
#define CHANNELS_IN_ALL DST_C
#include "channels.h"
#include "pool_cells.h"

#if !defined(BACKWARD) || !defined(POOL)
#error "BACKWARD and POOL are needed"
#endif

#define LANES  (16 * VECTORS)
#define PIXELS (SAMPLES * COLUMNS)
/* Blocks of columns in a row, and where the last one begins. */
#define N_BLOCKS   ((DST_W + COLUMNS - 1) / COLUMNS)
#define LAST_BEGIN (DST_W - COLUMNS)
#define ROW        (SRC_W * SRC_C)
#define PADDED     (PAD_LEFT > 0 || (DST_W - 1) * STRIDE_W - PAD_LEFT + KERNEL_W > SRC_W)

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void conv_direct_pack(__global const float *restrict weights,
                                                                              __global float *restrict packed) {
    const int kx = (int)get_global_id(0), ky = (int)get_global_id(1), first = (int)get_global_id(2) * LANES;
    __global float *target = packed + (first * KERNEL_H * KERNEL_W) * SRC_C + (ky * KERNEL_W + kx) * SRC_C * LANES;
#if BACKWARD
    __global const float *tap = weights + ((KERNEL_H - 1 - ky) * KERNEL_W + KERNEL_W - 1 - kx) * DST_C * SRC_C;
    for (int lane = 0; lane < LANES; lane++)
        for (int c = 0; c < SRC_C; c++)
            target[c * LANES + lane] = first + lane < DST_C ? tap[(first + lane) * SRC_C + c] : 0.0f;
#else
    __global const float *tap = weights + (ky * KERNEL_W + kx) * SRC_C * DST_C;
    for (int c = 0; c < SRC_C; c++)
        for (int lane = 0; lane < LANES; lane++)
            target[c * LANES + lane] = first + lane < DST_C ? tap[c * DST_C + first + lane] : 0.0f;
#endif
}

/* Adds what row `src` of each sample gives to a block of pixels of which the first reads from column `begin` on. Only the
 * first block of a row (at_left) and the last (at_right) look outside. */
static inline __attribute__((always_inline)) void add_row(float16 sums[PIXELS * VECTORS], __global const float *src,
                                                          int sample_step, int begin, __global const float *w,
                                                          const int at_left, const int at_right) {
    const int last_column = LAST_BEGIN * STRIDE_W - PAD_LEFT;
#pragma unroll
    for (int kx = 0; kx < KERNEL_W; kx++) {
        __global const float *pixel = src + (begin + kx) * SRC_C;
        __global const float *tap = w + kx * SRC_C * LANES;
#if SRC_C >= 4
#pragma unroll 4
#endif
        for (int c = 0; c < SRC_C; c++) {
            float16 weight[VECTORS];
#pragma unroll
            for (int v = 0; v < VECTORS; v++) weight[v] = vload16(c * VECTORS + v, tap);
#pragma unroll
            for (int s = 0; s < SAMPLES; s++) {
#pragma unroll
                for (int i = 0; i < COLUMNS; i++) {
                    if (at_left && i * STRIDE_W + kx < PAD_LEFT) continue;
                    if (at_right && last_column + i * STRIDE_W + kx >= SRC_W) continue;
                    const float16 value = pixel[s * sample_step + i * STRIDE_W * SRC_C + c];
#pragma unroll
                    for (int v = 0; v < VECTORS; v++)
                        sums[(s * COLUMNS + i) * VECTORS + v] =
                            fma(value, weight[v], sums[(s * COLUMNS + i) * VECTORS + v]);
                }
            }
        }
    }
}

#if BACKWARD
#define EXTRA_PARAMETERS __global const float *restrict x, int accumulate
#define EXTRA            x, accumulate
#else
#define EXTRA_PARAMETERS __global const float *restrict bias, __global uchar *restrict all_places
#define EXTRA            bias, all_places
#endif
#define ROWS (POOL ? 2 : 1)

static inline __attribute__((always_inline)) void block(__global const float *restrict src, int sample_step, int y,
                                                        int column, int first_new, int n_samples, int first_sample,
                                                        __global const float *restrict w, int channel,
                                                        __global float *restrict dst, EXTRA_PARAMETERS,
                                                        const int at_left, const int at_right) {
    float16 sums[ROWS * PIXELS * VECTORS];
#pragma unroll
    for (int i = 0; i < ROWS * PIXELS * VECTORS; i++) sums[i] = (float16)(0.0f);
#pragma unroll
    for (int row = 0; row < ROWS; row++) {
        const int top = (y * ROWS + row) * STRIDE_H - PAD_TOP;
        const int begin = max(0, -top), end = min(KERNEL_H, SRC_H - top);
        for (int ky = begin; ky < end; ky++)
            add_row(sums + row * PIXELS * VECTORS, src + (top + ky) * ROW, sample_step, column * STRIDE_W - PAD_LEFT,
                    w + ky * KERNEL_W * SRC_C * LANES, at_left, at_right);
    }
#if !BACKWARD
    float16 biases[VECTORS];
#pragma unroll
    for (int v = 0; v < VECTORS; v++) biases[v] = load_channels(bias + channel + v * 16, channel + v * 16);
#endif
#pragma unroll
    for (int s = 0; s < SAMPLES; s++) {
        if (s < first_sample || s >= n_samples) continue;
#if POOL
#pragma unroll
        for (int i = 0; i < COLUMNS; i += 2) {
            if (column + i < first_new) continue;
            const int at = ((s * (DST_H / 2) + y) * (DST_W / 2) + (column + i) / 2) * DST_C + channel;
#pragma unroll
            for (int v = 0; v < VECTORS; v++) {
                float16 cell[4];
#pragma unroll
                for (int pixel = 0; pixel < 4; pixel++) {
                    const float16 value =
                        sums[((pixel / 2 * SAMPLES + s) * COLUMNS + i + pixel % 2) * VECTORS + v] + biases[v];
                    cell[pixel] = ACTIVATE(value);
                }
                uchar16 place;
                store_channels(cell_maximum(cell, &place), dst + at + v * 16, channel + v * 16);
                if (all_places) store_bytes(place, all_places + at + v * 16, channel + v * 16);
            }
        }
#else
#pragma unroll
        for (int i = 0; i < COLUMNS; i++) {
            if (column + i < first_new) continue;
            const int at = ((s * DST_H + y) * DST_W + column + i) * DST_C + channel;
#pragma unroll
            for (int v = 0; v < VECTORS; v++) {
                float16 value = sums[(s * COLUMNS + i) * VECTORS + v];
                const int c = channel + v * 16;
#if BACKWARD
#if X_ACTIVATION != ACTIVATION_LINEAR
                const float16 x_value = load_channels(x + at + v * 16, c);
                value = X_DERIVATIVE(value, x_value);
#endif
                if (accumulate) value += load_channels(dst + at + v * 16, c);
                store_channels(value, dst + at + v * 16, c);
#else
                value += biases[v];
                store_channels(ACTIVATE(value), dst + at + v * 16, c);
#endif
            }
        }
#endif
    }
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void conv_direct(int n, __global const float *restrict all_src,
                                                                         __global const float *restrict packed,
                                                                         __global float *restrict all_dst,
                                                                         EXTRA_PARAMETERS) {
    const int y = (int)get_global_id(0), channel = (int)get_global_id(1) * LANES, group = (int)get_global_id(2);
    /* Samples `first_sample` to `n_samples` of this item are new; the others, if any, another item stores. */
    const int whole = n >= SAMPLES;
    const int sample = whole ? min(group * SAMPLES, n - SAMPLES) : group;
    const int first_sample = whole ? group * SAMPLES - sample : 0, n_samples = whole ? SAMPLES : 1;
    const int sample_step = whole ? SRC_H * ROW : 0;
    __global const float *src = all_src + sample * SRC_H * ROW;
    const int at_sample = sample * (DST_H / ROWS) * (DST_W / ROWS) * DST_C;
    __global float *dst = all_dst + at_sample;
    __global const float *w = packed + channel * KERNEL_H * KERNEL_W * SRC_C;
#if BACKWARD && X_ACTIVATION != ACTIVATION_LINEAR
    x += at_sample;
#elif !BACKWARD
    if (all_places) all_places += at_sample;
#endif
#define BLOCK(column, first_new, at_left, at_right)                                                                    \
    block(src, sample_step, y, column, first_new, n_samples, first_sample, w, channel, dst, EXTRA, at_left, at_right)
#if N_BLOCKS == 1
    BLOCK(0, 0, 1, 1);
#else
#if PADDED
    BLOCK(0, 0, 1, 0);
    for (int i = 1; i < N_BLOCKS - 1; i++) BLOCK(i * COLUMNS, 0, 0, 0);
    BLOCK(LAST_BEGIN, (N_BLOCKS - 1) * COLUMNS, 0, 1);
#else
    for (int i = 0; i < N_BLOCKS; i++) BLOCK(min(i * COLUMNS, LAST_BEGIN), i * COLUMNS, 0, 0);
#endif
#endif
}
