/* bench scaling: training on each of several devices alone, and on all of them together. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/bench.h"
#include "bench/cases.h"
#include "bench/first_batch.h"
#include "bench/scaling.h"
#include "bench/scaling_facts.h"
#include "bench/solvers.h"
#include "bench/speed.h"
#include "bench/statistics.h"
#include "device/queue.h"
#include "train/recipe.h"

enum {
    VERSION = 1,
    FACES = 1024,
    FACES_SEED = 1,
    MIN_BATCHES = 4,
    LEAD_STEPS =
        2, /* before the clock runs: the devices come from other work, and the first step counts as a long one */
    SETTLING_EPOCH = 4,   /* steps */
    UNCHANGED_STEPS = 20, /* shares that have stayed so long have settled */
    MOST_SETTLING_STEPS = 60
};

/* A training, of one device or of all; a repeat is some steps of it. */
typedef struct racer {
    fcl_training training;
    fcl_device *const *devices; /* lent */
    const fcl_dataset *faces;   /* lent */
    size_t batch, steps, epochs;
    fcl_member_times *times; /* (devices): of the steps on the clock only */
} racer;

/* All of one model: each device alone, then all together. */
typedef struct field {
    fcl_cases cases;
    racer *list;            /* (devices + 1) */
    unsigned n;             /* devices */
    double *update_seconds; /* (n) */
    fcl_first_batch *first; /* (n) of each alone */
    double rounding;        /* the largest of all networks */
} field;

static racer *together(field *f) {
    return &f->list[f->n];
}

static void dispose(field *f, int has_lost) {
    fcl_cases_dispose(&f->cases);
    for (unsigned i = 0; f->first && i < f->n; i++) fcl_first_batch_dispose(&f->first[i]);
    free(f->first);
    free(f->update_seconds);
    /* A device that does not answer would be waited for, and may still read what it was given. */
    if (has_lost) return;
    for (unsigned i = 0; f->list && i <= f->n; i++) {
        fcl_training_dispose(&f->list[i].training);
        free(f->list[i].times);
    }
    free(f->list);
}

/* The others would go on, but a repeat of its own that it does not answer would be waited for, for ever. */
static fcl_status check_answers(const racer *r) {
    for (unsigned i = 0; i < r->training.n; i++)
        if (fcl_team_is_lost(r->training.team, i))
            return fcl_fail(FCL_E_DEVICE, "the device '%s' stopped answering while all trained together",
                            fcl_device_facts(r->devices[i])->name);
    return FCL_OK;
}

static fcl_status take_steps(racer *r, size_t steps) {
    fcl_status status;
    FCL_TRY(fcl_training_use(&r->training, steps * r->batch));
    FCL_TRY(fcl_training_epoch(&r->training));
    FCL_TRY(check_answers(r));
done:
    return status;
}

/* While others had their turn it was not this training that worked. */
static void begin_paces(racer *r) {
    for (unsigned i = 0; i < fcl_team_size(r->training.team); i++) {
        fcl_replica *replica = fcl_team_replica(r->training.team, i);
        if (replica) fcl_pace_begin(&replica->pace, replica->pace.duty, NULL);
    }
}

static void add_times(racer *r, const fcl_member_times *before) {
    for (unsigned i = 0; i < r->training.n; i++) {
        const fcl_member_times now = fcl_team_times(r->training.team, i);
        fcl_member_times *t = &r->times[i];
        t->busy += now.busy - before[i].busy;
        t->waiting += now.waiting - before[i].waiting;
        t->exchange += now.exchange - before[i].exchange;
        t->n_steps += now.n_steps - before[i].n_steps;
        t->n_samples += now.n_samples - before[i].n_samples;
    }
}

static fcl_status repeat(double *sample, double *error, void *state, unsigned index) {
    racer *r = state;
    fcl_status status;
    fcl_member_times before[FCL_MAX_REPLICAS];
    (void)index;
    *error = 0.0;
    begin_paces(r);
    FCL_TRY(take_steps(r, LEAD_STEPS));
    FCL_TRY(fcl_training_use(&r->training, r->steps * r->batch));
    for (unsigned i = 0; i < r->training.n; i++) before[i] = fcl_team_times(r->training.team, i);
    const double begin = fcl_clock_seconds();
    for (size_t i = 0; i < r->epochs; i++) FCL_TRY(fcl_training_epoch(&r->training));
    *sample = (double)(r->epochs * r->steps * r->batch) / (fcl_clock_seconds() - begin);
    FCL_TRY(check_answers(r));
    add_times(r, before);
done:
    /* Not a fault of the program, but no speed either. */
    if (status == FCL_E_NOT_FINITE) {
        *error = (double)INFINITY;
        *sample = 0.0;
        status = FCL_OK;
    }
    return status;
}

static fcl_status start(racer *r, const fcl_bench *bench, const fcl_model *model, const fcl_recipe *recipe,
                        const fcl_dataset *faces, unsigned first, unsigned n) {
    fcl_status status;
    const fcl_training_setup setup = {.devices = bench->devices + first,
                                      .n = n,
                                      .duties = bench->duties + first,
                                      .shares = n > 1 && bench->options.n_shares ? bench->options.shares : NULL,
                                      .model = model,
                                      .recipe = recipe,
                                      .choice = bench->choice,
                                      .data = faces,
                                      .n_images = LEAD_STEPS * recipe->batch};
    r->devices = setup.devices;
    r->faces = faces;
    r->batch = recipe->batch;
    FCL_TRY(FCL_NEW(&r->times, n, "times of devices"));
    FCL_TRY(fcl_training_init_several(&r->training, &setup));
done:
    return status;
}

/* So many steps that a repeat takes as long as it should. */
static fcl_status find_steps(racer *r, const fcl_bench *bench) {
    fcl_status status;
    const size_t most = r->faces->n / r->batch;
    FCL_TRY(take_steps(r, LEAD_STEPS));
    const double begin = fcl_clock_seconds();
    FCL_TRY(take_steps(r, LEAD_STEPS));
    r->steps = fcl_units_a_repeat(bench, LEAD_STEPS, fcl_clock_seconds() - begin);
    r->epochs = (r->steps + most - 1) / most;
    if (r->steps > most) r->steps = most;
done:
    return status;
}

/* Seconds of an update that changes no weight; the moments are those of the beginning afterwards. */
static fcl_status time_update(double *seconds, fcl_training *training) {
    enum { RUNS = 5 };
    fcl_status status;
    double samples[RUNS];
    const fcl_recipe *recipe = &training->recipe;
    const fcl_pass pass = {.n = 1, .step = 1};
    const fcl_adam adam = {.beta1 = recipe->beta1, .beta2 = recipe->beta2, .epsilon = recipe->epsilon};
    for (int run = -1; run < RUNS; run++) { /* the first one may allocate */
        FCL_TRY(fcl_device_finish(training->device));
        const double begin = fcl_clock_seconds();
        FCL_TRY(fcl_network_update(training->network, &pass, &adam));
        FCL_TRY(fcl_device_finish(training->device));
        if (run >= 0) samples[run] = fcl_clock_seconds() - begin;
    }
    FCL_TRY(fcl_trainer_begin(training->team, recipe->seed, NULL));
    *seconds = fcl_median(samples, RUNS);
done:
    return status;
}

static char *workload_name(const fcl_bench *bench, const fcl_model *model, const char *which) {
    return fcl_format("scaling/%s/batch%d/%s", fcl_model_name(model), bench->options.batch, which);
}

static fcl_status add_alone(field *f, unsigned index, fcl_bench *bench, const fcl_model *model,
                            const fcl_recipe *recipe, const fcl_dataset *faces) {
    fcl_status status;
    racer *r = &f->list[index];
    fcl_case added = {.repeat = repeat, .state = r};
    char which[32], *workload = NULL;
    snprintf(which, sizeof which, "alone/%u", index);
    if (!(workload = workload_name(bench, model, which))) return FCL_E_MEMORY;
    FCL_TRY(fcl_result_name(&added.result, workload, VERSION, "speed", "images/s", 1));
    FCL_TRY(start(r, bench, model, recipe, faces, index, 1));
    FCL_TRY(fcl_result_set_solvers(&added.result, r->training.network, bench));
    FCL_TRY(fcl_training_check(&added.result, &r->training));
    FCL_TRY(fcl_training_first_gradients(&f->first[index].loss, &f->first[index].gradients, &r->training));
    f->rounding = fmax(f->rounding, fcl_network_rounding(r->training.network));
    FCL_TRY(time_update(&f->update_seconds[index], &r->training));
    if (added.result.check.passed) FCL_TRY(find_steps(r, bench));
    FCL_TRY(fcl_scaling_note_alone(&added.result, bench, index, f->update_seconds[index]));
    FCL_TRY(fcl_cases_add(&f->cases, &added));
done:
    fcl_result_dispose(&added.result);
    free(workload);
    return status;
}

/* Until shares have stayed as they are for a while. */
static fcl_status settle(racer *r, fcl_result *result) {
    fcl_status status = FCL_OK;
    size_t n_before, n, steps = 0, unchanged = 0;
    fcl_team_records(&n_before, r->training.team);
    while (steps < MOST_SETTLING_STEPS && unchanged < UNCHANGED_STEPS) {
        FCL_TRY(take_steps(r, SETTLING_EPOCH));
        fcl_team_records(&n, r->training.team);
        steps += SETTLING_EPOCH;
        unchanged = n == n_before ? unchanged + SETTLING_EPOCH : 0;
        n_before = n;
    }
    json_object_update_new(result->details, json_pack("{s:I, s:b}", "settling_steps", (json_int_t)steps, "settled",
                                                      unchanged >= UNCHANGED_STEPS));
done:
    return status;
}

static fcl_status add_together(field *f, fcl_bench *bench, const fcl_model *model, const fcl_recipe *recipe,
                               const fcl_dataset *faces) {
    fcl_status status;
    racer *r = together(f);
    fcl_case added = {.repeat = repeat, .state = r};
    fcl_first_batch shared = {0};
    char *workload = workload_name(bench, model, "together");
    if (!workload) return FCL_E_MEMORY;
    FCL_TRY(fcl_result_name(&added.result, workload, VERSION, "speed", "images/s", 1));
    for (unsigned i = 0; i < f->n; i++)
        if (f->cases.list[i].result.solvers == FCL_TUNED) added.result.solvers = FCL_TUNED;
    FCL_TRY(start(r, bench, model, recipe, faces, 0, f->n));
    FCL_TRY(fcl_training_shared_gradients(&shared.loss, &shared.gradients, &r->training));
    FCL_TRY(check_answers(r));
    FCL_TRY(fcl_first_batch_compare(&added.result, &shared, &f->first[0], f->rounding,
                                    "loss and gradients of the first batch against those of the first device alone, as "
                                    "shares of their bounds, and finite losses"));
    if (added.result.check.passed) {
        FCL_TRY(settle(r, &added.result));
        FCL_TRY(find_steps(r, bench));
    }
    json_object_set_new(added.result.details, "recipe", fcl_recipe_to_json(recipe));
    FCL_TRY(fcl_cases_add(&f->cases, &added));
done:
    fcl_first_batch_dispose(&shared);
    fcl_result_dispose(&added.result);
    free(workload);
    return status;
}

/* Together over the sum of alone, round by round: whatever else the machine did hit all of a round alike. Without samples where
 * one has none. */
static fcl_status find_efficiency(fcl_result *out, const field *f) {
    fcl_status status;
    fcl_result result = {0};
    const fcl_result *all = &f->cases.list[f->n].result;
    size_t n = all->n_samples;
    for (unsigned i = 0; i < f->n; i++)
        if (f->cases.list[i].result.n_samples < n) n = f->cases.list[i].result.n_samples;
    if (n == 0) return FCL_OK;
    FCL_TRY(fcl_result_name(&result, all->workload, VERSION, "efficiency", "of the sum", 1));
    result.solvers = all->solvers;
    FCL_TRY(fcl_result_set_check(&result, all->check.error, all->check.bound, all->check.what));
    FCL_TRY(FCL_NEW(&result.samples, n, "samples"));
    FCL_TRY(FCL_NEW(&result.calibration, n, "samples"));
    for (size_t k = 0; k < n; k++) {
        double sum = 0.0;
        for (unsigned i = 0; i < f->n; i++) sum += f->cases.list[i].result.samples[k];
        result.samples[k] = all->samples[k] / sum;
        result.calibration[k] = all->calibration[k];
    }
    result.n_samples = n;
    *out = result;
    result = (fcl_result){0};
done:
    fcl_result_dispose(&result);
    return status;
}

/* What is known only after all rounds goes into the details of `together`. */
static fcl_status describe(field *f, const fcl_bench *bench) {
    double alone[FCL_MAX_REPLICAS];
    fcl_result *all = &f->cases.list[f->n].result;
    for (unsigned i = 0; i < f->n; i++) {
        const fcl_result *r = &f->cases.list[i].result;
        alone[i] = r->check.passed && r->n_samples ? fcl_result_median(r) : (double)NAN;
    }
    return fcl_scaling_note_together(all, bench,
                                     &(fcl_scaling_seen){together(f)->training.team, together(f)->training.network,
                                                         together(f)->times, alone, f->update_seconds});
}

static fcl_status measure(field *f, fcl_bench *bench, const fcl_model *model, const fcl_dataset *faces) {
    fcl_status status;
    fcl_recipe recipe;
    fcl_result efficiency = {0};
    f->n = bench->n_devices;
    FCL_TRY(fcl_training_recipe(&recipe, model, bench->options.batch));
    FCL_TRY(FCL_NEW(&f->list, f->n + 1, "trainings"));
    FCL_TRY(FCL_NEW(&f->first, f->n, "first batches"));
    FCL_TRY(FCL_NEW(&f->update_seconds, f->n, "times of devices"));
    fcl_log(FCL_LOG_INFO, "scaling %s: checking and warming up", fcl_model_name(model));
    for (unsigned i = 0; i < f->n; i++) FCL_TRY(add_alone(f, i, bench, model, &recipe, faces));
    FCL_TRY(add_together(f, bench, model, &recipe, faces));
    const fcl_status measured = fcl_cases_run(&f->cases, bench->options.repeats, bench->probe, "scaling");
    FCL_TRY(describe(f, bench));
    FCL_TRY(find_efficiency(&efficiency, f));
    if (measured == FCL_OK && bench->options.figure && f->cases.list[f->n].result.check.passed)
        FCL_TRY(fcl_scaling_draw(bench->options.figure, fcl_model_name(model), &f->cases.list[f->n].result));
    FCL_TRY(fcl_cases_report(bench->report, &f->cases));
    if (efficiency.n_samples > 0) FCL_TRY(fcl_report_add(bench->report, &efficiency));
    status = measured;
done:
    fcl_result_dispose(&efficiency);
    if (f->list) bench->has_lost |= together(f)->training.has_lost || fcl_team_settle(together(f)->training.team);
    return status;
}

fcl_status fcl_bench_scaling(fcl_bench *bench) {
    fcl_status status;
    fcl_dataset *faces = NULL;
    const size_t least = (size_t)bench->options.batch * MIN_BATCHES;
    FCL_TRY(fcl_synth_dataset(
        &faces, &(fcl_synth_options){.count = least > FACES ? least : FACES, .seed = FACES_SEED, .complete = 1}));
    for (size_t m = 0; m < bench->n_models; m++) {
        field f = {0};
        status = measure(&f, bench, bench->models[m], faces);
        dispose(&f, bench->has_lost);
        if (status != FCL_OK) goto done;
    }
done:
    if (!bench->has_lost) fcl_dataset_free(faces);
    return status;
}
