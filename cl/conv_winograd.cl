/*
 * Winograd's F(4x4, 3x3) for CPUs (Lavin and Gray 2016): convolution 3x3 with stride 1, forward and backward to the data,
 * with 36 multiplications for 16 results of 9 each. Backward is the convolution of dy with the kernel turned around.
 *
 *   conv_winograd_weights: u = G w G', layout (36, dst_c / 16, src_c, 16)
 *   conv_winograd:         for one block of BLOCK tiles after another: v = B' src B, m = u * v, dst = finish(A' m A)
 *
 * Shapes: src (n, src_h, src_w, src_c), dst (n, dst_h, dst_w, dst_c); channels are multiples of 16. src is read in place:
 * what the padding would hold is zero. Results of tiles that reach beyond dst are not stored. Sizes are arguments, so that
 * the layers of a network share a program.
 *
 * v and m of a block, (src_c / 16, BLOCK, 36, 16) and (dst_c / 16, BLOCK, 36, 16), are scratch of the work-item behind u in
 * the workspace, small enough to stay in the second-level cache. A tile's points are neighbours because the transforms touch
 * all of them at once: apart by whole tiles they would fall into a few sets of the first-level cache. Which item takes a block
 * changes no result.
 *
 * With POOL (pool_cells.h) dst of a forward pass is pooled, (n, dst_h / 2, dst_w / 2, dst_c), a tile's pixels being four
 * cells; src of a backward pass is pooled in the same way. Heights and widths are those before pooling, and even.
 *
 * Work sizes: conv_winograd (items), of one item a group; conv_winograd_weights (src_c, dst_c / 16), groups of one item.
 * Macros: BLOCK, BACKWARD (0: bias and ACTIVATION; 1: X_ACTIVATION, and the sum with what was there), POOL; backward with POOL
 * ODD_TOP and ODD_LEFT.
 */
#include "common.h"
#include "winograd.h"

#ifndef BACKWARD
#error "BACKWARD is needed"
#endif

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
    const int src_c = (int)get_global_size(0), n_vectors = (int)get_global_size(1), dst_c = n_vectors * 16;
    float16 d[6][6], line[6];
#pragma unroll
    for (int kx = 0; kx < 3; kx++) {
#pragma unroll
        for (int ky = 0; ky < 3; ky++) {
#if BACKWARD
            /* w is (3, 3, dst_c, src_c) here. */
            __global const float *tap = weights + ((2 - ky) * 3 + 2 - kx) * dst_c * src_c;
            float lanes[16];
            for (int lane = 0; lane < 16; lane++) lanes[lane] = tap[(vector * 16 + lane) * src_c + c];
            line[ky] = vload16(0, lanes);
#else
            line[ky] = vload16(vector, weights + ((ky * 3 + kx) * src_c + c) * dst_c);
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
        for (int j = 0; j < 6; j++) vstore16(d[i][j], ((i * 6 + j) * n_vectors + vector) * src_c + c, u);
    }
}

#if BACKWARD
#define POOLED_SOURCE    HAS_PLACES
#define EXTRA_PARAMETERS __global const float *restrict x, int accumulate PLACES_PARAMETER(__global const uchar *)
#else
#define POOLED_SOURCE    0
#define EXTRA_PARAMETERS __global const float *restrict bias PLACES_PARAMETER(__global uchar *)
#endif

/* m of one point and 16 output channels, for all tiles of a block: src_c products each. Tiles that a last block lacks are
 * multiplied too and dropped: what is in v may be anything. */
INLINE void multiply(__global const float *tiles, __global const float *u, int src_c, __global float *m) {
    float16 sums[BLOCK];
#pragma unroll
    for (int t = 0; t < BLOCK; t++) sums[t] = (float16)(0.0f);
    for (int c = 0; c < src_c; c += 16) {
#pragma unroll 2
        for (int lane = 0; lane < 16; lane++) {
            const float16 weight = vload16(c + lane, u);
#pragma unroll
            for (int t = 0; t < BLOCK; t++) sums[t] = fma((float16)(tiles[t * POINTS * 16 + lane]), weight, sums[t]);
        }
        tiles += POINTS * BLOCK * 16;
    }
#pragma unroll
    for (int t = 0; t < BLOCK; t++) vstore16(sums[t], t * POINTS, m);
}

__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_winograd(int n, int src_h, int src_w, int src_c, int dst_h, int dst_w, int dst_c, int pad_top, int pad_left,
              __global const float *restrict all_src, __global float *restrict workspace,
              __global float *restrict all_dst, EXTRA_PARAMETERS) {
    const int item = (int)get_global_id(0), n_items = (int)get_global_size(0), n_vectors = dst_c / 16;
    const int tiles_x = (dst_w + 3) / 4, tiles_y = (dst_h + 3) / 4, n_tiles = n * tiles_y * tiles_x;
    __global const float *u = workspace;
    __global float *v = workspace + POINTS * (src_c * dst_c + item * BLOCK * (src_c + dst_c));
    __global float *m = v + POINTS * BLOCK * src_c;
    for (int first = item * BLOCK; first < n_tiles; first += n_items * BLOCK) {
        const int in_block = min(BLOCK, n_tiles - first);
        for (int t = 0; t < in_block; t++) {
            const int tile = first + t, tile_x = tile % tiles_x, tile_y = tile / tiles_x % tiles_y;
            const int top = tile_y * 4 - pad_top, left = tile_x * 4 - pad_left;
            const int at_sample = tile / (tiles_x * tiles_y) * (src_h * src_w * src_c) / (POOLED_SOURCE ? 4 : 1);
            __global const float *src = all_src + at_sample;
            __global const uchar *places = POOLED_SOURCE ? ALL_PLACES + at_sample : 0;
            if (top >= 0 && left >= 0 && top + 6 <= src_h && left + 6 <= src_w)
                read_tile(src, places, POOLED_SOURCE, top, left, src_h, src_w, src_c, BLOCK, 1, v + t * POINTS * 16, 1);
            else
                read_tile(src, places, POOLED_SOURCE, top, left, src_h, src_w, src_c, BLOCK, 1, v + t * POINTS * 16, 0);
        }
        for (int point = 0; point < POINTS; point++)
            for (int vector = 0; vector < n_vectors; vector++)
                multiply(v + point * 16, u + (point * n_vectors + vector) * src_c * 16, src_c,
                         m + (vector * BLOCK * POINTS + point) * 16);
        for (int t = 0; t < in_block; t++) {
            const int tile = first + t, top = tile / tiles_x % tiles_y * 4, left = tile % tiles_x * 4;
#if POOL && !BACKWARD
            const int at_tile = ((tile / (tiles_x * tiles_y) * dst_h + top) / 2 * (dst_w / 2) + left / 2) * dst_c;
#else
            const int at_tile = ((tile / (tiles_x * tiles_y) * dst_h + top) * dst_w + left) * dst_c;
#endif
            for (int c = 0; c < dst_c; c += 16) {
                __global const float *of_tile = m + (c * BLOCK + t * 16) * POINTS;
                float16 d[4][6];
#pragma unroll
                for (int j = 0; j < 6; j++) {
                    float16 line[6];
#pragma unroll
                    for (int i = 0; i < 6; i++) line[i] = vload16(i * 6 + j, of_tile);
                    transform_out(line);
#pragma unroll
                    for (int i = 0; i < 4; i++) d[i][j] = line[i];
                }
#if !BACKWARD
                const float16 b = vload16(0, bias + c);
#endif
#if POOL && !BACKWARD
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    transform_out(d[i]);
#pragma unroll
                    for (int j = 0; j < 4; j++) {
                        const float16 value = d[i][j] + b;
                        d[i][j] = ACTIVATE(value);
                    }
                }
#pragma unroll
                for (int i = 0; i < 4; i += 2) {
#pragma unroll
                    for (int j = 0; j < 4; j += 2) {
                        if (top + i >= dst_h || left + j >= dst_w) continue;
                        const int at = at_tile + (i / 2 * (dst_w / 2) + j / 2) * dst_c + c;
                        const float16 cell[4] = {d[i][j], d[i][j + 1], d[i + 1][j], d[i + 1][j + 1]};
                        int16 place;
                        vstore16(cell_maximum(cell, &place), 0, all_dst + at);
#if HAS_PLACES
                        vstore16(convert_uchar16(place), 0, ALL_PLACES + at);
#endif
                    }
                }
#else
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    transform_out(d[i]);
#pragma unroll
                    for (int j = 0; j < 4; j++) {
                        if (top + i >= dst_h || left + j >= dst_w) continue;
                        const int at = at_tile + (i * dst_w + j) * dst_c + c;
                        float16 value = d[i][j];
#if BACKWARD
#if HAS_PLACES
                        /* Exactly zero where nothing but what the pooling dropped is read. */
                        if (top + i - pad_top >= src_h || left + j - pad_left >= src_w) value = (float16)(0.0f);
#endif
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
#endif
            }
        }
    }
}
