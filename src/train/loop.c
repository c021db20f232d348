#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/suspend.h"
#include "base/text.h"
#include "fiducl/train.h"
#include "plot/figure.h"
#include "ranks/ranks.h"
#include "train/check.h"
#include "train/history.h"
#include "train/members.h"
#include "train/recipe.h"
#include "train/run.h"
#include "train/schedule.h"
#include "train/trainer.h"
#include "train/validation.h"

/* Epochs shorter than this share a checkpoint, so that writing it never costs a notable part of the time. */
static const double checkpoint_interval_seconds = 30.0;

/* All that a training holds while it runs. */
typedef struct session {
    fcl_run run;
    fcl_recipe recipe;
    fcl_prepared *prepared;
    const fcl_dataset *train, *validation;
    fcl_model *model;
    fcl_members members;
    fcl_batches *batches;
    fcl_trainer *trainer;
    fcl_history history;
    fcl_position position;
    fcl_tensors best;          /* of position.best_epoch */
    uint64_t shares_saved;     /* the version of the shares that the run has */
    unsigned best_epoch_saved; /* whose weights best.safetensors has; 0: not known */
    double last_checkpoint;    /* on the clock; the first epoch's end is saved however short it was */
    int has_checkpoint;
    fcl_position saved;                   /* of the checkpoint */
    double recheck_seconds, last_recheck; /* 0: never; on the clock */
} session;

static void dispose(session *s) {
    fcl_trainer_free(s->trainer);
    /* A device that does not answer may still read what it was given. */
    const int has_lost = fcl_team_settle(s->members.team);
    if (!has_lost) fcl_batches_free(s->batches);
    fcl_members_dispose(&s->members);
    fcl_tensors_dispose(&s->best);
    if (!has_lost) fcl_model_free(s->model);
    if (!has_lost) fcl_prepared_free(s->prepared);
    fcl_history_dispose(&s->history);
    fcl_run_dispose(&s->run);
}

static fcl_status open_data(session *s, const char *prepared) {
    fcl_status status;
    FCL_TRY(fcl_prepared_open(&s->prepared, prepared));
    FCL_TRY(fcl_prepared_split(&s->train, s->prepared, FCL_TRAIN));
    FCL_TRY(fcl_prepared_split(&s->validation, s->prepared, FCL_VALIDATION));
done:
    return status;
}

/* Of several ranks the first writes what there is to write. */
static int writes(void) {
    return fcl_ranks_index() == 0;
}

static fcl_status write_text(const fcl_run *run, const char *name, const char *text) {
    char *path;
    fcl_status status = fcl_run_path(&path, run, name);
    if (status != FCL_OK) return status;
    status = fcl_file_write(path, text, strlen(text));
    free(path);
    return status;
}

static fcl_status create_trainer(session *s, uint64_t max_steps) {
    return fcl_trainer_create(
        &s->trainer, &(fcl_trainer_setup){
                         .team = s->members.team, .batches = s->batches, .recipe = &s->recipe, .max_steps = max_steps});
}

/* Devices' networks, batches and room for the best weights from what the session has. */
static fcl_status build(session *s, const fcl_members_setup *setup) {
    fcl_status status;
    const fcl_batch_options batches = fcl_recipe_batches(&s->recipe);
    FCL_TRY(fcl_members_build(&s->members, setup));
    FCL_TRY(fcl_members_log_plans(&s->members));
    FCL_TRY(fcl_batches_create(&s->batches, s->train, &batches));
    FCL_TRY(fcl_tensors_init(&s->best, s->model));
done:
    return status;
}

/* The weights that all devices have. */
static fcl_status read_best(session *s) {
    return fcl_network_read(&s->best, fcl_team_first(s->members.team)->network, FCL_PARAMETERS);
}

static fcl_status write_best(session *s) {
    fcl_status status = FCL_OK;
    char *path = NULL, *epoch = fcl_format("%u", s->position.best_epoch);
    if (!epoch) return FCL_E_MEMORY;
    FCL_TRY(fcl_run_path(&path, &s->run, "best.safetensors"));
    const fcl_tensor_set set = {"", &s->best};
    const fcl_metadata metadata[] = {
        {"format", "fiducl weights 1"}, {"model", fcl_model_name(s->model)}, {"epoch", epoch}, {NULL, NULL}};
    FCL_TRY(fcl_safetensors_write(path, &set, 1, metadata));
    s->best_epoch_saved = s->position.best_epoch;
done:
    free(epoch);
    free(path);
    return status;
}

static fcl_status write_history(session *s) {
    char *path;
    if (!writes()) return FCL_OK;
    fcl_status status = fcl_run_path(&path, &s->run, "history.csv");
    if (status != FCL_OK) return status;
    status = fcl_history_write(&s->history, path);
    free(path);
    return status;
}

/* "auto", or "3,1"; for free(). */
static char *shares_text(const fcl_members_setup *setup) {
    fcl_text text = FCL_TEXT_EMPTY;
    if (!setup->n_shares) fcl_text_append(&text, "auto");
    for (unsigned i = 0; i < setup->n_shares; i++) fcl_text_appendf(&text, "%s%u", i ? "," : "", setup->shares[i]);
    char *copy = fcl_text_status(&text) == FCL_OK ? fcl_duplicate(fcl_text_get(&text)) : NULL;
    fcl_text_dispose(&text);
    return copy;
}

/* Ranks that would not compute one training refuse to. After this all have read what they need of the run's folder. */
static fcl_status compare_ranks(session *s, const fcl_members_setup *setup, uint64_t max_steps) {
    fcl_status status;
    char kernels[FCL_HASH_TEXT_BYTES], weights[FCL_HASH_TEXT_BYTES], *recipe = NULL, *steps = NULL, *shares = NULL;
    fcl_tensors tensors = {0};
    if (fcl_ranks_count() == 1) return FCL_OK;
    json_t *object = fcl_recipe_to_json(&s->recipe);
    recipe = object ? json_dumps(object, JSON_SORT_KEYS) : NULL;
    json_decref(object);
    steps =
        fcl_format("from %llu to at most %llu", (unsigned long long)s->position.step, (unsigned long long)max_steps);
    shares = shares_text(setup);
    if (!recipe || !steps || !shares) {
        status = fcl_fail_memory("a comparison of ranks", 0);
        goto done;
    }
    FCL_TRY(fcl_device_kernels_hash(kernels));
    FCL_TRY(fcl_tensors_init(&tensors, s->model));
    FCL_TRY(fcl_network_read(&tensors, fcl_team_first(s->members.team)->network, FCL_PARAMETERS));
    fcl_hash_bytes(weights, tensors.data, tensors.count * sizeof *tensors.data);
    const fcl_rank_fact facts[] = {{"version of fiducl", fcl_version()},
                                   {"kernels", kernels},
                                   {"recipe", recipe},
                                   {"model", fcl_model_text(s->model)},
                                   {"prepared data", fcl_prepared_hash(s->prepared)},
                                   {"run folder", s->run.folder},
                                   {"steps", steps},
                                   {"shares", shares},
                                   {"weights to begin with", weights}};
    status = fcl_ranks_compare(facts, sizeof facts / sizeof *facts);
done:
    fcl_tensors_dispose(&tensors);
    free(recipe);
    free(steps);
    free(shares);
    return status;
}

/* How the devices shared batches until here, if that is news. */
static fcl_status record_shares(session *s) {
    size_t n;
    unsigned n_all;
    uint64_t version;
    const fcl_share_record *records = fcl_team_records(&n, s->members.team);
    fcl_team_samples(&n_all, &version, s->members.team);
    if (n_all == 1 || version == s->shares_saved) return FCL_OK;
    fcl_status status = fcl_run_set_shares(&s->run, records, n, n_all);
    if (status == FCL_OK) status = fcl_run_write(&s->run);
    if (status == FCL_OK) s->shares_saved = version;
    return status;
}

/* Both files of weights. The checkpoint is what a run is resumed from and has the best weights too. It comes last, so
 * that a run that is finished has the best weights; what a crash in between, or soon after, left newer than the checkpoint
 * is set back with the first save of the resumed run. */
static fcl_status save(session *s) {
    fcl_status status;
    char *path = NULL;
    FCL_TRY(fcl_team_level(s->members.team));
    if (!writes()) goto saved;
    FCL_TRY(record_shares(s));
    if (s->position.best_epoch != s->best_epoch_saved) FCL_TRY(write_best(s));
    FCL_TRY(fcl_run_path(&path, &s->run, "checkpoint.safetensors"));
    FCL_TRY(fcl_checkpoint_write(path, s->members.team, &s->best, &s->position));
saved:
    s->has_checkpoint = 1;
    s->saved = s->position;
done:
    s->last_checkpoint = fcl_clock_seconds();
    free(path);
    return status;
}

/* Validation, the history's row, the best weights, and the position moved to the next epoch. */
static fcl_status end_epoch(session *s) {
    fcl_status status;
    fcl_position *p = &s->position;
    const size_t steps_per_epoch = fcl_batches_per_epoch(s->batches);
    double val_loss, val_mae;
    FCL_TRY(fcl_team_level_ranks(s->members.team));
    FCL_TRY(fcl_validate(&val_loss, &val_mae, s->members.team, s->validation, s->recipe.learning_rate));
    p->epoch++;
    int better = p->best_epoch == 0 || val_loss < p->best_val_loss - s->recipe.min_delta;
    fcl_history_row row = {
        .epoch = p->epoch,
        .train_loss = p->labelled > 0 ? p->loss_sum / p->labelled : 0.0,
        .train_mae = p->labelled > 0 ? p->mae_sum / p->labelled * (FCL_IMAGE_SIDE / 2.0) : 0.0,
        .val_loss = val_loss,
        .val_mae = val_mae,
        .learning_rate = fcl_learning_rate(&s->recipe, p->step, (uint64_t)s->recipe.epochs * steps_per_epoch),
        .seconds = p->seconds,
        .images_per_second = p->seconds > 0 ? p->images / p->seconds : 0.0,
    };
    FCL_TRY(fcl_history_add(&s->history, &row));
    if (better) {
        p->best_epoch = p->epoch;
        p->best_val_loss = val_loss;
        p->best_val_mae = val_mae;
        p->wait = 0;
        FCL_TRY(read_best(s));
    } else {
        p->wait++;
    }
    p->batch = 0;
    p->loss_sum = p->mae_sum = p->labelled = p->images = p->seconds = 0.0;
    FCL_TRY(write_history(s));
    fcl_log(FCL_LOG_INFO,
            "epoch %u/%u: loss %.5f, mae %.3f px; validation loss %.5f, mae %.3f px%s; learning rate %.3g, "
            "%.0f images/s",
            p->epoch, s->recipe.epochs, row.train_loss, row.train_mae, val_loss, val_mae, better ? " (best)" : "",
            row.learning_rate, row.images_per_second);
done:
    return status;
}

/* After values that were not finite, or wrong, or without a device that could go on. The weights from before the step are saved
 * where they are known, unless the device is at fault: nothing that it computed since the last checkpoint is trusted then. Adds to
 * the message what is kept. */
static fcl_status keep_last_good(session *s, fcl_status failure) {
    char *first = fcl_error_keep();
    const int may_save =
        failure != FCL_E_WRONG_RESULT && fcl_trainer_is_current(s->trainer) && fcl_team_first(s->members.team) != NULL;
    fcl_status status = may_save ? save(s) : FCL_OK;
    char *why_not = status == FCL_OK ? NULL : fcl_format(", the last that could be written (%s)", fcl_error_message());
    fcl_error_restore(first);
    if (s->has_checkpoint)
        fcl_fail(failure, "%s; '%s' keeps its checkpoint of step %llu%s%s", fcl_error_message(), s->run.folder,
                 (unsigned long long)s->saved.step, s->saved.best_epoch ? " and the best weights until then" : "",
                 why_not ? why_not : "");
    else
        fcl_fail(failure, "%s; '%s' has no checkpoint yet", fcl_error_message(), s->run.folder);
    free(why_not);
    return failure;
}

/* Whether it is worth to say, or to see to it, what is kept. */
static int is_guarded(fcl_status status) {
    return status == FCL_E_NOT_FINITE || status == FCL_E_WRONG_RESULT || status == FCL_E_INPUT ||
           status == FCL_E_DEVICE || status == FCL_E_DEVICE_MEMORY;
}

/* From time to time, before a checkpoint is replaced: a device that is too hot or faulty may compute wrong numbers that are
 * finite. */
static fcl_status recheck(session *s) {
    if (s->recheck_seconds <= 0.0 || fcl_clock_seconds() - s->last_recheck < s->recheck_seconds) return FCL_OK;
    fcl_status status = fcl_trainer_recheck(s->trainer, &s->position);
    s->last_recheck = fcl_clock_seconds();
    return status;
}

static fcl_status run_epochs_held(session *s) {
    fcl_status status = FCL_OK;
    fcl_position *p = &s->position;
    while (p->epoch < s->recipe.epochs) {
        fcl_epoch_end end = FCL_EPOCH_DONE;
        status = fcl_trainer_epoch(&end, s->trainer, p);
        if (is_guarded(status)) return keep_last_good(s, status);
        if (status != FCL_OK) return status;
        int whole = p->batch == fcl_batches_per_epoch(s->batches);
        if (end == FCL_EPOCH_INTERRUPTED && !whole) {
            FCL_TRY(save(s));
            return fcl_fail(FCL_E_INTERRUPTED,
                            "interrupted after step %llu (epoch %u); go on with: fiducl train --resume %s",
                            (unsigned long long)p->step, p->epoch + 1, s->run.folder);
        }
        if (whole) {
            status = end_epoch(s);
            if (status == FCL_OK) status = recheck(s);
            if (is_guarded(status)) return keep_last_good(s, status);
            if (status != FCL_OK) return status;
        }
        if (end == FCL_EPOCH_MAX_STEPS) {
            p->finish = FCL_FINISHED_STEPS;
            break;
        }
        if (s->recipe.patience && p->wait >= s->recipe.patience) {
            p->finish = FCL_FINISHED_EARLY;
            break;
        }
        if (p->epoch < s->recipe.epochs && fcl_clock_seconds() - s->last_checkpoint > checkpoint_interval_seconds)
            FCL_TRY(save(s));
    }
    if (p->finish == FCL_UNFINISHED) p->finish = FCL_FINISHED_EPOCHS;
    if (p->best_epoch == 0) {
        FCL_TRY(read_best(s));
        if (writes()) FCL_TRY(write_best(s));
        FCL_TRY(write_history(s));
    }
    FCL_TRY(save(s));
done:
    return status;
}

/* Ctrl-Z stops the process between steps only. */
static fcl_status run_epochs(session *s) {
    fcl_suspend_hold();
    fcl_status status = run_epochs_held(s);
    fcl_suspend_release();
    return status;
}

static void fill_result(fcl_train_result *out, const fcl_position *p) {
    *out = (fcl_train_result){.epochs = p->epoch,
                              .best_epoch = p->best_epoch,
                              .best_val_loss = p->best_val_loss,
                              .best_val_mae = p->best_val_mae,
                              .seconds = p->total_seconds,
                              .stopped_early = p->finish == FCL_FINISHED_EARLY};
}

/* Figures come after the training, but whether there can be any is said before it. */
static void warn_without_figures(void) {
    if (fcl_plot_check() != FCL_OK) fcl_log(FCL_LOG_WARNING, "%s; there will be no figures", fcl_error_message());
}

static fcl_status check_prepared(const fcl_prepared *prepared, const fcl_run *run, const char *config) {
    const char *hash;
    fcl_status status = fcl_json_string(&hash, run->config, "prepared_hash", config);
    if (status == FCL_OK && strcmp(hash, fcl_prepared_hash(prepared)) != 0)
        status = fcl_fail(FCL_E_INPUT, "the prepared data have changed since this run began (manifest hash %s, was %s)",
                          fcl_prepared_hash(prepared), hash);
    return status;
}

/* The options have been checked. `replayed`: NULL, or the run that is trained once more. */
static fcl_status train(fcl_train_result *out, const fcl_train_options *options, const fcl_run *replayed) {
    fcl_status status;
    const uint64_t max_steps = options->has_max_steps ? options->max_steps : UINT64_MAX;
    session s = {.recipe = options->recipe,
                 .last_checkpoint = -INFINITY,
                 .recheck_seconds = options->recheck_seconds,
                 .last_recheck = fcl_clock_seconds()};
    fcl_file_writer step_log = {0};
    char *summary = NULL;
    FCL_TRY(open_data(&s, options->prepared));
    FCL_TRY(fcl_model_load(&s.model, options->model));
    const fcl_members_setup setup = {.devices = options->device,
                                     .model = s.model,
                                     .recipe = &s.recipe,
                                     .memory_limit = options->memory_limit,
                                     .duties = options->duties,
                                     .n_duties = options->n_duties,
                                     .recorded = replayed ? replayed : &s.run,
                                     .replays = replayed != NULL,
                                     .shares = options->shares,
                                     .n_shares = options->n_shares};
    if (replayed) FCL_TRY(check_prepared(s.prepared, replayed, "config.json"));
    FCL_TRY(fcl_members_open(&s.members, &setup));
    warn_without_figures();
    FCL_TRY(fcl_run_create(&s.run, options, s.prepared));
    FCL_TRY(build(&s, &setup));
    FCL_TRY(fcl_model_summary_of(&summary, s.model, &s.members.list[0].plan));
    FCL_TRY(fcl_trainer_begin(s.members.team, s.recipe.seed, options->init_weights));
    FCL_TRY(create_trainer(&s, max_steps));
    FCL_TRY(compare_ranks(&s, &setup, max_steps));
    if (writes()) FCL_TRY(fcl_run_claim(&s.run, options->force));
    if (options->step_log && writes()) {
        FCL_TRY(fcl_file_writer_open(&step_log, options->step_log));
        fputs("step,loss\n", step_log.stream);
        fcl_trainer_log_steps(s.trainer, step_log.stream);
    }
    if (writes()) {
        FCL_TRY(write_text(&s.run, "model.cfg", fcl_model_text(s.model)));
        FCL_TRY(write_text(&s.run, "summary.txt", summary));
        FCL_TRY(fcl_members_record(&s.members, &s.run, 1));
    }
    FCL_TRY(run_epochs(&s));
    fill_result(out, &s.position);
done:
    /* The log is worth as much after a failure: it says at which step things went wrong. */
    if (step_log.stream) FCL_TRY_ALSO(fcl_file_writer_commit(&step_log));
    free(summary);
    dispose(&s);
    return status;
}

fcl_status fcl_train_checked(fcl_train_result *out, const fcl_train_options *options) {
    return train(out, options, NULL);
}

fcl_status fcl_train(fcl_train_result *out, const fcl_train_options *options) {
    fcl_status status = fcl_train_check(options);
    return status == FCL_OK ? train(out, options, NULL) : status;
}

fcl_status fcl_train_replay(fcl_train_result *result, const char *run, const char *out, int force) {
    fcl_status status;
    fcl_run source = {0};
    fcl_train_options options;
    char *model = NULL;
    FCL_TRY(fcl_run_open(&source, run));
    FCL_TRY(fcl_run_path(&model, &source, "model.cfg"));
    fcl_run_arguments(&options, &source);
    FCL_TRY(fcl_run_recipe(&options.recipe, &source));
    if (!options.device || !options.prepared || fcl_run_has_moved(&source)) {
        status = fcl_fail(FCL_E_INPUT,
                          "'%s' was not on the same devices with the same solvers all the time, so that it cannot be "
                          "repeated in one go",
                          run);
        goto done;
    }
    options.model = model;
    options.out = out;
    options.force = force;
    FCL_TRY(fcl_folder_check_outside(out, run));
    FCL_TRY(fcl_train_check(&options));
    FCL_TRY(train(result, &options, &source));
done:
    free(model);
    fcl_run_dispose(&source);
    return status;
}

/* The devices of a resumed run: those asked for, else those that it last ran on. */
static fcl_status open_devices(session *s, fcl_members_setup *setup, const char *asked) {
    const char *last = fcl_run_last_device(&s->run);
    setup->devices = asked ? asked : last;
    fcl_status status = fcl_members_open(&s->members, setup);
    if (!asked && last && status == FCL_E_NO_DEVICE)
        status =
            fcl_fail(status, "this run's device is not here, choose another with --device: %s", fcl_error_message());
    return status;
}

fcl_status fcl_train_resume(fcl_train_result *out, const char *run, const fcl_resume_options *options) {
    fcl_status status;
    const fcl_resume_options changes = options ? *options : (fcl_resume_options){0};
    session s = {.last_checkpoint = fcl_clock_seconds(), .last_recheck = fcl_clock_seconds()};
    char *config = NULL, *checkpoint = NULL, *history = NULL, *model = NULL;
    const char *prepared;
    double *duties = NULL;
    unsigned *shares = NULL;
    fcl_members_setup setup = {.recipe = &s.recipe, .recorded = &s.run};
    FCL_TRY(fcl_run_open(&s.run, run));
    FCL_TRY(fcl_run_path(&config, &s.run, "config.json"));
    FCL_TRY(fcl_run_path(&checkpoint, &s.run, "checkpoint.safetensors"));
    FCL_TRY(fcl_run_path(&history, &s.run, "history.csv"));
    FCL_TRY(fcl_run_path(&model, &s.run, "model.cfg"));
    FCL_TRY(fcl_run_recipe(&s.recipe, &s.run));
    FCL_TRY(fcl_train_check_duties(changes.duties, changes.n_duties));
    s.recheck_seconds = fcl_run_recheck_seconds(&s.run);
    if (!fcl_path_exists(checkpoint)) {
        status = fcl_fail(FCL_E_INPUT, "'%s' has no checkpoint yet: start the training again with --force", run);
        goto done;
    }
    FCL_TRY(fcl_checkpoint_position(&s.position, checkpoint));
    if (changes.epochs) s.recipe.epochs = changes.epochs;
    if (s.position.epoch >= s.recipe.epochs || (s.position.finish == FCL_FINISHED_EARLY && !changes.epochs)) {
        fcl_log(FCL_LOG_INFO, "'%s' is finished: %u epochs, the best is %u; to train on, give more with --epochs", run,
                s.position.epoch, s.position.best_epoch);
        fill_result(out, &s.position);
        goto done;
    }
    FCL_TRY(fcl_json_string(&prepared, s.run.config, "prepared", config));
    FCL_TRY(open_data(&s, prepared));
    FCL_TRY(check_prepared(s.prepared, &s.run, config));
    FCL_TRY(fcl_model_load(&s.model, model));
    if (changes.n_duties) FCL_TRY(fcl_run_set_duties(&s.run, changes.duties, changes.n_duties));
    if (changes.memory_limit) FCL_TRY(fcl_run_set_memory_limit(&s.run, changes.memory_limit));
    FCL_TRY(fcl_run_duties(&duties, &setup.n_duties, &s.run));
    FCL_TRY(fcl_run_memory_limit(&setup.memory_limit, &s.run));
    setup.duties = duties;
    if (fcl_ranks_count() > 1) {
        FCL_TRY(fcl_run_asked_shares(&shares, &setup.n_shares, &s.run));
        setup.shares = shares;
    }
    setup.model = s.model;
    FCL_TRY(open_devices(&s, &setup, changes.device));
    warn_without_figures();
    if (!fcl_run_was_on(&s.run, s.members.devices, s.members.n))
        fcl_log(FCL_LOG_INFO,
                "on %s, another device or driver than before (%s): solvers are chosen anew, and results may differ in "
                "their last bits from those of the other",
                fcl_device_facts(s.members.devices[0])->name,
                fcl_run_last_device(&s.run) ? fcl_run_last_device(&s.run) : "unknown");
    FCL_TRY(build(&s, &setup));
    FCL_TRY(create_trainer(&s, UINT64_MAX));
    FCL_TRY(fcl_checkpoint_read(&s.position, s.members.team, &s.best, checkpoint));
    s.has_checkpoint = 1;
    s.saved = s.position;
    if (s.position.epoch || fcl_path_exists(history)) FCL_TRY(fcl_history_read(&s.history, history, s.position.epoch));
    /* More epochs than an early stop allowed are to be trained: patience begins anew. */
    if (s.position.finish == FCL_FINISHED_EARLY) s.position.wait = 0;
    s.position.finish = FCL_UNFINISHED;
    if (changes.epochs) FCL_TRY(fcl_run_set_epochs(&s.run, changes.epochs));
    FCL_TRY(compare_ranks(&s, &setup, UINT64_MAX));
    if (writes() && (!s.members.as_recorded || s.members.parts_changed || changes.epochs || changes.n_duties ||
                     changes.memory_limit))
        FCL_TRY(fcl_members_record(&s.members, &s.run, s.position.step + 1));
    fcl_log(FCL_LOG_INFO, "resumed after step %llu, in epoch %u", (unsigned long long)s.position.step,
            s.position.epoch + 1);
    FCL_TRY(run_epochs(&s));
    fill_result(out, &s.position);
done:
    free(duties);
    free(shares);
    free(config);
    free(checkpoint);
    free(history);
    free(model);
    dispose(&s);
    return status;
}
