/* Convolution and dense layers: every solver against the reference, at shapes that are hard for one or the other. */
#include "ops/check_solver.h"

#include <stdlib.h>

#include "ops/conv_shape.h"
#include "ops/solvers.h"

typedef struct shape {
    int batch, in_h, in_w, in_c, out_c, kernel_h, kernel_w, stride, same;
} shape;

static const shape shapes[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 0},    /* nothing but one product */
    {3, 5, 7, 16, 32, 3, 3, 1, 1},  /* Winograd: tiles that reach beyond both sides */
    {2, 13, 6, 48, 16, 3, 3, 1, 0}, /* one without padding, more tiles than a block */
    {5, 9, 10, 16, 16, 3, 3, 1, 1}, /* a last block that is not full */
    {2, 3, 3, 16, 16, 3, 3, 1, 0},  /* one pixel of y */
    {2, 11, 13, 7, 19, 3, 5, 1, 1}, /* prime channels */
    {2, 12, 9, 3, 33, 5, 3, 2, 1},  /* a stride that does not divide */
    {3, 8, 8, 1, 32, 3, 3, 1, 0},   /* the first layer: taps taken together */
    {2, 6, 30, 2, 17, 4, 4, 3, 0},  /* columns that no tap reads */
    {2, 4, 2, 5, 16, 3, 3, 1, 1},   /* narrower than the kernel */
    {1, 7, 7, 40, 24, 1, 1, 1, 0},  /* a product of matrices */
};

static fcl_conv_shape conv_of(const shape *s) {
    fcl_conv_shape c = {.in_h = s->in_h,
                        .in_w = s->in_w,
                        .in_c = s->in_c,
                        .out_c = s->out_c,
                        .kernel_h = s->kernel_h,
                        .kernel_w = s->kernel_w,
                        .stride_h = s->stride,
                        .stride_w = s->stride};
    c.out_h = s->same ? (c.in_h + c.stride_h - 1) / c.stride_h : (c.in_h - c.kernel_h) / c.stride_h + 1;
    c.out_w = s->same ? (c.in_w + c.stride_w - 1) / c.stride_w : (c.in_w - c.kernel_w) / c.stride_w + 1;
    int rows = (c.out_h - 1) * c.stride_h + c.kernel_h - c.in_h,
        columns = (c.out_w - 1) * c.stride_w + c.kernel_w - c.in_w;
    c.pad_top = rows > 0 ? rows / 2 : 0;
    c.pad_left = columns > 0 ? columns / 2 : 0;
    return c;
}

START_TEST(convolution) {
    static const fcl_op_kind kinds[] = {FCL_CONV_FORWARD, FCL_CONV_BACKWARD_DATA, FCL_CONV_BACKWARD_WEIGHTS};
    for (size_t k = 0; k < 3; k++) {
        fcl_op_desc desc = {.kind = kinds[k], .batch = shapes[_i].batch, .conv = conv_of(&shapes[_i])};
        if (kinds[k] == FCL_CONV_FORWARD) desc.activation = (fcl_activation){FCL_LEAKY_RELU, 0.1f};
        if (kinds[k] == FCL_CONV_BACKWARD_DATA) desc.x_activation = (fcl_activation){FCL_ELU, 1.0f};
        check_solvers(&desc);
    }
}
END_TEST

/* Where the device is none, the check is not supported. */
static int is_cpu(void) {
    if (fcl_device_facts(test_device())->kind == FCL_DEVICE_CPU) return 1;
    test_not_supported("what it checks is for CPUs");
    return 0;
}

static int can_pool(void) {
    enum { CELL = 4 };
    if (!is_cpu()) return 0;
    if (fcl_register_sums(test_device()) >= CELL) return 1;
    test_not_supported("not all of these have a solver that pools where registers have no room for a cell of 2x2 sums");
    return 0;
}

/* The same with pooling in it, which some solvers can: halves are rounded down, places are four to a word of any number of
 * channels. */
START_TEST(pooled_convolution) {
    fcl_op_desc desc = {.kind = FCL_CONV_FORWARD, .batch = shapes[_i].batch, .conv = conv_of(&shapes[_i])};
    if (desc.conv.out_h < 2 || desc.conv.out_w < 2) return;
    if (!can_pool()) return;
    desc.activation = (fcl_activation){FCL_LEAKY_RELU, 0.1f};
    for (desc.fused_pool = FCL_POOL_2X2; desc.fused_pool <= FCL_POOL_2X2_PLACES; desc.fused_pool++)
        check_solvers(&desc);
    desc.fused_pool = FCL_POOL_2X2_PLACES;
    desc.kind = FCL_CONV_BACKWARD_WEIGHTS;
    check_solvers(&desc);
    desc.kind = FCL_CONV_BACKWARD_DATA;
    desc.x_activation = (fcl_activation){FCL_ELU, 1.0f};
    if (next_solver(NULL, &desc)) check_solvers(&desc);
}
END_TEST

START_TEST(dense) {
    static const fcl_op_kind kinds[] = {FCL_DENSE_FORWARD, FCL_DENSE_BACKWARD_DATA, FCL_DENSE_BACKWARD_WEIGHTS};
    static const struct {
        int batch, in, out;
    } layers[] = {{1, 1, 1}, {2, 16, 30}, {13, 67, 30}, {25, 130, 48}, {4, 17, 1}, {3, 300, 33}};
    for (size_t k = 0; k < 3; k++) {
        fcl_op_desc desc = {
            .kind = kinds[k], .batch = layers[_i].batch, .dense = {.in = layers[_i].in, .out = layers[_i].out}};
        if (kinds[k] == FCL_DENSE_FORWARD) desc.activation = (fcl_activation){FCL_RELU, 0.0f};
        if (kinds[k] == FCL_DENSE_BACKWARD_DATA) desc.x_activation = (fcl_activation){FCL_RELU, 0.0f};
        check_solvers(&desc);
    }
}
END_TEST

/* Shapes that are hard for tiles: every variant of conv_tiled. */
static const shape tiled_shapes[] = {
    {2, 4, 5, 3, 7, 3, 2, 2, 1},      /* less than any tile, for a simulated device too */
    {3, 20, 21, 5, 19, 3, 5, 1, 1},   /* nothing divides a tile; several parts of the sum over pixels */
    {2, 17, 10, 40, 136, 3, 3, 2, 1}, /* several tiles of rows and columns in all directions; a stride: dy has gaps */
};

START_TEST(tiled_convolution) {
    if (_i > 0 && test_is_too_much()) return;
    fcl_op_desc desc = {.batch = tiled_shapes[_i].batch, .conv = conv_of(&tiled_shapes[_i])};
    desc.kind = FCL_CONV_FORWARD;
    desc.activation = (fcl_activation){FCL_LEAKY_RELU, 0.1f};
    check_variants(&desc, "conv_tiled");
    desc.kind = FCL_CONV_BACKWARD_WEIGHTS;
    check_variants(&desc, "conv_tiled");
    desc.kind = FCL_CONV_BACKWARD_DATA;
    desc.x_activation = (fcl_activation){FCL_ELU, 1.0f};
    check_variants(&desc, "conv_tiled");
}
END_TEST

/* Winograd with so many channels that tiles are done in chunks: in several, the last of which is not full; and in one whose
 * tiles are more than the weights' gradient adds up at a time. */
START_TEST(many_channels) {
    enum { SAMPLED = 300 };
    static const shape chunked[] = {{2, 28, 23, 16, 1824, 3, 3, 1, 1}, {2, 29, 41, 48, 96, 3, 3, 1, 1}};
    static const fcl_op_kind kinds[] = {FCL_CONV_FORWARD, FCL_CONV_BACKWARD_DATA, FCL_CONV_BACKWARD_WEIGHTS};
    if (test_is_too_much()) return;
    fcl_op_desc desc = {.kind = kinds[_i % 3], .batch = 2, .conv = conv_of(&chunked[_i / 3])};
    const fcl_solver *solver = fcl_solver_find(desc.kind, "conv_winograd");
    if (!solver->applies(&desc, test_device())) {
        test_not_supported("%s does not apply", solver->name);
        return;
    }
    for (int n = 1; n <= desc.batch; n++)
        for (int variant = 0; variant < fcl_gate_n_variants(&desc); variant++) {
            char fault[256];
            fcl_op_args args = fcl_gate_args(&desc, variant);
            fcl_gate_report report;
            ck_ok(fcl_gate_check(&report, test_device(), solver, &desc, n, &args, SAMPLED));
            fcl_gate_describe(fault, &report, solver);
            ck_assert_msg(report.passed, "%s, n = %d: %s", fcl_op_kind_name(desc.kind), n, fault);
        }
}
END_TEST

/* On a CPU the fast solvers are there for the models' layers: none of them falls back unnoticed. */
START_TEST(fast_ones_apply) {
    fcl_device *device = test_device();
    if (!is_cpu()) return;
    fcl_op_desc desc = {
        .kind = FCL_CONV_FORWARD, .batch = 32, .conv = conv_of(&(shape){32, 48, 48, 64, 64, 3, 3, 1, 1})};
    ck_assert(fcl_solver_conv_direct_forward.applies(&desc, device));
    ck_assert(fcl_solver_conv_winograd_forward.applies(&desc, device));
    desc.kind = FCL_CONV_BACKWARD_DATA;
    ck_assert(fcl_solver_conv_direct_backward_data.applies(&desc, device));
    desc.kind = FCL_CONV_BACKWARD_WEIGHTS;
    ck_assert(fcl_solver_conv_direct_backward_weights.applies(&desc, device));
    desc = (fcl_op_desc){.kind = FCL_DENSE_FORWARD, .batch = 32, .dense = {.in = 12800, .out = 256}};
    ck_assert(fcl_solver_dense_direct_forward.applies(&desc, device));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("convolution and dense layers");
    TCase *t = tcase_create("all");
    tcase_add_loop_test(t, convolution, 0, sizeof shapes / sizeof shapes[0]);
    tcase_add_loop_test(t, pooled_convolution, 0, sizeof shapes / sizeof shapes[0]);
    tcase_add_loop_test(t, dense, 0, 6);
    tcase_add_loop_test(t, tiled_convolution, 0, sizeof tiled_shapes / sizeof tiled_shapes[0]);
    tcase_add_loop_test(t, many_channels, 0, 6);
    tcase_add_test(t, fast_ones_apply);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
