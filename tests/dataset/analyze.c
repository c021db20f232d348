/* The tables of the analysis, from a data set of which every figure is known by hand. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "dataset/fixture.h"
#include "plot/figure.h"

enum { N = 9 };
static char *folder;

static void has(const char *file, const char *line) {
    char *text;
    size_t n;
    ck_ok(fcl_file_read(&text, &n, in_folder(folder, file)));
    ck_assert_msg(test_contains(text, line), "%s has no line '%s':\n%s", file, line, text);
    free(text);
}

/* Column c of row i is 20 + c + i / 4 but for what is said here. */
START_TEST(tables) {
    folder = test_folder_create();
    fcl_dataset *d = made_dataset(N);
    for (size_t i = 0; i < N; i++) memset(d->pixels + i * FCL_IMAGE_PIXELS, i < 6 ? 10 : 250, FCL_IMAGE_PIXELS);
    d->keypoints[8 * FCL_N_COORDINATES] = 95.0f; /* row 8 would be 22 */
    for (size_t i = 0; i < 4; i++) unlabel(d, i, 7);
    for (size_t i = 0; i < N; i++) unlabel(d, i, 9);
    int figures;
    ck_ok(fcl_analyze(d, folder, &figures));
    ck_assert_int_eq(figures, fcl_plot_check() == FCL_OK);
    /* 20, 20.25, ..., 21.75, 95: sum 262; numpy: mean 29.11111, std with ddof 1 24.71497. */
    has("keypoints.csv", "left_eye_center_x,9,0,29.1111,24.715,20,20.5,21,21.5,95\n");
    /* Rows 4 to 8: 28, 28.25, 28.5, 28.75, 29; std 0.3952847. */
    has("keypoints.csv", "left_eye_outer_corner_y,5,4,28.5,0.395285,28,28.25,28.5,28.75,29\n");
    has("keypoints.csv", "right_eye_inner_corner_y,0,9,,,,,,,\n");
    /* |95 - 21| / (1.4826 * 0.5), the median of deviations 0, .25, .25, .5, .5, .75, .75, 1, 74. */
    has("outliers.csv", "8,left_eye_center_x,95,99.82\n");
    has("missing_patterns.csv", "111101111111111,5,55.56\n");
    has("missing_patterns.csv", "111001111111111,4,44.44\n");
    /* Two thirds of 10, a third of 250: mean 90, standard deviation 240 * sqrt(2) / 3. */
    has("pixels.csv", "images,9\nmean,90\nsd,113.137\nmin,10\nmax,250\n");
    has("pixels.csv", "gray_10,55296\n");
    has("pixels.csv", "gray_250,27648\n");
    if (figures) {
        static const char *const drawn[] = {"missing", "scatter", "samples"};
        for (size_t i = 0; i < 3; i++) {
            char name[32];
            snprintf(name, sizeof name, "%s.png", drawn[i]);
            ck_assert(fcl_path_exists(in_folder(folder, name)));
            snprintf(name, sizeof name, "%s.svg", drawn[i]);
            ck_assert(fcl_path_exists(in_folder(folder, name)));
        }
        has("missing.csv", "left_eye_center,0\n");
        /* The file's header and as many points as are labelled: 13 of each row, and 5 of keypoint 3. */
        has("scatter.csv", "panel,set,point,x,y\n");
    }
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("analysis");
    TCase *t = tcase_create("analysis");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, tables);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
