/* Batches that are prepared where the network reads them: nothing is copied, and nothing else differs from batches that are. */
#include "train/stage.h"

#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "support/support.h"
#include "train/recipe.h"
#include "train/trainer.h"
#include "train/validation.h"

enum {
    BATCH = 8,
    N_FACES = 3 * BATCH + 3, /* the last batch is a smaller one */
    EPOCHS = 2,
    STEPS_AN_EPOCH = 4,
    SAMPLE_FLOATS = FCL_IMAGE_SIDE * FCL_IMAGE_SIDE + 2 * FCL_N_COORDINATES
};

/* The input is read by the forward pass and, for its weights, by the end of the backward pass. */
static const char model_text[] = "layers = (\n"
                                 "  { type = \"conv\"; filters = 2; kernel = 3; stride = 8; activation = \"relu\"; },\n"
                                 "  { type = \"flatten\"; },\n"
                                 "  { type = \"dropout\"; rate = 0.25; },\n"
                                 "  { type = \"dense\"; units = 30; }\n"
                                 ");\n";

static fcl_model *model;
static fcl_dataset *faces;
static fcl_recipe recipe;
static char warnings[4096];

/* A driver that stands before the real one and refuses to map. */
static struct {
    int n_good; /* buffers that it maps before; -1: all */
    cl_int error;
} driver;

void *clEnqueueMapBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, cl_map_flags flags, size_t offset,
                         size_t n_bytes, cl_uint n_waits, const cl_event *waits, cl_event *event, cl_int *error) {
    void *(*map)(cl_command_queue, cl_mem, cl_bool, cl_map_flags, size_t, size_t, cl_uint, const cl_event *, cl_event *,
                 cl_int *);
    if (driver.n_good == 0) {
        *error = driver.error;
        return NULL;
    }
    if (driver.n_good > 0) driver.n_good--;
    *(void **)&map = dlsym(RTLD_NEXT, "clEnqueueMapBuffer");
    ck_assert(map != NULL);
    return map(queue, buffer, blocking, flags, offset, n_bytes, n_waits, waits, event, error);
}

static void keep_warnings(void *user, fcl_log_level level, const char *line) {
    const size_t n = strlen(warnings);
    (void)user;
    if (level == FCL_LOG_WARNING) snprintf(warnings + n, sizeof warnings - n, "%s\n", line);
}

static void set_up(void) {
    driver.n_good = -1;
    *warnings = '\0';
    fcl_log_set_sink(keep_warnings, NULL);
    ck_ok(fcl_model_parse(&model, "small", model_text));
    ck_ok(fcl_synth_dataset(&faces, &(fcl_synth_options){.count = N_FACES, .seed = 3}));
    ck_ok(fcl_recipe_load(&recipe, "standard", "small"));
    recipe.batch = BATCH;
    recipe.epochs = EPOCHS;
    recipe.schedule = FCL_CONSTANT;
    recipe.warmup_steps = 0;
}

static void tear_down(void) {
    fcl_dataset_free(faces);
    fcl_model_free(model);
}

/* What a training needs. */
typedef struct gear {
    fcl_device *device;
    fcl_network *network;
    fcl_team *team;
    fcl_batches *batches;
} gear;

static gear make_gear(int network_batch) {
    gear g;
    fcl_choice *choice;
    const fcl_batch_options options = fcl_recipe_batches(&recipe);
    ck_ok(fcl_device_open(&g.device, NULL, 0));
    ck_ok(fcl_choice_create(&choice));
    ck_ok(fcl_choice_force(choice, "conv=conv_direct"));
    ck_ok(
        fcl_network_create(&g.network, g.device, model,
                           &(fcl_network_options){.batch = network_batch, .training = 1, .choice = choice, .seed = 3}));
    fcl_choice_free(choice);
    const fcl_team_member member = {.device = g.device, .network = g.network, .duty = 1.0};
    ck_ok(fcl_team_create(&g.team, &(fcl_team_setup){.members = &member, .n = 1, .batch = BATCH}));
    ck_ok(fcl_trainer_begin(g.team, 5, NULL));
    ck_ok(fcl_batches_create(&g.batches, faces, &options));
    return g;
}

static void free_gear(gear *g) {
    fcl_team_free(g->team);
    fcl_batches_free(g->batches);
    fcl_network_free(g->network);
    fcl_device_free(g->device);
}

static fcl_trainer *make_trainer(const gear *g, uint64_t max_steps) {
    fcl_trainer *trainer;
    ck_ok(fcl_trainer_create(
        &trainer,
        &(fcl_trainer_setup){.team = g->team, .batches = g->batches, .recipe = &recipe, .max_steps = max_steps}));
    return trainer;
}

static void run_epoch(fcl_position *position, fcl_trainer *trainer) {
    fcl_epoch_end end;
    ck_ok(fcl_trainer_epoch(&end, trainer, position));
    ck_assert_int_eq(end, FCL_EPOCH_DONE);
    position->epoch++;
    position->batch = 0;
}

static double validate(const gear *g) {
    double loss, mae;
    ck_ok(fcl_validate(&loss, &mae, g->team, faces, recipe.learning_rate));
    return loss;
}

/* Each step with a batch that is copied from the host's memory and done before the next one. */
static void train_with_copies(double losses[EPOCHS], const gear *g) {
    const fcl_adam adam = {
        .learning_rate = recipe.learning_rate, .beta1 = recipe.beta1, .beta2 = recipe.beta2, .epsilon = recipe.epsilon};
    uint64_t step = 0;
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        fcl_batch batch;
        int more, done;
        ck_ok(fcl_batches_start(g->batches, epoch, 0));
        for (;;) {
            ck_ok(fcl_batches_next(&batch, &more, g->batches));
            if (!more) break;
            ck_ok(fcl_team_step(&done, g->team, &batch, ++step, recipe.dropout, &adam));
            ck_ok(fcl_team_land_all(g->team));
            fcl_batches_release(g->batches, batch.slot);
        }
        losses[epoch] = validate(g);
    }
    ck_assert_uint_eq(step, EPOCHS * STEPS_AN_EPOCH);
}

static void check_equal(const gear *a, const gear *b) {
    static const fcl_arena arenas[] = {FCL_PARAMETERS, FCL_MOMENT1, FCL_MOMENT2};
    fcl_tensors x, y;
    ck_ok(fcl_tensors_init(&x, model));
    ck_ok(fcl_tensors_init(&y, model));
    for (size_t i = 0; i < sizeof arenas / sizeof *arenas; i++) {
        ck_ok(fcl_network_read(&x, a->network, arenas[i]));
        ck_ok(fcl_network_read(&y, b->network, arenas[i]));
        ck_assert_msg(fcl_tensors_are_equal(&x, &y), "arena %d differs", (int)arenas[i]);
    }
    fcl_tensors_dispose(&x);
    fcl_tensors_dispose(&y);
}

/* Batches are copied where a device has memory of its own, in parts, and where a limit of memory has no room for them. */
static const struct {
    int network_batch;
    size_t room_bytes; /* besides what the network takes; 0: no limit */
    int is_possible;
} cases[] = {
    {BATCH, 0, 1},
    {BATCH, (size_t)4 * BATCH *SAMPLE_FLOATS * sizeof(float), 1},
    {BATCH, (size_t)4 * BATCH *SAMPLE_FLOATS * sizeof(float) - 1, 0},
    {BATCH / 2, 0, 0},
};

START_TEST(copies_and_weights) {
    if (_i > 0 && test_is_too_much()) return;
    double losses[EPOCHS];
    gear copied = make_gear(cases[_i].network_batch), staged = make_gear(cases[_i].network_batch);
    fcl_position position = {0};
    const int copies = !cases[_i].is_possible || !fcl_device_facts(staged.device)->host_unified_memory;
    const fcl_memory_use before = fcl_device_memory_use(staged.device);
    train_with_copies(losses, &copied);
    if (cases[_i].room_bytes) fcl_device_limit_memory(staged.device, before.now_bytes + cases[_i].room_bytes);
    fcl_trainer *trainer = make_trainer(&staged, UINT64_MAX);
    ck_assert_uint_eq(fcl_device_memory_use(staged.device).now_bytes,
                      before.now_bytes + (copies ? 0 : fcl_batches_bytes(BATCH)));
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        run_epoch(&position, trainer);
        ck_assert_double_eq(validate(&staged), losses[epoch]);
    }
    /* Losses and the flag are read once an epoch, and 30 numbers an image of the validation. */
    const size_t of_results =
        (2 * FCL_STATS_SLOTS + FCL_FLAG_WORDS) * sizeof(float) + N_FACES * FCL_N_COORDINATES * sizeof(float);
    const size_t of_batches = copies ? N_FACES * SAMPLE_FLOATS * sizeof(float) : 0;
    ck_assert_uint_eq(fcl_device_memory_use(staged.device).copied_bytes - before.copied_bytes,
                      EPOCHS * (of_results + of_batches));
    fcl_trainer_free(trainer);
    ck_assert_uint_eq(fcl_device_memory_use(staged.device).now_bytes, before.now_bytes);
    check_equal(&copied, &staged);
    free_gear(&copied);
    free_gear(&staged);
}
END_TEST

/* A trainer that ends in the middle of an epoch, while later batches are ready in the device's memory, leaves all to the next one. */
START_TEST(another_trainer_goes_on) {
    if (test_is_too_much()) return;
    double losses[EPOCHS];
    gear copied = make_gear(BATCH), staged = make_gear(BATCH);
    fcl_position position = {0};
    fcl_epoch_end end;
    train_with_copies(losses, &copied);
    fcl_trainer *trainer = make_trainer(&staged, STEPS_AN_EPOCH / 2);
    ck_ok(fcl_trainer_epoch(&end, trainer, &position));
    ck_assert_int_eq(end, FCL_EPOCH_MAX_STEPS);
    fcl_trainer_free(trainer);
    trainer = make_trainer(&staged, UINT64_MAX);
    for (int epoch = 0; epoch < EPOCHS; epoch++) run_epoch(&position, trainer);
    fcl_trainer_free(trainer);
    check_equal(&copied, &staged);
    free_gear(&copied);
    free_gear(&staged);
}
END_TEST

static const struct {
    int n_good;
    cl_int error;
    const char *message;
} refusals[] = {
    {0, CL_MAP_FAILURE, "clEnqueueMapBuffer failed: CL_MAP_FAILURE"},
    {7, CL_OUT_OF_RESOURCES, "clEnqueueMapBuffer failed: CL_OUT_OF_RESOURCES"},
    {4, CL_SUCCESS, "clEnqueueMapBuffer reported success without an address for the buffer 'targets of a batch'"},
};

/* A device that does not lend its memory trains with batches that are copied, and that is said. */
START_TEST(a_driver_that_does_not_map) {
    if (test_is_too_much()) return;
    double losses[EPOCHS];
    gear copied = make_gear(BATCH), refused = make_gear(BATCH);
    fcl_position position = {0};
    const fcl_memory_use before = fcl_device_memory_use(refused.device);
    if (!fcl_device_facts(refused.device)->host_unified_memory) {
        test_not_supported("a device with memory of its own maps no batches");
        goto done;
    }
    train_with_copies(losses, &copied);
    driver.n_good = refusals[_i].n_good;
    driver.error = refusals[_i].error;
    fcl_trainer *trainer = make_trainer(&refused, UINT64_MAX);
    ck_assert_uint_eq(fcl_device_memory_use(refused.device).now_bytes, before.now_bytes);
    ck_assert_msg(test_contains(warnings, "batches are copied to the device"), "%s", warnings);
    ck_assert_msg(test_contains(warnings, refusals[_i].message), "%s", warnings);
    for (int epoch = 0; epoch < EPOCHS; epoch++) run_epoch(&position, trainer);
    fcl_trainer_free(trainer);
    check_equal(&copied, &refused);
    /* The next training of the process does not say it again. */
    *warnings = '\0';
    driver.n_good = refusals[_i].n_good;
    trainer = make_trainer(&refused, UINT64_MAX);
    ck_assert_int_eq(driver.n_good, 0);
    ck_assert_str_eq(warnings, "");
    fcl_trainer_free(trainer);
done:
    free_gear(&copied);
    free_gear(&refused);
}
END_TEST

/* Where the first batch is made. */
static const float *first_images(const gear *g) {
    fcl_batch batch;
    int more;
    ck_ok(fcl_batches_start(g->batches, 0, 0));
    ck_ok(fcl_batches_next(&batch, &more, g->batches));
    fcl_batches_release(g->batches, batch.slot);
    return batch.images;
}

/* The trainer comes and goes while an epoch is under way. */
START_TEST(memory_is_lent_for_a_while) {
    gear g = make_gear(BATCH);
    const int lends = fcl_device_facts(g.device)->host_unified_memory;
    const float *own = first_images(&g);
    fcl_trainer *trainer = make_trainer(&g, UINT64_MAX);
    ck_assert_int_eq(first_images(&g) != own, lends);
    fcl_trainer_free(trainer);
    ck_assert_ptr_eq(first_images(&g), own);
    free_gear(&g);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train: stage");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 0);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, copies_and_weights, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tests, another_trainer_goes_on);
    tcase_add_loop_test(tests, a_driver_that_does_not_map, 0, sizeof refusals / sizeof *refusals);
    tcase_add_test(tests, memory_is_lent_for_a_while);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
