/*
 * Activations that stand alone, and sums of two tensors.
 *
 *   activation_forward:  y = activation(x)
 *   add:                 y = activation(x + x2)
 *   activation_backward: dx = dy * derivative of the activation that made x, or dx += that
 *
 * Shapes: any, read as n_vectors vectors of VECTOR floats.
 *
 * Work sizes: one dimension, at least n_vectors / PER_ITEM items (rounded up), any work-group; item i takes
 * the vectors from i * PER_ITEM on.
 *
 * Macros: VECTOR, PER_ITEM; ACTIVATION with ACTIVATION_ALPHA (the first two), or X_ACTIVATION with
 * X_ACTIVATION_ALPHA.
 */
#include "common.h"

#if !defined(VECTOR) || !defined(PER_ITEM)
#error "VECTOR and PER_ITEM are needed"
#endif
#if !defined(ACTIVATION) && !defined(X_ACTIVATION)
#error "ACTIVATION or X_ACTIVATION is needed"
#endif

#ifdef ACTIVATION
__kernel void activation_forward(int n_vectors, __global const float *restrict x, __global float *restrict y) {
    int begin = (int)get_global_id(0) * PER_ITEM, end = min(begin + PER_ITEM, n_vectors);
    for (int i = begin; i < end; i++) {
        floatv z = LOAD(x, i);
        STORE(y, i, ACTIVATE(z));
    }
}

__kernel void add(int n_vectors, __global const float *x, __global const float *x2, __global float *restrict y) {
    int begin = (int)get_global_id(0) * PER_ITEM, end = min(begin + PER_ITEM, n_vectors);
    for (int i = begin; i < end; i++) {
        floatv z = LOAD(x, i) + LOAD(x2, i);
        STORE(y, i, ACTIVATE(z));
    }
}
#endif

#ifdef X_ACTIVATION
__kernel void activation_backward(int n_vectors, __global const float *restrict x, __global const float *restrict dy,
                                  __global float *restrict dx, int accumulate) {
    int begin = (int)get_global_id(0) * PER_ITEM, end = min(begin + PER_ITEM, n_vectors);
    for (int i = begin; i < end; i++) {
        floatv gradient = LOAD(dy, i);
#if X_ACTIVATION != ACTIVATION_LINEAR
        floatv output = LOAD(x, i);
        gradient = X_DERIVATIVE(gradient, output);
#endif
        STORE(dx, i, accumulate ? LOAD(dx, i) + gradient : gradient);
    }
}
#endif
