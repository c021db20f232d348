/*
 * The weights' gradient of a 3x3 convolution with stride 1 by Winograd's F(3x3, 4x4), for CPUs: each tile of 4x4 of dy with
 * the 6x6 of x around it gives 9 sums from 36 multiplications instead of 144: v = B' x B and d = G dy G' of a tile, du[point]
 * = sum over tiles of v[point][tile] outer d[point][tile], dw = A' du A. There are two ways to add up:
 *
 *   conv_winograd_parts:   each item its own part of the tiles, `block` of them at a time, whose transforms and sums stay in the
 *                          second-level cache: for few channels
 *   conv_winograd_tiles, conv_winograd_product: the transforms of a chunk of `block` tiles, then each point's sums over the
 *                          chunk, chunk after chunk: for so many channels that the sums are larger than that cache
 *   conv_winograd_finish:  dw = A' du A, the parts added in order, and db
 *
 * db needs no pass over dy: at the point (1, 1) of the polynomials d is the sum of the tile's dy divided by 36.
 *
 * Shapes: x (n, in_h, in_w, in_c), dy (n, out_h, out_w, out_c); channels are multiples of 16. In the workspace, of each part:
 * du (36, in_c, out_c), sums of the bias (out_c); then, of each item or of all: v (in_c / 16, block, 36, 16), d (out_c / 16, block,
 * 36, 16); in a chunk v (in_c / 16, 36, block, 16), d (out_c / 16, 36, block, 16), because a point's tiles are read one after
 * the other from memory. dw (3, 3, in_c, out_c), db (out_c). What lies outside of x or dy is zero. Sizes are arguments, so that the layers of
 * a network share a program; which item adds what follows from them.
 *
 * Where places are not NULL, dy is the gradient behind a fused pooling (pool_cells.h), (n, out_h / 2, out_w / 2, out_c); out_h
 * and out_w are even.
 *
 * Work sizes: parts (n_parts), tiles (tiles of the chunk), product (any divisor of in_c / 16, out_c / (16 * VECTORS), 36), finish
 * (in_c, out_c / 16); groups of one item.
 * Macros: CHANNELS (a divisor of 16), VECTORS, NEAR (tiles whose d stays in the first-level cache), PARTS (which of the two
 * ways is compiled: each takes seconds).
 */
#include "common.h"
#include "winograd.h"

#if !defined(CHANNELS) || !defined(VECTORS) || !defined(NEAR) || !defined(PARTS)
#error "CHANNELS, VECTORS, NEAR and PARTS are needed"
#endif

#define LANES (16 * VECTORS)
/* Floats of a part's sums, and of an item's transformed tiles. */
#define PART_FLOATS(in_c, out_c)           ((POINTS * (in_c) + 1) * (out_c))
#define SCRATCH_FLOATS(in_c, out_c, block) (POINTS * (block) * ((in_c) + (out_c)))
#define SUM_POINT                          7 /* (1, 1) */
#define SUM_SCALE                          36.0f

/* One line of G g: 4 to 6. */
INLINE void transform_dy(float16 *g) {
    const float16 g0 = g[0], g1 = g[1], g2 = g[2], g3 = g[3];
    const float16 p = (g0 + g2) * (-1.0f / 6.0f), q = (g1 + g3) * (-1.0f / 6.0f);
    const float16 s = fma(g0, 1.0f / 24.0f, g2 * (1.0f / 6.0f)), t = fma(g1, 1.0f / 12.0f, g3 * (1.0f / 3.0f));
    g[0] = g0 * 0.25f;
    g[1] = p + q;
    g[2] = p - q;
    g[3] = s + t;
    g[4] = s - t;
    g[5] = g3;
}

/* One line of A' m: 6 to 3. */
INLINE void transform_dw(float16 *m) {
    const float16 a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], e = m[3] - m[4];
    m[0] = m[0] + a + c;
    m[1] = fma(e, 2.0f, b);
    m[2] = fma(c, 4.0f, a) + m[5];
}

/* d of a tile, laid out as read_tile does. */
INLINE void read_dy(__global const float *dy, __global const uchar *places, int top, int left, int out_h, int out_w,
                    int out_c, int block, const int point_step, __global float *v) {
    for (int c = 0; c < out_c; c += 16) {
        __global float *out = v + c * POINTS * block;
        const tile_source source = find_tile(dy, places, top, left, out_h, out_w, out_c, c, 4, out, point_step);
        float16 d[6][6];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float16 line[6];
#pragma unroll
            for (int j = 0; j < 4; j++) line[j] = vload16(0, source.pixels + i * source.row + j * source.step);
            transform_dy(line);
#pragma unroll
            for (int j = 0; j < 6; j++) d[j][i] = line[j];
        }
#pragma unroll
        for (int j = 0; j < 6; j++) {
            transform_dy(d[j]);
#pragma unroll
            for (int i = 0; i < 6; i++) vstore16(d[j][i], (i * 6 + j) * point_step, out);
        }
    }
}

#define SIZES int in_h, int in_w, int in_c, int out_h, int out_w, int out_c, int pad_top, int pad_left, int block

/* v and d of a tile, its t-th in `scratch`, where tiles are `tile_step` vectors apart and their points `point_step`. */
INLINE void transform_tile(int tile, int t, SIZES, const int tile_step, const int point_step,
                           __global const float *all_x, __global const float *all_dy, __global const uchar *all_places,
                           __global float *scratch) {
    const int tiles_x = (out_w + 3) / 4, tiles_y = (out_h + 3) / 4, sample = tile / (tiles_x * tiles_y);
    const int out_top = tile / tiles_x % tiles_y * 4, out_left = tile % tiles_x * 4;
    const int top = out_top - pad_top, left = out_left - pad_left;
    __global float *v = scratch + t * tile_step * 16, *d = v + POINTS * block * in_c;
    const int at_sample = sample * (out_h * out_w * out_c) / (all_places ? 4 : 1);
    __global const float *x = all_x + sample * (in_h * in_w * in_c), *dy = all_dy + at_sample;
    __global const uchar *places = all_places ? all_places + at_sample : 0;
    read_tile(x, 0, top, left, in_h, in_w, in_c, block, point_step, v);
    read_dy(dy, places, out_top, out_left, out_h, out_w, out_c, block, point_step, d);
}

/* Adds the tiles in `scratch` to the sums of one point, of CHANNELS input and LANES output channels. */
INLINE void add_tiles(int n_tiles, int is_first, int point, int channel, int out, int in_c, int out_c, int block,
                      const int tile_step, const int point_step, __global const float *scratch, __global float *part) {
    __global const float *left = scratch + (channel / 16 * POINTS * block + point * point_step) * 16 + channel % 16;
    __global const float *all_right = scratch + (in_c + out) * POINTS * block + point * point_step * 16;
    __global const float *right = all_right;
    __global float *target = part + (point * in_c + channel) * out_c + out;
    float16 sums[CHANNELS * VECTORS];
#pragma unroll
    for (int i = 0; i < CHANNELS * VECTORS; i++) sums[i] = (float16)(0.0f);
#pragma unroll 2
    for (int t = 0; t < n_tiles; t++) {
        float16 gradient[VECTORS];
#pragma unroll
        for (int k = 0; k < VECTORS; k++) gradient[k] = vload16(k * POINTS * block, right);
#pragma unroll
        for (int i = 0; i < CHANNELS; i++)
#pragma unroll
            for (int k = 0; k < VECTORS; k++)
                sums[i * VECTORS + k] = fma((float16)(left[i]), gradient[k], sums[i * VECTORS + k]);
        left += tile_step * 16;
        right += tile_step * 16;
    }
#pragma unroll
    for (int i = 0; i < CHANNELS; i++)
#pragma unroll
        for (int k = 0; k < VECTORS; k++) {
            float16 sum = sums[i * VECTORS + k];
            if (!is_first) sum += vload16(k, target + i * out_c);
            vstore16(sum, k, target + i * out_c);
        }
    if (point != SUM_POINT || channel != 0) return;
    __global float *bias = part + POINTS * in_c * out_c + out;
#pragma unroll
    for (int k = 0; k < VECTORS; k++) {
        float16 sum = (float16)(0.0f);
        for (int t = 0; t < n_tiles; t++) sum += vload16(t * tile_step + k * POINTS * block, all_right);
        if (!is_first) sum += vload16(k, bias);
        vstore16(sum, k, bias);
    }
}

#if PARTS
ITEM conv_winograd_parts(int n, SIZES, __global const float *restrict all_x, __global const float *restrict all_dy,
                         __global const uchar *restrict all_places, __global float *restrict workspace) {
    const int index = (int)get_global_id(0), n_parts = (int)get_global_size(0);
    const int n_tiles = n * ((out_h + 3) / 4) * ((out_w + 3) / 4), n_blocks = (n_tiles + block - 1) / block;
    const int begin = index * n_blocks / n_parts, end = (index + 1) * n_blocks / n_parts;
    __global float *part = workspace + index * PART_FLOATS(in_c, out_c);
    __global float *scratch =
        workspace + n_parts * PART_FLOATS(in_c, out_c) + index * SCRATCH_FLOATS(in_c, out_c, block);
    /* A part without blocks is a sum of no tiles. */
    for (int b = begin; b < max(end, begin + 1); b++) {
        const int first = b * block, in_block = b < end ? min(block, n_tiles - first) : 0;
        for (int t = 0; t < in_block; t++)
            transform_tile(first + t, t, in_h, in_w, in_c, out_h, out_w, out_c, pad_top, pad_left, block, POINTS, 1,
                           all_x, all_dy, all_places, scratch);
        for (int point = 0; point < POINTS; point++)
            for (int channel = 0; channel < in_c; channel += CHANNELS)
                for (int out = 0; out < out_c; out += LANES)
                    add_tiles(in_block, b == begin, point, channel, out, in_c, out_c, block, POINTS, 1, scratch, part);
    }
}

#else
ITEM conv_winograd_tiles(int first, SIZES, __global const float *restrict all_x, __global const float *restrict all_dy,
                         __global const uchar *restrict all_places, __global float *restrict workspace) {
    const int t = (int)get_global_id(0);
    transform_tile(first + t, t, in_h, in_w, in_c, out_h, out_w, out_c, pad_top, pad_left, block, 1, block, all_x,
                   all_dy, all_places, workspace + PART_FLOATS(in_c, out_c));
}

ITEM conv_winograd_product(int n_tiles, int is_first, int in_c, int out_c, int block,
                           __global float *restrict workspace) {
    const int channels = in_c / (int)get_global_size(0), begin = (int)get_global_id(0) * channels;
    const int out = (int)get_global_id(1) * LANES, point = (int)get_global_id(2);
    __global const float *scratch = workspace + PART_FLOATS(in_c, out_c);
    for (int t = 0; t < n_tiles; t += NEAR)
        for (int channel = begin; channel < begin + channels; channel += CHANNELS)
            add_tiles(min(n_tiles - t, NEAR), is_first && t == 0, point, channel, out, in_c, out_c, block, 1, block,
                      scratch + t * 16, workspace);
}

#endif

INLINE float16 sum_parts(__global const float *first, int n_parts, int part_floats) {
    float16 sum = vload16(0, first);
    for (int i = 1; i < n_parts; i++) sum += vload16(0, first + i * part_floats);
    return sum;
}

ITEM conv_winograd_finish(int n_parts, __global const float *restrict workspace, __global float *restrict dw,
                          __global float *restrict db, int accumulate) {
    const int channel = (int)get_global_id(0), in_c = (int)get_global_size(0), out = (int)get_global_id(1) * 16;
    const int out_c = (int)get_global_size(1) * 16, part_floats = PART_FLOATS(in_c, out_c);
    if (channel == 0) {
        float16 sum = SUM_SCALE * sum_parts(workspace + POINTS * in_c * out_c + out, n_parts, part_floats);
        if (accumulate) sum += vload16(0, db + out);
        vstore16(sum, 0, db + out);
    }
    float16 d[3][6];
#pragma unroll
    for (int j = 0; j < 6; j++) {
        float16 line[6];
#pragma unroll
        for (int i = 0; i < 6; i++)
            line[i] = sum_parts(workspace + ((i * 6 + j) * in_c + channel) * out_c + out, n_parts, part_floats);
        transform_dw(line);
#pragma unroll
        for (int i = 0; i < 3; i++) d[i][j] = line[i];
    }
#pragma unroll
    for (int i = 0; i < 3; i++) {
        transform_dw(d[i]);
#pragma unroll
        for (int j = 0; j < 3; j++) {
            __global float *target = dw + ((i * 3 + j) * in_c + channel) * out_c + out;
            float16 value = d[i][j];
            if (accumulate) value += vload16(0, target);
            vstore16(value, 0, target);
        }
    }
}
