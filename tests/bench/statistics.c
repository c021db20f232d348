/* Medians, extremes and worst errors against values counted by hand. */
#include "bench/statistics.h"

#include <math.h>

#include "support/support.h"

START_TEST(the_middle_of_an_odd_number) {
    const double values[] = {5.0, -1.0, 3.0};
    ck_assert(fcl_median(values, 3) == 3.0);
    ck_assert(values[0] == 5.0 && values[1] == -1.0 && values[2] == 3.0);
    ck_assert(fcl_median(values, 1) == 5.0);
}
END_TEST

START_TEST(the_mean_of_the_middle_two) {
    const double values[] = {10.0, 1.0, 4.0, 2.0};
    ck_assert(fcl_median(values, 4) == 3.0);
    ck_assert(fcl_median(values, 2) == 5.5);
}
END_TEST

START_TEST(extremes) {
    const double values[] = {2.0, -7.5, 11.0, 3.0};
    ck_assert(fcl_minimum(values, 4) == -7.5);
    ck_assert(fcl_maximum(values, 4) == 11.0);
    ck_assert(fcl_minimum(values, 1) == 2.0 && fcl_maximum(values, 1) == 2.0);
}
END_TEST

START_TEST(a_nan_is_the_worst_error_and_stays) {
    ck_assert(fcl_worse(1.0, 2.0) == 2.0 && fcl_worse(2.0, 1.0) == 2.0);
    ck_assert(isnan(fcl_worse(1.0, (double)NAN)));
    ck_assert(isnan(fcl_worse((double)NAN, 1.0)));
    ck_assert(isnan(fcl_worse((double)NAN, (double)INFINITY)));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench: statistics");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, the_middle_of_an_odd_number);
    tcase_add_test(tests, the_mean_of_the_middle_two);
    tcase_add_test(tests, extremes);
    tcase_add_test(tests, a_nan_is_the_worst_error_and_stays);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
