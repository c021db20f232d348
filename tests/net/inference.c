/* Networks that predict: what solvers keep of the weights between runs, and parameters that two networks share. Expected is
 * what a new network computes in its first run, which has kept nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "net/description.h"
#include "net/network.h"
#include "net/predictor.h"
#include "support/support.h"

enum { BATCH = 3, PIXELS = FCL_IMAGE_SIDE * FCL_IMAGE_SIDE, N_OUTPUTS = BATCH * FCL_N_COORDINATES };

/* Two convolutions that every solver for CPUs takes. */
static const char text[] =
    "layers = ( { type = \"average_pool\"; window = 4; },"
    "{ type = \"conv\"; filters = 16; kernel = [3, 3]; padding = \"same\"; activation = \"relu\"; },"
    "{ type = \"conv\"; filters = 32; kernel = [3, 3]; padding = \"same\"; activation = \"relu\"; },"
    "{ type = \"average_pool\"; window = 8; }, { type = \"flatten\"; },"
    "{ type = \"dense\"; units = 30; } );";
/* Two that keep something where they apply, and one that does not. */
static const char *const solvers[] = {"conv=conv_direct", "conv=conv_winograd", "conv=conv_general"};

static fcl_device *device;
static fcl_model *model;
static fcl_tensors weights[2];
static float images[BATCH * PIXELS];

static void fill(float *values, size_t n, uint32_t purpose, float scale) {
    fcl_random_stream stream = fcl_random_stream_make(7, FCL_RANDOM_TEST, purpose);
    for (size_t i = 0; i < n; i++) values[i] = scale * ((float)fcl_random_below(&stream, 2001) / 1000.0f - 1.0f);
}

static void set_up(void) {
    ck_ok(fcl_device_open(&device, NULL, 0));
    ck_ok(fcl_model_parse(&model, "small", text));
    fill(images, BATCH * PIXELS, 0, 1.0f);
    for (uint32_t k = 0; k < 2; k++) {
        ck_ok(fcl_tensors_init(&weights[k], model));
        for (unsigned i = 0; i < fcl_model_n_tensors(model); i++)
            fill(fcl_tensors_at(&weights[k], i), fcl_model_tensor(model, i)->count, 1 + i + 100 * k, 0.3f);
    }
}

static void tear_down(void) {
    for (int k = 0; k < 2; k++) fcl_tensors_dispose(&weights[k]);
    fcl_model_free(model);
    fcl_device_free(device);
}

static fcl_network *network_of(const char *solver, int batch, fcl_network *lender) {
    fcl_choice *choice;
    fcl_network *network;
    ck_ok(fcl_choice_create(&choice));
    ck_ok(fcl_choice_force(choice, solver));
    const fcl_network_options options = {.batch = batch, .choice = choice, .parameters_of = lender};
    ck_ok(fcl_network_create(&network, device, model, &options));
    fcl_choice_free(choice);
    return network;
}

static void predict(float *out, fcl_network *network, int n) {
    fcl_pass pass = {.n = n};
    ck_ok(fcl_buffer_write(fcl_network_input(network), 0, images, (size_t)n * PIXELS * sizeof(float)));
    ck_ok(fcl_network_forward(network, &pass));
    ck_ok(fcl_buffer_read(out, fcl_network_output(network), 0, (size_t)n * FCL_N_COORDINATES * sizeof(float)));
}

/* What a network without a past says, for each of the two sets of weights. */
static void expect(float out[2][N_OUTPUTS], const char *solver, int batch) {
    for (int k = 0; k < 2; k++) {
        fcl_network *network = network_of(solver, batch, NULL);
        ck_ok(fcl_network_write(network, FCL_PARAMETERS, &weights[k]));
        predict(out[k], network, batch);
        fcl_network_free(network);
    }
    ck_assert_mem_ne(out[0], out[1], (size_t)batch * FCL_N_COORDINATES * sizeof(float));
}

/* Weights written anew are seen at once, and runs in between change nothing. */
START_TEST(weights_that_are_kept_are_those_that_were_written) {
    float expected[2][N_OUTPUTS], got[N_OUTPUTS];
    expect(expected, solvers[_i], BATCH);
    fcl_network *network = network_of(solvers[_i], BATCH, NULL);
    for (int k = 0; k < 4; k++) {
        ck_ok(fcl_network_write(network, FCL_PARAMETERS, &weights[k % 2]));
        for (int repeat = 0; repeat < 3; repeat++) {
            memset(got, 0, sizeof got);
            predict(got, network, BATCH);
            ck_assert_mem_eq(got, expected[k % 2], sizeof got);
        }
        predict(got, network, 1); /* a part of the batch has use for them too */
    }
    fcl_network_free(network);
}
END_TEST

/* A second network has the parameters of the first, whichever of both they are written to, and leaves them when it goes. */
START_TEST(shared_parameters) {
    float expected[2][N_OUTPUTS], expected_one[2][N_OUTPUTS], got[N_OUTPUTS];
    expect(expected, solvers[_i], BATCH);
    expect(expected_one, solvers[_i], 1);
    fcl_network *owner = network_of(solvers[_i], BATCH, NULL), *other = network_of(solvers[_i], 1, owner);
    for (int k = 0; k < 4; k++) {
        ck_ok(fcl_network_write(k < 2 ? owner : other, FCL_PARAMETERS, &weights[k % 2]));
        predict(got, other, 1);
        ck_assert_mem_eq(got, expected_one[k % 2], FCL_N_COORDINATES * sizeof(float));
        predict(got, owner, BATCH);
        ck_assert_mem_eq(got, expected[k % 2], sizeof got);
    }
    fcl_network_free(other);
    predict(got, owner, BATCH);
    ck_assert_mem_eq(got, expected[1], sizeof got);
    fcl_network_free(owner);
}
END_TEST

/* Only what a solver may keep of convolutions' weights makes another operation of it: dense layers are known from training. */
START_TEST(what_says_that_weights_stay) {
    fcl_network *network = network_of(solvers[0], BATCH, NULL);
    for (unsigned i = 0; i < fcl_network_n_operations(network); i++) {
        const char *description, *solver;
        fcl_network_operation(&description, &solver, network, i);
        ck_assert_msg(!strstr(description, "weights=stay") == !!strncmp(description, "conv", 4), "%s", description);
    }
    fcl_network_free(network);
}
END_TEST

typedef struct reports {
    size_t n, done, total;
} reports;

static void note(void *user, const fcl_progress *progress) {
    reports *r = user;
    ck_assert_uint_eq(progress->done, r->n + 1);
    *r = (reports){r->n + 1, progress->done, progress->total};
}

/* A first start on a device says how far it is, with an end; a second one has nothing to say. */
START_TEST(progress_while_something_is_new) {
    char *before = getenv("FIDUCL_CACHE_DIR"), *folder = test_folder_create();
    before = before ? strdup(before) : NULL;
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", folder, 1), 0);
    for (int start = 0; start < 2; start++) {
        reports seen = {0};
        fcl_progress_set_sink(note, &seen);
        fcl_network *network = network_of(solvers[0], BATCH, NULL);
        fcl_progress_set_sink(NULL, NULL);
        const size_t n = fcl_network_n_operations(network);
        ck_assert_uint_eq(seen.n, start == 0 ? n : 0);
        ck_assert_uint_eq(seen.done, seen.n);
        ck_assert_uint_eq(seen.total, seen.n);
        fcl_network_free(network);
    }
    ck_assert_int_eq(before ? setenv("FIDUCL_CACHE_DIR", before, 1) : unsetenv("FIDUCL_CACHE_DIR"), 0);
    free(before);
    test_folder_remove(folder);
}
END_TEST

/* Images are written where the network reads them: all that is copied is the predictions. They are what a network says of the
 * same images, in pixels. */
START_TEST(a_predictor_copies_predictions_only) {
    static float raw[BATCH * PIXELS];
    float expected[2][N_OUTPUTS], got[N_OUTPUTS];
    fcl_predictor *predictor;
    fcl_choice *choice;
    fcl_tensors own;
    fill(raw, BATCH * PIXELS, 0, 255.0f);
    for (int i = 0; i < BATCH * PIXELS; i++) images[i] = raw[i] / 255.0f;
    expect(expected, "conv=conv_general", BATCH);
    fill(images, BATCH * PIXELS, 0, 1.0f);
    ck_ok(fcl_choice_create(&choice));
    ck_ok(fcl_choice_force(choice, "conv=conv_general"));
    ck_ok(fcl_tensors_init(&own, model));
    for (unsigned i = 0; i < fcl_model_n_tensors(model); i++)
        memcpy(fcl_tensors_at(&own, i), fcl_tensors_at(&weights[0], i),
               fcl_model_tensor(model, i)->count * sizeof(float));
    ck_ok(fcl_predictor_create(&predictor, device, model, &own, BATCH, choice));
    ck_ok(fcl_predictor_run(predictor, got, raw, BATCH));
    for (int i = 0; i < N_OUTPUTS; i++) ck_assert_float_eq(got[i], expected[0][i] * 48.0f + 48.0f);
    const size_t before = fcl_device_memory_use(device).copied_bytes;
    ck_ok(fcl_predictor_run(predictor, got, raw, BATCH));
    ck_assert_uint_eq(fcl_device_memory_use(device).copied_bytes, before + BATCH * 30 * sizeof(float));
    fcl_predictor_free(predictor);
    fcl_choice_free(choice);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("net_inference");
    TCase *tests = tcase_create("inference");
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, weights_that_are_kept_are_those_that_were_written, 0,
                        sizeof solvers / sizeof solvers[0]);
    tcase_add_loop_test(tests, shared_parameters, 0, sizeof solvers / sizeof solvers[0]);
    tcase_add_test(tests, what_says_that_weights_stay);
    tcase_add_test(tests, a_predictor_copies_predictions_only);
    tcase_add_test(tests, progress_while_something_is_new);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
