#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "bench/bench.h"
#include "cli/bench_compare.h"
#include "cli/bench_runs.h"
#include "cli/options.h"
#include "cli/terminal.h"

enum { MAX_BATCH = 65536, SCALING_BATCH = 64, MAX_SEEDS = 1000, MAX_EPOCHS = 1000 };

static fcl_status measure_train(fcl_bench *bench) {
    return fcl_bench_speed(bench, 1, 0);
}

static fcl_status measure_infer(fcl_bench *bench) {
    return fcl_bench_speed(bench, 0, 1);
}

static fcl_status measure_all(fcl_bench *bench) {
    fcl_status status;
    FCL_TRY(fcl_bench_device(bench));
    FCL_TRY(fcl_bench_ops(bench));
    FCL_TRY(fcl_bench_speed(bench, 1, 1));
    FCL_TRY(fcl_bench_accuracy(bench));
done:
    return status;
}

#define COMMON_OPTIONS  "device", "explain", "out", "force", "add", "compare", "runs"
#define NETWORK_OPTIONS COMMON_OPTIONS, "model", "batch-size", "as-shipped"
enum { MAX_OPTIONS = 18, MAX_FIGURES = 3 };

/* What the operand may be. */
typedef struct benchmark {
    const char *name;
    fcl_status (*measure)(fcl_bench *bench);
    const char *figures[MAX_FIGURES]; /* what it draws for each model; NULL-ended */
    const char *options[MAX_OPTIONS]; /* that mean something to it; NULL-ended */
    int several;                      /* devices, with a default batch of their own */
} benchmark;

static const benchmark benchmarks[] = {
    {"device", fcl_bench_device, {NULL}, {COMMON_OPTIONS, "repeats"}, 0},
    {"ops", fcl_bench_ops, {"roofline"}, {NETWORK_OPTIONS, "repeats"}, 0},
    {"train", measure_train, {NULL}, {NETWORK_OPTIONS, "repeats", "sustained"}, 0},
    {"infer", measure_infer, {NULL}, {NETWORK_OPTIONS, "repeats"}, 0},
    {"accuracy", fcl_bench_accuracy, {NULL}, {NETWORK_OPTIONS, "seeds", "target", "max-epochs"}, 0},
    {"scaling", fcl_bench_scaling, {"speed", "time"}, {NETWORK_OPTIONS, "repeats", "shares", "duty"}, 1},
    {"all", measure_all, {"roofline"}, {NETWORK_OPTIONS, "repeats", "sustained", "seeds", "target", "max-epochs"}, 0},
};

static fcl_status check_options(const fcl_arguments *arguments, const benchmark *chosen) {
    fcl_text reason = FCL_TEXT_EMPTY;
    fcl_text_appendf(&reason, "`fiducl bench %s`, which takes", chosen->name);
    for (const char *const *o = chosen->options; *o; o++)
        fcl_text_appendf(&reason, "%s --%s", o == chosen->options ? "" : ",", *o);
    fcl_status status = fcl_text_status(&reason);
    if (status == FCL_OK) status = fcl_arguments_allow(arguments, chosen->options, fcl_text_get(&reason));
    fcl_text_dispose(&reason);
    return status;
}

/* "benchmark-train-20260131T235959Z.json", for free(): results of several days and programs are there to be compared. */
static fcl_status default_file(char **out, const char *name) {
    char now[FCL_TIMESTAMP_BYTES], *to = now;
    fcl_clock_timestamp(now);
    for (const char *from = now; *from; from++)
        if (*from != '-' && *from != ':') *to++ = *from;
    *to = '\0';
    *out = fcl_format("benchmark-%s-%s.json", name, now);
    return *out ? FCL_OK : FCL_E_MEMORY;
}

static fcl_status find_benchmark(const benchmark **out, const char *name) {
    fcl_text known = FCL_TEXT_EMPTY;
    for (size_t i = 0; i < sizeof benchmarks / sizeof *benchmarks; i++) {
        if (strcmp(benchmarks[i].name, name) == 0) {
            fcl_text_dispose(&known);
            *out = &benchmarks[i];
            return FCL_OK;
        }
        fcl_text_appendf(&known, "%s%s", i ? ", " : "", benchmarks[i].name);
    }
    fcl_status status = fcl_fail(FCL_E_USAGE, "there is no benchmark '%s'; there are %s", name, fcl_text_get(&known));
    fcl_text_dispose(&known);
    return status;
}

static fcl_status whole(int *out, const fcl_arguments *arguments, const char *name, size_t max) {
    size_t value = (size_t)*out;
    fcl_status status = fcl_argument_whole(&value, arguments, name, 1, max);
    if (status == FCL_OK) *out = (int)value;
    return status;
}

/* What options refer to. */
typedef struct option_lists {
    char *figure;
    double *duties;
    unsigned *shares;
} option_lists;

static void dispose_lists(option_lists *lists) {
    free(lists->figure);
    free(lists->duties);
    free(lists->shares);
}

static fcl_status read_options(fcl_bench_options *out, option_lists *lists, const fcl_arguments *arguments,
                               const benchmark *chosen, const char *file) {
    fcl_status status;
    fcl_bench_options o = fcl_bench_defaults();
    const char *const *models = fcl_argument_list(arguments, "model");
    int repeats = (int)o.repeats, seeds = (int)o.seeds, epochs = (int)o.max_epochs;
    const int has_batch = fcl_argument_text(arguments, "batch-size") != NULL;
    o.as_shipped = fcl_argument_flag(arguments, "as-shipped");
    if (models) o.models = models;
    o.several = chosen->several;
    if (o.several) o.batch = SCALING_BATCH;
    FCL_TRY(fcl_arguments_duties(&lists->duties, &o.n_duties, arguments));
    FCL_TRY(fcl_arguments_shares(&lists->shares, &o.n_shares, arguments));
    o.duties = lists->duties;
    o.shares = lists->shares;
    FCL_TRY(whole(&o.batch, arguments, "batch-size", MAX_BATCH));
    FCL_TRY(whole(&repeats, arguments, "repeats", FCL_BENCH_MAX_REPEATS));
    FCL_TRY(whole(&seeds, arguments, "seeds", MAX_SEEDS));
    FCL_TRY(whole(&epochs, arguments, "max-epochs", MAX_EPOCHS));
    FCL_TRY(fcl_argument_positive(&o.sustained_minutes, arguments, "sustained"));
    FCL_TRY(fcl_argument_positive(&o.target_mae, arguments, "target"));
    o.repeats = (unsigned)repeats;
    o.seeds = (unsigned)seeds;
    o.max_epochs = (unsigned)epochs;
    if (has_batch) {
        o.predict_batches[0] = o.batch;
        o.predict_batches[1] = 0;
    }
    if (!fcl_path_is_special(file)) {
        const size_t stem = strlen(file) - (fcl_ends_with(file, ".json") ? strlen(".json") : 0);
        if (!(lists->figure = fcl_format("%.*s", (int)stem, file))) {
            status = FCL_E_MEMORY;
            goto done;
        }
        o.figure = lists->figure;
    }
    *out = o;
done:
    return status;
}

static fcl_status check_figures(const fcl_bench *bench, const benchmark *chosen) {
    fcl_status status = FCL_OK;
    const char *stem = bench->options.figure;
    for (const char *const *what = chosen->figures; stem && *what; what++)
        for (size_t m = 0; m < bench->n_models; m++)
            FCL_TRY(fcl_bench_check_figure(stem, *what, fcl_model_name(bench->models[m])));
done:
    return status;
}

/* Also after a failure: what was measured until then is kept. */
static fcl_status finish(fcl_bench *bench, fcl_status measured, const char *file) {
    fcl_status status;
    char *why = measured == FCL_OK ? NULL : fcl_error_keep();
    if (measured != FCL_OK && bench->report->n_results == 0) {
        status = fcl_fail(measured, "%s; nothing was measured, so that no file was written", fcl_error_message());
        goto done;
    }
    bench->report->is_partial = measured != FCL_OK;
    status = fcl_bench_end(bench);
    if (status == FCL_OK) status = fcl_report_write(bench->report, file);
    status = fcl_bench_show(bench->report, file, status);
    if (measured == FCL_OK)
        FCL_TRY_ALSO(fcl_bench_verdict(bench->report));
    else if (status == FCL_OK)
        status = fcl_fail(measured, "%s; what was measured before is, marked as partial, in %s", why ? why : "", file);
    else
        status = fcl_fail(measured, "%s; what was measured before is lost: %s", why ? why : "", fcl_error_message());
done:
    free(why);
    return status;
}

/* As one more run of the file, with those that others have added meanwhile. What was measured of it before a failure is no
 * run, and neither is one that is wrong. */
static fcl_status finish_added(fcl_report **out, fcl_bench *bench, fcl_status measured, const char *file) {
    static const char unchanged[] = "%s; '%s' is as it was before this run";
    fcl_status status;
    fcl_report *all = NULL;
    if (measured != FCL_OK) return fcl_fail(measured, unchanged, fcl_error_message(), file);
    FCL_TRY(fcl_bench_end(bench));
    status = fcl_report_read(&all, file);
    if (status == FCL_OK) status = fcl_report_merge(all, file, bench->report);
    if (status != FCL_OK)
        FCL_TRY(fcl_bench_show(bench->report, file, fcl_fail(status, unchanged, fcl_error_message(), file)));
    FCL_TRY(fcl_bench_show(all, file, fcl_report_write(all, file)));
    *out = all;
    all = NULL;
done:
    fcl_report_free(all);
    return status;
}

/* What a call of `bench` asks for. */
typedef struct request {
    const fcl_arguments *arguments;
    const benchmark *chosen;
    fcl_bench_options options;
    option_lists lists;
    char **command; /* (n_command) */
    size_t n_command, n_runs;
    const char *file;
    char *own_file;      /* where none is named */
    fcl_report *earlier; /* the runs in the file that it is added to, as they are at first; else NULL */
} request;

static void dispose_request(request *r) {
    fcl_report_free(r->earlier);
    if (r->command) fcl_names_free(r->command, r->n_command);
    dispose_lists(&r->lists);
    free(r->own_file);
}

/* The file, whether it may be written, and the runs that are there already. */
static fcl_status read_file(request *r) {
    fcl_status status;
    const int add = fcl_argument_flag(r->arguments, "add"), force = fcl_argument_flag(r->arguments, "force");
    r->file = fcl_argument_text(r->arguments, "out");
    if (add && !r->file) return fcl_fail(FCL_E_USAGE, "--add needs the file to add to: --out FILE");
    if (add && force)
        return fcl_fail(FCL_E_USAGE, "--add keeps what is in the file, --force replaces it: give one of them");
    if (!r->file) {
        FCL_TRY(default_file(&r->own_file, r->chosen->name));
        r->file = r->own_file;
    }
    if (fcl_path_is_special(r->file) && (add || r->n_runs > 1))
        return fcl_fail(FCL_E_USAGE, "runs are collected in a file, and '%s' is none: choose another with --out",
                        r->file);
    if (add && fcl_path_exists(r->file)) return fcl_report_read(&r->earlier, r->file);
    FCL_TRY(fcl_report_check_output(r->file, force));
done:
    return status;
}

static fcl_status read_request(request *r, const char *name) {
    enum { MAX_RUNS = 1000 };
    fcl_status status;
    r->n_runs = 1;
    FCL_TRY(find_benchmark(&r->chosen, name));
    if (fcl_argument_operand(r->arguments, 1)) {
        status = fcl_fail(FCL_E_USAGE, "unexpected argument '%s'", fcl_argument_operand(r->arguments, 1));
        goto done;
    }
    FCL_TRY(check_options(r->arguments, r->chosen));
    FCL_TRY(fcl_argument_whole(&r->n_runs, r->arguments, "runs", 1, MAX_RUNS));
    FCL_TRY(read_file(r));
    FCL_TRY(read_options(&r->options, &r->lists, r->arguments, r->chosen, r->file));
    if (r->earlier) {
        r->options.figure = NULL; /* figures are those of the first run */
        r->options.calibration_vector =
            (int)json_integer_value(fcl_report_value(r->earlier, "device", "calibration_vector"));
    }
    FCL_TRY(fcl_bench_command(&r->command, &r->n_command, r->arguments, name));
    /* `auto` is one device: where several are needed that is said before any is measured. */
    if (fcl_selector_is_auto(fcl_argument_text(r->arguments, "device")))
        FCL_TRY(fcl_bench_check_devices(&r->options, 1));
done:
    return status;
}

/* One run, by this process. *out is what the file has then, NULL where nothing was to be measured. */
static fcl_status run_here(fcl_report **out, request *r) {
    fcl_status status;
    fcl_bench bench = {0};
    fcl_bench_options options = r->options;
    char *device = NULL;
    int is_over;
    FCL_TRY(fcl_arguments_device(&device, &is_over, r->arguments, options.models[0], (size_t)options.batch));
    if (is_over) goto done;
    options.device = device;
    FCL_TRY(fcl_bench_open(&bench, &options, (const char *const *)r->command, r->n_command));
    if (r->earlier)
        FCL_TRY(fcl_report_check_conditions(r->earlier, r->file, bench.report));
    else if (!fcl_argument_flag(r->arguments, "force"))
        FCL_TRY(check_figures(&bench, r->chosen));
    const fcl_status measured = r->chosen->measure(&bench);
    /* The first run of all may have become the second one meanwhile. */
    if (fcl_argument_flag(r->arguments, "add") && fcl_path_exists(r->file)) {
        FCL_TRY(finish_added(out, &bench, measured, r->file));
    } else {
        FCL_TRY(finish(&bench, measured, r->file));
        *out = bench.report;
        bench.report = NULL;
    }
done:
    fcl_bench_close(&bench);
    free(device);
    return status;
}

static fcl_status run(const fcl_arguments *arguments) {
    fcl_status status;
    request r = {.arguments = arguments};
    fcl_report *baseline = NULL, *report = NULL;
    const char *name = fcl_argument_operand(arguments, 0), *baseline_file = fcl_argument_text(arguments, "compare");
    if (!name) name = "all";
    if (strcmp(name, "compare") == 0) return fcl_bench_compare(arguments);
    FCL_TRY(read_request(&r, name));
    if (baseline_file) FCL_TRY(fcl_report_read(&baseline, baseline_file));
    FCL_TRY(r.n_runs > 1 && !fcl_argument_flag(arguments, "explain")
                ? fcl_bench_run_processes(&report, arguments, r.command, r.n_command, r.file, r.n_runs)
                : run_here(&report, &r));
    if (baseline && report) FCL_TRY(fcl_bench_judge(report, r.file, baseline, baseline_file));
done:
    fcl_report_free(baseline);
    fcl_report_free(report);
    dispose_request(&r);
    return status;
}

static const fcl_option option_table[] = {
    {"model", 'm', FCL_OPTION_LIST, "NAME",
     "all but device: model that ships (base_model, model_v1, naimishnet), or a file (repeatable; default: base_model "
     "and model_v1)"},
    FCL_OPTION_DEVICE,
    FCL_OPTION_EXPLAIN,
    {"batch-size", 0, FCL_OPTION_TEXT, "N",
     "all but device: images a step, or a prediction (default: 32; infer: 32 and 1; scaling: 64)"},
    {"repeats", 0, FCL_OPTION_TEXT, "N", "all but accuracy: measure everything so often, in turn (default: 10)"},
    {"runs", 0, FCL_OPTION_TEXT, "N",
     "do all of it in N processes, one after the other: verdicts then allow for what differs between runs (default: "
     "1)"},
    {"sustained", 0, FCL_OPTION_TEXT, "MINUTES", "train: go on that long, and report the last third too"},
    {"seeds", 0, FCL_OPTION_TEXT, "N", "accuracy: trainings (default: 5)"},
    {"target", 0, FCL_OPTION_TEXT, "PIXELS", "accuracy: the validation MAE to reach (default: 2.5)"},
    {"max-epochs", 0, FCL_OPTION_TEXT, "N", "accuracy: the target is missed after that many (default: 20)"},
    FCL_OPTION_SHARES,
    FCL_OPTION_DUTY,
    {"as-shipped", 0, FCL_OPTION_FLAG, NULL, "all but device: leave what `fiducl tune` found aside"},
    {"out", 'o', FCL_OPTION_TEXT, "FILE", "the results (default: benchmark-NAME-TIME.json)"},
    {"force", 'f', FCL_OPTION_FLAG, NULL, "replace FILE if it is a benchmark, and the figures beside it"},
    {"add", 0, FCL_OPTION_FLAG, NULL, "add the runs to those in FILE, if it is there"},
    FCL_OPTION_COMPARE,
    FCL_OPTION_VERDICTS,
    {0},
};

const fcl_command fcl_command_bench = {
    .name = "bench",
    .summary = "measure a device, a model's operations, training and prediction",
    .operands = "[device|ops|train|infer|accuracy|scaling|all] | compare FILE FILE...",
    .description =
        "device: multiply-adds, memory, launches, transfers. ops: each layer and direction, its time and what the\n"
        "device would allow. train, infer: images a second, with the time by kernel and the memory. accuracy: "
        "seconds\n"
        "until the validation error on synthetic faces reaches a target. scaling: training on each device of a list "
        "and\n"
        "on all of them together (--shares, --duty). Without one, or with all: everything but scaling.\n"
        "compare: benchmarks side by side, or with --verdicts what became faster or slower beyond chance.\n"
        "Results are checked before they are timed, and a wrong one has no time. An interrupt keeps what was measured\n"
        "until then, or whole runs. An option that a benchmark has no use for is refused. docs/benchmark.md has the "
        "rules.\n",
    .examples = "  fiducl bench device\n"
                "  fiducl bench train --model base_model --out base.json\n"
                "  fiducl bench ops --model model_v1 --device gpu --as-shipped\n"
                "  fiducl bench scaling --device gpu,cpu\n"
                "  fiducl bench train --model base_model --out new.json --compare base.json\n"
                "  fiducl bench train --model base_model --runs 10 --repeats 3 --out base.json\n"
                "  fiducl bench compare laptop.json desktop.json\n",
    .options = option_table,
    .max_operands = 1 + FCL_BENCH_MAX_FILES,
    .statuses = (const fcl_status[]){FCL_STATUSES_DEVICE, FCL_E_EXISTS, FCL_E_NOT_FINITE, FCL_E_INTERRUPTED,
                                     FCL_E_SLOWER, FCL_OK},
    .interruptible = 1,
    .run = run,
};
