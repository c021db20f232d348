#include "bench/cases.h"

#include <math.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/system.h"
#include "base/text.h"

void fcl_cases_dispose(fcl_cases *cases) {
    for (size_t i = 0; i < cases->n; i++) fcl_result_dispose(&cases->list[i].result);
    free(cases->list);
    *cases = (fcl_cases){0};
}

fcl_status fcl_cases_add(fcl_cases *cases, fcl_case *added) {
    void *grown = cases->list;
    fcl_status status =
        fcl_interrupt_requested()
            ? fcl_fail(FCL_E_INTERRUPTED, "interrupted before %s was measured", added->result.workload)
            : fcl_grow(&grown, &cases->capacity, cases->n + 1, sizeof *cases->list, "cases of a benchmark");
    if (status == FCL_OK) {
        cases->list = grown;
        cases->list[cases->n++] = *added;
    } else {
        fcl_result_dispose(&added->result);
    }
    *added = (fcl_case){0};
    return status;
}

static fcl_status run_one(fcl_case *c, unsigned index, fcl_energy_meter *meter) {
    fcl_result *r = &c->result;
    double sample, error = 0.0, before = fcl_energy_meter_read(meter);
    fcl_status status = c->repeat(&sample, &error, c->state, index);
    if (status != FCL_OK) return status;
    r->energy_joules += fcl_energy_meter_read(meter) - before;
    r->samples[index] = sample;
    if (!(error <= r->check.error)) r->check.error = error;
    /* A NaN is an error too. */
    if (!(r->check.error <= r->check.bound)) r->check.passed = 0;
    return FCL_OK;
}

fcl_status fcl_cases_run(fcl_cases *cases, unsigned repeats, fcl_probe *probe, const char *task) {
    fcl_status status = FCL_OK;
    const fcl_system_roots roots = FCL_SYSTEM_ROOTS;
    fcl_energy_meter meter;
    double speed;
    for (size_t i = 0; i < cases->n; i++) {
        fcl_result *r = &cases->list[i].result;
        FCL_TRY(FCL_NEW(&r->samples, repeats, "samples"));
        FCL_TRY(FCL_NEW(&r->calibration, repeats, "samples"));
        r->n_samples = 0;
        r->energy_joules = 0.0;
    }
    fcl_energy_meter_start(&meter, &roots);
    FCL_TRY(fcl_probe_calibrate(&speed, probe));
    for (unsigned round = 0; round < repeats; round++)
        for (size_t i = 0; i < cases->n; i++) {
            fcl_case *c = &cases->list[i];
            fcl_progress_report(&(fcl_progress){.task = task,
                                                .done = round * cases->n + i,
                                                .total = repeats * cases->n,
                                                .unit = "repeats",
                                                .detail = c->result.workload});
            if (!c->result.check.passed) continue;
            if (fcl_interrupt_requested()) {
                status = fcl_fail(FCL_E_INTERRUPTED, "interrupted while measuring %s", c->result.workload);
                goto done;
            }
            FCL_TRY(run_one(c, round, &meter));
            FCL_TRY(fcl_probe_calibrate_again(&c->result.calibration[round], &speed, probe));
            c->result.n_samples = round + 1;
        }
    fcl_progress_report(&(fcl_progress){.task = task, .done = repeats * cases->n, .total = repeats * cases->n});
done:
    return status;
}

fcl_status fcl_cases_report(fcl_report *report, fcl_cases *cases) {
    fcl_status status = FCL_OK;
    for (size_t i = 0; i < cases->n && status == FCL_OK; i++) {
        fcl_result *r = &cases->list[i].result;
        if (r->n_samples > 0 || !r->check.passed) status = fcl_report_add(report, r);
    }
    return status;
}

fcl_status fcl_result_name(fcl_result *out, const char *workload, unsigned version, const char *metric,
                           const char *unit, int higher_is_better) {
    fcl_result r = {.workload = fcl_duplicate(workload),
                    .workload_version = version,
                    .metric = fcl_duplicate(metric),
                    .unit = fcl_duplicate(unit),
                    .higher_is_better = higher_is_better,
                    .energy_joules = (double)NAN,
                    .details = json_object()};
    if (!r.workload || !r.metric || !r.unit || !r.details) {
        fcl_result_dispose(&r);
        return fcl_fail_memory("a result", 0);
    }
    *out = r;
    return FCL_OK;
}

fcl_status fcl_result_set_check(fcl_result *result, double error, double bound, const char *what) {
    char *copy = fcl_duplicate(what);
    if (!copy) return FCL_E_MEMORY;
    free(result->check.what);
    result->check = (fcl_result_check){.passed = error <= bound, .what = copy, .error = error, .bound = bound};
    return FCL_OK;
}
