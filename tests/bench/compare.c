/* Verdicts on benchmarks whose true difference is known: because it is put in by hand, or because it is drawn. */
#include "bench/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "bench/significance.h"
#include "support/support.h"

enum { REPEATS = 15 };
static const char *const workload = "train/base_model/batch32";

static fcl_report *made_report(const char *driver) {
    fcl_report *report;
    ck_ok(fcl_report_create(&report));
    json_object_set_new(report->device, "name", json_string("a device"));
    json_object_set_new(report->device, "driver_version", json_string(driver));
    json_object_set_new(report->system, "power_source", json_string("mains"));
    return report;
}

/* A result with room for n repeats, all 100 with a calibration of 500. */
static fcl_result *add(fcl_report *report, const char *name, const char *unit, int higher, size_t n) {
    fcl_result r = {.workload = fcl_duplicate(name),
                    .workload_version = 1,
                    .metric = fcl_duplicate("speed"),
                    .unit = fcl_duplicate(unit),
                    .higher_is_better = higher,
                    .n_samples = n,
                    .check = {1, fcl_duplicate("nothing"), 0.0, 1.0},
                    .energy_joules = (double)NAN};
    ck_ok(FCL_NEW(&r.samples, n, "samples"));
    ck_ok(FCL_NEW(&r.calibration, n, "samples"));
    for (size_t i = 0; i < n; i++) {
        r.samples[i] = 100.0;
        r.calibration[i] = 500.0;
    }
    ck_ok(fcl_report_add(report, &r));
    return &report->results[report->n_results - 1];
}

/* Every second value a per mille higher, so that there is some spread, and all times `factor`. */
static void scale(double *values, size_t n, double factor) {
    for (size_t i = 0; i < n; i++) values[i] *= factor * (i % 2 ? 1.001 : 1.0);
}

static fcl_comparison compare_one(const fcl_report *before, const fcl_report *after) {
    fcl_comparisons all;
    ck_ok(fcl_report_compare(&all, before, "old.json", after, "new.json"));
    ck_assert_uint_ge(all.n, 1);
    fcl_comparison c = all.items[0];
    fcl_comparisons_dispose(&all);
    return c;
}

/* One workload before and after, whose samples and calibration are multiplied. */
static fcl_comparison judge(const char *unit, int higher, double samples, double calibration, const char *driver) {
    fcl_report *before = made_report("1"), *after = made_report(driver);
    fcl_result *a = add(before, workload, unit, higher, REPEATS), *b = add(after, workload, unit, higher, REPEATS);
    scale(a->samples, REPEATS, 1.0);
    scale(b->samples, REPEATS, samples);
    scale(b->calibration, REPEATS, calibration);
    fcl_comparison c = compare_one(before, after);
    fcl_report_free(before);
    fcl_report_free(after);
    return c;
}

START_TEST(higher_or_lower_is_better) {
    fcl_comparison c = judge("images/s", 1, 0.9, 1.0, "1");
    ck_assert_int_eq(c.verdict, FCL_SLOWER);
    ck_assert_double_eq_tol(c.ratio, 0.9, 2e-3);
    ck_assert(c.low < c.ratio && c.ratio < c.high);
    ck_assert_int_eq(judge("images/s", 1, 1.1, 1.0, "1").verdict, FCL_FASTER);
    ck_assert_int_eq(judge("images/s", 1, 1.0, 1.0, "1").verdict, FCL_SAME);
    ck_assert_int_eq(judge("s", 0, 0.9, 1.0, "1").verdict, FCL_FASTER);
    c = judge("us", 0, 1.1, 1.0, "1");
    ck_assert_int_eq(c.verdict, FCL_SLOWER);
    ck_assert_double_eq_tol(c.ratio, 1.0 / 1.1, 2e-3);
}
END_TEST

START_TEST(the_calibration_takes_drift_out) {
    fcl_comparison c = judge("images/s", 1, 0.9, 0.9, "1");
    ck_assert_int_eq(c.verdict, FCL_SAME);
    ck_assert_int_eq(c.corrected, 1);
    ck_assert_double_eq_tol(c.ratio, 1.0, 2e-3);
    /* A slower machine takes longer. */
    ck_assert_int_eq(judge("s", 0, 1.0 / 0.9, 0.9, "1").verdict, FCL_SAME);
    /* And it hides nothing: as fast on a slower machine is faster. */
    ck_assert_int_eq(judge("images/s", 1, 1.0, 0.9, "1").verdict, FCL_FASTER);
}
END_TEST

/* Vectors of another width are another kernel, and the fastest of more launches is faster: neither says a thing about drift. */
static const struct calibrator {
    const char *key;
    int before, after;
} calibrators[] = {{"calibration_vector", 16, 8}, {"calibration_launches", 1, 8}};
enum { N_CALIBRATORS = sizeof calibrators / sizeof *calibrators };

START_TEST(another_calibrating_kernel_corrects_nothing) {
    const struct calibrator *other = &calibrators[_i];
    fcl_report *before = made_report("1"), *after = made_report("1");
    fcl_result *a = add(before, workload, "images/s", 1, REPEATS), *b = add(after, workload, "images/s", 1, REPEATS);
    scale(a->samples, REPEATS, 1.0);
    scale(b->samples, REPEATS, 1.0);
    scale(b->calibration, REPEATS, 0.5);
    ck_assert_int_eq(compare_one(before, after).verdict, FCL_FASTER);
    json_object_set_new(before->device, other->key, json_integer(other->before));
    json_object_set_new(after->device, other->key, json_integer(other->after));
    fcl_comparison c = compare_one(before, after);
    ck_assert_int_eq(c.corrected, 0);
    ck_assert_int_eq(c.verdict, FCL_SAME);
    fcl_report_free(before);
    fcl_report_free(after);
}
END_TEST

START_TEST(another_target_or_batch_is_another_workload) {
    fcl_comparisons all;
    fcl_report *before = made_report("1"), *after = made_report("1");
    fcl_result *a = add(before, "accuracy/m", "s", 0, REPEATS), *b = add(after, "accuracy/m", "s", 0, REPEATS);
    json_object_set_new(a->details, "target_mae", json_real(2.5));
    json_object_set_new(b->details, "target_mae", json_real(3.0));
    ck_fails(fcl_report_compare(&all, before, "old.json", after, "new.json"), FCL_E_INPUT,
             "target_mae 2.5 in 'old.json' and 3 in 'new.json'");
    json_object_set_new(b->details, "target_mae", json_real(2.5));
    json_object_set_new(a->details, "recipe", json_pack("{s:i}", "batch_size", 32));
    json_object_set_new(b->details, "recipe", json_pack("{s:i}", "batch_size", 64));
    ck_fails(fcl_report_compare(&all, before, "old.json", after, "new.json"), FCL_E_INPUT, "batch_size 32");
    json_object_set_new(b->details, "recipe", json_pack("{s:i}", "batch_size", 32));
    ck_ok(fcl_report_compare(&all, before, "old.json", after, "new.json"));
    fcl_comparisons_dispose(&all);
    fcl_report_free(before);
    fcl_report_free(after);
}
END_TEST

/* Its multiply-adds are the calibration itself, and the others do not follow it. */
START_TEST(a_device_is_not_corrected) {
    static const char *const names[] = {"device/peak_float32", "device/bandwidth_read"};
    for (int i = 0; i < 2; i++) {
        fcl_report *before = made_report("1"), *after = made_report("1");
        scale(add(before, names[i], "GFLOP/s", 1, REPEATS)->samples, REPEATS, 1.0);
        fcl_result *b = add(after, names[i], "GFLOP/s", 1, REPEATS);
        scale(b->samples, REPEATS, 0.9);
        scale(b->calibration, REPEATS, 0.9);
        fcl_comparison c = compare_one(before, after);
        ck_assert_int_eq(c.verdict, FCL_SLOWER);
        ck_assert_int_eq(c.corrected, 0);
        fcl_report_free(before);
        fcl_report_free(after);
    }
}
END_TEST

START_TEST(nothing_in_common) {
    fcl_report *reports[] = {made_report("1"), made_report("1")};
    const char *const paths[] = {"old.json", "new.json"};
    fcl_comparisons all;
    char *table;
    add(reports[0], workload, "images/s", 1, REPEATS);
    ck_fails(fcl_reports_table(&table, reports, paths, 2), FCL_E_INPUT, "'new.json' has no results");
    add(reports[1], workload, "images/s", 1, REPEATS)->solvers = FCL_TUNED;
    ck_fails(fcl_report_compare(&all, reports[0], paths[0], reports[1], paths[1]), FCL_E_INPUT,
             "begins with train/base_model/batch32 (as_shipped), the second with train/base_model/batch32 (tuned)");
    ck_fails(fcl_reports_table(&table, reports, paths, 2), FCL_E_INPUT, "no workload in common");
    for (int i = 0; i < 2; i++) fcl_report_free(reports[i]);
}
END_TEST

START_TEST(bytes_do_not_drift) {
    fcl_comparison c = judge("bytes", 0, 1.0, 0.9, "1");
    ck_assert_int_eq(c.verdict, FCL_SAME);
    ck_assert_int_eq(c.corrected, 0);
}
END_TEST

START_TEST(small_differences_are_not_called) {
    ck_assert_int_eq(judge("bytes", 0, 1.009, 1.0, "1").verdict, FCL_SAME);
    ck_assert_int_eq(judge("bytes", 0, 1.02, 1.0, "1").verdict, FCL_SLOWER);
}
END_TEST

START_TEST(same_is_not_said_of_noise) {
    fcl_report *before = made_report("1"), *after = made_report("1");
    fcl_result *a = add(before, workload, "images/s", 1, REPEATS), *b = add(after, workload, "images/s", 1, REPEATS);
    for (size_t i = 0; i < REPEATS; i++) a->samples[i] = b->samples[i] = i % 2 ? 100.0 : 130.0;
    fcl_comparison c = compare_one(before, after);
    ck_assert_int_eq(c.verdict, FCL_NOT_COMPARABLE);
    ck_assert_msg(test_contains(c.reason, "too unsteady"), "%s", c.reason);
    /* But what shows all the same is said. */
    for (size_t i = 0; i < REPEATS; i++) b->samples[i] *= 0.5;
    ck_assert_int_eq(compare_one(before, after).verdict, FCL_SLOWER);
    fcl_report_free(before);
    fcl_report_free(after);
}
END_TEST

/* n_runs of as many repeats, `step` minutes from one to the next. */
static void divide(fcl_result *r, size_t n_runs, unsigned first_minute, unsigned step) {
    free(r->runs);
    ck_ok(FCL_NEW(&r->runs, n_runs, "runs"));
    r->n_runs = n_runs;
    for (size_t i = 0; i < n_runs; i++) {
        const unsigned minute = first_minute + (unsigned)i * step;
        r->runs[i].n_samples = r->n_samples / n_runs;
        snprintf(r->runs[i].began, sizeof r->runs[i].began, "2026-01-31T%02u:%02u:00Z", minute / 60, minute % 60);
    }
}

enum { RUNS = 5 };
/* The samples of each run, of which the first `repeats` count, and how fast each run of a slower program is beside it. */
static const double of_runs[RUNS][5] = {{100, 102, 101, 102.01, 200},
                                        {96, 97, 98, 97.97, 192},
                                        {103, 104, 105, 105.04, 206},
                                        {99, 100, 98, 99.99, 198},
                                        {101, 100, 99, 101, 202}};
static const double slower[RUNS] = {0.952, 0.946, 0.953, 0.945, 0.951};

/* Runs with so many repeats, those of the second program beginning at a minute of their own, and step minutes apart. */
static fcl_comparison judge_runs(size_t repeats, unsigned second_minute, unsigned step) {
    fcl_report *before = made_report("1"), *after = made_report("1");
    fcl_result *a = add(before, workload, "images/s", 1, RUNS * repeats),
               *b = add(after, workload, "images/s", 1, RUNS * repeats);
    for (size_t i = 0; i < RUNS * repeats; i++) {
        a->samples[i] = of_runs[i / repeats][i % repeats];
        b->samples[i] = a->samples[i] * slower[i / repeats];
    }
    divide(a, RUNS, 0, step);
    divide(b, RUNS, second_minute, step);
    fcl_comparison c = compare_one(before, after);
    fcl_report_free(before);
    fcl_report_free(after);
    return c;
}

/* By scipy: ttest_rel and ttest_ind(equal_var=False) of the runs' mean logarithms, with trim_mean(0.2) where a run has five
 * repeats; exp of confidence_interval(0.999). The values' neighbours are not correlated. */
START_TEST(runs_are_judged_as_runs) {
    static const struct {
        size_t repeats;
        unsigned second_minute, step;
        fcl_judged_by by;
        double low, high;
        fcl_verdict verdict;
    } rows[] = {
        {3, 1, 2, FCL_BY_PAIRS, 0.9354470789315468, 0.9635496570520544, FCL_SLOWER},
        {3, 100, 2, FCL_BY_RUNS, 0.8693201188201632, 1.0368444173570328, FCL_SAME},
        {5, 1, 1, FCL_BY_RUNS, 0.8695567175132776, 1.0365623011601623, FCL_SAME},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fcl_comparison c = judge_runs(rows[i].repeats, rows[i].second_minute, rows[i].step);
        ck_assert_int_eq(c.by, rows[i].by);
        ck_assert_double_eq_tol(c.low, rows[i].low, 1e-9);
        ck_assert_double_eq_tol(c.high, rows[i].high, 1e-9);
        ck_assert_int_eq(c.verdict, rows[i].verdict);
    }
}
END_TEST

START_TEST(few_runs_are_judged_by_repeats) {
    fcl_report *before = made_report("1"), *after = made_report("1");
    fcl_result *a = add(before, workload, "images/s", 1, REPEATS), *b = add(after, workload, "images/s", 1, REPEATS);
    fcl_comparisons all;
    char *table;
    divide(a, RUNS, 0, 2);
    divide(b, RUNS - 2, 1, 2);
    ck_assert_int_eq(compare_one(before, after).by, FCL_BY_REPEATS);
    ck_assert_int_eq(compare_one(after, before).by, FCL_BY_REPEATS);
    ck_ok(fcl_report_compare(&all, before, "old.json", after, "new.json"));
    ck_ok(fcl_comparisons_table(&table, &all));
    ck_assert_msg(test_contains(table, "is not in the verdict. 5 runs or more in both files (--runs 5)"), "%s", table);
    free(table);
    fcl_comparisons_dispose(&all);
    divide(b, RUNS, 1, 2);
    ck_ok(fcl_report_compare(&all, before, "old.json", after, "new.json"));
    ck_ok(fcl_comparisons_table(&table, &all));
    ck_assert_msg(!test_contains(table, "is not in the verdict") && test_contains(table, "pair by pair"), "%s", table);
    free(table);
    fcl_comparisons_dispose(&all);
    fcl_report_free(before);
    fcl_report_free(after);
}
END_TEST

/* Neighbours in time, whichever of the two is the first; not when a run is missing, or another lies between. */
START_TEST(in_turn_is_seen_by_the_times) {
    static const struct {
        unsigned first, step, n_runs;
        fcl_judged_by by;
    } rows[] = {{1, 2, RUNS, FCL_BY_PAIRS},
                {3, 2, RUNS, FCL_BY_RUNS},
                {1, 2, RUNS + 1, FCL_BY_RUNS},
                {2, 2, RUNS, FCL_BY_RUNS}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fcl_report *before = made_report("1"), *after = made_report("1");
        divide(add(before, workload, "images/s", 1, RUNS), RUNS, 0, 2);
        divide(add(after, workload, "images/s", 1, rows[i].n_runs), rows[i].n_runs, rows[i].first, rows[i].step);
        ck_assert_int_eq(compare_one(before, after).by, rows[i].by);
        ck_assert_int_eq(compare_one(after, before).by, rows[i].by);
        fcl_report_free(before);
        fcl_report_free(after);
    }
    /* A B B A A B ... */
    fcl_report *before = made_report("1"), *after = made_report("1");
    fcl_result *a = add(before, workload, "images/s", 1, RUNS), *b = add(after, workload, "images/s", 1, RUNS);
    divide(a, RUNS, 0, 2);
    divide(b, RUNS, 1, 2);
    for (size_t k = 1; k < RUNS; k += 2) {
        const fcl_result_run first = a->runs[k];
        a->runs[k] = b->runs[k];
        b->runs[k] = first;
    }
    ck_assert_int_eq(compare_one(before, after).by, FCL_BY_PAIRS);
    fcl_report_free(before);
    fcl_report_free(after);
}
END_TEST

static char warnings[1024];
static void collect(void *user, fcl_log_level level, const char *line) {
    (void)user;
    if (level == FCL_LOG_WARNING && strlen(warnings) + strlen(line) + 2 < sizeof warnings)
        strcat(strcat(warnings, line), "\n");
}

START_TEST(another_driver_is_warned_of_and_not_corrected_for) {
    warnings[0] = '\0';
    fcl_log_set_sink(collect, NULL);
    fcl_comparison c = judge("images/s", 1, 0.9, 0.9, "2");
    fcl_log_set_sink(NULL, NULL);
    ck_assert_int_eq(c.verdict, FCL_SLOWER);
    ck_assert_int_eq(c.corrected, 0);
    ck_assert_msg(test_contains(warnings, "driver version: '1' in 'old.json', '2' in 'new.json'"), "%s", warnings);
    ck_assert_msg(!test_contains(warnings, "power source"), "%s", warnings);
}
END_TEST

START_TEST(different_measurements_are_refused) {
    fcl_report *before = made_report("1"), *after = made_report("1");
    fcl_comparisons all;
    add(before, workload, "images/s", 1, REPEATS);
    fcl_result *b = add(after, workload, "images/s", 1, REPEATS);
    b->workload_version = 2;
    ck_fails(fcl_report_compare(&all, before, "old.json", after, "new.json"), FCL_E_INPUT,
             "train/base_model/batch32 is version 1 in 'old.json' and version 2 in 'new.json'");
    b->workload_version = 1;
    free(b->unit);
    b->unit = fcl_duplicate("steps/s");
    ck_fails(fcl_report_compare(&all, before, "old.json", after, "new.json"), FCL_E_INPUT,
             "is in images/s (higher is better) in 'old.json' and in steps/s (higher is better) in 'new.json'");
    fcl_report_free(before);
    fcl_report_free(after);
}
END_TEST

START_TEST(what_is_not_comparable) {
    fcl_report *before = made_report("1"), *after = made_report("1");
    fcl_comparisons all;
    add(before, "wrong", "s", 0, REPEATS)->check.passed = 0;
    add(before, "few", "s", 0, REPEATS);
    add(before, "tuned", "s", 0, REPEATS);
    add(after, "new", "s", 0, REPEATS);
    add(after, "wrong", "s", 0, REPEATS);
    add(after, "few", "s", 0, FCL_TRIMMED_MIN - 1);
    add(after, "tuned", "s", 0, REPEATS)->solvers = FCL_TUNED;
    ck_ok(fcl_report_compare(&all, before, "old.json", after, "new.json"));
    ck_assert_uint_eq(all.n, 4);
    ck_assert_uint_eq(all.counts[FCL_NOT_COMPARABLE], 4);
    ck_assert_str_eq(all.items[0].reason, "not in the baseline");
    ck_assert_str_eq(all.items[1].reason, "its result was wrong in the baseline");
    ck_assert_str_eq(all.items[2].reason, "fewer than 5 repeats");
    ck_assert_str_eq(all.items[3].reason, "not in the baseline");
    fcl_comparisons_dispose(&all);
    fcl_report_free(before);
    fcl_report_free(after);
}
END_TEST

START_TEST(tables_for_people) {
    fcl_report *reports[] = {made_report("1"), made_report("1"), made_report("1")};
    const char *const paths[] = {"a.json", "b.json", "c.json"};
    char *table;
    add(reports[0], "ops/m/batch1/conv/forward", "us", 0, REPEATS);
    scale(add(reports[1], "ops/m/batch1/conv/forward", "us", 0, REPEATS)->samples, REPEATS, 2.0);
    add(reports[1], "infer/model_v1/batch1", "images/s", 1, REPEATS);
    add(reports[2], "infer/model_v1/batch1", "images/s", 1, REPEATS)->check.passed = 0;
    ck_ok(fcl_reports_table(&table, reports, paths, 3));
    ck_assert_msg(test_contains(table, "[2] b.json: a device, driver 1"), "%s", table);
    /* Twice the time is half as good, and what c.json lacks is a dash. */
    ck_assert_msg(test_contains(table, "us                100         200   0.500           -"), "%s", table);
    ck_assert_msg(test_contains(table, "images/s            -         100               wrong"), "%s", table);
    free(table);
    fcl_comparisons all;
    ck_ok(fcl_report_compare(&all, reports[0], paths[0], reports[1], paths[1]));
    ck_ok(fcl_comparisons_table(&table, &all));
    ck_assert_msg(test_contains(table, "slower\n"), "%s", table);
    ck_assert_msg(test_contains(table, "not comparable: not in the baseline\n"), "%s", table);
    ck_assert_msg(test_contains(table, "0 same, 0 faster, 1 slower, 1 not comparable"), "%s", table);
    free(table);
    fcl_comparisons_dispose(&all);
    for (int i = 0; i < 3; i++) fcl_report_free(reports[i]);
}
END_TEST

/* A shared machine: its speed differs between runs by some per cent, wanders within one, and some repeats are disturbed. */
static const double run_drift = 0.05, wander = 0.005, sample_noise = 0.01, calibration_noise = 0.004;
static const double disturbed_share = 0.05, most_disturbed = 0.3;

static void draw(fcl_result *r, fcl_random_stream *random, double speed, double machine) {
    for (size_t i = 0; i < r->n_samples; i++) {
        machine += wander * fcl_random_normal(random);
        double disturbed = fcl_random_uniform(random, 0.0, 1.0) < disturbed_share
                               ? fcl_random_uniform(random, 0.0, most_disturbed)
                               : 0.0;
        r->samples[i] = 100.0 * speed * exp(machine - disturbed + sample_noise * fcl_random_normal(random));
        r->calibration[i] = 500.0 * exp(machine + calibration_noise * fcl_random_normal(random));
    }
}

enum { PAIRS = 1000, WORKLOADS = 6 };

/* In how many of PAIRS comparisons of benchmarks with WORKLOADS workloads any verdict is `verdict`; the last workload of the
 * second benchmark has `speed`. */
static int count_pairs(fcl_verdict verdict, double speed, int calibrated, uint32_t series) {
    int found = 0;
    fcl_report *before = made_report("1"), *after = made_report("1");
    for (int w = 0; w < WORKLOADS; w++) {
        char name[32];
        snprintf(name, sizeof name, "workload %d", w);
        add(before, name, "images/s", 1, REPEATS);
        add(after, name, "images/s", 1, REPEATS);
    }
    fcl_random_stream random = fcl_random_stream_make(1, FCL_RANDOM_TEST, series);
    for (int pair = 0; pair < PAIRS; pair++) {
        fcl_report *const reports[] = {before, after};
        for (int side = 0; side < 2; side++) {
            double machine = run_drift * fcl_random_normal(&random);
            for (int w = 0; w < WORKLOADS; w++) {
                fcl_result *r = &reports[side]->results[w];
                draw(r, &random, side == 1 && w == WORKLOADS - 1 ? speed : 1.0, machine);
                for (size_t i = 0; !calibrated && i < r->n_samples; i++) r->calibration[i] = 500.0;
            }
        }
        fcl_comparisons all;
        ck_ok(fcl_report_compare(&all, before, "old.json", after, "new.json"));
        found += all.counts[verdict] > 0;
        fcl_comparisons_dispose(&all);
    }
    fcl_report_free(before);
    fcl_report_free(after);
    return found;
}

START_TEST(chance_is_hardly_ever_called) {
    /* More than 5 of 1000 pairs with a probability of 0.001 each have a probability of 6e-4; there are two kinds. */
    ck_assert_int_le(count_pairs(FCL_SLOWER, 1.0, 1, 1) + count_pairs(FCL_FASTER, 1.0, 1, 1), 5);
    /* The test can fail: without the calibration a drift of 5 % is called in most pairs. */
    ck_assert_int_gt(count_pairs(FCL_SLOWER, 1.0, 0, 1), PAIRS / 4);
}
END_TEST

/* Where the speed of a process is drawn anew at its start, as on a machine whose memory is sometimes in the way: in how many
 * of PAIRS comparisons of one program's runs there is a difference. */
static int count_false_alarms(size_t n_runs, int in_turn, double slow_change) {
    enum { REPEATS_A_RUN = 3 };
    static const double between_runs = 0.02, within_runs = 0.003;
    int found = 0;
    fcl_report *reports[] = {made_report("1"), made_report("1")};
    fcl_random_stream random = fcl_random_stream_make(2, FCL_RANDOM_TEST, (uint32_t)(2 * n_runs) + (uint32_t)in_turn);
    for (unsigned side = 0; side < 2; side++)
        divide(add(reports[side], workload, "images/s", 1, RUNS * REPEATS_A_RUN), n_runs, in_turn ? side : 100 * side,
               2);
    for (int pair = 0; pair < PAIRS; pair++) {
        double speeds[2], machine = 0.0;
        for (size_t i = 0; i < RUNS * REPEATS_A_RUN; i++) {
            if (i % (RUNS * REPEATS_A_RUN / n_runs) == 0) {
                machine += slow_change * fcl_random_normal(&random);
                for (int side = 0; side < 2; side++) speeds[side] = machine + between_runs * fcl_random_normal(&random);
            }
            for (int side = 0; side < 2; side++)
                reports[side]->results[0].samples[i] =
                    100.0 * exp(speeds[side] + within_runs * fcl_random_normal(&random));
        }
        const fcl_verdict verdict = compare_one(reports[0], reports[1]).verdict;
        found += verdict == FCL_SLOWER || verdict == FCL_FASTER;
    }
    for (int side = 0; side < 2; side++) fcl_report_free(reports[side]);
    return found;
}

START_TEST(what_differs_between_runs_is_no_false_alarm) {
    /* More than 5 of 1000 with a probability of 0.001 each have a probability of 6e-4. */
    ck_assert_int_le(count_false_alarms(RUNS, 0, 0.0), 5);
    ck_assert_int_le(count_false_alarms(RUNS, 1, 0.0), 5);
    ck_assert_int_le(count_false_alarms(RUNS, 1, 0.05), 5); /* the machine's own changes are in both of a pair */
    /* The test can fail: a single run is sure of its own speed. */
    ck_assert_int_gt(count_false_alarms(1, 0, 0.0), PAIRS / 4);
}
END_TEST

START_TEST(five_per_cent_are_found) {
    /* A power of 0.9 gives fewer than 870 of 1000 with a probability of 1e-3. */
    ck_assert_int_ge(count_pairs(FCL_SLOWER, 0.95, 1, 2), 870);
    ck_assert_int_ge(count_pairs(FCL_FASTER, 1.05, 1, 3), 870);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench: compare");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 0); /* thousands of comparisons; ctest has a limit */
    tcase_add_test(tests, higher_or_lower_is_better);
    tcase_add_test(tests, the_calibration_takes_drift_out);
    tcase_add_loop_test(tests, another_calibrating_kernel_corrects_nothing, 0, N_CALIBRATORS);
    tcase_add_test(tests, another_target_or_batch_is_another_workload);
    tcase_add_test(tests, a_device_is_not_corrected);
    tcase_add_test(tests, nothing_in_common);
    tcase_add_test(tests, bytes_do_not_drift);
    tcase_add_test(tests, small_differences_are_not_called);
    tcase_add_test(tests, same_is_not_said_of_noise);
    tcase_add_test(tests, runs_are_judged_as_runs);
    tcase_add_test(tests, few_runs_are_judged_by_repeats);
    tcase_add_test(tests, in_turn_is_seen_by_the_times);
    tcase_add_test(tests, another_driver_is_warned_of_and_not_corrected_for);
    tcase_add_test(tests, different_measurements_are_refused);
    tcase_add_test(tests, what_is_not_comparable);
    tcase_add_test(tests, tables_for_people);
    tcase_add_test(tests, chance_is_hardly_ever_called);
    tcase_add_test(tests, what_differs_between_runs_is_no_false_alarm);
    tcase_add_test(tests, five_per_cent_are_found);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
