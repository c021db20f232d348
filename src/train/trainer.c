#include "train/trainer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/suspend.h"
#include "base/text.h"
#include "train/guard.h"
#include "train/schedule.h"
#include "train/stage.h"

/* A step whose loss was not read back yet. */
typedef struct pending_step {
    uint64_t step;
    size_t n, n_labelled;
} pending_step;

/* A batch that a step under way may still be read from. */
typedef struct held_batch {
    int is_held;
    unsigned slot;
} held_batch;

struct fcl_trainer {
    fcl_trainer_setup setup;
    FILE *step_log;                       /* NULL: none is wanted */
    fcl_stage *stage;                     /* NULL: batches are copied */
    held_batch held[FCL_STEPS_IN_FLIGHT]; /* by step */
    pending_step pending[FCL_STATS_SLOTS];
    unsigned n_pending;
    size_t steps_per_epoch;
    uint64_t shares_version; /* that the batches know */
    int is_current;
};

fcl_status fcl_trainer_begin(fcl_team *team, uint64_t seed, const char *weights_file) {
    fcl_status status;
    fcl_tensors weights = {0};
    FCL_TRY(fcl_tensors_init(&weights, fcl_network_model(fcl_team_first(team)->network)));
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
    FCL_TRY(fcl_team_write(team, FCL_PARAMETERS, &weights));
    FCL_TRY(fcl_team_reset_optimizer(team));
done:
    fcl_tensors_dispose(&weights);
    return status;
}

fcl_status fcl_trainer_create(fcl_trainer **out, const fcl_trainer_setup *setup) {
    fcl_status status;
    fcl_trainer *trainer = NULL;
    FCL_TRY(FCL_NEW(&trainer, 1, "the trainer"));
    trainer->setup = *setup;
    trainer->steps_per_epoch = fcl_batches_per_epoch(setup->batches);
    FCL_TRY(fcl_stage_create(&trainer->stage, setup->team, setup->batches));
    if (!trainer->stage) FCL_TRY(fcl_batches_allocate(setup->batches));
    *out = trainer;
    trainer = NULL;
done:
    free(trainer);
    return status;
}

void fcl_trainer_log_steps(fcl_trainer *trainer, FILE *log) {
    trainer->step_log = log;
}

static void release(fcl_trainer *trainer, held_batch *held) {
    if (held->is_held) fcl_batches_release(trainer->setup.batches, held->slot);
    held->is_held = 0;
}

/* Waits for all steps. */
static fcl_status land_all(fcl_trainer *trainer) {
    fcl_status status = fcl_team_land_all(trainer->setup.team);
    for (int i = 0; i < FCL_STEPS_IN_FLIGHT; i++) release(trainer, &trainer->held[i]);
    return status;
}

void fcl_trainer_free(fcl_trainer *trainer) {
    if (!trainer) return;
    /* What a device that does not answer may still read stays as it is. */
    if (!fcl_team_settle(trainer->setup.team)) {
        land_all(trainer);
        fcl_stage_free(trainer->stage);
    }
    free(trainer);
}

/* The next batch. One that does not get onto the device is kept from being made anew. */
static fcl_status next_batch(fcl_batch *out, int *more, fcl_trainer *trainer) {
    fcl_status status;
    fcl_batch batch;
    int is_there;
    FCL_TRY(fcl_batches_next(&batch, &is_there, trainer->setup.batches));
    if (is_there && trainer->stage) FCL_TRY(fcl_stage_enter(trainer->stage, &batch));
    *out = batch;
    *more = is_there;
done:
    return status;
}

static fcl_adam adam_of(const fcl_trainer *trainer, uint64_t step) {
    const fcl_recipe *recipe = trainer->setup.recipe;
    return (fcl_adam){.learning_rate =
                          fcl_learning_rate(recipe, step, (uint64_t)recipe->epochs * trainer->steps_per_epoch),
                      .beta1 = recipe->beta1,
                      .beta2 = recipe->beta2,
                      .epsilon = recipe->epsilon};
}

/* One step; the batch is released when no device reads it any more. */
static fcl_status run_step(fcl_trainer *trainer, const fcl_batch *batch, uint64_t step) {
    fcl_status status;
    held_batch *held = &trainer->held[step % FCL_STEPS_IN_FLIGHT];
    const fcl_adam adam = adam_of(trainer, step);
    const int had_lost = fcl_team_has_lost(trainer->setup.team);
    int done = 0;
    FCL_TRY(fcl_team_step(&done, trainer->setup.team, batch, step, trainer->setup.recipe->dropout, &adam));
    release(trainer, held);
    *held = (held_batch){1, batch->slot};
    trainer->pending[trainer->n_pending++] = (pending_step){step, batch->n, batch->n_labelled};
    if (!done) goto done;
    for (int i = 0; i < FCL_STEPS_IN_FLIGHT; i++) {
        /* What a device that was lost in this step may still read stays as it is. */
        if (fcl_team_has_lost(trainer->setup.team) != had_lost) trainer->held[i].is_held = 0;
        release(trainer, &trainer->held[i]);
    }
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
    fcl_network *network = fcl_team_first(trainer->setup.team)->network; /* all have the same */
    FCL_TRY(fcl_buffer_read(stats, fcl_network_stats(network), 0, sizeof stats));
    FCL_TRY(fcl_buffer_read(flag, fcl_network_flag(network), 0, sizeof flag));
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
        if (trainer->step_log)
            fcl_print(trainer->step_log, "%llu,%.9g\n", (unsigned long long)p->step, (double)pair[0]);
    }
    trainer->n_pending = 0;
    *failed_step = flag[0] != 0 ? (uint64_t)(uint32_t)flag[0] : 0;
done:
    return status;
}

/* Has each device compute its share of a batch again until something is found; `adam`, unless NULL, with it. */
static fcl_status inspect(fcl_finding *out, const fcl_trainer *trainer, const fcl_batch *batch, uint64_t step,
                          const fcl_adam *adam) {
    fcl_status status = FCL_OK;
    fcl_team *team = trainer->setup.team;
    fcl_finding found = {.cause = FCL_CAUSE_NONE};
    for (unsigned i = 0; i < fcl_team_size(team) && found.cause == FCL_CAUSE_NONE; i++) {
        fcl_replica *replica = fcl_team_replica(team, i);
        const fcl_task task = {.batch = batch,
                               .share = fcl_team_share(team, batch->n, i),
                               .step = step,
                               .dropout = trainer->setup.recipe->dropout};
        if (replica) FCL_TRY(fcl_replica_inspect(&found, replica, &task, adam));
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
    FCL_TRY(next_batch(&batch, &more, trainer));
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
    /* A recheck is each rank's own. */
    if (!with_update) FCL_TRY(fcl_guard_share(&found));
    FCL_TRY(conclude(&guarded, &found));
done:
    if (more) fcl_batches_release(trainer->setup.batches, batch.slot);
    return status;
}

fcl_status fcl_trainer_recheck(fcl_trainer *trainer, const fcl_position *position) {
    return look_at_next(trainer, position, 1, fcl_guard_recheck);
}

/* With several ranks only the samples are prepared that this one's devices compute: from batch `next` on, if the shares have
 * changed. */
static fcl_status update_window(fcl_trainer *trainer, uint32_t epoch, size_t next) {
    fcl_status status = FCL_OK;
    unsigned n;
    uint64_t version;
    const unsigned *samples = fcl_team_samples(&n, &version, trainer->setup.team);
    const fcl_share own = fcl_team_window(trainer->setup.team);
    if (own.n == n || !samples || version == trainer->shares_version) return FCL_OK;
    const fcl_batches_window window = {.weights = samples, .n_weights = n, .first = own.first, .n = own.n};
    FCL_TRY(fcl_batches_set_window(trainer->setup.batches, &window));
    FCL_TRY(fcl_batches_start(trainer->setup.batches, epoch, next));
    trainer->shares_version = version;
done:
    return status;
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

/* Ctrl-Z stops the process between two steps, with nothing left on the devices. */
static fcl_status suspend_if_asked(fcl_trainer *trainer) {
    if (!fcl_suspend_requested()) return FCL_OK;
    fcl_status status = land_all(trainer);
    if (status == FCL_OK) fcl_suspend();
    return status;
}

/* After a step that failed: counts those before it, if a device still tells of them. The message stays. */
static int recover(fcl_trainer *trainer, fcl_position *position) {
    uint64_t failed_step = 0;
    char *first = fcl_error_keep();
    const int recovered =
        fcl_team_first(trainer->setup.team) && collect(trainer, position, &failed_step) == FCL_OK && !failed_step;
    trainer->n_pending = 0;
    fcl_error_restore(first);
    return recovered;
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
        if (fcl_team_stop_requested(trainer->setup.team)) {
            end = FCL_EPOCH_INTERRUPTED;
            break;
        }
        fcl_batch batch;
        int more;
        FCL_TRY(next_batch(&batch, &more, trainer));
        if (!more) break;
        FCL_TRY(run_step(trainer, &batch, ++step));
        FCL_TRY(update_window(trainer, position->epoch, batch.index + 1));
        images += (double)batch.n;
        if (trainer->n_pending == FCL_STATS_SLOTS) {
            FCL_TRY(collect(trainer, position, &failed_step));
            if (failed_step) break;
        }
        report(trainer, position, images);
        FCL_TRY(suspend_if_asked(trainer));
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
    trainer->is_current = status == FCL_OK || failed_step || recover(trainer, position);
    return status;
}

int fcl_trainer_is_current(const fcl_trainer *trainer) {
    return trainer->is_current;
}
