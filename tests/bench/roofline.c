/* What a roofline takes for the memory's speed, and what solvers say they compute; numbers counted by hand. */
#include "bench/roofline.h"

#include "ops/solvers.h"
#include "support/support.h"

START_TEST(a_working_set_is_held_against_the_cache_that_it_fits) {
    const fcl_roofline roof = {
        .gflop_per_second = 500.0,
        .bandwidths = {{1 << 20, 100.0}, {4 << 20, 80.0}, {16 << 20, 60.0}, {64 << 20, 30.0}, {256 << 20, 20.0}}};
    ck_assert(fcl_roofline_bandwidth(&roof, 1000.0)->gb_per_second == 100.0);
    ck_assert(fcl_roofline_bandwidth(&roof, 3.9 * (1 << 20))->gb_per_second == 100.0);
    ck_assert(fcl_roofline_bandwidth(&roof, 4.0 * (1 << 20))->gb_per_second == 80.0);
    ck_assert(fcl_roofline_bandwidth(&roof, 255.0 * (1 << 20))->gb_per_second == 30.0);
    ck_assert(fcl_roofline_bandwidth(&roof, 1e12)->gb_per_second == 20.0);
}
END_TEST

/* 10x10x16 to 8x8x32 with 3x3, two images. */
static fcl_op_desc convolution(fcl_op_kind kind) {
    return (fcl_op_desc){.kind = kind,
                         .batch = 2,
                         .conv = {.in_h = 10,
                                  .in_w = 10,
                                  .in_c = 16,
                                  .out_h = 8,
                                  .out_w = 8,
                                  .out_c = 32,
                                  .kernel_h = 3,
                                  .kernel_w = 3,
                                  .stride_h = 1,
                                  .stride_w = 1}};
}

START_TEST(a_direct_solver_does_what_the_operation_is) {
    enum { X = 2 * 10 * 10 * 16, Y = 2 * 8 * 8 * 32, W = 3 * 3 * 16 * 32, B = 32 };
    const fcl_op_desc desc = convolution(FCL_CONV_FORWARD);
    const fcl_work work = fcl_solver_work(&fcl_solver_conv_general_forward, &desc, NULL);
    ck_assert(work.flop == 2.0 * Y * 9 * 16);
    ck_assert(work.bytes == 4.0 * (X + W + B + Y));
}
END_TEST

/* 2 x 2 tiles of 4x4 an image, 36 multiplications for each pair of channels instead of 144. */
START_TEST(winograd_counts_its_own_multiplications) {
    enum { TILES = 2 * 2 * 2, PAIRS = 16 * 32 };
    const fcl_op_desc forward = convolution(FCL_CONV_FORWARD), weights = convolution(FCL_CONV_BACKWARD_WEIGHTS);
    const fcl_work f = fcl_solver_work(&fcl_solver_conv_winograd_forward, &forward, NULL);
    ck_assert(f.flop == 2.0 * TILES * 36 * PAIRS);
    ck_assert(f.flop * 4.0 == fcl_op_flop(&forward, 2));
    ck_assert(f.bytes == fcl_op_work(&forward).bytes + 4.0 * 2 * 36 * PAIRS);
    const fcl_work w = fcl_solver_work(&fcl_solver_conv_winograd_backward_weights, &weights, NULL);
    ck_assert(w.flop == 2.0 * TILES * 36 * PAIRS);
    ck_assert(w.bytes > fcl_op_work(&weights).bytes);
}
END_TEST

/* Its input is 10x10: 3 x 3 tiles, the outer ones in part. */
START_TEST(winograd_counts_tiles_at_the_border_whole) {
    const fcl_op_desc data = convolution(FCL_CONV_BACKWARD_DATA);
    const fcl_work work = fcl_solver_work(&fcl_solver_conv_winograd_backward_data, &data, NULL);
    ck_assert(work.flop == 2.0 * (2 * 3 * 3) * 36 * 16 * 32);
}
END_TEST

START_TEST(what_changes_in_place_is_read_and_written) {
    enum { N = 1000, FLAG = 2 };
    const fcl_op_desc adam = {.kind = FCL_ADAM, .batch = 1, .flat = {N}};
    /* W, M and V twice, DW and FLAG once. */
    ck_assert(fcl_op_work(&adam).bytes == 4.0 * (3 * 2 * N + N + FLAG));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench: roofline");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, a_working_set_is_held_against_the_cache_that_it_fits);
    tcase_add_test(tests, a_direct_solver_does_what_the_operation_is);
    tcase_add_test(tests, winograd_counts_its_own_multiplications);
    tcase_add_test(tests, winograd_counts_tiles_at_the_border_whole);
    tcase_add_test(tests, what_changes_in_place_is_read_and_written);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
