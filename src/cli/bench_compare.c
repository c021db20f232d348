#include "cli/bench_compare.h"

#include <stdlib.h>

#include "bench/compare.h"
#include "cli/terminal.h"

/* Prints the verdicts of two benchmarks; *n_slower of them are slower. */
static fcl_status print_verdicts(size_t *n_slower, const fcl_report *before, const char *before_path,
                                 const fcl_report *after, const char *after_path) {
    fcl_status status;
    fcl_comparisons comparisons = {0};
    char *table = NULL;
    FCL_TRY(fcl_report_compare(&comparisons, before, before_path, after, after_path));
    FCL_TRY(fcl_comparisons_table(&table, &comparisons));
    fcl_terminal_clear();
    printf("%s against %s\n\n%s", after_path, before_path, table);
    *n_slower = comparisons.counts[FCL_SLOWER];
done:
    free(table);
    fcl_comparisons_dispose(&comparisons);
    return status;
}

static fcl_status fail_slower(size_t n_slower, const char *path, const char *baseline) {
    return fcl_fail(FCL_E_SLOWER, "%zu workload%s slower in '%s' than in '%s'", n_slower,
                    n_slower == 1 ? " is" : "s are", path, baseline);
}

fcl_status fcl_bench_judge(const fcl_report *report, const char *path, const fcl_report *before,
                           const char *before_path) {
    size_t n_slower;
    fcl_status status = print_verdicts(&n_slower, before, before_path, report, path);
    return status == FCL_OK && n_slower ? fail_slower(n_slower, path, before_path) : status;
}

/* Every file against the first; all are judged before the first slower one becomes the failure. */
static fcl_status judge_all(fcl_report *const *reports, const char *const *paths, size_t n) {
    fcl_status status = FCL_OK;
    size_t slower_file = 0, slower_count = 0;
    for (size_t i = 1; i < n; i++) {
        size_t n_slower;
        if (i > 1) printf("\n");
        FCL_TRY(print_verdicts(&n_slower, reports[0], paths[0], reports[i], paths[i]));
        if (!n_slower || slower_count) continue;
        slower_file = i;
        slower_count = n_slower;
    }
    if (slower_count) status = fail_slower(slower_count, paths[slower_file], paths[0]);
done:
    return status;
}

fcl_status fcl_bench_compare(const fcl_arguments *arguments) {
    fcl_status status = FCL_OK;
    fcl_report *reports[FCL_BENCH_MAX_FILES] = {NULL};
    static const char *const allowed[] = {"verdicts", NULL};
    const char *paths[FCL_BENCH_MAX_FILES];
    char *table = NULL;
    size_t n = 0;
    FCL_TRY(
        fcl_arguments_allow(arguments, allowed, "`fiducl bench compare`, which measures nothing: it takes --verdicts"));
    for (const char *path; n < FCL_BENCH_MAX_FILES && (path = fcl_argument_operand(arguments, (unsigned)n + 1)); n++)
        paths[n] = path;
    if (n < 2) FCL_TRY(fcl_fail(FCL_E_USAGE, "compare needs at least two files that fiducl bench wrote"));
    for (size_t i = 0; i < n; i++) FCL_TRY(fcl_report_read(&reports[i], paths[i]));
    if (fcl_argument_flag(arguments, "verdicts")) {
        FCL_TRY(judge_all(reports, paths, n));
    } else {
        FCL_TRY(fcl_reports_table(&table, reports, paths, n));
        printf("%s", table);
    }
done:
    for (size_t i = 0; i < n; i++) fcl_report_free(reports[i]);
    free(table);
    return status;
}
