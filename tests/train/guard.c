/* What stops a training, and who is blamed for it: faults put into data, weights, recipe and kernels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/file.h"
#include "base/text.h"
#include "fiducl/train.h"
#include "net/description.h"
#include "net/weights.h"
#include "support/support.h"
#include "train/limit.h"
#include "train/trainer.h"

extern const fcl_embedded fcl_kernel_sources[];

enum {
    N_FACES = 60,
    N_TRAIN = 40,
    N_VALIDATION = 10,
    N_TEST = 10,
    EPOCHS = 3,
    BATCH = 8,
    STEPS_AN_EPOCH = N_TRAIN / BATCH,
    PARTS = 3
};

/* A gradient with two consumers is in it, and dropout. */
static const char model_text[] =
    "layers = (\n"
    "  { type = \"average_pool\"; window = 4; },\n"
    "  { type = \"conv\"; filters = 6; kernel = 3; padding = \"same\"; activation = \"relu\"; name = \"first\"; },\n"
    "  { type = \"conv\"; filters = 6; kernel = 3; padding = \"same\"; name = \"second\"; },\n"
    "  { type = \"add\"; with = \"first\"; activation = \"leaky_relu\"; alpha = 0.1; },\n"
    "  { type = \"max_pool\"; window = 2; },\n"
    "  { type = \"flatten\"; },\n"
    "  { type = \"dropout\"; rate = 0.25; },\n"
    "  { type = \"dense\"; units = 30; name = \"last\"; }\n"
    ");\n";

/* What the faulty kernels are faults of. */
static const char *const solvers[] = {"dense_forward=conv_general", "conv_backward_weights=conv_general", NULL};

static char *folder, *prepared, *model, *run, *checkpoint, *best;

static char *prepare(const fcl_dataset *faces, const char *name) {
    fcl_prepare_options options = fcl_prepare_defaults();
    options.counts[FCL_TRAIN] = N_TRAIN;
    options.counts[FCL_VALIDATION] = N_VALIDATION;
    options.counts[FCL_TEST] = N_TEST;
    char *path = fcl_path_join(folder, name);
    ck_ok(fcl_prepare(faces, &options, path));
    return path;
}

/* With pixels as floats, so that any value fits. */
static fcl_dataset *make_faces(void) {
    enum { PIXELS = FCL_IMAGE_SIDE * FCL_IMAGE_SIDE };
    fcl_dataset *faces;
    ck_ok(fcl_synth_dataset(&faces, &(fcl_synth_options){.count = N_FACES, .seed = 3}));
    faces->pixels_f = malloc((size_t)N_FACES * PIXELS * sizeof(float));
    ck_assert_ptr_nonnull(faces->pixels_f);
    for (size_t i = 0; i < (size_t)N_FACES * PIXELS; i++) faces->pixels_f[i] = faces->pixels[i];
    free(faces->pixels);
    faces->pixels = NULL;
    return faces;
}

static void set_up(void) {
    folder = test_folder_create();
    fcl_dataset *faces = make_faces();
    prepared = prepare(faces, "prepared");
    fcl_dataset_free(faces);
    model = fcl_path_join(folder, "small.cfg");
    run = fcl_path_join(folder, "run");
    checkpoint = fcl_path_join(run, "checkpoint.safetensors");
    best = fcl_path_join(run, "best.safetensors");
    test_write_text(folder, "small.cfg", model_text);
}

static void tear_down(void) {
    ck_assert_int_eq(unsetenv("FIDUCL_KERNEL_DIR"), 0);
    free(prepared);
    free(model);
    free(run);
    free(checkpoint);
    free(best);
    test_folder_remove(folder);
}

static fcl_train_options options_of(void) {
    fcl_train_options o = {.prepared = prepared, .model = model, .out = run, .solvers = solvers};
    ck_ok(fcl_recipe_load(&o.recipe, "standard", "small"));
    o.recipe.epochs = EPOCHS;
    o.recipe.batch = BATCH;
    o.recipe.warmup_steps = 2;
    o.recipe.seed = 5;
    return o;
}

static char *bytes_of(size_t *n, const char *path) {
    char *bytes;
    ck_ok(fcl_file_read(&bytes, n, path));
    return bytes;
}

static void has_bytes(const char *path, const char *bytes, size_t n) {
    size_t n_now;
    char *now = bytes_of(&n_now, path);
    ck_assert_msg(n_now == n && memcmp(now, bytes, n) == 0, "%s changed", path);
    free(now);
}

/* The folder of kernels that are those of the library but for `old`, once in `file`, which becomes `new`. */
static void change_kernel(const char *file, const char *old, const char *new) {
    char *kernels = fcl_path_join(folder, "kernels");
    ck_ok(fcl_folder_create(kernels));
    for (const fcl_embedded *f = fcl_kernel_sources; f->name; f++) {
        char *text = fcl_format("%s", f->text);
        ck_assert_ptr_nonnull(text);
        if (strcmp(f->name, file) == 0) {
            char *at = strstr(text, old);
            ck_assert_msg(at && !strstr(at + 1, old), "'%s' is not once in %s", old, file);
            char *changed = fcl_format("%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
            free(text);
            text = changed;
        }
        test_write_text(kernels, f->name, text);
        free(text);
    }
    ck_assert_int_eq(setenv("FIDUCL_KERNEL_DIR", kernels, 1), 0);
    free(kernels);
}

/* The row in the raw data of a training sample. */
static uint32_t row_of_training(size_t sample) {
    fcl_prepared *p;
    const fcl_dataset *d;
    ck_ok(fcl_prepared_open(&p, prepared));
    ck_ok(fcl_prepared_split(&d, p, FCL_TRAIN));
    uint32_t row = d->rows[sample];
    fcl_prepared_free(p);
    return row;
}

/* Trains on faces of which one training row has this pixel (x 7, y 2) or, where `column` is one, this coordinate; in parts of one
 * sample, so that others come before it, or not. */
static void bad_value(float value, unsigned column, const char *wanted, int in_parts) {
    const uint32_t row = row_of_training(4);
    fcl_dataset *faces = make_faces();
    if (column < FCL_N_COORDINATES) {
        faces->keypoints[row * FCL_N_COORDINATES + column] = value;
        faces->mask[row * FCL_N_COORDINATES + column] = 1;
    } else {
        faces->pixels_f[((size_t)row * FCL_IMAGE_SIDE + 2) * FCL_IMAGE_SIDE + 7] = value;
    }
    char *bad = prepare(faces, "bad"), *place = fcl_format("row %u of the raw data", row);
    fcl_dataset_free(faces);
    fcl_train_options o = options_of();
    fcl_train_result result;
    o.prepared = bad;
    o.recipe.augment = 0; /* which keeps gray levels within their range */
    if (in_parts) o.memory_limit = limit_for_parts(&o, BATCH);
    ck_fails(fcl_train(&result, &o), FCL_E_INPUT, place);
    ck_assert_msg(test_contains(fcl_error_message(), wanted), "'%s' does not have '%s'", fcl_error_message(), wanted);
    free(bad);
    free(place);
}

/* What is read from files is finite, so that this can happen in memory alone. */
START_TEST(images_that_are_not_finite) {
    fcl_dataset *faces = make_faces();
    fcl_device *device;
    fcl_model *m;
    fcl_network *network;
    fcl_batches *batches;
    fcl_team *team;
    fcl_trainer *trainer;
    fcl_epoch_end end;
    fcl_position position = {0};
    const fcl_recipe recipe = options_of().recipe;
    faces->pixels_f[((size_t)17 * FCL_IMAGE_SIDE + 2) * FCL_IMAGE_SIDE + 7] = NAN;
    ck_ok(fcl_device_open(&device, NULL, 0));
    ck_ok(fcl_model_load(&m, model));
    ck_ok(fcl_network_create(&network, device, m, &(fcl_network_options){.batch = BATCH, .training = 1, .measure = 1}));
    ck_ok(fcl_batches_create(&batches, faces, &(fcl_batch_options){.batch = BATCH, .shuffle = 1}));
    const fcl_team_member member = {.device = device, .network = network, .duty = 1.0};
    ck_ok(fcl_team_create(&team, &(fcl_team_setup){.members = &member, .n = 1, .batch = BATCH}));
    ck_ok(fcl_trainer_begin(team, 1, NULL));
    ck_ok(fcl_trainer_create(
        &trainer, &(fcl_trainer_setup){.team = team, .batches = batches, .recipe = &recipe, .max_steps = UINT64_MAX}));
    ck_fails(fcl_trainer_epoch(&end, trainer, &position), FCL_E_INPUT, "row 17 of the raw data");
    ck_assert_msg(test_contains(fcl_error_message(), "the pixel at x 7, y 2 is nan"), "%s", fcl_error_message());
    fcl_trainer_free(trainer);
    fcl_team_free(team);
    fcl_batches_free(batches);
    fcl_network_free(network);
    fcl_model_free(m);
    fcl_device_free(device);
    fcl_dataset_free(faces);
}
END_TEST

START_TEST(absurd_images) {
    bad_value(3e38f, FCL_N_COORDINATES, "the pixel at x 7, y 2 is 3e+38", _i);
}
END_TEST

START_TEST(absurd_labels) {
    bad_value(-1e30f, 5, "is -1e+30", _i);
    ck_assert_msg(test_contains(fcl_error_message(), fcl_coordinate_name(5)), "%s", fcl_error_message());
}
END_TEST

START_TEST(huge_learning_rate) {
    fcl_train_options o = options_of();
    fcl_train_result result;
    o.recipe.learning_rate = 1e25;
    o.recipe.warmup_steps = 0;
    ck_fails(fcl_train(&result, &o), FCL_E_NOT_FINITE, "lower learning rate than 1e+25");
    /* The kernel, and what made it overflow. */
    ck_assert_msg(test_contains(fcl_error_message(), "kernel "), "%s", fcl_error_message());
    ck_assert_msg(test_contains(fcl_error_message(), "|w| up to "), "%s", fcl_error_message());
    ck_assert_msg(test_contains(fcl_error_message(), "keeps its checkpoint of step "), "%s", fcl_error_message());
    ck_assert_int_eq(fcl_path_exists(checkpoint), 1);
}
END_TEST

/* One step an epoch, so that validation is the first to meet what it made. */
START_TEST(huge_learning_rate_in_validation) {
    fcl_train_options o = options_of();
    fcl_train_result result;
    o.recipe.learning_rate = 1e25;
    o.recipe.warmup_steps = 0;
    o.recipe.batch = N_TRAIN;
    ck_fails(fcl_train(&result, &o), FCL_E_NOT_FINITE, "the validation after an epoch: layer ");
    ck_assert_msg(test_contains(fcl_error_message(), "keeps its checkpoint of step 1"), "%s", fcl_error_message());
}
END_TEST

START_TEST(weights_that_are_not_finite) {
    fcl_model *m;
    fcl_tensors weights;
    char *file = fcl_path_join(folder, "weights.safetensors");
    ck_ok(fcl_model_load(&m, model));
    ck_ok(fcl_tensors_init(&weights, m));
    fcl_tensors_initialize(&weights, 1);
    fcl_tensors_at(&weights, 2)[3] = NAN;
    ck_ok(fcl_safetensors_write(file, &(fcl_tensor_set){"", &weights}, 1, (const fcl_metadata[]){{NULL, NULL}}));
    fcl_train_options o = options_of();
    fcl_train_result result;
    o.init_weights = file;
    ck_fails(fcl_train(&result, &o), FCL_E_INPUT, file);
    ck_assert_int_eq(fcl_path_exists(run), 0);
    fcl_tensors_dispose(&weights);
    fcl_model_free(m);
    free(file);
}
END_TEST

/* The first epoch with kernels that are right, then with others that pass the gate: the message names them, and what the first
 * epoch left is untouched. With the right ones the run then ends as if nothing had been. */
static void fault(const char *file, const char *old, const char *new, double recheck_seconds, const char *wanted,
                  int in_parts) {
    fcl_train_options o = options_of();
    fcl_train_result result;
    o.recheck_seconds = recheck_seconds;
    if (in_parts) o.memory_limit = limit_for_parts(&o, PARTS);
    ck_ok(fcl_train(&result, &o));
    size_t n_whole, n_best, n_checkpoint;
    char *whole = bytes_of(&n_whole, best);
    o.force = 1;
    o.has_max_steps = 1;
    o.max_steps = STEPS_AN_EPOCH;
    ck_ok(fcl_train(&result, &o));
    char *best_bytes = bytes_of(&n_best, best), *checkpoint_bytes = bytes_of(&n_checkpoint, checkpoint);
    change_kernel(file, old, new);
    ck_fails(fcl_train_resume(&result, run, NULL), FCL_E_WRONG_RESULT, wanted);
    ck_assert_msg(test_contains(fcl_error_message(), "selftest"), "%s", fcl_error_message());
    ck_assert_msg(test_contains(fcl_error_message(), "keeps its checkpoint of step 5 and the best weights"), "%s",
                  fcl_error_message());
    has_bytes(best, best_bytes, n_best);
    has_bytes(checkpoint, checkpoint_bytes, n_checkpoint);
    ck_assert_int_eq(unsetenv("FIDUCL_KERNEL_DIR"), 0);
    ck_ok(fcl_train_resume(&result, run, NULL));
    has_bytes(best, whole, n_whole);
    free(whole);
    free(best_bytes);
    free(checkpoint_bytes);
}

/* The gate's operands are in [-1, 1): these faults are met in training alone. */
START_TEST(kernel_that_writes_nan) {
    fault("conv_general.cl", "    y[i] = ACTIVATE(sum);\n", "    y[i] = x[i % IN_C] > 1.001f ? NAN : ACTIVATE(sum);\n",
          0.0, "layer last, kernel conv_general (dense_forward", _i);
}
END_TEST

START_TEST(kernel_that_is_wrong) {
    fault("conv_general.cl", "    y[i] = ACTIVATE(sum);\n",
          "    for (int k = 0; k < IN_C; k++) if (x[k] > 1.001f) sum += 0.01f;\n    y[i] = ACTIVATE(sum);\n", 1e-9,
          "layer last, kernel conv_general (dense_forward", _i);
}
END_TEST

/* The gate asks for step 3, whose correction is 18.3; that of step 4 is 15.8. */
START_TEST(update_that_is_wrong) {
    fault("adam.cl", "LOAD(w, i) - step_size", "LOAD(w, i) * (correction < 17.0f ? 1.001f : 1.0f) - step_size", 1e-9,
          "layer step, kernel adam", _i);
}
END_TEST

/* A check that finds what is not there, beyond the gate's step: the batch is finite when it is computed again. */
START_TEST(not_finite_once) {
    fault("finite_check.cl", "int found = together << 1;", "int found = together << 1 | (step > 3 ? 2 : 0);", 0.0,
          "all is finite and right when the batch is computed again", _i);
}
END_TEST

/* Whether steps are held against the reference does not change a bit. */
START_TEST(recheck_changes_nothing) {
    fcl_train_options o = options_of();
    fcl_train_result result;
    size_t n;
    if (_i) o.memory_limit = limit_for_parts(&o, PARTS);
    ck_ok(fcl_train(&result, &o));
    char *bytes = bytes_of(&n, best);
    o.force = 1;
    o.recheck_seconds = 1e-9;
    ck_ok(fcl_train(&result, &o));
    has_bytes(best, bytes, n);
    free(bytes);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("guards");
    TCase *t = tcase_create("guards");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, images_that_are_not_finite);
    tcase_add_loop_test(t, absurd_images, 0, 2);
    tcase_add_loop_test(t, absurd_labels, 0, 2);
    tcase_add_test(t, huge_learning_rate);
    tcase_add_test(t, huge_learning_rate_in_validation);
    tcase_add_test(t, weights_that_are_not_finite);
    /* With batches as a whole, and in parts. */
    tcase_add_loop_test(t, kernel_that_writes_nan, 0, 2);
    tcase_add_loop_test(t, kernel_that_is_wrong, 0, 2);
    tcase_add_loop_test(t, update_that_is_wrong, 0, 2);
    tcase_add_loop_test(t, not_finite_once, 0, 2);
    tcase_add_loop_test(t, recheck_changes_nothing, 0, 2);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
