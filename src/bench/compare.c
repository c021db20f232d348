#include "bench/compare.h"

#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/significance.h"

const char *fcl_verdict_name(fcl_verdict verdict) {
    static const char *const names[FCL_N_VERDICTS] = {"same", "faster", "slower", "not comparable"};
    return names[verdict];
}

/* What two benchmarks should have in common. */
typedef struct fact {
    const char *object, *key, *name;
    int is_of_device; /* another one is another machine, whose calibration means something else */
} fact;

static const fact facts[] = {
    {"device", "platform", "OpenCL platform", 1},
    {"device", "platform_version", "platform version", 1},
    {"device", "name", "device", 1},
    {"device", "driver_version", "driver version", 1},
    {"system", "cpu", "processor", 1},
    {"system", "power_source", "power source", 0},
    {"system", "governor", "frequency governor", 0},
    {"fiducl", "build_type", "build type", 0},
};
enum { N_FACTS = sizeof facts / sizeof *facts };

static int is_equal(const fact *f, const fcl_report *before, const fcl_report *after) {
    const char *a = fcl_report_text(before, f->object, f->key), *b = fcl_report_text(after, f->object, f->key);
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

/* Another width of its vectors makes another kernel, and another number of launches another speed of it. */
static int is_calibrated_alike(const fcl_report *before, const fcl_report *after, const char *key) {
    return json_integer_value(json_object_get(before->device, key)) ==
           json_integer_value(json_object_get(after->device, key));
}

/* Whether the calibrations of both mean the same. */
static int calibrates_alike(const fcl_report *before, const fcl_report *after) {
    if (!is_calibrated_alike(before, after, "calibration_vector")) return 0;
    if (!is_calibrated_alike(before, after, "calibration_launches")) return 0;
    for (size_t i = 0; i < N_FACTS; i++)
        if (facts[i].is_of_device && !is_equal(&facts[i], before, after)) return 0;
    return 1;
}

static void warn_of_differences(const fcl_report *before, const char *before_path, const fcl_report *after,
                                const char *after_path) {
    if (before->is_partial) fcl_log(FCL_LOG_WARNING, "'%s' is partial: it was ended early", before_path);
    if (after->is_partial) fcl_log(FCL_LOG_WARNING, "'%s' is partial: it was ended early", after_path);
    for (size_t i = 0; i < N_FACTS; i++) {
        if (is_equal(&facts[i], before, after)) continue;
        const char *a = fcl_report_text(before, facts[i].object, facts[i].key);
        const char *b = fcl_report_text(after, facts[i].object, facts[i].key);
        fcl_log(FCL_LOG_WARNING, "%s: '%s' in '%s', '%s' in '%s'", facts[i].name, a ? a : "unknown", before_path,
                b ? b : "unknown", after_path);
    }
}

/* What a workload does not have in its name, and is another one without; 0 where there is none. */
static const char *const settings[][2] = {{NULL, "target_mae"}, {"recipe", "batch_size"}};

static double setting_of(const fcl_result *r, const char *const setting[2]) {
    const json_t *object = setting[0] ? json_object_get(r->details, setting[0]) : r->details;
    return json_number_value(json_object_get(object, setting[1]));
}

/* The same workload by name, whatever its version. */
static const fcl_result *find_namesake(const fcl_report *report, const fcl_result *like) {
    for (size_t i = 0; i < report->n_results; i++) {
        const fcl_result *r = &report->results[i];
        if (strcmp(r->workload, like->workload) == 0 && strcmp(r->metric, like->metric) == 0 &&
            r->solvers == like->solvers)
            return r;
    }
    return NULL;
}

fcl_status fcl_report_check_comparable(const fcl_report *before, const char *before_path, const fcl_report *after,
                                       const char *after_path) {
    for (size_t i = 0; i < after->n_results; i++) {
        const fcl_result *b = &after->results[i], *a = find_namesake(before, b);
        if (!a) continue;
        if (a->workload_version != b->workload_version)
            return fcl_fail(FCL_E_INPUT,
                            "%s is version %u in '%s' and version %u in '%s': they measure different things; measure "
                            "again with one version of fiducl",
                            a->workload, a->workload_version, before_path, b->workload_version, after_path);
        if (strcmp(a->unit, b->unit) != 0 || a->higher_is_better != b->higher_is_better)
            return fcl_fail(FCL_E_INPUT, "%s is in %s (%s is better) in '%s' and in %s (%s is better) in '%s'",
                            a->workload, a->unit, a->higher_is_better ? "higher" : "lower", before_path, b->unit,
                            b->higher_is_better ? "higher" : "lower", after_path);
        for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) {
            const double x = setting_of(a, settings[k]), y = setting_of(b, settings[k]);
            if (x != y)
                return fcl_fail(FCL_E_INPUT, "%s has %s %g in '%s' and %g in '%s': they measure different things",
                                a->workload, settings[k][1], x, before_path, y, after_path);
        }
    }
    return FCL_OK;
}

fcl_status fcl_report_check_common(const fcl_report *before, const char *before_path, const fcl_report *after,
                                   const char *after_path) {
    for (size_t i = 0; i < after->n_results; i++)
        if (fcl_report_find(before, &after->results[i])) return FCL_OK;
    if (before->n_results == 0 || after->n_results == 0)
        return fcl_fail(FCL_E_INPUT, "'%s' has no results", before->n_results ? after_path : before_path);
    const fcl_result *a = &before->results[0], *b = &after->results[0];
    return fcl_fail(FCL_E_INPUT,
                    "'%s' and '%s' have no workload in common: the first begins with %s (%s), the second with %s (%s)",
                    before_path, after_path, a->workload, fcl_solver_origin_name(a->solvers), b->workload,
                    fcl_solver_origin_name(b->solvers));
}

/* How a sample moves with the calibration when the machine becomes faster: +1 a rate, -1 a time, 0 neither (memory, pixels).
 * What a device can do is not corrected: its multiply-adds are the calibration itself, and memory, launches and transfers do
 * not follow the clock of the multipliers. */
static int speed_exponent(const fcl_result *r) {
    static const char *const times[] = {"s", "ms", "us", "ns"};
    const char *unit = r->unit;
    if (fcl_starts_with(r->workload, "device/")) return 0;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (strcmp(unit, times[i]) == 0) return -1;
    return fcl_ends_with(unit, "/s") ? 1 : 0;
}

/* Whether logarithms of all of them exist. */
static int are_positive(const double *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!(values[i] > 0.0 && isfinite(values[i]))) return 0;
    return 1;
}

/* Logarithms, so that a difference of means is a ratio; with what the machine's speed was at each sample taken out. */
static fcl_status corrected_logs(double **out, const fcl_result *r, int exponent) {
    double *values;
    fcl_status status = FCL_NEW(&values, r->n_samples, "samples");
    if (status != FCL_OK) return status;
    for (size_t i = 0; i < r->n_samples; i++)
        values[i] = log(r->samples[i]) - (exponent ? exponent * log(r->calibration[i]) : 0.0);
    *out = values;
    return FCL_OK;
}

/* The values of the repeats become those of the runs, n_runs in the same place. */
static void reduce_to_runs(double *values, const fcl_result *r) {
    for (size_t run = 0, first = 0; run < r->n_runs; first += r->runs[run++].n_samples) {
        const size_t n = r->runs[run].n_samples;
        values[run] = (n < FCL_TRIMMED_MIN ? fcl_plain_mean_of : fcl_trimmed_mean_of)(values + first, n).mean;
    }
}

static const char *later(const char *a, const char *b) {
    return strcmp(a, b) > 0 ? a : b;
}

/* Whether the k-th runs of both are neighbours in time, for every k, in whatever order. */
static int is_in_turn(const fcl_result *a, const fcl_result *b) {
    if (a->n_runs != b->n_runs) return 0;
    for (size_t k = 1; k < a->n_runs; k++) {
        const char *last = later(a->runs[k - 1].began, b->runs[k - 1].began),
                   *next[] = {a->runs[k].began, b->runs[k].began};
        if (strcmp(last, next[0]) >= 0 || strcmp(last, next[1]) >= 0) return 0;
    }
    return 1;
}

static const char *reason_against(const fcl_result *before, const fcl_result *after) {
    if (!before) return "not in the baseline";
    if (!before->check.passed) return "its result was wrong in the baseline";
    if (!after->check.passed) return "its result is wrong";
    if (before->n_samples < FCL_TRIMMED_MIN || after->n_samples < FCL_TRIMMED_MIN) return "fewer than 5 repeats";
    if (!are_positive(before->samples, before->n_samples) || !are_positive(after->samples, after->n_samples))
        return "a sample is not positive";
    return NULL;
}

/* What differs between the processes of one program is in a verdict only where there are enough of them. */
static fcl_judged_by unit_of(const fcl_result *before, const fcl_result *after) {
    if (before->n_runs < FCL_COMPARE_RUNS || after->n_runs < FCL_COMPARE_RUNS) return FCL_BY_REPEATS;
    return is_in_turn(before, after) ? FCL_BY_PAIRS : FCL_BY_RUNS;
}

/* Of two series of values, n[0] before and n[1] after. */
static fcl_difference difference_of_series(double *const values[2], const size_t n[2], fcl_judged_by by, double error) {
    fcl_mean (*mean_of)(const double *, size_t) = by == FCL_BY_REPEATS ? fcl_trimmed_mean_of : fcl_plain_mean_of;
    fcl_mean before = mean_of(values[0], n[0]), after = mean_of(values[1], n[1]);
    /* How long a disturbance of this machine lasts: both tell. */
    const double correlation = ((double)n[0] * fcl_serial_correlation(values[0], n[0]) +
                                (double)n[1] * fcl_serial_correlation(values[1], n[1])) /
                               (double)(n[0] + n[1]);
    fcl_mean_correlate(&before, correlation);
    fcl_mean_correlate(&after, correlation);
    return fcl_difference_of(&before, &after, error);
}

/* What a machine does slowly is in both values of a pair, and not in their difference: so pairs count as independent. */
static fcl_difference difference_of_pairs(const double *before, double *after, size_t n, double error) {
    for (size_t i = 0; i < n; i++) after[i] -= before[i];
    const fcl_mean mean = fcl_plain_mean_of(after, n);
    return fcl_difference_of_pairs(&mean, error);
}

static fcl_status judge(fcl_comparison *c, int calibrated_alike, double error) {
    fcl_status status;
    const fcl_result *const results[] = {c->before, c->after};
    double *values[2] = {NULL};
    size_t n[2];
    const int is_calibrated = are_positive(c->before->calibration, c->before->n_samples) &&
                              are_positive(c->after->calibration, c->after->n_samples);
    const int exponent = calibrated_alike && is_calibrated ? speed_exponent(c->after) : 0;
    const double sign = c->after->higher_is_better ? 1.0 : -1.0, margin = log1p(FCL_COMPARE_MARGIN);
    c->corrected = exponent != 0;
    c->by = unit_of(c->before, c->after);
    for (int i = 0; i < 2; i++) {
        FCL_TRY(corrected_logs(&values[i], results[i], exponent));
        if (c->by != FCL_BY_REPEATS) reduce_to_runs(values[i], results[i]);
        n[i] = c->by == FCL_BY_REPEATS ? results[i]->n_samples : results[i]->n_runs;
    }
    const fcl_difference d = c->by == FCL_BY_PAIRS ? difference_of_pairs(values[0], values[1], n[0], error)
                                                   : difference_of_series(values, n, c->by, error);
    if (!isfinite(d.difference)) FCL_TRY(fcl_fail_memory("samples", c->before->n_samples * sizeof **values));
    const double gain = sign * d.difference;
    c->ratio = exp(gain);
    c->low = exp(gain - d.margin);
    c->high = exp(gain + d.margin);
    c->verdict = gain - d.margin > margin ? FCL_FASTER : gain + d.margin < -margin ? FCL_SLOWER : FCL_SAME;
    if (c->verdict == FCL_SAME && d.margin > log1p(FCL_COMPARE_WIDEST)) {
        c->verdict = FCL_NOT_COMPARABLE;
        c->reason = c->by == FCL_BY_REPEATS ? "too unsteady: more repeats, or a quieter machine"
                                            : "too unsteady: more runs, or a quieter machine";
    }
done:
    for (int i = 0; i < 2; i++) free(values[i]);
    return status;
}

fcl_status fcl_report_compare(fcl_comparisons *out, const fcl_report *before, const char *before_path,
                              const fcl_report *after, const char *after_path) {
    fcl_status status;
    fcl_comparisons all = {.n = after->n_results};
    const int calibrated_alike = calibrates_alike(before, after);
    size_t n_judged = 0;
    FCL_TRY(fcl_report_check_comparable(before, before_path, after, after_path));
    FCL_TRY(fcl_report_check_common(before, before_path, after, after_path));
    warn_of_differences(before, before_path, after, after_path);
    FCL_TRY(FCL_NEW(&all.items, all.n, "a comparison"));
    for (size_t i = 0; i < all.n; i++) {
        fcl_comparison *c = &all.items[i];
        c->after = &after->results[i];
        c->before = fcl_report_find(before, c->after);
        c->reason = reason_against(c->before, c->after);
        if (!c->reason) n_judged++;
    }
    for (size_t i = 0; i < all.n; i++) {
        fcl_comparison *c = &all.items[i];
        c->verdict = FCL_NOT_COMPARABLE;
        /* Bonferroni: the more is looked at, the more often chance would find something. */
        if (!c->reason) FCL_TRY(judge(c, calibrated_alike, FCL_COMPARE_ERROR / (double)n_judged));
        all.counts[c->verdict]++;
    }
    *out = all;
    all = (fcl_comparisons){0};
done:
    fcl_comparisons_dispose(&all);
    return status;
}

void fcl_comparisons_dispose(fcl_comparisons *comparisons) {
    free(comparisons->items);
    *comparisons = (fcl_comparisons){0};
}
