/* bench ops: what each operation of a model's training reaches, and what the device would allow. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/bench.h"
#include "bench/cases.h"
#include "bench/roofline.h"
#include "bench/solvers.h"
#include "bench/statistics.h"
#include "net/network.h"
#include "ops/gate.h"
#include "ops/made_operands.h"
#include "ops/selection.h"

enum { VERSION = 1, MAX_RUNS = 200 };
static const double shortest_repeat = 2e-3; /* seconds; shorter runs are repeated and divided */
/* By how much of the wall clock's time it may differ from that of the events. */
static const double clock_bound = 0.25;
static const double milliseconds = 1e3, giga = 1e-9;

typedef struct operation {
    fcl_device *device;
    char layer[64], part[32], description[256];
    fcl_op_desc desc;
    const fcl_solver *solver;
    fcl_solver_origin origin;
    fcl_plan *plan;
    fcl_operands operands; /* lent */
    int runs;              /* of a repeat */
    double launches;       /* of a run */
    double *events;        /* (repeats) seconds of a run as its events say */
} operation;

/* The operations of one model. */
typedef struct field {
    operation *list;
    size_t n;
    fcl_made_operands *operands;
    fcl_buffer *workspace;
    fcl_cases cases;
} field;

static void dispose(field *f) {
    fcl_cases_dispose(&f->cases);
    for (size_t i = 0; i < f->n; i++) {
        if (f->list[i].plan) f->list[i].solver->dispose(f->list[i].plan);
        free(f->list[i].events);
    }
    free(f->list);
    fcl_made_operands_free(f->operands);
    fcl_buffer_free(f->workspace);
}

/* From a network, whose operations have the solvers that training has here. */
static fcl_status find_operations(field *f, const fcl_bench *bench, fcl_device *device, const fcl_model *model) {
    fcl_status status;
    fcl_network *network = NULL;
    const fcl_network_options options = {
        .batch = bench->options.batch, .training = 1, .choice = bench->choice, .measure = 1};
    FCL_TRY(fcl_network_create(&network, device, model, &options));
    const unsigned n = fcl_network_n_operations(network);
    FCL_TRY(FCL_NEW(&f->list, n, "operations"));
    for (unsigned i = 0; i < n; i++) {
        operation *o = &f->list[i];
        const char *layer, *part, *description, *solver;
        o->device = device;
        o->desc = *fcl_network_operation_desc(network, i);
        fcl_network_operation_place(&layer, &part, network, i);
        fcl_network_operation(&description, &solver, network, i);
        snprintf(o->layer, sizeof o->layer, "%s", layer);
        snprintf(o->part, sizeof o->part, "%s%s", part, o->desc.fused_pool ? "_pooled" : "");
        snprintf(o->description, sizeof o->description, "%s", description);
        o->solver = fcl_solver_find(o->desc.kind, solver);
        FCL_TRY(fcl_operation_origin(&o->origin, bench, device, &o->desc, solver));
        f->n++;
    }
done:
    fcl_network_free(network);
    return status;
}

/* Against the reference, as before a first use, whatever is remembered. */
static fcl_status check(double *worst, const operation *o) {
    fcl_gate_report report;
    const fcl_status status = fcl_check_solver(&report, o->device, &o->desc, o->solver);
    if (status == FCL_OK) *worst = report.passed ? report.worst_ratio : (double)INFINITY;
    return status;
}

static fcl_status run(double *seconds, operation *o, int runs) {
    fcl_status status;
    const fcl_op_args args = fcl_gate_args(&o->desc, 0);
    FCL_TRY(fcl_device_finish(o->device));
    double begin = fcl_clock_seconds();
    for (int i = 0; i < runs; i++) FCL_TRY(o->solver->run(o->plan, o->desc.batch, &o->operands, &args));
    FCL_TRY(fcl_device_finish(o->device));
    *seconds = (fcl_clock_seconds() - begin) / runs;
done:
    return status;
}

/* Seconds and launches of all kernels since the profile was reset. */
static fcl_status read_events(double *seconds, double *launches, fcl_device *device) {
    fcl_profile_row *rows;
    size_t n;
    fcl_status status = fcl_device_profile(&rows, &n, device);
    if (status != FCL_OK) return status;
    *seconds = *launches = 0.0;
    for (size_t i = 0; i < n; i++) {
        *seconds += rows[i].seconds;
        *launches += (double)rows[i].n_launches;
    }
    free(rows);
    return FCL_OK;
}

static fcl_status repeat(double *sample, double *error, void *state, unsigned index) {
    operation *o = state;
    fcl_status status;
    double seconds, events;
    FCL_TRY(fcl_device_finish(o->device));
    fcl_device_profile_reset(o->device);
    FCL_TRY(run(&seconds, o, o->runs));
    FCL_TRY(read_events(&events, &o->launches, o->device));
    o->launches /= o->runs;
    o->events[index] = events / o->runs;
    *sample = seconds * milliseconds;
    *error = 0.0;
done:
    return status;
}

/* A plan, and how many runs make a repeat. The first run may compile or allocate. */
static fcl_status warm_up(operation *o) {
    fcl_status status;
    double seconds;
    FCL_TRY(o->solver->prepare(&o->plan, &o->desc, o->device));
    FCL_TRY(run(&seconds, o, 1));
    FCL_TRY(run(&seconds, o, 1));
    o->runs = (int)fmin(fmax(ceil(shortest_repeat / fmax(seconds, 1e-9)), 1.0), MAX_RUNS);
done:
    return status;
}

/* All operations take the same memory, which is as large as the largest needs it. */
static fcl_status share_operands(field *f, fcl_device *device) {
    fcl_status status;
    fcl_op_desc *descs = NULL;
    size_t workspace_bytes = 0;
    FCL_TRY(FCL_NEW(&descs, f->n, "operations"));
    for (size_t i = 0; i < f->n; i++) {
        const operation *o = &f->list[i];
        size_t wanted = o->solver->workspace_bytes ? o->solver->workspace_bytes(&o->desc, device) : 0;
        descs[i] = o->desc;
        if (wanted > workspace_bytes) workspace_bytes = wanted;
    }
    FCL_TRY(fcl_made_operands_create_for_timing(&f->operands, device, descs, f->n));
    if (workspace_bytes > 0)
        FCL_TRY(fcl_buffer_create(&f->workspace, device, workspace_bytes, "the workspace of a measurement"));
    for (size_t i = 0; i < f->n; i++) {
        f->list[i].operands = f->operands->device;
        f->list[i].operands.workspace = f->workspace;
    }
done:
    free(descs);
    return status;
}

static fcl_status add_case(field *f, operation *o, const fcl_bench *bench, const fcl_model *model) {
    fcl_status status;
    double worst;
    fcl_case added = {.repeat = repeat, .state = o};
    char *workload = fcl_format("ops/%s/batch%d/%s/%s", fcl_model_name(model), bench->options.batch, o->layer, o->part);
    if (!workload) return FCL_E_MEMORY;
    FCL_TRY(fcl_result_name(&added.result, workload, VERSION, "time", "ms", 0));
    added.result.solvers = o->origin;
    FCL_TRY(FCL_NEW(&o->events, bench->options.repeats, "samples"));
    FCL_TRY(check(&worst, o));
    FCL_TRY(fcl_result_set_check(&added.result, worst, 1.0,
                                 "elements against the reference, the largest error as a share of its bound"));
    if (added.result.check.passed) FCL_TRY(warm_up(o));
    FCL_TRY(fcl_cases_add(&f->cases, &added));
done:
    fcl_result_dispose(&added.result);
    free(workload);
    return status;
}

/* What the events leave unexplained of the wall clock's time, or the other way round, as a share of it: launches cost time
 * that no event has. The repeat that agrees best counts, since whatever else the machine does between two launches is the
 * wall clock's alone, and a clock that is wrong is so every time. */
static double clock_difference(double wall, double events, double launches, const fcl_roofline *roof) {
    const double between = launches * 2.0 * roof->launch_seconds;
    return fmax(events - wall, wall - events - between) / wall;
}

static fcl_status describe(fcl_result *r, operation *o, const fcl_roofline *roof) {
    const fcl_work own = fcl_solver_work(o->solver, &o->desc, o->device), plain = fcl_op_work(&o->desc);
    json_t *facts = json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:f}", "layer", o->layer, "part", o->part, "operation",
                              o->description, "solver", o->solver->name, "gflop", plain.flop * giga, "solver_gflop",
                              own.flop * giga, "solver_bytes", own.bytes);
    if (!facts || json_object_update(r->details, facts) != 0) return fcl_fail_memory("a result", 0);
    json_decref(facts);
    if (!r->check.passed || r->n_samples == 0) return FCL_OK;
    const double wall = fcl_result_median(r) / milliseconds, events = fcl_median(o->events, r->n_samples);
    double difference = (double)INFINITY;
    for (size_t i = 0; i < r->n_samples; i++)
        difference = fmin(difference, clock_difference(r->samples[i] / milliseconds, o->events[i], o->launches, roof));
    const fcl_bandwidth *memory = fcl_roofline_bandwidth(roof, own.bytes);
    const double limits[] = {own.flop * giga / roof->gflop_per_second, own.bytes * giga / memory->gb_per_second,
                             o->launches * roof->launch_seconds};
    static const char *const names[] = {"multiplications", "memory", "launches"};
    int limit = limits[1] > limits[0];
    const double possible = limits[limit];
    if (limits[2] > limits[limit]) limit = 2;
    json_object_update_new(r->details,
                           json_pack("{s:f, s:f, s:f, s:f, s:s, s:f, s:f, s:f, s:f, s:f, s:i, s:f}", "gflop_per_second",
                                     plain.flop * giga / wall, "solver_gflop_per_second", own.flop * giga / wall,
                                     "gb_per_second", own.bytes * giga / wall, "share_of_roofline", possible / wall,
                                     "limit", names[limit], "peak_gflop_per_second", roof->gflop_per_second,
                                     "bandwidth_gb_per_second", memory->gb_per_second, "bandwidth_working_set_bytes",
                                     (double)memory->bytes, "event_ms", events * milliseconds, "clock_difference",
                                     difference, "runs_a_repeat", o->runs, "launches", o->launches));
    if (!(difference <= clock_bound))
        return fcl_result_set_check(r, difference, clock_bound, "wall clock and events disagree, share of the time");
    return FCL_OK;
}

static fcl_status measure(field *f, fcl_bench *bench, const fcl_model *model, fcl_device *device, fcl_probe *probe) {
    fcl_status status;
    fcl_roofline roof;
    fcl_log(FCL_LOG_INFO, "ops %s: checking each operation against the reference", fcl_model_name(model));
    FCL_TRY(find_operations(f, bench, device, model));
    FCL_TRY(share_operands(f, device));
    for (size_t i = 0; i < f->n; i++) FCL_TRY(add_case(f, &f->list[i], bench, model));
    FCL_TRY(fcl_roofline_measure(&roof, probe));
    const fcl_status measured = fcl_cases_run(&f->cases, bench->options.repeats, probe, "ops");
    for (size_t i = 0; i < f->n; i++) FCL_TRY(describe(&f->cases.list[i].result, &f->list[i], &roof));
    const size_t first = bench->report->n_results;
    FCL_TRY(fcl_cases_report(bench->report, &f->cases));
    status = measured;
    if (measured == FCL_OK && bench->options.figure)
        FCL_TRY(fcl_roofline_draw(bench->options.figure, fcl_model_name(model), &roof, &bench->report->results[first],
                                  f->n));
done:
    return status;
}

fcl_status fcl_bench_ops(fcl_bench *bench) {
    fcl_status status;
    fcl_device *device = NULL;
    fcl_probe *probe = NULL;
    int vector, chains;
    size_t items;
    /* Of its own: every launch has an event. */
    FCL_TRY(fcl_device_open(&device, bench->options.device, 1));
    fcl_probe_describe(&vector, &chains, &items, bench->probe);
    FCL_TRY(fcl_probe_create(&probe, device, vector));
    for (size_t m = 0; m < bench->n_models; m++) {
        field f = {0};
        status = measure(&f, bench, bench->models[m], device, probe);
        dispose(&f);
        if (status != FCL_OK) goto done;
    }
done:
    fcl_probe_free(probe);
    fcl_device_free(device);
    return status;
}
