/* bench device: what the device can do at best. */
#include <stdio.h>

#include "bench/bench.h"
#include "bench/cases.h"

enum { VERSION = 1 };

typedef struct measurement {
    const char *workload, *metric, *unit, *what;
    int higher_is_better;
    double bound;
    fcl_status (*run)(double *sample, double *error, fcl_probe *probe);
} measurement;

static fcl_status read_memory(double *sample, double *error, fcl_probe *probe) {
    return fcl_probe_memory(sample, error, probe, FCL_PROBE_READ, fcl_probe_large_bytes(probe));
}

static fcl_status copy_memory(double *sample, double *error, fcl_probe *probe) {
    return fcl_probe_memory(sample, error, probe, FCL_PROBE_COPY, fcl_probe_large_bytes(probe));
}

static fcl_status launch(double *sample, double *error, fcl_probe *probe) {
    static const double microseconds = 1e6;
    double seconds;
    fcl_status status = fcl_probe_launch(&seconds, error, probe);
    if (status == FCL_OK) *sample = seconds * microseconds;
    return status;
}

static fcl_status transfer_to(double *sample, double *error, fcl_probe *probe) {
    return fcl_probe_transfer(sample, error, probe, 1);
}

static fcl_status transfer_from(double *sample, double *error, fcl_probe *probe) {
    return fcl_probe_transfer(sample, error, probe, 0);
}

static const measurement measurements[] = {
    {"device/peak_float32", "speed", "GFLOP/s", "every chain against its limit", 1, FCL_PROBE_BOUND,
     fcl_probe_multiply},
    {"device/bandwidth_read", "speed", "GB/s", "the sum of what was read", 1, FCL_PROBE_BOUND, read_memory},
    {"device/bandwidth_copy", "speed", "GB/s", "the sum of the copy", 1, FCL_PROBE_BOUND, copy_memory},
    {"device/launch_latency", "time", "us", "the number of launches, counted on the device", 0, 0.0, launch},
    {"device/transfer_to", "speed", "GB/s", "what comes back against what was sent", 1, 0.0, transfer_to},
    {"device/transfer_from", "speed", "GB/s", "what comes back against what was sent", 1, 0.0, transfer_from},
};
enum { N_MEASUREMENTS = sizeof measurements / sizeof *measurements };

typedef struct state {
    const measurement *measurement;
    fcl_probe *probe;
} state;

static fcl_status repeat(double *sample, double *error, void *user, unsigned index) {
    const state *s = user;
    (void)index;
    return s->measurement->run(sample, error, s->probe);
}

static fcl_status add(fcl_cases *cases, state *s) {
    fcl_status status;
    fcl_case added = {.state = s, .repeat = repeat};
    const measurement *m = s->measurement;
    int vector, chains;
    size_t items;
    double sample, error;
    fcl_probe_describe(&vector, &chains, &items, s->probe);
    FCL_TRY(fcl_result_name(&added.result, m->workload, VERSION, m->metric, m->unit, m->higher_is_better));
    /* The first one allocates. */
    FCL_TRY(m->run(&sample, &error, s->probe));
    FCL_TRY(fcl_result_set_check(&added.result, error, m->bound, m->what));
    json_object_update_new(added.result.details, json_pack("{s:i, s:i, s:I, s:I, s:I}", "vector", vector, "chains",
                                                           chains, "work_items", (json_int_t)items, "working_set_bytes",
                                                           (json_int_t)fcl_probe_large_bytes(s->probe),
                                                           "transfer_bytes", (json_int_t)fcl_probe_transfer_bytes()));
    FCL_TRY(fcl_cases_add(cases, &added));
done:
    fcl_result_dispose(&added.result);
    return status;
}

fcl_status fcl_bench_device(fcl_bench *bench) {
    fcl_status status = FCL_OK;
    fcl_cases cases = {0};
    state states[N_MEASUREMENTS];
    for (int i = 0; i < N_MEASUREMENTS; i++) {
        states[i] = (state){&measurements[i], bench->probe};
        FCL_TRY(add(&cases, &states[i]));
    }
    const fcl_status measured = fcl_cases_run(&cases, bench->options.repeats, bench->probe, "device");
    FCL_TRY(fcl_cases_report(bench->report, &cases));
    status = measured;
done:
    fcl_cases_dispose(&cases);
    return status;
}
