/* Pooling on the device against the reference, and what the reference check leaves out: NaN. */
#include "ops/check_solver.h"

#include <math.h>

typedef struct pool_case {
    const char *why;
    int batch, in_h, in_w, channels, window_h, window_w, stride_h, stride_w, pad_top, pad_left, out_h, out_w;
} pool_case;

static const pool_case cases[] = {
    {"the networks' own, wide channels", 3, 8, 6, 32, 2, 2, 2, 2, 0, 0, 4, 3},
    {"an odd input whose last row and column no window holds", 2, 9, 7, 16, 2, 2, 2, 2, 0, 0, 4, 3},
    {"a prime number of channels, batch 1", 1, 5, 5, 7, 2, 2, 2, 2, 0, 0, 2, 2},
    {"channels by 4, windows wider than high", 4, 6, 9, 12, 1, 3, 1, 3, 0, 0, 6, 3},
    {"overlapping windows", 3, 7, 8, 5, 3, 3, 2, 2, 0, 0, 3, 3},
    {"overlapping and padded on both sides", 2, 7, 7, 16, 3, 3, 2, 2, 1, 1, 4, 4},
    {"padded after the end only", 2, 5, 5, 8, 2, 2, 2, 2, 0, 0, 3, 3},
    {"padded blocks", 3, 5, 6, 3, 2, 3, 2, 3, 1, 1, 3, 3},
    {"stride 1", 2, 4, 5, 2, 2, 2, 1, 1, 0, 0, 3, 4},
    {"strides above the window", 2, 8, 8, 4, 2, 1, 3, 2, 0, 0, 3, 4},
    {"one pixel, one channel", 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1},
    {"the whole image", 2, 6, 5, 16, 6, 5, 6, 5, 0, 0, 1, 1},
};

static const fcl_activation activations[] = {
    {FCL_LINEAR, 0.0f}, {FCL_RELU, 0.0f}, {FCL_LEAKY_RELU, 0.1f}, {FCL_ELU, 1.5f}};

static fcl_op_desc desc_of(const pool_case *c, fcl_op_kind kind, fcl_pool_kind pool, fcl_activation activation) {
    return (fcl_op_desc){
        .kind = kind,
        .batch = c->batch,
        .activation = activation,
        .x_activation = activation,
        .pool = {pool, c->in_h, c->in_w, c->channels, c->out_h, c->out_w, c->window_h, c->window_w, c->stride_h,
                 c->stride_w, c->pad_top, c->pad_left},
    };
}

START_TEST(every_shape) {
    const pool_case *c = &cases[_i];
    for (int kind = FCL_MAX_POOL; kind <= FCL_AVERAGE_POOL; kind++) {
        for (int forward = 0; forward < 2; forward++) {
            /* Each shape with an activation, so that all meet all kinds of shapes. */
            fcl_op_desc desc = desc_of(c, forward ? FCL_POOL_FORWARD : FCL_POOL_BACKWARD, (fcl_pool_kind)kind,
                                       activations[(_i + kind + forward) % 4]);
            check_solvers(&desc);
        }
    }
}
END_TEST

START_TEST(every_activation) {
    for (int kind = FCL_MAX_POOL; kind <= FCL_AVERAGE_POOL; kind++) {
        for (int shape = 0; shape < 6; shape += 5) {
            fcl_op_desc forward = desc_of(&cases[shape], FCL_POOL_FORWARD, (fcl_pool_kind)kind, activations[_i]);
            fcl_op_desc backward = desc_of(&cases[shape], FCL_POOL_BACKWARD, (fcl_pool_kind)kind, activations[_i]);
            check_solvers(&forward);
            check_solvers(&backward);
        }
    }
}
END_TEST

/* Four columns of one channel, windows of 2 x 2: a NaN is the maximum wherever it stands, the first of two
 * wins, and the gradient goes there and nowhere else. */
START_TEST(nan_is_the_maximum) {
    const float x[2][8] = {{1, NAN, 3, 3, 5, 2, NAN, NAN},
                           {-INFINITY, -INFINITY, 0, -0.0f, -INFINITY, -INFINITY, 0, 0}};
    const float dy[4] = {10, 20, 30, 40}, dx_wanted[2][8] = {{0, 10, 0, 0, 0, 0, 20, 0}, {30, 0, 40, 0, 0, 0, 0, 0}};
    const pool_case shape = {"", 2, 2, 4, 1, 2, 2, 2, 2, 0, 0, 1, 2};
    fcl_op_desc forward = desc_of(&shape, FCL_POOL_FORWARD, FCL_MAX_POOL, activations[0]);
    fcl_op_desc backward = desc_of(&shape, FCL_POOL_BACKWARD, FCL_MAX_POOL, activations[0]);
    const fcl_op_args args = {0};
    for (const fcl_solver *const *solver = fcl_solvers_of(FCL_POOL_FORWARD); *solver; solver++) {
        float y[4];
        run_solver(*solver, &forward, 2, &args, (const void *[FCL_N_ROLES]){[FCL_X] = x},
                   (void *[FCL_N_ROLES]){[FCL_Y] = y});
        ck_assert(isnan(y[0]) && isnan(y[1]) && y[2] == -INFINITY && y[3] == 0.0f);
    }
    for (const fcl_solver *const *solver = fcl_solvers_of(FCL_POOL_BACKWARD); *solver; solver++) {
        float dx[2][8];
        run_solver(*solver, &backward, 2, &args, (const void *[FCL_N_ROLES]){[FCL_X] = x, [FCL_DY] = dy},
                   (void *[FCL_N_ROLES]){[FCL_DX] = dx});
        for (int i = 0; i < 16; i++)
            ck_assert_msg(dx[i / 8][i % 8] == dx_wanted[i / 8][i % 8], "%s: dx[%d] is %g", (*solver)->name, i,
                          (double)dx[i / 8][i % 8]);
    }
}
END_TEST

START_TEST(an_average_passes_nan) {
    const pool_case shape = {"", 1, 2, 2, 1, 2, 2, 2, 2, 0, 0, 1, 1};
    const float x[4] = {1, 2, NAN, 3};
    float y = 0;
    fcl_op_desc desc = desc_of(&shape, FCL_POOL_FORWARD, FCL_AVERAGE_POOL, activations[1]);
    const fcl_op_args args = {0};
    run_solver(fcl_solvers_of(FCL_POOL_FORWARD)[0], &desc, 1, &args, (const void *[FCL_N_ROLES]){[FCL_X] = x},
               (void *[FCL_N_ROLES]){[FCL_Y] = &y});
    ck_assert(isnan(y));
}
END_TEST

START_TEST(blocks_are_for_windows_that_do_not_overlap) {
    fcl_op_desc apart = desc_of(&cases[0], FCL_POOL_BACKWARD, FCL_MAX_POOL, activations[0]);
    fcl_op_desc overlapping = desc_of(&cases[4], FCL_POOL_BACKWARD, FCL_MAX_POOL, activations[0]);
    const fcl_solver *blocks = fcl_solver_find(FCL_POOL_BACKWARD, "pool_blocks");
    ck_assert(blocks->applies(&apart, test_device()));
    ck_assert(!blocks->applies(&overlapping, test_device()));
    /* More elements than an int counts. */
    apart.batch = 1 << 20;
    apart.pool.in_h = 4096;
    ck_assert(!blocks->applies(&apart, test_device()));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ops_pool");
    TCase *tests = tcase_create("pool");
    tcase_add_loop_test(tests, every_shape, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(tests, every_activation, 0, 4);
    tcase_add_test(tests, nan_is_the_maximum);
    tcase_add_test(tests, an_average_passes_nan);
    tcase_add_test(tests, blocks_are_for_windows_that_do_not_overlap);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
