#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "eval/label.h"
#include "ranks/ranks.h"
#include "train/check.h"

enum { MAX_EPOCHS = 1000000, MAX_RECHECK_MINUTES = 1000000 };

static void print_result(const char *run, const fcl_train_result *r) {
    if (fcl_ranks_index() > 0) return;
    fcl_terminal_clear();
    printf("%s: %u epoch%s in %.0f s%s", run, r->epochs, r->epochs == 1 ? "" : "s", r->seconds,
           r->stopped_early ? " (stopped early)" : "");
    if (r->best_epoch)
        printf("; the best is %u: validation loss %.5g, MAE %.3f px\n", r->best_epoch, r->best_val_loss,
               r->best_val_mae);
    else
        printf("; no epoch is complete\n");
}

/* What a resumed run has been told already cannot be told again. */
static fcl_status resume(const fcl_arguments *arguments, const char *run) {
    static const char *const allowed[] = {"resume", "epochs", "device", "explain", "memory-limit", "duty", NULL};
    fcl_status status;
    char *device = NULL;
    double *duties = NULL;
    int is_over;
    if (fcl_argument_operand(arguments, 0))
        return fcl_fail(FCL_E_USAGE, "--resume takes the prepared folder from the run; leave '%s' out",
                        fcl_argument_operand(arguments, 0));
    size_t epochs = 0;
    fcl_train_result result;
    FCL_TRY(fcl_arguments_allow(arguments, allowed, "--resume: the run keeps its arguments"));
    FCL_TRY(fcl_argument_whole(&epochs, arguments, "epochs", 1, MAX_EPOCHS));
    FCL_TRY(fcl_arguments_run_device(&device, &is_over, arguments, run));
    if (is_over) goto done;
    fcl_resume_options changes = {.epochs = (unsigned)epochs, .device = device};
    FCL_TRY(fcl_arguments_memory_limit(&changes.memory_limit, arguments));
    FCL_TRY(fcl_arguments_duties(&duties, &changes.n_duties, arguments));
    changes.duties = duties;
    FCL_TRY(fcl_train_resume(&result, run, &changes));
    print_result(run, &result);
done:
    free(device);
    free(duties);
    return status;
}

/* All that decides what is computed is the run's. */
static fcl_status replay(const fcl_arguments *arguments, const char *replayed) {
    static const char *const allowed[] = {"replay", "out", "force", NULL};
    fcl_status status;
    const char *out = fcl_argument_text(arguments, "out");
    fcl_train_result result;
    if (fcl_argument_operand(arguments, 0))
        return fcl_fail(FCL_E_USAGE, "--replay takes the prepared folder from the run; leave '%s' out",
                        fcl_argument_operand(arguments, 0));
    FCL_TRY(fcl_arguments_allow(arguments, allowed, "--replay: all else is as the run recorded it"));
    FCL_TRY(fcl_argument_need_text(&out, arguments, "out"));
    FCL_TRY(fcl_train_replay(&result, replayed, out, fcl_argument_flag(arguments, "force")));
    print_result(out, &result);
done:
    return status;
}

static fcl_status run(const fcl_arguments *arguments) {
    fcl_status status;
    char *label = NULL, *default_out = NULL, *line = NULL, *device = NULL;
    double *duties = NULL;
    unsigned *shares = NULL;
    int is_over;
    const char *resumed = fcl_argument_text(arguments, "resume"), *replayed = fcl_argument_text(arguments, "replay");
    if (resumed) return resume(arguments, resumed);
    if (replayed) return replay(arguments, replayed);

    fcl_train_options options = {.out = fcl_argument_text(arguments, "out"),
                                 .solvers = fcl_argument_list(arguments, "solver"),
                                 .device = fcl_argument_text(arguments, "device"),
                                 .init_weights = fcl_argument_text(arguments, "init-weights"),
                                 .step_log = fcl_argument_text(arguments, "step-log"),
                                 .has_max_steps = fcl_argument_flag(arguments, "max-steps"),
                                 .force = fcl_argument_flag(arguments, "force")};
    size_t max_steps = 0, recheck = FCL_RECHECK_MINUTES;
    fcl_train_result result;
    FCL_TRY(fcl_argument_need_operand(&options.prepared, arguments, 0, "PREPARED"));
    FCL_TRY(fcl_argument_need_text(&options.model, arguments, "model"));
    FCL_TRY(fcl_argument_whole(&max_steps, arguments, "max-steps", 0, ULONG_MAX));
    FCL_TRY(fcl_argument_whole(&recheck, arguments, "recheck", 0, MAX_RECHECK_MINUTES));
    FCL_TRY(fcl_arguments_duties(&duties, &options.n_duties, arguments));
    options.duties = duties;
    FCL_TRY(fcl_arguments_shares(&shares, &options.n_shares, arguments));
    options.shares = shares;
    options.max_steps = max_steps;
    options.recheck_seconds = (double)recheck * FCL_SECONDS_A_MINUTE;
    FCL_TRY(fcl_arguments_memory_limit(&options.memory_limit, arguments));
    FCL_TRY(fcl_model_label(&label, options.model));
    if (!options.out) options.out = default_out = fcl_format("runs/%s", label);
    if (!options.out) {
        status = FCL_E_MEMORY;
        goto done;
    }
    FCL_TRY(fcl_arguments_recipe(&options.recipe, arguments, options.model));
    FCL_TRY(fcl_recipe_line(&line, &options.recipe, label));
    if (fcl_ranks_index() == 0) printf("%s\n", line);
    fflush(stdout);
    /* Mistakes cost no time of measuring. */
    FCL_TRY(fcl_train_check(&options));
    FCL_TRY(fcl_arguments_device(&device, &is_over, arguments, options.model, options.recipe.batch));
    if (is_over) goto done;
    options.device = device;
    FCL_TRY(fcl_train_checked(&result, &options));
    print_result(options.out, &result);
done:
    free(label);
    free(default_out);
    free(line);
    free(device);
    free(duties);
    free(shares);
    return status;
}

static const fcl_option options[] = {
    {"model", 'm', FCL_OPTION_TEXT, "NAME", "model that ships (base_model, model_v1, naimishnet), or a file"},
    {"out", 'o', FCL_OPTION_TEXT, "RUN", "folder of the run (default: runs/MODEL)"},
    {"resume", 'r', FCL_OPTION_TEXT, "RUN",
     "go on with a run; only --epochs, --device, --memory-limit and --duty may change"},
    {"replay", 0, FCL_OPTION_TEXT, "RUN",
     "train once more what a run recorded, to the last bit, into --out: same devices, solvers and shares"},
    FCL_OPTION_DEVICES,
    FCL_OPTION_EXPLAIN,
    FCL_OPTION_MEMORY_LIMIT,
    FCL_OPTIONS_RECIPE,
    FCL_OPTION_SEED("(default: the recipe's)"),
    {"init-weights", 0, FCL_OPTION_TEXT, "FILE", "begin with these weights (safetensors)"},
    {"max-steps", 0, FCL_OPTION_TEXT, "N", "end after N steps; 0 writes the initial weights"},
    {"step-log", 0, FCL_OPTION_TEXT, "FILE", "write each step's loss to this CSV file"},
    {"recheck", 0, FCL_OPTION_TEXT, "MIN",
     "hold kernels against the reference again every MIN minutes (default: 10; 0: never)"},
    FCL_OPTION_DUTY,
    FCL_OPTION_SHARES,
    FCL_OPTION_FORCE,
    {0},
};

const fcl_command fcl_command_train = {
    .name = "train",
    .summary = "train a model on prepared data, or go on with a run",
    .operands = "PREPARED --model NAME | --resume RUN | --replay RUN --out RUN",
    .description = "Trains as the recipe says; arguments override it. The run folder gets config.json (all "
                   "that repeats the\n"
                   "run), model.cfg, summary.txt, history.csv, best.safetensors (the weights of the epoch "
                   "with the lowest\n"
                   "validation loss) and checkpoint.safetensors. After an interrupt, --resume goes on as if "
                   "there had been none.\n"
                   "What it takes of the device's memory is printed first; batches that do not fit are computed in "
                   "parts, with the\n"
                   "same gradient.\n"
                   "Ctrl-Z stops it when the steps under way are done, `fg` goes on.\n",
    .examples = "  fiducl train prepared --model base_model --out runs/base\n"
                "  fiducl train prepared --model model_v1 --recipe original --device gpu --epochs 20\n"
                "  fiducl train prepared --model base_model --device cpu:1core\n"
                "  fiducl train prepared --model base_model --device auto --explain\n"
                "  fiducl train prepared --model model_v1 --device gpu,cpu --batch-size 64\n"
                "  fiducl train --resume runs/base --epochs 60\n"
                "  fiducl train prepared --model model_v1 --batch-size 256 --memory-limit 1G\n",
    .options = options,
    .max_operands = 1,
    .statuses = (const fcl_status[]){FCL_STATUSES_DEVICE, FCL_E_EXISTS, FCL_E_NOT_FINITE, FCL_E_INTERRUPTED, FCL_OK},
    .interruptible = 1,
    .has_ranks = 1,
    .run = run,
};
