/* Tuning an operation. With solvers made here that add two tensors on the host, each with a delay of its own
 * (made_clock.c). */
#include "ops/check_solver.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "ops/operation.h"
#include "ops/tuning.h"

struct fcl_plan {
    fcl_op_desc desc;
};

static int n_runs;

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    (void)desc, (void)device;
    return 1;
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status = FCL_NEW(out, 1, "a plan");
    (void)device;
    if (status == FCL_OK) (*out)->desc = *desc;
    return status;
}

static void dispose(fcl_plan *plan) {
    free(plan);
}

static fcl_status add(fcl_plan *plan, int n, const fcl_operands *operands, double seconds, float error) {
    size_t count = (size_t)n * plan->desc.flat.count, n_bytes = count * sizeof(float);
    float *x = calloc(count, sizeof *x), *x2 = calloc(count, sizeof *x2);
    n_runs++;
    fcl_clock_sleep(seconds);
    ck_ok(fcl_buffer_read(x, operands->buffer[FCL_X], 0, n_bytes));
    ck_ok(fcl_buffer_read(x2, operands->buffer[FCL_X2], 0, n_bytes));
    for (size_t i = 0; i < count; i++) x[i] += x2[i] + error;
    ck_ok(fcl_buffer_write(operands->buffer[FCL_Y], 0, x, n_bytes));
    free(x), free(x2);
    return FCL_OK;
}

#define RUN(name, milliseconds, error)                                                                                 \
    static fcl_status name(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {             \
        (void)args;                                                                                                    \
        return add(plan, n, operands, milliseconds / 1e3, error);                                                      \
    }
RUN(run_slow, 20, 0.0f)
RUN(run_fast, 5, 0.0f)
RUN(run_wrong, 1, 1.0f)

/* Fast in the check and the first measurement, slow from then on. */
static fcl_status run_lucky(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    enum { LUCKY_RUNS = 7 };
    static int n_lucky;
    (void)args;
    return add(plan, n, operands, n_lucky++ < LUCKY_RUNS ? 2e-3 : 20e-3, 0.0f);
}

static double unlikely(const fcl_op_desc *op, const fcl_device *device) {
    (void)op;
    (void)device;
    return 0.3;
}

#define MADE(solver_name, speed, solver_run)                                                                           \
    {                                                                                                                  \
        .name = solver_name, .kind = FCL_ADD, .likely_speed = speed, .files = "activation.cl", .error_factor = 4,      \
        .applies = applies, .prepare = prepare, .run = solver_run, .dispose = dispose                                  \
    }
static const fcl_solver large = MADE("tiled:large", NULL, run_slow), small = MADE("tiled:small", NULL, run_fast),
                        detour = MADE("detour", unlikely, run_fast),
                        slow_detour = MADE("slow_detour", unlikely, run_slow),
                        lucky = MADE("lucky", unlikely, run_lucky), wrong = MADE("wrong", unlikely, run_wrong);
static const fcl_op_desc desc = {.kind = FCL_ADD, .batch = 4, .flat = {15}};
static const double no_end = (double)INFINITY;

static char *folder;

static void set_up(void) {
    folder = test_folder_create();
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", folder, 1), 0);
    n_runs = 0;
}

static void tear_down(void) {
    test_folder_remove(folder);
}

static const char *chosen(const fcl_solver *const *solvers, int measure) {
    fcl_operation *operation;
    ck_ok(fcl_operation_create_from(&operation, test_device(), &desc, NULL, measure, solvers));
    const char *name = fcl_operation_solver(operation)->name;
    fcl_operation_free(operation);
    return name;
}

START_TEST(the_fastest_of_all_variants) {
    const fcl_solver *const solvers[] = {&large, &small, &slow_detour, &wrong, NULL};
    fcl_tuning tuning;
    ck_assert_str_eq(chosen(solvers, 1), "tiled:large");
    ck_ok(fcl_tune_operation(&tuning, test_device(), &desc, 0, no_end, solvers));
    ck_assert_ptr_eq(tuning.by_default, &large);
    ck_assert_ptr_eq(tuning.best, &small);
    ck_assert_int_eq(tuning.n_right, 3);
    ck_assert_int_eq(tuning.n_left_out, 1); /* the wrong one, although it is the fastest */
    ck_assert_double_eq_tol(tuning.default_seconds, 0.02, 1e-5);
    ck_assert_double_eq_tol(tuning.best_seconds, 0.005, 1e-5);
    /* Operations use it, unless nothing is to be measured. */
    ck_assert_str_eq(chosen(solvers, 1), "tiled:small");
    ck_assert_str_eq(chosen(solvers, 0), "tiled:large");
    /* Nothing that is known is measured again, but on demand. */
    n_runs = 0;
    ck_ok(fcl_tune_operation(&tuning, test_device(), &desc, 0, no_end,
                             (const fcl_solver *const[]){&large, &small, NULL}));
    ck_assert_int_eq(n_runs, 0);
    ck_assert_ptr_eq(tuning.best, &small);
    ck_assert_double_lt(tuning.best_seconds, tuning.default_seconds);
    ck_ok(fcl_tune_operation(&tuning, test_device(), &desc, 1, no_end, solvers));
    ck_assert_int_gt(n_runs, 0);
    ck_assert_str_eq(chosen(solvers, 1), "tiled:small");
}
END_TEST

/* Solvers that are not likely to be fast are looked at too; what was fast by chance does not replace the default. */
START_TEST(never_worse_than_the_default) {
    const fcl_solver *const better[] = {&large, &detour, NULL}, *const worse[] = {&small, &slow_detour, NULL},
                            *const by_chance[] = {&small, &lucky, NULL};
    fcl_tuning tuning;
    ck_ok(fcl_tune_operation(&tuning, test_device(), &desc, 0, no_end, worse));
    ck_assert_ptr_eq(tuning.best, &small);
    ck_assert_ptr_eq(tuning.by_default, &small);
    ck_assert_double_eq(tuning.best_seconds, tuning.default_seconds);
    ck_ok(fcl_tune_operation(&tuning, test_device(), &desc, 0, no_end, better));
    ck_assert_ptr_eq(tuning.best, &detour);
    ck_ok(fcl_tune_operation(&tuning, test_device(), &desc, 1, no_end, by_chance));
    ck_assert_ptr_eq(tuning.best, &small);
    ck_assert_str_eq(chosen(by_chance, 1), "tiled:small");
}
END_TEST

START_TEST(an_end_before_the_end) {
    const fcl_solver *const solvers[] = {&large, &small, NULL};
    fcl_tuning tuning = {.n_right = 77};
    ck_fails(fcl_tune_operation(&tuning, test_device(), &desc, 0, fcl_clock_seconds(), solvers), FCL_E_INTERRUPTED,
             "add count=15");
    ck_assert_int_eq(tuning.n_right, 77);
    fcl_interrupt_set(2);
    ck_fails(fcl_tune_operation(&tuning, test_device(), &desc, 0, no_end, solvers), FCL_E_INTERRUPTED, "is not tuned");
    fcl_interrupt_set(0);
    ck_assert_str_eq(chosen(solvers, 1), "tiled:large");
    ck_ok(fcl_tune_operation(&tuning, test_device(), &desc, 0, no_end, solvers));
    ck_assert_ptr_eq(tuning.best, &small);
}
END_TEST

/* What was tuned with other kernels is not believed. */
START_TEST(other_kernels_are_tuned_anew) {
    fcl_solver changed = small;
    const fcl_solver *const solvers[] = {&large, &small, NULL}, *const now[] = {&large, &changed, NULL};
    fcl_tuning tuning;
    changed.files = "activation.cl adam.cl";
    ck_ok(fcl_tune_operation(&tuning, test_device(), &desc, 0, no_end, solvers));
    ck_assert_str_eq(chosen(now, 1), "tiled:large");
    ck_ok(fcl_tune_operation(&tuning, test_device(), &desc, 0, no_end, now));
    ck_assert_str_eq(chosen(now, 1), "tiled:small");
}
END_TEST

START_TEST(where_there_is_a_choice) {
    const fcl_op_desc overlapping = {
        .kind = FCL_POOL_BACKWARD, .batch = 2, .pool = {FCL_MAX_POOL, 7, 7, 4, 3, 3, 3, 3, 2, 2, 0, 0}};
    const fcl_op_desc apart = {
        .kind = FCL_POOL_BACKWARD, .batch = 2, .pool = {FCL_MAX_POOL, 6, 6, 4, 3, 3, 2, 2, 2, 2, 0, 0}};
    ck_assert(fcl_tuning_has_choice(&apart, test_device()));
    ck_assert(!fcl_tuning_has_choice(&overlapping, test_device()));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ops_tuning");
    TCase *tests = tcase_create("tuning");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_fastest_of_all_variants);
    tcase_add_test(tests, never_worse_than_the_default);
    tcase_add_test(tests, an_end_before_the_end);
    tcase_add_test(tests, other_kernels_are_tuned_anew);
    tcase_add_test(tests, where_there_is_a_choice);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
