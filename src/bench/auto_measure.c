/* What a training step of a model takes on a device. */
#include <math.h>

#include "base/clock.h"
#include "bench/auto.h"
#include "bench/probe.h"
#include "bench/training.h"

enum { STEPS = 4 /* of an epoch that is timed */, MAX_EPOCHS = 5, FACES_SEED = 1 };
static const double budget_seconds = 3.0; /* no epoch is begun after that */
/* After a first step that takes so many times the fastest candidate's step nothing more is measured: what it compiles or
 * allocates does not explain that. */
static const double too_slow = 10.0;

static fcl_status open_device(void **out, double *flop_per_second, const char *selector) {
    fcl_status status;
    fcl_device *device = NULL;
    fcl_probe *probe = NULL;
    double gflop_per_second, error;
    FCL_TRY(fcl_device_open(&device, selector, 0));
    FCL_TRY(fcl_probe_create(&probe, device, 0));
    FCL_TRY(fcl_probe_multiply(&gflop_per_second, &error, probe));
    if (!(error <= FCL_PROBE_BOUND)) {
        status = fcl_fail(FCL_E_WRONG_RESULT, "its multiply-adds are wrong: relative error %.3g, allowed is %g", error,
                          FCL_PROBE_BOUND);
        goto done;
    }
    *flop_per_second = gflop_per_second * 1e9;
    *out = device;
    device = NULL;
done:
    fcl_probe_free(probe);
    fcl_device_free(device);
    return status;
}

static void close_device(void *device) {
    fcl_device_free(device);
}

static fcl_status time_epoch(double *seconds, fcl_training *training) {
    const double begin = fcl_clock_seconds();
    fcl_status status = fcl_training_epoch(training);
    *seconds = fcl_clock_seconds() - begin;
    return status;
}

/* A first step that counts only if it is hopelessly slow, then the fastest of a few epochs: others may disturb some. */
static fcl_status measure(double *out, void *device, const fcl_model *model, unsigned batch, double fastest) {
    fcl_status status;
    fcl_training training = {0};
    fcl_dataset *faces = NULL;
    fcl_recipe recipe;
    double best, seconds;
    FCL_TRY(fcl_synth_dataset(&faces,
                              &(fcl_synth_options){.count = (size_t)STEPS * batch, .seed = FACES_SEED, .complete = 1}));
    FCL_TRY(fcl_training_recipe(&recipe, model, (int)batch));
    FCL_TRY(fcl_training_init(&training, device, model, &recipe, NULL, faces, batch));
    FCL_TRY(time_epoch(&best, &training));
    if (best < too_slow * fastest) {
        const double end = fcl_clock_seconds() + budget_seconds;
        FCL_TRY(fcl_training_use(&training, (size_t)STEPS * batch));
        best = (double)INFINITY;
        for (int i = 0; i < MAX_EPOCHS && (i == 0 || fcl_clock_seconds() < end); i++) {
            FCL_TRY(time_epoch(&seconds, &training));
            best = fmin(best, seconds / STEPS);
        }
    }
    *out = best;
done:
    fcl_training_dispose(&training);
    fcl_dataset_free(faces);
    return status;
}

const fcl_auto_ways fcl_auto_device_ways = {open_device, measure, close_device};
