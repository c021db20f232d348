/*
 * Dense layers for CPUs: every kernel goes once over the weights, by far the largest operand, and keeps its sums in
 * registers.
 *
 *   dense_direct_forward: partial sums of y over one of n_parts parts of the inputs, for all samples
 *   dense_direct_finish:  the parts added in order, bias and activation
 *   dense_direct_data:    dx = x_activation'(x) * (dy * transposed w), 16 inputs an item, 4 of them for ROWS samples at a time
 *   dense_direct_weights: dw and db, CHANNELS inputs an item; the last item computes db
 *
 * Shapes: x, dx (n, in), w, dw (in, out), y, dy (n, out), b, db (out); workspace: n_packed packed inputs, in for n samples
 * rounded up to whole SAMPLES, then the partial sums (n_parts, n, out). in and out are at least 16, in at least CHANNELS. What
 * does not divide is shifted: the last vector of 16 outputs ends with `out`, the last item's inputs end with `in`, and what was
 * there before is left alone. Sizes and activations are arguments, so that the layers of a network share a program.
 *
 * The inputs of a part are packed, SAMPLES neighbours for each: in x the samples of an input may be whole pages apart, and then
 * they fall into one set of the first-level cache.
 *
 * Work sizes: forward (n_parts); finish (n); data (ceil(in / 16)); weights (ceil(in / CHANNELS) + 1). Groups of one item.
 * Macros: VECTORS; SAMPLES (with VECTORS the sums of forward) or CHANNELS (with VECTORS those of weights), and then VECTOR (4, 8
 * or 16 floats, the sums of data): either the kernels of the forward pass are compiled or those of the backward pass.
 */
#include "common.h"

#if !defined(VECTORS) || defined(SAMPLES) == defined(CHANNELS) || defined(CHANNELS) != defined(VECTOR)
#error "VECTORS and either SAMPLES or CHANNELS and VECTOR are needed"
#endif

#define LANES (16 * VECTORS)

/* The first output of vector v of a block of LANES. */
static inline int output_of(int block, int v, int out) {
    return min(block + v * 16, out - 16);
}

#ifdef SAMPLES
/* SAMPLES samples times `n_inputs` rows of the weights, of which the first n_samples are stored. */
INLINE void product(__global const float *packed, __global const float *w, __global float *y, int n_inputs, int out,
                    int block, int n_samples) {
    float16 sums[SAMPLES * VECTORS];
#pragma unroll
    for (int i = 0; i < SAMPLES * VECTORS; i++) sums[i] = (float16)(0.0f);
    for (int k = 0; k < n_inputs; k++) {
        float16 weight[VECTORS];
#pragma unroll
        for (int v = 0; v < VECTORS; v++) weight[v] = vload16(0, w + k * out + output_of(block, v, out));
#pragma unroll
        for (int s = 0; s < SAMPLES; s++)
#pragma unroll
            for (int v = 0; v < VECTORS; v++)
                sums[s * VECTORS + v] = fma((float16)(packed[k * SAMPLES + s]), weight[v], sums[s * VECTORS + v]);
    }
#pragma unroll
    for (int s = 0; s < SAMPLES; s++) {
        if (s >= n_samples) break;
#pragma unroll
        for (int v = 0; v < VECTORS; v++) vstore16(sums[s * VECTORS + v], 0, y + s * out + output_of(block, v, out));
    }
}

ITEM dense_direct_forward(int n, int in, int out, int n_packed, __global const float *restrict x,
                          __global const float *restrict w, __global float *restrict workspace) {
    const int part = (int)get_global_id(0), n_parts = (int)get_global_size(0);
    const int begin = (int)((long)in * part / n_parts), n_inputs = (int)((long)in * (part + 1) / n_parts) - begin;
    const int n_samples = (n + SAMPLES - 1) / SAMPLES * SAMPLES;
    __global float *packed = workspace + begin * n_samples;
    __global float *y = workspace + n_packed + part * n * out;
    for (int s = 0; s < n_samples; s++) {
        __global const float *from = x + min(s, n - 1) * in + begin;
        __global float *to = packed + s / SAMPLES * (n_inputs * SAMPLES) + s % SAMPLES;
        for (int k = 0; k < n_inputs; k++) to[k * SAMPLES] = from[k];
    }
    /* Brings the rows of the part into the second-level cache in the order of memory: block by block they would come in pieces,
     * which takes longer. The sum is of no use, but stored it is not left out. */
    float touched = 0.0f;
    for (int i = 0; i < n_inputs * out; i += 16) touched += w[begin * out + i];
    y[0] = touched;
    for (int block = 0; block < out; block += LANES)
        for (int s = 0; s < n; s += SAMPLES)
            product(packed + s * n_inputs, w + begin * out, y + s * out, n_inputs, out, block, n - s);
}

static inline float16 activate(float16 z, int activation, float alpha) {
    switch (activation) {
    case ACTIVATION_RELU: return z <= 0.0f ? 0.0f : z;
    case ACTIVATION_LEAKY_RELU: return z <= 0.0f ? alpha * z : z;
    case ACTIVATION_ELU: return z <= 0.0f ? alpha * expm1(z) : z;
    default: return z;
    }
}

ITEM dense_direct_finish(int n, int out, int n_parts, int n_packed, int activation, float alpha,
                         __global const float *restrict workspace, __global const float *restrict bias,
                         __global float *restrict y) {
    const int sample = (int)get_global_id(0);
    __global const float *parts = workspace + n_packed;
    for (int block = 0; block < out; block += 16) {
        const int at = output_of(block, 0, out);
        float16 sum = vload16(0, bias + at);
        for (int part = 0; part < n_parts; part++) sum += vload16(0, parts + (part * n + sample) * out + at);
        vstore16(activate(sum, activation, alpha), 0, y + sample * out + at);
    }
}
#endif

#ifdef CHANNELS
/* Stores 16 elements of a gradient. `merges`: adds them to what is there, or leaves those before `from` alone, which the vector
 * before has. */
INLINE void store_gradient(float16 value, int from, int merges, int accumulate, __global float *target) {
    if (merges) {
        const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const float16 old = vload16(0, target);
        if (accumulate) value += old;
        value = lane < from ? old : value;
    }
    vstore16(value, 0, target);
}

/* A block has as many sums as a vector has lanes. */
#define INPUTS 4
#define ROWS   (VECTOR / INPUTS) /* samples */

__constant int lane_numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Sums of neighbours of a, then of b. */
static inline floatv add_pairs(floatv a, floatv b) {
    return (floatv)(a.even + a.odd, b.even + b.odd);
}

/* Stores the sums of 4 inputs, those before `from` left alone. */
static inline void finish_inputs(float4 value, int at, int from, int activation, float alpha, __global const float *x,
                                 __global float *dx, int accumulate) {
    if (activation != ACTIVATION_LINEAR) {
        const float4 x_value = vload4(0, x + at);
        const float4 slope = activation == ACTIVATION_RELU         ? (float4)(0.0f)
                             : activation == ACTIVATION_LEAKY_RELU ? (float4)(alpha)
                                                                   : x_value + alpha;
        value = x_value > 0.0f ? value : value * slope;
    }
    if (accumulate) value += vload4(0, dx + at);
    if (from <= 0) {
        vstore4(value, 0, dx + at);
        return;
    }
    float lanes[INPUTS];
    vstore4(value, 0, lanes);
    for (int i = from; i < INPUTS; i++) dx[at + i] = lanes[i];
}

/* 4 inputs of ROWS samples from `sample` on, of which the last ones may be the batch's last one again. */
INLINE void data_block(int n, int in, int out, int activation, float alpha, int sample, int input, int from,
                       __global const float *dy, __global const float *w, __global const float *x, __global float *dx,
                       int accumulate) {
    __global const float *gradient[ROWS];
    floatv sums[VECTOR];
#pragma unroll
    for (int s = 0; s < ROWS; s++) gradient[s] = dy + min(sample + s, n - 1) * out;
#pragma unroll
    for (int i = 0; i < VECTOR; i++) sums[i] = (floatv)(0.0f);
    for (int block = 0; block < out; block += VECTOR) {
        const int at = min(block, out - VECTOR);
        floatv g[ROWS];
#pragma unroll
        for (int s = 0; s < ROWS; s++) g[s] = VLOAD(0, gradient[s] + at);
        if (at < block) {
            /* The lanes of the vector before it count once. */
#pragma unroll
            for (int s = 0; s < ROWS; s++) g[s] = VLOAD(0, lane_numbers) < block - at ? (floatv)(0.0f) : g[s];
        }
#pragma unroll
        for (int i = 0; i < INPUTS; i++) {
            const floatv weight = VLOAD(0, w + (input + i) * out + at);
#pragma unroll
            for (int s = 0; s < ROWS; s++) sums[s * INPUTS + i] = fma(g[s], weight, sums[s * INPUTS + i]);
        }
    }
    /* Lane i of the last sum is that of all lanes of sums[i]. */
#pragma unroll
    for (int width = VECTOR / 2; width > 0; width /= 2)
#pragma unroll
        for (int i = 0; i < width; i++) sums[i] = add_pairs(sums[2 * i], sums[2 * i + 1]);
    float values[VECTOR];
    VSTORE(sums[0], 0, values);
    for (int s = 0; s < ROWS && sample + s < n; s++)
        finish_inputs(vload4(s, values), (sample + s) * in + input, from, activation, alpha, x, dx, accumulate);
}

ITEM dense_direct_data(int n, int in, int out, int activation, float alpha, __global const float *restrict dy,
                       __global const float *restrict w, __global const float *restrict x, __global float *restrict dx,
                       int accumulate) {
    const int new_input = (int)get_global_id(0) * 16, input = min(new_input, in - 16);
    for (int i = 0; i < 16; i += INPUTS)
        for (int sample = 0; sample < n; sample += ROWS)
            data_block(n, in, out, activation, alpha, sample, input + i, new_input - input - i, dy, w, x, dx,
                       accumulate);
}

ITEM dense_direct_weights(int n, int in, int out, __global const float *restrict x, __global const float *restrict dy,
                          __global float *restrict dw, __global float *restrict db, int accumulate) {
    const int new_input = (int)get_global_id(0) * CHANNELS, input = min(new_input, in - CHANNELS);
    if (new_input >= in) {
        for (int block = 0; block < out; block += 16) {
            const int at = output_of(block, 0, out);
            float16 sum = (float16)(0.0f);
            for (int sample = 0; sample < n; sample++) sum += vload16(0, dy + sample * out + at);
            store_gradient(sum, block - at, 1, accumulate, db + at);
        }
        return;
    }
    for (int block = 0; block < out; block += LANES) {
        const int merges = accumulate || block + LANES > out; /* in all vectors, so that it is asked once */
        float16 sums[CHANNELS * VECTORS];
#pragma unroll
        for (int i = 0; i < CHANNELS * VECTORS; i++) sums[i] = (float16)(0.0f);
        for (int sample = 0; sample < n; sample++) {
            float16 gradient[VECTORS];
#pragma unroll
            for (int v = 0; v < VECTORS; v++) gradient[v] = vload16(0, dy + sample * out + output_of(block, v, out));
#pragma unroll
            for (int i = 0; i < CHANNELS; i++)
#pragma unroll
                for (int v = 0; v < VECTORS; v++)
                    sums[i * VECTORS + v] =
                        fma((float16)(x[sample * in + input + i]), gradient[v], sums[i * VECTORS + v]);
        }
#pragma unroll
        for (int i = 0; i < CHANNELS; i++) {
            if (input + i < new_input) continue;
#pragma unroll
            for (int v = 0; v < VECTORS; v++) {
                const int at = output_of(block, v, out);
                store_gradient(sums[i * VECTORS + v], block + v * 16 - at, merges, accumulate,
                               dw + (input + i) * out + at);
            }
        }
    }
}
#endif
