/* Several runs of a benchmark, each by a process of its own: `bench --runs`. */
#ifndef FCL_CLI_BENCH_RUNS_H
#define FCL_CLI_BENCH_RUNS_H

#include "bench/report.h"
#include "cli/command.h"

/* What is measured, with every option that decides about it and none that says where results go: "bench", "train",
 * "--batch-size=8". Release with fcl_names_free. */
fcl_status fcl_bench_command(char ***out, size_t *n, const fcl_arguments *arguments, const char *name);
/* Prints a report's table, also where `kept`, what became of it before, is a failure, which is returned. */
fcl_status fcl_bench_show(const fcl_report *report, const char *file, fcl_status kept);
/* Runs the command in n_runs processes, one after the other, which add to `file`, and shows the whole. After an interrupt or a
 * failure the runs before it are kept; the first one keeps what it has measured, marked as partial. */
fcl_status fcl_bench_run_processes(fcl_report **out, const fcl_arguments *arguments, char *const *command,
                                   size_t n_command, const char *file, size_t n_runs);

#endif
