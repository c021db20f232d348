/* Dense layers, forward and backward, against PyTorch. */
#include "ops/golden_case.h"

static golden *file;

static void check(fcl_op_kind kind, const golden_case *g, const expectation *expected, size_t n_expected) {
    op_case c;
    fcl_op_desc desc = {.kind = kind,
                        .batch = golden_int(g, "batch"),
                        .dense = {.in = golden_int(g, "in"), .out = golden_int(g, "out")}};
    if (kind == FCL_DENSE_FORWARD)
        desc.activation = golden_activation(g, "activation", "alpha");
    else if (kind == FCL_DENSE_BACKWARD_DATA)
        desc.x_activation = golden_activation(g, "x_activation", "x_alpha");
    op_case_init(&c, golden_name(g), (uint32_t)golden_int(g, "seed"), &desc, golden_int(g, "n"), &(fcl_op_args){0});
    op_case_check(&c, expected, n_expected);
    op_case_dispose(&c);
}

START_TEST(forward_and_backward) {
    const golden_case *g = golden_at(file, (size_t)_i);
    if (golden_is_left_out(g)) return;
    check(FCL_DENSE_FORWARD, g, (expectation[]){expect(FCL_Y, g, "Y")}, 1);
    check(FCL_DENSE_BACKWARD_DATA, g, (expectation[]){expect(FCL_DX, g, "DX")}, 1);
    check(FCL_DENSE_BACKWARD_WEIGHTS, g, (expectation[]){expect(FCL_DW, g, "DW"), expect(FCL_DB, g, "DB")}, 2);
}
END_TEST

int main(void) {
    file = golden_read("dense.golden");
    Suite *suite = suite_create("dense layers against PyTorch");
    TCase *tests = tcase_create("all");
    tcase_add_loop_test(tests, forward_and_backward, 0, (int)golden_n_cases(file));
    suite_add_tcase(suite, tests);
    int result = test_run(suite);
    golden_free(file);
    return result;
}
