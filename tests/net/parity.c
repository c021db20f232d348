#include "net/parity.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "net/network.h"
#include "net/share.h"
#include "support/golden.h"
#include "support/support.h"

/* The formula's keys and the numbers of tools/golden/networks.py. */
enum { KEY_TARGETS = 11, KEY_MASK = 12, KEY_TARGET_NOISE = 14, KEY_TENSORS = 1000, GRADIENT_SAMPLES = 64 };
enum { SIDE = FCL_IMAGE_SIDE, PIXELS = SIDE * SIDE, SKIPPED = 77, MAX_FORCED = 8 };
/* Samples of which no golden case has, at its first weights, two elements of a window that are that near to each other. */
enum { PART_WITHOUT_TIES = 3 };
static const double parts_tolerance = 1e-6; /* of sums in another order: docs/kernels.md */
static const double loss_tolerance = 1e-4, gradient_tolerance = 1e-4, float32_factor = 5.0;
/* Winograd's forward pass rounds values by some 1.5e-6 of their size (docs/kernels.md). In about that share of the pooling
 * windows another element becomes the maximum, and its gradient goes to another pixel altogether: a gradient is off by the
 * root of the share, and losses after steps along such gradients by as much. */
static const double winograd_tolerance = 1.2e-3;
/* What a loss in float32 is off at least: some roundings of sums over the batch. */
static const double loss_floor = 1e-6;

static fcl_device *device;
static fcl_model *model;
static golden *file;
static parity_bound bound_kind;
static const char *model_name;
static char forced[MAX_FORCED][48];
static int n_forced;

typedef struct batch {
    int n, n_labelled;
    float *images, *targets, *mask; /* (n, 96, 96, 1), (n, 30), (n, 30) */
} batch;

static batch batch_make(const golden_case *g) {
    batch b = {.n = golden_int(g, "n")};
    size_t n = (size_t)b.n, n_targets = n * FCL_N_COORDINATES;
    ck_ok(FCL_NEW(&b.images, n * PIXELS, "images"));
    ck_ok(FCL_NEW(&b.targets, n_targets, "targets"));
    ck_ok(FCL_NEW(&b.mask, n_targets, "mask"));
    uint32_t key = (uint32_t)golden_int(g, "key_noise");
    for (int i = 0; i < b.n * PIXELS; i++) {
        int s = i / PIXELS, y = i / SIDE % SIDE, x = i % SIDE;
        int wave = (y * (1 + s % 3) + x * (1 + s % 5) + x * y / 16 * (s % 2) + 7 * s) % 224;
        b.images[i] = (float)(wave + (int)(golden_word((uint32_t)i, key) >> 27)) / 255.0f;
    }
    golden_fill_mask(b.mask, n_targets, KEY_MASK, golden_number(g, "labelled"));
    for (size_t i = 0; i < n_targets; i++) {
        b.targets[i] = golden_value((uint32_t)(i % FCL_N_COORDINATES), KEY_TARGETS, 0.75f, 0.0f) +
                       golden_value((uint32_t)i, KEY_TARGET_NOISE, 0.25f, 0.0f);
        /* The last sample has no label at all. */
        if (i / FCL_N_COORDINATES == n - 1) b.mask[i] = 0.0f;
        b.n_labelled += b.mask[i] > 0.0f;
    }
    return b;
}

static void batch_dispose(batch *b) {
    free(b->images);
    free(b->targets);
    free(b->mask);
}

/* Uniform with Glorot's variance, biases within 0.05 of zero. */
static void write_weights(fcl_network *network) {
    fcl_tensors tensors;
    ck_ok(fcl_tensors_init(&tensors, model));
    for (unsigned i = 0; i < fcl_model_n_tensors(model); i++) {
        const fcl_parameter *p = fcl_model_tensor(model, i);
        double scale = 0.1, field = 1.0;
        if (p->n_dimensions > 1) {
            for (unsigned d = 0; d + 2 < p->n_dimensions; d++) field *= (double)p->shape[d];
            double in = (double)p->shape[p->n_dimensions - 2], out = (double)p->shape[p->n_dimensions - 1];
            scale = sqrt(24.0 / (field * in + field * out));
        }
        golden_fill(fcl_tensors_at(&tensors, i), p->count, KEY_TENSORS + i, (float)scale, 0.0f);
    }
    ck_ok(fcl_network_write(network, FCL_PARAMETERS, &tensors));
    ck_ok(fcl_network_reset_optimizer(network));
    fcl_tensors_dispose(&tensors);
}

static size_t largest_part(const batch *b, size_t n_parts) {
    return ((size_t)b->n + n_parts - 1) / n_parts;
}

/* Forward, loss and backward of the whole batch in parts; the output in `output` (n, 30). */
static void run_batch(fcl_network *network, const batch *b, size_t n_parts, fcl_pass *pass, float *output) {
    const size_t image = PIXELS * sizeof(float), labels = FCL_N_COORDINATES * sizeof(float);
    for (size_t i = 0; i < n_parts; i++) {
        const fcl_share part = fcl_share_part((fcl_share){0, (size_t)b->n}, n_parts, i);
        const size_t at = part.first, n = part.n;
        pass->n = (int)n;
        pass->first_sample = (uint32_t)at;
        pass->accumulate = i > 0;
        ck_ok(fcl_buffer_write(fcl_network_input(network), 0, b->images + at * PIXELS, n * image));
        ck_ok(fcl_buffer_write(fcl_network_targets(network), 0, b->targets + at * FCL_N_COORDINATES, n * labels));
        ck_ok(fcl_buffer_write(fcl_network_mask(network), 0, b->mask + at * FCL_N_COORDINATES, n * labels));
        ck_ok(fcl_network_forward(network, pass));
        ck_ok(fcl_network_loss(network, pass));
        ck_ok(fcl_network_backward(network, pass, NULL));
        ck_ok(fcl_buffer_read(output + at * FCL_N_COORDINATES, fcl_network_output(network), 0, n * labels));
    }
}

static void check_output(const golden_case *g, const float *output) {
    golden_tensor wanted = golden_get_tensor(g, "output");
    double error = 0.0, norm = 0.0;
    for (size_t i = 0; i < wanted.n_stored; i++) {
        error += pow((double)output[golden_tensor_index(&wanted, i)] - wanted.stored[i], 2.0);
        norm += wanted.stored[i] * wanted.stored[i];
    }
    ck_assert_msg(error <= 1e-10 * norm, "%s: normalised squared error of the output is %g", golden_name(g),
                  error / norm);
}

static int uses_winograd_forward(const fcl_network *network) {
    for (unsigned i = 0; i < fcl_network_n_operations(network); i++) {
        const char *description, *solver;
        fcl_network_operation(&description, &solver, network, i);
        if (fcl_network_operation_desc(network, i)->kind == FCL_CONV_FORWARD && strcmp(solver, "conv_winograd") == 0)
            return 1;
    }
    return 0;
}

/* Each tensor's norm, and samples of it against their norm. */
static void check_gradients(const golden_case *g, fcl_network *network, double tolerance) {
    size_t n_norms, n_samples;
    const double *norms = golden_doubles(&n_norms, g, "gradient_norm");
    const double *samples = golden_doubles(&n_samples, g, "gradient_samples");
    ck_assert_uint_eq(n_norms, fcl_model_n_tensors(model));
    ck_assert_uint_eq(n_samples, n_norms * GRADIENT_SAMPLES);
    /* Where PyTorch's own float32 gradients are off by more, because an activation lies at a kink, so may
     * these be. */
    double bound = fmax(tolerance, float32_factor * golden_number(g, "float32_gradient_deviation"));
    fcl_tensors gradients;
    ck_ok(fcl_tensors_init(&gradients, model));
    ck_ok(fcl_network_read(&gradients, network, FCL_GRADIENTS));
    for (unsigned i = 0; i < n_norms; i++, samples += GRADIENT_SAMPLES) {
        const fcl_parameter *p = fcl_model_tensor(model, i);
        const float *got = fcl_tensors_at(&gradients, i);
        double squares = 0.0, error = 0.0, sampled = 0.0;
        for (size_t k = 0; k < p->count; k++) squares += (double)got[k] * (double)got[k];
        for (size_t k = 0; k < GRADIENT_SAMPLES; k++) {
            error += pow((double)got[golden_sample(k, p->count)] - samples[k], 2.0);
            sampled += samples[k] * samples[k];
        }
        ck_assert_msg(fabs(sqrt(squares) - norms[i]) <= bound * norms[i],
                      "%s: the norm of the gradient of %s is %.9g, "
                      "should be %.9g",
                      golden_name(g), p->name, sqrt(squares), norms[i]);
        ck_assert_msg(sqrt(error) <= bound * sqrt(sampled), "%s: the gradient of %s is off by %g of its norm",
                      golden_name(g), p->name, sqrt(error / sampled));
    }
    fcl_tensors_dispose(&gradients);
}

/* `force` may be NULL. */
static fcl_network *create_network(size_t part, const char *force) {
    fcl_choice *choice;
    fcl_network *network;
    ck_ok(fcl_choice_create(&choice));
    if (force) ck_ok(fcl_choice_force(choice, force));
    ck_ok(fcl_network_create(&network, device, model,
                             &(fcl_network_options){.batch = (int)part, .training = 1, .choice = choice, .seed = 1}));
    fcl_choice_free(choice);
    write_weights(network);
    return network;
}

/* Trains and compares. `force`, may be NULL, is an argument of fcl_choice_force(). Without it, at the whole batch, Winograd's
 * tolerance counts where it computes; in later steps always. */
static void follow(const char *case_name, size_t n_parts, const char *force) {
    const golden_case *g = golden_find(file, case_name);
    batch b = batch_make(g);
    const size_t part = largest_part(&b, n_parts);
    ck_assert_uint_eq(fcl_model_n_parameters(model), (uint64_t)golden_number(g, "n_parameters"));
    fcl_network *network = create_network(part, force);
    size_t n_steps, n;
    const double *loss = golden_doubles(&n_steps, g, "loss"), *mae = golden_doubles(&n, g, "mae");
    const double *deviation = golden_doubles(&n, g, "float32_deviation");
    const fcl_adam adam = {golden_number(g, "lr"), 0.9, 0.999, golden_number(g, "epsilon")};
    fcl_pass pass = {.inverse_count = (float)(1.0 / b.n_labelled)};
    const int is_winograd = uses_winograd_forward(network),
              is_loose = !force && part > PART_WITHOUT_TIES && is_winograd;
    double worst_deviation = 0.0; /* so far, of itself: it stays when losses shrink */
    float *output;
    ck_ok(FCL_NEW(&output, (size_t)b.n * FCL_N_COORDINATES, "output"));
    for (size_t step = 0; step < n_steps; step++) {
        float stats[2 * FCL_STATS_SLOTS];
        pass.step = (uint32_t)step + 1;
        pass.slot = (uint32_t)step;
        run_batch(network, &b, n_parts, &pass, output);
        if (step == 0) {
            check_output(g, output);
            check_gradients(g, network, is_loose ? winograd_tolerance : gradient_tolerance);
        }
        ck_ok(fcl_network_update(network, &pass, &adam));
        ck_ok(fcl_buffer_read(stats, fcl_network_stats(network), 0, sizeof stats));
        /* Weights that were moved twice are off by roundings of their own, so that there no batch is free of ties, and what
         * steps along such gradients are off adds up. */
        double relative = is_loose ? winograd_tolerance : loss_tolerance;
        if (is_winograd && step > 1) relative = winograd_tolerance * (double)step;
        worst_deviation = fmax(worst_deviation, deviation[step] / loss[step]);
        double bound =
            loss[step] * (bound_kind == PARITY_RELATIVE ? relative : float32_factor * worst_deviation + loss_floor);
        double got = (double)stats[2 * step], got_mae = (double)stats[2 * step + 1];
        if (getenv("PARITY_TRACE"))
            fprintf(stderr, "%s %s step %zu: %.3g of the bound, relative %.3g\n", case_name, force ? force : "",
                    step + 1, fabs(got - loss[step]) / bound, fabs(got - loss[step]) / loss[step]);
        ck_assert_msg(fabs(got - loss[step]) <= bound, "%s, %s: loss of step %zu is %.9g, should be %.9g (bound %g)",
                      case_name, force ? force : "default solvers", step + 1, got, loss[step], bound);
        /* The error is near the loss' root, whose relative error is half of its own. */
        ck_assert_msg(fabs(got_mae - mae[step]) <= bound / loss[step] * mae[step] + loss_floor,
                      "%s: MAE of step %zu is %.9g, should be %.9g", case_name, step + 1, got_mae, mae[step]);
    }
    free(output);
    fcl_network_free(network);
    batch_dispose(&b);
}

START_TEST(whole_batch) {
    follow("batch_32", 1, NULL);
}
END_TEST

START_TEST(whole_batch_direct) {
    follow("batch_32", 1, "conv=conv_direct");
}
END_TEST

START_TEST(small_batch) {
    follow("batch_3", 1, NULL);
}
END_TEST

START_TEST(in_two_parts) {
    follow("batch_3", 2, NULL);
}
END_TEST

/* The last part has no label. */
START_TEST(in_three_parts) {
    follow("batch_3", 3, NULL);
}
END_TEST

/* What one step leaves: gradients, loss and MAE. */
typedef struct step_result {
    fcl_tensors gradients;
    double loss, mae;
} step_result;

/* One step's gradient by the solvers that all batch sizes have; with a golden case it is held against PyTorch's. */
static step_result step_in_parts(const batch *b, size_t n_parts, int dropout, const golden_case *g) {
    step_result result;
    float stats[2], *output;
    fcl_network *network = create_network(largest_part(b, n_parts), "conv=conv_direct");
    fcl_pass pass = {.step = 1, .dropout = dropout, .inverse_count = (float)(1.0 / b->n_labelled)};
    ck_ok(FCL_NEW(&output, (size_t)b->n * FCL_N_COORDINATES, "output"));
    run_batch(network, b, n_parts, &pass, output);
    if (g) {
        check_output(g, output);
        check_gradients(g, network, gradient_tolerance);
    }
    ck_ok(fcl_buffer_read(stats, fcl_network_stats(network), 0, sizeof stats));
    ck_ok(fcl_tensors_init(&result.gradients, model));
    ck_ok(fcl_network_read(&result.gradients, network, FCL_GRADIENTS));
    result.loss = (double)stats[0];
    result.mae = (double)stats[1];
    free(output);
    fcl_network_free(network);
    return result;
}

/* Each tensor's gradient against that of the batch in one piece. */
static void check_same(const step_result *parts, const step_result *whole, size_t n_parts) {
    for (unsigned i = 0; i < fcl_model_n_tensors(model); i++) {
        const fcl_parameter *p = fcl_model_tensor(model, i);
        const float *got = fcl_tensors_at(&parts->gradients, i), *wanted = fcl_tensors_at(&whole->gradients, i);
        double error = 0.0, squares = 0.0;
        for (size_t k = 0; k < p->count; k++) {
            error += pow((double)got[k] - (double)wanted[k], 2.0);
            squares += (double)wanted[k] * (double)wanted[k];
        }
        if (getenv("PARITY_TRACE"))
            fprintf(stderr, "%zu parts, %s: off by %.3g of its norm\n", n_parts, p->name, sqrt(error / squares));
        ck_assert_msg(squares > 0.0 && error <= pow(parts_tolerance, 2.0) * squares,
                      "%zu parts: the gradient of %s is off by %g of its norm", n_parts, p->name,
                      sqrt(error / squares));
    }
    ck_assert_double_eq_tol(parts->loss, whole->loss, loss_floor * whole->loss);
    ck_assert_double_eq_tol(parts->mae, whole->mae, loss_floor * whole->mae);
}

/* In one part, two and five; against PyTorch's in a golden case, and against one part. */
static void compare_parts(const batch *b, int dropout, const golden_case *g) {
    static const size_t n_parts[] = {2, 5};
    step_result whole = step_in_parts(b, 1, dropout, g);
    for (size_t i = 0; i < sizeof n_parts / sizeof *n_parts; i++) {
        step_result parts = step_in_parts(b, n_parts[i], dropout, g);
        check_same(&parts, &whole, n_parts[i]);
        fcl_tensors_dispose(&parts.gradients);
    }
    fcl_tensors_dispose(&whole.gradients);
}

START_TEST(same_gradient_in_parts) {
    const golden_case *g = golden_find(file, "batch_32");
    batch b = batch_make(g);
    compare_parts(&b, 0, g);
    batch_dispose(&b);
}
END_TEST

/* Dropout counts positions in the whole batch, and the last two samples, all of the last of five parts, have no label. */
START_TEST(same_gradient_in_parts_with_dropout) {
    enum { N = 10, N_UNLABELLED = 2 };
    batch b = batch_make(golden_find(file, "batch_32"));
    b.n = N;
    b.n_labelled = 0;
    for (int i = 0; i < N * FCL_N_COORDINATES; i++) {
        if (i / FCL_N_COORDINATES >= N - N_UNLABELLED) b.mask[i] = 0.0f;
        b.n_labelled += b.mask[i] > 0.0f;
    }
    compare_parts(&b, 1, NULL);
    batch_dispose(&b);
}
END_TEST

START_TEST(with_solver) {
    follow("batch_3", 1, forced[_i]);
}
END_TEST

/* "conv=NAME" for each solver that some kind of convolution has, without the parameters of variants. */
static void list_forced(void) {
    for (int kind = FCL_CONV_FORWARD; kind <= FCL_CONV_BACKWARD_WEIGHTS; kind++) {
        for (const fcl_solver *const *solver = fcl_solvers_of((fcl_op_kind)kind); *solver; solver++) {
            char text[sizeof forced[0]];
            int known = 0;
            snprintf(text, sizeof text, "conv=%.*s", (int)strcspn((*solver)->name, ":"), (*solver)->name);
            for (int i = 0; i < n_forced; i++) known |= strcmp(forced[i], text) == 0;
            if (known || n_forced == MAX_FORCED) continue;
            memcpy(forced[n_forced++], text, sizeof text);
        }
    }
}

static void set_up(void) {
    ck_ok(fcl_device_open(&device, NULL, 0));
    ck_ok(fcl_model_load(&model, model_name));
}

static void tear_down(void) {
    fcl_model_free(model);
    fcl_device_free(device);
}

int parity_main(const char *name, parity_bound bound) {
    if (test_is_too_much()) return SKIPPED;
    char *golden_file = fcl_format("%s.golden", name);
    bound_kind = bound;
    file = golden_read(golden_file);
    model_name = name;
    list_forced();
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create("ten steps against PyTorch");
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, whole_batch);
    tcase_add_test(tests, whole_batch_direct);
    tcase_add_test(tests, small_batch);
    tcase_add_test(tests, in_two_parts);
    tcase_add_test(tests, in_three_parts);
    tcase_add_loop_test(tests, with_solver, 0, n_forced);
    suite_add_tcase(suite, tests);
    TCase *parts = tcase_create("a step in parts");
    tcase_add_unchecked_fixture(parts, set_up, tear_down);
    tcase_add_test(parts, same_gradient_in_parts);
    tcase_add_test(parts, same_gradient_in_parts_with_dropout);
    suite_add_tcase(suite, parts);
    int result = test_run(suite);
    golden_free(file);
    free(golden_file);
    return result;
}
