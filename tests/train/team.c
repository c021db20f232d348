/* Several devices that train as one: samples, shares and weights; devices that fail. What they learn is in devices.c. */
#include "train/team.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/crew.h"
#include "train/recipe.h"
#include "train/trainer.h"

enum { BATCH = CREW_BATCH, LABELS = CREW_LABELS };

static const char model[] = "small";
static const fcl_adam adam = {.learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7};

static char log_text[8192];

static void keep_log(void *user, fcl_log_level level, const char *line) {
    (void)user;
    (void)level;
    const size_t n = strlen(log_text);
    snprintf(log_text + n, sizeof log_text - n, "%s\n", line);
}

static void set_up(void) {
    *log_text = '\0';
    fcl_log_set_sink(keep_log, NULL);
    unsetenv("FIDUCL_FAULT");
}

static void tear_down(void) {
    fcl_log_set_sink(NULL, NULL);
    unsetenv("FIDUCL_FAULT");
}

static fcl_status take_step(crew *c, const fcl_batch *batch, uint64_t step) {
    int done;
    return fcl_team_step(&done, c->team, batch, step, 1, &adam);
}

/* Gradients of each tensor within the tolerance, losses too. */
static void check_near(const crew *got, const crew *wanted, uint64_t step) {
    fcl_tensors x = read_arena(got, 0, FCL_GRADIENTS), y = read_arena(wanted, 0, FCL_GRADIENTS);
    double losses[2], wanted_losses[2];
    check_gradients(&x, &y, "the team");
    fcl_tensors_dispose(&x);
    fcl_tensors_dispose(&y);
    read_losses(losses, got, 0, step);
    read_losses(wanted_losses, wanted, 0, step);
    for (int i = 0; i < 2; i++) ck_assert_double_eq_tol(losses[i], wanted_losses[i], crew_tolerance * wanted_losses[i]);
}

/* The last batch of an epoch may be smaller than the team. */
START_TEST(a_member_without_samples) {
    const fcl_share_record record = {.first_step = 1, .samples = {12, 10, 10}};
    fcl_batch batch = make_batch(2);
    crew alone = make_crew(model, NULL, 0, 1), three = make_crew(model, &record, 1, 3);
    ck_assert_uint_eq(fcl_team_share(three.team, 2, 0).n + fcl_team_share(three.team, 2, 1).n, 2);
    ck_ok(take_step(&alone, &batch, 1));
    ck_ok(take_step(&three, &batch, 1));
    check_near(&three, &alone, 1);
    check_all_alike(&three, 1);
    free_crew(&three);
    free_crew(&alone);
    dispose_batch(&batch);
}
END_TEST

/* Sample i has one label, of coordinate i: with weights of 0 the gradient of that coordinate's bias is -2/n for each time that
 * the sample was computed. */
static void count_samples(crew *c, const fcl_batch *images, size_t n, uint64_t step) {
    float targets[LABELS * LABELS] = {0}, mask[LABELS * LABELS] = {0};
    const fcl_batch batch = {.n = n, .images = images->images, .targets = targets, .mask = mask, .n_labelled = n};
    for (size_t i = 0; i < n; i++) targets[i * LABELS + i] = mask[i * LABELS + i] = 1.0f;
    begin_anew(c, 1);
    ck_ok(take_step(c, &batch, step));
    const unsigned bias = fcl_model_n_tensors(c->model) - 1;
    for (unsigned m = 0; m < c->n; m++) {
        if (!fcl_team_replica(c->team, m)) continue;
        fcl_tensors gradients = read_arena(c, m, FCL_GRADIENTS);
        for (size_t i = 0; i < LABELS; i++) {
            const double times = (double)fcl_tensors_at(&gradients, bias)[i] / (-2.0 / (double)n);
            ck_assert_msg(fabs(times - (i < n)) < crew_tolerance, "step %llu, %zu samples: sample %zu counts %g times",
                          (unsigned long long)step, n, i, times);
        }
        fcl_tensors_dispose(&gradients);
    }
}

/* While shares change, in smaller batches, and when a device fails. */
START_TEST(each_sample_counts_once) {
    static const fcl_share_record changing[] = {
        {.first_step = 1, .samples = {12, 10, 10}},  {.first_step = 4, .samples = {1, 30, 1}},
        {.first_step = 9, .samples = {20, 5, 7}},    {.first_step = 20, .samples = {3, 2, 27}},
        {.first_step = 22, .samples = {11, 10, 11}}, {.first_step = 25, .samples = {8, 16, 8}}};
    fcl_batch batch = make_batch(LABELS);
    crew c = _i ? make_crew(model, NULL, 0, 3) : make_crew(model, changing, 6, 3);
    setenv("FIDUCL_FAULT", "fail:1@15,fail-update:0@28", 1);
    for (uint64_t step = 1; step <= LABELS; step++) count_samples(&c, &batch, LABELS + 1 - step, step);
    ck_assert(!fcl_team_replica(c.team, 0) && !fcl_team_replica(c.team, 1));
    free_crew(&c);
    dispose_batch(&batch);
}
END_TEST

/* What a training becomes whose second member is there until `last_step` only. */
static void check_as_without(const crew *c, const fcl_batch *batch, uint64_t last_step, uint64_t n_steps) {
    const fcl_share_record records[] = {{.first_step = 1, .samples = {16, 16}},
                                        {.first_step = last_step + 1, .samples = {32, 0}}};
    size_t n;
    const fcl_share_record *seen = fcl_team_records(&n, c->team);
    ck_assert_uint_eq(n, 2);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(seen[i].first_step, records[i].first_step);
        ck_assert(memcmp(seen[i].samples, records[i].samples, sizeof records[i].samples) == 0);
    }
    crew planned = make_crew(model, records, 2, 2);
    for (uint64_t step = 1; step <= n_steps; step++) ck_ok(take_step(&planned, batch, step));
    check_equal(c, 0, &planned, 0, FCL_PARAMETERS);
    check_equal(c, 0, &planned, 0, FCL_MOMENT1);
    free_crew(&planned);
}

static const fcl_share_record halves = {.first_step = 1, .samples = {16, 16}};

static void run_with_fault(crew *c, const fcl_batch *batch, const char *fault, uint64_t n_steps) {
    setenv("FIDUCL_FAULT", fault, 1);
    for (uint64_t step = 1; step <= n_steps; step++) ck_ok(take_step(c, batch, step));
    unsetenv("FIDUCL_FAULT");
    ck_assert_ptr_null(fcl_team_replica(c->team, 1));
    ck_assert_ptr_eq(fcl_team_first(c->team)->network, c->networks[0]);
}

/* The step is repeated on the other one, from the same weights. */
START_TEST(a_device_fails) {
    fcl_batch batch = make_batch(BATCH);
    crew c = make_crew(model, &halves, 1, 2);
    run_with_fault(&c, &batch, "fail:1@2", 4);
    ck_assert_msg(test_contains(log_text, "failed and is dropped: device 1 fails at step 2"), "%s", log_text);
    ck_assert_msg(test_contains(log_text, "from step 2 on, of 32 samples: 32 on"), "%s", log_text);
    check_as_without(&c, &batch, 1, 4);
    /* The one that failed is left alone: its weights are those of the step before. */
    crew once = make_crew(model, &halves, 1, 2);
    ck_ok(take_step(&once, &batch, 1));
    check_equal(&c, 1, &once, 0, FCL_PARAMETERS);
    free_crew(&once);
    free_crew(&c);
    dispose_batch(&batch);
}
END_TEST

/* Nor does it hold up the others, however often it would fail again. */
START_TEST(a_device_fails_for_good) {
    const fcl_share_record record = {.first_step = 1, .samples = {12, 10, 10}};
    fcl_batch batch = make_batch(BATCH);
    crew c = make_crew(model, &record, 1, 3);
    run_with_fault(&c, &batch, "fail:1@2,fail:1@3,fail:1@4,fail:1@5", 5);
    const char *told = strstr(log_text, "failed and is dropped");
    ck_assert_msg(told && !strstr(told + 1, "failed and is dropped"), "%s", log_text);
    for (int i = 0; i < 3; i += 2) ck_assert_ptr_nonnull(fcl_team_replica(c.team, (unsigned)i));
    check_equal(&c, 0, &c, 2, FCL_PARAMETERS);
    free_crew(&c);
    dispose_batch(&batch);
}
END_TEST

/* The others have the step already: it counts. */
START_TEST(a_device_fails_in_its_update) {
    fcl_batch batch = make_batch(BATCH);
    crew c = make_crew(model, &halves, 1, 2);
    run_with_fault(&c, &batch, "fail-update:1@2", 4);
    check_as_without(&c, &batch, 2, 4);
    free_crew(&c);
    dispose_batch(&batch);
}
END_TEST

START_TEST(a_device_hangs) {
    fcl_batch batch = make_batch(BATCH);
    crew c = make_crew(model, &halves, 1, 2);
    run_with_fault(&c, &batch, "hang:1@2", 4);
    ck_assert(fcl_team_is_lost(c.team, 1) && !fcl_team_is_lost(c.team, 0));
    ck_assert_msg(test_contains(log_text, "does not answer any more"), "%s", log_text);
    check_as_without(&c, &batch, 1, 4);
    /* The lost one's thread sleeps on: what it may use is left alone. */
    fcl_team_free(c.team);
    dispose_batch(&batch);
}
END_TEST

/* What was enqueued before it failed never ends, until the test lets it: it is waited for as one that takes part is, and no longer. */
START_TEST(a_dropped_device_hangs) {
    cl_int error;
    fcl_batch batch = make_batch(BATCH);
    crew c = make_crew(model, &halves, 1, 2);
    run_with_fault(&c, &batch, "fail:1@2", 3);
    ck_assert(!fcl_team_settle(c.team));
    ck_assert(!fcl_team_is_lost(c.team, 1));
    const cl_event gate = clCreateUserEvent(fcl_device_cl_context(c.devices[1]), &error);
    ck_assert_int_eq(error, CL_SUCCESS);
    ck_assert_int_eq(clEnqueueBarrierWithWaitList(fcl_device_cl_queue(c.devices[1]), 1, &gate, NULL), CL_SUCCESS);
    ck_assert(fcl_team_settle(c.team));
    ck_assert(fcl_team_is_lost(c.team, 1) && !fcl_team_is_lost(c.team, 0));
    ck_assert_msg(test_contains(log_text, "does not answer any more: it is left alone"), "%s", log_text);
    /* The other one goes on, and nobody waits again. */
    ck_ok(take_step(&c, &batch, 4));
    check_as_without(&c, &batch, 1, 4);
    fcl_team_free(c.team);
    ck_assert_int_eq(clSetUserEventStatus(gate, CL_COMPLETE), CL_SUCCESS);
    ck_assert_int_eq(clReleaseEvent(gate), CL_SUCCESS);
    dispose_batch(&batch);
}
END_TEST

/* The batch that it may still read is never filled again; the others' come back. */
START_TEST(a_lost_device_keeps_its_batch) {
    enum { N_FACES = 5 * BATCH };
    fcl_dataset *faces;
    fcl_batches *batches;
    fcl_trainer *trainer;
    fcl_recipe recipe;
    fcl_epoch_end end;
    fcl_batch batch;
    fcl_position position = {0};
    int more;
    crew c = make_crew(model, &halves, 1, 2);
    ck_ok(fcl_recipe_load(&recipe, "standard", "small"));
    recipe.batch = BATCH;
    const fcl_batch_options options = fcl_recipe_batches(&recipe);
    ck_ok(fcl_synth_dataset(&faces, &(fcl_synth_options){.count = N_FACES, .seed = 3}));
    ck_ok(fcl_batches_create(&batches, faces, &options));
    ck_ok(fcl_trainer_create(
        &trainer,
        &(fcl_trainer_setup){.team = c.team, .batches = batches, .recipe = &recipe, .max_steps = UINT64_MAX}));
    setenv("FIDUCL_FAULT", "hang:1@2", 1);
    ck_ok(fcl_trainer_epoch(&end, trainer, &position));
    ck_assert(fcl_team_is_lost(c.team, 1));
    ck_assert_uint_eq(position.step, N_FACES / BATCH);
    ck_ok(fcl_batches_start(batches, 1, 0));
    for (unsigned i = 0; i + 1 < fcl_batches_n_slots(); i++) ck_ok(fcl_batches_next(&batch, &more, batches));
    ck_fails(fcl_batches_next(&batch, &more, batches), FCL_E_INTERNAL, "are lent");
    fcl_trainer_free(trainer);
    fcl_team_free(c.team);
}
END_TEST

START_TEST(all_devices_fail) {
    fcl_batch batch = make_batch(BATCH);
    crew c = make_crew(model, &halves, 1, 2);
    ck_ok(take_step(&c, &batch, 1));
    setenv("FIDUCL_FAULT", "fail:0@2,fail:1@2", 1);
    ck_fails(take_step(&c, &batch, 2), FCL_E_DEVICE, "no device is left");
    free_crew(&c);
    dispose_batch(&batch);
}
END_TEST

START_TEST(replicas_are_levelled) {
    const fcl_arena arena = ((const fcl_arena[]){FCL_PARAMETERS, FCL_MOMENT1, FCL_MOMENT2})[_i];
    fcl_batch batch = make_batch(BATCH);
    crew c = make_crew(model, &halves, 1, 2);
    ck_ok(take_step(&c, &batch, 1)); /* so that moments are not 0 */
    fcl_tensors other = read_arena(&c, 1, arena);
    *log_text = '\0';
    ck_ok(fcl_team_level(c.team));
    ck_assert_str_eq(log_text, "");
    fcl_tensors_at(&other, 2)[5] += 0x1p-20f;
    ck_ok(fcl_network_write(c.networks[1], arena, &other));
    ck_ok(fcl_team_level(c.team));
    check_equal(&c, 0, &c, 1, arena);
    ck_assert_msg(test_contains(log_text, "rounds otherwise"), "%s", log_text);
    fcl_tensors_dispose(&other);
    free_crew(&c);
    dispose_batch(&batch);
}
END_TEST

/* Who computed which sample: each exactly once, whatever n is. */
typedef struct counted {
    unsigned char times[100];
    fcl_network *fails; /* one whose device fails; or NULL */
} counted;

static fcl_status count(void *context, fcl_replica *replica, fcl_share share) {
    counted *c = context;
    if (replica->network == c->fails) return fcl_fail(FCL_E_DEVICE, "made to fail");
    for (size_t i = 0; i < share.n; i++) c->times[share.first + i]++;
    return FCL_OK;
}

START_TEST(work_is_divided) {
    const fcl_share_record record = {.first_step = 1, .samples = {24, 8}};
    fcl_batch batch = make_batch(BATCH);
    crew c = make_crew(model, &record, 1, 2);
    ck_ok(take_step(&c, &batch, 1));
    for (size_t n = 1; n <= 100; n++) {
        counted seen = {.fails = NULL};
        ck_ok(fcl_team_run(c.team, n, count, &seen));
        for (size_t i = 0; i < 100; i++) ck_assert_uint_eq(seen.times[i], i < n);
    }
    counted seen = {.fails = c.networks[0]};
    ck_ok(fcl_team_run(c.team, 100, count, &seen));
    /* All of it is done again by the other one. */
    for (size_t i = 0; i < 100; i++) ck_assert_uint_ge(seen.times[i], 1);
    ck_assert_ptr_eq(fcl_team_first(c.team)->network, c.networks[1]);
    free_crew(&c);
    dispose_batch(&batch);
}
END_TEST

int main(void) {
    if (has_one_thread_only()) return EXIT_SUCCESS;
    Suite *suite = suite_create("train: team");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 0);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_member_without_samples);
    tcase_add_loop_test(tests, each_sample_counts_once, 0, 2);
    tcase_add_test(tests, a_device_fails);
    tcase_add_test(tests, a_device_fails_for_good);
    tcase_add_test(tests, a_device_fails_in_its_update);
    tcase_add_test(tests, a_device_hangs);
    tcase_add_test(tests, a_dropped_device_hangs);
    tcase_add_test(tests, a_lost_device_keeps_its_batch);
    tcase_add_test(tests, all_devices_fail);
    tcase_add_loop_test(tests, replicas_are_levelled, 0, 3);
    tcase_add_test(tests, work_is_divided);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
