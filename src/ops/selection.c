#include "ops/selection.h"

#include <math.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/memory.h"
#include "ops/choice.h"
#include "ops/stopwatch.h"

static atomic_flag told = ATOMIC_FLAG_INIT;

enum { CHECKED_ELEMENTS = 300 };
/* What a check may cost: floats made and copied, floating point operations on the device, terms summed by the
 * reference. */
static const double max_floats = 2e6, max_flop = 4e8, max_terms = 2e7;

int fcl_gate_samples(const fcl_op_desc *desc) {
    double floats = (double)(fcl_op_input_count(desc) + fcl_op_output_count(desc)), flop = fcl_op_flop(desc, 1);
    /* Only gradients of weights have terms from each sample: as many as there are output pixels. */
    double terms = 0.0;
    if (desc->kind == FCL_CONV_BACKWARD_WEIGHTS) terms = (double)desc->conv.out_h * desc->conv.out_w * CHECKED_ELEMENTS;
    double n = fmin(fmin(max_floats / floats, max_flop / flop), terms > 0.0 ? max_terms / terms : (double)INFINITY);
    if (n < 2.0) n = 2.0;
    return n < desc->batch ? (int)n : desc->batch;
}

fcl_status fcl_judge(fcl_solver_record *out, char fault[256], fcl_device *device, const fcl_op_desc *desc,
                     const fcl_solver *solver, fcl_solver_cache *cache, const char *description) {
    fcl_status status;
    fcl_solver_record record = {.passed = 1};
    if (fcl_solver_cache_find(out, cache, description, solver)) {
        if (out->passed) return FCL_OK;
    }
    if (!atomic_flag_test_and_set(&told))
        fcl_log(FCL_LOG_INFO,
                "kernels that are new to this device are compiled, checked and measured; it is remembered");
    /* A failure is checked again: the message says how wrong, and only a solver that is wrong now is left
     * out. */
    for (int variant = 0; variant < fcl_gate_n_variants(desc) && record.passed; variant++) {
        fcl_op_args args = fcl_gate_args(desc, variant);
        fcl_gate_report report;
        FCL_TRY(fcl_gate_check(&report, device, solver, desc, fcl_gate_samples(desc), &args, CHECKED_ELEMENTS));
        record.passed = report.passed;
        record.worst_ratio = fmax(record.worst_ratio, report.worst_ratio);
        fcl_gate_describe(fault, &report, solver);
    }
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

/* Times what has not been timed before and returns the fastest. */
static fcl_status select_fastest(const fcl_solver **out, fcl_device *device, const fcl_op_desc *desc,
                                 const fcl_solver *const *passed, int n_passed, fcl_solver_cache *cache,
                                 const char *description) {
    fcl_status status = FCL_OK;
    fcl_stopwatch *stopwatch = NULL;
    double best = (double)INFINITY;
    for (int i = 0; i < n_passed; i++) {
        fcl_solver_record record;
        if (!fcl_solver_cache_find(&record, cache, description, passed[i])) continue;
        if (record.seconds == 0.0) {
            if (!stopwatch && fcl_stopwatch_create(&stopwatch, device, desc) != FCL_OK) {
                fcl_log(FCL_LOG_INFO, "%s: solvers cannot be measured: %s", description, fcl_error_message());
                break;
            }
            if (fcl_stopwatch_measure(&record.seconds, stopwatch, passed[i], best) != FCL_OK) {
                fcl_log(FCL_LOG_INFO, "%s: solver %s cannot be measured: %s", description, passed[i]->name,
                        fcl_error_message());
                continue;
            }
            FCL_TRY(fcl_solver_cache_set(cache, description, passed[i], &record));
        }
        if (record.seconds >= best) continue;
        best = record.seconds;
        *out = passed[i];
    }
done:
    fcl_stopwatch_free(stopwatch);
    return status;
}

fcl_status fcl_select_default(const fcl_solver **out, fcl_device *device, const fcl_op_desc *desc, int measure,
                              const fcl_solver *const *solvers, fcl_solver_cache *cache, const char *description) {
    enum { MAX_SOLVERS = 16 };
    fcl_status status, last = FCL_OK; /* the last error, for when no solver is left */
    const fcl_solver *passed[MAX_SOLVERS];
    int n_passed = 0, n_applying = 0;
    for (; *solvers && n_passed < MAX_SOLVERS && (measure || n_passed == 0); solvers++) {
        fcl_solver_record record;
        char fault[256];
        if (!fcl_solver_suits(*solvers, device) || !fcl_solver_applies(*solvers, desc, device)) continue;
        if (n_passed > 0 && (*solvers)->tier > passed[0]->tier) break;
        /* Of a solver's variants the first that is right, which is the default one: the rest is for tuning. */
        if (n_passed > 0 && fcl_solver_is_variant_of(*solvers, passed[n_passed - 1])) continue;
        n_applying++;
        if ((status = fcl_judge(&record, fault, device, desc, *solvers, cache, description)) != FCL_OK) {
            last = status;
            fcl_log(FCL_LOG_WARNING, "%s: solver %s is not used: %s", description, (*solvers)->name,
                    fcl_error_message());
        } else if (!record.passed) {
            last = fcl_fail(FCL_E_WRONG_RESULT, "%s on %s: %s", description, fcl_device_facts(device)->name, fault);
            fcl_log(FCL_LOG_WARNING, "%s: a wrong result, so this solver is not used", fcl_error_message());
        } else {
            passed[n_passed++] = *solvers;
        }
    }
    if (n_applying == 0)
        return fcl_fail(FCL_E_USAGE, "no solver can compute %s on %s", description, fcl_device_facts(device)->name);
    if (n_passed == 0) return last;
    *out = passed[0];
    return measure && n_passed > 1 ? select_fastest(out, device, desc, passed, n_passed, cache, description) : FCL_OK;
}

fcl_status fcl_select_solver(const fcl_solver **out, fcl_device *device, const fcl_op_desc *desc,
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
        fcl_log(FCL_LOG_INFO, "solver %s does not apply to %s: another one is used", named->name, description);
        named = NULL;
    }
    if (named)
        FCL_TRY(select_named(out, device, desc, named, cache, description));
    else if (measure && (tuned = fcl_solver_cache_tuned(cache, description, solvers)) &&
             fcl_solver_applies(tuned, desc, device))
        *out = tuned;
    else
        FCL_TRY(fcl_select_default(out, device, desc, measure, solvers, cache, description));
done:
    if (cache) fcl_solver_cache_save(cache);
    fcl_solver_cache_free(cache);
    return status;
}
