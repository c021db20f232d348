/* The table of several runs, from evaluation files written here. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "eval/label.h"
#include "fiducl/eval.h"
#include "support/support.h"

#define HEADER                                                                                                         \
    "model,split,n,mae,rmse,nme,accuracy_5px,accuracy_10px,accuracy_15px,mean_error,n_coordinates,"                    \
    "n_keypoints,n_nme\n"
#define MEAN "mean,test,9,3,4,,50,60,70,4,18,9,0\n"

static char *folder, *first, *second, *path;

static void set_up(void) {
    folder = test_folder_create();
    first = fcl_path_join(folder, "first");
    second = fcl_path_join(folder, "second");
    path = fcl_path_join(folder, "comparison.csv");
    ck_ok(fcl_folder_create(first));
    ck_ok(fcl_folder_create(second));
    test_write_text(first, "evaluation.csv", HEADER "a,test,9,1,2,,90,95,99,1.5,18,9,0\n" MEAN);
}

static void tear_down(void) {
    free(first);
    free(second);
    free(path);
    test_folder_remove(folder);
}

static void comparison_is(const char *wanted) {
    const char *runs[] = {first, second};
    char *table, *text;
    size_t n;
    ck_ok(fcl_compare(&table, runs, 2, path));
    ck_ok(fcl_file_read(&text, &n, path));
    ck_assert_str_eq(text, wanted);
    ck_assert_ptr_nonnull(strstr(table, "mean   test"));
    free(table);
    free(text);
}

START_TEST(equal_yardsticks_appear_once) {
    test_write_text(second, "evaluation.csv", HEADER "b,test,9,1.5,2,,80,95,99,2,18,9,0\n" MEAN);
    comparison_is(HEADER "a,test,9,1,2,,90,95,99,1.5,18,9,0\nb,test,9,1.5,2,,80,95,99,2,18,9,0\n" MEAN);
}
END_TEST

START_TEST(other_yardsticks_stay_apart) {
    test_write_text(second, "evaluation.csv",
                    HEADER "b,all,9,1.5,2,,80,95,99,2,18,9,0\nmean,all,9,3,4,,50,60,70,4,18,9,0\n");
    comparison_is(HEADER "a,test,9,1,2,,90,95,99,1.5,18,9,0\nb,all,9,1.5,2,,80,95,99,2,18,9,0\n" MEAN
                         "mean,all,9,3,4,,50,60,70,4,18,9,0\n");
}
END_TEST

START_TEST(a_run_without_evaluation_is_named) {
    const char *runs[] = {first, second};
    char *table = NULL;
    ck_fails(fcl_compare(&table, runs, 2, path), FCL_E_INPUT, "second' has no evaluation.csv");
    ck_assert_ptr_null(table);
    ck_assert(!fcl_path_exists(path));
}
END_TEST

START_TEST(models_are_called_by_their_names) {
    const char *rows[][2] = {
        {"base_model", "base_model"}, {"models/mine.cfg", "mine"}, {"mine.cfg", "mine"}, {"a/b", "b"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *label;
        ck_ok(fcl_model_label(&label, rows[i][0]));
        ck_assert_str_eq(label, rows[i][1]);
        free(label);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eval/compare");
    TCase *tests = tcase_create("compare");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, equal_yardsticks_appear_once);
    tcase_add_test(tests, other_yardsticks_stay_apart);
    tcase_add_test(tests, a_run_without_evaluation_is_named);
    tcase_add_test(tests, models_are_called_by_their_names);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
