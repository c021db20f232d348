/* Operands that a network had, looked at after the fact. Sums by hand. */
#include "ops/inspect.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "support/support.h"

enum { N_IN = 2, N_OUT = 2, BATCH = 3, N_Y = BATCH * N_OUT, LOOKED_AT = 64 };

static const fcl_op_desc dense = {.kind = FCL_DENSE_FORWARD, .batch = BATCH, .dense = {N_IN, N_OUT}};
static const fcl_solver solver = {.name = "hand", .kind = FCL_DENSE_FORWARD, .error_factor = 4.0};
static const float x[BATCH * N_IN] = {1.0f, 2.0f, 0.0f, -1.0f, 100.0f, 100.0f};
static const float w[N_IN * N_OUT] = {3.0f, 0.5f, -1.0f, 0.25f}, b[N_OUT] = {0.0f, 1.0f};
static const float right[N_Y] = {1.0f, 2.0f, 1.0f, 0.75f, 200.0f, 76.0f};

static fcl_inspection inspect(const float *inputs, const float *y, size_t first, size_t count) {
    const fcl_op_args args = {0};
    const fcl_host_operands host = {{[FCL_X] = inputs, [FCL_W] = w, [FCL_B] = b}};
    fcl_inspection seen;
    ck_ok(fcl_inspect(&seen,
                      &(fcl_output){.solver = &solver,
                                    .desc = &dense,
                                    .args = &args,
                                    .n = BATCH,
                                    .operands = &host,
                                    .role = FCL_Y,
                                    .result = y,
                                    .first = first,
                                    .count = count},
                      LOOKED_AT));
    return seen;
}

START_TEST(right_and_wrong) {
    fcl_inspection seen = inspect(x, right, 0, N_Y);
    ck_assert_double_eq(seen.ratio, 0.0);
    ck_assert_double_eq(seen.magnitude, 400.0);
    ck_assert_int_eq(seen.overflows, 0);
    float y[N_Y];
    memcpy(y, right, sizeof y);
    /* The bound of all is that of the largest sum: 4 FLT_EPSILON * 400. */
    const float bound = 4.0f * FLT_EPSILON * 400.0f;
    y[3] += 2.0f * bound;
    seen = inspect(x, y, 0, N_Y);
    ck_assert_uint_eq(seen.index, 3);
    ck_assert_double_eq_tol(seen.ratio, 2.0, 0.01);
    ck_assert_double_eq(seen.wanted, 0.75);
    ck_assert_double_eq(seen.got, (double)y[3]);
    y[3] = right[3] + 0.5f * bound;
    ck_assert_double_eq_tol(inspect(x, y, 0, N_Y).ratio, 0.5, 0.01);
    /* What is not to be looked at. */
    y[1] = NAN;
    ck_assert_double_lt(inspect(x, y, 2, N_Y - 2).ratio, 1.0);
}
END_TEST

/* Whatever else is wrong, and however rare it is. */
START_TEST(not_finite_comes_first) {
    enum { N = 4096 };
    static float many[N], y[N];
    const fcl_op_args args = {0};
    const fcl_op_desc desc = {.kind = FCL_ACTIVATION_FORWARD, .batch = 1, .flat = {N}};
    const fcl_host_operands host = {{[FCL_X] = many}};
    fcl_inspection seen;
    y[1] = 7.0f;
    y[2077] = INFINITY;
    ck_ok(fcl_inspect(&seen,
                      &(fcl_output){.solver = &solver,
                                    .desc = &desc,
                                    .args = &args,
                                    .n = 1,
                                    .operands = &host,
                                    .role = FCL_Y,
                                    .result = y,
                                    .count = N},
                      LOOKED_AT));
    ck_assert_uint_eq(seen.index, 2077);
    ck_assert_double_eq(seen.ratio, (double)INFINITY);
    ck_assert_double_eq(seen.wanted, 0.0);
    ck_assert_int_eq(seen.overflows, 0);
}
END_TEST

START_TEST(too_large_for_float) {
    const float large[BATCH * N_IN] = {1.0f, 2.0f, 0.0f, -1.0f, 2e38f, 2e38f};
    float y[N_Y];
    memcpy(y, right, sizeof y);
    y[4] = INFINITY;
    ck_assert_int_eq(inspect(large, y, 0, N_Y).overflows, 1);
    ck_assert_int_eq(inspect(x, y, 0, N_Y).overflows, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("inspection");
    TCase *t = tcase_create("inspect");
    tcase_add_test(t, right_and_wrong);
    tcase_add_test(t, not_finite_comes_first);
    tcase_add_test(t, too_large_for_float);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
