/*
 * What the Winograd kernels share: tiles of 6x6 pixels and their transform B' d B.
 *
 * A gradient before a fused pooling is read from the pooled one and its places (pool_cells.h): `places`, unless it is 0.
 * Macros: POOL; ODD_TOP and ODD_LEFT (default 0), whether tiles of 6x6 of it begin in the middle of a cell.
 */
#include "pool_cells.h"

#ifndef ODD_TOP
#define ODD_TOP  0
#define ODD_LEFT 0
#endif

#define POINTS 36 /* of a transformed tile: 6 x 6 */
#define INLINE static inline __attribute__((always_inline))

/* One line of B' d: 6 to 6. */
INLINE void transform_in(float16 *d) {
    const float16 d0 = d[0], d1 = d[1], d2 = d[2], d3 = d[3], d4 = d[4], d5 = d[5];
    const float16 a = fma(d2, -4.0f, d4), b = fma(d1, -4.0f, d3), c = d4 - d2, e = 2.0f * (d3 - d1);
    d[0] = fma(d0, 4.0f, fma(d2, -5.0f, d4));
    d[1] = a + b;
    d[2] = a - b;
    d[3] = c + e;
    d[4] = c - e;
    d[5] = fma(d1, 4.0f, fma(d3, -5.0f, d5));
}

/* 16 channels of pixel (i, j) of a tile, zero outside of the image; `inside`: it is known not to be. With `pooled` the image in
 * memory has half as many rows and columns, and (odd_top, odd_left) is the tile's first pixel in its cell. */
INLINE float16 read_pixel(__global const float *image, __global const uchar *places, const int pooled, int top, int left,
                          const int i, const int j, const int odd_top, const int odd_left, int height, int width,
                          int channels, int c, const int inside) {
    const int y = top + i, x = left + j;
    if (!inside && (y < 0 || y >= height || x < 0 || x >= width)) return (float16)(0.0f);
    if (!pooled) return vload16(0, image + (y * width + x) * channels + c);
    /* Of constants, so that the pixels of a cell share what they load. */
    const int down = (odd_top + i) / 2, right = (odd_left + j) / 2;
    const int at = (((top - odd_top) / 2 + down) * (width / 2) + (left - odd_left) / 2 + right) * channels + c;
    return cell_gradient(vload16(0, image + at), vload16(0, places + at), (odd_top + i) % 2 * 2 + (odd_left + j) % 2);
}

/*
 * Transformed tiles are laid out as (channels / 16, block, 36, 16), a tile's points being neighbours, or as (channels / 16,
 * 36, block, 16): `point_step` says how many vectors lie between two points of a tile, `v` where its first value goes.
 */
INLINE void read_tile(__global const float *image, __global const uchar *places, const int pooled, int top, int left, int height, int width, int channels, int block,
                      const int point_step, __global float *v, const int inside) {
    for (int c = 0; c < channels; c += 16) {
        __global float *out = v + c * POINTS * block;
        float16 d[6][6];
#pragma unroll
        for (int i = 0; i < 6; i++) {
            float16 line[6];
#pragma unroll
            for (int j = 0; j < 6; j++)
                line[j] = read_pixel(image, places, pooled, top, left, i, j, ODD_TOP, ODD_LEFT, height, width, channels, c,
                                     inside);
            transform_in(line);
#pragma unroll
            for (int j = 0; j < 6; j++) d[j][i] = line[j];
        }
#pragma unroll
        for (int j = 0; j < 6; j++) {
            transform_in(d[j]);
#pragma unroll
            for (int i = 0; i < 6; i++) vstore16(d[j][i], (i * 6 + j) * point_step, out);
        }
    }
}
