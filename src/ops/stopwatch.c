#include "ops/stopwatch.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ops/gate.h"
#include "ops/made_operands.h"

enum { N_TIMES = 3, MAX_REPEATS = 50 };
static const double shortest_time = 1e-3; /* shorter ones are repeated and divided */
static const double hopeless = 3.0;       /* times the best so far: one run is enough to know */
/* Where a run of the whole batch would take this long, two samples may tell that a solver is hopeless. Not
 * where it is short: how fast a device is with two samples says little about many, but then measuring costs
 * nothing. */
static const double expensive = 0.25;

struct fcl_stopwatch {
    fcl_device *device;
    fcl_op_desc desc;
    fcl_made_operands *made;
};

fcl_status fcl_stopwatch_create(fcl_stopwatch **out, fcl_device *device, const fcl_op_desc *desc) {
    fcl_status status;
    fcl_stopwatch *stopwatch = NULL;
    FCL_TRY(FCL_NEW(&stopwatch, 1, "a measurement"));
    stopwatch->device = device;
    stopwatch->desc = *desc;
    FCL_TRY(fcl_made_operands_create_for_timing(&stopwatch->made, device, desc, 1));
    *out = stopwatch;
    stopwatch = NULL;
done:
    fcl_stopwatch_free(stopwatch);
    return status;
}

void fcl_stopwatch_free(fcl_stopwatch *stopwatch) {
    if (!stopwatch) return;
    fcl_made_operands_free(stopwatch->made);
    free(stopwatch);
}

/* A solver that is ready to run. */
typedef struct runner {
    const fcl_solver *solver;
    fcl_plan *plan;
    fcl_buffer *workspace;
    fcl_operands operands;
    int has_run;
} runner;

static void runner_dispose(runner *r) {
    fcl_buffer_free(r->workspace);
    if (r->plan) r->solver->dispose(r->plan);
    *r = (runner){0};
}

static fcl_status runner_init(runner *out, fcl_stopwatch *stopwatch, const fcl_solver *solver) {
    fcl_status status;
    runner r = {.solver = solver, .operands = stopwatch->made->device};
    size_t workspace_bytes = solver->workspace_bytes ? solver->workspace_bytes(&stopwatch->desc, stopwatch->device) : 0;
    FCL_TRY(solver->prepare(&r.plan, &stopwatch->desc, stopwatch->device));
    if (workspace_bytes > 0) {
        FCL_TRY(fcl_buffer_create(&r.workspace, stopwatch->device, workspace_bytes, "the workspace of a measurement"));
        r.operands.workspace = r.workspace;
    }
    FCL_TRY(fcl_device_finish(stopwatch->device));
    *out = r;
    r = (runner){0};
done:
    runner_dispose(&r);
    return status;
}

static fcl_status time_runs(double *seconds, fcl_stopwatch *stopwatch, runner *r, int n, int repeats) {
    fcl_status status;
    fcl_op_args args = fcl_gate_args(&stopwatch->desc, 0);
    double start = fcl_clock_seconds();
    for (int i = 0; i < repeats; i++) {
        args.weights_unchanged = r->has_run && stopwatch->desc.weights_stay;
        FCL_TRY(r->solver->run(r->plan, n, &r->operands, &args));
        r->has_run = 1;
    }
    FCL_TRY(fcl_device_finish(stopwatch->device));
    *seconds = (fcl_clock_seconds() - start) / repeats;
done:
    return status;
}

/* Runs that together take as long as can be timed well. */
static int repeats_for(double once) {
    return once > 0.0 ? (int)fmin(ceil(shortest_time / once), MAX_REPEATS) : MAX_REPEATS;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of an odd number of times, which are sorted. */
static double median(double *times, size_t n) {
    qsort(times, n, sizeof *times, compare_doubles);
    return times[n / 2];
}

fcl_status fcl_stopwatch_measure(double *seconds, fcl_stopwatch *stopwatch, const fcl_solver *solver, double best) {
    fcl_status status;
    runner r = {0};
    double once, times[N_TIMES];
    int batch = stopwatch->desc.batch, few = batch < 2 ? batch : 2;
    FCL_TRY(runner_init(&r, stopwatch, solver));
    /* The first run may compile or allocate. */
    FCL_TRY(time_runs(&once, stopwatch, &r, few, 1));
    FCL_TRY(time_runs(&once, stopwatch, &r, few, 1));
    double projected = once * batch / few;
    if (projected > expensive && projected > hopeless * best) {
        *seconds = projected;
        goto done;
    }
    FCL_TRY(time_runs(&once, stopwatch, &r, batch, 1));
    if (once > hopeless * best) {
        *seconds = once;
        goto done;
    }
    for (int i = 0; i < N_TIMES; i++) FCL_TRY(time_runs(&times[i], stopwatch, &r, batch, repeats_for(once)));
    *seconds = median(times, N_TIMES);
done:
    runner_dispose(&r);
    return status;
}

/* One run of each with n samples; whether one takes so long, and so much longer, that more runs would only cost time. */
static fcl_status try_pair(double seconds[2], int *is_clear, fcl_stopwatch *stopwatch, runner runners[2], int n) {
    fcl_status status;
    const double whole = (double)stopwatch->desc.batch / n;
    for (int i = 0; i < 2; i++) {
        FCL_TRY(time_runs(&seconds[i], stopwatch, &runners[i], n, 1));
        seconds[i] *= whole;
    }
    double slower = fmax(seconds[0], seconds[1]);
    *is_clear = slower > expensive && slower > hopeless * fmin(seconds[0], seconds[1]);
done:
    return status;
}

fcl_status fcl_stopwatch_compare(fcl_comparison *out, fcl_stopwatch *stopwatch, const fcl_solver *first,
                                 const fcl_solver *second, int n_pairs) {
    fcl_status status;
    const fcl_solver *solvers[] = {first, second};
    runner runners[2] = {{0}};
    double once[2], times[2][FCL_STOPWATCH_PAIRS], ratios[FCL_STOPWATCH_PAIRS];
    int batch = stopwatch->desc.batch, few = batch < 2 ? batch : 2, repeats[2], is_clear, n_won = 0;
    assert(n_pairs % 2 == 1 && n_pairs <= FCL_STOPWATCH_PAIRS);
    for (int i = 0; i < 2; i++) FCL_TRY(runner_init(&runners[i], stopwatch, solvers[i]));
    /* The first run may compile or allocate. */
    FCL_TRY(try_pair(once, &is_clear, stopwatch, runners, few));
    FCL_TRY(try_pair(once, &is_clear, stopwatch, runners, few));
    if (!is_clear) FCL_TRY(try_pair(once, &is_clear, stopwatch, runners, batch));
    if (is_clear) {
        *out = (fcl_comparison){{once[0], once[1]}, once[1] / once[0], once[1] < once[0] ? n_pairs : 0};
        goto done;
    }
    for (int i = 0; i < 2; i++) repeats[i] = repeats_for(once[i]);
    for (int pair = 0; pair < n_pairs; pair++) {
        for (int turn = 0; turn < 2; turn++) {
            int i = (pair + turn) % 2;
            FCL_TRY(time_runs(&times[i][pair], stopwatch, &runners[i], batch, repeats[i]));
        }
        ratios[pair] = times[1][pair] / times[0][pair];
        n_won += times[1][pair] < times[0][pair];
    }
    *out = (fcl_comparison){
        {median(times[0], (size_t)n_pairs), median(times[1], (size_t)n_pairs)}, median(ratios, (size_t)n_pairs), n_won};
done:
    for (int i = 0; i < 2; i++) runner_dispose(&runners[i]);
    return status;
}
