/* Filling, against values worked out by hand. */
#include "dataset/batches.h"
#include "dataset/fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Coordinate 0 of six rows; NaN is missing. */
enum { N = 6 };
static const float measured[N] = {NAN, 4, NAN, 10, 1, NAN};

static fcl_dataset *data(void) {
    fcl_dataset *d = made_dataset(N);
    for (size_t i = 0; i < N; i++) {
        d->keypoints[i * 30] = measured[i];
        if (isnan(measured[i])) unlabel(d, i, 0);
    }
    return d;
}

START_TEST(by_hand) {
    static const struct {
        fcl_fill fill;
        float filled[N];
        uint8_t mask[N];
    } cases[] = {
        {FCL_FILL_NONE, {0, 4, 0, 10, 1, 0}, {0, 1, 0, 1, 1, 0}},
        {FCL_FILL_MEAN, {5, 4, 5, 10, 1, 5}, {1, 1, 1, 1, 1, 1}},
        {FCL_FILL_MEDIAN, {4, 4, 4, 10, 1, 4}, {1, 1, 1, 1, 1, 1}},
        {FCL_FILL_FORWARD, {4, 4, 4, 10, 1, 1}, {1, 1, 1, 1, 1, 1}},
        {FCL_FILL_DROP, {0, 4, 0, 10, 1, 0}, {0, 1, 0, 1, 1, 0}},
    };
    fcl_dataset *d = data();
    float *keypoints;
    uint8_t *mask;
    ck_ok(fcl_fill_targets(&keypoints, &mask, d, cases[_i].fill));
    for (size_t i = 0; i < N; i++) {
        ck_assert_float_eq(keypoints[i * 30], cases[_i].filled[i]);
        ck_assert_uint_eq(mask[i * 30], cases[_i].mask[i]);
        /* The other coordinates are complete: only dropping touches them. */
        ck_assert_float_eq(keypoints[i * 30 + 1], 21.0f + (float)i / 4.0f);
        ck_assert_uint_eq(mask[i * 30 + 1], cases[_i].fill == FCL_FILL_DROP ? cases[_i].mask[i] : 1);
        ck_assert_uint_eq(d->mask[i * 30], !isnan(measured[i])); /* what was measured stays known */
    }
    free(keypoints);
    free(mask);
    fcl_dataset_free(d);
}
END_TEST

START_TEST(median_of_an_even_number) {
    fcl_dataset *d = data();
    float *keypoints;
    uint8_t *mask;
    d->keypoints[0] = 5;
    d->mask[0] = 1; /* 1, 4, 5, 10 */
    ck_ok(fcl_fill_targets(&keypoints, &mask, d, FCL_FILL_MEDIAN));
    ck_assert_float_eq(keypoints[2 * 30], 4.5f);
    free(keypoints);
    free(mask);
    fcl_dataset_free(d);
}
END_TEST

START_TEST(a_column_without_labels) {
    fcl_dataset *d = data();
    float *keypoints = NULL;
    uint8_t *mask = NULL;
    for (size_t i = 0; i < N; i++) unlabel(d, i, 21);
    for (int fill = FCL_FILL_MEAN; fill <= FCL_FILL_FORWARD; fill++)
        ck_fails(fcl_fill_targets(&keypoints, &mask, d, (fcl_fill)fill), FCL_E_INPUT, "nose_tip_y");
    ck_assert_ptr_null(keypoints);
    ck_ok(fcl_fill_targets(&keypoints, &mask, d, FCL_FILL_NONE));
    free(keypoints);
    free(mask);
    fcl_dataset_free(d);
}
END_TEST

START_TEST(names) {
    fcl_fill fill;
    for (int f = 0; f < FCL_N_FILLS; f++) {
        ck_ok(fcl_fill_parse(&fill, fcl_fill_name((fcl_fill)f)));
        ck_assert_int_eq(fill, f);
    }
    ck_fails(fcl_fill_parse(&fill, "backward"), FCL_E_USAGE, "'backward'");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("fill");
    TCase *t = tcase_create("fill");
    tcase_add_loop_test(t, by_hand, 0, FCL_N_FILLS);
    tcase_add_test(t, median_of_an_even_number);
    tcase_add_test(t, a_column_without_labels);
    tcase_add_test(t, names);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
