#include "bench/statistics.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double *fcl_sorted(const double *values, size_t n) {
    double *sorted = fcl_calloc(n, sizeof *sorted);
    if (!sorted) return NULL;
    memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, ascending);
    return sorted;
}

double fcl_median(const double *values, size_t n) {
    assert(n > 0);
    double *sorted = fcl_sorted(values, n);
    if (!sorted) return (double)NAN;
    double middle = n % 2 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
    free(sorted);
    return middle;
}

double fcl_worse(double a, double b) {
    return isnan(a) || b <= a ? a : b;
}

double fcl_minimum(const double *values, size_t n) {
    assert(n > 0);
    double least = values[0];
    for (size_t i = 1; i < n; i++) least = fmin(least, values[i]);
    return least;
}

double fcl_maximum(const double *values, size_t n) {
    assert(n > 0);
    double most = values[0];
    for (size_t i = 1; i < n; i++) most = fmax(most, values[i]);
    return most;
}
