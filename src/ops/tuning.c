#include "ops/tuning.h"

#include <math.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "ops/selection.h"
#include "ops/solver_cache.h"
#include "ops/stopwatch.h"

/* Of FCL_STOPWATCH_PAIRS pairs of times; when both solvers are as fast, this many happen in 2 cases of 100. */
enum { PAIRS_TO_WIN = FCL_STOPWATCH_PAIRS - 1 };

typedef struct tuner {
    fcl_device *device;
    const fcl_op_desc *desc;
    char description[256];
    fcl_solver_cache *cache;
    fcl_stopwatch *stopwatch;
} tuner;

static int is_candidate(const fcl_solver *solver, const fcl_op_desc *desc, const fcl_device *device) {
    return fcl_solver_suits(solver, device) && fcl_solver_applies(solver, desc, device);
}

int fcl_tuning_has_choice(const fcl_op_desc *desc, const fcl_device *device) {
    int n = 0;
    for (const fcl_solver *const *s = fcl_solvers_of(desc->kind); *s; s++) n += is_candidate(*s, desc, device);
    return n > 1;
}

static int is_over(double end) {
    return fcl_interrupt_requested() || fcl_clock_seconds() >= end;
}

/* Verdict and time of one solver, remembered or new. *usable is 0 when it is wrong or fails: that is no error here. */
static fcl_status measure(fcl_solver_record *out, int *usable, tuner *t, const fcl_solver *solver, int again,
                          double best) {
    fcl_status status;
    char fault[256];
    *usable = 0;
    if (fcl_judge(out, fault, t->device, t->desc, solver, t->cache, t->description) != FCL_OK) {
        fcl_log(FCL_LOG_INFO, "%s: solver %s is left out: %s", t->description, solver->name, fcl_error_message());
        return FCL_OK;
    }
    if (!out->passed) {
        fcl_log(FCL_LOG_WARNING, "%s: a wrong result, so this solver is not used: %s", t->description, fault);
        return FCL_OK;
    }
    if (out->seconds == 0.0 || again) {
        if (!t->stopwatch) FCL_TRY(fcl_stopwatch_create(&t->stopwatch, t->device, t->desc));
        if (fcl_stopwatch_measure(&out->seconds, t->stopwatch, solver, best) != FCL_OK) {
            fcl_log(FCL_LOG_INFO, "%s: solver %s cannot be measured: %s", t->description, solver->name,
                    fcl_error_message());
            return FCL_OK;
        }
        out->tuned = 0;
        FCL_TRY(fcl_solver_cache_set(t->cache, t->description, solver, out));
    }
    *usable = 1;
    status = FCL_OK;
done:
    return status;
}

static void keep_default(fcl_tuning *tuning) {
    tuning->best = tuning->by_default;
    tuning->best_seconds = tuning->default_seconds;
}

/* Holds the fastest against the default, taking turns, and keeps the default when they cannot be told apart. */
static fcl_status confirm(fcl_tuning *tuning, tuner *t) {
    fcl_status status = FCL_OK;
    fcl_comparison comparison;
    const fcl_solver *both[] = {tuning->by_default, tuning->best};
    if (!t->stopwatch) FCL_TRY(fcl_stopwatch_create(&t->stopwatch, t->device, t->desc));
    if (fcl_stopwatch_compare(&comparison, t->stopwatch, both[0], both[1], FCL_STOPWATCH_PAIRS) != FCL_OK) {
        fcl_log(FCL_LOG_INFO, "%s: solvers %s and %s cannot be compared: %s", t->description, both[0]->name,
                both[1]->name, fcl_error_message());
        keep_default(tuning);
        goto done;
    }
    for (int i = 0; i < 2; i++) {
        fcl_solver_record record;
        if (!fcl_solver_cache_find(&record, t->cache, t->description, both[i])) continue;
        record.seconds = comparison.seconds[i];
        FCL_TRY(fcl_solver_cache_set(t->cache, t->description, both[i], &record));
    }
    tuning->default_seconds = comparison.seconds[0];
    tuning->best_seconds = comparison.seconds[1];
    if (comparison.n_won < PAIRS_TO_WIN) keep_default(tuning);
done:
    return status;
}

static fcl_status tune(fcl_tuning *tuning, tuner *t, int again, double end, const fcl_solver *const *solvers) {
    fcl_status status;
    const fcl_solver *known = again ? NULL : fcl_solver_cache_tuned(t->cache, t->description, solvers);
    int n_new = 0;
    if (is_over(end)) return fcl_fail(FCL_E_INTERRUPTED, "%s is not tuned", t->description);
    FCL_TRY(fcl_select_default(&tuning->by_default, t->device, t->desc, 1, solvers, t->cache, t->description));
    tuning->best_seconds = (double)INFINITY;
    for (const fcl_solver *const *s = solvers; *s; s++) {
        fcl_solver_record record;
        int usable, is_known = fcl_solver_cache_find(&record, t->cache, t->description, *s) && record.seconds > 0.0;
        if (!is_candidate(*s, t->desc, t->device)) continue;
        if ((again || !is_known) && is_over(end)) {
            status = fcl_fail(FCL_E_INTERRUPTED, "%s is not tuned", t->description);
            goto done;
        }
        FCL_TRY(measure(&record, &usable, t, *s, again, tuning->best_seconds));
        n_new += usable && !is_known;
        tuning->n_right += usable;
        tuning->n_left_out += !usable;
        if (usable && *s == tuning->by_default) tuning->default_seconds = record.seconds;
        if (!usable || record.seconds >= tuning->best_seconds) continue;
        tuning->best = *s;
        tuning->best_seconds = record.seconds;
    }
    if (!tuning->best) keep_default(tuning);
    if (known && n_new == 0) {
        fcl_solver_record record;
        tuning->best = known;
        if (fcl_solver_cache_find(&record, t->cache, t->description, known)) tuning->best_seconds = record.seconds;
    } else if (tuning->best != tuning->by_default) {
        FCL_TRY(confirm(tuning, t));
    }
    fcl_solver_cache_set_tuned(t->cache, t->description, tuning->best);
    status = FCL_OK;
done:
    return status;
}

fcl_status fcl_tune_operation(fcl_tuning *out, fcl_device *device, const fcl_op_desc *desc, int again, double end,
                              const fcl_solver *const *solvers) {
    fcl_status status;
    fcl_tuning tuning = {0};
    tuner t = {.device = device, .desc = desc};
    fcl_op_describe(t.description, desc);
    FCL_TRY(fcl_solver_cache_open(&t.cache, device));
    FCL_TRY(tune(&tuning, &t, again, end, solvers));
    *out = tuning;
done:
    fcl_stopwatch_free(t.stopwatch);
    if (t.cache) fcl_solver_cache_save(t.cache);
    fcl_solver_cache_free(t.cache);
    return status;
}
