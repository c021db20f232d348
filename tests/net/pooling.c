/* Pooling as part of the convolution before it: when it is, when it is not, and that both compute the same. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/network.h"
#include "ops/conv_shape.h"
#include "support/golden.h"
#include "support/support.h"

enum { BATCH = 3, N_OUTPUTS = BATCH * FCL_N_COORDINATES, PIXELS = FCL_IMAGE_SIDE * FCL_IMAGE_SIDE };

static fcl_device *device;
static fcl_model *model;

static fcl_network *make(const fcl_choice *choice, int training) {
    fcl_network *network;
    ck_ok(fcl_network_create(&network, device, model,
                             &(fcl_network_options){.batch = BATCH, .training = training, .choice = choice}));
    return network;
}

static fcl_network *make_with(const char *force, int training) {
    fcl_choice *choice;
    ck_ok(fcl_choice_create(&choice));
    if (force) ck_ok(fcl_choice_force(choice, force));
    fcl_network *network = make(choice, training);
    fcl_choice_free(choice);
    return network;
}

/* Operations with pooling in them, and poolings on their own. */
static void count(int *n_fused, int *n_pools, const fcl_network *network) {
    *n_fused = *n_pools = 0;
    for (unsigned i = 0; i < fcl_network_n_operations(network); i++) {
        const fcl_op_desc *desc = fcl_network_operation_desc(network, i);
        *n_fused += desc->fused_pool != FCL_POOL_NONE;
        *n_pools += desc->kind == FCL_POOL_FORWARD || desc->kind == FCL_POOL_BACKWARD;
    }
}

/* Another network with the solvers of this one recorded, as a run that goes on has. */
static fcl_network *repeat(const fcl_network *network) {
    fcl_choice *choice;
    ck_ok(fcl_choice_create(&choice));
    for (unsigned i = 0; i < fcl_network_n_operations(network); i++) {
        const char *description, *solver;
        fcl_network_operation(&description, &solver, network, i);
        ck_ok(fcl_choice_record(choice, description, solver));
    }
    fcl_network *again = make(choice, 1);
    fcl_choice_free(choice);
    return again;
}

static void check_same_operations(const fcl_network *a, const fcl_network *b) {
    ck_assert_uint_eq(fcl_network_n_operations(a), fcl_network_n_operations(b));
    for (unsigned i = 0; i < fcl_network_n_operations(a); i++) {
        const char *descriptions[2], *solvers[2];
        fcl_network_operation(&descriptions[0], &solvers[0], a, i);
        fcl_network_operation(&descriptions[1], &solvers[1], b, i);
        ck_assert_str_eq(descriptions[0], descriptions[1]);
        ck_assert_str_eq(solvers[0], solvers[1]);
    }
}

START_TEST(what_is_fused) {
    enum { CELL = 4 };
    int n_fused, n_pools, first_pools = fcl_register_sums(device) >= CELL;
    if (fcl_device_facts(device)->kind != FCL_DEVICE_CPU) {
        test_not_supported("what it checks is for CPUs");
        return;
    }
    fcl_network *fused = make_with(NULL, 1), *separate = make_with("pool=pool_direct", 1);
    count(&n_fused, &n_pools, fused);
    /* The first layer's gradient of x is not wanted: two operations, three of each other layer. Only conv_direct is likely for
     * it, which pools where registers have room for a cell of 2x2 sums. */
    ck_assert_int_eq(n_fused, first_pools ? 8 : 6);
    ck_assert_int_eq(n_pools, first_pools ? 0 : 2);
    count(&n_fused, &n_pools, separate);
    ck_assert(n_fused == 0 && n_pools == 6);
    /* Records decide: a run goes on as it began. */
    fcl_network *fused_again = repeat(fused), *separate_again = repeat(separate);
    check_same_operations(fused, fused_again);
    check_same_operations(separate, separate_again);
    fcl_network_free(fused_again);
    fcl_network_free(separate_again);
    fcl_network_free(fused);
    fcl_network_free(separate);
    /* What is asked for and cannot pool is still used. */
    fcl_network *general = make_with("conv=conv_general", 1);
    count(&n_fused, &n_pools, general);
    ck_assert(n_fused == 0 && n_pools == 6);
    fcl_network_free(general);
    /* Without training there are no places. */
    fcl_network *inference = make_with(NULL, 0);
    count(&n_fused, &n_pools, inference);
    ck_assert_int_eq(n_fused, first_pools ? 3 : 2);
    ck_assert_int_eq(n_pools, first_pools ? 0 : 1);
    for (unsigned i = 0; i < fcl_network_n_operations(inference); i++)
        ck_assert_int_ne(fcl_network_operation_desc(inference, i)->fused_pool, FCL_POOL_2X2_PLACES);
    fcl_network_free(inference);
}
END_TEST

/* Output and gradients of one batch of n samples. */
static void run(fcl_tensors *gradients, float output[N_OUTPUTS], fcl_network *network, int n) {
    static float images[BATCH * PIXELS], targets[N_OUTPUTS], mask[N_OUTPUTS];
    fcl_tensors weights;
    golden_fill(images, BATCH * PIXELS, 1, 1.0f, 0.5f);
    golden_fill(targets, N_OUTPUTS, 2, 1.0f, 0.0f);
    for (int i = 0; i < N_OUTPUTS; i++) mask[i] = 1.0f;
    ck_ok(fcl_tensors_init(&weights, model));
    fcl_tensors_initialize(&weights, 1);
    ck_ok(fcl_network_write(network, FCL_PARAMETERS, &weights));
    fcl_tensors_dispose(&weights);
    const size_t samples = (size_t)n;
    ck_ok(fcl_buffer_write(fcl_network_input(network), 0, images, samples * PIXELS * sizeof(float)));
    const fcl_pass pass = {.n = n, .step = 1, .inverse_count = 1.0f / N_OUTPUTS};
    if (gradients) {
        ck_ok(fcl_buffer_write(fcl_network_targets(network), 0, targets, samples * FCL_N_COORDINATES * sizeof(float)));
        ck_ok(fcl_buffer_write(fcl_network_mask(network), 0, mask, samples * FCL_N_COORDINATES * sizeof(float)));
    }
    ck_ok(fcl_network_forward(network, &pass));
    ck_ok(fcl_buffer_read(output, fcl_network_output(network), 0, samples * FCL_N_COORDINATES * sizeof(float)));
    if (!gradients) return;
    ck_ok(fcl_network_loss(network, &pass));
    ck_ok(fcl_network_backward(network, &pass, NULL));
    ck_ok(fcl_tensors_init(gradients, model));
    ck_ok(fcl_network_read(gradients, network, FCL_GRADIENTS));
}

static void check_near(const float *a, const float *b, size_t n) {
    double error = 0.0, squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        error += pow((double)a[i] - (double)b[i], 2.0);
        squares += (double)b[i] * (double)b[i];
    }
    ck_assert_msg(squares > 0.0 && error <= 1e-10 * squares, "off by %g of %g", sqrt(error), sqrt(squares));
}

START_TEST(both_compute_the_same) {
    for (int n = BATCH; n >= 1; n -= BATCH - 1) {
        float outputs[3][N_OUTPUTS];
        fcl_tensors gradients[2];
        fcl_network *fused = make_with(NULL, 1), *separate = make_with("pool=pool_direct", 1);
        fcl_network *inference = make_with(NULL, 0);
        run(&gradients[0], outputs[0], fused, n);
        run(&gradients[1], outputs[1], separate, n);
        run(NULL, outputs[2], inference, n);
        check_near(outputs[0], outputs[1], (size_t)n * FCL_N_COORDINATES);
        check_near(outputs[2], outputs[1], (size_t)n * FCL_N_COORDINATES);
        for (unsigned i = 0; i < fcl_model_n_tensors(model); i++)
            check_near(fcl_tensors_at(&gradients[0], i), fcl_tensors_at(&gradients[1], i),
                       fcl_model_tensor(model, i)->count);
        for (int k = 0; k < 2; k++) fcl_tensors_dispose(&gradients[k]);
        fcl_network_free(fused);
        fcl_network_free(separate);
        fcl_network_free(inference);
    }
}
END_TEST

static void set_up(void) {
    ck_ok(fcl_device_open(&device, NULL, 0));
    ck_ok(fcl_model_load(&model, "base_model"));
}

static void tear_down(void) {
    fcl_model_free(model);
    fcl_device_free(device);
}

int main(void) {
    enum { SKIPPED = 77 };
    if (test_is_too_much()) return SKIPPED;
    Suite *suite = suite_create("pooling in networks");
    TCase *tests = tcase_create("all");
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_fused);
    tcase_add_test(tests, both_compute_the_same);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
