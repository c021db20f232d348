/* The file of a benchmark: what is written comes back, and what is damaged is named. */
#include "bench/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "support/support.h"

static char *folder, *path;

static void set_up(void) {
    folder = test_folder_create();
    path = fcl_path_join(folder, "benchmark.json");
}

static void tear_down(void) {
    free(path);
    test_folder_remove(folder);
}

static fcl_result made_result(const char *workload, int passed) {
    fcl_result r = {.workload = fcl_duplicate(workload),
                    .workload_version = 3,
                    .solvers = FCL_TUNED,
                    .metric = fcl_duplicate("speed"),
                    .unit = fcl_duplicate("images/s"),
                    .higher_is_better = 1,
                    .n_samples = 3,
                    .check = {passed, fcl_duplicate("against the reference"), 0.1, 1.0},
                    .energy_joules = (double)NAN,
                    .details = json_pack("{s:i}", "batch", 32)};
    ck_ok(FCL_NEW(&r.samples, r.n_samples, "samples"));
    ck_ok(FCL_NEW(&r.calibration, r.n_samples, "samples"));
    for (size_t i = 0; i < r.n_samples; i++) {
        r.samples[i] = 100.0 / 3.0 + 10.0 * (double)(i == 1);
        r.calibration[i] = 500.0 + (double)i;
    }
    return r;
}

static fcl_report *made_report(int passed) {
    fcl_report *report;
    ck_ok(fcl_report_create(&report));
    json_array_append_new(report->command, json_string("bench"));
    json_object_set_new(report->device, "name", json_string("a device"));
    fcl_result result = made_result("train/base_model/batch32", passed);
    ck_ok(fcl_report_add(report, &result));
    ck_assert_ptr_null(result.workload);
    return report;
}

START_TEST(results_come_back) {
    fcl_report *written = made_report(1), *read;
    written->results[0].energy_joules = 12.5;
    written->is_partial = 1;
    fcl_result lower = made_result("device/launch_latency", 1);
    lower.higher_is_better = 0;
    lower.solvers = FCL_AS_SHIPPED;
    ck_ok(fcl_report_add(written, &lower));
    ck_ok(fcl_report_write(written, path));
    ck_ok(fcl_report_read(&read, path));
    ck_assert_str_eq(read->created, written->created);
    ck_assert_int_eq(read->is_partial, 1);
    ck_assert_str_eq(json_string_value(json_array_get(read->command, 0)), "bench");
    ck_assert_str_eq(fcl_report_text(read, "device", "name"), "a device");
    ck_assert_ptr_null(fcl_report_text(read, "device", "vendor"));
    ck_assert_uint_eq(read->n_results, 2);
    const fcl_result *r = &read->results[0];
    ck_assert_str_eq(r->workload, "train/base_model/batch32");
    ck_assert_uint_eq(r->workload_version, 3);
    ck_assert_int_eq(r->solvers, FCL_TUNED);
    ck_assert_str_eq(r->metric, "speed");
    ck_assert_str_eq(r->unit, "images/s");
    ck_assert_int_eq(r->higher_is_better, 1);
    ck_assert_uint_eq(r->n_samples, 3);
    ck_assert(r->samples[0] == 100.0 / 3.0 && r->samples[1] == 100.0 / 3.0 + 10.0);
    ck_assert(r->calibration[2] == 502.0);
    ck_assert(fcl_result_median(r) == 100.0 / 3.0);
    ck_assert_int_eq(r->check.passed, 1);
    ck_assert_str_eq(r->check.what, "against the reference");
    ck_assert(r->check.error == 0.1 && r->check.bound == 1.0 && r->energy_joules == 12.5);
    ck_assert_int_eq(json_integer_value(json_object_get(r->details, "batch")), 32);
    r = &read->results[1];
    ck_assert_int_eq(r->higher_is_better, 0);
    ck_assert_int_eq(r->solvers, FCL_AS_SHIPPED);
    ck_assert(isnan(r->energy_joules));
    fcl_report_free(written);
    fcl_report_free(read);
}
END_TEST

/* Of this program's conditions, began at a minute of its own. */
static fcl_report *made_run(unsigned minute) {
    fcl_report *run = made_report(1);
    fcl_result_run *began = &run->results[0].runs[0];
    snprintf(run->created, sizeof run->created, "2026-01-31T23:%02u:59Z", minute);
    memcpy(began->began, run->created, sizeof began->began);
    json_object_set_new(run->fiducl, "kernels", json_string("a hash"));
    json_object_set_new(run->device, "identity", json_string("a device, a driver"));
    json_object_set_new(run->system, "load_average", json_pack("[f, f]", 0.25, 0.5 + minute));
    return run;
}

START_TEST(runs_are_kept_apart) {
    fcl_report *all = made_run(1), *read;
    for (unsigned i = 2; i < 4; i++) {
        fcl_report *run = made_run(i);
        run->results[0].samples[0] = 30.0 + i;
        run->results[0].calibration[0] = 400.0 + i;
        run->results[0].check.error = 0.1 * i;
        run->results[0].n_samples = run->results[0].runs[0].n_samples = 4 - i; /* one that was repeated less often */
        run->results[0].energy_joules = 2.0;
        ck_ok(fcl_report_merge(all, path, run));
        ck_assert_uint_eq(run->n_results, 0);
        fcl_report_free(run);
    }
    ck_ok(fcl_report_write(all, path));
    ck_ok(fcl_report_read(&read, path));
    const fcl_result *r = &read->results[0];
    ck_assert_str_eq(read->created, "2026-01-31T23:01:59Z");
    ck_assert_uint_eq(read->n_results, 1);
    ck_assert_uint_eq(r->n_samples, 3 + 2 + 1);
    ck_assert(r->samples[2] == 100.0 / 3.0 && r->samples[3] == 32.0 && r->samples[5] == 33.0);
    ck_assert(r->calibration[3] == 402.0 && r->calibration[5] == 403.0);
    ck_assert_uint_eq(r->n_runs, 3);
    for (unsigned i = 0; i < 3; i++) {
        char began[32];
        snprintf(began, sizeof began, "2026-01-31T23:%02u:59Z", i + 1);
        ck_assert_str_eq(r->runs[i].began, began);
        ck_assert_uint_eq(r->runs[i].n_samples, 3 - i);
    }
    ck_assert_double_eq_tol(r->check.error, 0.3, 1e-12);
    ck_assert(isnan(r->energy_joules)); /* the first one's could not be read */
    const json_t *load = fcl_report_value(read, "system", "load_average");
    ck_assert_uint_eq(json_array_size(load), 6);
    ck_assert(json_number_value(json_array_get(load, 5)) == 3.5);
    fcl_report_free(all);
    fcl_report_free(read);
}
END_TEST

START_TEST(a_wrong_run_takes_nothing_with_it) {
    fcl_report *all = made_run(1), *run = made_run(2), *again = made_run(3);
    fcl_result other = made_result("infer/base_model/batch1", 1), wrong = made_result("infer/base_model/batch8", 0);
    ck_ok(fcl_report_add(again, &other));
    ck_ok(fcl_report_add(run, &wrong));
    ck_fails(fcl_report_merge(all, path, run), FCL_E_WRONG_RESULT, "batch8 (against the reference: 0.1");
    ck_assert_uint_eq(all->n_results, 1);
    ck_assert_int_eq(all->results[0].check.passed, 1);
    ck_assert_uint_eq(all->results[0].n_samples, 3);
    ck_assert_uint_eq(all->results[0].n_runs, 1);
    ck_assert_uint_eq(run->n_results, 2); /* which can be shown */
    ck_ok(fcl_report_merge(all, path, again));
    ck_assert_uint_eq(all->results[0].n_samples, 6);
    ck_fails(fcl_report_merge(run, path, again), FCL_E_INPUT, "with a failed check of infer/base_model/batch8");
    /* What only one run has is there with that run. */
    ck_assert_uint_eq(all->n_results, 2);
    ck_assert_uint_eq(all->results[1].n_runs, 1);
    fcl_report_free(all);
    fcl_report_free(run);
    fcl_report_free(again);
}
END_TEST

START_TEST(what_does_not_belong_together_is_refused) {
    fcl_report *all = made_run(1), *run = made_run(2);
    json_object_set_new(run->fiducl, "kernels", json_string("another"));
    ck_fails(fcl_report_merge(all, path, run), FCL_E_INPUT, "another fiducl.kernels");
    ck_assert(test_contains(fcl_error_message(), "\"a hash\" there, \"another\" now"));
    ck_assert(test_contains(fcl_error_message(), path));
    json_object_set_new(run->fiducl, "kernels", json_string("a hash"));
    json_object_set_new(run->device, "identity", json_string("a device, another driver"));
    ck_fails(fcl_report_merge(all, path, run), FCL_E_INPUT, "another device.identity");
    json_object_set_new(run->device, "identity", json_string("a device, a driver"));
    json_object_set_new(run->system, "power_source", json_string("battery"));
    ck_fails(fcl_report_merge(all, path, run), FCL_E_INPUT, "unknown there, \"battery\" now");
    json_object_del(run->system, "power_source");
    json_array_append_new(run->command, json_string("--batch-size=64"));
    ck_fails(fcl_report_check_conditions(all, path, run), FCL_E_INPUT, "another command");
    all->is_partial = 1;
    ck_fails(fcl_report_check_conditions(all, path, run), FCL_E_INPUT, "which is partial");
    all->is_partial = 0;
    json_array_remove(run->command, 1);
    run->results[0].workload_version++;
    ck_fails(fcl_report_merge(all, path, run), FCL_E_INPUT, "version 4 in 'this run'");
    run->results[0].workload_version--;
    run->results[0].higher_is_better = 0;
    ck_fails(fcl_report_merge(all, path, run), FCL_E_INPUT, "lower is better");
    run->results[0].higher_is_better = 1;
    ck_assert_uint_eq(all->results[0].n_samples, 3);
    ck_ok(fcl_report_merge(all, path, run));
    fcl_report_free(all);
    fcl_report_free(run);
}
END_TEST

/* As older programs wrote it. */
START_TEST(a_file_of_version_1_is_one_run) {
    static const char text[] =
        "{\"format\": \"fiducl-benchmark\", \"format_version\": 1, \"created\": \"2026-01-31T23:59:59Z\", "
        "\"command\": [\"bench\", \"train\"], \"fiducl\": {}, \"libraries\": {}, \"system\": {}, \"device\": {}, "
        "\"results\": [{\"workload\": \"train/m/batch32\", \"workload_version\": 1, \"solvers\": \"as_shipped\", "
        "\"metric\": \"speed\", \"unit\": \"images/s\", \"better\": \"higher\", \"samples\": [3.0, 4.0], "
        "\"calibration\": [9, 9], \"median\": 3.5, \"min\": 3.0, \"max\": 4.0, \"check\": {\"passed\": true, "
        "\"what\": \"nothing\", \"error\": 0, \"bound\": 1}, \"energy_joules\": null, \"details\": {}}]}";
    fcl_report *read;
    ck_ok(fcl_file_write(path, text, strlen(text)));
    ck_ok(fcl_report_read(&read, path));
    ck_assert_uint_eq(read->results[0].n_runs, 1);
    ck_assert_uint_eq(read->results[0].runs[0].n_samples, 2);
    ck_assert_str_eq(read->results[0].runs[0].began, "2026-01-31T23:59:59Z");
    fcl_report *run = made_run(1);
    ck_fails(fcl_report_check_conditions(read, path, run), FCL_E_INPUT, "format version 1");
    fcl_report_free(run);
    fcl_report_free(read);
}
END_TEST

/* Whoever reads the file with another program finds these. */
START_TEST(the_file_sums_up_the_samples) {
    fcl_report *written = made_report(1);
    json_t *all;
    ck_ok(fcl_report_write(written, path));
    ck_ok(fcl_json_read(&all, path));
    const json_t *result = json_array_get(json_object_get(all, "results"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(all, "format")), "fiducl-benchmark");
    ck_assert_int_eq(json_integer_value(json_object_get(all, "format_version")), 2);
    ck_assert(json_number_value(json_object_get(result, "median")) == 100.0 / 3.0);
    ck_assert(json_number_value(json_object_get(result, "min")) == 100.0 / 3.0);
    ck_assert(json_number_value(json_object_get(result, "max")) == 100.0 / 3.0 + 10.0);
    ck_assert(json_is_null(json_object_get(result, "energy_joules")));
    json_decref(all);
    fcl_report_free(written);
}
END_TEST

START_TEST(a_wrong_result_is_no_time) {
    fcl_report *written = made_report(0), *read;
    ck_assert_uint_eq(written->results[0].n_samples, 0);
    written->results[0].check.error = (double)INFINITY;
    ck_ok(fcl_report_write(written, path));
    ck_ok(fcl_report_read(&read, path));
    ck_assert_int_eq(read->results[0].check.passed, 0);
    ck_assert_uint_eq(read->results[0].n_samples, 0);
    ck_assert(isnan(read->results[0].check.error));
    char *text;
    size_t n;
    ck_ok(fcl_file_read(&text, &n, path));
    ck_assert(!test_contains(text, "samples") && !test_contains(text, "median"));
    free(text);
    fcl_report_free(written);
    fcl_report_free(read);
}
END_TEST

START_TEST(results_are_told_apart) {
    fcl_result a = made_result("infer/base_model/batch1", 1), b = made_result("infer/base_model/batch1", 1);
    ck_assert(fcl_result_is_same(&a, &b));
    b.solvers = FCL_AS_SHIPPED;
    ck_assert(!fcl_result_is_same(&a, &b));
    b.solvers = a.solvers;
    b.workload_version++;
    ck_assert(!fcl_result_is_same(&a, &b));
    b.workload_version--;
    b.metric[0] = 'S';
    ck_assert(!fcl_result_is_same(&a, &b));
    fcl_result_dispose(&a);
    fcl_result_dispose(&b);
}
END_TEST

/* `old` in the file of a good benchmark becomes `new`. */
static const struct {
    const char *old, *new, *message;
} damages[] = {
    {"\"fiducl-benchmark\"", "\"something else\"", "not a benchmark"},
    {"\"format_version\": 2", "\"format_version\": 3", "reads versions 1 to 2"},
    {"\"format_version\": 2", "\"format_version\": 0", "reads versions 1 to 2"},
    {"\"runs\"", "\"run\"", "'runs' is missing"},
    {"\"began\"", "\"begin\"", "without the time at which it began"},
    {"\"samples\": 3", "\"samples\": 2", "'runs' has another number of samples"},
    {"\"samples\": 3", "\"samples\": 4", "'runs' has another number of samples"},
    {"\"workload\"", "\"work\"", "result 1: 'workload'"},
    {"\"workload_version\": 3", "\"workload_version\": 0", "'workload_version'"},
    {"\"tuned\"", "\"tune\"", "'solvers'"},
    {"\"higher\"", "\"faster\"", "'better'"},
    {"\"calibration\": [", "\"calibration\": [1.0, ", "'calibration' has another length"},
    {"\"median\": 3", "\"median\": 4", "'median' is not that"},
    {"\"passed\": true", "\"passed\": false", "'samples' belong to a failed check"},
    {"\"passed\": true", "\"passed\": 1", "'check.passed'"},
    {"\"details\": {", "\"details\": [], \"old\": {", "'details'"},
    {"\"device\": {", "\"devices\": {", "'device' is missing"},
    {"\"results\": [", "\"results\": 1, \"old\": [", "'results'"},
};

START_TEST(damage_is_named) {
    fcl_report *written = made_report(1), *read = NULL;
    char *text;
    size_t n;
    ck_ok(fcl_report_write(written, path));
    ck_ok(fcl_file_read(&text, &n, path));
    const char *old = damages[_i].old, *at = strstr(text, old);
    ck_assert_ptr_nonnull(at);
    char *damaged = fcl_format("%.*s%s%s", (int)(at - text), text, damages[_i].new, at + strlen(old));
    ck_ok(fcl_file_write(path, damaged, strlen(damaged)));
    ck_fails(fcl_report_read(&read, path), FCL_E_INPUT, damages[_i].message);
    ck_assert(test_contains(fcl_error_message(), path));
    ck_assert_ptr_null(read);
    free(damaged);
    free(text);
    fcl_report_free(written);
}
END_TEST

START_TEST(a_result_is_there_once) {
    fcl_report *written = made_report(1), *read = NULL;
    fcl_result again = made_result("train/base_model/batch32", 1);
    ck_ok(fcl_report_add(written, &again));
    ck_ok(fcl_report_write(written, path));
    ck_fails(fcl_report_read(&read, path), FCL_E_INPUT, "there twice");
    fcl_report_free(written);
}
END_TEST

START_TEST(only_benchmarks_are_replaced) {
    fcl_report *written = made_report(1);
    ck_ok(fcl_report_check_output(path, 0));
    ck_ok(fcl_report_write(written, path));
    ck_fails(fcl_report_check_output(path, 0), FCL_E_EXISTS, "--force");
    ck_ok(fcl_report_check_output(path, 1));
    test_write_text(folder, "benchmark.json", "{\"precious\": 1}\n");
    ck_fails(fcl_report_check_output(path, 1), FCL_E_EXISTS, "only a benchmark");
    ck_fails(fcl_report_check_output(folder, 1), FCL_E_EXISTS, folder);
    ck_ok(fcl_report_check_output("/dev/null", 0));
    ck_fails(fcl_report_check_output("/no/such/folder/b.json", 0), FCL_E_IO, "/no/such/folder");
    fcl_report_free(written);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench: report");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, results_come_back);
    tcase_add_test(tests, runs_are_kept_apart);
    tcase_add_test(tests, a_wrong_run_takes_nothing_with_it);
    tcase_add_test(tests, what_does_not_belong_together_is_refused);
    tcase_add_test(tests, a_file_of_version_1_is_one_run);
    tcase_add_test(tests, the_file_sums_up_the_samples);
    tcase_add_test(tests, a_wrong_result_is_no_time);
    tcase_add_test(tests, results_are_told_apart);
    tcase_add_loop_test(tests, damage_is_named, 0, sizeof damages / sizeof *damages);
    tcase_add_test(tests, a_result_is_there_once);
    tcase_add_test(tests, only_benchmarks_are_replaced);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
