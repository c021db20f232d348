#include "base/text.h"
#include "bench/compare.h"

static const double per_cent = 100.0;

/* The table's text, whose ownership goes to the caller. */
static fcl_status hand_over(char **out, fcl_text *table) {
    fcl_status status = fcl_text_status(table);
    if (status == FCL_OK) {
        *out = table->data;
        *table = FCL_TEXT_EMPTY;
    }
    fcl_text_dispose(table);
    return status;
}

static void append_workload(fcl_text *table, const fcl_result *r) {
    fcl_text_appendf(table, "%-44s %-10s %-9s", r->workload, fcl_solver_origin_name(r->solvers), r->unit);
}

static void append_verdict(fcl_text *table, const fcl_comparison *c) {
    append_workload(table, c->after);
    if (c->verdict == FCL_NOT_COMPARABLE) {
        fcl_text_appendf(table, "   %s: %s\n", fcl_verdict_name(c->verdict), c->reason);
        return;
    }
    fcl_text_appendf(table, " %11.4g %11.4g %7.3f   %.3f to %.3f   %s%s\n", fcl_result_median(c->before),
                     fcl_result_median(c->after), c->ratio, c->low, c->high, fcl_verdict_name(c->verdict),
                     c->corrected ? "" : " (not corrected for drift)");
}

/* What the values were that the verdicts rest on. */
static void append_units(fcl_text *table, const fcl_comparisons *comparisons) {
    size_t counts[FCL_BY_PAIRS + 1] = {0};
    for (size_t i = 0; i < comparisons->n; i++)
        if (comparisons->items[i].ratio > 0.0) counts[comparisons->items[i].by]++;
    if (counts[FCL_BY_PAIRS])
        fcl_text_appendf(table, "Of %zu the runs were compared pair by pair: they were measured in turn.\n",
                         counts[FCL_BY_PAIRS]);
    if (counts[FCL_BY_RUNS])
        fcl_text_appendf(table, "Of %zu the runs were compared; measured in turn (--add) they would tell more.\n",
                         counts[FCL_BY_RUNS]);
    if (counts[FCL_BY_REPEATS])
        fcl_text_appendf(table,
                         "Of %zu the repeats were compared: what differs between two runs of one program and stays the "
                         "same within\neach is not in the verdict. %d runs or more in both files (--runs %d) bring it "
                         "in.\n",
                         counts[FCL_BY_REPEATS], FCL_COMPARE_RUNS, FCL_COMPARE_RUNS);
}

fcl_status fcl_comparisons_table(char **out, const fcl_comparisons *comparisons) {
    fcl_text table = FCL_TEXT_EMPTY;
    fcl_text_appendf(&table, "%-44s %-10s %-9s %11s %11s %7s   %-14s   %s\n", "workload", "solvers", "unit", "before",
                     "now", "ratio", "range", "verdict");
    for (size_t i = 0; i < comparisons->n; i++) append_verdict(&table, &comparisons->items[i]);
    fcl_text_appendf(&table,
                     "\nRatios above 1 are better; drift of the machine is taken out of them where it can be. ");
    fcl_text_appendf(&table, "Faster and slower mean: the whole range\nis more than %g %% away from 1. Verdicts:",
                     per_cent * FCL_COMPARE_MARGIN);
    for (int verdict = 0; verdict < FCL_N_VERDICTS; verdict++)
        fcl_text_appendf(&table, "%s %zu %s", verdict ? "," : "", comparisons->counts[verdict],
                         fcl_verdict_name((fcl_verdict)verdict));
    fcl_text_append(&table, "\n");
    append_units(&table, comparisons);
    return hand_over(out, &table);
}

/* Whether an earlier report has shown this workload. */
static int is_shown(fcl_report *const *reports, size_t n, const fcl_result *r) {
    for (size_t i = 0; i < n; i++)
        if (fcl_report_find(reports[i], r)) return 1;
    return 0;
}

static void append_row(fcl_text *table, fcl_report *const *reports, size_t n, const fcl_result *workload) {
    const fcl_result *first = fcl_report_find(reports[0], workload);
    append_workload(table, workload);
    for (size_t i = 0; i < n; i++) {
        const fcl_result *r = fcl_report_find(reports[i], workload);
        if (!r || !r->check.passed) {
            fcl_text_appendf(table, " %11s", r ? "wrong" : "-");
            if (i > 0) fcl_text_appendf(table, " %7s", "");
            continue;
        }
        double median = fcl_result_median(r);
        fcl_text_appendf(table, " %11.4g", median);
        if (i == 0) continue;
        if (!first || !first->check.passed) {
            fcl_text_appendf(table, " %7s", "");
            continue;
        }
        double ratio = median / fcl_result_median(first);
        fcl_text_appendf(table, " %7.3f", r->higher_is_better ? ratio : 1.0 / ratio);
    }
    fcl_text_append(table, "\n");
}

/* A benchmark that shares no workload with any other has no place beside them. */
static fcl_status check_not_alone(fcl_report *const *reports, const char *const *paths, size_t n, size_t alone) {
    fcl_status status = FCL_E_INPUT;
    for (size_t i = 0; i < n && status != FCL_OK; i++)
        if (i != alone) {
            const size_t first = i < alone ? i : alone, second = i < alone ? alone : i;
            status = fcl_report_check_common(reports[first], paths[first], reports[second], paths[second]);
        }
    return status;
}

fcl_status fcl_reports_table(char **out, fcl_report *const *reports, const char *const *paths, size_t n) {
    fcl_status status = FCL_OK;
    fcl_text table = FCL_TEXT_EMPTY;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            FCL_TRY(fcl_report_check_comparable(reports[i], paths[i], reports[j], paths[j]));
    for (size_t i = 0; i < n; i++) FCL_TRY(check_not_alone(reports, paths, n, i));
    for (size_t i = 0; i < n; i++) {
        const char *device = fcl_report_text(reports[i], "device", "name"),
                   *driver = fcl_report_text(reports[i], "device", "driver_version");
        fcl_text_appendf(&table, "[%zu] %s: %s, driver %s, %s%s\n", i + 1, paths[i], device ? device : "unknown device",
                         driver ? driver : "unknown", reports[i]->created, reports[i]->is_partial ? ", partial" : "");
    }
    fcl_text_appendf(&table, "\n%-44s %-10s %-9s %11s", "workload", "solvers", "unit", "[1]");
    for (size_t i = 1; i < n; i++) fcl_text_appendf(&table, " %9s%zu] %7s", "[", i + 1, "ratio");
    fcl_text_append(&table, "\n");
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < reports[i]->n_results; r++)
            if (!is_shown(reports, i, &reports[i]->results[r])) append_row(&table, reports, n, &reports[i]->results[r]);
    fcl_text_append(&table, "\nMedians, and their ratio to the first: above 1 is better.\n");
    status = hand_over(out, &table);
done:
    fcl_text_dispose(&table);
    return status;
}
