/*
 * The second stage of a weights' gradient: partial sums added in order, so that the result depends on their number alone.
 *
 *   sum_parts: dw and db from parts (n_parts, N_WEIGHTS then N_BIASES)
 *
 * Work sizes: N_WEIGHTS + N_BIASES, rounded up.
 * Macros: N_WEIGHTS, N_BIASES.
 */
#include "common.h"

#ifndef N_WEIGHTS
#error "N_WEIGHTS is needed"
#endif

__kernel void sum_parts(int n_parts, __global const float *restrict parts, __global float *restrict dw,
                        __global float *restrict db, int accumulate) {
    const int i = (int)get_global_id(0);
    if (i >= N_WEIGHTS + N_BIASES) return;
    float sum = 0.0f;
    for (int part = 0; part < n_parts; part++) sum += parts[part * (N_WEIGHTS + N_BIASES) + i];
    __global float *target = i < N_WEIGHTS ? dw + i : db + (i - N_WEIGHTS);
    *target = accumulate ? *target + sum : sum;
}
