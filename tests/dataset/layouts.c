/* Arrays of images in every layout, order and type; the golden files are numpy's (tools/make-golden-images). */
#include "base/memory.h"
#include "dataset/fixture.h"
#include "dataset/images.h"
#include "dataset/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = FCL_IMAGE_SIDE, PIXELS = FCL_IMAGE_PIXELS };

static const struct {
    const char *file;
    size_t n;
} goldens[] = {
    {"uint8_c.npz", 3},
    {"uint8_f.npz", 3},
    {"float64_c.npz", 3},
    {"float64_f.npz", 3},
    {"big_endian_f.npz", 3},
    {"rows_first_uint8_c.npz", 3},
    {"rows_first_float32_f.npz", 3},
    {"rows_first_int64_c.npz", 3},
    {"channel_uint8_c.npz", 3},
    {"flat_uint16_f.npz", 3},
    {"flat_uint8_c.npz", 3},
    {"stored.npz", 2},
};

START_TEST(every_layout) {
    fcl_images images;
    ck_ok(fcl_images_load(&images, golden_image(goldens[_i].file), NULL, 0));
    ck_assert_uint_eq(images.n, goldens[_i].n);
    ck_assert_ptr_nonnull(images.pixels);
    ck_assert_ptr_null(images.pixels_f);
    for (size_t i = 0; i < images.n * PIXELS; i++)
        ck_assert_uint_eq(images.pixels[i], made_pixel(i / PIXELS, i % PIXELS / SIDE, i % SIDE));
    free(images.pixels);
}
END_TEST

START_TEST(fractions_stay) {
    fcl_images images;
    ck_ok(fcl_images_load(&images, golden_image("fraction.npz"), NULL, 0));
    ck_assert_ptr_null(images.pixels);
    for (size_t i = 0; i < images.n * PIXELS; i++)
        ck_assert_float_eq(images.pixels_f[i],
                           0.25f + 0.5f * (float)made_pixel(i / PIXELS, i % PIXELS / SIDE, i % SIDE));
    free(images.pixels_f);
}
END_TEST

/* A fraction in the last image only: what was read before it is kept. */
START_TEST(late_fraction) {
    char *folder = test_folder_create();
    const char *path = in_folder(folder, "a.npy");
    const size_t shape[] = {2, SIDE, SIDE};
    static float values[2 * PIXELS];
    for (size_t i = 0; i < 2 * PIXELS; i++) values[i] = (float)made_pixel(i / PIXELS, i % PIXELS / SIDE, i % SIDE);
    values[2 * PIXELS - 1] = 7.5f;
    ck_ok(fcl_npy_write(path, FCL_FLOAT32, shape, 3, values));
    fcl_images images;
    ck_ok(fcl_images_load(&images, path, NULL, 0));
    ck_assert_mem_eq(images.pixels_f, values, sizeof values);
    free(images.pixels_f);
    test_folder_remove(folder);
}
END_TEST

START_TEST(as_many_rows_as_a_side_is_y_x_row) {
    char *folder = test_folder_create();
    const char *path = in_folder(folder, "a.npy");
    const size_t shape[] = {SIDE, SIDE, SIDE};
    uint8_t *values = malloc(SIDE * PIXELS);
    ck_assert_ptr_nonnull(values);
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < SIDE; x++)
            for (size_t row = 0; row < SIDE; row++)
                values[(y * SIDE + x) * SIDE + row] = (uint8_t)made_pixel(row, y, x);
    ck_ok(fcl_npy_write(path, FCL_UINT8, shape, 3, values));
    fcl_images images;
    ck_ok(fcl_images_load(&images, path, NULL, 0));
    for (size_t i = 0; i < SIDE * PIXELS; i++)
        ck_assert_uint_eq(images.pixels[i], made_pixel(i / PIXELS, i % PIXELS / SIDE, i % SIDE));
    free(images.pixels);
    free(values);
    test_folder_remove(folder);
}
END_TEST

START_TEST(wrong_values) {
    static const struct {
        float value;
        size_t row, y, x;
        const char *message;
    } cases[] = {
        {256.0f, 1, 3, 95, "row 1 (counted from 0), y 3, x 95: the value 256"},
        {-1.0f, 0, 0, 0, "row 0 (counted from 0), y 0, x 0: the value -1"},
        {NAN, 1, 95, 2, "row 1 (counted from 0), y 95, x 2: the value nan"},
        {INFINITY, 0, 40, 41, "row 0 (counted from 0), y 40, x 41: the value inf"},
    };
    char *folder = test_folder_create();
    const char *path = in_folder(folder, "a.npy");
    fcl_images images;
    static float values[2 * PIXELS];
    const size_t rows_last[] = {SIDE, SIDE, 2}, rows_first[] = {2, SIDE, SIDE};
    size_t row = cases[_i].row, y = cases[_i].y, x = cases[_i].x;
    values[(y * SIDE + x) * 2 + row] = cases[_i].value;
    ck_ok(fcl_npy_write(path, FCL_FLOAT32, rows_last, 3, values));
    ck_fails(fcl_images_load(&images, path, NULL, 0), FCL_E_INPUT, cases[_i].message);
    values[(y * SIDE + x) * 2 + row] = 0;
    values[(row * SIDE + y) * SIDE + x] = cases[_i].value;
    ck_ok(fcl_npy_write(path, FCL_FLOAT32, rows_first, 3, values));
    ck_fails(fcl_images_load(&images, path, NULL, 0), FCL_E_INPUT, cases[_i].message);
    test_folder_remove(folder);
}
END_TEST

START_TEST(values_up_to_one) {
    char *folder = test_folder_create();
    const char *path = in_folder(folder, "a.npy");
    const size_t shape[] = {1, SIDE, SIDE};
    static float values[PIXELS];
    for (size_t i = 0; i < PIXELS; i++) values[i] = (float)i / PIXELS;
    ck_ok(fcl_npy_write(path, FCL_FLOAT32, shape, 3, values));
    fcl_images images;
    ck_fails(fcl_images_load(&images, path, NULL, 0), FCL_E_INPUT, "multiply by 255");
    test_folder_remove(folder);
}
END_TEST

START_TEST(wrong_shapes) {
    static const struct {
        unsigned n_dims;
        size_t shape[4];
        const char *message;
    } cases[] = {
        {2, {SIDE, SIDE}, "an array of shape (96, 96)"},
        {3, {SIDE, 95, 2}, "an array of shape (96, 95, 2)"},
        {4, {1, SIDE, SIDE, 3}, "an array of shape (1, 96, 96, 3)"},
        {1, {PIXELS}, "an array of shape (9216,)"},
        {3, {SIDE, SIDE, 0}, "holds no image"},
    };
    char *folder = test_folder_create();
    const char *path = in_folder(folder, "a.npy");
    static const uint8_t zeros[3 * PIXELS];
    fcl_images images;
    ck_ok(fcl_npy_write(path, FCL_UINT8, cases[_i].shape, cases[_i].n_dims, zeros));
    ck_fails(fcl_images_load(&images, path, NULL, 0), FCL_E_INPUT, cases[_i].message);
    test_folder_remove(folder);
}
END_TEST

START_TEST(another_number_than_the_labels) {
    fcl_images images;
    ck_fails(fcl_images_load(&images, golden_image("uint8_c.npz"), "labels.csv", 4), FCL_E_INPUT,
             "has 3 images but 'labels.csv' has 4 rows");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("layouts");
    TCase *t = tcase_create("layouts");
    tcase_add_loop_test(t, every_layout, 0, sizeof goldens / sizeof *goldens);
    tcase_add_test(t, fractions_stay);
    tcase_add_test(t, late_fraction);
    tcase_add_test(t, as_many_rows_as_a_side_is_y_x_row);
    tcase_add_loop_test(t, wrong_values, 0, 4);
    tcase_add_test(t, values_up_to_one);
    tcase_add_loop_test(t, wrong_shapes, 0, 5);
    tcase_add_test(t, another_number_than_the_labels);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
