/* `bench scaling` of a tiny model on the device under test, opened twice: what is measured, checked and written. Never how fast. */
#include "bench/scaling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/bench.h"
#include "bench/cases.h"
#include "bench/first_batch.h"
#include "plot/figure.h"
#include "support/support.h"

enum { REPEATS = 2, BATCH = 8, N_DEVICES = 2 };

static char *folder, *model, *stem;
static const char *models[2];
static fcl_bench bench;

static fcl_bench_options tiny_options(void) {
    fcl_bench_options o = fcl_bench_defaults();
    o.models = models;
    o.batch = BATCH;
    o.repeats = REPEATS;
    o.repeat_seconds = 1e-3;
    return o;
}

/* The same hardware once more, which a list of devices would not give. */
static void add_twin(void) {
    fcl_device **devices;
    ck_ok(FCL_NEW(&devices, N_DEVICES, "devices"));
    devices[0] = bench.devices[0];
    ck_ok(fcl_device_open(&devices[1], NULL, 0));
    free(bench.devices);
    free(bench.duties);
    bench.devices = devices;
    ck_ok(FCL_NEW(&bench.duties, N_DEVICES, "duties"));
    for (unsigned i = 0; i < N_DEVICES; i++) bench.duties[i] = 1.0;
    bench.n_devices = N_DEVICES;
}

static void set_up(void) {
    static const char *const command[] = {"bench", "scaling"};
    folder = test_folder_create();
    test_write_text(folder, "tiny.cfg", test_small_model);
    model = fcl_path_join(folder, "tiny.cfg");
    stem = fcl_path_join(folder, "figures");
    models[0] = model;
    const fcl_bench_options o = tiny_options();
    ck_ok(fcl_bench_open(&bench, &o, command, 2));
    add_twin();
}

static void tear_down(void) {
    fcl_bench_close(&bench);
    free(model);
    free(stem);
    test_folder_remove(folder);
}

static const fcl_result *result_at(size_t index, const char *workload, const char *metric) {
    const fcl_result *r = &bench.report->results[index];
    ck_assert_str_eq(r->workload, workload);
    ck_assert_str_eq(r->metric, metric);
    ck_assert_msg(r->check.passed, "%s: %s: %g", workload, r->check.what, r->check.error);
    ck_assert_uint_eq(r->n_samples, REPEATS);
    for (size_t i = 0; i < REPEATS; i++) ck_assert(isfinite(r->samples[i]) && r->samples[i] > 0.0);
    return r;
}

static double number(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    ck_assert_msg(json_is_number(value), "there is no number '%s'", key);
    return json_number_value(value);
}

/* 3 x 3 x 16 and 16, and from 11 x 11 x 16 to 30, four bytes each. */
static void has_gradients(const json_t *list) {
    const json_t *dense = json_array_get(list, 0), *conv = json_array_get(list, 1);
    ck_assert_uint_eq(json_array_size(list), 2);
    ck_assert_str_eq(json_string_value(json_object_get(dense, "layer")), "dense");
    ck_assert(number(dense, "bytes") == 4.0 * (11 * 11 * 16 * 30 + 30));
    ck_assert_str_eq(json_string_value(json_object_get(conv, "layer")), "conv");
    ck_assert(number(conv, "bytes") == 4.0 * (3 * 3 * 16 + 16));
    ck_assert(number(dense, "complete_at") > 0.0 && number(dense, "complete_at") < number(conv, "complete_at"));
    ck_assert(number(conv, "complete_at") <= 1.0);
}

START_TEST(alone_and_together) {
    static const unsigned shares[N_DEVICES] = {3, 1};
    static const double samples[N_DEVICES] = {6.0, 2.0};
    char *table;
    bench.options.shares = shares;
    bench.options.n_shares = N_DEVICES;
    bench.options.figure = stem;
    ck_ok(fcl_bench_scaling(&bench));
    ck_assert_uint_eq(bench.report->n_results, 4);
    const fcl_result *first = result_at(0, "scaling/tiny/batch8/alone/0", "speed"),
                     *second = result_at(1, "scaling/tiny/batch8/alone/1", "speed"),
                     *all = result_at(2, "scaling/tiny/batch8/together", "speed"),
                     *efficiency = result_at(3, "scaling/tiny/batch8/together", "efficiency");
    ck_assert_str_eq(all->unit, "images/s");
    for (size_t k = 0; k < REPEATS; k++)
        ck_assert_double_eq_tol(efficiency->samples[k], all->samples[k] / (first->samples[k] + second->samples[k]),
                                1e-12);
    const json_t *devices = json_object_get(all->details, "devices");
    ck_assert_uint_eq(json_array_size(devices), N_DEVICES);
    for (size_t i = 0; i < N_DEVICES; i++) {
        const json_t *d = json_array_get(devices, i);
        ck_assert(number(d, "samples") == samples[i] && number(d, "samples_a_step") == samples[i]);
        ck_assert(number(d, "steps") >= REPEATS);
        ck_assert(number(d, "busy_ms") > 0.0 && number(d, "update_ms") > 0.0);
        ck_assert(number(d, "waiting_ms") >= 0.0 && number(d, "exchange_ms") >= 0.0);
        ck_assert(number(d, "alone_images_per_second") == fcl_result_median(i == 0 ? first : second));
    }
    /* One of them waits for the other in any step. */
    ck_assert(number(json_array_get(devices, 0), "waiting_ms") + number(json_array_get(devices, 1), "waiting_ms") >
              0.0);
    has_gradients(json_object_get(all->details, "gradients"));
    ck_ok(fcl_bench_table(&table, bench.report));
    ck_assert(test_contains(table, "waiting") && !test_contains(table, "left out"));
    free(table);
    if (fcl_plot_check() != FCL_OK) return;
    ck_fails(fcl_bench_check_figure(stem, "speed", "tiny"), FCL_E_EXISTS, "--force");
    ck_fails(fcl_bench_check_figure(stem, "time", "tiny"), FCL_E_EXISTS, "--force");
}
END_TEST

START_TEST(shares_settle) {
    ck_ok(fcl_bench_scaling(&bench));
    const fcl_result *all = &bench.report->results[2];
    const double steps = number(all->details, "settling_steps");
    ck_assert(json_is_boolean(json_object_get(all->details, "settled")));
    ck_assert(steps >= 20.0 && steps <= 60.0);
    ck_assert_uint_ge(json_array_size(json_object_get(all->details, "shares")), 1);
    ck_assert(number(json_array_get(json_object_get(all->details, "devices"), 0), "samples") +
                  number(json_array_get(json_object_get(all->details, "devices"), 1), "samples") ==
              BATCH);
}
END_TEST

/* A device that only stands by has no times, and the table says so. */
START_TEST(a_device_that_is_left_out) {
    static const unsigned shares[N_DEVICES] = {1, 0};
    char *table;
    bench.options.shares = shares;
    bench.options.n_shares = N_DEVICES;
    ck_ok(fcl_bench_scaling(&bench));
    const json_t *devices = json_object_get(bench.report->results[2].details, "devices");
    ck_assert(json_is_null(json_object_get(json_array_get(devices, 1), "busy_ms")));
    ck_ok(fcl_bench_table(&table, bench.report));
    ck_assert(test_contains(table, "(left out)"));
    free(table);
}
END_TEST

/* In the first steps together, and in the first round after each alone had its repeat: 20 steps settle, 4 find how long a repeat is,
 * and 2 lead it in. */
static const struct {
    const char *fault;
    size_t n_results;
} losses[] = {{"hang:1@2", 0}, {"hang:1@26", N_DEVICES}};
/* What stays with the device, so that it counts for no leak. */
static fcl_bench kept[sizeof losses / sizeof *losses];

START_TEST(a_device_is_lost) {
    static const unsigned shares[N_DEVICES] = {3, 1};
    if (test_is_too_much()) return;
    bench.options.shares = shares;
    bench.options.n_shares = N_DEVICES;
    setenv("FIDUCL_FAULT", losses[_i].fault, 1);
    const fcl_status status = fcl_bench_scaling(&bench);
    unsetenv("FIDUCL_FAULT");
    kept[_i] = bench;
    ck_fails(status, FCL_E_DEVICE, "stopped answering while all trained together");
    ck_assert_int_eq(bench.has_lost, 1);
    ck_assert_uint_eq(bench.report->n_results, losses[_i].n_results);
    for (size_t i = 0; i < bench.report->n_results; i++) {
        ck_assert(test_contains(bench.report->results[i].workload, "alone"));
        ck_assert_uint_eq(bench.report->results[i].n_samples, 1);
    }
}
END_TEST

static fcl_first_batch make_first(double loss, float value) {
    fcl_first_batch first = {.loss = loss};
    ck_ok(fcl_tensors_init(&first.gradients, bench.models[0]));
    for (unsigned t = 0; t < fcl_model_n_tensors(bench.models[0]); t++)
        for (size_t i = 0; i < fcl_model_tensor(bench.models[0], t)->count; i++)
            fcl_tensors_at(&first.gradients, t)[i] = t == 1 ? value : 1.0f;
    return first;
}

/* rounding 1e-4: losses within 4e-4 of each other, a tensor within 0.0141. */
static double error_of(double loss, float value, int passes) {
    fcl_result result = {0};
    fcl_first_batch own = make_first(loss, value), other = make_first(1.0, 1.0f);
    ck_ok(fcl_result_name(&result, "made", 1, "speed", "images/s", 1));
    ck_ok(fcl_first_batch_compare(&result, &own, &other, 1e-4, "made gradients"));
    ck_assert_int_eq(result.check.passed, passes);
    const double error = result.check.error;
    fcl_result_dispose(&result);
    fcl_first_batch_dispose(&own);
    fcl_first_batch_dispose(&other);
    return error;
}

START_TEST(bounds_of_a_first_batch) {
    ck_assert(error_of(1.0, 1.0f, 1) == 0.0);
    ck_assert_double_eq_tol(error_of(1.0002, 1.0f, 1), 0.5, 1e-3);
    ck_assert_double_eq_tol(error_of(1.0008, 1.0f, 0), 2.0, 1e-3);
    ck_assert_double_eq_tol(error_of(1.0, 1.01f, 1), 0.01 / sqrt(2e-4), 1e-3);
    ck_assert_double_eq_tol(error_of(1.0, 1.02f, 0), 0.02 / sqrt(2e-4), 1e-3);
    ck_assert(isinf(error_of(1.0, NAN, 0)));
}
END_TEST

START_TEST(one_device_is_none) {
    fcl_bench other;
    static const char *const command[] = {"bench"};
    fcl_bench_options o = tiny_options();
    char *selector = fcl_device_selector(fcl_device_facts(bench.device));
    o.several = 1;
    o.device = selector;
    ck_fails(fcl_bench_open(&other, &o, command, 1), FCL_E_USAGE, "nobody to share with");
    free(selector);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench: scaling");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, alone_and_together);
    tcase_add_test(tests, shares_settle);
    tcase_add_test(tests, a_device_that_is_left_out);
    tcase_add_test(tests, bounds_of_a_first_batch);
    tcase_add_test(tests, one_device_is_none);
    tcase_add_loop_test(tests, a_device_is_lost, 0, sizeof losses / sizeof *losses);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
