/* Pooling, forward and backward, against PyTorch (and against loops in numpy, which make-golden compares it
 * with). */
#include <math.h>
#include <string.h>

#include "ops/golden_case.h"

static golden *file;

static void check(fcl_op_kind kind, const golden_case *g, const expectation *expected) {
    op_case c;
    fcl_op_desc desc = {.kind = kind,
                        .batch = golden_int(g, "batch"),
                        .pool = {.kind = strcmp(golden_text(g, "kind"), "max") == 0 ? FCL_MAX_POOL : FCL_AVERAGE_POOL,
                                 .in_h = golden_int(g, "in_h"),
                                 .in_w = golden_int(g, "in_w"),
                                 .channels = golden_int(g, "channels"),
                                 .out_h = golden_int(g, "out_h"),
                                 .out_w = golden_int(g, "out_w"),
                                 .window_h = golden_int(g, "window_h"),
                                 .window_w = golden_int(g, "window_w"),
                                 .stride_h = golden_int(g, "stride_h"),
                                 .stride_w = golden_int(g, "stride_w"),
                                 .pad_top = golden_int(g, "pad_top"),
                                 .pad_left = golden_int(g, "pad_left")}};
    if (kind == FCL_POOL_BACKWARD) desc.x_activation = golden_activation(g, "x_activation", "x_alpha");
    op_case_init(&c, golden_name(g), (uint32_t)golden_int(g, "seed"), &desc, golden_int(g, "n"), &(fcl_op_args){0});
    if (c.data[FCL_X]) {
        float *x = op_case_floats(&c, FCL_X), levels = (float)golden_number(g, "levels");
        if (levels > 0.0f) /* equal neighbours */
            for (size_t i = 0; i < c.used[FCL_X]; i++) x[i] = floorf((x[i] + 0.5f) * levels) / levels - 0.5f;
        if (golden_int(g, "nan_at") >= 0) x[golden_int(g, "nan_at")] = NAN;
    }
    op_case_check(&c, expected, 1);
    op_case_dispose(&c);
}

START_TEST(forward) {
    const golden_case *g = golden_at(file, (size_t)_i);
    if (golden_is_left_out(g)) return;
    expectation y = expect(FCL_Y, g, "Y");
    check(FCL_POOL_FORWARD, g, &y);
}
END_TEST

START_TEST(backward) {
    const golden_case *g = golden_at(file, (size_t)_i);
    if (golden_is_left_out(g)) return;
    expectation dx = expect(FCL_DX, g, "DX");
    check(FCL_POOL_BACKWARD, g, &dx);
}
END_TEST

int main(void) {
    file = golden_read("pool.golden");
    int n = (int)golden_n_cases(file);
    Suite *suite = suite_create("pooling against PyTorch");
    TCase *tests = tcase_create("all");
    tcase_add_loop_test(tests, forward, 0, n);
    tcase_add_loop_test(tests, backward, 0, n);
    suite_add_tcase(suite, tests);
    int result = test_run(suite);
    golden_free(file);
    return result;
}
