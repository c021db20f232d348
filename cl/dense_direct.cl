/*
 * Dense layers for CPUs: every kernel goes once over the weights, by far the largest operand, and keeps its sums in
 * registers.
 *
 *   dense_direct_forward: partial sums of y over one of `N_PARTS` parts of the inputs, for all samples
 *   dense_direct_finish:  the parts added in order, bias and ACTIVATION
 *   dense_direct_data:    dx = x_activation'(x) * (dy * transposed w), 16 inputs an item, 4 of them for 4 samples at a time
 *   dense_direct_weights: dw and db, CHANNELS inputs an item; the last item computes db
 *
 * Shapes: x, dx (n, IN), w, dw (IN, OUT), y, dy (n, OUT), b, db (OUT), parts (N_PARTS, n, OUT).
 * Work sizes: forward (N_PARTS); finish (n, vectors of OUT); data (ceil(IN / 16)); weights (ceil(IN / CHANNELS) + 1).
 * Groups of one item.
 * Macros: IN (at least 16 and CHANNELS), OUT, N_PARTS, SAMPLES and VECTORS (the sums of forward), CHANNELS (with VECTORS
 * those of weights), ACTIVATION or X_ACTIVATION.
 */
#include "common.h"
#define CHANNELS_IN_ALL OUT
#include "channels.h"

#ifndef N_PARTS
#error "N_PARTS is needed"
#endif

#define LANES     (16 * VECTORS)
#define N_BLOCKS  ((OUT + LANES - 1) / LANES)
#define N_VECTORS ((OUT + 15) / 16)
#define ITEM      __attribute__((reqd_work_group_size(1, 1, 1))) __kernel void

#ifdef ACTIVATION
/* `n_samples` rows of x times rows `begin` to `end` of the weights, to n_samples rows of y. */
static inline __attribute__((always_inline)) void product(__global const float *x, __global const float *w,
                                                          __global float *y, int begin, int end, int channel,
                                                          const int n_samples) {
    float16 sums[SAMPLES * VECTORS];
#pragma unroll
    for (int i = 0; i < n_samples * VECTORS; i++) sums[i] = (float16)(0.0f);
    for (int k = begin; k < end; k++) {
        float16 weight[VECTORS];
#pragma unroll
        for (int v = 0; v < VECTORS; v++) weight[v] = load_channels(w + k * OUT + channel + v * 16, channel + v * 16);
#pragma unroll
        for (int s = 0; s < n_samples; s++)
#pragma unroll
            for (int v = 0; v < VECTORS; v++)
                sums[s * VECTORS + v] = fma((float16)(x[s * IN + k]), weight[v], sums[s * VECTORS + v]);
    }
#pragma unroll
    for (int s = 0; s < n_samples; s++)
#pragma unroll
        for (int v = 0; v < VECTORS; v++)
            store_channels(sums[s * VECTORS + v], y + s * OUT + channel + v * 16, channel + v * 16);
}

ITEM dense_direct_forward(int n, __global const float *restrict x, __global const float *restrict w,
                          __global float *restrict parts) {
    const int part = (int)get_global_id(0);
    const int begin = (int)((long)IN * part / N_PARTS), end = (int)((long)IN * (part + 1) / N_PARTS);
    __global float *y = parts + part * n * OUT;
    for (int block = 0; block < N_BLOCKS; block++) {
        if (n < SAMPLES) {
            for (int s = 0; s < n; s++) product(x + s * IN, w, y + s * OUT, begin, end, block * LANES, 1);
            continue;
        }
        /* The last samples are shifted to end with the batch: some are computed twice. */
        for (int first = 0; first < n; first += SAMPLES) {
            const int s = min(first, n - SAMPLES);
            product(x + s * IN, w, y + s * OUT, begin, end, block * LANES, SAMPLES);
        }
    }
}

ITEM dense_direct_finish(int n, __global const float *restrict parts, __global const float *restrict bias,
                         __global float *restrict y) {
    const int sample = (int)get_global_id(0), channel = (int)get_global_id(1) * 16;
    float16 sum = load_channels(bias + channel, channel);
    for (int part = 0; part < N_PARTS; part++)
        sum += load_channels(parts + (part * n + sample) * OUT + channel, channel);
    store_channels(ACTIVATE(sum), y + sample * OUT + channel, channel);
}
#endif

#ifdef X_ACTIVATION
/* Sums of neighbours of a, then of b. */
static inline float16 add_pairs(float16 a, float16 b) {
    return (float16)(a.even + a.odd, b.even + b.odd);
}

#define INPUTS 4 /* times 4 samples are the 16 sums of a block */

/* Stores the sums of 4 inputs, those before `from` left alone. */
static inline void finish_inputs(float4 value, int at, int from, __global const float *x, __global float *dx,
                                 int accumulate) {
#if X_ACTIVATION != ACTIVATION_LINEAR
    const float4 x_value = vload4(0, x + at);
    value = X_DERIVATIVE(value, x_value);
#endif
    if (accumulate) value += vload4(0, dx + at);
    if (from <= 0) {
        vstore4(value, 0, dx + at);
        return;
    }
    float lanes[INPUTS];
    vstore4(value, 0, lanes);
    for (int i = from; i < INPUTS; i++) dx[at + i] = lanes[i];
}

/* 4 inputs of the samples `sample` to sample + 3, of which the last ones may be the batch's last one again. */
static inline __attribute__((always_inline)) void data_block(int n, int sample, int input, int from,
                                                             __global const float *dy, __global const float *w,
                                                             __global const float *x, __global float *dx,
                                                             int accumulate) {
    __global const float *gradient[4];
    float16 sums[16];
#pragma unroll
    for (int s = 0; s < 4; s++) gradient[s] = dy + min(sample + s, n - 1) * OUT;
#pragma unroll
    for (int i = 0; i < 16; i++) sums[i] = (float16)(0.0f);
    for (int vector = 0; vector < N_VECTORS; vector++) {
        float16 g[4];
#pragma unroll
        for (int s = 0; s < 4; s++) g[s] = load_channels(gradient[s] + vector * 16, vector * 16);
#pragma unroll
        for (int i = 0; i < INPUTS; i++) {
            const float16 weight = load_channels(w + (input + i) * OUT + vector * 16, vector * 16);
#pragma unroll
            for (int s = 0; s < 4; s++) sums[s * 4 + i] = fma(g[s], weight, sums[s * 4 + i]);
        }
    }
    /* Lane i of the last sum is that of all lanes of sums[i]. */
#pragma unroll
    for (int width = 8; width > 0; width /= 2)
#pragma unroll
        for (int i = 0; i < width; i++) sums[i] = add_pairs(sums[2 * i], sums[2 * i + 1]);
    const float16 value = sums[0];
    const int at = sample * IN + input;
    finish_inputs(value.s0123, at, from, x, dx, accumulate);
    if (sample + 1 < n) finish_inputs(value.s4567, at + IN, from, x, dx, accumulate);
    if (sample + 2 < n) finish_inputs(value.s89ab, at + 2 * IN, from, x, dx, accumulate);
    if (sample + 3 < n) finish_inputs(value.scdef, at + 3 * IN, from, x, dx, accumulate);
}

ITEM dense_direct_data(int n, __global const float *restrict dy, __global const float *restrict w,
                       __global const float *restrict x, __global float *restrict dx, int accumulate) {
    /* The last 16 inputs are shifted to end with IN; those that the item before has are left alone. */
    const int new_input = (int)get_global_id(0) * 16, input = min(new_input, IN - 16);
    for (int sample = 0; sample < n; sample += 4)
        for (int i = 0; i < 16; i += INPUTS)
            data_block(n, sample, input + i, new_input - input - i, dy, w, x, dx, accumulate);
}
#endif

#ifdef CHANNELS
ITEM dense_direct_weights(int n, __global const float *restrict x, __global const float *restrict dy,
                          __global float *restrict dw, __global float *restrict db, int accumulate) {
    const int new_input = (int)get_global_id(0) * CHANNELS, input = min(new_input, IN - CHANNELS);
    if (new_input >= IN) {
        for (int channel = 0; channel < OUT; channel += 16) {
            float16 sum = (float16)(0.0f);
            for (int sample = 0; sample < n; sample++) sum += load_channels(dy + sample * OUT + channel, channel);
            if (accumulate) sum += load_channels(db + channel, channel);
            store_channels(sum, db + channel, channel);
        }
        return;
    }
    for (int block = 0; block < N_BLOCKS; block++) {
        const int channel = block * LANES;
        float16 sums[CHANNELS * VECTORS];
#pragma unroll
        for (int i = 0; i < CHANNELS * VECTORS; i++) sums[i] = (float16)(0.0f);
        for (int sample = 0; sample < n; sample++) {
            float16 gradient[VECTORS];
#pragma unroll
            for (int v = 0; v < VECTORS; v++)
                gradient[v] = load_channels(dy + sample * OUT + channel + v * 16, channel + v * 16);
#pragma unroll
            for (int i = 0; i < CHANNELS; i++)
#pragma unroll
                for (int v = 0; v < VECTORS; v++)
                    sums[i * VECTORS + v] =
                        fma((float16)(x[sample * IN + input + i]), gradient[v], sums[i * VECTORS + v]);
        }
#pragma unroll
        for (int i = 0; i < CHANNELS; i++) {
            if (input + i < new_input) continue;
#pragma unroll
            for (int v = 0; v < VECTORS; v++) {
                __global float *target = dw + (input + i) * OUT + channel + v * 16;
                float16 value = sums[i * VECTORS + v];
                if (accumulate) value += load_channels(target, channel + v * 16);
                store_channels(value, target, channel + v * 16);
            }
        }
    }
}
#endif
