/*
 * Whether x and a pair of stats are finite, in two stages.
 *
 *   finite_check_scan:  partial[g] = 1 when an element that work-group g looked at is infinity or NaN, else 0
 *   finite_check_judge: flag[0] = step and flag[1] = 1 (the pair of stats) + 2 (x) for what is not finite;
 *                       nothing is written when all is finite or flag[0] is not zero already
 *
 * Shapes: x of n_vectors * VECTOR floats; partial of N_PARTIALS ints; stats of pairs; flag of 2 ints.
 *
 * Work sizes: scan: N_PARTIALS groups of GROUP items; judge: 1.
 *
 * Macros: VECTOR, GROUP, N_PARTIALS, CONTIGUOUS (1: an item takes neighbouring vectors, 0: neighbouring items
 * do).
 */
#include "common.h"

#if !defined(VECTOR) || !defined(GROUP) || !defined(N_PARTIALS) || !defined(CONTIGUOUS)
#error "VECTOR, GROUP, N_PARTIALS and CONTIGUOUS are needed"
#endif

/* The exponent bits of a float; all of them are set in infinities and NaN only. */
#define EXPONENT 0x7f800000

#if VECTOR == 1
#define EXPONENT_OF(values) (as_int(values) & EXPONENT)
#elif VECTOR == 2
#define EXPONENT_OF(values) (as_int2(values) & EXPONENT)
#elif VECTOR == 4
#define EXPONENT_OF(values) (as_int4(values) & EXPONENT)
#elif VECTOR == 8
#define EXPONENT_OF(values) (as_int8(values) & EXPONENT)
#else
#define EXPONENT_OF(values) (as_int16(values) & EXPONENT)
#endif

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
finite_check_scan(int n_vectors, __global const float *restrict x, __global int *restrict partial) {
    const int item = (int)get_global_id(0), n_items = N_PARTIALS * GROUP;
#if CONTIGUOUS
    const int share = n_vectors / n_items + 1, begin = min(item * share, n_vectors);
    const int end = min(begin + share, n_vectors), stride = 1;
#else
    const int begin = item, end = n_vectors, stride = n_items;
#endif
    intv largest = 0;
    for (int i = begin; i < end; i += stride) {
        floatv values = LOAD(x, i);
        largest = max(largest, EXPONENT_OF(values));
    }
    /* largest - EXPONENT is negative or, where something was not finite, 0: then all bits of its complement
     * are set, the highest of which any() looks at. */
    const int found = any(~(largest - EXPONENT)) ? 1 : 0;
#if GROUP == 1
    partial[get_group_id(0)] = found;
#else
    __local int founds[GROUP];
    const int lane = (int)get_local_id(0);
    founds[lane] = found;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane == 0) {
        int together = 0;
        for (int i = 0; i < GROUP; i++) together |= founds[i];
        partial[get_group_id(0)] = together;
    }
#endif
}

__kernel void finite_check_judge(__global const int *restrict partial, __global const float *restrict stats, uint slot,
                                 uint step, __global int *restrict flag) {
    int together = 0;
    for (int i = 0; i < N_PARTIALS; i++) together |= partial[i];
    int found = together << 1;
    if (is_not_finite(stats[2 * slot]) || is_not_finite(stats[2 * slot + 1])) found |= 1;
    if (found != 0 && flag[0] == 0) {
        flag[0] = (int)step;
        flag[1] = found;
    }
}
