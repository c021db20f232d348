#include "cli/bench_runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "bench/bench.h"
#include "cli/terminal.h"

/* Options that say where results go, and how often the rest is done. */
static int is_of_keeping(const char *option) {
    static const char *const names[] = {"out", "force", "add", "runs", "compare", "explain"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(option, names[i]) == 0) return 1;
    return 0;
}

static fcl_status append(char ***list, size_t *capacity, size_t *n, char *text) {
    void *grown = *list;
    fcl_status status = text ? fcl_grow(&grown, capacity, *n + 1, sizeof **list, "arguments") : FCL_E_MEMORY;
    if (status != FCL_OK) {
        free(text);
        return status;
    }
    *list = grown;
    (*list)[(*n)++] = text;
    return FCL_OK;
}

fcl_status fcl_bench_command(char ***out, size_t *n, const fcl_arguments *arguments, const char *name) {
    fcl_status status;
    char **list = NULL;
    size_t n_list = 0, capacity = 0;
    FCL_TRY(append(&list, &capacity, &n_list, fcl_duplicate("bench")));
    FCL_TRY(append(&list, &capacity, &n_list, fcl_duplicate(name)));
    for (const fcl_option *o = fcl_arguments_options(arguments); o->name; o++) {
        const char *const *values = fcl_argument_list(arguments, o->name);
        if (!values || is_of_keeping(o->name)) continue;
        for (; *values; values++)
            FCL_TRY(append(&list, &capacity, &n_list,
                           o->kind == FCL_OPTION_FLAG ? fcl_format("--%s", o->name)
                                                      : fcl_format("--%s=%s", o->name, *values)));
    }
    /* Which is every command's: it changes how batches are made. */
    const char *threads = fcl_argument_text(arguments, "threads");
    if (threads) FCL_TRY(append(&list, &capacity, &n_list, fcl_format("--threads=%s", threads)));
    *out = list;
    *n = n_list;
    list = NULL;
done:
    if (list) fcl_names_free(list, n_list);
    return status;
}

fcl_status fcl_bench_show(const fcl_report *report, const char *file, fcl_status kept) {
    fcl_status status = kept;
    char *table = NULL;
    FCL_TRY_ALSO(fcl_bench_table(&table, report));
    fcl_terminal_clear();
    /* Where the file could not be written, the table is all that is left. */
    if (table) printf("%s", table);
    if (status == FCL_OK && !report->is_partial) printf("\nAll of it is in %s\n", file);
    free(table);
    return status;
}

static fcl_status status_of(int exit_code) {
    fcl_status status = FCL_OK;
    while (status < FCL_N_STATUS && fcl_status_exit_code(status) != exit_code) status++;
    return status < FCL_N_STATUS ? status : FCL_E_INTERNAL;
}

/* One process, whose message about a failure is on stderr by then. */
static fcl_status run_process(char **output, const char *const *list, size_t index, size_t n_runs) {
    int code;
    fcl_log(FCL_LOG_INFO, "run %zu of %zu", index + 1, n_runs);
    const fcl_status status = fcl_process_follow(output, &code, list);
    if (status == FCL_OK && code == 0) return FCL_OK;
    /* A signal may have come before the process was ready for one. */
    if (fcl_interrupt_requested())
        return fcl_fail(FCL_E_INTERRUPTED, "interrupted in run %zu of %zu", index + 1, n_runs);
    if (status != FCL_OK) return status;
    return fcl_fail(status_of(code), "run %zu of %zu failed", index + 1, n_runs);
}

/* What is in the file after n_runs runs, or after the failure of one that was not the first. All runs in it are whole. */
static fcl_status show_all(fcl_report **out, const char *file, fcl_status measured) {
    fcl_report *report = NULL;
    char *why = measured == FCL_OK ? NULL : fcl_error_keep();
    fcl_status status = fcl_report_read(&report, file);
    if (measured != FCL_OK && report)
        status = fcl_fail(measured, "%s; the runs before it are in %s", why ? why : "", file);
    else if (measured != FCL_OK)
        status = fcl_fail(measured, "%s; the runs before it: %s", why ? why : "", fcl_error_message());
    if (report) status = fcl_bench_show(report, file, status);
    if (status == FCL_OK)
        *out = report;
    else
        fcl_report_free(report);
    free(why);
    return status;
}

fcl_status fcl_bench_run_processes(fcl_report **out, const fcl_arguments *arguments, char *const *command,
                                   size_t n_command, const char *file, size_t n_runs) {
    enum { MORE = 5 }; /* program, --out, --quiet, --add or --force, NULL */
    fcl_status status;
    const char **list = NULL;
    char *own = fcl_process_own_program(), *out_option = fcl_format("--out=%s", file), *output = NULL;
    size_t n = 0, i = 0;
    if (!own || !out_option)
        FCL_TRY(fcl_fail(FCL_E_IO, "--runs starts this program anew, and the system does not say where it is"));
    FCL_TRY(FCL_NEW(&list, n_command + MORE, "arguments"));
    list[n++] = own;
    for (size_t k = 0; k < n_command; k++) list[n++] = command[k];
    list[n++] = out_option;
    if (fcl_argument_flag(arguments, "quiet")) list[n++] = "--quiet";
    for (; i < n_runs && status == FCL_OK; i++) {
        free(output);
        output = NULL;
        list[n] = i > 0 || fcl_argument_flag(arguments, "add") ? "--add"
                  : fcl_argument_flag(arguments, "force")      ? "--force"
                                                               : NULL;
        status = fcl_interrupt_requested()
                     ? fcl_fail(FCL_E_INTERRUPTED, "interrupted before run %zu of %zu", i + 1, n_runs)
                     : run_process(&output, list, i, n_runs);
    }
    /* The first one shows what it could measure itself. */
    if (status != FCL_OK && i == 1) {
        if (output) printf("%s", output);
        goto done;
    }
    status = show_all(out, file, status);
done:
    free(output);
    free(list);
    free(own);
    free(out_option);
    return status;
}
