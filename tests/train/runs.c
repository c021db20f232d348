/* Whole trainings of a small network on made faces: repeated, interrupted, resumed, gone wrong. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "fiducl/train.h"
#include "net/description.h"
#include "net/weights.h"
#include "support/support.h"
#include "train/history.h"
#include "train/limit.h"
#include "train/run.h"

enum {
    N_FACES = 60,
    N_TRAIN = 40,
    N_VALIDATION = 10,
    N_TEST = 10,
    EPOCHS = 3,
    BATCH = 8,
    STEPS = EPOCHS * N_TRAIN / BATCH
};

static const char model_text[] = "layers = (\n"
                                 "  { type = \"average_pool\"; window = 4; },\n"
                                 "  { type = \"conv\"; filters = 6; kernel = 3; activation = \"relu\"; },\n"
                                 "  { type = \"max_pool\"; window = 2; },\n"
                                 "  { type = \"flatten\"; },\n"
                                 "  { type = \"dropout\"; rate = 0.25; },\n"
                                 "  { type = \"dense\"; units = 30; }\n"
                                 ");\n";

/* Stands before fcl_calloc() (the linker's --wrap), for a host without memory for arrays of so many bytes. */
static size_t refused_bytes;
void *__real_fcl_calloc(size_t n, size_t element_bytes);
void *__wrap_fcl_calloc(size_t n, size_t element_bytes);
void *__wrap_fcl_calloc(size_t n, size_t element_bytes) {
    return refused_bytes && n * element_bytes == refused_bytes ? NULL : __real_fcl_calloc(n, element_bytes);
}

static char *folder, *prepared, *model;
static char log_text[8192];

static void keep_log(void *user, fcl_log_level level, const char *line) {
    (void)user;
    (void)level;
    size_t n = strlen(log_text);
    snprintf(log_text + n, sizeof log_text - n, "%s\n", line);
}

/* Splits `faces` to `name` in the folder; path for free(). */
static char *prepare(const fcl_dataset *faces, const char *name) {
    fcl_prepare_options options = fcl_prepare_defaults();
    options.counts[FCL_TRAIN] = N_TRAIN;
    options.counts[FCL_VALIDATION] = N_VALIDATION;
    options.counts[FCL_TEST] = N_TEST;
    char *path = fcl_path_join(folder, name);
    ck_ok(fcl_prepare(faces, &options, path));
    return path;
}

static fcl_dataset *make_faces(void) {
    fcl_dataset *faces;
    ck_ok(fcl_synth_dataset(&faces, &(fcl_synth_options){.count = N_FACES, .seed = 3}));
    return faces;
}

static void set_up(void) {
    folder = test_folder_create();
    fcl_dataset *faces = make_faces();
    prepared = prepare(faces, "prepared");
    fcl_dataset_free(faces);
    model = fcl_path_join(folder, "small.cfg");
    test_write_text(folder, "small.cfg", model_text);
    *log_text = '\0';
    fcl_log_set_sink(keep_log, NULL);
}

static void tear_down(void) {
    refused_bytes = 0;
    fcl_log_set_sink(NULL, NULL);
    fcl_interrupt_set(0);
    free(prepared);
    free(model);
    test_folder_remove(folder);
}

static fcl_train_options options_of(const char *run) {
    fcl_train_options o = {.prepared = prepared, .model = model, .out = run};
    ck_ok(fcl_recipe_load(&o.recipe, "standard", "small"));
    o.recipe.epochs = EPOCHS;
    o.recipe.batch = BATCH;
    o.recipe.warmup_steps = 2;
    o.recipe.seed = 5;
    return o;
}

static char *path_of(const char *name) {
    return fcl_path_join(folder, name);
}

static char *train(const char *name) {
    char *run = path_of(name);
    fcl_train_options o = options_of(run);
    fcl_train_result result;
    ck_ok(fcl_train(&result, &o));
    ck_assert_uint_eq(result.epochs, EPOCHS);
    return run;
}

static void same_bytes(const char *a, const char *b) {
    char *bytes[2];
    size_t n[2];
    ck_ok(fcl_file_read(&bytes[0], &n[0], a));
    ck_ok(fcl_file_read(&bytes[1], &n[1], b));
    ck_assert_msg(n[0] == n[1] && memcmp(bytes[0], bytes[1], n[0]) == 0, "%s and %s differ", a, b);
    free(bytes[0]);
    free(bytes[1]);
}

/* Of two folders. */
static void same_file(const char *a, const char *b, const char *name) {
    char *of_a = fcl_path_join(a, name), *of_b = fcl_path_join(b, name);
    same_bytes(of_a, of_b);
    free(of_a);
    free(of_b);
}

static fcl_history history_of(const char *run, unsigned epochs) {
    fcl_history history;
    char *path = fcl_path_join(run, "history.csv");
    ck_ok(fcl_history_read(&history, path, epochs));
    free(path);
    return history;
}

/* All but the columns of time. */
static void same_history(const char *a, const char *b) {
    fcl_history x = history_of(a, EPOCHS), y = history_of(b, EPOCHS);
    for (size_t i = 0; i < EPOCHS; i++) {
        ck_assert_double_eq(x.rows[i].train_loss, y.rows[i].train_loss);
        ck_assert_double_eq(x.rows[i].train_mae, y.rows[i].train_mae);
        ck_assert_double_eq(x.rows[i].val_loss, y.rows[i].val_loss);
        ck_assert_double_eq(x.rows[i].val_mae, y.rows[i].val_mae);
        ck_assert_double_eq(x.rows[i].learning_rate, y.rows[i].learning_rate);
    }
    fcl_history_dispose(&x);
    fcl_history_dispose(&y);
}

/* A checkpoint has the best weights once an epoch is done. */
enum { N_WITHOUT_BEST = 3, N_SETS };

/* Parameters, both moments and the best weights of a run's checkpoint, which has times in its metadata too. */
static void read_checkpoint(fcl_tensors *sets, unsigned n_sets, const fcl_model *m, const char *run) {
    for (unsigned k = 0; k < n_sets; k++) ck_ok(fcl_tensors_init(&sets[k], m));
    char *path = fcl_path_join(run, "checkpoint.safetensors");
    ck_ok(fcl_safetensors_read(
        path,
        (const fcl_tensor_set[]){{"", &sets[0]}, {"adam_m/", &sets[1]}, {"adam_v/", &sets[2]}, {"best/", &sets[3]}},
        n_sets));
    free(path);
}

static void same_checkpoint(const char *a, const char *b) {
    fcl_model *m;
    fcl_tensors of_a[N_SETS], of_b[N_SETS];
    ck_ok(fcl_model_load(&m, model));
    read_checkpoint(of_a, N_SETS, m, a);
    read_checkpoint(of_b, N_SETS, m, b);
    for (int k = 0; k < N_SETS; k++) {
        double squares = 0.0;
        for (unsigned t = 0; t < fcl_model_n_tensors(m); t++) {
            const float *x = fcl_tensors_at(&of_a[k], t), *y = fcl_tensors_at(&of_b[k], t);
            size_t n = fcl_model_tensor(m, t)->count;
            ck_assert_mem_eq(x, y, n * sizeof *x);
            for (size_t j = 0; j < n; j++) squares += (double)x[j] * (double)x[j];
        }
        ck_assert_double_gt(squares, 0.0);
        fcl_tensors_dispose(&of_a[k]);
        fcl_tensors_dispose(&of_b[k]);
    }
    fcl_model_free(m);
}

START_TEST(same_seed_same_bytes) {
    char *a = train("a"), *b = train("b");
    same_file(a, b, "best.safetensors");
    same_checkpoint(a, b);
    same_history(a, b);
    char *other = path_of("other");
    fcl_train_options o = options_of(other);
    fcl_train_result result;
    o.recipe.seed = 6;
    ck_ok(fcl_train(&result, &o));
    fcl_history x = history_of(a, EPOCHS), y = history_of(other, EPOCHS);
    ck_assert_double_ne(x.rows[0].train_loss, y.rows[0].train_loss);
    fcl_history_dispose(&x);
    fcl_history_dispose(&y);
    free(a);
    free(b);
    free(other);
}
END_TEST

/* Stopped at any step, at an epoch's end and before the first too, then resumed: as if it had not been. */
START_TEST(resumed_equals_uninterrupted) {
    static const unsigned long stops[] = {0, 1, 5, 7, STEPS - 1};
    char *whole = train("whole"), *parts = path_of("parts");
    fcl_train_options o = options_of(parts);
    fcl_train_result result;
    o.max_steps = stops[_i];
    o.has_max_steps = 1;
    ck_ok(fcl_train(&result, &o));
    ck_assert_uint_eq(result.epochs, stops[_i] / (N_TRAIN / BATCH));
    ck_ok(fcl_train_resume(&result, parts, NULL));
    ck_assert_uint_eq(result.epochs, EPOCHS);
    same_file(whole, parts, "best.safetensors");
    same_checkpoint(whole, parts);
    same_history(whole, parts);
    free(whole);
    free(parts);
}
END_TEST

static void copy_file(const char *from, const char *to) {
    char *bytes;
    size_t n;
    ck_ok(fcl_file_read(&bytes, &n, from));
    ck_ok(fcl_file_write(to, bytes, n));
    free(bytes);
}

/* A crash after best.safetensors was written and before its checkpoint was: the weights are of epoch 3, the checkpoint
 * of epoch 2. Resuming takes up epoch 2 in both files, without the file too, and ends as if nothing had been. */
START_TEST(crashed_between_best_and_checkpoint) {
    char *whole = train("whole"), *run = path_of("run"), *early = path_of("early"), *early_best = path_of("best");
    char *checkpoint = fcl_path_join(run, "checkpoint.safetensors"), *best = fcl_path_join(run, "best.safetensors");
    fcl_train_options o = options_of(run);
    fcl_train_result result;
    o.max_steps = 2 * N_TRAIN / BATCH;
    o.has_max_steps = 1;
    ck_ok(fcl_train(&result, &o));
    ck_assert_uint_eq(result.best_epoch, 2);
    copy_file(checkpoint, early);
    copy_file(best, early_best);
    ck_ok(fcl_train_resume(&result, run, NULL));
    ck_assert_uint_eq(result.best_epoch, 3);
    copy_file(early, checkpoint);
    if (_i) ck_assert_int_eq(remove(best), 0);
    fcl_interrupt_set(SIGINT);
    ck_fails(fcl_train_resume(&result, run, NULL), FCL_E_INTERRUPTED, "after step 10");
    fcl_interrupt_set(0);
    same_bytes(early_best, best);
    ck_ok(fcl_train_resume(&result, run, NULL));
    same_file(whole, run, "best.safetensors");
    same_checkpoint(whole, run);
    same_history(whole, run);
    free(whole);
    free(run);
    free(early);
    free(early_best);
    free(checkpoint);
    free(best);
}
END_TEST

/* A signal that is there when training begins: one step at most, a checkpoint, and a message that says how to go on. */
START_TEST(interrupted) {
    char *whole = train("whole"), *run = path_of("run"), *checkpoint = fcl_path_join(run, "checkpoint.safetensors");
    fcl_train_options o = options_of(run);
    fcl_train_result result;
    fcl_interrupt_set(SIGTERM);
    ck_fails(fcl_train(&result, &o), FCL_E_INTERRUPTED, "fiducl train --resume");
    ck_assert_int_eq(fcl_path_exists(checkpoint), 1);
    fcl_interrupt_set(0);
    ck_ok(fcl_train_resume(&result, run, NULL));
    same_file(whole, run, "best.safetensors");
    same_history(whole, run);
    free(whole);
    free(run);
    free(checkpoint);
}
END_TEST

START_TEST(finished_runs) {
    char *run = train("run");
    fcl_train_result result;
    *log_text = '\0';
    ck_ok(fcl_train_resume(&result, run, NULL));
    ck_assert_uint_eq(result.epochs, EPOCHS);
    ck_assert(strstr(log_text, "finished") != NULL);
    /* More epochs go on from there. */
    ck_ok(fcl_train_resume(&result, run, &(fcl_resume_options){.epochs = EPOCHS + 1}));
    ck_assert_uint_eq(result.epochs, EPOCHS + 1);
    fcl_history history = history_of(run, EPOCHS + 1);
    ck_assert_uint_eq(history.n, EPOCHS + 1);
    fcl_history_dispose(&history);
    free(run);
}
END_TEST

/* What is in the test split reaches training nowhere: labels and pixels may be anything. */
START_TEST(test_rows_change_nothing) {
    char *first = train("first");
    fcl_dataset *faces = make_faces();
    fcl_prepared *p;
    const fcl_dataset *test;
    ck_ok(fcl_prepared_open(&p, prepared));
    ck_ok(fcl_prepared_split(&test, p, FCL_TEST));
    ck_assert_uint_eq(test->n, N_TEST);
    for (size_t i = 0; i < test->n; i++) {
        size_t row = test->rows[i];
        memset(faces->pixels + row * FCL_IMAGE_SIDE * FCL_IMAGE_SIDE, 77, (size_t)FCL_IMAGE_SIDE * FCL_IMAGE_SIDE);
        for (size_t c = 0; c < FCL_N_COORDINATES; c++) {
            faces->keypoints[row * FCL_N_COORDINATES + c] = 5.0f;
            faces->mask[row * FCL_N_COORDINATES + c] = 1;
        }
    }
    fcl_prepared_free(p);
    char *changed = prepare(faces, "changed"), *second = path_of("second");
    fcl_dataset_free(faces);
    fcl_train_options o = options_of(second);
    fcl_train_result result;
    o.prepared = changed;
    for (int fill = 0; fill < 2; fill++) {
        o.recipe.fill = fill ? FCL_FILL_MEAN : FCL_FILL_NONE;
        o.force = fill;
        ck_ok(fcl_train(&result, &o));
        if (fill) {
            o.prepared = prepared;
            o.out = first;
            ck_ok(fcl_train(&result, &o));
        }
        same_file(first, second, "best.safetensors");
        same_history(first, second);
    }
    free(changed);
    free(first);
    free(second);
}
END_TEST

static void check_config(const char *run, const char *part) {
    char *path = fcl_path_join(run, "config.json"), *text;
    size_t n;
    ck_ok(fcl_file_read(&text, &n, path));
    ck_assert_msg(test_contains(text, part), "%s has no %s", path, part);
    free(text);
    free(path);
}

/* Batches that do not fit are computed in parts: 3, 3 and 2 images of 8; single ones; 6 and 6 of 12, the last 4 of an epoch at
 * once. With dropout and augmentation the run is the same but for rounding. */
static const struct {
    unsigned batch, parts;
    const char *warning, *record;
} divisions[] = {
    {8, 3, "a batch of 8 in 1 part does not fit into the memory of '", "\"parts\": 3"},
    {8, 8, "it is computed in 8 parts", "\"parts\": 8"},
    {12, 2, "it is computed in 2 parts", "\"parts\": 2"},
};
enum { N_DIVISIONS = sizeof divisions / sizeof *divisions };

START_TEST(in_parts) {
    const double relative =
        1e-6; /* roundings, which no sum here makes more than a few of, and what Adam makes of them */
    char *whole = path_of("whole"), *run = path_of("run"), *stopped = path_of("stopped");
    fcl_train_options o = options_of(whole);
    fcl_train_result result;
    o.recipe.batch = divisions[_i].batch;
    ck_ok(fcl_train(&result, &o));
    o.out = run;
    o.memory_limit = limit_for_parts(&o, divisions[_i].parts);
    *log_text = '\0';
    ck_ok(fcl_train(&result, &o));
    ck_assert_msg(strstr(log_text, divisions[_i].warning) != NULL, "%s", log_text);
    check_config(run, divisions[_i].record);
    fcl_history x = history_of(whole, EPOCHS), y = history_of(run, EPOCHS);
    for (size_t i = 0; i < EPOCHS; i++) {
        const fcl_history_row *a = &x.rows[i], *b = &y.rows[i];
        ck_assert_double_eq_tol(a->train_loss, b->train_loss, relative * a->train_loss);
        ck_assert_double_eq_tol(a->train_mae, b->train_mae, relative * a->train_mae);
        ck_assert_double_eq_tol(a->val_loss, b->val_loss, relative * a->val_loss);
        ck_assert_double_eq_tol(a->val_mae, b->val_mae, relative * a->val_mae);
    }
    fcl_history_dispose(&x);
    fcl_history_dispose(&y);
    /* Interrupted and resumed, where memory would now be enough, it keeps its parts and its bits. */
    o.out = stopped;
    o.max_steps = 7;
    o.has_max_steps = 1;
    ck_ok(fcl_train(&result, &o));
    *log_text = '\0';
    ck_ok(fcl_train_resume(&result, stopped, &(fcl_resume_options){.memory_limit = limit_for_parts(&o, 1)}));
    ck_assert(strstr(log_text, "does not fit") == NULL);
    same_file(run, stopped, "best.safetensors");
    same_checkpoint(run, stopped);
    same_history(run, stopped);
    free(whole);
    free(run);
    free(stopped);
}
END_TEST

/* Goes on with another limit: given anew, or as if it had been recorded, so that nothing but the memory is other than before. */
static void resume_with_limit(const char *run, uint64_t limit, int recorded) {
    fcl_train_result result;
    fcl_resume_options changes = {.memory_limit = limit};
    if (recorded) {
        fcl_run record;
        char *path = fcl_path_join(run, "config.json");
        ck_ok(fcl_run_open(&record, run));
        ck_ok(fcl_run_set_memory_limit(&record, limit));
        ck_ok(fcl_json_write(path, record.config));
        fcl_run_dispose(&record);
        free(path);
        changes.memory_limit = 0;
    }
    ck_ok(fcl_train_resume(&result, run, &changes));
}

/* Less memory than before: more parts, which is said and recorded, by the solvers that were asked for; too little for one image
 * is an error with the numbers. */
START_TEST(less_memory) {
    static const char *const solvers[] = {"conv_forward=conv_general", NULL};
    char *run = path_of("run");
    fcl_train_options o = options_of(run);
    fcl_train_result result;
    o.solvers = solvers;
    o.memory_limit = 1000;
    ck_fails(fcl_train(&result, &o), FCL_E_DEVICE_MEMORY, "even with one image at a time");
    ck_assert_int_eq(fcl_path_exists(run), 0);
    o.memory_limit = limit_for_parts(&o, 2);
    o.max_steps = 7;
    o.has_max_steps = 1;
    ck_ok(fcl_train(&result, &o));
    check_config(run, "\"parts\": 2");
    *log_text = '\0';
    resume_with_limit(run, limit_for_parts(&o, 4), _i);
    ck_assert(strstr(log_text, "a batch of 8 in 2 parts does not fit into the memory of '") != NULL);
    check_config(run, "\"parts\": 4");
    check_config(run, "\"first_step\": 8");
    fcl_run record;
    ck_ok(fcl_run_open(&record, run));
    const json_t *used = json_object_get(json_array_get(json_object_get(record.config, "devices"), 1), "solvers");
    const char *description;
    json_t *solver;
    json_object_foreach((json_t *)used, description,
                        solver) if (strncmp(description, "conv_forward ", strlen("conv_forward ")) == 0)
        ck_assert_str_eq(json_string_value(solver), "conv_general");
    fcl_run_dispose(&record);
    free(run);
}
END_TEST

START_TEST(not_finite) {
    char *run = path_of("run");
    fcl_train_options o = options_of(run);
    fcl_train_result result;
    if (_i) o.memory_limit = limit_for_parts(&o, 3);
    o.recipe.learning_rate = 1e30;
    o.recipe.warmup_steps = 0;
    ck_fails(fcl_train(&result, &o), FCL_E_NOT_FINITE, "step");
    ck_assert(test_contains(fcl_error_message(), "layer "));
    /* What was last finite is kept. */
    fcl_model *m;
    fcl_tensors sets[N_WITHOUT_BEST];
    ck_ok(fcl_model_load(&m, model));
    read_checkpoint(sets, N_WITHOUT_BEST, m, run);
    for (int s = 0; s < N_WITHOUT_BEST; s++) {
        for (unsigned i = 0; i < fcl_model_n_tensors(m); i++)
            for (size_t k = 0; k < fcl_model_tensor(m, i)->count; k++)
                ck_assert(isfinite(fcl_tensors_at(&sets[s], i)[k]));
        fcl_tensors_dispose(&sets[s]);
    }
    fcl_model_free(m);
    free(run);
}
END_TEST

/* One epoch's loss cannot be lower by this much: the end comes after `patience` further epochs. */
START_TEST(early_stopping) {
    char *run = path_of("run");
    fcl_train_options o = options_of(run);
    fcl_train_result result;
    o.recipe.epochs = 10;
    o.recipe.patience = 2;
    o.recipe.min_delta = 1e6;
    ck_ok(fcl_train(&result, &o));
    ck_assert_int_eq(result.stopped_early, 1);
    ck_assert_uint_eq(result.epochs, 3);
    ck_assert_uint_eq(result.best_epoch, 1);
    /* Asked to go on, patience begins anew. */
    ck_ok(fcl_train_resume(&result, run, &(fcl_resume_options){.epochs = 20}));
    ck_assert_uint_eq(result.epochs, 5);
    free(run);
}
END_TEST

/* More steps make the loss smaller: a network that learns. */
START_TEST(learns) {
    char *run = path_of("run");
    fcl_train_options o = options_of(run);
    fcl_train_result result;
    o.recipe.epochs = 30;
    o.recipe.augment = 0;
    ck_ok(fcl_train(&result, &o));
    fcl_history h = history_of(run, 30);
    ck_assert_double_lt(h.rows[29].train_loss, 0.2 * h.rows[0].train_loss);
    /* History has 9 digits. */
    ck_assert_double_le(result.best_val_loss, h.rows[29].val_loss * (1.0 + 1e-8));
    fcl_history_dispose(&h);
    free(run);
}
END_TEST

START_TEST(refused) {
    char *run = train("run");
    fcl_train_options o = options_of(run);
    fcl_train_result result;
    ck_fails(fcl_train(&result, &o), FCL_E_EXISTS, run);
    /* Only what fiducl made is replaced. */
    char *foreign = path_of("foreign");
    ck_ok(fcl_folder_create(foreign));
    test_write_text(foreign, "letter.txt", "dear");
    o.out = foreign;
    o.force = 1;
    ck_fails(fcl_train(&result, &o), FCL_E_EXISTS, foreign);
    char *fresh = path_of("fresh");
    o.out = fresh;
    o.force = 0;
    o.solvers = (const char *const[]){"conv=nonsense", NULL};
    ck_fails(fcl_train(&result, &o), FCL_E_USAGE, "nonsense");
    o.solvers = NULL;
    o.init_weights = "/nowhere.safetensors";
    ck_fails(fcl_train(&result, &o), FCL_E_IO, "/nowhere.safetensors");
    ck_assert_int_eq(fcl_path_exists(fresh), 0);
    /* A run that is to be replaced stays as long as the new one cannot begin. */
    char *weights = fcl_path_join(run, "best.safetensors");
    o.out = run;
    o.force = 1;
    ck_fails(fcl_train(&result, &o), FCL_E_IO, "/nowhere.safetensors");
    ck_assert_int_eq(fcl_path_exists(weights), 1);
    free(weights);
    /* Data that changed since. */
    fcl_dataset *faces = make_faces();
    faces->pixels[0] ^= 1;
    fcl_prepare_options again = fcl_prepare_defaults();
    again.shares[0] = 0.8;
    again.force = 1;
    ck_ok(fcl_prepare(faces, &again, prepared));
    fcl_dataset_free(faces);
    ck_fails(fcl_train_resume(&result, run, &(fcl_resume_options){.epochs = EPOCHS + 1}), FCL_E_INPUT, "changed since");
    free(run);
    free(foreign);
    free(fresh);
}
END_TEST

/* The old run is as it was, and the new one replaces it once it fits. Batches in parts are copied, from memory of the host's. */
START_TEST(batches_do_not_fit) {
    static const char *const files[] = {"best.safetensors", "checkpoint.safetensors", "config.json", "history.csv"};
    char *run = train("run"), *twin = train("twin");
    fcl_train_options o = options_of(run);
    fcl_train_result result;
    o.force = 1;
    o.recipe.epochs = 1;
    o.memory_limit = limit_for_parts(&o, 2);
    refused_bytes = sizeof(float) * BATCH * FCL_IMAGE_SIDE * FCL_IMAGE_SIDE;
    ck_fails(fcl_train(&result, &o), FCL_E_MEMORY, "the images of a batch");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = fcl_path_join(run, files[i]);
        ck_assert_msg(fcl_path_exists(path), "'%s' is gone", path);
        free(path);
    }
    same_checkpoint(run, twin);
    refused_bytes = 0;
    ck_ok(fcl_train(&result, &o));
    ck_assert_uint_eq(result.epochs, 1);
    free(run);
    free(twin);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("training");
    TCase *t = tcase_create("runs");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, same_seed_same_bytes);
    tcase_add_loop_test(t, resumed_equals_uninterrupted, 0, 5);
    tcase_add_loop_test(t, crashed_between_best_and_checkpoint, 0, 2);
    tcase_add_test(t, interrupted);
    tcase_add_test(t, finished_runs);
    tcase_add_test(t, test_rows_change_nothing);
    tcase_add_loop_test(t, in_parts, 0, N_DIVISIONS);
    tcase_add_loop_test(t, less_memory, 0, 2);
    tcase_add_loop_test(t, not_finite, 0, 2);
    tcase_add_test(t, early_stopping);
    tcase_add_test(t, learns);
    tcase_add_test(t, refused);
    tcase_add_test(t, batches_do_not_fit);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
