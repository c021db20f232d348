/* What the Winograd kernels share: tiles of 6x6 pixels and their transform B' d B. */
#define POINTS 36 /* of a transformed tile: 6 x 6 */

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

/* 16 channels of a tile of side x side pixels: in the image, or, if it reaches beyond it, from a copy with zeros there, which is
 * made in `scratch`, its pixels scratch_step vectors apart. So the transforms, which are long, are compiled only once. */
INLINE tile_source find_tile(__global const float *image, int top, int left, int height, int width, int channels, int c,
                             const int side, __global float *scratch, const int scratch_step) {
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
    const tile_source copy = {scratch, side * scratch_step * 16, scratch_step * 16};
    return copy;
}

/*
 * Transformed tiles are laid out as (channels / 16, block, 36, 16), a tile's points being neighbours, or as (channels / 16,
 * 36, block, 16): `point_step` says how many vectors lie between two points of a tile, `v` where its first value goes.
 */
INLINE void read_tile(__global const float *image, int top, int left, int height, int width, int channels, int block,
                      const int point_step, __global float *v) {
    for (int c = 0; c < channels; c += 16) {
        __global float *out = v + c * POINTS * block;
        const tile_source source = find_tile(image, top, left, height, width, channels, c, 6, out, point_step);
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
