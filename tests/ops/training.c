/* What a training step ends with, on the device: the loss, the check that all is finite, and Adam. */
#include "ops/check_solver.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"

START_TEST(loss_shapes) {
    const struct {
        int batch;
        size_t count;
        fcl_activation activation;
    } cases[] = {
        {3, 30, {FCL_LINEAR, 0}},  {1, 1, {FCL_LINEAR, 0}},  {7, 13, {FCL_LEAKY_RELU, 0.1f}},
        {64, 30, {FCL_ELU, 1.0f}}, {2, 5000, {FCL_RELU, 0}}, /* more than MAX_PARTIALS shares */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fcl_op_desc desc = {.kind = FCL_LOSS_MSE,
                            .batch = cases[i].batch,
                            .x_activation = cases[i].activation,
                            .flat = {cases[i].count}};
        check_solvers(&desc);
    }
}
END_TEST

/* Without a label everything is zero, whatever x is; with one, a NaN in x shows in the loss; a NaN where no
 * label is, too, for the weights that made it are bad. */
START_TEST(loss_without_labels_and_with_nan) {
    const fcl_op_desc desc = {.kind = FCL_LOSS_MSE, .batch = 1, .flat = {3}};
    const fcl_solver *solver = fcl_solvers_of(FCL_LOSS_MSE)[0];
    const float x[] = {1, NAN, 3}, target[] = {0, 0, 0}, none[] = {0, 0, 0}, mask[] = {1, 0, 1};
    float stats[2 * FCL_STATS_SLOTS], dx[3], before[2 * FCL_STATS_SLOTS];
    for (int i = 0; i < 2 * FCL_STATS_SLOTS; i++) before[i] = (float)i;
    fcl_op_args args = {.inverse_count = 0.0f, .slot = 4};
    run_solver(solver, &desc, 1, &args,
               (const void *[FCL_N_ROLES]){[FCL_X] = x, [FCL_TARGET] = target, [FCL_MASK] = none, [FCL_STATS] = before},
               (void *[FCL_N_ROLES]){[FCL_DX] = dx, [FCL_STATS] = stats});
    for (int i = 0; i < 3; i++) ck_assert_float_eq(dx[i], 0.0f);
    for (int i = 0; i < 2 * FCL_STATS_SLOTS; i++) ck_assert_float_eq(stats[i], i / 2 == 4 ? 0.0f : (float)i);
    args.inverse_count = 0.5f;
    run_solver(solver, &desc, 1, &args,
               (const void *[FCL_N_ROLES]){[FCL_X] = x, [FCL_TARGET] = target, [FCL_MASK] = mask, [FCL_STATS] = before},
               (void *[FCL_N_ROLES]){[FCL_DX] = dx, [FCL_STATS] = stats});
    ck_assert(isnan(stats[8]) && isnan(stats[9]) && isnan(dx[1]));
    ck_assert_float_eq(dx[0], 1.0f);
    ck_assert_float_eq(dx[2], 3.0f);
}
END_TEST

/* The reference check: found in X, found in STATS, and found nowhere. */
START_TEST(finite_check_shapes) {
    const size_t counts[] = {1, 13, 64, 1000, 16384, 300000, 300001};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        fcl_op_desc desc = {.kind = FCL_FINITE_CHECK, .batch = 1, .flat = {counts[i]}};
        check_solvers(&desc);
    }
}
END_TEST

static void run_finite_check(int32_t flag[2], const float *x, size_t count, const float *stats, uint32_t slot,
                             uint32_t step) {
    const fcl_op_desc desc = {.kind = FCL_FINITE_CHECK, .batch = 1, .flat = {count}};
    const fcl_op_args args = {.slot = slot, .step = step};
    run_solver(fcl_solvers_of(FCL_FINITE_CHECK)[0], &desc, 1, &args,
               (const void *[FCL_N_ROLES]){[FCL_X] = x, [FCL_STATS] = stats, [FCL_FLAG] = flag},
               (void *[FCL_N_ROLES]){[FCL_FLAG] = flag});
}

START_TEST(finite_check_finds_every_kind_anywhere) {
    enum { COUNT = 70000, SLOT = 3 };
    const float kinds[] = {NAN, -NAN, INFINITY, -INFINITY};
    const size_t places[] = {0, 1, 15, 16, 8191, 8192, 34567, COUNT - 2, COUNT - 1};
    float *x = calloc(COUNT, sizeof *x), stats[2 * FCL_STATS_SLOTS] = {NAN};
    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < COUNT; i++) x[i] = i % 2 ? 3.4028235e38f : -1e-45f; /* the extremes are finite */
    int32_t flag[2] = {0, 0};
    run_finite_check(flag, x, COUNT, stats, SLOT, 9);
    ck_assert(flag[0] == 0 && flag[1] == 0);
    for (size_t place = 0; place < sizeof places / sizeof *places; place++) {
        float kept = x[places[place]];
        x[places[place]] = kinds[place % 4];
        flag[0] = flag[1] = 0;
        run_finite_check(flag, x, COUNT, stats, SLOT, 9);
        ck_assert_msg(flag[0] == 9 && flag[1] == 2, "%g at %zu: flag %d %d", (double)kinds[place % 4], places[place],
                      flag[0], flag[1]);
        x[places[place]] = kept;
    }
    for (int second = 0; second < 2; second++) {
        stats[2 * SLOT + second] = second ? -INFINITY : NAN;
        flag[0] = flag[1] = 0;
        run_finite_check(flag, x, COUNT, stats, SLOT, 10);
        ck_assert(flag[0] == 10 && flag[1] == 1);
        stats[2 * SLOT + second] = 0.0f;
    }
    stats[2 * SLOT] = NAN;
    x[5] = NAN;
    flag[0] = flag[1] = 0;
    run_finite_check(flag, x, COUNT, stats, SLOT, 11);
    ck_assert(flag[0] == 11 && flag[1] == 3);
    stats[2 * SLOT] = 0.0f;
    run_finite_check(flag, x, COUNT, stats, SLOT, 12); /* the first finding stays */
    ck_assert(flag[0] == 11 && flag[1] == 3);
    free(x);
}
END_TEST

START_TEST(adam_shapes) {
    const size_t counts[] = {1, 7, 12, 16, 9999, 20480};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        fcl_op_desc desc = {.kind = FCL_ADAM, .batch = 1, .flat = {counts[i]}};
        check_solvers(&desc);
    }
}
END_TEST

/* Twenty steps of Kingma and Ba's algorithm 1 in double, with the textbook's corrected moments, against the
 * device; a flag set on the way stops it. */
START_TEST(adam_follows_the_algorithm) {
    enum { COUNT = 40, STEPS = 20, STOPPED_AT = 13 };
    const double learning_rate = 0.01, beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-7f;
    float w[COUNT], m[COUNT] = {0}, v[COUNT] = {0}, g[COUNT];
    double exact_w[COUNT], exact_m[COUNT] = {0}, exact_v[COUNT] = {0};
    int32_t flag[2] = {0, 0};
    fcl_random_stream stream = fcl_random_stream_make(3, FCL_RANDOM_TEST, 0);
    for (int i = 0; i < COUNT; i++) exact_w[i] = w[i] = (float)fcl_random_normal(&stream);
    const fcl_op_desc desc = {.kind = FCL_ADAM, .batch = 1, .flat = {COUNT}};
    for (int t = 1; t <= STEPS; t++) {
        /* Gradients of very different sizes, and zero. */
        for (int i = 0; i < COUNT; i++)
            g[i] = i == 0 ? 0.0f : (float)(fcl_random_normal(&stream) * pow(10.0, i % 9 - 6));
        fcl_op_args args = {
            .beta1 = (float)beta1,
            .beta2 = (float)beta2,
            .epsilon = (float)epsilon,
            .step_size = (float)(learning_rate / (1.0 - pow(beta1, t))),
            .inverse_sqrt_correction = (float)(1.0 / sqrt(1.0 - pow(beta2, t))),
        };
        if (t == STOPPED_AT) flag[0] = 1;
        run_solver(fcl_solvers_of(FCL_ADAM)[0], &desc, 1, &args,
                   (const void *[FCL_N_ROLES]){[FCL_W] = w, [FCL_DW] = g, [FCL_M] = m, [FCL_V] = v, [FCL_FLAG] = flag},
                   (void *[FCL_N_ROLES]){[FCL_W] = w, [FCL_M] = m, [FCL_V] = v});
        for (int i = 0; i < COUNT && t < STOPPED_AT; i++) {
            exact_m[i] = beta1 * exact_m[i] + (1.0 - beta1) * (double)g[i];
            exact_v[i] = beta2 * exact_v[i] + (1.0 - beta2) * (double)g[i] * (double)g[i];
            double corrected_m = exact_m[i] / (1.0 - pow(beta1, t)), corrected_v = exact_v[i] / (1.0 - pow(beta2, t));
            exact_w[i] -= learning_rate * corrected_m / (sqrt(corrected_v) + epsilon);
        }
        for (int i = 0; i < COUNT; i++) {
            ck_assert_double_eq_tol((double)w[i], exact_w[i], 2e-7 * t * fmax(1.0, fabs(exact_w[i])));
            ck_assert_double_eq_tol((double)m[i], exact_m[i], 1e-6 * pow(10.0, i % 9 - 5));
            ck_assert_double_eq_tol((double)v[i], exact_v[i], 1e-6 * pow(100.0, i % 9 - 5));
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ops_training");
    TCase *tests = tcase_create("training");
    tcase_add_test(tests, loss_shapes);
    tcase_add_test(tests, loss_without_labels_and_with_nan);
    tcase_add_test(tests, finite_check_shapes);
    tcase_add_test(tests, finite_check_finds_every_kind_anywhere);
    tcase_add_test(tests, adam_shapes);
    tcase_add_test(tests, adam_follows_the_algorithm);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
