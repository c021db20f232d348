#include "train/trainer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/queue.h"
#include "net/share.h"
#include "train/guard.h"
#include "train/schedule.h"

/* Steps that may be enqueued and not done: enough to keep the device busy while the host prepares the next
 * one, few enough that a display driver's watchdog sees short work. */
enum { STEPS_IN_FLIGHT = 2 };

typedef struct flight {
    fcl_fence *fence; /* NULL: free */
    unsigned slot;    /* of the batches, held until the fence */
} flight;

/* A step whose loss was not read back yet. */
typedef struct pending_step {
    uint64_t step;
    size_t n, n_labelled;
} pending_step;

struct fcl_trainer {
    fcl_trainer_setup setup;
    flight flights[STEPS_IN_FLIGHT];
    pending_step pending[FCL_STATS_SLOTS];
    unsigned n_pending;
    size_t steps_per_epoch;
};

fcl_status fcl_trainer_begin(fcl_network *network, uint64_t seed, const char *weights_file) {
    fcl_status status;
    fcl_tensors weights = {0};
    FCL_TRY(fcl_tensors_init(&weights, fcl_network_model(network)));
    if (weights_file) {
        const fcl_tensor_set set = {"", &weights};
        FCL_TRY(fcl_safetensors_read(weights_file, &set, 1));
        if (!fcl_tensors_are_finite(&weights)) {
            status = fcl_fail(FCL_E_INPUT, "%s: not all weights are finite", weights_file);
            goto done;
        }
    } else {
        fcl_tensors_initialize(&weights, seed);
    }
    FCL_TRY(fcl_network_write(network, FCL_PARAMETERS, &weights));
    FCL_TRY(fcl_network_reset_optimizer(network));
done:
    fcl_tensors_dispose(&weights);
    return status;
}

fcl_status fcl_trainer_create(fcl_trainer **out, const fcl_trainer_setup *setup) {
    fcl_trainer *trainer;
    fcl_status status = FCL_NEW(&trainer, 1, "the trainer");
    if (status != FCL_OK) return status;
    trainer->setup = *setup;
    trainer->steps_per_epoch = fcl_batches_per_epoch(setup->batches);
    *out = trainer;
    return FCL_OK;
}

static fcl_status land(fcl_trainer *trainer, flight *f) {
    if (!f->fence) return FCL_OK;
    fcl_status status = fcl_fence_wait(f->fence);
    fcl_fence_free(f->fence);
    f->fence = NULL;
    fcl_batches_release(trainer->setup.batches, f->slot);
    return status;
}

static fcl_status land_all(fcl_trainer *trainer) {
    fcl_status status = FCL_OK;
    for (int i = 0; i < STEPS_IN_FLIGHT; i++) {
        fcl_status one = land(trainer, &trainer->flights[i]);
        if (status == FCL_OK) status = one;
    }
    return status;
}

void fcl_trainer_free(fcl_trainer *trainer) {
    if (!trainer) return;
    /* After a failure uploads may still read from the batches' memory. The first message is the one that counts. */
    char *message = fcl_duplicate(fcl_error_message());
    if (fcl_device_finish(trainer->setup.device) != FCL_OK && message) fcl_fail(FCL_E_DEVICE, "%s", message);
    free(message);
    land_all(trainer);
    free(trainer);
}

static fcl_status upload(fcl_network *network, const fcl_batch *batch, fcl_share share) {
    const size_t pixels = (size_t)FCL_IMAGE_SIDE * FCL_IMAGE_SIDE, first_label = share.first * FCL_N_COORDINATES;
    const size_t image_bytes = share.n * pixels * sizeof(float),
                 label_bytes = share.n * FCL_N_COORDINATES * sizeof(float);
    fcl_status status;
    FCL_TRY(fcl_buffer_write_async(fcl_network_input(network), 0, batch->images + share.first * pixels, image_bytes));
    FCL_TRY(fcl_buffer_write_async(fcl_network_targets(network), 0, batch->targets + first_label, label_bytes));
    FCL_TRY(fcl_buffer_write_async(fcl_network_mask(network), 0, batch->mask + first_label, label_bytes));
done:
    return status;
}

/* Parts into which a batch is divided: as few as the network has room for. */
static size_t n_parts_of(const fcl_trainer *trainer, const fcl_batch *batch) {
    return fcl_share_n_parts((fcl_share){0, batch->n}, (size_t)fcl_network_batch(trainer->setup.network));
}

/* Uploads part `index` of a batch; *pass is how it is computed. */
static fcl_status load_part(fcl_pass *pass, const fcl_trainer *trainer, const fcl_batch *batch, size_t index,
                            uint64_t step) {
    const fcl_share part = fcl_share_part((fcl_share){0, batch->n}, n_parts_of(trainer, batch), index);
    *pass = (fcl_pass){.n = (int)part.n,
                       .dropout = trainer->setup.recipe->dropout,
                       .step = (uint32_t)step,
                       .first_sample = (uint32_t)part.first,
                       .inverse_count = batch->n_labelled ? 1.0f / (float)batch->n_labelled : 0.0f,
                       .slot = (uint32_t)((step - 1) % FCL_STATS_SLOTS),
                       .accumulate = index > 0};
    return upload(trainer->setup.network, batch, part);
}

static fcl_adam adam_of(const fcl_trainer *trainer, uint64_t step) {
    const fcl_recipe *recipe = trainer->setup.recipe;
    return (fcl_adam){.learning_rate =
                          fcl_learning_rate(recipe, step, (uint64_t)recipe->epochs * trainer->steps_per_epoch),
                      .beta1 = recipe->beta1,
                      .beta2 = recipe->beta2,
                      .epsilon = recipe->epsilon};
}

/* Enqueues one step, the batch's parts one after the other; the batch's slot is released when it is done. */
static fcl_status enqueue_step(fcl_trainer *trainer, const fcl_batch *batch, uint64_t step) {
    fcl_network *network = trainer->setup.network;
    flight *f = &trainer->flights[step % STEPS_IN_FLIGHT];
    fcl_status status;
    fcl_pass pass = {0};
    const fcl_adam adam = adam_of(trainer, step);
    const size_t n_parts = n_parts_of(trainer, batch);
    FCL_TRY(land(trainer, f));
    for (size_t i = 0; i < n_parts; i++) {
        FCL_TRY(load_part(&pass, trainer, batch, i, step));
        FCL_TRY(fcl_network_forward(network, &pass));
        FCL_TRY(fcl_network_loss(network, &pass));
        FCL_TRY(fcl_network_backward(network, &pass));
    }
    FCL_TRY(fcl_network_update(network, &pass, &adam));
    FCL_TRY(fcl_fence_create(&f->fence, trainer->setup.device));
    f->slot = batch->slot;
    trainer->pending[trainer->n_pending++] = (pending_step){step, batch->n, batch->n_labelled};
done:
    return status;
}

/* Reads the losses of the steps since the last time into the position. *failed_step is the first step whose
 * loss or gradient was not finite, or 0; the position then stands right before it. */
static fcl_status collect(fcl_trainer *trainer, fcl_position *position, uint64_t *failed_step) {
    float stats[FCL_STATS_SLOTS][2];
    int32_t flag[FCL_FLAG_WORDS];
    fcl_status status;
    FCL_TRY(land_all(trainer));
    FCL_TRY(fcl_buffer_read(stats, fcl_network_stats(trainer->setup.network), 0, sizeof stats));
    FCL_TRY(fcl_buffer_read(flag, fcl_network_flag(trainer->setup.network), 0, sizeof flag));
    for (unsigned i = 0; i < trainer->n_pending; i++) {
        const pending_step *p = &trainer->pending[i];
        if (flag[0] != 0 && p->step >= (uint32_t)flag[0]) break;
        const float *pair = stats[(p->step - 1) % FCL_STATS_SLOTS];
        position->step = p->step;
        position->batch++;
        position->loss_sum += (double)pair[0] * (double)p->n_labelled;
        position->mae_sum += (double)pair[1] * (double)p->n_labelled;
        position->labelled += (double)p->n_labelled;
        position->images += (double)p->n;
        if (trainer->setup.step_log)
            fcl_print(trainer->setup.step_log, "%llu,%.9g\n", (unsigned long long)p->step, (double)pair[0]);
    }
    trainer->n_pending = 0;
    *failed_step = flag[0] != 0 ? (uint64_t)(uint32_t)flag[0] : 0;
done:
    return status;
}

/* Computes a batch again, part by part until something is found; `adam`, unless NULL, with the last. */
static fcl_status inspect(fcl_finding *out, const fcl_trainer *trainer, const fcl_batch *batch, uint64_t step,
                          const fcl_adam *adam) {
    fcl_status status = FCL_OK;
    fcl_finding found = {.cause = FCL_CAUSE_NONE};
    const size_t n_parts = n_parts_of(trainer, batch);
    for (size_t i = 0; i < n_parts && found.cause == FCL_CAUSE_NONE; i++) {
        fcl_pass pass;
        FCL_TRY(load_part(&pass, trainer, batch, i, step));
        FCL_TRY(fcl_network_inspect(&found, trainer->setup.network, &pass, i + 1 == n_parts ? adam : NULL));
    }
    *out = found;
done:
    return status;
}

/* The batch that the position stands before, made again and looked into, with or without the update; `conclude` says what that
 * means. */
static fcl_status look_at_next(fcl_trainer *trainer, const fcl_position *position, int with_update,
                               fcl_status (*conclude)(const fcl_guarded *guarded, const fcl_finding *found)) {
    fcl_status status;
    fcl_batch batch = {0};
    fcl_finding found;
    int more = 0;
    char when[64];
    const uint64_t step = position->step + 1;
    FCL_TRY(fcl_batches_start(trainer->setup.batches, position->epoch, (size_t)position->batch));
    FCL_TRY(fcl_batches_next(&batch, &more, trainer->setup.batches));
    snprintf(when, sizeof when, "step %llu (epoch %u)", (unsigned long long)step, position->epoch + 1);
    if (!more) {
        status = fcl_fail(FCL_E_INTERNAL, "there is no batch for %s", when);
        goto done;
    }
    const fcl_adam adam = adam_of(trainer, step);
    const fcl_guarded guarded = {.when = when,
                                 .dataset = fcl_batches_dataset(trainer->setup.batches),
                                 .samples = batch.samples,
                                 .n = batch.n,
                                 .learning_rate = trainer->setup.recipe->learning_rate};
    FCL_TRY(inspect(&found, trainer, &batch, step, with_update ? &adam : NULL));
    FCL_TRY(conclude(&guarded, &found));
done:
    if (more) fcl_batches_release(trainer->setup.batches, batch.slot);
    return status;
}

fcl_status fcl_trainer_recheck(fcl_trainer *trainer, const fcl_position *position) {
    return look_at_next(trainer, position, 1, fcl_guard_recheck);
}

static void report(const fcl_trainer *trainer, const fcl_position *position, double images) {
    char task[64], detail[64] = "";
    snprintf(task, sizeof task, "epoch %u/%u", position->epoch + 1, trainer->setup.recipe->epochs);
    if (position->labelled > 0)
        snprintf(detail, sizeof detail, "mae %.2f px", position->mae_sum / position->labelled * (FCL_IMAGE_SIDE / 2.0));
    fcl_progress_report(&(fcl_progress){.task = task,
                                        .done = (size_t)images,
                                        .total = fcl_batches_n_samples(trainer->setup.batches),
                                        .unit = "images",
                                        .detail = detail});
}

/* Between two steps, with nothing left on the device. */
static fcl_status take_break(fcl_trainer *trainer) {
    if (!fcl_pace_wants_break(trainer->setup.pace)) return FCL_OK;
    fcl_status status = land_all(trainer);
    if (status == FCL_OK) fcl_pace_break(trainer->setup.pace);
    return status;
}

fcl_status fcl_trainer_epoch(fcl_epoch_end *out, fcl_trainer *trainer, fcl_position *position) {
    fcl_status status;
    double begin = fcl_clock_seconds(), earlier = position->seconds, earlier_total = position->total_seconds;
    fcl_epoch_end end = FCL_EPOCH_DONE;
    uint64_t step = position->step, failed_step = 0;
    double images = position->images;
    FCL_TRY(fcl_batches_start(trainer->setup.batches, position->epoch, (size_t)position->batch));
    for (;;) {
        if (step >= trainer->setup.max_steps) {
            end = FCL_EPOCH_MAX_STEPS;
            break;
        }
        if (fcl_interrupt_requested()) {
            end = FCL_EPOCH_INTERRUPTED;
            break;
        }
        fcl_batch batch;
        int more;
        FCL_TRY(fcl_batches_next(&batch, &more, trainer->setup.batches));
        if (!more) break;
        FCL_TRY(enqueue_step(trainer, &batch, ++step));
        images += (double)batch.n;
        if (trainer->n_pending == FCL_STATS_SLOTS) {
            FCL_TRY(collect(trainer, position, &failed_step));
            if (failed_step) break;
        }
        report(trainer, position, images);
        FCL_TRY(take_break(trainer));
    }
    if (!failed_step) FCL_TRY(collect(trainer, position, &failed_step));
    position->seconds = earlier + fcl_clock_seconds() - begin;
    position->total_seconds = earlier_total + fcl_clock_seconds() - begin;
    if (failed_step) {
        status = look_at_next(trainer, position, 0, fcl_guard_explain);
        goto done;
    }
    *out = end;
done:
    if (status != FCL_OK) {
        land_all(trainer);
        trainer->n_pending = 0;
    }
    return status;
}
