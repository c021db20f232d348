/* Runs of one program, measured by one process each, in one report. */
#include "bench/compare.h"

#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/bench.h"
#include "bench/statistics.h"

/* What all runs of a report have in common. The device's clock is not among it: some drivers tell that of the moment. */
static const char *const conditions[][2] = {
    {"fiducl", "version"},
    {"fiducl", "kernels"},
    {"fiducl", "compiler"},
    {"fiducl", "build_type"},
    {"libraries", "clblast"},
    {"libraries", "opencl_loader"},
    {"system", "cpu"},
    {"system", "governor"},
    {"system", "power_source"},
    {"device", "identity"},
    {"device", "calibration_vector"},
    {"device", "calibration_launches"},
};

static fcl_status check_same(const json_t *before, const json_t *now, const char *name, const char *path) {
    if (before == now || json_equal(before, now)) return FCL_OK;
    char *a = before ? json_dumps(before, JSON_ENCODE_ANY) : NULL, *b = now ? json_dumps(now, JSON_ENCODE_ANY) : NULL;
    const fcl_status status = fcl_fail(
        FCL_E_INPUT, "a run with another %s cannot be added to '%s': %s there, %s now; give it a file of its own", name,
        path, a ? a : "unknown", b ? b : "unknown");
    free(a);
    free(b);
    return status;
}

static fcl_status check_takes_runs(const fcl_report *report, const char *path) {
    static const char format[] = "no run can be added to '%s', %s%s: replace it with --force, or choose another file "
                                 "with --out";
    if (report->format_version == 1)
        return fcl_fail(FCL_E_INPUT, format, path,
                        "whose format version 1 does not tell with which options it was made", "");
    if (report->is_partial) return fcl_fail(FCL_E_INPUT, format, path, "which is partial", "");
    for (size_t i = 0; i < report->n_results; i++)
        if (!report->results[i].check.passed)
            return fcl_fail(FCL_E_INPUT, format, path, "with a failed check of ", report->results[i].workload);
    return FCL_OK;
}

fcl_status fcl_report_check_conditions(const fcl_report *report, const char *path, const fcl_report *run) {
    fcl_status status;
    FCL_TRY(check_takes_runs(report, path));
    FCL_TRY(check_same(report->command, run->command, "command", path));
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        const char *object = conditions[i][0], *key = conditions[i][1];
        char name[64];
        snprintf(name, sizeof name, "%s.%s", object, key);
        FCL_TRY(check_same(fcl_report_value(report, object, key), fcl_report_value(run, object, key), name, path));
    }
done:
    return status;
}

/* `grown`, n values of n_bytes each, with n_more behind them; NULL: it is as it was. */
static void *append(void *grown, size_t n, const void *more, size_t n_more, size_t n_bytes) {
    size_t capacity = n;
    if (fcl_grow(&grown, &capacity, n + n_more, n_bytes, "samples") != FCL_OK) return NULL;
    memcpy((char *)grown + n * n_bytes, more, n_more * n_bytes);
    return grown;
}

static fcl_status append_samples(fcl_result *r, const fcl_result *run) {
    void *grown;
    if (!(grown = append(r->samples, r->n_samples, run->samples, run->n_samples, sizeof *r->samples)))
        return FCL_E_MEMORY;
    r->samples = grown;
    if (!(grown = append(r->calibration, r->n_samples, run->calibration, run->n_samples, sizeof *r->calibration)))
        return FCL_E_MEMORY;
    r->calibration = grown;
    if (!(grown = append(r->runs, r->n_runs, run->runs, run->n_runs, sizeof *r->runs))) return FCL_E_MEMORY;
    r->runs = grown;
    r->n_samples += run->n_samples;
    r->n_runs += run->n_runs;
    return FCL_OK;
}

/* What a result says of its check, its energy and its solvers, with another run. */
static fcl_status merge_result(fcl_result *r, const fcl_result *run) {
    static const char *const solvers[] = {"solvers", "solver"}; /* of a network, and of one operation */
    r->energy_joules += run->energy_joules;
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        const json_t *a = json_object_get(r->details, solvers[i]), *b = json_object_get(run->details, solvers[i]);
        if (a && b && !json_equal(a, b))
            fcl_log(FCL_LOG_WARNING, "%s: this run has other solvers than the first one of the file", r->workload);
    }
    r->check.error = fcl_worse(r->check.error, run->check.error);
    return append_samples(r, run);
}

/* The load before and after each run, one behind the other. */
static fcl_status merge_load(fcl_report *report, const fcl_report *run) {
    static const char key[] = "load_average";
    json_t *load = json_object_get(report->system, key), *more = json_object_get(run->system, key);
    return load && more && json_array_extend(load, more) != 0 ? fcl_fail_memory("a benchmark", 0) : FCL_OK;
}

fcl_status fcl_report_merge(fcl_report *report, const char *path, fcl_report *run) {
    fcl_status status;
    FCL_TRY(fcl_report_check_conditions(report, path, run));
    FCL_TRY(fcl_report_check_comparable(report, path, run, "this run"));
    FCL_TRY(fcl_bench_verdict(run));
    for (size_t i = 0; i < run->n_results && status == FCL_OK; i++) {
        fcl_result *r = (fcl_result *)fcl_report_find(report, &run->results[i]);
        status = r ? merge_result(r, &run->results[i]) : fcl_report_add(report, &run->results[i]);
    }
    /* Also after a failure, since those before it have been taken over. */
    for (size_t i = 0; i < run->n_results; i++) fcl_result_dispose(&run->results[i]);
    run->n_results = 0;
    FCL_TRY(status);
    FCL_TRY(merge_load(report, run));
done:
    return status;
}
