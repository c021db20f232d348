/*
 * Dropout, forward and backward, with the same mask from the same random numbers:
 *
 *   dropout_forward:  y = activation(x * keep / (1 - rate))
 *   dropout_backward: dx = dy * keep / (1 - rate) * derivative of the activation that made x, or dx += that
 *
 * keep is 1 where the random number of the element is >= rate, else 0. Element e of the whole batch has word
 * e % 4 of block e / 4 of Philox4x32-10 with counter (e / 4 low, high, step, purpose) and key (seed low,
 * high): random.h.
 *
 * Shapes: n elements of this part of the batch, of which the first is element `first` (64 bits in two words)
 * of the whole batch.
 *
 * Work sizes: one dimension, at least ((first % 4 + n) / 4 rounded up) / (RANDOM_BLOCKS * PER_ITEM) items
 * (rounded up), any work-group; item i computes the blocks from i * RANDOM_BLOCKS * PER_ITEM on.
 *
 * Macros: RANDOM_BLOCKS (1 or 4, made at once), PER_ITEM (how often an item makes them); ACTIVATION with ACTIVATION_ALPHA
 * (forward) or X_ACTIVATION with X_ACTIVATION_ALPHA (backward). `scale` is 1 / (1 - rate).
 */
#include "common.h"
#include "random.h"

#ifndef PER_ITEM
#error "PER_ITEM is needed"
#endif
#if defined(ACTIVATION) == defined(X_ACTIVATION)
#error "either ACTIVATION or X_ACTIVATION is needed"
#endif

/* The elements of the blocks that are made at once, which follow each other. */
#if RANDOM_BLOCKS == 1
typedef float4 elements;
#define LOAD_ELEMENTS(from)        vload4(0, from)
#define STORE_ELEMENTS(values, to) vstore4(values, 0, to)
#else
typedef float16 elements;
#define LOAD_ELEMENTS(from)        vload16(0, from)
#define STORE_ELEMENTS(values, to) vstore16(values, 0, to)
#endif
#define N_ELEMENTS (4 * RANDOM_BLOCKS)

/* What elements are multiplied with. */
static inline elements factors(ulong block, uint step, uint purpose, uint key_low, uint key_high, float rate,
                               float scale) {
#if RANDOM_BLOCKS == 1
    const random_words words = philox4x32((uint)block, (uint)(block >> 32), step, purpose, key_low, key_high);
    const elements unit = (float4)(RANDOM_UNIT(words.word[0]), RANDOM_UNIT(words.word[1]), RANDOM_UNIT(words.word[2]),
                                   RANDOM_UNIT(words.word[3]));
#else
    const ulong4 blocks = block + (ulong4)(0, 1, 2, 3);
    const random_words words =
        philox4x32(convert_uint4(blocks & 0xffffffffUL), convert_uint4(blocks >> 32), step, purpose, key_low, key_high);
    const float4 a = RANDOM_UNIT(words.word[0]), b = RANDOM_UNIT(words.word[1]), c = RANDOM_UNIT(words.word[2]),
                 d = RANDOM_UNIT(words.word[3]);
    const elements unit = (float16)(a.x, b.x, c.x, d.x, a.y, b.y, c.y, d.y, a.z, b.z, c.z, d.z, a.w, b.w, c.w, d.w);
#endif
    return unit >= rate ? (elements)(scale) : (elements)(0.0f);
}

#ifdef ACTIVATION
__kernel void dropout_forward(int n, uint seed_low, uint seed_high, uint purpose, uint step, uint first_low,
                              uint first_high, float rate, float scale, __global const float *restrict x,
                              __global float *restrict y) {
#else
__kernel void dropout_backward(int n, uint seed_low, uint seed_high, uint purpose, uint step, uint first_low,
                               uint first_high, float rate, float scale, __global const float *restrict x,
                               __global const float *restrict dy, __global float *restrict dx, int accumulate) {
#endif
    const ulong first_block = ((ulong)first_high << 32 | first_low) >> 2;
    const int skipped = (int)(first_low & 3); /* elements of the first block that belong to the part before */
    for (int j = 0; j < PER_ITEM; j++) {
        const int block = ((int)get_global_id(0) * PER_ITEM + j) * RANDOM_BLOCKS, base = 4 * block - skipped;
        if (base >= n) return;
        const elements factor = factors(first_block + (ulong)block, step, purpose, seed_low, seed_high, rate, scale);
        if (base >= 0 && base + N_ELEMENTS <= n) {
#ifdef ACTIVATION
            const elements z = LOAD_ELEMENTS(x + base) * factor;
            STORE_ELEMENTS(ACTIVATE(z), y + base);
#else
            elements gradient = LOAD_ELEMENTS(dy + base) * factor;
#if X_ACTIVATION != ACTIVATION_LINEAR
            const elements output = LOAD_ELEMENTS(x + base);
            gradient = X_DERIVATIVE(gradient, output);
#endif
            if (accumulate) gradient += LOAD_ELEMENTS(dx + base);
            STORE_ELEMENTS(gradient, dx + base);
#endif
        } else {
            float single[N_ELEMENTS];
            STORE_ELEMENTS(factor, single);
            for (int k = 0; k < N_ELEMENTS; k++) {
                const int i = base + k;
                if (i < 0 || i >= n) continue;
#ifdef ACTIVATION
                const float z = x[i] * single[k];
                y[i] = ACTIVATE(z);
#else
                const float gradient = dy[i] * single[k], finished = X_DERIVATIVE(gradient, x[i]);
                dx[i] = accumulate ? dx[i] + finished : finished;
#endif
            }
        }
    }
}
