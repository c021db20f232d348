/*
 * What a device can do: kernels that a benchmark times.
 *
 *   bench_fma    multiply-adds in CHAINS independent chains of vectors an item, `n` each; x = x * a + b goes to b / (1 - a),
 *                whatever it begins with, so that the result shows that all of it was computed
 *   bench_read   adds up `n` vectors an item, `repeats` times; the sum of what each item read
 *   bench_copy   copies `n` vectors an item, `repeats` times
 *   bench_count  hardly anything: adds 1 to a counter
 *
 * Item i of read and copy takes the vectors i * step, i * step + stride, ...: one after the other on a CPU, side by side with
 * its neighbours on a GPU. `n` is a multiple of 8.
 *
 * Work sizes: one dimension, any.
 * Macros: VECTOR, CHAINS.
 */
#include "common.h"

#if !defined(VECTOR) || !defined(CHAINS)
#error "VECTOR and CHAINS are needed"
#endif

__kernel void bench_fma(int n, float a, float b, __global float *restrict result) {
    floatv x[CHAINS], sum = (floatv)(0.0f);
#pragma unroll
    for (int c = 0; c < CHAINS; c++) x[c] = (floatv)((float)(c + (int)get_global_id(0)));
    for (int i = 0; i < n; i++) {
#pragma unroll
        for (int c = 0; c < CHAINS; c++) x[c] = fma(x[c], (floatv)(a), (floatv)(b));
    }
#pragma unroll
    for (int c = 0; c < CHAINS; c++) sum += x[c];
    float total = 0.0f;
#if VECTOR == 1
    total = sum;
#else
    const float *lanes = (const float *)&sum;
    for (int lane = 0; lane < VECTOR; lane++) total += lanes[lane];
#endif
    result[get_global_id(0)] = total;
}

enum { UNROLL = 8 };

__kernel void bench_read(int n, int step, int stride, int repeats, __global const float *restrict data,
                         __global float *restrict result) {
    const int first = (int)get_global_id(0) * step;
    floatv sum[UNROLL];
#pragma unroll
    for (int u = 0; u < UNROLL; u++) sum[u] = (floatv)(0.0f);
    for (int r = 0; r < repeats; r++) {
        for (int k = 0; k < n; k += UNROLL) {
#pragma unroll
            for (int u = 0; u < UNROLL; u++) sum[u] += LOAD(data, first + (k + u) * stride);
        }
    }
    float total = 0.0f;
    for (int u = 0; u < UNROLL; u++) {
#if VECTOR == 1
        total += sum[u];
#else
        const float *lanes = (const float *)&sum[u];
        for (int lane = 0; lane < VECTOR; lane++) total += lanes[lane];
#endif
    }
    result[get_global_id(0)] = total;
}

__kernel void bench_copy(int n, int step, int stride, int repeats, __global const float *restrict data,
                         __global float *restrict target) {
    const int first = (int)get_global_id(0) * step;
    for (int r = 0; r < repeats; r++) {
        for (int k = 0; k < n; k += UNROLL) {
#pragma unroll
            for (int u = 0; u < UNROLL; u++)
                STORE(target, first + (k + u) * stride, LOAD(data, first + (k + u) * stride));
        }
    }
}

__kernel void bench_count(__global int *counter) {
    if (get_global_id(0) == 0) counter[0]++;
}
