#include "bench/significance.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "bench/statistics.h"

fcl_mean fcl_trimmed_mean_of(const double *values, size_t n) {
    assert(n >= FCL_TRIMMED_MIN);
    double *sorted = fcl_sorted(values, n);
    if (!sorted) return (fcl_mean){(double)NAN, (double)NAN, 1.0};
    const size_t cut = n / 5, kept = n - 2 * cut;
    double sum = 0.0, winsorized_sum, squares = 0.0;
    for (size_t i = cut; i < n - cut; i++) sum += sorted[i];
    /* Winsorized: what is cut off counts as the outermost value that is kept. */
    winsorized_sum = sum + (double)cut * (sorted[cut] + sorted[n - cut - 1]);
    for (size_t i = 0; i < n; i++) {
        double value = i < cut ? sorted[cut] : i >= n - cut ? sorted[n - cut - 1] : sorted[i];
        double deviation = value - winsorized_sum / (double)n;
        squares += deviation * deviation;
    }
    free(sorted);
    return (fcl_mean){.mean = sum / (double)kept,
                      .squared_error = squares / (double)(kept * (kept - 1)),
                      .degrees_of_freedom = (double)(kept - 1)};
}

fcl_mean fcl_plain_mean_of(const double *values, size_t n) {
    const double count = (double)n;
    double sum = 0.0, squares = 0.0;
    assert(n > 0);
    for (size_t i = 0; i < n; i++) sum += values[i];
    for (size_t i = 0; i < n; i++) squares += (values[i] - sum / count) * (values[i] - sum / count);
    return (fcl_mean){.mean = sum / count,
                      .squared_error = n > 1 ? squares / (count * (count - 1.0)) : (double)NAN,
                      .degrees_of_freedom = count - 1.0};
}

double fcl_serial_correlation(const double *values, size_t n) {
    double mean = 0.0, products = 0.0, squares = 0.0;
    assert(n >= 2);
    for (size_t i = 0; i < n; i++) mean += values[i] / (double)n;
    for (size_t i = 0; i < n; i++) squares += (values[i] - mean) * (values[i] - mean);
    for (size_t i = 1; i < n; i++) products += (values[i] - mean) * (values[i - 1] - mean);
    if (squares == 0.0) return 0.0;
    return fmin(fmax(products / squares + 1.0 / (double)n, 0.0), FCL_CORRELATION_MAX);
}

void fcl_mean_correlate(fcl_mean *mean, double correlation) {
    const double inflation = (1.0 + correlation) / (1.0 - correlation);
    mean->squared_error *= inflation;
    mean->degrees_of_freedom = fmax((mean->degrees_of_freedom + 1.0) / inflation - 1.0, 1.0);
}

fcl_difference fcl_difference_of(const fcl_mean *a, const fcl_mean *b, double error) {
    const double sum = a->squared_error + b->squared_error;
    fcl_difference out = {.difference = b->mean - a->mean, .margin = 0.0};
    if (sum == 0.0) return out;
    /* Welch's degrees of freedom, so that the steadier of the two may help. */
    double freedom = sum * sum /
                     (a->squared_error * a->squared_error / a->degrees_of_freedom +
                      b->squared_error * b->squared_error / b->degrees_of_freedom);
    out.margin = fcl_student_quantile(0.5 * error, freedom) * sqrt(sum);
    return out;
}

fcl_difference fcl_difference_of_pairs(const fcl_mean *differences, double error) {
    static const fcl_mean zero = {.degrees_of_freedom =
                                      1.0}; /* known without error, so that its degrees do not count */
    return fcl_difference_of(&zero, differences, error);
}

/* The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method. It converges fast for
 * x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x) {
    const double tiny = 1e-300, precision = 1e-15;
    enum { MAX_TERMS = 1000 };
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (fabs(d) < tiny ? tiny : d);
    double fraction = d;
    for (int m = 1; m < MAX_TERMS; m++) {
        const double terms[] = {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                                -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))};
        double change = 1.0;
        for (int i = 0; i < 2; i++) {
            d = 1.0 + terms[i] * d;
            d = 1.0 / (fabs(d) < tiny ? tiny : d);
            c = 1.0 + terms[i] / c;
            if (fabs(c) < tiny) c = tiny;
            change = c * d;
            fraction *= change;
        }
        if (fabs(change - 1.0) < precision) break;
    }
    return fraction;
}

/* The regularized incomplete beta function I_x(a, b), 0 < x < 1. */
static double incomplete_beta(double a, double b, double x) {
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(a, b, x) / a;
    return 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

/* P(T > t) for t > 0. */
static double student_tail(double t, double freedom) {
    return 0.5 * incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + t * t));
}

double fcl_student_quantile(double tail, double degrees_of_freedom) {
    assert(tail > 0.0 && tail < 0.5 && degrees_of_freedom > 0.0);
    double low = 0.0, high = 1.0;
    while (student_tail(high, degrees_of_freedom) > tail) high *= 2.0;
    /* Bisection until the doubles between are used up. */
    for (;;) {
        double middle = 0.5 * (low + high);
        if (middle <= low || middle >= high) return middle;
        if (student_tail(middle, degrees_of_freedom) > tail)
            low = middle;
        else
            high = middle;
    }
}
