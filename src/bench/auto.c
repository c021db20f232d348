/* Choosing a device by measuring: candidates, which of them are measured, and which one it is. */
#include "bench/auto.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/kernel.h"
#include "device/selector.h"

/* A device whose multiply-adds alone need this many times the fastest step for a forward pass cannot become the fastest: a step
 * computes three times as much, and the kernel that measures multiply-adds may be ten times slower than it could. */
static const double hopeless = 100.0;

static void dispose_candidates(fcl_auto_candidate *candidates, size_t n) {
    for (size_t i = 0; candidates && i < n; i++) {
        free((char *)candidates[i].device);
        free((char *)candidates[i].identity);
        free((char *)candidates[i].problem);
    }
    free(candidates);
}

void fcl_auto_choice_free(fcl_auto_choice *choice) {
    if (!choice) return;
    dispose_candidates(choice->candidates, choice->n);
    free((char *)choice->model);
    free((char *)choice->measured);
    free(choice);
}

static fcl_status create(fcl_auto_choice **out, const fcl_auto_candidate *candidates, size_t n, const fcl_model *model,
                         unsigned batch) {
    fcl_status status;
    fcl_auto_choice *choice = NULL;
    char now[FCL_TIMESTAMP_BYTES];
    fcl_clock_timestamp(now);
    FCL_TRY(FCL_NEW(&choice, 1, "a choice of devices"));
    FCL_TRY(FCL_NEW(&choice->candidates, n, "a choice of devices"));
    choice->n = n;
    choice->batch = batch;
    choice->model = fcl_duplicate(fcl_model_name(model));
    choice->measured = fcl_duplicate(now);
    int whole = choice->model && choice->measured;
    for (size_t i = 0; i < n; i++) {
        choice->candidates[i].device = fcl_duplicate(candidates[i].device);
        choice->candidates[i].identity = fcl_duplicate(candidates[i].identity);
        whole = whole && choice->candidates[i].device && choice->candidates[i].identity;
    }
    if (!whole) {
        status = FCL_E_MEMORY;
        goto done;
    }
    *out = choice;
    choice = NULL;
done:
    fcl_auto_choice_free(choice);
    return status;
}

/* A candidate that is being looked at. */
typedef struct attempt {
    fcl_auto_candidate *candidate;
    void *device; /* NULL: it could not be opened */
    double flop_per_second;
} attempt;

static int by_speed(const void *a, const void *b) {
    const attempt *x = a, *y = b;
    if (x->flop_per_second != y->flop_per_second) return x->flop_per_second < y->flop_per_second ? 1 : -1;
    return (x->candidate > y->candidate) - (x->candidate < y->candidate);
}

/* What fails on one candidate leaves that one out; an interrupt ends everything. */
static fcl_status leave_out(fcl_auto_candidate *candidate, fcl_status failure) {
    const char *message = fcl_error_message();
    if (failure == FCL_OK || failure == FCL_E_INTERRUPTED) return failure;
    /* What follows the first line are build logs and lists. */
    candidate->problem = fcl_format("%.*s", (int)strcspn(message, "\n"), message);
    return candidate->problem ? FCL_OK : FCL_E_MEMORY;
}

static fcl_status check_interrupt(void) {
    return fcl_interrupt_requested() ? fcl_fail(FCL_E_INTERRUPTED, "interrupted while devices were measured") : FCL_OK;
}

/* Those with the fastest multiply-adds come first, so that a slow one, which might take hours, is known to be slow. */
static fcl_status measure(fcl_auto_choice *choice, const fcl_model *model, const fcl_auto_ways *ways) {
    fcl_status status;
    attempt *attempts = NULL;
    double fastest = (double)INFINITY;
    const double flop = fcl_model_flop(model) * choice->batch;
    FCL_TRY(FCL_NEW(&attempts, choice->n, "a choice of devices"));
    for (size_t i = 0; i < choice->n; i++) {
        attempt *a = &attempts[i];
        a->candidate = &choice->candidates[i];
        FCL_TRY(check_interrupt());
        FCL_TRY(leave_out(a->candidate, ways->open(&a->device, &a->flop_per_second, a->candidate->device)));
    }
    qsort(attempts, choice->n, sizeof *attempts, by_speed);
    for (size_t i = 0; i < choice->n; i++) {
        attempt *a = &attempts[i];
        double *seconds = &a->candidate->seconds_a_step;
        FCL_TRY(check_interrupt());
        if (!a->device) continue;
        const double least = flop / a->flop_per_second;
        if (least > hopeless * fastest) {
            a->candidate->problem = fcl_format("too slow: multiply-adds alone would take %.3g s", least);
            if (!a->candidate->problem) FCL_TRY(FCL_E_MEMORY);
        } else {
            fcl_log(FCL_LOG_INFO, "auto: measuring %s", a->candidate->device);
            FCL_TRY(leave_out(a->candidate, ways->measure(seconds, a->device, model, choice->batch, fastest)));
            if (!a->candidate->problem) fastest = fmin(fastest, *seconds);
        }
        ways->close(a->device);
        a->device = NULL;
    }
done:
    for (size_t i = 0; attempts && i < choice->n; i++)
        if (attempts[i].device) ways->close(attempts[i].device);
    free(attempts);
    return status;
}

/* The fastest; FCL_E_NO_DEVICE with each problem when none was measured. */
static fcl_status pick(fcl_auto_choice *choice) {
    double fastest = (double)INFINITY;
    for (size_t i = 0; i < choice->n; i++) {
        const fcl_auto_candidate *c = &choice->candidates[i];
        if (c->problem || c->seconds_a_step >= fastest) continue;
        fastest = c->seconds_a_step;
        choice->chosen = i;
    }
    if (isfinite(fastest)) return FCL_OK;
    fcl_text problems = FCL_TEXT_EMPTY;
    for (size_t i = 0; i < choice->n; i++)
        fcl_text_appendf(&problems, "\n  %s: %s", choice->candidates[i].device, choice->candidates[i].problem);
    fcl_status status =
        fcl_fail(FCL_E_NO_DEVICE, "%s trains on none of the devices:%s", choice->model, fcl_text_get(&problems));
    fcl_text_dispose(&problems);
    return status;
}

/* All that a measurement depends on; for free(), NULL when memory is out. */
static char *key_of(const fcl_auto_choice *choice, const fcl_model *model, const char *build) {
    char hash[FCL_HASH_TEXT_BYTES];
    const char *text = fcl_model_text(model);
    fcl_text key = FCL_TEXT_EMPTY;
    fcl_hash_bytes(hash, text, strlen(text));
    fcl_text_appendf(&key, "build %s\nmodel %s\nbatch %u\n", build, hash, choice->batch);
    for (size_t i = 0; i < choice->n; i++)
        fcl_text_appendf(&key, "device %s = %s\n", choice->candidates[i].device, choice->candidates[i].identity);
    if (fcl_text_status(&key) == FCL_OK) return key.data;
    fcl_text_dispose(&key);
    return NULL;
}

fcl_status fcl_auto_choose_among(fcl_auto_choice **out, const fcl_auto_candidate *candidates, size_t n,
                                 const fcl_model *model, unsigned batch, const char *build, const fcl_auto_ways *ways) {
    fcl_status status;
    fcl_auto_choice *choice = NULL;
    char *key = NULL;
    FCL_TRY(create(&choice, candidates, n, model, batch));
    if (n > 1) {
        if (!(key = key_of(choice, model, build))) FCL_TRY(FCL_E_MEMORY);
        choice->is_remembered = fcl_auto_load(choice, key);
        if (!choice->is_remembered) {
            fcl_log(FCL_LOG_INFO, "auto: measuring a training step of %s, batch %u, on %zu devices", choice->model,
                    batch, n);
            FCL_TRY(measure(choice, model, ways));
        }
        FCL_TRY(pick(choice));
        if (!choice->is_remembered) fcl_auto_store(choice, key);
    }
    *out = choice;
    choice = NULL;
done:
    fcl_auto_choice_free(choice);
    free(key);
    return status;
}

/* The devices that fiducl can use, or that much of each. */
static fcl_status list_candidates(fcl_auto_candidate **out, size_t *n, const fcl_device_list *list, unsigned cores) {
    fcl_status status;
    fcl_auto_candidate *candidates = NULL;
    const unsigned n_listed = fcl_device_list_count(list);
    size_t n_usable = 0;
    FCL_TRY(FCL_NEW(&candidates, n_listed, "the candidates"));
    for (unsigned i = 0; i < n_listed; i++) {
        const fcl_device_info *info = fcl_device_list_at(list, i);
        if (info->unusable) continue;
        fcl_auto_candidate *c = &candidates[n_usable++];
        c->device = fcl_device_selector_of(info, cores);
        c->identity = fcl_device_identity_of(info);
        if (!c->device || !c->identity) FCL_TRY(FCL_E_MEMORY);
    }
    *out = candidates;
    *n = n_usable;
    candidates = NULL;
done:
    dispose_candidates(candidates, n_usable);
    return status;
}

/* Tells this program from others whose speed may be another. */
static fcl_status describe_build(char **out) {
    char kernels[FCL_HASH_TEXT_BYTES];
    fcl_status status = fcl_kernel_sources_hash(kernels);
    if (status != FCL_OK) return status;
    *out = fcl_format("%s %s %s", fcl_version(), FCL_BUILD_TYPE, kernels);
    return *out ? FCL_OK : FCL_E_MEMORY;
}

fcl_status fcl_auto_choose(fcl_auto_choice **out, const char *selector, const fcl_model *model, unsigned batch) {
    fcl_status status;
    fcl_device_list *list = NULL;
    fcl_auto_candidate *candidates = NULL;
    size_t n = 0;
    unsigned first;
    char *build = NULL;
    FCL_TRY(fcl_device_list_create(&list));
    /* Without any device to choose from this says what to install. */
    FCL_TRY(fcl_device_select(&first, list, "auto"));
    FCL_TRY(list_candidates(&candidates, &n, list, fcl_selector_cores(selector)));
    FCL_TRY(describe_build(&build));
    FCL_TRY(fcl_auto_choose_among(out, candidates, n, model, batch, build, &fcl_auto_device_ways));
done:
    free(build);
    dispose_candidates(candidates, n);
    fcl_device_list_free(list);
    return status;
}
