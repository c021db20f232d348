/* Synthetic faces: the same seed gives the same bytes, labels lie where the drawing is, statistics resemble Kaggle's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "dataset/fixture.h"
#include "dataset/npz.h"

enum { N = 1500, SIDE = FCL_IMAGE_SIDE, HALF = 5, PUPIL_RANGE = 40 };

static fcl_dataset *faces(size_t n, uint64_t seed) {
    fcl_dataset *d;
    ck_ok(fcl_synth_dataset(&d, &(fcl_synth_options){.count = n, .seed = seed}));
    return d;
}

START_TEST(repeatable) {
    fcl_dataset *a = faces(20, 5), *b = faces(30, 5), *other = faces(20, 6);
    ck_assert_mem_eq(a->pixels, b->pixels, 20 * FCL_IMAGE_PIXELS);
    ck_assert_mem_eq(a->keypoints, b->keypoints, 20 * FCL_N_COORDINATES * sizeof(float));
    ck_assert_mem_eq(a->mask, b->mask, 20 * FCL_N_COORDINATES);
    ck_assert_int_ne(memcmp(a->pixels, other->pixels, FCL_IMAGE_PIXELS), 0);
    ck_assert_float_ne(a->keypoints[0], other->keypoints[0]);
    fcl_dataset_free(a);
    fcl_dataset_free(b);
    fcl_dataset_free(other);
}
END_TEST

/* numpy over the labels of the Kaggle training file: nanmean and nanstd of each column, and the share of rows that have
 * it. */
static const struct {
    double mean, sd, present;
} kaggle[FCL_N_COORDINATES] = {
    {66.36, 3.45, 0.9986}, {37.65, 3.15, 0.9986}, {30.31, 3.08, 0.9982}, {37.98, 3.03, 0.9982}, {59.16, 2.69, 0.3222},
    {37.94, 2.31, 0.3222}, {73.33, 3.41, 0.3216}, {37.71, 2.88, 0.3216}, {36.65, 2.35, 0.3217}, {37.99, 2.31, 0.3217},
    {22.38, 3.06, 0.3217}, {38.03, 2.91, 0.3217}, {56.07, 3.48, 0.3220}, {29.33, 3.08, 0.3220}, {79.48, 3.99, 0.3156},
    {29.73, 3.77, 0.3156}, {39.32, 3.21, 0.3220}, {29.50, 3.11, 0.3220}, {15.87, 3.62, 0.3172}, {30.43, 3.86, 0.3172},
    {48.37, 4.28, 1.0000}, {62.72, 5.72, 1.0000}, {63.29, 4.08, 0.3219}, {75.97, 4.58, 0.3219}, {32.90, 3.96, 0.3220},
    {76.18, 4.42, 0.3220}, {47.98, 3.32, 0.3227}, {72.92, 5.22, 0.3227}, {48.57, 4.27, 0.9953}, {78.97, 5.41, 0.9953}};

START_TEST(statistics) {
    fcl_dataset *d = faces(N, 0);
    size_t n_complete = 0, n_four = 0;
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++) {
        double n = 0, sum = 0, squares = 0;
        for (size_t i = 0; i < N; i++) {
            if (!d->mask[i * FCL_N_COORDINATES + c]) continue;
            double value = (double)d->keypoints[i * FCL_N_COORDINATES + c];
            n++;
            sum += value;
            squares += value * value;
        }
        double mean = sum / n, sd = sqrt(squares / n - mean * mean);
        ck_assert_msg(fabs(mean - kaggle[c].mean) < 1.5, "%s: mean %g, Kaggle %g", fcl_coordinate_name(c), mean,
                      kaggle[c].mean);
        ck_assert_msg(sd > 0.65 * kaggle[c].sd && sd < 1.35 * kaggle[c].sd, "%s: sd %g, Kaggle %g",
                      fcl_coordinate_name(c), sd, kaggle[c].sd);
        /* Three standard deviations of a share of about a third among N. */
        ck_assert_double_eq_tol(n / N, kaggle[c].present, 0.037);
    }
    for (size_t i = 0; i < N; i++) {
        size_t labelled = 0;
        for (unsigned c = 0; c < FCL_N_COORDINATES; c++) labelled += d->mask[i * FCL_N_COORDINATES + c];
        n_complete += labelled == FCL_N_COORDINATES;
        n_four += labelled == 8;
    }
    ck_assert_double_eq_tol((double)n_complete / N, 2140.0 / 7049.0, 0.037);
    ck_assert_double_eq_tol((double)n_four / N, 4755.0 / 7049.0, 0.037);
    fcl_dataset_free(d);
}
END_TEST

/* Over many faces the darkest pixels around an eye's label have it in their middle: a shift by a third of a pixel shows.
 * Left and right in turn, so that exchanged eyes show too. */
START_TEST(labels_lie_on_the_pupils) {
    fcl_dataset *d = faces(N, 1);
    for (unsigned k = 0; k < 2; k++) {
        double weight = 0, at_x = 0, at_y = 0;
        for (size_t i = 0; i < N; i++) {
            double x = (double)d->keypoints[i * FCL_N_COORDINATES + 2 * k],
                   y = (double)d->keypoints[i * FCL_N_COORDINATES + 2 * k + 1];
            int ix = (int)lround(x), iy = (int)lround(y);
            if (ix < HALF || iy < HALF || ix >= SIDE - HALF || iy >= SIDE - HALF) continue;
            const uint8_t *image = d->pixels + i * FCL_IMAGE_PIXELS;
            int darkest = 255;
            for (int dy = -HALF; dy <= HALF; dy++)
                for (int dx = -HALF; dx <= HALF; dx++) {
                    int gray = image[(iy + dy) * SIDE + ix + dx];
                    darkest = gray < darkest ? gray : darkest;
                }
            for (int dy = -HALF; dy <= HALF; dy++)
                for (int dx = -HALF; dx <= HALF; dx++) {
                    double dark = darkest + PUPIL_RANGE - image[(iy + dy) * SIDE + ix + dx];
                    if (dark <= 0) continue;
                    weight += dark;
                    at_x += dark * (ix + dx - x);
                    at_y += dark * (iy + dy - y);
                }
        }
        ck_assert_double_eq_tol(at_x / weight, 0.0, 0.15);
        ck_assert_double_eq_tol(at_y / weight, 0.0, 1.0); /* the upper lid is dark too, the lower one is not */
        double middle = 0, beside = 0;
        for (size_t i = 0; i < N; i++) {
            const uint8_t *image = d->pixels + i * FCL_IMAGE_PIXELS;
            long ix = lroundf(d->keypoints[i * FCL_N_COORDINATES + 2 * k]),
                 iy = lroundf(d->keypoints[i * FCL_N_COORDINATES + 2 * k + 1]);
            middle += image[iy * SIDE + ix];
            beside += (image[iy * SIDE + ix - 5] + image[iy * SIDE + ix + 5]) / 2.0;
        }
        ck_assert_double_lt(middle / N, beside / N - 40.0);
    }
    for (size_t i = 0; i < N; i++) ck_assert_float_gt(d->keypoints[i * 30], d->keypoints[i * 30 + 2]);
    fcl_dataset_free(d);
}
END_TEST

/* The folder holds the Kaggle schema and reads back as the data set that was made. */
START_TEST(folder) {
    char *out = test_folder_create();
    fcl_dataset *made = faces(40, 9), *read;
    fcl_synth_options options = {.count = 40, .seed = 9};
    ck_ok(fcl_synth(&options, in_folder(out, "faces")));
    ck_ok(fcl_dataset_load(&read, &(fcl_data_paths){.folder = in_folder(out, "faces")}));
    ck_assert_uint_eq(read->n, 40);
    ck_assert_mem_eq(read->mask, made->mask, 40 * FCL_N_COORDINATES);
    ck_assert_mem_eq(read->pixels, made->pixels, 40 * FCL_IMAGE_PIXELS);
    for (size_t i = 0; i < 40 * FCL_N_COORDINATES; i++)
        if (made->mask[i]) ck_assert_float_eq_tol(read->keypoints[i], made->keypoints[i], 1e-4f);
    ck_fails(fcl_synth(&options, in_folder(out, "faces")), FCL_E_EXISTS, "--force");
    fcl_dataset_free(made);
    fcl_dataset_free(read);
    options.count = 0;
    ck_fails(fcl_synth(&options, in_folder(out, "none")), FCL_E_USAGE, "number of faces");
    ck_assert_int_eq(fcl_path_exists(in_folder(out, "none")), 0);
    test_folder_remove(out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("synthetic faces");
    TCase *t = tcase_create("synth");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, repeatable);
    tcase_add_test(t, statistics);
    tcase_add_test(t, labels_lie_on_the_pupils);
    tcase_add_test(t, folder);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
