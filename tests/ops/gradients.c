/* The reference's backward operations against numerical derivatives of its forward ones, in double. Forward
 * is linear in each operand (a maximum is where nothing ties, the loss is a square), so that a central
 * difference with a step that floats hold exactly has no error but that of double. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "ops/reference.h"
#include "support/support.h"

enum { MAX_COUNT = 1024 };
static const float step = 0x1p-6f;
static const double tolerance = 1e-11;

/* Distinct multiples of 1/64 in random order, times a scale: no two closer than two steps after scaling by 4.
 */
static void fill(float *values, size_t n, uint32_t purpose) {
    uint32_t order[MAX_COUNT];
    fcl_random_permutation(order, n, 1, purpose, 0);
    for (size_t i = 0; i < n; i++) values[i] = ((float)order[i] - (float)n / 2.0f) * 0x1p-4f;
}

/* Sum over the forward result times dy: what backward differentiates. */
static double objective(const fcl_op_desc *forward, const fcl_op_args *args, const fcl_host_operands *operands,
                        const float *dy) {
    double total = 0.0, magnitude;
    size_t count = (size_t)forward->batch * fcl_op_output_count(forward);
    for (size_t i = 0; i < count; i++)
        total += dy[i] * fcl_reference_element(&magnitude, forward, args, forward->batch, operands, FCL_Y, i);
    return total;
}

/* Element by element of `role` (X, W or B): the derivative of the objective against `gradient_role` of
 * `backward`. */
static void compare(const fcl_op_desc *forward, const fcl_op_desc *backward, fcl_role role, fcl_role gradient_role) {
    static float x[MAX_COUNT], w[MAX_COUNT], b[MAX_COUNT], dy[MAX_COUNT], old[MAX_COUNT];
    fcl_operand list[FCL_N_ROLES];
    size_t count = 0;
    fill(x, MAX_COUNT, 1), fill(w, MAX_COUNT, 2), fill(b, MAX_COUNT, 3), fill(dy, MAX_COUNT, 4),
        fill(old, MAX_COUNT, 5);
    for (int i = fcl_op_operands(list, forward) - 1; i >= 0; i--) {
        ck_assert_uint_le(list[i].count, MAX_COUNT);
        if (list[i].role == role) count = list[i].count;
    }
    ck_assert_uint_gt(count, 0);
    float *changed = role == FCL_X ? x : role == FCL_W ? w : b;
    const fcl_host_operands in = {{[FCL_X] = x, [FCL_W] = w, [FCL_B] = b}};
    const fcl_host_operands back = {
        {[FCL_X] = x, [FCL_W] = w, [FCL_DY] = dy, [FCL_DX] = old, [FCL_DW] = old, [FCL_DB] = old}};
    for (int accumulate = 0; accumulate < 2; accumulate++) {
        const fcl_op_args args = {
            .seed = 7, .purpose = FCL_RANDOM_DROPOUT, .step = 2, .first_sample = 1, .accumulate = accumulate};
        for (size_t i = 0; i < count; i++) {
            float kept = changed[i];
            double magnitude, numerical;
            changed[i] = kept + step;
            numerical = objective(forward, &args, &in, dy);
            changed[i] = kept - step;
            numerical = (numerical - objective(forward, &args, &in, dy)) / (2.0 * (double)step);
            changed[i] = kept;
            if (accumulate) numerical += (double)old[i];
            double got = fcl_reference_element(&magnitude, backward, &args, backward->batch, &back, gradient_role, i);
            ck_assert_msg(fabs(got - numerical) <= tolerance * fmax(1.0, magnitude),
                          "%s[%zu]: %.17g, numerically %.17g", fcl_role_name(gradient_role), i, got, numerical);
            ck_assert_double_ge(magnitude, fabs(got) * (1.0 - tolerance));
        }
    }
}

static fcl_op_desc with_kind(fcl_op_desc desc, fcl_op_kind kind) {
    desc.kind = kind;
    return desc;
}

static const fcl_conv_shape conv_shapes[] = {
    {4, 5, 2, 2, 3, 3, 3, 3, 1, 1, 0, 0}, /* valid */
    {4, 3, 3, 4, 3, 2, 3, 3, 1, 1, 1, 1}, /* same */
    {5, 6, 1, 3, 3, 2, 2, 3, 2, 2, 1, 1}, /* stride 2, even kernel, padded */
    {1, 1, 3, 1, 1, 4, 1, 1, 1, 1, 0, 0}, /* one pixel */
    {5, 5, 2, 2, 2, 2, 1, 2, 3, 3, 0, 0}, /* strides above the kernel */
};

START_TEST(convolution) {
    fcl_op_desc forward = {.kind = FCL_CONV_FORWARD, .batch = 2, .conv = conv_shapes[_i]};
    fcl_op_desc data = with_kind(forward, FCL_CONV_BACKWARD_DATA);
    fcl_op_desc weights = with_kind(forward, FCL_CONV_BACKWARD_WEIGHTS);
    compare(&forward, &data, FCL_X, FCL_DX);
    compare(&forward, &weights, FCL_W, FCL_DW);
    compare(&forward, &weights, FCL_B, FCL_DB);
}
END_TEST

/* With pooling in it: where the maxima are does not change by a step, because no two values are that close. */
START_TEST(pooled_convolution) {
    static const fcl_conv_shape pooled_shapes[] = {
        {6, 7, 2, 4, 5, 3, 3, 3, 1, 1, 0, 0}, /* a column left over */
        {5, 4, 3, 5, 4, 2, 3, 3, 1, 1, 1, 1}, /* a row left over, padded */
        {7, 6, 1, 4, 3, 5, 2, 2, 2, 2, 1, 1}, /* stride 2; places that do not fill their last word */
    };
    static float x[MAX_COUNT], w[MAX_COUNT], b[MAX_COUNT], dy[MAX_COUNT];
    static unsigned char places[MAX_COUNT];
    const double h = 0x1p-12;
    fill(x, MAX_COUNT, 1), fill(w, MAX_COUNT, 2), fill(b, MAX_COUNT, 3), fill(dy, MAX_COUNT, 4);
    for (int i = 0; i < MAX_COUNT; i++) x[i] += (float)(i % 7) * 0x1p-9f, w[i] += (float)(i % 11) * 0x1p-10f;
    fcl_op_desc forward = {.kind = FCL_CONV_FORWARD,
                           .batch = 2,
                           .activation = {FCL_LINEAR, 0.0f},
                           .fused_pool = FCL_POOL_2X2_PLACES,
                           .conv = pooled_shapes[_i]};
    const fcl_op_desc data = with_kind(forward, FCL_CONV_BACKWARD_DATA);
    const fcl_op_desc weights = with_kind(forward, FCL_CONV_BACKWARD_WEIGHTS);
    const fcl_op_args args = {.step = 1};
    const fcl_host_operands in = {{[FCL_X] = x, [FCL_W] = w, [FCL_B] = b, [FCL_DY] = dy, [FCL_PLACE] = places}};
    const size_t n_places = (size_t)forward.batch * fcl_op_output_count(&forward);
    double magnitude;
    ck_assert_uint_le(n_places, MAX_COUNT);
    for (size_t i = 0; i < n_places; i++)
        places[i] = (unsigned char)fcl_reference_element(&magnitude, &forward, &args, forward.batch, &in, FCL_PLACE, i);
    const struct {
        const fcl_op_desc *desc;
        float *changed;
        fcl_role gradient;
        size_t count;
    } parts[] = {{&data, x, FCL_DX, (size_t)forward.batch * fcl_op_input_count(&forward)},
                 {&weights, w, FCL_DW,
                  (size_t)(forward.conv.kernel_h * forward.conv.kernel_w * forward.conv.in_c * forward.conv.out_c)},
                 {&weights, b, FCL_DB, (size_t)forward.conv.out_c}};
    for (size_t p = 0; p < 3; p++) {
        for (size_t i = 0; i < parts[p].count; i++) {
            const float kept = parts[p].changed[i];
            parts[p].changed[i] = kept + (float)h;
            double numerical = objective(&forward, &args, &in, dy);
            parts[p].changed[i] = kept - (float)h;
            numerical = (numerical - objective(&forward, &args, &in, dy)) / (2.0 * h);
            parts[p].changed[i] = kept;
            double got =
                fcl_reference_element(&magnitude, parts[p].desc, &args, forward.batch, &in, parts[p].gradient, i);
            ck_assert_msg(fabs(got - numerical) <= 1e-9 * fmax(1.0, magnitude), "%s[%zu]: %.17g, numerically %.17g",
                          fcl_role_name(parts[p].gradient), i, got, numerical);
        }
    }
}
END_TEST

START_TEST(dense) {
    fcl_op_desc forward = {.kind = FCL_DENSE_FORWARD, .batch = 3, .dense = {5, 4}};
    fcl_op_desc data = with_kind(forward, FCL_DENSE_BACKWARD_DATA);
    fcl_op_desc weights = with_kind(forward, FCL_DENSE_BACKWARD_WEIGHTS);
    compare(&forward, &data, FCL_X, FCL_DX);
    compare(&forward, &weights, FCL_W, FCL_DW);
    compare(&forward, &weights, FCL_B, FCL_DB);
}
END_TEST

static const fcl_pool_shape pool_shapes[] = {
    {FCL_MAX_POOL, 5, 4, 3, 2, 2, 2, 2, 2, 2, 0, 0}, /* a row left over */
    {FCL_MAX_POOL, 5, 5, 2, 3, 3, 3, 3, 2, 2, 1, 1}, /* overlapping, padded */
    {FCL_MAX_POOL, 4, 4, 1, 3, 3, 2, 2, 1, 1, 0, 0}, /* stride 1 */
    {FCL_AVERAGE_POOL, 5, 4, 3, 2, 2, 2, 2, 2, 2, 0, 0}, {FCL_AVERAGE_POOL, 5, 5, 2, 3, 3, 3, 3, 2, 2, 1, 1},
    {FCL_AVERAGE_POOL, 3, 4, 2, 1, 1, 3, 4, 3, 4, 0, 0}, /* the whole image */
};

START_TEST(pooling) {
    fcl_op_desc forward = {.kind = FCL_POOL_FORWARD, .batch = 2, .pool = pool_shapes[_i]};
    fcl_op_desc backward = with_kind(forward, FCL_POOL_BACKWARD);
    compare(&forward, &backward, FCL_X, FCL_DX);
}
END_TEST

START_TEST(dropout) {
    fcl_op_desc forward = {.kind = FCL_DROPOUT_FORWARD, .batch = 3, .rate = 0.4f, .flat = {5}};
    fcl_op_desc backward = with_kind(forward, FCL_DROPOUT_BACKWARD);
    compare(&forward, &backward, FCL_X, FCL_DX);
}
END_TEST

/* The fused activation's derivative: from the output, as documented, against that of the function. */
START_TEST(activations) {
    const fcl_activation kinds[] = {{FCL_LINEAR, 0.0f}, {FCL_RELU, 0.0f}, {FCL_LEAKY_RELU, 0.125f}, {FCL_ELU, 1.5f}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (double z = -3.05; z < 3.0; z += 0.1) {
            const double h = 1e-6;
            double numerical =
                (fcl_activation_apply(kinds[k], z + h) - fcl_activation_apply(kinds[k], z - h)) / (2.0 * h);
            double y = fcl_activation_apply(kinds[k], z);
            ck_assert_double_eq_tol(fcl_activation_derivative(kinds[k], y), numerical, 1e-8);
        }
        ck_assert(isnan(fcl_activation_apply(kinds[k], (double)NAN)));
        ck_assert_double_eq(fcl_activation_apply(kinds[k], 2.5), 2.5);
    }
}
END_TEST

/* Every DX is what it is for a linear x times the derivative at x, then added to what was there. */
START_TEST(dx_has_the_derivative_of_what_made_x) {
    const fcl_op_desc descs[] = {
        {.kind = FCL_CONV_BACKWARD_DATA, .batch = 2, .conv = conv_shapes[0]},
        {.kind = FCL_DENSE_BACKWARD_DATA, .batch = 3, .dense = {5, 4}},
        {.kind = FCL_POOL_BACKWARD, .batch = 2, .pool = pool_shapes[1]},
        {.kind = FCL_POOL_BACKWARD, .batch = 2, .pool = pool_shapes[4]},
        {.kind = FCL_ACTIVATION_BACKWARD, .batch = 2, .flat = {7}},
        {.kind = FCL_DROPOUT_BACKWARD, .batch = 3, .rate = 0.25f, .flat = {5}},
    };
    static float x[MAX_COUNT], w[MAX_COUNT], dy[MAX_COUNT], old[MAX_COUNT];
    fill(x, MAX_COUNT, 1), fill(w, MAX_COUNT, 2), fill(dy, MAX_COUNT, 3), fill(old, MAX_COUNT, 4);
    for (int i = 0; i < MAX_COUNT; i++) x[i] -= 16.0f; /* so that maxima are below zero, too */
    const fcl_host_operands operands = {{[FCL_X] = x, [FCL_W] = w, [FCL_DY] = dy, [FCL_DX] = old}};
    for (size_t d = 0; d < sizeof descs / sizeof *descs; d++) {
        fcl_op_desc curved = descs[d];
        curved.x_activation = (fcl_activation){FCL_LEAKY_RELU, 0.25f};
        const fcl_op_args replacing = {.step = 1}, adding = {.step = 1, .accumulate = 1};
        size_t count = (size_t)curved.batch * fcl_op_input_count(&curved), n_different = 0;
        for (size_t i = 0; i < count; i++) {
            double magnitude, more;
            double plain = fcl_reference_element(&magnitude, &descs[d], &replacing, curved.batch, &operands, FCL_DX, i);
            double got = fcl_reference_element(&more, &curved, &adding, curved.batch, &operands, FCL_DX, i);
            double derivative = x[i] > 0.0f ? 1.0 : 0.25;
            n_different += plain != 0.0 && derivative != 1.0;
            ck_assert_double_eq_tol(got, plain * derivative + (double)old[i], 1e-12);
            ck_assert_double_eq_tol(more, magnitude * derivative + fabs((double)old[i]), 1e-12);
        }
        ck_assert_msg(n_different > 0, "%s never meets the derivative", fcl_op_kind_name(curved.kind));
    }
}
END_TEST

START_TEST(loss) {
    enum { N = 3, COUNT = 4, SLOT = 2 };
    fcl_op_desc desc = {.kind = FCL_LOSS_MSE, .batch = N, .flat = {COUNT}};
    static float x[MAX_COUNT], target[MAX_COUNT], stats[2 * FCL_STATS_SLOTS];
    const float mask[N * COUNT] = {1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0};
    fill(x, N * COUNT, 1), fill(target, N * COUNT, 2);
    const fcl_host_operands operands = {{[FCL_X] = x, [FCL_TARGET] = target, [FCL_MASK] = mask, [FCL_STATS] = stats}};
    const fcl_op_args args = {.inverse_count = 1.0f / 8.0f, .slot = SLOT};
    for (size_t i = 0; i < N * COUNT; i++) {
        double magnitude, numerical;
        float kept = x[i];
        x[i] = kept + step;
        numerical = fcl_reference_element(&magnitude, &desc, &args, N, &operands, FCL_STATS, 2 * SLOT);
        x[i] = kept - step;
        numerical -= fcl_reference_element(&magnitude, &desc, &args, N, &operands, FCL_STATS, 2 * SLOT);
        x[i] = kept;
        double got = fcl_reference_element(&magnitude, &desc, &args, N, &operands, FCL_DX, i);
        ck_assert_double_eq_tol(got, numerical / (2.0 * (double)step), tolerance);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ops_gradients");
    TCase *tests = tcase_create("gradients");
    tcase_add_loop_test(tests, convolution, 0, sizeof conv_shapes / sizeof *conv_shapes);
    tcase_add_loop_test(tests, pooled_convolution, 0, 3);
    tcase_add_test(tests, dense);
    tcase_add_loop_test(tests, pooling, 0, sizeof pool_shapes / sizeof *pool_shapes);
    tcase_add_test(tests, dropout);
    tcase_add_test(tests, activations);
    tcase_add_test(tests, dx_has_the_derivative_of_what_made_x);
    tcase_add_test(tests, loss);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
