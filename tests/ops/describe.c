/* Descriptors: their text, operands and work. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "ops/solver.h"
#include "support/support.h"

static const fcl_op_desc conv = {.batch = 32,
                                 .activation = {FCL_RELU, 0.0f},
                                 .x_activation = {FCL_LEAKY_RELU, 0.1f},
                                 .conv = {96, 95, 3, 48, 47, 64, 3, 5, 2, 1, 1, 2}};

static fcl_op_desc of_kind(fcl_op_desc desc, fcl_op_kind kind) {
    desc.kind = kind;
    return desc;
}

START_TEST(descriptions) {
    const fcl_op_desc pool = {
        .kind = FCL_POOL_FORWARD, .batch = 7, .pool = {FCL_AVERAGE_POOL, 9, 8, 16, 4, 5, 2, 3, 2, 1, 0, 1}};
    const fcl_op_desc flat = {.batch = 5, .rate = 0.3f, .x_activation = {FCL_ELU, 1.0f}, .flat = {123}};
    const fcl_op_desc dense = {.kind = FCL_DENSE_FORWARD, .batch = 64, .dense = {2, 30}};
    const struct {
        fcl_op_desc desc;
        const char *text;
    } cases[] = {
        {of_kind(conv, FCL_CONV_FORWARD),
         "conv_forward in=96x95x3 out=48x47x64 kernel=3x5 stride=2x1 pad=1,2 activation=relu batch=32"},
        {of_kind(conv, FCL_CONV_BACKWARD_DATA), "conv_backward_data in=96x95x3 out=48x47x64 kernel=3x5 stride=2x1 "
                                                "pad=1,2 x_activation=leaky_relu:0.100000001 batch=32"},
        {of_kind(conv, FCL_CONV_BACKWARD_WEIGHTS),
         "conv_backward_weights in=96x95x3 out=48x47x64 kernel=3x5 stride=2x1 pad=1,2 batch=32"},
        {dense, "dense_forward in=2 out=30 activation=linear batch=64"},
        {pool, "pool_forward average in=9x8x16 out=4x5 window=2x3 stride=2x1 pad=0,1 activation=linear batch=7"},
        {of_kind(flat, FCL_DROPOUT_BACKWARD), "dropout_backward count=123 rate=0.300000012 x_activation=elu:1 batch=5"},
        {of_kind(flat, FCL_LOSS_MSE), "loss_mse count=123 x_activation=elu:1 batch=5"},
        {of_kind(flat, FCL_ADAM), "adam count=123 batch=5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        fcl_op_describe(text, &cases[i].desc);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

/* Whatever changes a solver's code changes the description. */
START_TEST(descriptions_are_unique) {
    fcl_op_desc changed[16];
    for (int i = 0; i < 16; i++) changed[i] = of_kind(conv, FCL_CONV_FORWARD);
    int *fields[] = {&changed[1].conv.in_h,      &changed[2].conv.in_w,     &changed[3].conv.in_c,
                     &changed[4].conv.out_h,     &changed[5].conv.out_w,    &changed[6].conv.out_c,
                     &changed[7].conv.kernel_h,  &changed[8].conv.kernel_w, &changed[9].conv.stride_h,
                     &changed[10].conv.stride_w, &changed[11].conv.pad_top, &changed[12].conv.pad_left,
                     &changed[13].batch};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) *fields[i] += 1;
    changed[14].activation = (fcl_activation){FCL_LEAKY_RELU, 0.1f};
    changed[15].activation = (fcl_activation){FCL_LEAKY_RELU, 0.10000001f};
    char texts[16][256];
    for (int i = 0; i < 16; i++) {
        fcl_op_describe(texts[i], &changed[i]);
        for (int j = 0; j < i; j++) ck_assert_str_ne(texts[i], texts[j]);
    }
}
END_TEST

/* The longest there can be fits. */
START_TEST(a_description_fits) {
    fcl_op_desc desc = {
        .kind = FCL_CONV_BACKWARD_DATA, .batch = 2147483647, .x_activation = {FCL_LEAKY_RELU, -1.23456789e-30f}};
    int *numbers = (int *)&desc.conv;
    for (size_t i = 0; i < sizeof desc.conv / sizeof(int); i++) numbers[i] = 2147483647;
    char text[256];
    fcl_op_describe(text, &desc);
    ck_assert_str_eq(text + strlen(text) - strlen(" batch=2147483647"), " batch=2147483647");
}
END_TEST

static void expect_operands(fcl_op_desc desc, fcl_op_kind kind, const char *wanted) {
    fcl_operand list[FCL_N_ROLES];
    char text[512] = "";
    desc.kind = kind;
    int n = fcl_op_operands(list, &desc);
    for (int i = 0; i < n; i++) {
        char one[64];
        snprintf(one, sizeof one, "%s%s:%zu%s%s", i ? " " : "", fcl_role_name(list[i].role), list[i].count,
                 list[i].is_input ? "<" : "", list[i].is_output ? ">" : "");
        strcat(text, one);
    }
    ck_assert_str_eq(text, wanted);
}

START_TEST(operands) {
    fcl_op_desc desc = {.batch = 2, .conv = {4, 5, 3, 2, 3, 7, 3, 3, 1, 1, 0, 0}};
    expect_operands(desc, FCL_CONV_FORWARD, "x:120< w:189< b:7< y:84>");
    expect_operands(desc, FCL_CONV_BACKWARD_DATA, "dy:84< w:189< dx:120>");
    expect_operands(desc, FCL_CONV_BACKWARD_WEIGHTS, "x:120< dy:84< dw:189> db:7>");
    desc.x_activation.kind = FCL_RELU;
    expect_operands(desc, FCL_CONV_BACKWARD_DATA, "dy:84< w:189< x:120< dx:120>");
    fcl_op_desc dense = {.batch = 2, .dense = {5, 3}};
    expect_operands(dense, FCL_DENSE_FORWARD, "x:10< w:15< b:3< y:6>");
    expect_operands(dense, FCL_DENSE_BACKWARD_DATA, "dy:6< w:15< dx:10>");
    expect_operands(dense, FCL_DENSE_BACKWARD_WEIGHTS, "x:10< dy:6< dw:15> db:3>");
    fcl_op_desc pool = {.batch = 2, .pool = {FCL_MAX_POOL, 4, 4, 3, 2, 2, 2, 2, 2, 2, 0, 0}};
    expect_operands(pool, FCL_POOL_FORWARD, "x:96< y:24>");
    expect_operands(pool, FCL_POOL_BACKWARD, "x:96< dy:24< dx:96>");
    pool.pool.kind = FCL_AVERAGE_POOL;
    expect_operands(pool, FCL_POOL_BACKWARD, "dy:24< dx:96>");
    fcl_op_desc flat = {.batch = 2, .flat = {6}};
    expect_operands(flat, FCL_ACTIVATION_FORWARD, "x:12< y:12>");
    expect_operands(flat, FCL_ACTIVATION_BACKWARD, "dy:12< dx:12>");
    expect_operands(flat, FCL_DROPOUT_FORWARD, "x:12< y:12>");
    expect_operands(flat, FCL_DROPOUT_BACKWARD, "dy:12< dx:12>");
    expect_operands(flat, FCL_ADD, "x:12< x2:12< y:12>");
    expect_operands(flat, FCL_LOSS_MSE, "x:12< target:12< mask:12< dx:12> stats:128<>");
    flat.batch = 1;
    expect_operands(flat, FCL_FINITE_CHECK, "x:6< stats:128< flag:2<>");
    expect_operands(flat, FCL_ADAM, "w:6<> dw:6< m:6<> v:6<> flag:2<");
}
END_TEST

/* Nine bytes a sample: 45 at the full batch fill 12 words, 9, 18, 27 and 36 of fewer samples 3, 5, 7 and 9. */
START_TEST(bytes_of_places_are_counted_in_whole_words) {
    static const size_t words[] = {3, 5, 7, 9, 12};
    enum { BATCH = sizeof words / sizeof words[0], X = 6 * 6, Y = 3 * 3, W = 3 * 3 };
    const fcl_op_desc desc = {.kind = FCL_CONV_FORWARD,
                              .batch = BATCH,
                              .fused_pool = FCL_POOL_2X2_PLACES,
                              .conv = {6, 6, 1, 6, 6, 1, 3, 3, 1, 1, 1, 1}};
    fcl_operand all[FCL_N_ROLES];
    const int n_operands = fcl_op_operands(all, &desc);
    ck_assert_int_eq(n_operands, 5);
    for (int n = 1; n <= BATCH; n++) {
        const size_t wanted[FCL_N_ROLES] = {
            [FCL_X] = (size_t)n * X, [FCL_W] = W, [FCL_B] = 1, [FCL_Y] = (size_t)n * Y, [FCL_PLACE] = words[n - 1]};
        for (int i = 0; i < n_operands; i++)
            ck_assert_uint_eq(fcl_operand_count(&all[i], &desc, n), wanted[all[i].role]);
    }
}
END_TEST

/* 2 * multiplications: 94 x 94 x 32 outputs of 9 inputs, three samples. */
START_TEST(work) {
    const fcl_op_desc desc = {.kind = FCL_CONV_FORWARD, .batch = 3, .conv = {96, 96, 1, 94, 94, 32, 3, 3, 1, 1, 0, 0}};
    const fcl_op_desc dense = {.kind = FCL_DENSE_BACKWARD_WEIGHTS, .batch = 3, .dense = {12800, 256}};
    ck_assert_double_eq(fcl_op_flop(&desc, 3), 3.0 * 2 * 94 * 94 * 32 * 9);
    ck_assert_double_eq(fcl_op_flop(&dense, 2), 2.0 * 2 * 12800 * 256);
}
END_TEST

START_TEST(every_kind_has_a_name_and_named_solvers) {
    for (int kind = 0; kind < FCL_N_OP_KINDS; kind++) {
        ck_assert_uint_gt(strlen(fcl_op_kind_name((fcl_op_kind)kind)), 2);
        for (const fcl_solver *const *solver = fcl_solvers_of((fcl_op_kind)kind); *solver; solver++) {
            ck_assert_int_eq((int)(*solver)->kind, kind);
            ck_assert_ptr_eq(fcl_solver_find((fcl_op_kind)kind, (*solver)->name), *solver);
        }
        ck_assert_ptr_null(fcl_solver_find((fcl_op_kind)kind, "no such solver"));
    }
    /* A variant has its parameters in its name; a name without them is the default one's. */
    const fcl_solver *tiled = fcl_solver_find(FCL_CONV_FORWARD, "conv_tiled"),
                     *small = fcl_solver_find(FCL_CONV_FORWARD, "conv_tiled:32x32x8");
    ck_assert_str_eq(tiled->name, "conv_tiled:64x64x16");
    ck_assert_str_eq(small->name, "conv_tiled:32x32x8");
    ck_assert_ptr_null(fcl_solver_find(FCL_CONV_FORWARD, "conv_tiled:"));
    ck_assert_ptr_null(fcl_solver_find(FCL_CONV_FORWARD, "conv_tile"));
    ck_assert_ptr_null(fcl_solver_find(FCL_CONV_FORWARD, "conv_tiled:32x32x8x8"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ops_describe");
    TCase *tests = tcase_create("describe");
    tcase_add_test(tests, descriptions);
    tcase_add_test(tests, descriptions_are_unique);
    tcase_add_test(tests, a_description_fits);
    tcase_add_test(tests, operands);
    tcase_add_test(tests, bytes_of_places_are_counted_in_whole_words);
    tcase_add_test(tests, work);
    tcase_add_test(tests, every_kind_has_a_name_and_named_solvers);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
