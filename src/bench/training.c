#include "bench/training.h"

#include <stdlib.h>

#include "base/memory.h"
#include "train/recipe.h"

enum { FOREVER = 1000000 }; /* epochs: more than any benchmark runs */

fcl_status fcl_training_recipe(fcl_recipe *out, const fcl_model *model, int batch) {
    fcl_status status = fcl_recipe_load(out, "standard", fcl_model_name(model));
    if (status != FCL_OK) return status;
    out->batch = (unsigned)batch;
    out->schedule = FCL_CONSTANT;
    out->augment = 0;
    out->epochs = FOREVER;
    return FCL_OK;
}

static void free_trainer(fcl_training *training) {
    fcl_trainer_free(training->trainer);
    /* A device that does not answer may still read from them. */
    if (!fcl_team_settle(training->team)) fcl_batches_free(training->batches);
    training->trainer = NULL;
    training->batches = NULL;
}

void fcl_training_dispose(fcl_training *training) {
    free_trainer(training);
    const int has_lost = fcl_team_settle(training->team) || training->has_lost;
    fcl_team_free(training->team);
    for (unsigned i = 0; !has_lost && i < training->n; i++) fcl_network_free(training->networks[i]);
    free(training->networks);
    *training = (fcl_training){.has_lost = has_lost};
}

fcl_status fcl_training_use(fcl_training *training, size_t n_images) {
    fcl_status status;
    const fcl_batch_options options = fcl_recipe_batches(&training->recipe);
    free_trainer(training);
    training->data.n = n_images;
    FCL_TRY(fcl_batches_create(&training->batches, &training->data, &options));
    FCL_TRY(fcl_trainer_create(&training->trainer, &(fcl_trainer_setup){.team = training->team,
                                                                        .batches = training->batches,
                                                                        .recipe = &training->recipe,
                                                                        .max_steps = UINT64_MAX}));
done:
    return status;
}

static fcl_status make_team(fcl_training *training, const fcl_training_setup *setup) {
    fcl_status status;
    fcl_team_member *members = NULL;
    fcl_share_record record = {.first_step = 1};
    FCL_TRY(FCL_NEW(&members, setup->n, "devices"));
    for (unsigned i = 0; i < setup->n; i++)
        members[i] = (fcl_team_member){.device = setup->devices[i],
                                       .network = training->networks[i],
                                       .duty = setup->duties ? setup->duties[i] : 1.0};
    if (setup->shares) {
        double weights[FCL_MAX_REPLICAS];
        for (unsigned i = 0; i < setup->n; i++) weights[i] = setup->shares[i];
        fcl_shares_divide(record.samples, weights, setup->n, setup->recipe->batch);
    }
    FCL_TRY(
        fcl_team_create(&training->team, &(fcl_team_setup){.members = members,
                                                           .n = setup->n,
                                                           .batch = setup->recipe->batch,
                                                           .mode = setup->shares ? FCL_SHARES_FIXED : FCL_SHARES_AUTO,
                                                           .records = &record,
                                                           .n_records = setup->shares != NULL}));
done:
    free(members);
    return status;
}

fcl_status fcl_training_init_several(fcl_training *out, const fcl_training_setup *setup) {
    fcl_status status;
    const fcl_recipe *recipe = setup->recipe;
    const fcl_network_options options = {
        .batch = (int)recipe->batch, .training = 1, .choice = setup->choice, .measure = 1, .seed = recipe->seed};
    *out = (fcl_training){.device = setup->devices[0], .model = setup->model, .recipe = *recipe, .data = *setup->data};
    FCL_TRY(FCL_NEW(&out->networks, setup->n, "networks"));
    for (; out->n < setup->n; out->n++)
        FCL_TRY(fcl_network_create(&out->networks[out->n], setup->devices[out->n], setup->model, &options));
    out->network = out->networks[0];
    FCL_TRY(make_team(out, setup));
    FCL_TRY(fcl_trainer_begin(out->team, recipe->seed, NULL));
    FCL_TRY(fcl_training_use(out, setup->n_images));
done:
    if (status != FCL_OK) fcl_training_dispose(out);
    return status;
}

fcl_status fcl_training_init(fcl_training *out, fcl_device *device, const fcl_model *model, const fcl_recipe *recipe,
                             const fcl_choice *choice, const fcl_dataset *data, size_t n_images) {
    return fcl_training_init_several(out, &(fcl_training_setup){.devices = &device,
                                                                .n = 1,
                                                                .model = model,
                                                                .recipe = recipe,
                                                                .choice = choice,
                                                                .data = data,
                                                                .n_images = n_images});
}

fcl_status fcl_training_epoch(fcl_training *training) {
    fcl_position *p = &training->position;
    fcl_epoch_end end = FCL_EPOCH_DONE;
    fcl_status status = fcl_trainer_epoch(&end, training->trainer, p);
    if (status != FCL_OK) return status;
    if (end == FCL_EPOCH_INTERRUPTED) return fcl_fail(FCL_E_INTERRUPTED, "interrupted while training");
    p->epoch++;
    p->batch = 0;
    p->loss_sum = p->mae_sum = p->labelled = p->images = p->seconds = 0.0;
    return FCL_OK;
}

/* Those of the first batch, once `compute` has made the first device have them. */
static fcl_status find_gradients(double *loss, fcl_tensors *gradients, fcl_training *training,
                                 fcl_status (*compute)(fcl_training *training, const fcl_batch *batch)) {
    fcl_status status;
    fcl_tensors read = {0};
    fcl_batch batch = {0};
    int more = 0;
    float stats[2];
    FCL_TRY(fcl_tensors_init(&read, training->model));
    FCL_TRY(fcl_batches_start(training->batches, 0, 0));
    FCL_TRY(fcl_batches_next(&batch, &more, training->batches));
    FCL_TRY(compute(training, &batch));
    fcl_network *network = fcl_team_first(training->team)->network;
    FCL_TRY(fcl_buffer_read(stats, fcl_network_stats(network), 0, sizeof stats));
    FCL_TRY(fcl_network_read(&read, network, FCL_GRADIENTS));
    *loss = (double)stats[0];
    *gradients = read;
    read = (fcl_tensors){0};
done:
    /* What a device that does not answer may still read stays as it is. */
    if (more && !fcl_team_settle(training->team)) fcl_batches_release(training->batches, batch.slot);
    fcl_tensors_dispose(&read);
    return status;
}

static fcl_status compute_alone(fcl_training *training, const fcl_batch *batch) {
    const fcl_task task = {.batch = batch, .share = {0, batch->n}, .step = 1, .dropout = training->recipe.dropout};
    return fcl_replica_gradients(fcl_team_first(training->team), &task, NULL);
}

/* All get the sums. The weights that the step leaves are taken back. */
static fcl_status compute_together(fcl_training *training, const fcl_batch *batch) {
    fcl_status status;
    const fcl_recipe *recipe = &training->recipe;
    const fcl_adam adam = {.beta1 = recipe->beta1, .beta2 = recipe->beta2, .epsilon = recipe->epsilon};
    int done;
    FCL_TRY(fcl_team_step(&done, training->team, batch, 1, recipe->dropout, &adam));
    FCL_TRY(fcl_team_land_all(training->team));
    FCL_TRY(fcl_trainer_begin(training->team, recipe->seed, NULL));
done:
    return status;
}

fcl_status fcl_training_first_gradients(double *loss, fcl_tensors *gradients, fcl_training *training) {
    return find_gradients(loss, gradients, training, compute_alone);
}

fcl_status fcl_training_shared_gradients(double *loss, fcl_tensors *gradients, fcl_training *training) {
    return find_gradients(loss, gradients, training, compute_together);
}
