/* What the Winograd kernels share: tiles of 6x6 pixels and their transform B' d B. */
#include "pool_cells.h"

#define POINTS 36 /* of a transformed tile: 6 x 6 */
#define INLINE static inline __attribute__((always_inline))
#define ITEM   __attribute__((reqd_work_group_size(1, 1, 1))) __kernel void

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

/* Where a tile is read from: pixels `step` floats apart in a row, rows `row` floats. */
typedef struct tile_source {
    __global const float *pixels;
    int row, step;
} tile_source;

/* Writes a tile of the gradient before a fused pooling, (height, width, channels), from the pooled one. */
INLINE void spread_cells(__global const float *pooled, __global const uchar *places, int top, int left, int height,
                         int width, int channels, int c, const int side, __global float *tile, const int step) {
#pragma unroll 1
    for (int y = top >> 1; 2 * y < top + side; y++)
#pragma unroll 1
        for (int x = left >> 1; 2 * x < left + side; x++) {
            const int exists = y >= 0 && 2 * y < height && x >= 0 && 2 * x < width;
            const int at = (y * (width / 2) + x) * channels + c;
            const float16 gradient = exists ? vload16(0, pooled + at) : (float16)(0.0f);
            const uchar16 place = exists ? vload16(0, places + at) : (uchar16)(0);
#pragma unroll
            for (int pixel = 0; pixel < 4; pixel++) {
                const int i = 2 * y + pixel / 2 - top, j = 2 * x + pixel % 2 - left;
                if (i >= 0 && i < side && j >= 0 && j < side)
                    vstore16(cell_gradient(gradient, place, pixel), (i * side + j) * step, tile);
            }
        }
}

/* 16 channels of a tile of side x side pixels: in the image, or from a copy in `scratch`, its pixels scratch_step vectors
 * apart: with zeros, if it reaches beyond the image; with `places`, if they are not 0 and the image is pooled in memory. So
 * the transforms, which are long, are compiled only once. */
INLINE tile_source find_tile(__global const float *image, __global const uchar *places, int top, int left, int height,
                             int width, int channels, int c, const int side, __global float *scratch,
                             const int scratch_step) {
    const tile_source copy = {scratch, side * scratch_step * 16, scratch_step * 16};
    if (places) {
        spread_cells(image, places, top, left, height, width, channels, c, side, scratch, scratch_step);
        return copy;
    }
    if (top >= 0 && left >= 0 && top + side <= height && left + side <= width) {
        const tile_source in_image = {image + (top * width + left) * channels + c, width * channels, channels};
        return in_image;
    }
#pragma unroll 1
    for (int at = 0; at < side * side; at++) {
        const int y = top + at / side, x = left + at % side;
        const int exists = y >= 0 && y < height && x >= 0 && x < width;
        const float16 pixel = exists ? vload16(0, image + (y * width + x) * channels + c) : (float16)(0.0f);
        vstore16(pixel, at * scratch_step, scratch);
    }
    return copy;
}

/*
 * Transformed tiles are laid out as (channels / 16, block, 36, 16), a tile's points being neighbours, or as (channels / 16,
 * 36, block, 16): `point_step` says how many vectors lie between two points of a tile, `v` where its first value goes.
 */
INLINE void read_tile(__global const float *image, __global const uchar *places, int top, int left, int height,
                      int width, int channels, int block, const int point_step, __global float *v) {
    for (int c = 0; c < channels; c += 16) {
        __global float *out = v + c * POINTS * block;
        const tile_source source = find_tile(image, places, top, left, height, width, channels, c, 6, out, point_step);
        float16 d[6][6];
#pragma unroll
        for (int i = 0; i < 6; i++) {
            float16 line[6];
#pragma unroll
            for (int j = 0; j < 6; j++) line[j] = vload16(0, source.pixels + i * source.row + j * source.step);
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
