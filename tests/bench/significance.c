/* Student's t, Yuen's test, Welch's and the paired one against scipy 1.x: t.isf, trim_mean, ttest_ind(equal_var=False, trim=0.2),
 * ttest_ind(equal_var=False) and ttest_rel, each with confidence_interval(0.99). */
#include "bench/significance.h"

#include <math.h>

#include "base/random.h"
#include "support/support.h"

/* scipy's own accuracy, and more than a verdict needs. */
static const double tolerance = 1e-9;

START_TEST(quantiles_of_students_t) {
    static const struct {
        double tail, freedom, t;
    } rows[] = {
        {0.025, 10, 2.2281388519862753},  {0.0005, 18, 3.9216458250851605}, {0.001, 1, 318.30883898555044},
        {5e-06, 4.5, 21.690919407999555}, {0.0005, 2, 31.59905457644362},   {0.05, 1000, 1.6463788172854648},
        {5e-06, 26, 5.460893265900683},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double t = fcl_student_quantile(rows[i].tail, rows[i].freedom);
        ck_assert_msg(fabs(t / rows[i].t - 1.0) < tolerance,
                      "P(T > t) = %g with %g degrees of freedom: %.12g, not %.12g", rows[i].tail, rows[i].freedom, t,
                      rows[i].t);
    }
}
END_TEST

static const double a[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 30}, b[] = {5, 6.5, 7, 4, 9.5, 8};

START_TEST(trimmed_means) {
    fcl_mean of_a = fcl_trimmed_mean_of(a, 10), of_b = fcl_trimmed_mean_of(b, 6);
    ck_assert_double_eq_tol(of_a.mean, 5.5, tolerance);
    ck_assert_double_eq_tol(of_b.mean, 6.625, tolerance);
    /* By hand: 3, 3, 3, 4, 5, 6, 7, 8, 8, 8 has the sum of squares 42.5 about its mean 5.5; 42.5 / (6 * 5). */
    ck_assert_double_eq_tol(of_a.squared_error, 42.5 / 30.0, tolerance);
    ck_assert_double_eq(of_a.degrees_of_freedom, 5.0);
    ck_assert_double_eq(of_b.degrees_of_freedom, 3.0);
}
END_TEST

START_TEST(the_test_of_yuen) {
    fcl_mean of_a = fcl_trimmed_mean_of(a, 10), of_b = fcl_trimmed_mean_of(b, 6);
    fcl_difference d = fcl_difference_of(&of_a, &of_b, 0.01);
    ck_assert_double_eq_tol(d.difference - d.margin, -3.8371848720631743, 1e-8);
    ck_assert_double_eq_tol(d.difference + d.margin, 6.087184872063174, 1e-8);
}
END_TEST

START_TEST(the_test_of_welch) {
    const fcl_mean of_a = fcl_plain_mean_of(a, 10), of_b = fcl_plain_mean_of(b, 6);
    ck_assert_double_eq_tol(of_b.mean, 40.0 / 6.0, tolerance);
    ck_assert_double_eq_tol(of_b.squared_error, 0.6611111111111112, tolerance);
    ck_assert_double_eq(of_b.degrees_of_freedom, 5.0);
    const fcl_difference d = fcl_difference_of(&of_a, &of_b, 0.01);
    ck_assert_double_eq_tol(d.difference - d.margin, -9.443412399889954, 1e-8);
    ck_assert_double_eq_tol(d.difference + d.margin, 7.776745733223289, 1e-8);
    const fcl_mean single = fcl_plain_mean_of(b, 1);
    ck_assert(single.mean == 5.0 && isnan(single.squared_error));
}
END_TEST

START_TEST(the_test_of_pairs) {
    /* 4.6 - 4.1, 5.9 - 5.3, 5.0 - 4.8, 6.9 - 6.0, 5.5 - 5.2, 5.0 - 4.4 */
    const double differences[] = {0.5, 0.6, 0.2, 0.9, 0.3, 0.6};
    const fcl_mean mean = fcl_plain_mean_of(differences, 6);
    const fcl_difference d = fcl_difference_of_pairs(&mean, 0.01);
    ck_assert_double_eq_tol(d.difference - d.margin, 0.10789052904708968, 1e-8);
    ck_assert_double_eq_tol(d.difference + d.margin, 0.9254428042862437, 1e-8);
}
END_TEST

START_TEST(correlated_values_tell_less) {
    /* By hand: deviations from 5.5 are -4.5 ... 4.5, the sum of squares 82.5, of the neighbours' products 57.75. */
    const double rising[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, alternating[] = {1, 2, 1, 2, 1, 2};
    ck_assert_double_eq_tol(fcl_serial_correlation(rising, 10), 57.75 / 82.5 + 0.1, tolerance);
    ck_assert_double_eq(fcl_serial_correlation(alternating, 6), 0.0);
    fcl_mean m = {.mean = 3.0, .squared_error = 2.0, .degrees_of_freedom = 11.0};
    fcl_mean_correlate(&m, 0.5);
    ck_assert_double_eq_tol(m.squared_error, 6.0, tolerance);
    ck_assert_double_eq_tol(m.degrees_of_freedom, 3.0, tolerance);
    fcl_mean_correlate(&m, FCL_CORRELATION_MAX);
    ck_assert_double_eq(m.degrees_of_freedom, 1.0);
}
END_TEST

/* A machine that is slow every now and then for some repeats: x[i] = 0.6 x[i-1] + noise, 1000 pairs of runs of 20. */
START_TEST(slow_spells_give_no_false_alarm) {
    enum { PAIRS = 1000, N = 20 };
    const double error = 0.01, kept = 0.6;
    unsigned n_plain = 0, n_corrected = 0;
    for (uint32_t pair = 0; pair < PAIRS; pair++) {
        fcl_mean m[2], corrected[2];
        double x[N], correlation = 0.0, last = 0.0;
        for (uint32_t run = 0; run < 2; run++) {
            fcl_random_stream stream = fcl_random_stream_make(pair, FCL_RANDOM_TEST, run);
            for (int i = 0; i < N; i++) x[i] = last = kept * last + fcl_random_normal(&stream);
            m[run] = corrected[run] = fcl_trimmed_mean_of(x, N);
            correlation += 0.5 * fcl_serial_correlation(x, N);
        }
        for (int run = 0; run < 2; run++) fcl_mean_correlate(&corrected[run], correlation);
        fcl_difference plain = fcl_difference_of(&m[0], &m[1], error),
                       wider = fcl_difference_of(&corrected[0], &corrected[1], error);
        n_plain += fabs(plain.difference) > plain.margin;
        n_corrected += fabs(wider.difference) > wider.margin;
    }
    /* The correlation of so few is estimated poorly: what is left is a few times the error, not a few dozen times. */
    ck_assert_msg(n_plain > 80 && n_corrected < 40, "%u and %u false alarms", n_plain, n_corrected);
}
END_TEST

START_TEST(without_spread_there_is_no_margin) {
    const double same[] = {2, 2, 2, 2, 2};
    fcl_mean m = fcl_trimmed_mean_of(same, 5);
    fcl_difference d = fcl_difference_of(&m, &m, 0.001);
    ck_assert(d.difference == 0.0 && d.margin == 0.0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench: significance");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, quantiles_of_students_t);
    tcase_add_test(tests, trimmed_means);
    tcase_add_test(tests, the_test_of_yuen);
    tcase_add_test(tests, the_test_of_welch);
    tcase_add_test(tests, the_test_of_pairs);
    tcase_add_test(tests, correlated_values_tell_less);
    tcase_add_test(tests, slow_spells_give_no_false_alarm);
    tcase_add_test(tests, without_spread_there_is_no_margin);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
