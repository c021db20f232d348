/*
 * Max-pooling 2x2 with stride 2 fused into a convolution, 16 channels at a time. A cell is what becomes one pooled pixel: the
 * pixels 0 and 1 of its upper row, 2 and 3 of its lower one. Its place is the pixel that is the maximum, the first if several
 * are, a NaN before all; places are stored as a byte a channel, laid out as the pooled tensor.
 */
static inline __attribute__((always_inline)) float16 cell_maximum(const float16 *cell, uchar16 *place) {
    float16 best = cell[0];
    int16 first = 0;
#pragma unroll
    for (int pixel = 1; pixel < 4; pixel++) {
        const int16 wins = IS_NEW_MAXIMUM(cell[pixel], best);
        best = wins ? cell[pixel] : best;
        first = wins ? (int16)(pixel) : first;
    }
    *place = convert_uchar16(first);
    return best;
}

/* What a pixel of a cell has of the pooled pixel's gradient. */
static inline float16 cell_gradient(float16 pooled, uchar16 place, int pixel) {
    return convert_int16(place) == pixel ? pooled : (float16)(0.0f);
}
