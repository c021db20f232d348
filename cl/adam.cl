/*
 * One step of Adam (Kingma and Ba 2015, algorithm 1) in place over all parameters:
 *
 *   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
 *   w -= step_size * m / (sqrt(v) * correction + epsilon)
 *
 * Nothing is written when flag[0] is not zero: a finite check has failed.
 *
 * Shapes: w, dw, m and v of n_vectors * VECTOR floats.
 *
 * Work sizes: one dimension, at least n_vectors / PER_ITEM items (rounded up), any work-group; item i takes
 * the vectors from i * PER_ITEM on.
 *
 * Macros: VECTOR, PER_ITEM.
 */
#include "common.h"

#if !defined(VECTOR) || !defined(PER_ITEM)
#error "VECTOR and PER_ITEM are needed"
#endif

__kernel void adam(int n_vectors, __global float *restrict w, __global const float *restrict dw,
                   __global float *restrict m, __global float *restrict v, __global const int *restrict flag,
                   float beta1, float beta2, float epsilon, float step_size, float correction) {
    if (flag[0] != 0) return;
    const float rest1 = 1.0f - beta1, rest2 = 1.0f - beta2;
    int begin = (int)get_global_id(0) * PER_ITEM, end = min(begin + PER_ITEM, n_vectors);
    for (int i = begin; i < end; i++) {
        floatv gradient = LOAD(dw, i);
        floatv first = beta1 * LOAD(m, i) + rest1 * gradient;
        floatv second = beta2 * LOAD(v, i) + rest2 * gradient * gradient;
        STORE(m, i, first);
        STORE(v, i, second);
        STORE(w, i, LOAD(w, i) - step_size * first / (sqrt(second) * correction + epsilon));
    }
}
