/* Activations, sums and dropout on the device against the reference; the bits of the random numbers; NaN. */
#include "ops/check_solver.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"

static const fcl_activation activations[] = {
    {FCL_LINEAR, 0.0f}, {FCL_RELU, 0.0f}, {FCL_LEAKY_RELU, 0.1f}, {FCL_ELU, 1.5f}};
/* Batch and count: odd, prime, one element, divisible by each vector width, more than one item's share on a
 * CPU, and one short of a whole number of vectors for dropout. */
static const struct {
    int batch;
    size_t count;
} shapes[] = {{3, 5}, {1, 1}, {2, 13}, {5, 30}, {4, 4}, {3, 24}, {2, 1024}, {3, 9999}, {3, 9984}, {18, 7}};

static const fcl_op_kind kinds[] = {FCL_ACTIVATION_FORWARD, FCL_ACTIVATION_BACKWARD, FCL_ADD, FCL_DROPOUT_FORWARD,
                                    FCL_DROPOUT_BACKWARD};

START_TEST(every_kind_and_shape) {
    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
        fcl_activation activation = activations[(shape + (size_t)_i) % 4];
        fcl_op_desc desc = {.kind = kinds[_i],
                            .batch = shapes[shape].batch,
                            .activation = activation,
                            .x_activation = activation,
                            .rate = 0.3f,
                            .flat = {shapes[shape].count}};
        check_solvers(&desc);
    }
}
END_TEST

START_TEST(every_activation) {
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        fcl_op_desc desc = {.kind = kinds[k],
                            .batch = 2,
                            .activation = activations[_i],
                            .x_activation = activations[_i],
                            .rate = 0.5f,
                            .flat = {48}};
        check_solvers(&desc);
        desc.flat.count = 37;
        check_solvers(&desc);
    }
}
END_TEST

/* Dropout of ones: which elements are kept shows the random numbers bit for bit, at positions that need both
 * words of the counter, whole and in parts. */
START_TEST(dropout_uses_the_same_bits_as_the_host) {
    enum { BATCH = 3, COUNT = 1365 };
    const struct {
        uint64_t seed;
        uint32_t purpose, step, first_sample;
        float rate;
    } cases[] = {
        {0, 0, 0, 0, 0.5f},
        {0xa4093822299f31d0u, 0x299f31d0u, 0x082efa98u, 0, 0.25f},
        {~(uint64_t)0, ~0u, ~0u, ~0u - BATCH, 0.5f}, /* position beyond 32 bits */
        {42, FCL_RANDOM_DROPOUT, 7, 2, 0.75f},
        {42, FCL_RANDOM_DROPOUT, 7, 2, 0.0f},
    };
    float x[BATCH * COUNT], y[BATCH * COUNT];
    for (int i = 0; i < BATCH * COUNT; i++) x[i] = 1.0f;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        fcl_op_desc desc = {.kind = FCL_DROPOUT_FORWARD, .batch = BATCH, .rate = cases[k].rate, .flat = {COUNT}};
        fcl_op_args args = {.seed = cases[k].seed,
                            .purpose = cases[k].purpose,
                            .step = cases[k].step,
                            .first_sample = cases[k].first_sample};
        int n_kept = 0;
        run_solver(fcl_solvers_of(FCL_DROPOUT_FORWARD)[0], &desc, BATCH, &args,
                   (const void *[FCL_N_ROLES]){[FCL_X] = x}, (void *[FCL_N_ROLES]){[FCL_Y] = y});
        for (uint64_t i = 0; i < BATCH * COUNT; i++) {
            uint64_t element = (uint64_t)cases[k].first_sample * COUNT + i;
            uint32_t words[4];
            fcl_random_block(words, cases[k].seed, cases[k].purpose, cases[k].step, element / 4);
            int kept = fcl_random_unit(words[element % 4]) >= cases[k].rate;
            ck_assert_msg(y[i] == (kept ? (float)(1.0 / (1.0 - (double)cases[k].rate)) : 0.0f),
                          "case %zu, element %llu is %g", k, (unsigned long long)i, (double)y[i]);
            n_kept += kept;
        }
        /* Five standard deviations around what the rate says. */
        double p = 1.0 - (double)cases[k].rate, n = BATCH * COUNT;
        ck_assert_double_le(fabs(n_kept - p * n), 5.0 * sqrt(n * p * (1.0 - p)));
    }
}
END_TEST

/* The batch in two parts gives what the whole gives. */
START_TEST(dropout_does_not_depend_on_the_split) {
    enum { BATCH = 5, COUNT = 7, FIRST = 2 };
    const fcl_op_desc desc = {.kind = FCL_DROPOUT_FORWARD, .batch = BATCH, .rate = 0.4f, .flat = {COUNT}};
    const fcl_solver *solver = fcl_solvers_of(FCL_DROPOUT_FORWARD)[0];
    fcl_op_args args = {.seed = 5, .purpose = 6, .step = 7, .first_sample = 0};
    float x[BATCH * COUNT], whole[BATCH * COUNT], part[BATCH * COUNT];
    for (int i = 0; i < BATCH * COUNT; i++) x[i] = (float)(i + 1);
    run_solver(solver, &desc, BATCH, &args, (const void *[FCL_N_ROLES]){[FCL_X] = x},
               (void *[FCL_N_ROLES]){[FCL_Y] = whole});
    args.first_sample = FIRST;
    for (int i = 0; i < (BATCH - FIRST) * COUNT; i++) x[i] = (float)(i + 1 + FIRST * COUNT);
    run_solver(solver, &desc, BATCH - FIRST, &args, (const void *[FCL_N_ROLES]){[FCL_X] = x},
               (void *[FCL_N_ROLES]){[FCL_Y] = part});
    for (int i = 0; i < (BATCH - FIRST) * COUNT; i++) ck_assert_float_eq(part[i], whole[FIRST * COUNT + i]);
}
END_TEST

/* NaN passes through each, and through a vector it leaves its neighbours alone. */
START_TEST(nan_passes) {
    enum { COUNT = 32, AT = 21 };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (size_t a = 0; a < 4; a++) {
            fcl_op_desc desc = {.kind = kinds[k],
                                .batch = 1,
                                .activation = activations[a],
                                .x_activation = activations[a],
                                .flat = {COUNT}};
            float bad[COUNT], good[COUNT], result[COUNT];
            for (int i = 0; i < COUNT; i++) bad[i] = good[i] = (float)i - 16.0f;
            bad[AT] = NAN;
            good[AT] = -1.0f; /* where the derivative of a ReLU is zero */
            const fcl_op_args args = {.step = 1};
            int backward = kinds[k] == FCL_ACTIVATION_BACKWARD || kinds[k] == FCL_DROPOUT_BACKWARD;
            void *out[FCL_N_ROLES] = {0};
            out[backward ? FCL_DX : FCL_Y] = result;
            run_solver(fcl_solvers_of(kinds[k])[0], &desc, 1, &args,
                       (const void *[FCL_N_ROLES]){[FCL_X] = backward ? good : bad, [FCL_X2] = good, [FCL_DY] = bad},
                       out);
            for (int i = 0; i < COUNT; i++)
                ck_assert_msg(isnan(result[i]) == (i == AT), "%s with activation %zu: element %d is %g",
                              fcl_op_kind_name(kinds[k]), a, i, (double)result[i]);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ops_elementwise");
    TCase *tests = tcase_create("elementwise");
    tcase_add_loop_test(tests, every_kind_and_shape, 0, sizeof kinds / sizeof *kinds);
    tcase_add_loop_test(tests, every_activation, 0, 4);
    tcase_add_test(tests, dropout_uses_the_same_bits_as_the_host);
    tcase_add_test(tests, dropout_does_not_depend_on_the_split);
    tcase_add_test(tests, nan_passes);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
