/* Benchmarks held against others: `bench compare`, and --compare of those that measure. */
#ifndef FCL_CLI_BENCH_COMPARE_H
#define FCL_CLI_BENCH_COMPARE_H

#include "bench/report.h"
#include "cli/command.h"

enum { FCL_BENCH_MAX_FILES = 16 };
#define FCL_OPTION_VERDICTS                                                                                            \
    { "verdicts", 0, FCL_OPTION_FLAG, NULL, "compare: judge every file against the first" }
#define FCL_OPTION_COMPARE                                                                                             \
    { "compare", 0, FCL_OPTION_TEXT, "FILE", "judge the result against this benchmark; exit code 15 when slower" }

/* `bench compare A B ...`: the files are the operands from the second on. */
fcl_status fcl_bench_compare(const fcl_arguments *arguments);
/* Prints the verdicts of `report` against `before`, which the caller has read before it measured anything, so that a wrong
 * name costs nothing. FCL_E_SLOWER when a workload is slower. */
fcl_status fcl_bench_judge(const fcl_report *report, const char *path, const fcl_report *before,
                           const char *before_path);

#endif
