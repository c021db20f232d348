/* The gate catches what solvers do wrong: solvers made here, each wrong in its own way. They add two tensors
 * on the host, so that only what is meant to be wrong is. */
#include "ops/check_solver.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ops/reference.h"

typedef enum fault {
    NONE,
    ONE_ELEMENT,     /* one element a little more than its bound */
    WITHIN_BOUND,    /* all elements rounded differently */
    SAME_EVERYWHERE, /* each element just below a wide bound: only the normalised error shows it */
    UNWRITTEN,       /* the last element is left out */
    BEYOND,          /* one element too many */
    CHANGES_INPUT,
    READS_WORKSPACE,  /* without having written it */
    BEYOND_WORKSPACE, /* writes a float behind it */
    LOSES_NAN,        /* one in its input becomes a number */
    KEEPS_WEIGHTS,    /* right: a zero in the workspace, which it adds */
    FORGETS_WEIGHTS,  /* does nothing when they are unchanged */
    FAILS,
} fault;

struct fcl_plan {
    fcl_op_desc desc;
};

static fault current;

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    (void)desc;
    (void)device;
    return 1;
}

static size_t workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    (void)desc;
    (void)device;
    return sizeof(float);
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status;
    (void)device;
    FCL_TRY(FCL_NEW(out, 1, "a plan"));
    (*out)->desc = *desc;
done:
    return status;
}

static void dispose(fcl_plan *plan) {
    free(plan);
}

static fcl_status run(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    size_t count = (size_t)n * plan->desc.flat.count, n_bytes = count * sizeof(float);
    float *x = calloc(count, sizeof *x), *x2 = calloc(count, sizeof *x2), *y = calloc(count + 1, sizeof *y), trash = 0;
    if (current == FAILS) {
        free(x), free(x2), free(y);
        return fcl_fail(FCL_E_DEVICE, "the device is on strike");
    }
    ck_ok(fcl_buffer_read(x, operands->buffer[FCL_X], 0, n_bytes));
    ck_ok(fcl_buffer_read(x2, operands->buffer[FCL_X2], 0, n_bytes));
    for (size_t i = 0; i < count; i++) {
        y[i] = x[i] + x2[i];
        float magnitude = fabsf(x[i]) + fabsf(x2[i]);
        if (current == WITHIN_BOUND) y[i] += (i % 2 ? 3.0f : -3.0f) * 0x1p-23f * magnitude;
        if (current == SAME_EVERYWHERE) y[i] += 1e-4f * magnitude;
    }
    if (current == ONE_ELEMENT) y[count / 3] += 6.0f * 0x1p-23f * (fabsf(x[count / 3]) + fabsf(x2[count / 3]));
    if (current == READS_WORKSPACE) ck_ok(fcl_buffer_read(&trash, operands->workspace, 0, sizeof trash));
    if (current == KEEPS_WEIGHTS && !args->weights_unchanged)
        ck_ok(fcl_buffer_write(operands->workspace, 0, &trash, sizeof trash));
    if (current == KEEPS_WEIGHTS) ck_ok(fcl_buffer_read(&trash, operands->workspace, 0, sizeof trash));
    y[count / 3] += trash;
    if (current == BEYOND_WORKSPACE) ck_ok(fcl_buffer_write(operands->workspace, sizeof trash, &trash, sizeof trash));
    for (size_t i = 0; i < count && current == LOSES_NAN; i++)
        if (isnan(y[i])) y[i] = 0.0f;
    if (current == UNWRITTEN || (current == FORGETS_WEIGHTS && args->weights_unchanged)) n_bytes -= sizeof(float);
    if (current == BEYOND) n_bytes += sizeof(float);
    ck_ok(fcl_buffer_write(operands->buffer[FCL_Y], 0, y, n_bytes));
    if (current == CHANGES_INPUT) ck_ok(fcl_buffer_write(operands->buffer[FCL_X2], 8, x, sizeof(float)));
    free(x), free(x2), free(y);
    return FCL_OK;
}

static fcl_solver solver = {.name = "made",
                            .kind = FCL_ADD,
                            .error_factor = 4,
                            .applies = applies,
                            .workspace_bytes = workspace_bytes,
                            .prepare = prepare,
                            .run = run,
                            .dispose = dispose};

static const fcl_op_desc desc = {.kind = FCL_ADD, .batch = 4, .flat = {15}};

/* The report's text; `sampled` limits the elements. */
static fcl_gate_report check(fault made, double error_factor, size_t max_elements, char text[256]) {
    fcl_op_args args = fcl_gate_args(&desc, 0);
    fcl_gate_report report;
    current = made;
    solver.error_factor = error_factor;
    ck_ok(fcl_gate_check(&report, test_device(), &solver, &desc, 3, &args, max_elements));
    fcl_gate_describe(text, &report, &solver);
    return report;
}

START_TEST(right_ones_pass) {
    char text[256];
    fcl_gate_report report = check(NONE, 4, 0, text);
    ck_assert_msg(report.passed, "%s", text);
    ck_assert_uint_eq(report.n_checked, 45);
    report = check(WITHIN_BOUND, 4, 0, text);
    ck_assert_msg(report.passed, "%s", text);
    ck_assert(report.worst_ratio > 0.6 && report.worst_ratio <= 1.0);
}
END_TEST

START_TEST(wrong_ones_do_not) {
    char text[256];
    fcl_gate_report report = check(ONE_ELEMENT, 4, 0, text);
    ck_assert(!report.passed && report.worst_role == FCL_Y && report.worst_index == 15);
    ck_assert(report.worst_ratio > 1.0 && report.worst_ratio < 2.0);
    ck_assert(fabs(report.worst_got - report.worst_wanted) > 0.0);
    ck_assert(test_contains(text, "made: y[15] is ") && test_contains(text, "times the bound"));
    ck_assert(!check(WITHIN_BOUND, 2, 0, text).passed);
    report = check(SAME_EVERYWHERE, 1e4, 0, text);
    ck_assert(!report.passed && report.worst_ratio <= 1.0 && test_contains(text, "normalised error"));
    report = check(UNWRITTEN, 4, 0, text);
    ck_assert(!report.passed && report.worst_index == 44 && isinf(report.worst_ratio));
    report = check(BEYOND, 4, 0, text);
    ck_assert(!report.passed && test_contains(text, "y was written beyond its end"));
    report = check(CHANGES_INPUT, 4, 0, text);
    ck_assert(!report.passed && test_contains(text, "x2 is an input and was changed"));
    report = check(READS_WORKSPACE, 4, 0, text);
    ck_assert(!report.passed && report.worst_index == 15);
    report = check(BEYOND_WORKSPACE, 4, 0, text);
    ck_assert(!report.passed && test_contains(text, "the workspace was written beyond its end"));
    report = check(LOSES_NAN, 4, 0, text);
    ck_assert(!report.passed && isnan(report.worst_wanted) && report.worst_got == 0.0);
    ck_assert(test_contains(text, "should be nan with 3 of 4 samples (inf times the bound"));
}
END_TEST

/* Sampling still finds what is not finite, and its first and last elements. */
START_TEST(sampled_checks) {
    char text[256];
    fcl_gate_report report = check(NONE, 4, 10, text);
    ck_assert(report.passed);
    ck_assert_uint_ge(report.n_checked, 10);
    report = check(UNWRITTEN, 4, 3, text);
    ck_assert(!report.passed && report.worst_index == 44);
    ck_assert(!check(WITHIN_BOUND, 2, 3, text).passed);
}
END_TEST

START_TEST(what_could_not_be_checked_is_an_error) {
    fcl_op_args args = fcl_gate_args(&desc, 0);
    fcl_gate_report report = {.passed = 77};
    current = FAILS;
    ck_fails(fcl_gate_check(&report, test_device(), &solver, &desc, 3, &args, 0), FCL_E_DEVICE, "strike");
    ck_assert_int_eq(report.passed, 77);
}
END_TEST

/* What is kept of the weights is looked at in a second run. */
START_TEST(unchanged_weights) {
    fcl_op_args args = fcl_gate_args(&desc, 0);
    fcl_gate_report report;
    current = FORGETS_WEIGHTS;
    solver.error_factor = 4;
    ck_ok(fcl_gate_check(&report, test_device(), &solver, &desc, 3, &args, 0));
    ck_assert(report.passed);
    args.weights_unchanged = 1;
    ck_ok(fcl_gate_check(&report, test_device(), &solver, &desc, 3, &args, 0));
    ck_assert(!report.passed && report.worst_index == 44);
    current = KEEPS_WEIGHTS;
    ck_ok(fcl_gate_check(&report, test_device(), &solver, &desc, 3, &args, 0));
    ck_assert(report.passed);
}
END_TEST

/* Operations with several outcomes are checked for each. */
START_TEST(variants) {
    const fcl_op_desc adam = {.kind = FCL_ADAM, .batch = 1, .flat = {8}};
    const fcl_op_desc finite = {.kind = FCL_FINITE_CHECK, .batch = 1, .flat = {8}};
    const fcl_op_desc loss = {.kind = FCL_LOSS_MSE, .batch = 1, .flat = {8}};
    const fcl_op_desc dense = {.kind = FCL_DENSE_BACKWARD_WEIGHTS, .batch = 1, .dense = {8, 8}};
    ck_assert_int_eq(fcl_gate_n_variants(&desc), 1);
    ck_assert_int_eq(fcl_gate_n_variants(&adam), 2);
    ck_assert_int_eq(fcl_gate_n_variants(&finite), 5);
    ck_assert_int_eq(fcl_gate_n_variants(&loss), 3);
    ck_assert(fcl_gate_args(&loss, 2).inverse_count == 0.0f && fcl_gate_args(&loss, 1).inverse_count != 0.0f);
    ck_assert_int_eq(fcl_gate_n_variants(&dense), 2);
    const fcl_op_desc stays = {.kind = FCL_DENSE_FORWARD, .batch = 1, .weights_stay = 1, .dense = {8, 8}};
    ck_assert_int_eq(fcl_gate_n_variants(&stays), 2);
    ck_assert(!fcl_gate_args(&stays, 0).weights_unchanged && fcl_gate_args(&stays, 1).weights_unchanged);
    ck_assert(!fcl_gate_args(&dense, 0).accumulate && fcl_gate_args(&dense, 1).accumulate);
}
END_TEST

/* A convolution with places, from the reference itself, whose last of equal pixels is taken in every `wrong_channel`-th of
 * four channels. */
static int wrong_channel;

static fcl_status run_pooled(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    enum { PIXELS = 4, PERIOD = 4 };
    const fcl_op_desc *d = &plan->desc;
    const size_t count = (size_t)n * fcl_op_output_count(d);
    fcl_host_operands host = {{NULL}};
    const fcl_role inputs[] = {FCL_X, FCL_W, FCL_B};
    void *data[3];
    float *y = calloc(count, sizeof *y);
    unsigned char *places = calloc(count, 1);
    for (int i = 0; i < 3; i++) {
        const size_t n_bytes = fcl_buffer_bytes(operands->buffer[inputs[i]]);
        host.data[inputs[i]] = data[i] = calloc(n_bytes, 1);
        ck_ok(fcl_buffer_read(data[i], operands->buffer[inputs[i]], 0, n_bytes));
    }
    for (size_t i = 0; i < count; i++) {
        double magnitude;
        const double best = fcl_reference_element(&magnitude, d, args, n, &host, FCL_Y, i);
        y[i] = (float)best;
        places[i] = (unsigned char)fcl_reference_element(&magnitude, d, args, n, &host, FCL_PLACE, i);
        for (int pixel = 0; pixel < PIXELS && i % PERIOD == (size_t)wrong_channel; pixel++)
            if (!(fcl_reference_pixel(&magnitude, d, n, &host, i, pixel) < best)) places[i] = (unsigned char)pixel;
    }
    ck_ok(fcl_buffer_write(operands->buffer[FCL_Y], 0, y, count * sizeof *y));
    ck_ok(fcl_buffer_write(operands->buffer[FCL_PLACE], 0, places, count));
    for (int i = 0; i < 3; i++) free(data[i]);
    free(y), free(places);
    return FCL_OK;
}

static fcl_gate_report check_pooled(int channel, int rounds_ties, fcl_activation activation) {
    const fcl_op_desc pooled = {.kind = FCL_CONV_FORWARD,
                                .batch = 3,
                                .activation = activation,
                                .fused_pool = FCL_POOL_2X2_PLACES,
                                .conv = {9, 9, 3, 9, 9, 8, 1, 1, 1, 1, 0, 0}};
    const fcl_solver pools = {.name = "made",
                              .kind = FCL_CONV_FORWARD,
                              .rounds_ties = rounds_ties,
                              .error_factor = 4,
                              .applies = applies,
                              .prepare = prepare,
                              .run = run_pooled,
                              .dispose = dispose};
    const fcl_op_args args = fcl_gate_args(&pooled, 0);
    fcl_gate_report report;
    wrong_channel = channel;
    ck_ok(fcl_gate_check(&report, test_device(), &pools, &pooled, 3, &args, 0));
    return report;
}

/* Of equal pixels the first is the place, where the device has them equal: in two of four channels, of which one is for solvers
 * alone that add up what the operation is defined by. Elsewhere no two are equal. */
START_TEST(ties) {
    enum { NEVER = 4, EXACT_SUMS = 1, NO_WEIGHTS = 2 };
    const fcl_activation linear = {FCL_LINEAR, 0.0f}, relu = {FCL_RELU, 0.0f}, elu = {FCL_ELU, 1.0f};
    const fcl_activation all[] = {linear, relu, elu, {FCL_LEAKY_RELU, 0.1f}};
    for (size_t a = 0; a < sizeof all / sizeof *all; a++) {
        ck_assert(check_pooled(NEVER, 0, all[a]).passed);
        for (int rounds = 0; rounds < 2; rounds++) {
            const fcl_gate_report report = check_pooled(NO_WEIGHTS, rounds, all[a]);
            ck_assert(!report.passed && report.worst_role == FCL_PLACE && report.worst_index % 4 == NO_WEIGHTS);
        }
        const fcl_gate_report report = check_pooled(EXACT_SUMS, 0, all[a]);
        ck_assert(!report.passed && report.worst_role == FCL_PLACE && report.worst_index % 4 == EXACT_SUMS);
        ck_assert(check_pooled(EXACT_SUMS, 1, all[a]).passed);
    }
    ck_assert(check_pooled(0, 0, linear).passed);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ops_gate");
    TCase *tests = tcase_create("gate");
    tcase_add_test(tests, right_ones_pass);
    tcase_add_test(tests, wrong_ones_do_not);
    tcase_add_test(tests, sampled_checks);
    tcase_add_test(tests, what_could_not_be_checked_is_an_error);
    tcase_add_test(tests, unchanged_weights);
    tcase_add_test(tests, variants);
    tcase_add_test(tests, ties);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
