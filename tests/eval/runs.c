/*
 * Predictions, evaluation and figures of a fabricated run whose predictions are known: the model averages 8x8
 * pixels, and all its weights are 0 but the one from the upper left average to left_eye_center_x. So an image
 * of one gray predicts 48 + 48 * gray / 255 there and 48 everywhere else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "fiducl/eval.h"
#include "net/weights.h"
#include "plot/figure.h"
#include "support/support.h"

enum { N_ROWS = 10, N_TEST = 3, PIXELS = FCL_IMAGE_SIDE * FCL_IMAGE_SIDE, GRAY_STEP = 17 };

static const char model_text[] = "layers = (\n"
                                 "  { type = \"average_pool\"; window = 8; },\n"
                                 "  { type = \"flatten\"; },\n"
                                 "  { type = \"dense\"; units = 30; }\n"
                                 ");\n";

static char *folder, *run, *prepared;
static fcl_eval_options options;

/* Row i is all of gray 17 i. Every keypoint but the first is labelled 3 px right of and 4 px below what is
 * predicted. */
static fcl_dataset *faces(void) {
    fcl_dataset *d = calloc(1, sizeof *d);
    *d = (fcl_dataset){.n = N_ROWS,
                       .pixels = malloc((size_t)N_ROWS * PIXELS),
                       .keypoints = calloc((size_t)N_ROWS * FCL_N_COORDINATES, sizeof(float)),
                       .mask = calloc((size_t)N_ROWS * FCL_N_COORDINATES, 1),
                       .rows = calloc(N_ROWS, sizeof(uint32_t)),
                       .has_keypoints = 1,
                       .source = fcl_duplicate("made faces")};
    for (unsigned i = 0; i < N_ROWS; i++) {
        d->rows[i] = i;
        memset(d->pixels + (size_t)i * PIXELS, (int)(GRAY_STEP * i), PIXELS);
        for (size_t c = 2; c < FCL_N_COORDINATES; c++) {
            d->keypoints[i * FCL_N_COORDINATES + c] = c % 2 ? 52.0f : 51.0f;
            d->mask[i * FCL_N_COORDINATES + c] = 1;
        }
    }
    return d;
}

static void write_config(const char *path, const char *hash) {
    json_t *config = json_pack("{s:s, s:s, s:s}", "model", "models/tiny.cfg", "prepared", path, "prepared_hash", hash);
    char *file = fcl_path_join(run, "config.json");
    ck_ok(fcl_json_write(file, config));
    free(file);
    json_decref(config);
}

static void write_weights(void) {
    fcl_model *model;
    fcl_tensors weights;
    char *file = fcl_path_join(run, "best.safetensors");
    ck_ok(fcl_model_parse(&model, "tiny", model_text));
    ck_ok(fcl_tensors_init(&weights, model));
    fcl_tensors_at(&weights, 0)[0] = 1.0f;
    const fcl_tensor_set set = {"", &weights};
    const fcl_metadata none[] = {{NULL, NULL}};
    ck_ok(fcl_safetensors_write(file, &set, 1, none));
    fcl_tensors_dispose(&weights);
    fcl_model_free(model);
    free(file);
}

static void set_up(void) {
    folder = test_folder_create();
    run = fcl_path_join(folder, "run");
    prepared = fcl_path_join(folder, "prepared");
    ck_ok(fcl_folder_create(run));
    fcl_dataset *d = faces();
    fcl_prepare_options prepare = fcl_prepare_defaults();
    prepare.counts[FCL_TRAIN] = 5;
    prepare.counts[FCL_VALIDATION] = 2;
    prepare.counts[FCL_TEST] = N_TEST;
    ck_ok(fcl_prepare(d, &prepare, prepared));
    fcl_dataset_free(d);
    fcl_prepared *p;
    ck_ok(fcl_prepared_open(&p, prepared));
    write_config(prepared, fcl_prepared_hash(p));
    fcl_prepared_free(p);
    write_weights();
    test_write_text(run, "model.cfg", model_text);
    test_write_text(run, "history.csv",
                    "epoch,train_loss,train_mae,val_loss,val_mae,learning_rate,seconds,images_per_second\n"
                    "1,0.5,9,0.25,8,0.001,1,100\n2,0.125,7,0.0625,6,0.001,1,100\n");
    options = (fcl_eval_options){.run = run, .split = FCL_TEST};
}

static void tear_down(void) {
    fcl_log_set_sink(NULL, NULL);
    free(run);
    free(prepared);
    test_folder_remove(folder);
}

static char *read_file(const char *where, const char *name) {
    char *path = fcl_path_join(where, name), *text;
    size_t n;
    ck_ok(fcl_file_read(&text, &n, path));
    free(path);
    return text;
}

static int exists(const char *where, const char *name) {
    char *path = fcl_path_join(where, name);
    int is = fcl_path_exists(path);
    free(path);
    return is;
}

/* The predictions of these rows are in order and as the model's formula says. */
static void predictions_are(const char *where, const uint32_t *rows, size_t n) {
    char *text = read_file(where, "predictions.csv"), *p = strchr(text, '\n');
    for (size_t i = 0; i < n; i++) {
        unsigned row;
        double x, y, next;
        ck_assert_ptr_nonnull(p);
        ck_assert_int_eq(sscanf(p + 1, "%u,%lf,%lf,%lf", &row, &x, &y, &next), 4);
        ck_assert_uint_eq(row, rows[i]);
        ck_assert_double_eq_tol(x, 48.0 + 48.0 * GRAY_STEP * row / 255.0, 1e-3);
        ck_assert_double_eq(y, 48.0);
        ck_assert_double_eq(next, 48.0);
        p = strchr(p + 1, '\n');
    }
    ck_assert_msg(p && p[0] == '\n' && p[1] == '\0', "more rows than expected");
    free(text);
}

static void test_rows(uint32_t rows[N_TEST]) {
    fcl_prepared *p;
    const fcl_dataset *d;
    ck_ok(fcl_prepared_open(&p, prepared));
    ck_ok(fcl_prepared_split(&d, p, FCL_TEST));
    ck_assert_uint_eq(d->n, N_TEST);
    memcpy(rows, d->rows, N_TEST * sizeof *rows);
    fcl_prepared_free(p);
}

START_TEST(an_evaluation_scores_the_model_and_the_mean) {
    char *table;
    uint32_t rows[N_TEST];
    ck_ok(fcl_evaluate(&table, &options));
    ck_assert_ptr_nonnull(strstr(table, "tiny"));
    free(table);
    /* 3 and 4 px off in each of 14 keypoints; without eye centers there is no NME. The mean hits every label.
     */
    char *text = read_file(run, "evaluation.csv");
    ck_assert_ptr_nonnull(strstr(text, "\ntiny,test,3,3.5,3.53553,,100,100,100,5,84,42,0\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nmean,test,3,0,0,,100,100,100,0,84,42,0\n"));
    free(text);
    text = read_file(run, "keypoints.csv");
    ck_assert_ptr_nonnull(strstr(text, "\ntiny,test,left_eye_center,0,,,,,,,,0,0,0\n"));
    ck_assert_ptr_nonnull(strstr(text, "\ntiny,test,nose_tip,3,3.5,3.53553,,100,100,100,5,6,3,0\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nmean,test,nose_tip,3,0,0,"));
    free(text);
    test_rows(rows);
    predictions_are(run, rows, N_TEST);
}
END_TEST

START_TEST(figures_show_history_samples_and_errors) {
    static const char *const files[] = {"loss.svg",    "loss.png",   "loss.csv",   "samples.svg", "samples.png",
                                        "samples.csv", "errors.svg", "errors.png", "errors.csv"};
    if (fcl_plot_check() != FCL_OK) return;
    char *out = fcl_path_join(folder, "figures");
    options.out = out;
    ck_ok(fcl_plot_run(&options));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) ck_assert_msg(exists(out, files[i]), "no %s", files[i]);
    ck_assert(!exists(run, "loss.svg"));
    char *text = read_file(out, "errors.csv");
    /* All errors are 5 px: none within 4.9 px, all within 5. */
    ck_assert_msg(strstr(text, "4.9,0") && strstr(text, "5,100"), "errors.csv: %s", text);
    free(text);
    text = read_file(out, "loss.csv");
    ck_assert_msg(strstr(text, "0.125") && strstr(text, "0.0625"), "loss.csv: %s", text);
    free(text);
    free(out);
}
END_TEST

static unsigned n_warnings;

static void count_warnings(void *user, fcl_log_level level, const char *line) {
    (void)user;
    (void)line;
    n_warnings += level == FCL_LOG_WARNING;
}

START_TEST(without_gnuplot_only_figures_are_missing) {
    char *table, *path = fcl_duplicate(getenv("PATH"));
    ck_ok(fcl_predict(&options)); /* kernels are compiled with the path as it is */
    n_warnings = 0;
    fcl_log_set_sink(count_warnings, NULL);
    setenv("PATH", folder, 1);
    fcl_status plotted = fcl_plot_run(&options), evaluated = fcl_evaluate(&table, &options);
    setenv("PATH", path, 1);
    ck_assert_int_eq(plotted, FCL_E_MISSING_PROGRAM);
    ck_assert_int_eq(evaluated, FCL_OK);
    ck_assert_uint_eq(n_warnings, 1);
    ck_assert(exists(run, "evaluation.csv"));
    ck_assert(!exists(run, "errors.svg"));
    free(table);
    free(path);
}
END_TEST

START_TEST(unlabelled_arrays_are_predicted) {
    enum { N = 3, HEADER_BYTES = 128 };
    /* numpy's format 1.0: magic, version, length of the header, header padded with spaces. */
    static char file[HEADER_BYTES + N * PIXELS];
    memset(file, ' ', HEADER_BYTES);
    memcpy(file, "\x93NUMPY\x01\x00", 8);
    file[8] = HEADER_BYTES - 10;
    file[9] = 0;
    static const char text[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 96, 96), }";
    memcpy(file + 10, text, strlen(text));
    file[HEADER_BYTES - 1] = '\n';
    for (int i = 0; i < N; i++) memset(file + HEADER_BYTES + (size_t)i * PIXELS, GRAY_STEP * i, PIXELS);
    test_write(folder, "faces.npy", file, sizeof file);
    char *path = fcl_path_join(folder, "faces.npy"), *out = fcl_path_join(folder, "out"), *table = NULL;
    options.images = path;
    options.out = out;
    ck_ok(fcl_predict(&options));
    predictions_are(out, (const uint32_t[]){0, 1, 2}, N);
    ck_assert_int_ne(fcl_evaluate(&table, &options), FCL_OK);
    ck_assert(!exists(out, "evaluation.csv"));
    free(path);
    free(out);
}
END_TEST

START_TEST(raw_data_are_one_split_called_all) {
    char *raw = fcl_path_join(folder, "synth"), *table;
    ck_ok(fcl_synth(&(fcl_synth_options){.count = 4, .seed = 1, .complete = 1}, raw));
    options.data = raw;
    ck_ok(fcl_evaluate(&table, &options));
    free(table);
    char *text = read_file(run, "evaluation.csv");
    ck_assert_ptr_nonnull(strstr(text, "\ntiny,all,4,"));
    ck_assert_ptr_nonnull(strstr(text, "\nmean,all,4,"));
    free(text);
    /* Without the run's prepared folder there is nothing to take the mean of. */
    ck_ok(fcl_folder_remove(prepared));
    n_warnings = 0;
    fcl_log_set_sink(count_warnings, NULL);
    ck_ok(fcl_evaluate(&table, &options));
    free(table);
    text = read_file(run, "evaluation.csv");
    ck_assert_ptr_nonnull(strstr(text, "\ntiny,all,4,"));
    ck_assert_ptr_null(strstr(text, "mean,all"));
    ck_assert_uint_ge(n_warnings, 1);
    free(text);
    free(raw);
}
END_TEST

START_TEST(prepared_data_must_be_those_of_the_run) {
    char *table = NULL;
    write_config(prepared, "00000000000000000000000000000000");
    ck_fails(fcl_evaluate(&table, &options), FCL_E_INPUT, "are not those that the run was trained on");
    ck_fails(fcl_predict(&options), FCL_E_INPUT, "--data");
    ck_assert(!exists(run, "predictions.csv"));
    write_config("/nowhere/prepared", "0");
    ck_fails(fcl_predict(&options), FCL_E_INPUT, "'/nowhere/prepared'");
    options.data = prepared;
    ck_ok(fcl_predict(&options));
}
END_TEST

START_TEST(a_folder_that_is_no_run_is_named) {
    char *table = NULL;
    options.run = prepared;
    ck_fails(fcl_evaluate(&table, &options), FCL_E_INPUT, "is not the folder of a run");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("eval/runs");
    TCase *tests = tcase_create("runs");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, an_evaluation_scores_the_model_and_the_mean);
    tcase_add_test(tests, figures_show_history_samples_and_errors);
    tcase_add_test(tests, without_gnuplot_only_figures_are_missing);
    tcase_add_test(tests, unlabelled_arrays_are_predicted);
    tcase_add_test(tests, raw_data_are_one_split_called_all);
    tcase_add_test(tests, prepared_data_must_be_those_of_the_run);
    tcase_add_test(tests, a_folder_that_is_no_run_is_named);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
