/* Numbers that repeats are summed up with. */
#ifndef FCL_BENCH_STATISTICS_H
#define FCL_BENCH_STATISTICS_H

#include <stddef.h>

/* The values in ascending order, for free(); NULL when memory is out. */
double *fcl_sorted(const double *values, size_t n);
/* Of n > 0 values in any order, which stay as they are; of an even number the mean of the middle two. NaN when memory is
 * out. */
double fcl_median(const double *values, size_t n);
/* The larger of two errors; a NaN is the largest, and stays. */
double fcl_worse(double a, double b);
double fcl_minimum(const double *values, size_t n);
double fcl_maximum(const double *values, size_t n);

#endif
