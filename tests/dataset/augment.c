/* Augmentation: a keypoint follows the dot that it marks, left and right change places in a mirror, tones by formula. */
#include "dataset/augment.h"

#include "dataset/fixture.h"

#include <math.h>
#include <string.h>

enum { SIDE = FCL_IMAGE_SIDE, PIXELS = FCL_IMAGE_PIXELS };
static const fcl_change nothing = {.scale = 1.0, .contrast = 1.0};

static float image[PIXELS], scratch[FCL_AUGMENT_SCRATCH_VALUES], keypoints[30];
static uint8_t mask[30];

/* A soft dot, wide enough for its center of mass to be measured after a warp, with keypoint 10 on it. */
static void draw_dot(float x, float y) {
    for (int i = 0; i < PIXELS; i++) {
        float dx = (float)(i % SIDE) - x, dy = (float)(i / SIDE) - y;
        image[i] = expf(-(dx * dx + dy * dy) / 8.0f);
    }
    for (int c = 0; c < 30; c++) keypoints[c] = 48.0f;
    memset(mask, 1, sizeof mask);
    keypoints[20] = x;
    keypoints[21] = y;
}

static void find_dot(double *x, double *y) {
    double sum = 0, sum_x = 0, sum_y = 0;
    for (int i = 0; i < PIXELS; i++) {
        sum += image[i];
        sum_x += (double)image[i] * (i % SIDE);
        sum_y += (double)image[i] * (i / SIDE);
    }
    *x = sum_x / sum;
    *y = sum_y / sum;
}

START_TEST(the_keypoint_follows_the_dot) {
    static const fcl_change cases[] = {
        {.shift = {5, -3}, .scale = 1, .contrast = 1},
        {.shift = {0.5, 0.25}, .scale = 1, .contrast = 1},
        {.rotation = 0.3, .scale = 1, .contrast = 1},
        {.rotation = -0.3, .scale = 1, .contrast = 1},
        {.scale = 1.2, .contrast = 1},
        {.scale = 0.85, .contrast = 1},
        {.mirrored = 1, .scale = 1, .contrast = 1},
        {.mirrored = 1, .shift = {-4, 2.5}, .rotation = 0.2, .scale = 1.1, .contrast = 1},
    };
    draw_dot(62, 35);
    fcl_augment(image, keypoints, mask, scratch, &cases[_i]);
    double x, y;
    find_dot(&x, &y);
    ck_assert_double_eq_tol(keypoints[20], x, 0.02);
    ck_assert_double_eq_tol(keypoints[21], y, 0.02);
}
END_TEST

/* Directions by hand: shift to the right and down; rotation takes the x axis towards y, which is down; about 47.5. */
START_TEST(directions) {
    fcl_change change = nothing;
    change.shift[0] = 3;
    change.shift[1] = 7;
    draw_dot(20, 30);
    fcl_augment(image, keypoints, mask, scratch, &change);
    ck_assert_float_eq_tol(keypoints[20], 23.0f, 1e-5f);
    ck_assert_float_eq_tol(keypoints[21], 37.0f, 1e-5f);
    ck_assert_float_eq_tol(image[37 * SIDE + 23], 1.0f, 1e-5f);
    change = nothing;
    change.rotation = acos(-1.0) / 2;
    draw_dot(57, 48);
    fcl_augment(image, keypoints, mask, scratch, &change);
    ck_assert_float_eq_tol(keypoints[20], 47.0f, 1e-4f);
    ck_assert_float_eq_tol(keypoints[21], 57.0f, 1e-4f);
    ck_assert_float_eq_tol(image[57 * SIDE + 47], 1.0f, 1e-4f);
    change = nothing;
    change.scale = 2;
    draw_dot(57, 48);
    fcl_augment(image, keypoints, mask, scratch, &change);
    ck_assert_float_eq_tol(keypoints[20], 66.5f, 1e-4f);
    ck_assert_float_eq_tol(keypoints[21], 48.5f, 1e-4f);
}
END_TEST

START_TEST(the_border_is_repeated) {
    fcl_change change = nothing;
    change.shift[0] = 10;
    for (int i = 0; i < PIXELS; i++) image[i] = (float)(i % SIDE) / 100.0f + 0.03f;
    memset(mask, 1, sizeof mask);
    for (int c = 0; c < 30; c++) keypoints[c] = 90.0f;
    fcl_augment(image, keypoints, mask, scratch, &change);
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < 10; x++) ck_assert_float_eq_tol(image[y * SIDE + x], 0.03f, 1e-6f);
        ck_assert_float_eq_tol(image[y * SIDE + 50], 0.43f, 1e-6f);
    }
    ck_assert_float_eq(keypoints[0], 100.0f); /* outside the frame and still a target */
    ck_assert_uint_eq(mask[0], 1);
}
END_TEST

START_TEST(mirror_exchanges_left_and_right) {
    fcl_change change = nothing;
    change.mirrored = 1;
    for (int i = 0; i < PIXELS; i++) image[i] = (float)made_pixel(0, (size_t)i / SIDE, (size_t)i % SIDE) / 255.0f;
    for (int c = 0; c < 30; c++) keypoints[c] = (float)c;
    memset(mask, 1, sizeof mask);
    mask[0] = mask[1] = 0; /* the left eye's center is missing */
    fcl_augment(image, keypoints, mask, scratch, &change);
    ck_assert_uint_eq(mask[2], 0);
    ck_assert_uint_eq(mask[3], 0);
    ck_assert_uint_eq(mask[0], 1);
    ck_assert_float_eq(keypoints[0], 95.0f - 2.0f); /* the right eye's, which is the left one now */
    ck_assert_float_eq(keypoints[1], 3.0f);
    ck_assert_float_eq(keypoints[22], 95.0f - 24.0f); /* mouth corners */
    ck_assert_float_eq(keypoints[20], 95.0f - 20.0f); /* the nose stays the nose */
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            ck_assert_float_eq(image[y * SIDE + x], (float)made_pixel(0, (size_t)y, (size_t)(SIDE - 1 - x)) / 255.0f);
}
END_TEST

START_TEST(tones) {
    fcl_change change = nothing;
    change.contrast = 1.2;
    change.brightness = 0.1;
    for (int i = 0; i < PIXELS; i++) image[i] = i % 2 ? 0.9f : 0.1f; /* mean 0.5 */
    fcl_augment(image, keypoints, mask, scratch, &change);
    ck_assert_float_eq_tol(image[0], 0.12f, 1e-5f); /* 0.5 - 0.4 * 1.2 + 0.1 */
    ck_assert_float_eq(image[1], 1.0f);             /* 1.08, clipped */
}
END_TEST

START_TEST(drawn_numbers) {
    const fcl_augmentation a = {.enabled = 1,
                                .flip = 0.25,
                                .max_shift = 4,
                                .max_rotation = 10,
                                .max_scale = 0.1,
                                .max_brightness = 51,
                                .max_contrast = 0.2};
    const double limits[6] = {4, 4, 10 * acos(-1.0) / 180, log(1.1), 0.2, log(1.2)};
    double highest[6] = {0}, sum[6] = {0};
    unsigned mirrored = 0, n = 4000;
    for (uint32_t sample = 0; sample < n; sample++) {
        fcl_change c = fcl_change_draw(&a, 1, 2, sample), again = fcl_change_draw(&a, 1, 2, sample);
        const double values[6] = {c.shift[0], c.shift[1], c.rotation, log(c.scale), c.brightness, log(c.contrast)};
        ck_assert_double_eq(c.rotation, again.rotation);
        mirrored += c.mirrored != 0;
        for (int v = 0; v < 6; v++) {
            ck_assert_double_le(fabs(values[v]), limits[v] * (1 + 1e-12));
            if (fabs(values[v]) > highest[v]) highest[v] = fabs(values[v]);
            sum[v] += values[v];
        }
    }
    /* Bounds of about four standard deviations of 4000 draws. */
    ck_assert_uint_ge(mirrored, 890);
    ck_assert_uint_le(mirrored, 1110);
    for (int v = 0; v < 6; v++) {
        ck_assert_double_gt(highest[v], 0.99 * limits[v]);
        ck_assert_double_lt(fabs(sum[v] / n), 0.04 * limits[v]);
    }
    fcl_change e = fcl_change_draw(&a, 1, 3, 0), s = fcl_change_draw(&a, 2, 2, 0), c = fcl_change_draw(&a, 1, 2, 0);
    ck_assert_double_ne(c.rotation, e.rotation);
    ck_assert_double_ne(c.rotation, s.rotation);
    /* Switching one off changes no other. */
    fcl_augmentation still = a;
    still.max_shift = 0;
    fcl_change t = fcl_change_draw(&still, 1, 2, 0);
    ck_assert_double_eq(t.shift[0], 0.0);
    ck_assert_double_eq(t.contrast, c.contrast);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("augment");
    TCase *t = tcase_create("augment");
    tcase_add_loop_test(t, the_keypoint_follows_the_dot, 0, 8);
    tcase_add_test(t, directions);
    tcase_add_test(t, the_border_is_repeated);
    tcase_add_test(t, mirror_exchanges_left_and_right);
    tcase_add_test(t, tones);
    tcase_add_test(t, drawn_numbers);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
