/* The reference against results worked out by hand. */
#include <check.h>
#include <math.h>

#include "base/random.h"
#include "ops/reference.h"
#include "support/support.h"

static void expect(const fcl_op_desc *desc, const fcl_op_args *args, int n, fcl_host_operands operands, fcl_role role,
                   const double *wanted, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double magnitude, got = fcl_reference_element(&magnitude, desc, args, n, &operands, role, i);
        ck_assert_msg(fabs(got - wanted[i]) <= 1e-12, "%s[%zu] is %.17g, should be %.17g", fcl_role_name(role), i, got,
                      wanted[i]);
        ck_assert_double_ge(magnitude, fabs(got) - 1e-12);
    }
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const fcl_op_args no_args = {0};

/* 3 x 3 image 1..9, kernel 2 x 2 of one channel (1 2 / 3 4), valid: each output is 1a + 2b + 3c + 4d. */
START_TEST(convolution_valid) {
    const fcl_op_desc desc = {.kind = FCL_CONV_FORWARD, .batch = 1, .conv = {3, 3, 1, 2, 2, 1, 2, 2, 1, 1, 0, 0}};
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[] = {1, 2, 3, 4}, b[] = {0.5f};
    const double y[] = {37.5, 47.5, 67.5, 77.5};
    expect(&desc, &no_args, 1, (fcl_host_operands){{[FCL_X] = x, [FCL_W] = w, [FCL_B] = b}}, FCL_Y, y, COUNT(y));
}
END_TEST

/* One padded pixel of two channels through a 3 x 3 kernel: only the middle of the kernel counts. Weights are
 * (kh, kw, in, out), so that the middle is w[4][ic][oc]. A leaky ReLU behind it. */
START_TEST(convolution_layout_and_activation) {
    const fcl_op_desc desc = {.kind = FCL_CONV_FORWARD,
                              .batch = 2,
                              .activation = {FCL_LEAKY_RELU, 0.5f},
                              .conv = {1, 1, 2, 1, 1, 3, 3, 3, 1, 1, 1, 1}};
    float w[9 * 2 * 3];
    for (int i = 0; i < 54; i++) w[i] = 1000.0f;
    const float middle[6] = {1, 2, 3, -4, -5, -6};
    for (int i = 0; i < 6; i++) w[24 + i] = middle[i];
    const float x[] = {1, 10, 2, -1}, b[] = {0.25f, 0, -0.25f};
    /* 1 * (1 2 3) + 10 * (-4 -5 -6) + b, and 2 * (1 2 3) - (-4 -5 -6) + b */
    const double y[] = {-38.75 * 0.5, -48 * 0.5, -57.25 * 0.5, 6.25, 9, 11.75};
    expect(&desc, &no_args, 2, (fcl_host_operands){{[FCL_X] = x, [FCL_W] = w, [FCL_B] = b}}, FCL_Y, y, COUNT(y));
}
END_TEST

START_TEST(dense_layout) {
    const fcl_op_desc desc = {.kind = FCL_DENSE_FORWARD, .batch = 2, .activation = {FCL_RELU, 0}, .dense = {2, 3}};
    const float x[] = {1, 2, 3, -1}, w[] = {1, 2, 3, 4, 5, 6}, b[] = {0, 10, -20};
    const double y[] = {9, 22, 0, 0, 11, 0};
    expect(&desc, &no_args, 2, (fcl_host_operands){{[FCL_X] = x, [FCL_W] = w, [FCL_B] = b}}, FCL_Y, y, COUNT(y));
}
END_TEST

/* Only the first n samples of a batch count. */
START_TEST(gradients_of_weights_of_a_partial_batch) {
    const fcl_op_desc desc = {.kind = FCL_DENSE_BACKWARD_WEIGHTS, .batch = 3, .dense = {2, 1}};
    const float x[] = {1, 2, 3, 4, NAN, NAN}, dy[] = {10, 100, NAN}, dw[] = {0.5f, 0.25f}, db[] = {1};
    const fcl_host_operands operands = {{[FCL_X] = x, [FCL_DY] = dy, [FCL_DW] = dw, [FCL_DB] = db}};
    const fcl_op_args adding = {.accumulate = 1};
    expect(&desc, &no_args, 2, operands, FCL_DW, (double[]){310, 420}, 2);
    expect(&desc, &no_args, 2, operands, FCL_DB, (double[]){110}, 1);
    expect(&desc, &adding, 2, operands, FCL_DW, (double[]){310.5, 420.25}, 2);
    expect(&desc, &adding, 2, operands, FCL_DB, (double[]){111}, 1);
}
END_TEST

START_TEST(pooling_by_hand) {
    /* 3 x 3, windows 2 x 2, stride 2, one padded row and column after the end. */
    fcl_op_desc desc = {.kind = FCL_POOL_FORWARD, .batch = 1, .pool = {FCL_MAX_POOL, 3, 3, 1, 2, 2, 2, 2, 2, 2, 0, 0}};
    const float x[] = {-1, -2, -3, -4, -5, -6, -7, -7, -9}, dy[] = {1, 2, 3, 4};
    const fcl_host_operands operands = {{[FCL_X] = x, [FCL_DY] = dy}};
    expect(&desc, &no_args, 1, operands, FCL_Y, (double[]){-1, -3, -7, -9}, 4);
    desc.pool.kind = FCL_AVERAGE_POOL;
    expect(&desc, &no_args, 1, operands, FCL_Y, (double[]){-3, -4.5, -7, -9}, 4);
    desc.kind = FCL_POOL_BACKWARD;
    expect(&desc, &no_args, 1, operands, FCL_DX, (double[]){.25, .25, 1, .25, .25, 1, 1.5, 1.5, 4}, 9);
    desc.pool.kind = FCL_MAX_POOL; /* the first of the two -7 */
    expect(&desc, &no_args, 1, operands, FCL_DX, (double[]){1, 0, 2, 0, 0, 0, 3, 0, 4}, 9);
}
END_TEST

START_TEST(the_first_nan_is_the_maximum) {
    fcl_op_desc desc = {.kind = FCL_POOL_BACKWARD, .batch = 1, .pool = {FCL_MAX_POOL, 1, 4, 1, 1, 1, 1, 4, 1, 4, 0, 0}};
    const float x[] = {9, NAN, NAN, 10}, dy[] = {5};
    const fcl_host_operands operands = {{[FCL_X] = x, [FCL_DY] = dy}};
    expect(&desc, &no_args, 1, operands, FCL_DX, (double[]){0, 5, 0, 0}, 4);
    double magnitude;
    desc.kind = FCL_POOL_FORWARD;
    ck_assert(isnan(fcl_reference_element(&magnitude, &desc, &no_args, 1, &operands, FCL_Y, 0)));
}
END_TEST

START_TEST(dropout_by_position_in_the_batch) {
    const fcl_op_desc desc = {.kind = FCL_DROPOUT_FORWARD, .batch = 2, .rate = 0.5f, .flat = {3}};
    const fcl_op_args args = {.seed = 0x100000002u, .purpose = 77, .step = 5, .first_sample = 1};
    const float x[] = {1, 2, 3, 4, 5, 6};
    double wanted[6];
    for (uint64_t e = 3; e < 9; e++) { /* sample 1 begins at element 3 */
        uint32_t words[4];
        fcl_random_block(words, args.seed, args.purpose, args.step, e / 4);
        wanted[e - 3] = words[e % 4] >= 0x80000000u ? 2.0 * (double)x[e - 3] : 0.0;
    }
    expect(&desc, &args, 2, (fcl_host_operands){{[FCL_X] = x}}, FCL_Y, wanted, 6);
}
END_TEST

START_TEST(add_and_activation) {
    const fcl_op_desc sum = {.kind = FCL_ADD, .batch = 1, .activation = {FCL_ELU, 2.0f}, .flat = {2}};
    const fcl_op_desc alone = {.kind = FCL_ACTIVATION_FORWARD, .batch = 1, .activation = {FCL_RELU, 0}, .flat = {2}};
    const float x[] = {1, -2}, x2[] = {2, 1};
    const fcl_host_operands operands = {{[FCL_X] = x, [FCL_X2] = x2}};
    expect(&sum, &no_args, 1, operands, FCL_Y, (double[]){3, 2 * (exp(-1.0) - 1)}, 2);
    expect(&alone, &no_args, 1, operands, FCL_Y, (double[]){1, 0}, 2);
}
END_TEST

START_TEST(masked_loss) {
    const fcl_op_desc desc = {.kind = FCL_LOSS_MSE, .batch = 2, .flat = {2}};
    const float x[] = {1, 2, 3, 4}, target[] = {0, 5, 1, 100}, mask[] = {1, 1, 1, 0};
    float stats[2 * FCL_STATS_SLOTS] = {7, 8, 9, 10};
    const fcl_host_operands operands = {{[FCL_X] = x, [FCL_TARGET] = target, [FCL_MASK] = mask, [FCL_STATS] = stats}};
    /* Differences 1, -3, 2 of three labels: 14/4 and 6/4 with the 1/4 of a larger batch. */
    fcl_op_args args = {.inverse_count = 0.25f, .slot = 1};
    expect(&desc, &args, 2, operands, FCL_STATS, (double[]){7, 8, 3.5, 1.5, 0}, 5);
    expect(&desc, &args, 2, operands, FCL_DX, (double[]){0.5, -1.5, 1, 0}, 4);
    args.accumulate = 1;
    expect(&desc, &args, 2, operands, FCL_STATS, (double[]){7, 8, 12.5, 11.5}, 4);
    expect(&desc, &args, 2, operands, FCL_DX, (double[]){0.5, -1.5, 1, 0}, 4); /* needs no old DX */
    args = (fcl_op_args){.inverse_count = 0.0f, .slot = 1};
    expect(&desc, &args, 2, operands, FCL_STATS, (double[]){7, 8, 0, 0}, 4);
    expect(&desc, &args, 2, operands, FCL_DX, (double[]){0, 0, 0, 0}, 4);
}
END_TEST

START_TEST(finite_check_flags) {
    const fcl_op_desc desc = {.kind = FCL_FINITE_CHECK, .batch = 1, .flat = {3}};
    const fcl_op_args args = {.step = 12, .slot = 1};
    float x[] = {1, 2, 3}, stats[2 * FCL_STATS_SLOTS] = {NAN, 0, 1, 1};
    int32_t flag[] = {0, 0};
    const fcl_host_operands operands = {{[FCL_X] = x, [FCL_STATS] = stats, [FCL_FLAG] = flag}};
    expect(&desc, &args, 1, operands, FCL_FLAG, (double[]){0, 0}, 2);
    stats[3] = INFINITY;
    expect(&desc, &args, 1, operands, FCL_FLAG, (double[]){12, 1}, 2);
    x[2] = -INFINITY;
    expect(&desc, &args, 1, operands, FCL_FLAG, (double[]){12, 3}, 2);
    stats[3] = 0;
    expect(&desc, &args, 1, operands, FCL_FLAG, (double[]){12, 2}, 2);
    flag[0] = 4, flag[1] = 1; /* the first finding stays */
    expect(&desc, &args, 1, operands, FCL_FLAG, (double[]){4, 1}, 2);
}
END_TEST

START_TEST(adam_first_step) {
    const fcl_op_desc desc = {.kind = FCL_ADAM, .batch = 1, .flat = {2}};
    /* beta1 = 1/2, beta2 = 3/4, step 1: the corrections are 1/2 and 1/4, so that m/(1-b1) = g and v/(1-b2) =
     * g^2; the step is lr * g / (|g| + epsilon). */
    const fcl_op_args args = {
        .beta1 = 0.5f, .beta2 = 0.75f, .epsilon = 1.0f, .step_size = 0.25f / 0.5f, .inverse_sqrt_correction = 2.0f};
    const float w[] = {10, -10}, g[] = {3, -1}, zero[] = {0, 0};
    int32_t flag[] = {0, 0};
    const fcl_host_operands operands = {{[FCL_W] = w, [FCL_DW] = g, [FCL_M] = zero, [FCL_V] = zero, [FCL_FLAG] = flag}};
    expect(&desc, &args, 1, operands, FCL_M, (double[]){1.5, -0.5}, 2);
    expect(&desc, &args, 1, operands, FCL_V, (double[]){2.25, 0.25}, 2);
    expect(&desc, &args, 1, operands, FCL_W, (double[]){10 - 0.25 * 3 / 4, -10 + 0.25 * 1 / 2}, 2);
    flag[0] = 3;
    expect(&desc, &args, 1, operands, FCL_W, (double[]){10, -10}, 2);
    expect(&desc, &args, 1, operands, FCL_M, (double[]){0, 0}, 2);
    expect(&desc, &args, 1, operands, FCL_V, (double[]){0, 0}, 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ops_reference");
    TCase *tests = tcase_create("reference");
    tcase_add_test(tests, convolution_valid);
    tcase_add_test(tests, convolution_layout_and_activation);
    tcase_add_test(tests, dense_layout);
    tcase_add_test(tests, gradients_of_weights_of_a_partial_batch);
    tcase_add_test(tests, pooling_by_hand);
    tcase_add_test(tests, the_first_nan_is_the_maximum);
    tcase_add_test(tests, dropout_by_position_in_the_batch);
    tcase_add_test(tests, add_and_activation);
    tcase_add_test(tests, masked_loss);
    tcase_add_test(tests, finite_check_flags);
    tcase_add_test(tests, adam_first_step);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
