/* Student's t and Yuen's test against scipy 1.x: t.isf, trim_mean, ttest_ind(equal_var=False, trim=0.2). */
#include "bench/significance.h"

#include <math.h>

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
    fcl_trimmed_mean of_a = fcl_trimmed_mean_of(a, 10), of_b = fcl_trimmed_mean_of(b, 6);
    ck_assert_double_eq_tol(of_a.mean, 5.5, tolerance);
    ck_assert_double_eq_tol(of_b.mean, 6.625, tolerance);
    /* By hand: 3, 3, 3, 4, 5, 6, 7, 8, 8, 8 has the sum of squares 42.5 about its mean 5.5; 42.5 / (6 * 5). */
    ck_assert_double_eq_tol(of_a.squared_error, 42.5 / 30.0, tolerance);
    ck_assert_double_eq(of_a.degrees_of_freedom, 5.0);
    ck_assert_double_eq(of_b.degrees_of_freedom, 3.0);
}
END_TEST

START_TEST(the_test_of_yuen) {
    fcl_trimmed_mean of_a = fcl_trimmed_mean_of(a, 10), of_b = fcl_trimmed_mean_of(b, 6);
    fcl_difference d = fcl_difference_of(&of_a, &of_b, 0.01);
    ck_assert_double_eq_tol(d.difference - d.margin, -3.8371848720631743, 1e-8);
    ck_assert_double_eq_tol(d.difference + d.margin, 6.087184872063174, 1e-8);
}
END_TEST

START_TEST(without_spread_there_is_no_margin) {
    const double same[] = {2, 2, 2, 2, 2};
    fcl_trimmed_mean m = fcl_trimmed_mean_of(same, 5);
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
    tcase_add_test(tests, without_spread_there_is_no_margin);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
