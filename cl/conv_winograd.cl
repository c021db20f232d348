/*
 * Winograd's F(4x4, 3x3) for CPUs (Lavin and Gray 2016): convolution 3x3 with stride 1, forward and backward to the data,
 * with 36 multiplications for 16 results of 9 each. Backward is the convolution of dy with the kernel turned around.
 *
 *   conv_winograd_weights: u = G w G', layout (36, DST_C / 16, SRC_C, 16)
 *   conv_winograd:         for one block of BLOCK tiles after another: v = B' src B, m = u * v, dst = finish(A' m A)
 *
 * Shapes: src (n, SRC_H, SRC_W, SRC_C), dst (n, DST_H, DST_W, DST_C); channels are multiples of 16. src is read in place:
 * what the padding would hold is zero. Results of tiles that reach beyond dst are not stored.
 *
 * v and m of a block, (36, BLOCK, SRC_C) and (36, BLOCK, DST_C), are scratch of the work-item, small enough to stay in the
 * second-level cache. Which item takes a block changes no result.
 *
 * Work sizes: conv_winograd (items), of one item a group; conv_winograd_weights (SRC_C, DST_C / 16), groups of one item.
 * Macros: SRC_H, SRC_W, SRC_C, DST_H, DST_W, DST_C, PAD_TOP, PAD_LEFT, BLOCK, BACKWARD (0: bias and ACTIVATION; 1:
 * X_ACTIVATION, and the sum with what was there).
 */
#include "common.h"
#include "winograd.h"

#ifndef BACKWARD
#error "BACKWARD is needed"
#endif

#define TILES_X   ((DST_W + 3) / 4)
#define TILES_Y   ((DST_H + 3) / 4)
#define N_VECTORS (DST_C / 16)
#define N_WEIGHTS (POINTS * SRC_C * DST_C)
#define SCRATCH   (POINTS * BLOCK * (SRC_C + DST_C))

/* One line of A' m: 6 to 4. */
INLINE void transform_out(float16 *m) {
    const float16 a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], e = m[3] - m[4];
    m[0] = m[0] + a + c;
    m[1] = fma(e, 2.0f, b);
    m[2] = fma(c, 4.0f, a);
    m[3] = fma(e, 8.0f, b) + m[5];
}

/* One line of G g: 3 to 6. */
INLINE void transform_weights(float16 *g) {
    const float16 g0 = g[0], g1 = g[1], g2 = g[2];
    const float16 a = (g0 + g2) * (-1.0f / 6.0f), b = g1 * (-1.0f / 6.0f);
    const float16 c = fma(g0, 1.0f / 24.0f, g2 * (1.0f / 6.0f)), e = g1 * (1.0f / 12.0f);
    g[0] = g0 * 0.25f;
    g[1] = a + b;
    g[2] = a - b;
    g[3] = c + e;
    g[4] = c - e;
    g[5] = g2;
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_winograd_weights(__global const float *restrict weights, __global float *restrict u) {
    const int c = (int)get_global_id(0), vector = (int)get_global_id(1);
    float16 d[6][6], line[6];
#pragma unroll
    for (int kx = 0; kx < 3; kx++) {
#pragma unroll
        for (int ky = 0; ky < 3; ky++) {
#if BACKWARD
            /* w is (3, 3, DST_C, SRC_C) here. */
            __global const float *tap = weights + ((2 - ky) * 3 + 2 - kx) * DST_C * SRC_C;
            float lanes[16];
            for (int lane = 0; lane < 16; lane++) lanes[lane] = tap[(vector * 16 + lane) * SRC_C + c];
            line[ky] = vload16(0, lanes);
#else
            line[ky] = vload16(vector, weights + ((ky * 3 + kx) * SRC_C + c) * DST_C);
#endif
        }
        transform_weights(line);
#pragma unroll
        for (int i = 0; i < 6; i++) d[i][kx] = line[i];
    }
#pragma unroll
    for (int i = 0; i < 6; i++) {
        transform_weights(d[i]);
#pragma unroll
        for (int j = 0; j < 6; j++) vstore16(d[i][j], ((i * 6 + j) * N_VECTORS + vector) * SRC_C + c, u);
    }
}

#if BACKWARD
#define EXTRA_PARAMETERS __global const float *restrict x, int accumulate
#else
#define EXTRA_PARAMETERS __global const float *restrict bias
#endif

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_winograd(int n, __global const float *restrict all_src, __global float *restrict workspace,
              __global float *restrict all_dst, EXTRA_PARAMETERS) {
    const int item = (int)get_global_id(0), n_items = (int)get_global_size(0), n_tiles = n * TILES_Y * TILES_X;
    __global const float *u = workspace;
    __global float *v = workspace + N_WEIGHTS + item * SCRATCH, *m = v + POINTS * BLOCK * SRC_C;
    for (int first = item * BLOCK; first < n_tiles; first += n_items * BLOCK) {
        const int in_block = min(BLOCK, n_tiles - first);
        for (int t = 0; t < in_block; t++) {
            const int tile = first + t, tile_x = tile % TILES_X, tile_y = tile / TILES_X % TILES_Y;
            const int top = tile_y * 4 - PAD_TOP, left = tile_x * 4 - PAD_LEFT;
            __global const float *src = all_src + tile / (TILES_X * TILES_Y) * (SRC_H * SRC_W * SRC_C);
            if (top >= 0 && left >= 0 && top + 6 <= SRC_H && left + 6 <= SRC_W)
                read_tile(src, top, left, SRC_H, SRC_W, SRC_C, v + t * SRC_C, BLOCK * SRC_C, 1);
            else
                read_tile(src, top, left, SRC_H, SRC_W, SRC_C, v + t * SRC_C, BLOCK * SRC_C, 0);
        }
        /* Tiles that a last block lacks are multiplied too and dropped: what is in v may be anything. */
        for (int point = 0; point < POINTS; point++)
            for (int vector = 0; vector < N_VECTORS; vector++) {
                __global const float *w = u + (point * N_VECTORS + vector) * SRC_C * 16;
                __global const float *tiles = v + point * BLOCK * SRC_C;
                float16 sums[BLOCK];
#pragma unroll
                for (int t = 0; t < BLOCK; t++) sums[t] = (float16)(0.0f);
#pragma unroll 2
                for (int c = 0; c < SRC_C; c++) {
                    const float16 weight = vload16(c, w);
#pragma unroll
                    for (int t = 0; t < BLOCK; t++) sums[t] = fma((float16)(tiles[t * SRC_C + c]), weight, sums[t]);
                }
#pragma unroll
                for (int t = 0; t < BLOCK; t++) vstore16(sums[t], 0, m + (point * BLOCK + t) * DST_C + vector * 16);
            }
        for (int t = 0; t < in_block; t++) {
            const int tile = first + t, top = tile / TILES_X % TILES_Y * 4, left = tile % TILES_X * 4;
            const int at_tile = ((tile / (TILES_X * TILES_Y) * DST_H + top) * DST_W + left) * DST_C;
            for (int c = 0; c < DST_C; c += 16) {
                float16 d[4][6];
#pragma unroll
                for (int j = 0; j < 6; j++) {
                    float16 line[6];
#pragma unroll
                    for (int i = 0; i < 6; i++) line[i] = vload16(0, m + ((i * 6 + j) * BLOCK + t) * DST_C + c);
                    transform_out(line);
#pragma unroll
                    for (int i = 0; i < 4; i++) d[i][j] = line[i];
                }
#if !BACKWARD
                const float16 b = vload16(0, bias + c);
#endif
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    transform_out(d[i]);
#pragma unroll
                    for (int j = 0; j < 4; j++) {
                        if (top + i >= DST_H || left + j >= DST_W) continue;
                        const int at = at_tile + (i * DST_W + j) * DST_C + c;
                        float16 value = d[i][j];
#if BACKWARD
#if X_ACTIVATION != ACTIVATION_LINEAR
                        const float16 x_value = vload16(0, x + at);
                        value = X_DERIVATIVE(value, x_value);
#endif
                        if (accumulate) value += vload16(0, all_dst + at);
                        vstore16(value, 0, all_dst + at);
#else
                        value += b;
                        vstore16(ACTIVATE(value), 0, all_dst + at);
#endif
                    }
                }
            }
        }
    }
}
