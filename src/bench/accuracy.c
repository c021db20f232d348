/* bench accuracy: seconds until a model's validation MAE reaches a target, from several seeds. */
#include <math.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/bench.h"
#include "bench/cases.h"
#include "bench/solvers.h"
#include "bench/training.h"
#include "train/recipe.h"
#include "train/validation.h"

enum { VERSION = 1, TRAINED_FACES = 2048, VALIDATION_FACES = 512, TRAINED_SEED = 1, VALIDATION_SEED = 2 };

/* One model; a repeat is a training from a seed of its own. */
typedef struct race {
    fcl_bench *bench;
    const fcl_model *model;
    fcl_recipe recipe;
    const fcl_dataset *trained, *validated;
    json_t *epochs, *maes; /* of each repeat */
} race;

static fcl_status repeat(double *sample, double *error, void *state, unsigned index) {
    race *r = state;
    fcl_status status;
    fcl_training training = {0};
    fcl_recipe recipe = r->recipe;
    const fcl_bench_options *options = &r->bench->options;
    double loss, mae = (double)INFINITY;
    unsigned epochs = 0;
    recipe.seed = index;
    FCL_TRY(
        fcl_training_init(&training, r->bench->device, r->model, &recipe, r->bench->choice, r->trained, r->trained->n));
    double begin = fcl_clock_seconds();
    while (mae > options->target_mae && epochs < options->max_epochs) {
        status = fcl_training_epoch(&training);
        if (status == FCL_OK) status = fcl_validate(&loss, &mae, training.team, r->validated, recipe.learning_rate);
        if (status == FCL_E_NOT_FINITE) {
            status = FCL_OK;
            break;
        }
        if (status != FCL_OK) goto done;
        epochs++;
    }
    *sample = fcl_clock_seconds() - begin;
    *error = mae;
    json_array_append_new(r->epochs, json_integer(epochs));
    json_array_append_new(r->maes, fcl_json_number_or_null(mae));
done:
    fcl_training_dispose(&training);
    return status;
}

/* Which solvers it will have; creating the network also compiles what is needed, before the clock runs. */
static fcl_status look_at_solvers(race *r, fcl_result *result) {
    fcl_status status;
    fcl_training training = {0};
    FCL_TRY(fcl_training_init(&training, r->bench->device, r->model, &r->recipe, r->bench->choice, r->trained,
                              r->recipe.batch < r->trained->n ? r->recipe.batch : r->trained->n));
    FCL_TRY(fcl_result_set_solvers(result, training.network, r->bench));
    FCL_TRY(fcl_training_epoch(&training));
done:
    fcl_training_dispose(&training);
    return status;
}

static fcl_status add(fcl_cases *cases, race *r) {
    fcl_status status;
    const fcl_bench_options *options = &r->bench->options;
    fcl_case added = {.repeat = repeat, .state = r};
    char *workload = fcl_format("accuracy/%s", fcl_model_name(r->model));
    if (!workload) return FCL_E_MEMORY;
    FCL_TRY(fcl_result_name(&added.result, workload, VERSION, "time", "s", 0));
    FCL_TRY(fcl_training_recipe(&r->recipe, r->model, options->batch));
    FCL_TRY(look_at_solvers(r, &added.result));
    r->epochs = json_array();
    r->maes = json_array();
    json_object_update_new(added.result.details,
                           json_pack("{s:f, s:i, s:i, s:i, s:o, s:O, s:O}", "target_mae", options->target_mae,
                                     "max_epochs", (int)options->max_epochs, "trained_faces", TRAINED_FACES,
                                     "validation_faces", VALIDATION_FACES, "recipe", fcl_recipe_to_json(&r->recipe),
                                     "epochs", r->epochs, "val_mae", r->maes));
    FCL_TRY(fcl_result_set_check(&added.result, 0.0, options->target_mae,
                                 "the validation MAE in pixels that the worst seed ended with, against the target"));
    FCL_TRY(fcl_cases_add(cases, &added));
done:
    fcl_result_dispose(&added.result);
    free(workload);
    return status;
}

fcl_status fcl_bench_accuracy(fcl_bench *bench) {
    fcl_status status;
    fcl_cases cases = {0};
    race races[FCL_BENCH_MAX_MODELS] = {{0}};
    fcl_dataset *trained = NULL, *validated = NULL;
    FCL_TRY(
        fcl_synth_dataset(&trained, &(fcl_synth_options){.count = TRAINED_FACES, .seed = TRAINED_SEED, .complete = 1}));
    FCL_TRY(fcl_synth_dataset(&validated,
                              &(fcl_synth_options){.count = VALIDATION_FACES, .seed = VALIDATION_SEED, .complete = 1}));
    for (size_t m = 0; m < bench->n_models; m++) {
        races[m] = (race){.bench = bench, .model = bench->models[m], .trained = trained, .validated = validated};
        FCL_TRY(add(&cases, &races[m]));
    }
    const fcl_status measured = fcl_cases_run(&cases, bench->options.seeds, bench->probe, "accuracy");
    FCL_TRY(fcl_cases_report(bench->report, &cases));
    status = measured;
done:
    fcl_cases_dispose(&cases);
    for (size_t m = 0; m < bench->n_models; m++) {
        json_decref(races[m].epochs);
        json_decref(races[m].maes);
    }
    fcl_dataset_free(trained);
    fcl_dataset_free(validated);
    return status;
}
