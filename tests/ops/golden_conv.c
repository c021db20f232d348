/* Convolution, forward and backward, against PyTorch. */
#include "ops/golden_case.h"

static golden *file;

static fcl_op_desc describe(fcl_op_kind kind, const golden_case *g) {
    fcl_op_desc desc = {.kind = kind,
                        .batch = golden_int(g, "batch"),
                        .conv = {.in_h = golden_int(g, "in_h"),
                                 .in_w = golden_int(g, "in_w"),
                                 .in_c = golden_int(g, "in_c"),
                                 .out_h = golden_int(g, "out_h"),
                                 .out_w = golden_int(g, "out_w"),
                                 .out_c = golden_int(g, "out_c"),
                                 .kernel_h = golden_int(g, "kernel_h"),
                                 .kernel_w = golden_int(g, "kernel_w"),
                                 .stride_h = golden_int(g, "stride_h"),
                                 .stride_w = golden_int(g, "stride_w"),
                                 .pad_top = golden_int(g, "pad_top"),
                                 .pad_left = golden_int(g, "pad_left")}};
    if (kind == FCL_CONV_FORWARD)
        desc.activation = golden_activation(g, "activation", "alpha");
    else if (kind == FCL_CONV_BACKWARD_DATA)
        desc.x_activation = golden_activation(g, "x_activation", "x_alpha");
    return desc;
}

static void check(fcl_op_kind kind, const golden_case *g, const expectation *expected, size_t n_expected) {
    op_case c;
    fcl_op_desc desc = describe(kind, g);
    op_case_init(&c, golden_name(g), (uint32_t)golden_int(g, "seed"), &desc, golden_int(g, "n"), &(fcl_op_args){0});
    op_case_check(&c, expected, n_expected);
    op_case_dispose(&c);
}

START_TEST(forward) {
    const golden_case *g = golden_at(file, (size_t)_i);
    if (golden_is_left_out(g)) return;
    check(FCL_CONV_FORWARD, g, (expectation[]){expect(FCL_Y, g, "Y")}, 1);
}
END_TEST

START_TEST(backward_data) {
    const golden_case *g = golden_at(file, (size_t)_i);
    if (golden_is_left_out(g)) return;
    check(FCL_CONV_BACKWARD_DATA, g, (expectation[]){expect(FCL_DX, g, "DX")}, 1);
}
END_TEST

START_TEST(backward_weights) {
    const golden_case *g = golden_at(file, (size_t)_i);
    if (golden_is_left_out(g)) return;
    check(FCL_CONV_BACKWARD_WEIGHTS, g, (expectation[]){expect(FCL_DW, g, "DW"), expect(FCL_DB, g, "DB")}, 2);
}
END_TEST

int main(void) {
    file = golden_read("conv.golden");
    int n = (int)golden_n_cases(file);
    Suite *suite = suite_create("convolution against PyTorch");
    TCase *tests = tcase_create("all");
    tcase_add_loop_test(tests, forward, 0, n);
    tcase_add_loop_test(tests, backward_data, 0, n);
    tcase_add_loop_test(tests, backward_weights, 0, n);
    suite_add_tcase(suite, tests);
    int result = test_run(suite);
    golden_free(file);
    return result;
}
