/* Scores of small data sets that are worked out by hand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics.h"
#include "support/support.h"

enum { MAX_ROWS = 3, NOSE = 10, LEFT_EYE = 0, RIGHT_EYE = 1, MOUTH = 14 };

static float labels[MAX_ROWS][FCL_N_COORDINATES], guesses[MAX_ROWS][FCL_N_COORDINATES];
static uint8_t mask[MAX_ROWS][FCL_N_COORDINATES];
static fcl_dataset truth;

static void set_up(void) {
    memset(mask, 0, sizeof mask);
    for (unsigned i = 0; i < MAX_ROWS; i++)
        for (unsigned c = 0; c < FCL_N_COORDINATES; c++) {
            labels[i][c] = 0.0f;         /* as missing labels are */
            guesses[i][c] = 1000.0f + c; /* must not count where nothing is labelled */
        }
    truth = (fcl_dataset){.n = MAX_ROWS, .keypoints = labels[0], .mask = mask[0], .has_keypoints = 1};
}

/* Labels keypoint k of a row and predicts it (dx, dy) beside. */
static void label(unsigned row, unsigned k, float x, float y, float dx, float dy) {
    labels[row][2 * k] = x;
    labels[row][2 * k + 1] = y;
    mask[row][2 * k] = mask[row][2 * k + 1] = 1;
    guesses[row][2 * k] = x + dx;
    guesses[row][2 * k + 1] = y + dy;
}

/* Row 0: eyes 40 px apart, errors 5 (3, 4), 0 and, for the nose, 10 (-6, 8). Row 1: the nose without eyes,
 * error 13 (5, -12); the mouth's x alone, 2 px off. Row 2: nothing. */
static void two_faces(void) {
    label(0, LEFT_EYE, 70, 40, 3, 4);
    label(0, RIGHT_EYE, 30, 40, 0, 0);
    label(0, NOSE, 50, 60, -6, 8);
    label(1, NOSE, 48, 58, 5, -12);
    label(1, MOUTH, 40, 80, 2, 0);
    mask[1][2 * MOUTH + 1] = 0;
}

START_TEST(scores_are_those_of_a_hand_calculation) {
    two_faces();
    fcl_scores s;
    fcl_scores_compute(&s, &truth, guesses[0]);
    ck_assert_uint_eq(s.n_rows, 2);
    ck_assert_uint_eq(s.n_coordinates, 9);
    ck_assert_uint_eq(s.n_keypoints, 4);
    ck_assert_uint_eq(s.n_nme, 3);
    ck_assert_double_eq_tol(s.mae, (3 + 4 + 0 + 0 + 6 + 8 + 5 + 12 + 2) / 9.0, 1e-12);
    ck_assert_double_eq_tol(s.rmse, sqrt((9 + 16 + 36 + 64 + 25 + 144 + 4) / 9.0), 1e-12);
    ck_assert_double_eq_tol(s.mean_error, (5 + 0 + 10 + 13) / 4.0, 1e-12);
    ck_assert_double_eq_tol(s.nme, 100.0 * (5 + 0 + 10) / 3.0 / 40.0, 1e-12);
    ck_assert_double_eq(s.accuracy[0], 50.0); /* 5 px counts as within 5 px */
    ck_assert_double_eq(s.accuracy[1], 75.0);
    ck_assert_double_eq(s.accuracy[2], 100.0);
}
END_TEST

START_TEST(each_keypoint_has_its_own_scores) {
    two_faces();
    fcl_scores s[FCL_N_KEYPOINTS];
    fcl_scores_by_keypoint(s, &truth, guesses[0]);
    ck_assert_uint_eq(s[NOSE].n_rows, 2);
    ck_assert_uint_eq(s[NOSE].n_coordinates, 4);
    ck_assert_uint_eq(s[NOSE].n_keypoints, 2);
    ck_assert_uint_eq(s[NOSE].n_nme, 1);
    ck_assert_double_eq_tol(s[NOSE].mae, (6 + 8 + 5 + 12) / 4.0, 1e-12);
    ck_assert_double_eq_tol(s[NOSE].rmse, sqrt((36 + 64 + 25 + 144) / 4.0), 1e-12);
    ck_assert_double_eq_tol(s[NOSE].nme, 25.0, 1e-12);
    ck_assert_double_eq(s[NOSE].accuracy[0], 0.0);
    ck_assert_double_eq(s[NOSE].accuracy[1], 50.0);
    ck_assert_uint_eq(s[LEFT_EYE].n_keypoints, 1);
    ck_assert_double_eq_tol(s[LEFT_EYE].nme, 12.5, 1e-12);
    /* Half a keypoint counts as a coordinate only. */
    ck_assert_uint_eq(s[MOUTH].n_coordinates, 1);
    ck_assert_uint_eq(s[MOUTH].n_keypoints, 0);
    ck_assert_double_eq(s[MOUTH].mae, 2.0);
    ck_assert_double_nan(s[MOUTH].mean_error);
}
END_TEST

START_TEST(figures_over_nothing_are_not_numbers) {
    fcl_scores s;
    fcl_scores_compute(&s, &truth, guesses[0]);
    ck_assert_uint_eq(s.n_rows, 0);
    ck_assert_double_nan(s.mae);
    ck_assert_double_nan(s.rmse);
    ck_assert_double_nan(s.mean_error);
    ck_assert_double_nan(s.nme);
    ck_assert_double_nan(s.accuracy[0]);
}
END_TEST

START_TEST(eyes_in_one_point_normalise_nothing) {
    label(0, LEFT_EYE, 48, 40, 3, 4);
    label(0, RIGHT_EYE, 48, 40, 0, 1);
    fcl_scores s;
    fcl_scores_compute(&s, &truth, guesses[0]);
    ck_assert_uint_eq(s.n_keypoints, 2);
    ck_assert_uint_eq(s.n_nme, 0);
    ck_assert_double_nan(s.nme);
    ck_assert_double_eq_tol(s.mean_error, 3.0, 1e-12);
}
END_TEST

START_TEST(a_prediction_that_is_not_a_number_shows) {
    two_faces();
    guesses[0][2 * RIGHT_EYE] = NAN;
    fcl_scores s;
    fcl_scores_compute(&s, &truth, guesses[0]);
    ck_assert_double_nan(s.mae);
    ck_assert_double_eq(s.accuracy[2], 75.0);
    float *errors;
    size_t n;
    ck_ok(fcl_keypoint_errors(&errors, &n, &truth, guesses[0]));
    ck_assert_uint_eq(n, 4);
    ck_assert_float_eq(errors[0], 5.0f);
    ck_assert_float_infinite(errors[3]);
    free(errors);
}
END_TEST

START_TEST(the_mean_is_over_labelled_values) {
    label(0, NOSE, 40, 50, 0, 0);
    label(1, NOSE, 47, 60, 0, 0);
    label(2, NOSE, 90, 90, 0, 0);
    mask[2][2 * NOSE] = 0;
    float mean[FCL_N_COORDINATES];
    fcl_mean_keypoints(mean, &truth);
    ck_assert_float_eq(mean[2 * NOSE], 43.5f);
    ck_assert_float_eq_tol(mean[2 * NOSE + 1], 200.0f / 3.0f, 1e-5f);
    ck_assert_float_eq(mean[2 * MOUTH], 48.0f);
}
END_TEST

START_TEST(errors_come_in_order) {
    two_faces();
    float *errors;
    size_t n;
    ck_ok(fcl_keypoint_errors(&errors, &n, &truth, guesses[0]));
    ck_assert_uint_eq(n, 4);
    const float wanted[] = {0, 5, 10, 13};
    for (size_t i = 0; i < n; i++) ck_assert_float_eq(errors[i], wanted[i]);
    free(errors);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("metrics/scores");
    TCase *tests = tcase_create("scores");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, scores_are_those_of_a_hand_calculation);
    tcase_add_test(tests, each_keypoint_has_its_own_scores);
    tcase_add_test(tests, figures_over_nothing_are_not_numbers);
    tcase_add_test(tests, eyes_in_one_point_normalise_nothing);
    tcase_add_test(tests, a_prediction_that_is_not_a_number_shows);
    tcase_add_test(tests, the_mean_is_over_labelled_values);
    tcase_add_test(tests, errors_come_in_order);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
