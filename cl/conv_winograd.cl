/*
 * Winograd's F(4x4, 3x3) for CPUs (Lavin and Gray 2016): convolution 3x3 with stride 1, forward and backward to the data,
 * with 36 multiplications for 16 results of 9 each. Backward is the convolution of dy with the kernel turned around.
 *
 *   conv_winograd_weights: u = G w G', layout (36, dst_c / 16, src_c, 16)
 *   conv_winograd:         for one block of BLOCK tiles after another: v = B' src B, m = u * v, dst = finish(A' m A)
 *   conv_winograd_tiles, conv_winograd_product, conv_winograd_results: the same one after the other for a chunk of tiles, where
 *                          u is so large that each block would read it from memory again
 *
 * Shapes: src (n, src_h, src_w, src_c), dst (n, dst_h, dst_w, dst_c); channels are multiples of 16. src is read in place:
 * what the padding would hold is zero. Results of tiles that reach beyond dst are not stored. Sizes are arguments, so that
 * the layers of a network share a program.
 *
 * v and m of a block, (src_c / 16, BLOCK, 36, 16) and (dst_c / 16, BLOCK, 36, 16), are scratch of the work-item behind u in
 * the workspace, small enough to stay in the second-level cache. A tile's points are neighbours because the transforms touch
 * all of them at once: apart by whole tiles they would fall into a few sets of the first-level cache. Which item takes a block
 * changes no result. Those of a chunk of `capacity` tiles, a multiple of BLOCK, are (src_c / 16, 36, capacity, 16), because a
 * point's tiles are read one after the other from memory, and (dst_c / 16, capacity, 36, 16).
 *
 * With a fused pooling (pool_cells.h) dst of a forward pass is pooled, (n, dst_h / 2, dst_w / 2, dst_c), a tile's pixels being
 * four cells; so is src of a backward pass. Heights and widths are those before pooling, and even. Forward, `pool` says so, and
 * places are written unless they are NULL; backward, places that are not NULL say so. These are arguments as well, so that
 * layers with and without pooling share a program.
 *
 * Work sizes: conv_winograd (items); conv_winograd_weights (src_c, dst_c / 16); tiles and results (tiles of the chunk), product
 * (dst_c / (16 * VECTORS), 36); groups of one item.
 * Macros: BLOCK, TILES (a divisor of BLOCK) and VECTORS (a divisor of dst_c / 16): registers hold the sums of TILES tiles with
 * VECTORS vectors each, so that a value of v that was read serves VECTORS products, and weights TILES; BACKWARD (0: bias and
 * ACTIVATION; 1: the derivative of the activation that made x, and the sum with what was there), X_ACTIVATION if that is no line
 * to the left and right of 0, whose slope on the left is `x_slope`, CHUNKS (which of the two ways is compiled: each takes seconds).
 */
#include "common.h"
#include "winograd.h"

#if !defined(BLOCK) || !defined(TILES) || !defined(VECTORS) || !defined(BACKWARD) || !defined(CHUNKS)
#error "BLOCK, TILES, VECTORS, BACKWARD and CHUNKS are needed"
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

ITEM conv_winograd_weights(__global const float *restrict weights, __global float *restrict u) {
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
#define EXTRA_PARAMETERS                                                                                               \
    __global const float *restrict x, float x_slope, int accumulate, __global const uchar *restrict all_places
#define EXTRA x, x_slope, accumulate, all_places
#else
#define EXTRA_PARAMETERS __global const float *restrict bias, int pool, __global uchar *restrict all_places
#define EXTRA            bias, pool, all_places
#endif
#define SIZES int src_h, int src_w, int src_c, int dst_h, int dst_w, int dst_c, int pad_top, int pad_left
#define SIZE  src_h, src_w, src_c, dst_h, dst_w, dst_c, pad_top, pad_left

/* v of a tile, see read_tile(). */
INLINE void transform_source(int tile, SIZES, __global const float *all_src, __global const uchar *all_places,
                             int block, const int point_step, __global float *v) {
    const int tiles_x = (dst_w + 3) / 4, tiles_y = (dst_h + 3) / 4;
    const int top = tile / tiles_x % tiles_y * 4 - pad_top, left = tile % tiles_x * 4 - pad_left;
    const int is_pooled = BACKWARD && all_places != 0;
    const int at_sample = tile / (tiles_x * tiles_y) * (src_h * src_w * src_c) / (is_pooled ? 4 : 1);
    __global const uchar *places = is_pooled ? all_places + at_sample : 0;
    read_tile(all_src + at_sample, places, top, left, src_h, src_w, src_c, block, point_step, v);
}

/* m of one point and 16 * VECTORS output channels, which are `m_step` floats apart, for TILES tiles: src_c products each. In v
 * tiles are `tile_step` vectors apart, and 16 channels `channel_step`. Tiles that a last block lacks are multiplied too and
 * dropped: what is in v may be anything. */
INLINE void multiply(__global const float *v, const int tile_step, int channel_step, __global const float *u, int src_c,
                     __global float *m, int m_step) {
    float16 sums[TILES][VECTORS];
#pragma unroll
    for (int t = 0; t < TILES; t++)
#pragma unroll
        for (int k = 0; k < VECTORS; k++) sums[t][k] = (float16)(0.0f);
    for (int c = 0; c < src_c; c += 16) {
#pragma unroll 2
        for (int lane = 0; lane < 16; lane++) {
            float16 weights[VECTORS];
#pragma unroll
            for (int k = 0; k < VECTORS; k++) weights[k] = vload16(k * src_c + c + lane, u);
#pragma unroll
            for (int t = 0; t < TILES; t++)
#pragma unroll
                for (int k = 0; k < VECTORS; k++)
                    sums[t][k] = fma((float16)(v[t * tile_step * 16 + lane]), weights[k], sums[t][k]);
        }
        v += channel_step * 16;
    }
#pragma unroll
    for (int t = 0; t < TILES; t++)
#pragma unroll
        for (int k = 0; k < VECTORS; k++) vstore16(sums[t][k], t * POINTS, m + k * m_step);
}

/* dst of a tile, whose 36 points are at `m`, for each 16 channels `block` tiles further. */
INLINE void finish_tile(int tile, SIZES, __global const float *m, int block, __global float *all_dst,
                        EXTRA_PARAMETERS) {
    const int tiles_x = (dst_w + 3) / 4, tiles_y = (dst_h + 3) / 4;
    const int top = tile / tiles_x % tiles_y * 4, left = tile % tiles_x * 4;
    const int sample = tile / (tiles_x * tiles_y), at_tile = ((sample * dst_h + top) * dst_w + left) * dst_c;
#if !BACKWARD
    const int at_cells = ((sample * (dst_h / 2) + top / 2) * (dst_w / 2) + left / 2) * dst_c;
#endif
    for (int c = 0; c < dst_c; c += 16) {
        float16 d[4][6];
#pragma unroll
        for (int j = 0; j < 6; j++) {
            float16 line[6];
#pragma unroll
            for (int i = 0; i < 6; i++) line[i] = vload16(i * 6 + j, m + c * block * POINTS);
            transform_out(line);
#pragma unroll
            for (int i = 0; i < 4; i++) d[i][j] = line[i];
        }
#if !BACKWARD
        const float16 b = vload16(0, bias + c);
#endif
        /* In memory, so that what follows is compiled for one pixel or cell. */
        float16 results[4][4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            transform_out(d[i]);
#pragma unroll
            for (int j = 0; j < 4; j++) results[i][j] = d[i][j];
        }
#if BACKWARD
#pragma unroll 1
        for (int pixel = 0; pixel < 16; pixel++) {
            const int i = pixel / 4, j = pixel % 4, at = at_tile + (i * dst_w + j) * dst_c + c;
            if (top + i >= dst_h || left + j >= dst_w) continue;
            /* Exactly zero where nothing but what a pooling dropped is read. */
            const int is_read = top + i - pad_top < src_h && left + j - pad_left < src_w;
            float16 value = is_read ? results[i][j] : (float16)(0.0f);
#ifdef X_ACTIVATION
            const float16 x_value = vload16(0, x + at);
            value = X_DERIVATIVE(value, x_value);
#else
            if (x_slope != 1.0f) value = vload16(0, x + at) > 0.0f ? value : value * x_slope;
#endif
            if (accumulate) value += vload16(0, all_dst + at);
            vstore16(value, 0, all_dst + at);
        }
#else
#pragma unroll 1
        for (int at_cell = 0; at_cell < 4; at_cell++) {
            const int i = at_cell / 2 * 2, j = at_cell % 2 * 2;
            float16 cell[4];
            if (top + i >= dst_h || left + j >= dst_w) continue;
#pragma unroll
            for (int pixel = 0; pixel < 4; pixel++) {
                const float16 value = results[i + pixel / 2][j + pixel % 2] + b;
                cell[pixel] = ACTIVATE(value);
            }
            if (pool) {
                const int at = at_cells + (i / 2 * (dst_w / 2) + j / 2) * dst_c + c;
                uchar16 place;
                vstore16(cell_maximum(cell, &place), 0, all_dst + at);
                if (all_places) vstore16(place, 0, all_places + at);
                continue;
            }
#pragma unroll
            for (int pixel = 0; pixel < 4; pixel++) {
                const int y = i + pixel / 2, x = j + pixel % 2;
                if (top + y < dst_h && left + x < dst_w)
                    vstore16(cell[pixel], 0, all_dst + at_tile + (y * dst_w + x) * dst_c + c);
            }
        }
#endif
    }
}

#if !CHUNKS
ITEM conv_winograd(int n, SIZES, __global const float *restrict all_src, __global float *restrict workspace,
                   __global float *restrict all_dst, EXTRA_PARAMETERS) {
    const int item = (int)get_global_id(0), n_items = (int)get_global_size(0), n_vectors = dst_c / 16;
    const int n_tiles = n * ((dst_h + 3) / 4) * ((dst_w + 3) / 4);
    __global const float *u = workspace;
    __global float *v = workspace + POINTS * (src_c * dst_c + item * BLOCK * (src_c + dst_c));
    __global float *m = v + POINTS * BLOCK * src_c;
    for (int first = item * BLOCK; first < n_tiles; first += n_items * BLOCK) {
        const int in_block = min(BLOCK, n_tiles - first);
        for (int t = 0; t < in_block; t++)
            transform_source(first + t, SIZE, all_src, all_places, BLOCK, 1, v + t * POINTS * 16);
        for (int point = 0; point < POINTS; point++)
            for (int vector = 0; vector < n_vectors; vector += VECTORS)
                for (int t = 0; t < BLOCK; t += TILES)
                    multiply(v + (t * POINTS + point) * 16, POINTS, POINTS * BLOCK,
                             u + (point * n_vectors + vector) * src_c * 16, src_c,
                             m + ((vector * BLOCK + t) * POINTS + point) * 16, BLOCK * POINTS * 16);
        for (int t = 0; t < in_block; t++) finish_tile(first + t, SIZE, m + t * POINTS * 16, BLOCK, all_dst, EXTRA);
    }
}

#else
ITEM conv_winograd_tiles(int first, SIZES, int capacity, __global const float *restrict all_src,
                         __global const uchar *restrict all_places, __global float *restrict workspace) {
    const int t = (int)get_global_id(0);
    transform_source(first + t, SIZE, all_src, all_places, capacity, capacity,
                     workspace + POINTS * src_c * dst_c + t * 16);
}

ITEM conv_winograd_product(int n_tiles, int src_c, int dst_c, int capacity, __global float *restrict workspace) {
    const int vector = (int)get_global_id(0) * VECTORS, point = (int)get_global_id(1);
    __global const float *u = workspace + (point * (dst_c / 16) + vector) * src_c * 16;
    __global const float *v = workspace + POINTS * src_c * dst_c + point * capacity * 16;
    __global float *m = workspace + POINTS * src_c * (dst_c + capacity) + (vector * capacity * POINTS + point) * 16;
    for (int t = 0; t < n_tiles; t += TILES)
        multiply(v + t * 16, 1, POINTS * capacity, u, src_c, m + t * POINTS * 16, capacity * POINTS * 16);
}

ITEM conv_winograd_results(int first, SIZES, int capacity, __global const float *restrict workspace,
                           __global float *restrict all_dst, EXTRA_PARAMETERS) {
    const int t = (int)get_global_id(0);
    finish_tile(first + t, SIZE, workspace + POINTS * (src_c * (dst_c + capacity) + t * 16), capacity, all_dst, EXTRA);
}
#endif
