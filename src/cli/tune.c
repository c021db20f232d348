#include <stdlib.h>

#include "base/cache.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "bench/auto.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "net/workload.h"
#include "ops/tuning.h"

enum { DEFAULT_BATCH = 32, MAX_BATCH = 65536 };
static const double default_budget = 600.0, milliseconds = 1e3;

typedef struct totals {
    size_t n_operations, n_tuned, n_kept; /* n_kept keep the default */
    int n_left_out;                       /* solvers */
    double default_seconds, best_seconds;
} totals;

/* The operations of the models that were asked for. */
static fcl_status find_operations(fcl_workload *out, const char *const *names, fcl_device *device, int batch) {
    fcl_status status = FCL_OK;
    for (; *names && status == FCL_OK; names++) {
        fcl_model *model = NULL;
        status = fcl_model_load(&model, *names);
        if (status == FCL_OK) status = fcl_workload_add(out, device, model, batch);
        fcl_model_free(model);
    }
    return status;
}

static void print_row(const fcl_tuning *t, const fcl_op_desc *desc) {
    char description[256];
    fcl_op_describe(description, desc);
    fcl_terminal_clear();
    printf("%-22s %10.3f   %-22s %10.3f %7.2f   %s\n", t->by_default->name, t->default_seconds * milliseconds,
           t->best == t->by_default ? "(default kept)" : t->best->name, t->best_seconds * milliseconds,
           t->default_seconds / t->best_seconds, description);
    fflush(stdout);
}

/* One operation after the other until all are tuned, the budget ends or an interrupt comes. */
static fcl_status tune_all(totals *out, const fcl_workload *workload, fcl_device *device, int again, double end) {
    totals sums = {0};
    fcl_status status = FCL_OK;
    printf("%-22s %10s   %-22s %10s %7s   %s\n", "default", "ms", "tuned", "ms", "ratio", "operation");
    fflush(stdout);
    for (size_t i = 0; i < workload->n_operations; i++) {
        const fcl_op_desc *desc = &workload->operations[i];
        fcl_tuning tuning;
        if (!fcl_tuning_has_choice(desc, device)) continue;
        sums.n_operations++;
        if (status != FCL_OK) continue;
        status = fcl_tune_operation(&tuning, device, desc, again, end, fcl_solvers_of(desc->kind));
        if (status != FCL_OK) continue;
        print_row(&tuning, desc);
        sums.n_tuned++;
        sums.n_kept += tuning.best == tuning.by_default;
        sums.n_left_out += tuning.n_left_out;
        sums.default_seconds += tuning.default_seconds;
        sums.best_seconds += tuning.best_seconds;
    }
    *out = sums;
    return status;
}

static fcl_status print_totals(const totals *t) {
    char *folder = NULL;
    if (t->n_tuned == 0) return FCL_OK;
    printf("%-22s %10.3f   %-22s %10.3f %7.2f   %zu of %zu operations\n", "total", t->default_seconds * milliseconds,
           "", t->best_seconds * milliseconds, t->default_seconds / t->best_seconds, t->n_tuned, t->n_operations);
    if (t->n_kept > 0)
        printf("%zu of them keep%s the default: nothing was clearly faster\n", t->n_kept, t->n_kept == 1 ? "s" : "");
    if (t->n_left_out > 0) printf("%d solvers are wrong here or failed, and were left out\n", t->n_left_out);
    fcl_status status = fcl_cache_folder(&folder);
    if (status == FCL_OK)
        printf("Remembered in %s/solvers; train, evaluate, predict and pipeline use it on this device\n", folder);
    free(folder);
    return status;
}

/* What `--device auto` measured, it measured with other solvers. */
static void forget_choices(void) {
    size_t n_files = 0;
    if (fcl_cache_trim(&n_files, NULL, &fcl_cached_choices, 0) != FCL_OK)
        fcl_log(FCL_LOG_WARNING, "%s", fcl_error_message());
    else if (n_files > 0)
        fcl_log(FCL_LOG_INFO, "--device auto will measure anew");
}

static fcl_status run(const fcl_arguments *arguments) {
    static const char *const usual[] = {"base_model", "model_v1", NULL};
    const char *const *models = fcl_argument_list(arguments, "model");
    fcl_status status;
    char *selector = NULL;
    int is_over;
    fcl_device *device = NULL;
    fcl_workload workload = FCL_WORKLOAD_EMPTY;
    totals sums;
    double budget = default_budget, start = fcl_clock_seconds();
    size_t batch = DEFAULT_BATCH;
    FCL_TRY(fcl_argument_positive(&budget, arguments, "budget"));
    FCL_TRY(fcl_argument_whole(&batch, arguments, "batch-size", 1, MAX_BATCH));
    if (!models) models = usual;
    FCL_TRY(fcl_arguments_device(&selector, &is_over, arguments, models[0], batch));
    if (is_over) goto done;
    FCL_TRY(fcl_device_open(&device, selector, 0));
    FCL_TRY(find_operations(&workload, models, device, (int)batch));
    status = tune_all(&sums, &workload, device, fcl_argument_flag(arguments, "again"), start + budget);
    if (status != FCL_OK && status != FCL_E_INTERRUPTED) goto done;
    int is_interrupt = fcl_interrupt_requested() != 0, is_complete = status == FCL_OK;
    FCL_TRY(print_totals(&sums));
    if (sums.n_tuned > 0) forget_choices();
    if (is_interrupt && !is_complete)
        status =
            fcl_fail(FCL_E_INTERRUPTED, "interrupted; %zu of %zu operations are tuned, run it again for the others",
                     sums.n_tuned, sums.n_operations);
    else if (!is_complete)
        printf("The budget of %g s is used up: run it again, or with a larger --budget, for the other operations\n",
               budget);
done:
    fcl_workload_dispose(&workload);
    fcl_device_free(device);
    free(selector);
    return status;
}

static const fcl_option options[] = {
    {"model", 'm', FCL_OPTION_LIST, "NAME",
     "model that ships (base_model, model_v1, naimishnet), or a file (repeatable; default: base_model and model_v1)"},
    FCL_OPTION_DEVICE,
    FCL_OPTION_EXPLAIN,
    {"budget", 0, FCL_OPTION_TEXT, "SECONDS", "begin nothing new after this time (default: 600)"},
    {"batch-size", 0, FCL_OPTION_TEXT, "N", "images a step of training (default: 32)"},
    {"again", 0, FCL_OPTION_FLAG, NULL, "measure anew what was measured before"},
    {0},
};

const fcl_command fcl_command_tune = {
    .name = "tune",
    .summary = "measure which kernels are fastest on a device, for training and prediction",
    .operands = "",
    .description =
        "For every operation of the models, those with the most to compute first: holds all solvers and all\n"
        "their variants against the reference, measures those that are right, and remembers the fastest for this "
        "device\n"
        "and driver. It replaces the one that would be chosen anyway only where it is faster in nearly all of a "
        "number\n"
        "of direct comparisons. What was measured is kept when the budget ends or an interrupt comes. Let nothing "
        "else\n"
        "run meanwhile. Runs record their solvers: a run that was begun before goes on with the ones it has.\n",
    .examples = "  fiducl tune\n"
                "  fiducl tune --device gpu --budget 1800\n"
                "  fiducl tune --model ./my_model.cfg --batch-size 128\n",
    .options = options,
    .max_operands = 0,
    .statuses = (const fcl_status[]){FCL_STATUSES_DEVICE, FCL_E_INTERRUPTED, FCL_OK},
    .interruptible = 1,
    .run = run,
};
