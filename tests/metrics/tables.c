/* The CSV files of scores and predictions, byte by byte, and the table for people. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "metrics/metrics.h"
#include "support/support.h"

#define HEADER "n,mae,rmse,nme,accuracy_5px,accuracy_10px,accuracy_15px,mean_error,n_coordinates,n_keypoints,n_nme\n"

static char *folder, *path;

static void set_up(void) {
    folder = test_folder_create();
    path = fcl_path_join(folder, "table.csv");
}

static void tear_down(void) {
    free(path);
    test_folder_remove(folder);
}

static const fcl_scores some = {.n_rows = 2,
                                .n_coordinates = 9,
                                .n_keypoints = 4,
                                .n_nme = 3,
                                .mae = 1.0 / 3.0,
                                .rmse = 12345678.0,
                                .mean_error = 0.5,
                                .nme = 12.5,
                                .accuracy = {50.0, 75.0, 100.0}};
static const fcl_scores none = {.mae = NAN, .rmse = NAN, .mean_error = NAN, .nme = NAN, .accuracy = {NAN, NAN, NAN}};

static void file_is(const char *wanted) {
    char *text;
    size_t n;
    ck_ok(fcl_file_read(&text, &n, path));
    ck_assert_str_eq(text, wanted);
    free(text);
}

START_TEST(an_evaluation_is_written_and_read) {
    const fcl_evaluation_row rows[] = {{"base_model", "test", some}, {"a,\"b\"", "all", none}};
    ck_ok(fcl_evaluation_write(path, rows, 2));
    file_is("model,split," HEADER "base_model,test,2,0.333333,1.23457e+07,12.5,50,75,100,0.5,9,4,3\n"
            "\"a,\"\"b\"\"\",all,0,,,,,,,,0,0,0\n");
    fcl_evaluation_row *again;
    size_t n;
    ck_ok(fcl_evaluation_read(&again, &n, path));
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(again[0].model, "base_model");
    ck_assert_str_eq(again[0].split, "test");
    ck_assert_uint_eq(again[0].scores.n_rows, 2);
    ck_assert_uint_eq(again[0].scores.n_nme, 3);
    ck_assert_double_eq(again[0].scores.mae, 0.333333);
    ck_assert_double_eq(again[0].scores.accuracy[2], 100.0);
    ck_assert_str_eq(again[1].model, "a,\"b\"");
    ck_assert_double_nan(again[1].scores.nme);
    fcl_evaluation_free(again, n);
}
END_TEST

static const struct {
    const char *text, *part;
} damaged[] = {
    {"model,split,n\n", "mae"},
    {"model,split," HEADER "a,test,2.5,1,1,1,1,1,1,1,1,1,1\n", "table.csv:2:"},
    {"model,split," HEADER "a,test,2,1,1,x,1,1,1,1,1,1,1\n", "nme"},
};

START_TEST(a_damaged_evaluation_is_an_error) {
    test_write_text(folder, "table.csv", damaged[_i].text);
    fcl_evaluation_row *rows = NULL;
    size_t n;
    ck_fails(fcl_evaluation_read(&rows, &n, path), FCL_E_INPUT, damaged[_i].part);
    ck_assert_ptr_null(rows);
}
END_TEST

START_TEST(scores_of_keypoints_have_a_row_each) {
    fcl_scores scores[FCL_N_KEYPOINTS];
    for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++) scores[k] = k ? none : some;
    const fcl_keypoint_rows rows[] = {{"m", "test", scores}, {"mean", "test", scores}};
    ck_ok(fcl_keypoint_scores_write(path, rows, 2));
    char *text;
    size_t n, lines = 0;
    ck_ok(fcl_file_read(&text, &n, path));
    for (size_t i = 0; i < n; i++) lines += text[i] == '\n';
    ck_assert_uint_eq(lines, 1 + 2 * FCL_N_KEYPOINTS);
    ck_assert(fcl_starts_with(text, "model,split,keypoint," HEADER
                                    "m,test,left_eye_center,2,0.333333,1.23457e+07,12.5,50,75,100,0.5,9,4,3\n"
                                    "m,test,right_eye_center,0,,,,,,,,0,0,0\n"));
    ck_assert(fcl_ends_with(text, "\nmean,test,mouth_center_bottom_lip,0,,,,,,,,0,0,0\n"));
    free(text);
}
END_TEST

START_TEST(predictions_keep_the_rows_of_the_raw_files) {
    uint32_t raw_rows[] = {7, 3};
    float predictions[2][FCL_N_COORDINATES];
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++) {
        predictions[0][c] = (float)c + 0.25f;
        predictions[1][c] = -0.001f;
    }
    const fcl_dataset dataset = {.n = 2, .rows = raw_rows};
    ck_ok(fcl_predictions_write(path, &dataset, predictions[0]));
    char *text;
    size_t n;
    ck_ok(fcl_file_read(&text, &n, path));
    ck_assert(fcl_starts_with(text, "row,left_eye_center_x,left_eye_center_y,right_eye_center_x,"));
    ck_assert_ptr_nonnull(strstr(text, ",mouth_center_bottom_lip_y\n7,0.25,1.25,2.25,"));
    ck_assert_ptr_nonnull(strstr(text, ",29.25\n3,-0.001,"));
    free(text);
}
END_TEST

START_TEST(people_see_a_table) {
    const fcl_evaluation_row rows[] = {{"base_model", "test", some}, {"mean", "test", none}};
    char *table;
    ck_ok(fcl_evaluation_table(&table, rows, 2));
    ck_assert_ptr_nonnull(strstr(table, "base_model  test            2     0.33"));
    ck_assert_ptr_nonnull(strstr(table, "mean        test            0        -"));
    ck_assert_ptr_null(strstr(table, "nan"));
    free(table);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("metrics/tables");
    TCase *tests = tcase_create("tables");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_evaluation_is_written_and_read);
    tcase_add_loop_test(tests, a_damaged_evaluation_is_an_error, 0, sizeof damaged / sizeof *damaged);
    tcase_add_test(tests, scores_of_keypoints_have_a_row_each);
    tcase_add_test(tests, predictions_keep_the_rows_of_the_raw_files);
    tcase_add_test(tests, people_see_a_table);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
