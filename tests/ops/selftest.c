/* The self-test and what is checked before a solver's first use: with solvers made here that add two tensors on the host and are
 * wrong for some numbers of samples only. */
#include "ops/selftest.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ops/check_solver.h"
#include "ops/selection.h"

struct fcl_plan {
    fcl_op_desc desc;
};

static int wrong_for, fails, refuses, n_runs; /* wrong_for: a number of samples, 0: never */
static fcl_status failure;

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    (void)desc, (void)device;
    return !refuses;
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status;
    (void)device;
    FCL_TRY(FCL_NEW(out, 1, "a plan"));
    (*out)->desc = *desc;
done:
    return status;
}

static void dispose(fcl_plan *plan) {
    free(plan);
}

static fcl_status run(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    const size_t count = (size_t)n * plan->desc.flat.count, n_bytes = count * sizeof(float);
    float *x = calloc(count, sizeof *x), *x2 = calloc(count, sizeof *x2);
    n_runs++;
    ck_ok(fcl_buffer_read(x, operands->buffer[FCL_X], 0, n_bytes));
    ck_ok(fcl_buffer_read(x2, operands->buffer[FCL_X2], 0, n_bytes));
    for (size_t i = 0; i < count; i++) x[i] += x2[i] + (n == wrong_for ? 1.0f : 0.0f);
    ck_ok(fcl_buffer_write(operands->buffer[FCL_Y], 0, x, n_bytes));
    free(x), free(x2);
    return fails ? fcl_fail(failure, "the device is on strike") : FCL_OK;
}

static const fcl_solver made = {.name = "made",
                                .kind = FCL_ADD,
                                .scope = "days when it feels like it",
                                .error_factor = 4,
                                .applies = applies,
                                .prepare = prepare,
                                .run = run,
                                .dispose = dispose};

static void set_up(void) {
    wrong_for = fails = refuses = n_runs = 0;
}

static fcl_selftest_result tested(int batch, int thorough) {
    const fcl_op_desc desc = {.kind = FCL_ADD, .batch = batch, .flat = {15}};
    fcl_selftest_result result;
    ck_ok(fcl_selftest_run(&result, test_device(), &desc, &made, thorough));
    return result;
}

START_TEST(every_number_of_samples) {
    fcl_selftest_result result = tested(5, 1);
    ck_assert_int_eq(result.outcome, FCL_OUTCOME_PASSED);
    ck_assert_str_eq(result.message, "");
    ck_assert_int_eq(n_runs, 3);
    static const int faulty[] = {1, 4, 5};
    for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
        wrong_for = faulty[i];
        result = tested(5, 1);
        ck_assert_int_eq(result.outcome, FCL_OUTCOME_WRONG);
        ck_assert_int_eq(result.report.n, faulty[i]);
        ck_assert_msg(test_contains(result.message, "made: y[") && test_contains(result.message, " of 5 samples"), "%s",
                      result.message);
    }
}
END_TEST

/* What training does first: as many samples as are cheap, and the whole batch; or one less, where the whole is cheap. */
START_TEST(the_whole_batch_and_a_part) {
    const fcl_op_desc large = {.kind = FCL_ADD, .batch = 7, .flat = {600000}},
                      small = {.kind = FCL_ADD, .batch = 7, .flat = {6}};
    const fcl_op_desc *const descs[] = {&large, &large, &small, &small};
    static const int faulty[] = {2, 7, 7, 6};
    for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
        fcl_gate_report report;
        wrong_for = 0;
        ck_ok(fcl_check_solver(&report, test_device(), descs[i], &made));
        ck_assert(report.passed && report.worst_ratio >= 0.0);
        wrong_for = faulty[i];
        ck_ok(fcl_check_solver(&report, test_device(), descs[i], &made));
        ck_assert_msg(!report.passed && report.n == faulty[i], "case %zu", i);
    }
}
END_TEST

START_TEST(what_cannot_run) {
    fails = 1;
    failure = FCL_E_DEVICE;
    fcl_selftest_result result = tested(2, 1);
    ck_assert_int_eq(result.outcome, FCL_OUTCOME_BROKEN);
    ck_assert(test_contains(result.message, "on strike"));
    failure = FCL_E_DEVICE_MEMORY;
    ck_assert_int_eq(tested(2, 0).outcome, FCL_OUTCOME_NOT_SUPPORTED);
    refuses = 1;
    result = tested(2, 1);
    ck_assert_int_eq(result.outcome, FCL_OUTCOME_NOT_SUPPORTED);
    ck_assert_str_eq(result.message, "it is for days when it feels like it");
}
END_TEST

/* Every operation, and of what is hard for kernels at least: one element or pixel, each activation, strides that differ,
 * padding on both sides, channels that fill no vector, more than one sample. */
START_TEST(hard_shapes) {
    fcl_op_desc *shapes;
    size_t n;
    int kinds[FCL_N_OP_KINDS] = {0}, forward[4] = {0}, backward[4] = {0}, strides = 0, pads = 0, primes = 0, ones = 0;
    ck_ok(fcl_selftest_shapes(&shapes, &n));
    for (size_t i = 0; i < n; i++) {
        const fcl_op_desc *d = &shapes[i];
        kinds[d->kind]++;
        forward[d->activation.kind] |= d->kind == FCL_CONV_FORWARD;
        backward[d->x_activation.kind] |= d->kind == FCL_CONV_BACKWARD_DATA;
        if (d->kind != FCL_CONV_FORWARD) continue;
        ck_assert(d->weights_stay == (d->fused_pool != FCL_POOL_2X2_PLACES));
        strides |= d->conv.stride_h != d->conv.stride_w;
        pads |= d->conv.pad_top > 0 &&
                (d->conv.out_h - 1) * d->conv.stride_h - d->conv.pad_top + d->conv.kernel_h > d->conv.in_h;
        primes |= d->conv.in_c == 7 && d->conv.out_c == 19;
        ones |= d->conv.in_h == 1 && d->conv.out_c == 1;
    }
    for (int kind = 0; kind < FCL_N_OP_KINDS; kind++) ck_assert_int_ge(kinds[kind], 5);
    for (int a = FCL_LINEAR; a <= FCL_ELU; a++) ck_assert(forward[a] && backward[a]);
    ck_assert(strides && pads && primes && ones);
    free(shapes);
}
END_TEST

/* With pooling in them: as training and inference have it, in every direction; a row, a column and both that are dropped, with
 * padding and without, places that fill no word, for each activation, and for Winograd a tile of which pooling leaves a
 * quarter. */
START_TEST(hard_shapes_that_pool) {
    enum { CHANNELS = 16, TILE = 4 };
    fcl_op_desc *shapes;
    size_t n;
    int kinds[3] = {0}, inference = 0, dropped[2][2] = {{0}}, padded[2] = {0}, words = 0, activations[4] = {0},
        tiles = 0;
    ck_ok(fcl_selftest_shapes(&shapes, &n));
    for (size_t i = 0; i < n; i++) {
        const fcl_op_desc *d = &shapes[i];
        const fcl_conv_shape *c = &d->conv;
        if (!d->fused_pool) continue;
        ck_assert(d->kind <= FCL_CONV_BACKWARD_WEIGHTS && c->out_h >= 2 && c->out_w >= 2);
        if (d->fused_pool == FCL_POOL_2X2) ck_assert_int_eq(d->kind, FCL_CONV_FORWARD);
        inference += d->fused_pool == FCL_POOL_2X2;
        kinds[d->kind] += d->fused_pool == FCL_POOL_2X2_PLACES;
        dropped[c->out_h % 2][c->out_w % 2]++;
        padded[c->pad_top > 0]++;
        words |= (size_t)d->batch * fcl_op_output_count(d) % 4 != 0;
        activations[d->activation.kind] |= d->kind == FCL_CONV_FORWARD;
        tiles |= c->in_c % CHANNELS == 0 && c->out_c % CHANNELS == 0 && c->out_h / 2 * 2 % TILE == 2 &&
                 c->out_w / 2 * 2 % TILE == 2;
    }
    ck_assert(inference >= 5 && kinds[0] == inference && kinds[1] == inference && kinds[2] == inference);
    ck_assert(dropped[0][1] && dropped[1][0] && dropped[1][1] && padded[0] && padded[1] && words && tiles);
    for (int a = FCL_LINEAR; a <= FCL_ELU; a++) ck_assert(activations[a]);
    free(shapes);
}
END_TEST

/* A solver that knows nothing of pooling is not run where it is part of a convolution, whatever else it applies to. */
START_TEST(what_does_not_pool) {
    const fcl_op_desc desc = {
        .kind = FCL_CONV_FORWARD, .batch = 2, .fused_pool = FCL_POOL_2X2, .conv = {4, 4, 1, 4, 4, 1, 1, 1, 1, 1, 0, 0}};
    const fcl_solver *general = fcl_solver_find(FCL_CONV_FORWARD, "conv_general");
    fcl_selftest_result result;
    ck_assert(general->applies(&desc, test_device()));
    ck_ok(fcl_selftest_run(&result, test_device(), &desc, general, 1));
    ck_assert_int_eq(result.outcome, FCL_OUTCOME_NOT_SUPPORTED);
    ck_assert_str_eq(result.message, "it is for convolutions without pooling in them");
}
END_TEST

START_TEST(tolerances) {
    char text[64];
    fcl_selftest_tolerance(text, &made);
    ck_assert_str_eq(text, "4 eps (|x| + |x2|)");
    fcl_selftest_tolerance(text, fcl_solvers_of(FCL_FINITE_CHECK)[0]);
    ck_assert_str_eq(text, "exact");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ops_selftest");
    TCase *tests = tcase_create("selftest");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, every_number_of_samples);
    tcase_add_test(tests, the_whole_batch_and_a_part);
    tcase_add_test(tests, what_cannot_run);
    tcase_add_test(tests, hard_shapes);
    tcase_add_test(tests, hard_shapes_that_pool);
    tcase_add_test(tests, what_does_not_pool);
    tcase_add_test(tests, tolerances);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
