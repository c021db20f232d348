#include "ops/stopwatch.h"

#include <math.h>

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
    FCL_TRY(fcl_made_operands_create_for_timing(&stopwatch->made, device, desc));
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

static fcl_status time_runs(double *seconds, fcl_stopwatch *stopwatch, const fcl_solver *solver, fcl_plan *plan,
                            const fcl_operands *operands, int n, int repeats) {
    fcl_status status;
    fcl_op_args args = fcl_gate_args(&stopwatch->desc, 0);
    double start = fcl_clock_seconds();
    for (int i = 0; i < repeats; i++) FCL_TRY(solver->run(plan, n, operands, &args));
    FCL_TRY(fcl_device_finish(stopwatch->device));
    *seconds = (fcl_clock_seconds() - start) / repeats;
done:
    return status;
}

static double median_of_3(const double t[N_TIMES]) {
    return fmax(fmin(t[0], t[1]), fmin(fmax(t[0], t[1]), t[2]));
}

fcl_status fcl_stopwatch_measure(double *seconds, fcl_stopwatch *stopwatch, const fcl_solver *solver, double best) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_buffer *workspace = NULL;
    fcl_operands operands = stopwatch->made->device;
    double once, times[N_TIMES];
    int batch = stopwatch->desc.batch, few = batch < 2 ? batch : 2;
    size_t workspace_bytes = solver->workspace_bytes ? solver->workspace_bytes(&stopwatch->desc, stopwatch->device) : 0;
    FCL_TRY(solver->prepare(&plan, &stopwatch->desc, stopwatch->device));
    if (workspace_bytes > 0) {
        FCL_TRY(fcl_buffer_create(&workspace, stopwatch->device, workspace_bytes, "the workspace of a measurement"));
        operands.workspace = workspace;
    }
    FCL_TRY(fcl_device_finish(stopwatch->device));
    /* The first run may compile or allocate. */
    FCL_TRY(time_runs(&once, stopwatch, solver, plan, &operands, few, 1));
    FCL_TRY(time_runs(&once, stopwatch, solver, plan, &operands, few, 1));
    double projected = once * batch / few;
    if (projected > expensive && projected > hopeless * best) {
        *seconds = projected;
        goto done;
    }
    FCL_TRY(time_runs(&once, stopwatch, solver, plan, &operands, batch, 1));
    if (once > hopeless * best) {
        *seconds = once;
        goto done;
    }
    int repeats = once > 0.0 ? (int)fmin(ceil(shortest_time / once), MAX_REPEATS) : MAX_REPEATS;
    for (int i = 0; i < N_TIMES; i++) FCL_TRY(time_runs(&times[i], stopwatch, solver, plan, &operands, batch, repeats));
    *seconds = median_of_3(times);
done:
    fcl_buffer_free(workspace);
    if (plan) solver->dispose(plan);
    return status;
}
