/* Activations, their sum, dropout and the loss, against PyTorch and against Philox as the paper describes it.
 */
#include <math.h>

#include "base/memory.h"
#include "ops/golden_case.h"

static golden *activations, *dropouts, *losses;

static fcl_op_desc describe(fcl_op_kind kind, const golden_case *g) {
    return (fcl_op_desc){
        .kind = kind, .batch = golden_int(g, "batch"), .flat = {.count = (size_t)golden_int(g, "count")}};
}

static op_case start(const golden_case *g, const fcl_op_desc *desc, const fcl_op_args *args) {
    op_case c;
    op_case_init(&c, golden_name(g), (uint32_t)golden_int(g, "seed"), desc, golden_int(g, "n"), args);
    return c;
}

START_TEST(activation_forward) {
    const golden_case *g = golden_at(activations, (size_t)_i);
    const float special[] = {0.0f, -0.0f, NAN, INFINITY, 1e-30f, -1e-30f};
    fcl_op_desc desc = describe(FCL_ACTIVATION_FORWARD, g);
    desc.activation = golden_activation(g, "activation", "alpha");
    op_case c = start(g, &desc, &(fcl_op_args){0});
    float *x = op_case_floats(&c, FCL_X);
    ck_assert_int_eq(golden_int(g, "n_special"), sizeof special / sizeof *special);
    for (size_t i = 0; i < c.used[FCL_X]; i++) x[i] *= 8.0f;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) x[i] = special[i];
    expectation y = expect(FCL_Y, g, "Y");
    op_case_check(&c, &y, 1);
    op_case_dispose(&c);
}
END_TEST

START_TEST(activation_backward) {
    const golden_case *g = golden_at(activations, (size_t)_i);
    fcl_op_desc desc = describe(FCL_ACTIVATION_BACKWARD, g);
    desc.x_activation = golden_activation(g, "activation", "alpha");
    op_case c = start(g, &desc, &(fcl_op_args){0});
    /* Outputs of an ELU lie above -alpha. */
    for (size_t i = 0; c.data[FCL_X] && i < c.used[FCL_X]; i++) op_case_floats(&c, FCL_X)[i] *= 0.96875f;
    expectation dx = expect(FCL_DX, g, "DX");
    op_case_check(&c, &dx, 1);
    op_case_dispose(&c);
}
END_TEST

START_TEST(sum_with_activation) {
    const golden_case *g = golden_at(activations, (size_t)_i);
    fcl_op_desc desc = describe(FCL_ADD, g);
    desc.activation = golden_activation(g, "activation", "alpha");
    op_case c = start(g, &desc, &(fcl_op_args){0});
    expectation y = expect(FCL_Y, g, "SUM");
    op_case_check(&c, &y, 1);
    op_case_dispose(&c);
}
END_TEST

/* value[i] / (1 - rate) where the golden bits keep element i, else 0; with the derivative of a ReLU at x if
 * given. */
static void check_dropout(const golden_case *g, fcl_op_kind kind, int behind_relu) {
    fcl_op_desc desc = describe(kind, g);
    desc.rate = (float)golden_number(g, "rate");
    if (behind_relu) desc.x_activation = (fcl_activation){FCL_RELU, 0.0f};
    fcl_op_args args = {.seed = golden_uint64(g, "key"),
                        .purpose = (uint32_t)golden_number(g, "purpose"),
                        .step = (uint32_t)golden_number(g, "step"),
                        .first_sample = (uint32_t)golden_number(g, "first_sample")};
    op_case c = start(g, &desc, &args);
    int is_forward = kind == FCL_DROPOUT_FORWARD, n_kept = 0;
    const float *value = op_case_floats(&c, is_forward ? FCL_X : FCL_DY);
    size_t n_bytes, count = (size_t)c.n * desc.flat.count;
    const unsigned char *keeps = golden_bytes(&n_bytes, g, "keeps");
    ck_assert_uint_eq(n_bytes, (count + 7) / 8);
    double *wanted = fcl_calloc(count, sizeof *wanted);
    ck_assert_ptr_nonnull(wanted);
    for (size_t i = 0; i < count; i++) {
        int is_kept = keeps[i / 8] >> i % 8 & 1;
        n_kept += is_kept;
        if (is_kept && (!behind_relu || op_case_floats(&c, FCL_X)[i] > 0.0f))
            wanted[i] = (double)value[i] / (1.0 - (double)desc.rate);
    }
    ck_assert_int_eq(n_kept, golden_int(g, "kept"));
    expectation e = {.role = is_forward ? FCL_Y : FCL_DX,
                     .tensor = {wanted, count, count, 0.0},
                     .magnitude = -1.0,
                     .stored_magnitude = -1.0,
                     .reference_tolerance = 1e-12};
    op_case_check(&c, &e, 1);
    free(wanted);
    op_case_dispose(&c);
}

START_TEST(dropout) {
    const golden_case *g = golden_at(dropouts, (size_t)_i);
    check_dropout(g, FCL_DROPOUT_FORWARD, 0);
    check_dropout(g, FCL_DROPOUT_BACKWARD, 0);
    check_dropout(g, FCL_DROPOUT_BACKWARD, 1);
}
END_TEST

START_TEST(masked_loss) {
    enum { N_STATS = 2 * FCL_STATS_SLOTS };
    const golden_case *g = golden_at(losses, (size_t)_i);
    fcl_op_desc desc = describe(FCL_LOSS_MSE, g);
    desc.x_activation = golden_activation(g, "x_activation", "x_alpha");
    int n_labelled = golden_int(g, "n_labelled");
    fcl_op_args args = {.slot = (uint32_t)golden_int(g, "seed") % FCL_STATS_SLOTS,
                        .inverse_count = n_labelled ? (float)(1.0 / n_labelled) : 0.0f};
    op_case c = start(g, &desc, &args);
    float *x = op_case_floats(&c, FCL_X), *target = op_case_floats(&c, FCL_TARGET),
          *mask = op_case_floats(&c, FCL_MASK);
    golden_fill_mask(mask, c.used[FCL_MASK], c.seed * 64 + FCL_MASK, golden_number(g, "share"));
    for (size_t i = 0; i < c.used[FCL_X]; i++) {
        x[i] *= 2.0f;
        target[i] = mask[i] > 0.0f ? target[i] * 2.0f : (float)golden_number(g, "unlabelled_target");
    }
    for (c.args.accumulate = 0; c.args.accumulate <= 1; c.args.accumulate++) {
        /* The other slots keep what they had. */
        const float *before = op_case_floats(&c, FCL_STATS);
        double stats[N_STATS];
        for (int i = 0; i < N_STATS; i++) stats[i] = before[i];
        for (uint32_t i = 0; i < 2; i++)
            stats[2 * args.slot + i] =
                golden_number(g, i == 0 ? "mse" : "mae") + (c.args.accumulate ? before[2 * args.slot + i] : 0.0);
        expectation expected[] = {expect(FCL_DX, g, "DX"),
                                  {.role = FCL_STATS,
                                   .tensor = {stats, N_STATS, N_STATS, 0.0},
                                   .magnitude = -1.0,
                                   .stored_magnitude = -1.0,
                                   .reference_tolerance = 1e-12,
                                   .is_final = 1}};
        op_case_check_once(&c, expected, 2);
    }
    op_case_dispose(&c);
}
END_TEST

int main(void) {
    activations = golden_read("activation.golden");
    dropouts = golden_read("dropout.golden");
    losses = golden_read("loss.golden");
    int n = (int)golden_n_cases(activations);
    Suite *suite = suite_create("element by element, against PyTorch");
    TCase *tests = tcase_create("all");
    tcase_add_loop_test(tests, activation_forward, 0, n);
    tcase_add_loop_test(tests, activation_backward, 0, n);
    tcase_add_loop_test(tests, sum_with_activation, 0, n);
    tcase_add_loop_test(tests, dropout, 0, (int)golden_n_cases(dropouts));
    tcase_add_loop_test(tests, masked_loss, 0, (int)golden_n_cases(losses));
    suite_add_tcase(suite, tests);
    int result = test_run(suite);
    golden_free(activations);
    golden_free(dropouts);
    golden_free(losses);
    return result;
}
