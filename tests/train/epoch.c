/*
 * Every sample counts once in an epoch, whichever device of whichever rank computes it. Alone, or under mpirun with as many ranks
 * as $FIDUCL_TEST_RANKS says; what several do is done before results are looked at, so that one that fails leaves none waiting.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "ranks/ranks.h"
#include "train/crew.h"
#include "train/recipe.h"
#include "train/trainer.h"

/* The last batch has fewer samples than the others. */
enum { N_FACES = 180, STEPS = (N_FACES + CREW_BATCH - 1) / CREW_BATCH, EPOCHS = 8 };

/* Shares are given, or follow what steps take, or members fail. */
enum { FIXED, MEASURED, FAILING, N_WAYS };

static unsigned n_ranks, own;
static const double beta = 0.5;

/* Sample i has one label, of coordinate i % 30. Of the samples of one coordinate each has a quarter of the target of the one before,
 * so that their sum tells how often each is in it, up to three times. */
static double target_of(size_t sample) {
    return ldexp(1.0, -2 * (int)(sample / CREW_LABELS));
}

static fcl_dataset *make_faces(void) {
    fcl_dataset *faces;
    ck_ok(fcl_synth_dataset(&faces, &(fcl_synth_options){.count = N_FACES, .seed = 3}));
    for (size_t i = 0; i < N_FACES; i++)
        for (size_t c = 0; c < CREW_LABELS; c++) {
            const double half = FCL_IMAGE_SIDE / 2.0;
            faces->mask[i * CREW_LABELS + c] = c == i % CREW_LABELS;
            faces->keypoints[i * CREW_LABELS + c] = (float)(half + half * target_of(i));
        }
    return faces;
}

/* With weights of 0, which a learning rate of 0 leaves as they are, the gradient of a coordinate's bias is -2/n times the targets
 * in a batch of n, and the first moment after all steps the sum of (1 - beta) beta^(steps that follow) times that. */
static void find_moments(double out[CREW_LABELS], uint64_t seed, uint32_t epoch) {
    uint32_t order[N_FACES];
    unsigned times[N_FACES] = {0};
    fcl_random_permutation(order, N_FACES, seed, FCL_RANDOM_SHUFFLE, epoch);
    for (size_t c = 0; c < CREW_LABELS; c++) out[c] = 0.0;
    for (size_t k = 0; k < N_FACES; k++) {
        const size_t step = k / CREW_BATCH, left = N_FACES - step * CREW_BATCH;
        const double n = (double)(left < CREW_BATCH ? left : CREW_BATCH);
        const double weight = (1.0 - beta) * pow(beta, (double)(STEPS - 1 - step));
        out[order[k] % CREW_LABELS] += weight * -2.0 / n * target_of(order[k]);
        times[order[k]]++;
    }
    for (size_t i = 0; i < N_FACES; i++) ck_assert_uint_eq(times[i], 1);
}

/* Of every rank one or two members; of a rank that is alone three. */
static unsigned n_members(unsigned rank) {
    return n_ranks == 1 ? CREW_MAX_MEMBERS : 1 + rank % 2;
}

/* 1, 2, 3, ... samples, and the last member has the rest. */
static fcl_share_record uneven(void) {
    fcl_share_record record = {.first_step = 1};
    unsigned n = 0, left = CREW_BATCH;
    for (unsigned rank = 0; rank < n_ranks; rank++) n += n_members(rank);
    for (unsigned i = 0; i < n; i++) left -= record.samples[i] = i + 1 < n ? i + 1 : left;
    return record;
}

static fcl_recipe make_recipe(void) {
    fcl_recipe recipe;
    ck_ok(fcl_recipe_load(&recipe, "standard", "small"));
    recipe.batch = CREW_BATCH;
    recipe.epochs = EPOCHS;
    recipe.learning_rate = 0.0;
    recipe.beta1 = beta;
    recipe.augment = 0;
    return recipe;
}

/* The first moments of the last layer's biases after each epoch, of the members that are still there; of others NAN. */
typedef double moments[EPOCHS][CREW_MAX_MEMBERS][CREW_LABELS];

static void read_moments(double out[CREW_MAX_MEMBERS][CREW_LABELS], const crew *c) {
    for (unsigned m = 0; m < c->n; m++) {
        out[m][0] = (double)NAN;
        if (!fcl_team_replica(c->team, m)) continue;
        fcl_tensors tensors = read_arena(c, m, FCL_MOMENT1);
        const float *bias = fcl_tensors_at(&tensors, fcl_model_n_tensors(c->model) - 1);
        for (size_t i = 0; i < CREW_LABELS; i++) out[m][i] = (double)bias[i];
        fcl_tensors_dispose(&tensors);
    }
}

static void train(moments out, const crew *c, const fcl_dataset *faces, const fcl_recipe *recipe) {
    fcl_batches *batches;
    fcl_trainer *trainer;
    fcl_epoch_end end;
    fcl_position position = {0};
    const fcl_batch_options options = fcl_recipe_batches(recipe);
    ck_ok(fcl_batches_create(&batches, faces, &options));
    ck_ok(fcl_trainer_create(
        &trainer,
        &(fcl_trainer_setup){.team = c->team, .batches = batches, .recipe = recipe, .max_steps = UINT64_MAX}));
    for (unsigned epoch = 0; epoch < EPOCHS; epoch++) {
        begin_anew(c, 1);
        position = (fcl_position){.epoch = epoch, .step = (uint64_t)epoch * STEPS};
        ck_ok(fcl_trainer_epoch(&end, trainer, &position));
        read_moments(out[epoch], c);
    }
    ck_assert_uint_eq(position.step, EPOCHS * STEPS);
    fcl_trainer_free(trainer);
    fcl_batches_free(batches);
}

START_TEST(all_ranks_are_there) {
    const char *wanted = getenv("FIDUCL_TEST_RANKS");
    ck_assert_uint_eq(n_ranks, wanted ? (unsigned)atoi(wanted) : 1);
}
END_TEST

START_TEST(each_sample_counts_once_an_epoch) {
    static moments got;
    const double tolerance = 1e-7; /* a sample counts nine times that at least, in the first step of an epoch */
    const fcl_share_record record = uneven();
    fcl_dataset *faces = make_faces();
    const fcl_recipe recipe = make_recipe();
    if (_i == FAILING) setenv("FIDUCL_FAULT", "fail:1@8,fail-update:0@28", 1);
    crew c = make_crew("small", &record, _i == MEASURED ? 0 : 1, n_members(own));
    train(got, &c, faces, &recipe);
    unsetenv("FIDUCL_FAULT");
    unsigned n_left = 0;
    for (unsigned m = 0; m < c.n; m++) n_left += fcl_team_replica(c.team, m) != NULL;
    free_crew(&c);
    fcl_dataset_free(faces);
    if (_i == FAILING) ck_assert_uint_eq(n_left, 1);
    for (unsigned epoch = 0; epoch < EPOCHS; epoch++) {
        double wanted[CREW_LABELS];
        find_moments(wanted, recipe.seed, epoch);
        for (unsigned m = 0; m < n_members(own); m++)
            for (size_t i = 0; i < CREW_LABELS && !isnan(got[epoch][m][0]); i++)
                ck_assert_msg(fabs(got[epoch][m][i] - wanted[i]) <= tolerance,
                              "epoch %u, member %u of rank %u, coordinate %zu: %.9g instead of %.9g", epoch, m, own, i,
                              got[epoch][m][i], wanted[i]);
    }
}
END_TEST

int main(void) {
    if (fcl_ranks_init() != FCL_OK) {
        fprintf(stderr, "%s\n", fcl_error_message());
        return EXIT_FAILURE;
    }
    n_ranks = fcl_ranks_count();
    own = fcl_ranks_index();
    Suite *suite = suite_create("train: epoch");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, all_ranks_are_there);
    /* A device that fails ends a run of several ranks. */
    tcase_add_loop_test(tests, each_sample_counts_once_an_epoch, 0, n_ranks > 1 ? FAILING : N_WAYS);
    suite_add_tcase(suite, tests);
    const int code = has_one_thread_only() ? EXIT_SUCCESS : test_run(suite);
    fcl_ranks_finalize();
    return code;
}
