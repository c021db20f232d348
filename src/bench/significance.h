/* Whether two series of measurements differ by more than chance. */
#ifndef FCL_BENCH_SIGNIFICANCE_H
#define FCL_BENCH_SIGNIFICANCE_H

#include <stddef.h>

typedef struct fcl_mean {
    double mean;
    double squared_error;      /* of the mean */
    double degrees_of_freedom; /* of Student's t */
} fcl_mean;
/* Where values lie, robustly and without giving up as much precision as the median does: the mean without the
 * lowest and the highest fifth, and its standard error from the winsorized variance (Tukey and McLaughlin 1963).
 * n >= FCL_TRIMMED_MIN; NaN when memory is out. */
enum { FCL_TRIMMED_MIN = 5 };
fcl_mean fcl_trimmed_mean_of(const double *values, size_t n);
/* The mean of all, for few values or ones that are means already. The error of a single value is NaN. */
fcl_mean fcl_plain_mean_of(const double *values, size_t n);

/* The correlation of each value with the one before it, for n >= 2 values in order of time: where a machine is slow for a while,
 * neighbours are alike. The estimate is 1/n too low for independent values (Kendall, Biometrika 41, 1954), which is made up for;
 * from 0 to FCL_CORRELATION_MAX. */
#define FCL_CORRELATION_MAX 0.9
double fcl_serial_correlation(const double *values, size_t n);
/* Such values tell as much about their mean as (1 - c) / (1 + c) times as many independent ones (a first-order autoregression),
 * and its error becomes what that many would give. */
void fcl_mean_correlate(fcl_mean *mean, double correlation);

/* The difference of two means of independent values, which may have different variances and numbers: of trimmed means
 * by the test of Yuen (Biometrika 61, 1974), which with plain ones is that of Welch (Biometrika 34, 1947). The true
 * difference lies within `margin` of `difference` but for the probability `error`. */
typedef struct fcl_difference {
    double difference; /* b - a */
    double margin;
} fcl_difference;
fcl_difference fcl_difference_of(const fcl_mean *a, const fcl_mean *b, double error);
/* The same for a mean of differences, each of a pair of values: the paired t test. */
fcl_difference fcl_difference_of_pairs(const fcl_mean *differences, double error);

/* The value that Student's t with `degrees_of_freedom` > 0 exceeds with probability `tail`, 0 < tail < 0.5. */
double fcl_student_quantile(double tail, double degrees_of_freedom);

#endif
