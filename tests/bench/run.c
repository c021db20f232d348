/* Every benchmark of a tiny model on the device under test: what is measured, checked and written. Never how fast. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "bench/auto.h"
#include "bench/bench.h"
#include "bench/cases.h"
#include "ops/tuning.h"
#include "support/support.h"

static const char model_text[] = "layers = (\n"
                                 "  { type = \"average_pool\"; window = 4; },\n"
                                 "  { type = \"conv\"; filters = 16; kernel = 3; activation = \"relu\"; },\n"
                                 "  { type = \"max_pool\"; window = 2; },\n"
                                 "  { type = \"conv\"; filters = 16; kernel = 3; activation = \"relu\"; },\n"
                                 "  { type = \"flatten\"; },\n"
                                 "  { type = \"dropout\"; rate = 0.25; },\n"
                                 "  { type = \"dense\"; units = 30; }\n"
                                 ");\n";

enum { REPEATS = 2, BATCH = 4 };

static char *folder, *model;
static const char *models[2];
static fcl_bench bench;

static fcl_bench_options tiny_options(void) {
    fcl_bench_options o = fcl_bench_defaults();
    o.models = models;
    o.batch = BATCH;
    o.predict_batches[0] = BATCH;
    o.repeats = REPEATS;
    o.repeat_seconds = 1e-3;
    o.seeds = REPEATS;
    o.max_epochs = 1;
    return o;
}

static void set_up(void) {
    static const char *const command[] = {"bench", "test"};
    folder = test_folder_create();
    test_write_text(folder, "tiny.cfg", model_text);
    model = fcl_path_join(folder, "tiny.cfg");
    models[0] = model;
    const fcl_bench_options o = tiny_options();
    ck_ok(fcl_bench_open(&bench, &o, command, 2));
}

static void tear_down(void) {
    fcl_bench_close(&bench);
    free(model);
    test_folder_remove(folder);
}

static const fcl_result *find(const char *workload) {
    for (size_t i = 0; i < bench.report->n_results; i++)
        if (strcmp(bench.report->results[i].workload, workload) == 0) return &bench.report->results[i];
    ck_abort_msg("no result %s", workload);
    return NULL;
}

/* A result with its samples, all of them numbers above 0. */
static const fcl_result *measured(const char *workload, const char *unit, size_t n) {
    const fcl_result *r = find(workload);
    ck_assert_msg(r->check.passed, "%s: %s: %g, bound %g", workload, r->check.what, r->check.error, r->check.bound);
    ck_assert_str_eq(r->unit, unit);
    ck_assert_uint_eq(r->n_samples, n);
    for (size_t i = 0; i < n; i++) {
        ck_assert(isfinite(r->samples[i]) && r->samples[i] > 0.0);
        ck_assert(isfinite(r->calibration[i]) && r->calibration[i] > 0.0);
    }
    return r;
}

static double detail(const fcl_result *r, const char *key) {
    const json_t *value = json_object_get(r->details, key);
    ck_assert_msg(json_is_number(value), "%s has no number '%s'", r->workload, key);
    return json_number_value(value);
}

START_TEST(a_device) {
    ck_ok(fcl_bench_device(&bench));
    ck_assert_uint_eq(bench.report->n_results, 6);
    ck_assert(measured("device/peak_float32", "GFLOP/s", REPEATS)->higher_is_better);
    measured("device/bandwidth_read", "GB/s", REPEATS);
    measured("device/bandwidth_copy", "GB/s", REPEATS);
    ck_assert(!measured("device/launch_latency", "us", REPEATS)->higher_is_better);
    measured("device/transfer_to", "GB/s", REPEATS);
    measured("device/transfer_from", "GB/s", REPEATS);
}
END_TEST

/* Each operation of a training step has a result, under the name of its layer. */
START_TEST(operations) {
    static const char *const places[] = {"average_pool/forward",
                                         "conv/forward",
                                         "max_pool/forward",
                                         "conv_1/forward",
                                         "dropout/forward",
                                         "dense/forward",
                                         "step/loss_mse",
                                         "dense/backward_weights",
                                         "dense/backward_data",
                                         "dropout/backward_data",
                                         "conv_1/backward_data",
                                         "dropout/backward_data_switched_off",
                                         "conv_1/backward_weights",
                                         "max_pool/backward_data",
                                         "conv/backward_weights",
                                         "step/finite_check",
                                         "step/adam"};
    ck_ok(fcl_choice_force(bench.choice, "pool=pool_direct"));
    ck_ok(fcl_bench_ops(&bench));
    ck_assert_uint_eq(bench.report->n_results, sizeof places / sizeof *places);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *workload = fcl_format("ops/tiny/batch%d/%s", BATCH, places[i]);
        const fcl_result *r = find(workload);
        /* Whether the two clocks agree depends on the machine's load; that the results are right does not. */
        ck_assert_msg(r->check.passed || test_contains(r->check.what, "wall clock"), "%s: %s", workload, r->check.what);
        ck_assert(detail(r, "event_ms") > 0.0 && detail(r, "share_of_roofline") > 0.0);
        ck_assert(detail(r, "launches") >= 1.0);
        free(workload);
    }
    /* 22x22x1 to 9 multiplications for each of 16 channels. */
    ck_assert_double_eq_tol(detail(find("ops/tiny/batch4/conv/forward"), "gflop"), 2e-9 * BATCH * 22 * 22 * 16 * 9,
                            1e-15);
}
END_TEST

/* A convolution that pools has other names, because it computes something else. */
START_TEST(pooled_operations) {
    fcl_device *device;
    ck_ok(fcl_device_open(&device, NULL, 0));
    const int is_cpu = fcl_device_facts(device)->kind == FCL_DEVICE_CPU;
    fcl_device_free(device);
    if (!is_cpu) {
        test_not_supported("what it checks is for CPUs");
        return;
    }
    ck_ok(fcl_bench_ops(&bench));
    ck_assert_uint_eq(bench.report->n_results, 15);
    /* A row and a column of 22 are not left over. */
    ck_assert_double_eq_tol(detail(find("ops/tiny/batch4/conv/forward_pooled"), "gflop"),
                            2e-9 * BATCH * 22 * 22 * 16 * 9, 1e-15);
    find("ops/tiny/batch4/conv/backward_weights_pooled");
    find("ops/tiny/batch4/conv_1/forward");
}
END_TEST

/* How --device auto measures one. */
START_TEST(a_candidate) {
    void *device;
    double flop_per_second = 0.0, seconds = 0.0, hopeless = 0.0;
    char *selector = fcl_device_selector(fcl_device_facts(bench.device));
    ck_ok(fcl_auto_device_ways.open(&device, &flop_per_second, selector));
    ck_assert(isfinite(flop_per_second) && flop_per_second > 0.0);
    ck_ok(fcl_auto_device_ways.measure(&seconds, device, bench.models[0], BATCH, (double)INFINITY));
    ck_assert(isfinite(seconds) && seconds > 0.0);
    ck_ok(fcl_auto_device_ways.measure(&hopeless, device, bench.models[0], BATCH, 1e-12));
    ck_assert(isfinite(hopeless) && hopeless > 0.0);
    fcl_interrupt_set(SIGINT);
    ck_fails(fcl_auto_device_ways.measure(&seconds, device, bench.models[0], BATCH, (double)INFINITY),
             FCL_E_INTERRUPTED, "interrupted");
    fcl_interrupt_set(0);
    fcl_auto_device_ways.close(device);
    free(selector);
}
END_TEST

START_TEST(training_and_prediction) {
    ck_ok(fcl_bench_speed(&bench, 1, 1));
    ck_assert_uint_eq(bench.report->n_results, 3);
    const fcl_result *r = measured("train/tiny/batch4", "images/s", REPEATS);
    ck_assert_int_eq(r->solvers, FCL_AS_SHIPPED);
    ck_assert_uint_eq(json_object_size(json_object_get(r->details, "solvers")), (size_t)detail(r, "operations"));
    const json_t *profile = json_object_get(r->details, "profile"), *kernel;
    double shares = 0.0;
    size_t i;
    json_array_foreach(json_object_get(profile, "kernels"), i, kernel) shares +=
        json_number_value(json_object_get(kernel, "share_of_kernels"));
    ck_assert_double_eq_tol(shares, 1.0, 1e-9);
    ck_assert(json_integer_value(json_object_get(json_object_get(r->details, "memory"), "device_bytes")) > 0);
    const json_t *check = json_object_get(r->details, "check");
    ck_assert(json_integer_value(json_object_get(check, "operations_with_other_solver")) > 0);
    measured("infer/tiny/batch4", "images/s", REPEATS);
    measured("infer/tiny/batch1", "images/s", REPEATS);
}
END_TEST

START_TEST(a_sustained_training) {
    bench.options.sustained_minutes = 1e-6;
    ck_ok(fcl_bench_speed(&bench, 1, 0));
    measured("train/tiny/batch4", "images/s", REPEATS);
    ck_assert_uint_ge(find("train_sustained/tiny/batch4")->n_samples, 1);
}
END_TEST

/* The profile opens the device anew: here it fails, after all that was measured. */
START_TEST(what_was_measured_is_kept_when_the_profile_fails) {
    bench.options.device = "no such device";
    ck_fails(fcl_bench_speed(&bench, 1, 0), FCL_E_NO_DEVICE, "no such device");
    measured("train/tiny/batch4", "images/s", REPEATS);
}
END_TEST

START_TEST(accuracy_within_reach) {
    bench.options.target_mae = 1e3;
    ck_ok(fcl_bench_accuracy(&bench));
    const fcl_result *r = measured("accuracy/tiny", "s", REPEATS);
    ck_assert_uint_eq(json_array_size(json_object_get(r->details, "val_mae")), REPEATS);
    ck_ok(fcl_bench_verdict(bench.report));
}
END_TEST

/* A target that is missed is no time, and the verdict says so. */
START_TEST(accuracy_out_of_reach) {
    bench.options.target_mae = 1e-6;
    ck_ok(fcl_bench_accuracy(&bench));
    ck_assert_int_eq(find("accuracy/tiny")->check.passed, 0);
    ck_assert_uint_eq(find("accuracy/tiny")->n_samples, 0);
    ck_fails(fcl_bench_verdict(bench.report), FCL_E_WRONG_RESULT, "accuracy/tiny");
}
END_TEST

/* What tuning chose is used and named, or left aside. */
START_TEST(tuned_and_as_shipped) {
    static const char *const command[] = {"bench"};
    const fcl_op_desc loss = {.kind = FCL_LOSS_MSE, .batch = BATCH, .flat = {FCL_N_COORDINATES}};
    const char *cache = getenv("FIDUCL_CACHE_DIR");
    char *usual = cache ? fcl_duplicate(cache) : NULL;
    fcl_tuning tuning;
    /* What is tuned here is for nobody else. */
    setenv("FIDUCL_CACHE_DIR", folder, 1);
    ck_ok(fcl_tune_operation(&tuning, bench.device, &loss, 0, (double)INFINITY, fcl_solvers_of(loss.kind)));
    ck_ok(fcl_bench_speed(&bench, 1, 0));
    const fcl_result *r = measured("train/tiny/batch4", "images/s", REPEATS);
    ck_assert_int_eq(r->solvers, FCL_TUNED);
    ck_assert(detail(r, "tuned_operations") == 1.0);
    fcl_bench_close(&bench);
    fcl_bench_options o = tiny_options();
    o.as_shipped = 1;
    ck_ok(fcl_bench_open(&bench, &o, command, 1));
    ck_ok(fcl_bench_speed(&bench, 1, 0));
    ck_assert_int_eq(measured("train/tiny/batch4", "images/s", REPEATS)->solvers, FCL_AS_SHIPPED);
    if (usual)
        setenv("FIDUCL_CACHE_DIR", usual, 1);
    else
        unsetenv("FIDUCL_CACHE_DIR");
    free(usual);
}
END_TEST

START_TEST(the_report_says_where_and_is_read_back) {
    char *path = fcl_path_join(folder, "benchmark.json"), *table;
    fcl_report *read;
    bench.options.predict_batches[1] = 0;
    ck_ok(fcl_bench_speed(&bench, 0, 1));
    ck_ok(fcl_bench_end(&bench));
    ck_ok(fcl_report_write(bench.report, path));
    ck_ok(fcl_report_read(&read, path));
    ck_assert_uint_eq(read->n_results, 1);
    ck_assert_str_eq(fcl_report_text(read, "device", "name"), fcl_device_facts(bench.device)->name);
    ck_assert_str_eq(fcl_report_text(read, "fiducl", "version"), fcl_version());
    ck_assert_uint_eq(strlen(fcl_report_text(read, "fiducl", "kernels")), 32);
    ck_assert_uint_eq(json_array_size(json_object_get(read->system, "load_average")), 2);
    ck_ok(fcl_bench_table(&table, read));
    ck_assert(test_contains(table, "infer/tiny/batch4") && test_contains(table, "images/s"));
    free(table);
    fcl_report_free(read);
    free(path);
}
END_TEST

START_TEST(an_interrupt_ends_it) {
    fcl_interrupt_set(2);
    fcl_status status = fcl_bench_device(&bench);
    fcl_interrupt_set(0);
    ck_assert_int_eq(status, FCL_E_INTERRUPTED);
}
END_TEST

/* The signal comes in the second round, before the second case has its turn. */
static fcl_status interrupted_at_last(double *sample, double *error, void *state, unsigned index) {
    (void)state;
    *sample = 1.0 + index;
    *error = 0.0;
    if (index == REPEATS - 1) fcl_interrupt_set(2);
    return FCL_OK;
}

static void add_made(fcl_cases *cases, const char *name) {
    fcl_case added = {.repeat = interrupted_at_last};
    ck_ok(fcl_result_name(&added.result, name, 1, "time", "s", 0));
    ck_ok(fcl_result_set_check(&added.result, 0.0, 0.1, "made errors"));
    ck_ok(fcl_cases_add(cases, &added));
}

START_TEST(an_interrupt_keeps_what_was_measured) {
    fcl_cases cases = {0}, later = {0};
    fcl_case none = {.repeat = interrupted_at_last};
    add_made(&cases, "first");
    add_made(&cases, "second");
    add_made(&later, "never");
    ck_fails(fcl_cases_run(&cases, REPEATS, bench.probe, "made"), FCL_E_INTERRUPTED, "while measuring second");
    ck_fails(fcl_cases_run(&later, REPEATS, bench.probe, "made"), FCL_E_INTERRUPTED, "while measuring never");
    ck_ok(fcl_result_name(&none.result, "unchecked", 1, "time", "s", 0));
    ck_fails(fcl_cases_add(&cases, &none), FCL_E_INTERRUPTED, "before unchecked was measured");
    fcl_interrupt_set(0);
    ck_ok(fcl_cases_report(bench.report, &cases));
    ck_ok(fcl_cases_report(bench.report, &later));
    ck_assert_uint_eq(bench.report->n_results, 2);
    ck_assert(measured("first", "s", REPEATS)->samples[REPEATS - 1] == REPEATS);
    measured("second", "s", REPEATS - 1);
    fcl_cases_dispose(&cases);
    fcl_cases_dispose(&later);
}
END_TEST

/* A repeat that is wrong takes all samples of its case away. */
static fcl_status wrong_at_last(double *sample, double *error, void *state, unsigned index) {
    (void)state;
    *sample = 1.0;
    *error = index == REPEATS - 1 ? 0.5 : 0.0;
    return FCL_OK;
}

START_TEST(a_wrong_repeat_is_no_time) {
    fcl_cases cases = {0};
    fcl_case added = {.repeat = wrong_at_last};
    ck_ok(fcl_result_name(&added.result, "made", 1, "time", "s", 0));
    ck_ok(fcl_result_set_check(&added.result, 0.0, 0.1, "made errors"));
    ck_ok(fcl_cases_add(&cases, &added));
    ck_ok(fcl_cases_run(&cases, REPEATS, bench.probe, "made"));
    ck_ok(fcl_cases_report(bench.report, &cases));
    ck_assert(find("made")->check.error == 0.5);
    ck_assert_uint_eq(find("made")->n_samples, 0);
    ck_fails(fcl_bench_verdict(bench.report), FCL_E_WRONG_RESULT, "made errors");
    fcl_cases_dispose(&cases);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench: runs");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_device);
    tcase_add_test(tests, a_candidate);
    tcase_add_test(tests, operations);
    tcase_add_test(tests, pooled_operations);
    tcase_add_test(tests, training_and_prediction);
    tcase_add_test(tests, a_sustained_training);
    tcase_add_test(tests, what_was_measured_is_kept_when_the_profile_fails);
    tcase_add_test(tests, accuracy_within_reach);
    tcase_add_test(tests, accuracy_out_of_reach);
    tcase_add_test(tests, tuned_and_as_shipped);
    tcase_add_test(tests, the_report_says_where_and_is_read_back);
    tcase_add_test(tests, an_interrupt_ends_it);
    tcase_add_test(tests, an_interrupt_keeps_what_was_measured);
    tcase_add_test(tests, a_wrong_repeat_is_no_time);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
