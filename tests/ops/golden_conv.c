/* Convolution, forward and backward, with and without pooling in it, against PyTorch. */
#include "ops/conv_shape.h"
#include "ops/golden_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static golden *file, *pooled_file;

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

/* What the inputs are in these cases: rounded to integers where ties are wanted, and the places that PyTorch found. */
static void make_inputs(op_case *c, const golden_case *g) {
    const float levels = (float)golden_int(g, "levels");
    const fcl_role roles[] = {FCL_X, FCL_W, FCL_B};
    for (size_t r = 0; r < 3 && levels > 0.0f; r++)
        for (size_t i = 0; i < c->used[roles[r]]; i++) {
            float *value = &op_case_floats(c, roles[r])[i];
            *value = rintf(*value * levels);
        }
    if (c->desc.kind == FCL_CONV_FORWARD) return;
    size_t n_places;
    const unsigned char *places = golden_bytes(&n_places, g, "PLACE");
    ck_assert_uint_eq(n_places, (size_t)c->n * fcl_op_output_count(&c->desc));
    memcpy(c->data[FCL_PLACE], places, n_places);
}

static void check_pooled(fcl_op_kind kind, const golden_case *g, const expectation *expected, size_t n_expected) {
    op_case c;
    fcl_op_desc desc = describe(kind, g);
    desc.fused_pool = FCL_POOL_2X2_PLACES;
    op_case_init(&c, golden_name(g), (uint32_t)golden_int(g, "seed"), &desc, golden_int(g, "n"), &(fcl_op_args){0});
    make_inputs(&c, g);
    if (next_solver(NULL, &desc)) op_case_check(&c, expected, n_expected);
    op_case_dispose(&c);
}

/* Places are those of the first maximum wherever float and double agree on the values: where these are exact, and where no two
 * pixels are nearly the same. Sums of integers are exact when they are added up as they are, but Winograd's transforms divide by
 * 6 and 24, and what rounds differently there is no tie any more: that its places name a maximum within rounding, ops_conv
 * checks. */
START_TEST(pooled_forward) {
    const golden_case *g = golden_at(pooled_file, (size_t)_i);
    if (golden_is_left_out(g)) return;
    check_pooled(FCL_CONV_FORWARD, g, (expectation[]){expect(FCL_Y, g, "Y")}, 1);
    op_case c;
    fcl_op_desc desc = describe(FCL_CONV_FORWARD, g);
    desc.fused_pool = FCL_POOL_2X2_PLACES;
    op_case_init(&c, golden_name(g), (uint32_t)golden_int(g, "seed"), &desc, golden_int(g, "n"), &(fcl_op_args){0});
    make_inputs(&c, g);
    size_t n_places;
    const unsigned char *places = golden_bytes(&n_places, g, "PLACE");
    for (const fcl_solver *const *s = next_solver(NULL, &desc); s; s = next_solver(s, &desc)) {
        void *result[FCL_N_ROLES];
        if (golden_int(g, "levels") > 0 && (*s)->rounds_ties) continue;
        op_case_run(result, &c, *s);
        for (size_t i = 0; i < n_places; i++)
            ck_assert_msg(((unsigned char *)result[FCL_PLACE])[i] == places[i],
                          "%s, %s: place[%zu] is %d, should be %d", c.name, (*s)->name, i,
                          ((unsigned char *)result[FCL_PLACE])[i], places[i]);
        for (int role = 0; role < FCL_N_ROLES; role++) free(result[role]);
    }
    op_case_dispose(&c);
}
END_TEST

START_TEST(pooled_backward) {
    const golden_case *g = golden_at(pooled_file, (size_t)_i);
    if (golden_is_left_out(g)) return;
    check_pooled(FCL_CONV_BACKWARD_DATA, g, (expectation[]){expect(FCL_DX, g, "DX")}, 1);
    check_pooled(FCL_CONV_BACKWARD_WEIGHTS, g, (expectation[]){expect(FCL_DW, g, "DW"), expect(FCL_DB, g, "DB")}, 2);
}
END_TEST

/* A NaN is the maximum, and the first of several: a bias of NaN makes all of a channel's pixels so. */
START_TEST(nan_is_the_maximum) {
    const golden_case *g = golden_find(pooled_file, "3x3_odd_output");
    op_case c;
    fcl_op_desc desc = describe(FCL_CONV_FORWARD, g);
    desc.fused_pool = FCL_POOL_2X2_PLACES;
    op_case_init(&c, "a bias of NaN", 1, &desc, golden_int(g, "n"), &(fcl_op_args){0});
    enum { CHANNEL = 5 };
    op_case_floats(&c, FCL_B)[CHANNEL] = NAN;
    for (const fcl_solver *const *s = next_solver(NULL, &desc); s; s = next_solver(s, &desc)) {
        void *result[FCL_N_ROLES];
        op_case_run(result, &c, *s);
        for (size_t i = 0; i < (size_t)c.n * fcl_op_output_count(&desc); i++) {
            int is_there = i % (size_t)desc.conv.out_c == CHANNEL;
            ck_assert_int_eq(isnan(((float *)result[FCL_Y])[i]) != 0, is_there);
            if (is_there) ck_assert_int_eq(((unsigned char *)result[FCL_PLACE])[i], 0);
        }
        for (int role = 0; role < FCL_N_ROLES; role++) free(result[role]);
    }
    op_case_dispose(&c);
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
    pooled_file = golden_read("conv_pool.golden");
    n = (int)golden_n_cases(pooled_file);
    tcase_add_loop_test(tests, pooled_forward, 0, n);
    tcase_add_loop_test(tests, pooled_backward, 0, n);
    tcase_add_test(tests, nan_is_the_maximum);
    suite_add_tcase(suite, tests);
    int result = test_run(suite);
    golden_free(file);
    golden_free(pooled_file);
    return result;
}
