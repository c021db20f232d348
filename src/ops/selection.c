#include "ops/selection.h"

#include <math.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/memory.h"
#include "device/ahead.h"
#include "ops/choice.h"
#include "ops/stopwatch.h"

static atomic_flag told = ATOMIC_FLAG_INIT;

enum {
    CHECKED_ELEMENTS = 300,
    WHOLE_BATCH_ELEMENTS = 50, /* beside those at borders */
    MAX_SOLVERS = 16,          /* of a kind */
    MAX_CANDIDATES = 3,        /* that are compiled and measured without tuning */
    QUICK_PAIRS = 3,
};
/* A solver that is likely this many times faster than another is taken without measuring the other. */
static const double clearly_faster = 1.5;
/* What a check may cost: floats made and copied, floating point operations on the device, terms summed by the
 * reference. */
static const double max_floats = 2e6, max_flop = 4e8, max_terms = 2e7;

static int cheap_samples(const fcl_op_desc *desc) {
    double floats = (double)(fcl_op_input_count(desc) + fcl_op_output_count(desc)), flop = fcl_op_flop(desc, 1);
    /* Only gradients of weights have terms from each sample: as many as there are output pixels. */
    double terms = 0.0;
    if (desc->kind == FCL_CONV_BACKWARD_WEIGHTS) terms = (double)desc->conv.out_h * desc->conv.out_w * CHECKED_ELEMENTS;
    double n = fmin(fmin(max_floats / floats, max_flop / flop), terms > 0.0 ? max_terms / terms : (double)INFINITY);
    if (n < 2.0) n = 2.0;
    return n < desc->batch ? (int)n : desc->batch;
}

/* One check, into the report of those before it. */
static fcl_status check_once(fcl_gate_report *worst, fcl_device *device, const fcl_op_desc *desc,
                             const fcl_solver *solver, int n, int variant, size_t max_elements) {
    fcl_gate_report report;
    const fcl_op_args args = fcl_gate_args(desc, variant);
    const fcl_status status = fcl_gate_check(&report, device, solver, desc, n, &args, max_elements);
    if (status != FCL_OK) return status;
    if (!report.passed || report.worst_ratio >= worst->worst_ratio) *worst = report;
    return FCL_OK;
}

fcl_status fcl_check_solver(fcl_gate_report *out, fcl_device *device, const fcl_op_desc *desc,
                            const fcl_solver *solver) {
    fcl_status status = FCL_OK;
    fcl_gate_report worst = {.passed = 1, .worst_ratio = -1.0};
    const int n = cheap_samples(desc);
    for (int variant = 0; variant < fcl_gate_n_variants(desc) && worst.passed; variant++)
        FCL_TRY(check_once(&worst, device, desc, solver, n, variant, CHECKED_ELEMENTS));
    const int other = n < desc->batch ? desc->batch : n - 1;
    if (worst.passed && other > 0) FCL_TRY(check_once(&worst, device, desc, solver, other, 0, WHOLE_BATCH_ELEMENTS));
    *out = worst;
done:
    return status;
}

/* While programs are noted, preparing is all that there is to it. */
static void note_programs(const fcl_solver *solver, const fcl_op_desc *desc, fcl_device *device) {
    fcl_plan *plan;
    if (solver->prepare(&plan, desc, device) == FCL_OK) solver->dispose(plan);
}

fcl_status fcl_judge(fcl_solver_record *out, char fault[256], fcl_device *device, const fcl_op_desc *desc,
                     const fcl_solver *solver, fcl_solver_cache *cache, const char *description) {
    fcl_status status;
    fcl_solver_record record = {0}, known = {0};
    fcl_gate_report report;
    const int is_known = fcl_solver_cache_find(&known, cache, description, solver) && known.passed;
    if (!is_known && !atomic_flag_test_and_set(&told))
        fcl_log(FCL_LOG_INFO,
                "kernels that are new to this device are compiled, checked and measured; it is remembered");
    if (fcl_ahead_is_noting(device)) {
        /* It is taken for right, as it nearly always is. One that was measured is needed only if it is chosen. */
        if (known.seconds == 0.0) note_programs(solver, desc, device);
        known.passed = 1;
    }
    if (is_known || fcl_ahead_is_noting(device)) {
        *out = known;
        return FCL_OK;
    }
    /* A failure is checked again: the message says how wrong, and only a solver that is wrong now is left
     * out. */
    FCL_TRY(fcl_check_solver(&report, device, desc, solver));
    record.passed = report.passed;
    record.worst_ratio = report.worst_ratio;
    fcl_gate_describe(fault, &report, solver);
    FCL_TRY(fcl_solver_cache_set(cache, description, solver, &record));
    *out = record;
done:
    return status;
}

/* A solver that was asked for by name. */
static fcl_status select_named(const fcl_solver **out, fcl_device *device, const fcl_op_desc *desc,
                               const fcl_solver *named, fcl_solver_cache *cache, const char *description) {
    fcl_status status;
    fcl_solver_record record;
    char fault[256];
    if (!fcl_solver_applies(named, desc, device))
        return fcl_fail(FCL_E_USAGE, "solver %s cannot compute %s on %s", named->name, description,
                        fcl_device_facts(device)->name);
    FCL_TRY(fcl_judge(&record, fault, device, desc, named, cache, description));
    if (!record.passed)
        return fcl_fail(FCL_E_WRONG_RESULT, "%s on %s: %s", description, fcl_device_facts(device)->name, fault);
    *out = named;
done:
    return status;
}

/* Which of two solvers is the faster: from what is remembered, else measured in pairs. The time of `other` is then stored as
 * that of `best` times their ratio, so that times of one operation say the same as the pairs did, whatever else the
 * machine did at the time. */
static fcl_status select_faster(const fcl_solver **best, const fcl_solver *other, fcl_stopwatch *stopwatch,
                                fcl_solver_cache *cache, const char *description) {
    fcl_status status = FCL_OK;
    fcl_solver_record records[2] = {{0}};
    const fcl_solver *both[] = {*best, other};
    for (int i = 0; i < 2; i++)
        if (!fcl_solver_cache_find(&records[i], cache, description, both[i])) records[i].passed = 1;
    if (records[0].seconds == 0.0 || records[1].seconds == 0.0) {
        fcl_comparison pairs;
        if (!stopwatch) goto done;
        if (fcl_stopwatch_compare(&pairs, stopwatch, both[0], both[1], QUICK_PAIRS) != FCL_OK) {
            fcl_log(FCL_LOG_INFO, "%s: solvers %s and %s cannot be compared: %s", description, both[0]->name,
                    both[1]->name, fcl_error_message());
            double seconds;
            if (fcl_stopwatch_measure(&seconds, stopwatch, both[0], (double)INFINITY) != FCL_OK) *best = other;
            goto done;
        }
        if (records[0].seconds == 0.0) records[0].seconds = pairs.seconds[0];
        records[1].seconds = records[0].seconds * pairs.ratio;
        for (int i = 0; i < 2; i++) FCL_TRY(fcl_solver_cache_set(cache, description, both[i], &records[i]));
    }
    if (records[1].seconds < records[0].seconds) *best = other;
done:
    return status;
}

static fcl_status select_fastest(const fcl_solver **out, fcl_device *device, const fcl_op_desc *desc,
                                 const fcl_solver *const *passed, int n_passed, fcl_solver_cache *cache,
                                 const char *description) {
    fcl_status status = FCL_OK;
    fcl_stopwatch *stopwatch = NULL; /* none where programs are only noted */
    if (!fcl_ahead_is_noting(device) && fcl_stopwatch_create(&stopwatch, device, desc) != FCL_OK) {
        fcl_log(FCL_LOG_INFO, "%s: solvers cannot be measured: %s", description, fcl_error_message());
        goto done;
    }
    for (int i = 1; i < n_passed; i++) FCL_TRY(select_faster(out, passed[i], stopwatch, cache, description));
done:
    fcl_stopwatch_free(stopwatch);
    return status;
}

static double likely_speed(const fcl_solver *solver, const fcl_op_desc *desc, const fcl_device *device) {
    return solver->likely_speed ? solver->likely_speed(desc, device) : 1.0;
}

double fcl_likely_time(const fcl_op_desc *desc, const fcl_device *device) {
    double best = 0.0;
    for (const fcl_solver *const *s = fcl_solvers_of(desc->kind); *s; s++)
        if (fcl_solver_suits(*s, device) && fcl_solver_applies(*s, desc, device))
            best = fmax(best, likely_speed(*s, desc, device));
    return best > 0.0 ? fcl_op_flop(desc, desc->batch) / best : (double)INFINITY;
}

/* The solvers that apply and suit the device, the likeliest first; where two are as likely, in the order of the table. */
static int order_by_likely_speed(const fcl_solver *ordered[MAX_SOLVERS], const fcl_op_desc *desc,
                                 const fcl_device *device, const fcl_solver *const *solvers) {
    int n = 0;
    for (; *solvers && n < MAX_SOLVERS; solvers++) {
        if (!fcl_solver_suits(*solvers, device) || !fcl_solver_applies(*solvers, desc, device)) continue;
        double speed = likely_speed(*solvers, desc, device);
        int at = n++;
        for (; at > 0 && likely_speed(ordered[at - 1], desc, device) < speed; at--) ordered[at] = ordered[at - 1];
        ordered[at] = *solvers;
    }
    return n;
}

/* Whether the first of two is so much likelier to be fast that the second need not be measured. */
static int is_clearly_faster(const fcl_solver *first, const fcl_solver *second, const fcl_op_desc *desc,
                             const fcl_device *device) {
    return likely_speed(second, desc, device) * clearly_faster < likely_speed(first, desc, device);
}

static size_t workspace_of(const fcl_solver *solver, const fcl_op_desc *desc, const fcl_device *device) {
    return solver->workspace_bytes ? solver->workspace_bytes(desc, device) : 0;
}

size_t fcl_likely_workspace_bytes(const fcl_op_desc *desc, const fcl_device *device, const fcl_choice *choice) {
    const fcl_solver *ordered[MAX_SOLVERS], *named = NULL;
    int is_wish;
    size_t most = 0;
    char description[256];
    fcl_op_describe(description, desc);
    /* A name that does not exist is an error when the operation is created. */
    if (fcl_choice_find(&named, &is_wish, choice, desc, description) == FCL_OK && named &&
        fcl_solver_applies(named, desc, device))
        return workspace_of(named, desc, device);
    int n = order_by_likely_speed(ordered, desc, device, fcl_solvers_of(desc->kind));
    for (int i = 0; i < n && !is_clearly_faster(ordered[0], ordered[i], desc, device); i++) {
        size_t bytes = workspace_of(ordered[i], desc, device);
        if (bytes > most) most = bytes;
    }
    return most;
}

fcl_status fcl_select_default(const fcl_solver **out, fcl_device *device, const fcl_op_desc *desc, int measure,
                              const fcl_solver *const *solvers, fcl_solver_cache *cache, const char *description) {
    fcl_status status, last = FCL_OK; /* the last error, for when no solver is left */
    const fcl_solver *ordered[MAX_SOLVERS], *passed[MAX_CANDIDATES];
    int n_applying = order_by_likely_speed(ordered, desc, device, solvers), n_passed = 0;
    const int n_wanted = measure ? MAX_CANDIDATES : 1;
    for (int i = 0; i < n_applying && n_passed < n_wanted; i++) {
        const fcl_solver *solver = ordered[i];
        fcl_solver_record record;
        char fault[256];
        if (n_passed > 0 && is_clearly_faster(passed[0], solver, desc, device)) break;
        /* Of a solver's variants the first that is right, which is the default one: the rest is for tuning. */
        if (n_passed > 0 && fcl_solver_is_variant_of(solver, passed[n_passed - 1])) continue;
        if ((status = fcl_judge(&record, fault, device, desc, solver, cache, description)) != FCL_OK) {
            last = status;
            fcl_log(FCL_LOG_WARNING, "%s: solver %s is not used: %s", description, solver->name, fcl_error_message());
        } else if (!record.passed) {
            last = fcl_fail(FCL_E_WRONG_RESULT, "%s on %s: %s", description, fcl_device_facts(device)->name, fault);
            fcl_log(FCL_LOG_WARNING, "%s: a wrong result, so this solver is not used", fcl_error_message());
        } else {
            passed[n_passed++] = solver;
        }
    }
    if (n_applying == 0)
        return fcl_fail(FCL_E_USAGE, "no solver can compute %s on %s", description, fcl_device_facts(device)->name);
    if (n_passed == 0) return last;
    *out = passed[0];
    return measure && n_passed > 1 ? select_fastest(out, device, desc, passed, n_passed, cache, description) : FCL_OK;
}

fcl_status fcl_select_solver(const fcl_solver **out, int *is_new, fcl_device *device, const fcl_op_desc *desc,
                             const fcl_choice *choice, int measure, const fcl_solver *const *solvers) {
    fcl_status status;
    fcl_solver_cache *cache = NULL;
    const fcl_solver *named, *tuned;
    int is_wish;
    char description[256];
    fcl_op_describe(description, desc);
    FCL_TRY(fcl_solver_cache_open(&cache, device));
    FCL_TRY(fcl_choice_find(&named, &is_wish, choice, desc, description));
    if (named && is_wish && !fcl_solver_applies(named, desc, device)) {
        if (!fcl_ahead_is_noting(device))
            fcl_log(FCL_LOG_INFO, "solver %s does not apply to %s: another one is used", named->name, description);
        named = NULL;
    }
    if (named)
        FCL_TRY(select_named(out, device, desc, named, cache, description));
    else if (measure && !fcl_choice_ignores_tuning(choice) &&
             (tuned = fcl_solver_cache_tuned(cache, description, solvers)) && fcl_solver_applies(tuned, desc, device))
        *out = tuned;
    else
        FCL_TRY(fcl_select_default(out, device, desc, measure, solvers, cache, description));
    *is_new = fcl_solver_cache_changed(cache);
done:
    if (cache) fcl_solver_cache_save(cache);
    fcl_solver_cache_free(cache);
    return status;
}
