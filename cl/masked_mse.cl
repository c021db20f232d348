/*
 * Mean squared error over labelled coordinates, with its gradient and the mean absolute error, in two stages.
 *
 *   masked_mse_gradient: dx = 2 (x - target) mask inverse_count * derivative of the activation that made x;
 *                        partial[2i] and partial[2i + 1] = item i's sums of mask (x - target)^2 and of
 *                        mask |x - target|
 *   masked_mse_sum:      stats[2 slot] and stats[2 slot + 1] = the sums of the partials, in order, times
 *                        inverse_count; added to what was there when `accumulate`
 *
 * All results are zero when inverse_count is: no coordinate is labelled.
 *
 * Shapes: x, target, mask and dx of n floats; partial of 2 * n_partials floats; stats of pairs.
 *
 * Work sizes: gradient: at least n_partials items, any work-group; item i takes elements i, i + n_partials,
 * and so on; sum: 1.
 *
 * Macros: X_ACTIVATION, X_ACTIVATION_ALPHA.
 */
#include "common.h"

#ifndef X_ACTIVATION
#error "X_ACTIVATION is needed"
#endif

__kernel void masked_mse_gradient(int n, int n_partials, float inverse_count, __global const float *restrict x,
                                  __global const float *restrict target, __global const float *restrict mask,
                                  __global float *restrict dx, __global float *restrict partial) {
    const int item = (int)get_global_id(0);
    if (item >= n_partials) return;
    float squares = 0.0f, absolutes = 0.0f;
    for (int i = item; i < n; i += n_partials) {
        float gradient = 0.0f;
        if (inverse_count != 0.0f) {
            const float difference = x[i] - target[i], labelled = mask[i];
            squares += difference * difference * labelled;
            absolutes += fabs(difference) * labelled;
            gradient = 2.0f * difference * labelled * inverse_count;
            gradient = X_DERIVATIVE(gradient, x[i]);
        }
        dx[i] = gradient;
    }
    partial[2 * item] = squares;
    partial[2 * item + 1] = absolutes;
}

__kernel void masked_mse_sum(int n_partials, float inverse_count, __global const float *restrict partial, uint slot,
                             int accumulate, __global float *restrict stats) {
    float squares = 0.0f, absolutes = 0.0f;
    for (int i = 0; i < n_partials; i++) {
        squares += partial[2 * i];
        absolutes += partial[2 * i + 1];
    }
    squares *= inverse_count;
    absolutes *= inverse_count;
    if (accumulate) {
        squares += stats[2 * slot];
        absolutes += stats[2 * slot + 1];
    }
    stats[2 * slot] = squares;
    stats[2 * slot + 1] = absolutes;
}
