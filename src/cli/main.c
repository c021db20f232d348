#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/process.h"
#include "base/suspend.h"
#include "base/text.h"
#include "base/thread.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "device/ahead.h"
#include "fiducl/device.h"
#include "ranks/ranks.h"

/* In the order in which they are used. */
static const fcl_command *const commands[] = {
    &fcl_command_devices,  &fcl_command_synth, &fcl_command_analyze,  &fcl_command_prepare,  &fcl_command_summary,
    &fcl_command_tune,     &fcl_command_train, &fcl_command_predict,  &fcl_command_evaluate, &fcl_command_plot,
    &fcl_command_pipeline, &fcl_command_bench, &fcl_command_selftest, &fcl_command_cache,    NULL,
};

static void print_help(FILE *stream) {
    fprintf(stream,
            "fiducl %s: trains, evaluates and plots networks that find facial keypoints, on any OpenCL device\n\n"
            "Usage: fiducl COMMAND [OPTION...]\n\nCommands:\n",
            fcl_version());
    for (const fcl_command *const *c = commands; *c; c++) fprintf(stream, "  %-10s %s\n", (*c)->name, (*c)->summary);
    fputs("\nOptions:\n"
          "  -h, --help     show this help; fiducl COMMAND --help shows a command's options, examples and "
          "exit codes\n"
          "      --version  show the version\n\n"
          "Examples:\n"
          "  fiducl devices\n"
          "  fiducl synth --out faces --count 2000\n"
          "  fiducl pipeline faces --out result\n",
          stream);
}

static const fcl_command *find_command(const char *name) {
    for (const fcl_command *const *c = commands; *c; c++)
        if (strcmp((*c)->name, name) == 0) return *c;
    return NULL;
}

/* Letters to insert, remove or replace (Levenshtein 1966), of names of at most MAX_NAME letters. */
enum { MAX_NAME = 24 };
static size_t edit_distance(const char *a, const char *b) {
    size_t row[MAX_NAME + 1], n = strlen(b);
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t replaced = diagonal + (tolower((unsigned char)a[i - 1]) != b[j - 1]);
            size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < shorter ? replaced : shorter;
        }
    }
    return row[n];
}

/* The command that was probably meant, or NULL. */
static const fcl_command *nearest_command(const char *name) {
    if (strlen(name) > MAX_NAME) return NULL;
    const fcl_command *best = NULL;
    size_t least = 0;
    for (const fcl_command *const *c = commands; *c; c++) {
        size_t d = edit_distance(name, (*c)->name);
        if (fcl_starts_with((*c)->name, name)) d = 0;
        if (best && d >= least) continue;
        best = *c;
        least = d;
    }
    return least * 2 < strlen(name) + 1 ? best : NULL;
}

static fcl_status unknown_command(const char *name) {
    const fcl_command *meant = nearest_command(name);
    return fcl_fail(FCL_E_USAGE, "unknown %s '%s'%s%s%s", *name == '-' ? "option" : "command", name,
                    meant ? "; did you mean '" : "", meant ? meant->name : "", meant ? "'?" : "");
}

static fcl_status set_threads(const fcl_arguments *arguments) {
    size_t n = 0;
    fcl_status status = fcl_argument_whole(&n, arguments, "threads", 1, FCL_MAX_THREADS);
    if (status == FCL_OK) fcl_threads_set((unsigned)n);
    return status;
}

/* This program is also what compiles kernels ahead for it. */
static void set_compiler(void) {
    char *own = fcl_process_own_program();
    fcl_device_compile_with(own);
    free(own);
}

static fcl_status run_command(const fcl_command *command, int argc, const char **argv) {
    fcl_arguments *arguments;
    fcl_status status = fcl_arguments_parse(&arguments, command, argc, argv);
    if (status != FCL_OK) return status;
    if (fcl_argument_flag(arguments, "help")) {
        fcl_command_help(stdout, command);
    } else if ((status = set_threads(arguments)) == FCL_OK) {
        fcl_terminal_start(fcl_argument_flag(arguments, "quiet") || fcl_ranks_index() > 0);
        if (command->interruptible) fcl_interrupt_install();
        fcl_suspend_enable();
        set_compiler();
        status = command->run(arguments);
        fcl_terminal_clear();
    }
    fcl_arguments_free(arguments);
    return status;
}

/* Of what can run as several processes, one speaks. */
static fcl_status join_ranks(const fcl_command *command) {
    fcl_status status = fcl_ranks_init();
    if (status == FCL_OK && fcl_ranks_count() > 1 && !command->has_ranks)
        status = fcl_fail(FCL_E_USAGE, "`fiducl %s` is for one process, and %u were started: without mpirun, please",
                          command->name, fcl_ranks_count());
    return status;
}

/* Where all ranks end for the same reason they wait for each other, since the first still writes. Else the others would wait for
 * this one for ever. */
static void leave_ranks(fcl_status status) {
    static const double grace_seconds = 5.0; /* for what the first keeps of a training */
    const int is_common = status == FCL_OK || status == FCL_E_INTERRUPTED || status == FCL_E_NOT_FINITE;
    if (!is_common && fcl_ranks_index() > 0) fcl_clock_sleep(grace_seconds);
    if (!is_common) fcl_ranks_abort(fcl_status_exit_code(status));
    fcl_ranks_finalize();
}

static int report(fcl_status status, const fcl_command *command) {
    if (fcl_ranks_count() > 1)
        fprintf(stderr, "fiducl, rank %u on %s: %s\n", fcl_ranks_index(), fcl_ranks_host(fcl_ranks_index()),
                fcl_error_message());
    else
        fprintf(stderr, "fiducl: %s\n", fcl_error_message());
    if (status == FCL_E_USAGE)
        fprintf(stderr, "Try: fiducl %s%s--help\n", command ? command->name : "", command ? " " : "");
    return fcl_status_exit_code(status);
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : NULL;
    const fcl_command *command = NULL;
    fcl_status status = FCL_OK;
    if (!name) {
        print_help(stderr);
        return fcl_status_exit_code(FCL_E_USAGE);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        print_help(stdout);
    else if (strcmp(name, "--version") == 0)
        printf("fiducl %s\n", fcl_version());
    else if (strcmp(name, FCL_AHEAD_COMMAND) == 0 && argc == 3)
        status = fcl_ahead_run(argv[2]);
    else if ((command = find_command(name))) {
        status = join_ranks(command);
        if (status == FCL_OK) status = run_command(command, argc - 1, (const char **)argv + 1);
    } else
        status = unknown_command(name);
    /* A full disk or a closed pipe shows here, however well everything else went. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == FCL_OK) status = fcl_fail_errno("write to", "stdout");
    const int code = status == FCL_OK ? 0 : report(status, command);
    leave_ranks(status);
    return code;
}
