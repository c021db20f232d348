/*
 * The weights' gradient of a 3x3 convolution with stride 1 by Winograd's F(3x3, 4x4), for CPUs: each tile of 4x4 of dy with
 * the 6x6 of x around it gives 9 sums from 36 multiplications instead of 144.
 *
 *   conv_winograd_tiles:   v = B' x B and d = G dy G' of one tile
 *   conv_winograd_product: du[point] (+)= sum over tiles of v[point][tile] outer d[point][tile]
 *   conv_winograd_finish:  dw = A' du A, and db
 *
 * db needs no pass over dy: at the point (1, 1) of the polynomials d is the sum of the tile's dy divided by 36.
 *
 * Shapes: x (n, IN_H, IN_W, IN_C), dy (n, OUT_H, OUT_W, OUT_C); channels are multiples of 16. Of a chunk of tiles: v (36,
 * CHUNK, IN_C), d (36, CHUNK, OUT_C). du (36, IN_C, OUT_C), dw (3, 3, IN_C, OUT_C), db (OUT_C). What lies outside of x or dy is zero.
 * Chunks follow each other in order, so the sums depend on the shape alone.
 *
 * Work sizes: tiles (tiles of the chunk), product (IN_C / CHANNELS, OUT_C / LANES, 36), finish (IN_C, OUT_C / 16); groups
 * of one item.
 * Macros: IN_H, IN_W, IN_C, OUT_H, OUT_W, OUT_C, PAD_TOP,
 * PAD_LEFT, CHUNK, CHANNELS (a divisor of IN_C), VECTORS.
 */
#include "common.h"
#include "winograd.h"

#ifndef CHUNK
#error "CHUNK is needed"
#endif

#define TILES_X ((OUT_W + 3) / 4)
#define TILES_Y ((OUT_H + 3) / 4)
#define LANES   (16 * VECTORS)
#define SUM_POINT 7 /* (1, 1) */
#define SUM_SCALE 36.0f
#define ITEM    __attribute__((reqd_work_group_size(1, 1, 1))) __kernel void

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

INLINE void read_dy(__global const float *dy, int top, int left, __global float *out, const int inside) {
    for (int c = 0; c < OUT_C; c += 16) {
        float16 d[6][6];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float16 line[6];
#pragma unroll
            for (int j = 0; j < 4; j++) line[j] = read_pixel(dy, top + i, left + j, OUT_H, OUT_W, OUT_C, c, inside);
            transform_dy(line);
#pragma unroll
            for (int j = 0; j < 6; j++) d[j][i] = line[j];
        }
#pragma unroll
        for (int j = 0; j < 6; j++) {
            transform_dy(d[j]);
#pragma unroll
            for (int i = 0; i < 6; i++) vstore16(d[j][i], 0, out + (i * 6 + j) * CHUNK * OUT_C + c);
        }
    }
}

ITEM conv_winograd_tiles(int first, __global const float *restrict all_x, __global const float *restrict all_dy,
                         __global float *restrict workspace) {
    __global float *v = workspace + V_AT, *d = workspace + D_AT;
    const int t = (int)get_global_id(0), tile = first + t, sample = tile / (TILES_X * TILES_Y);
    const int out_top = tile / TILES_X % TILES_Y * 4, out_left = tile % TILES_X * 4;
    const int top = out_top - PAD_TOP, left = out_left - PAD_LEFT;
    __global const float *x = all_x + sample * (IN_H * IN_W * IN_C), *dy = all_dy + sample * (OUT_H * OUT_W * OUT_C);
    if (top >= 0 && left >= 0 && top + 6 <= IN_H && left + 6 <= IN_W)
        read_tile(x, top, left, IN_H, IN_W, IN_C, v + t * IN_C, CHUNK * IN_C, 1);
    else
        read_tile(x, top, left, IN_H, IN_W, IN_C, v + t * IN_C, CHUNK * IN_C, 0);
    if (out_top + 4 <= OUT_H && out_left + 4 <= OUT_W)
        read_dy(dy, out_top, out_left, d + t * OUT_C, 1);
    else
        read_dy(dy, out_top, out_left, d + t * OUT_C, 0);
}

ITEM conv_winograd_product(int n_tiles, int is_first, __global float *restrict workspace) {
    const int channel = (int)get_global_id(0) * CHANNELS, out = (int)get_global_id(1) * LANES;
    const int point = (int)get_global_id(2);
    __global const float *left = workspace + V_AT + point * CHUNK * IN_C + channel;
    __global const float *right = workspace + D_AT + point * CHUNK * OUT_C + out;
    __global float *target = workspace + DU_AT + (point * IN_C + channel) * OUT_C + out;
    float16 sums[CHANNELS * VECTORS];
#pragma unroll
    for (int i = 0; i < CHANNELS * VECTORS; i++) sums[i] = (float16)(0.0f);
#pragma unroll 2
    for (int t = 0; t < n_tiles; t++) {
        float16 gradient[VECTORS];
#pragma unroll
        for (int k = 0; k < VECTORS; k++) gradient[k] = vload16(k, right + t * OUT_C);
#pragma unroll
        for (int i = 0; i < CHANNELS; i++)
#pragma unroll
            for (int k = 0; k < VECTORS; k++)
                sums[i * VECTORS + k] = fma((float16)(left[t * IN_C + i]), gradient[k], sums[i * VECTORS + k]);
    }
#pragma unroll
    for (int i = 0; i < CHANNELS; i++)
#pragma unroll
        for (int k = 0; k < VECTORS; k++) {
            float16 sum = sums[i * VECTORS + k];
            if (!is_first) sum += vload16(k, target + i * OUT_C);
            vstore16(sum, k, target + i * OUT_C);
        }
    if (point != SUM_POINT || channel != 0) return;
    __global float *bias = workspace + out;
#pragma unroll
    for (int k = 0; k < VECTORS; k++) {
        float16 sum = (float16)(0.0f);
        for (int t = 0; t < n_tiles; t++) sum += vload16(k, right + t * OUT_C);
        if (!is_first) sum += vload16(k, bias);
        vstore16(sum, k, bias);
    }
}

ITEM conv_winograd_finish(__global const float *restrict workspace, __global float *restrict dw,
                          __global float *restrict db, int accumulate) {
    __global const float *du = workspace + DU_AT;
    const int channel = (int)get_global_id(0), out = (int)get_global_id(1) * 16;
    if (channel == 0) {
        float16 sum = SUM_SCALE * vload16(0, workspace + out);
        if (accumulate) sum += vload16(0, db + out);
        vstore16(sum, 0, db + out);
    }
    float16 d[3][6];
#pragma unroll
    for (int j = 0; j < 6; j++) {
        float16 line[6];
#pragma unroll
        for (int i = 0; i < 6; i++) line[i] = vload16(0, du + ((i * 6 + j) * IN_C + channel) * OUT_C + out);
        transform_dw(line);
#pragma unroll
        for (int i = 0; i < 3; i++) d[i][j] = line[i];
    }
#pragma unroll
    for (int i = 0; i < 3; i++) {
        transform_dw(d[i]);
#pragma unroll
        for (int j = 0; j < 3; j++) {
            __global float *target = dw + ((i * 3 + j) * IN_C + channel) * OUT_C + out;
            float16 value = d[i][j];
            if (accumulate) value += vload16(0, target);
            vstore16(value, 0, target);
        }
    }
}
