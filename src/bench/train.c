/* bench train: images a second of the training loop, where the time goes, and what memory it takes. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/system.h"
#include "base/text.h"
#include "bench/first_batch.h"
#include "bench/solvers.h"
#include "bench/speed.h"
#include "bench/statistics.h"
#include "bench/training.h"
#include "device/queue.h"
#include "train/recipe.h"

enum { VERSION = 1, FIRST_STEPS = 2, MAX_EPOCHS_A_REPEAT = 10000, PROFILED_STEPS = 4 };
/* What each repeat is held against: losses are finite (the trainer says so), so any error is one of the first batch. */
static const double error_bound = 1.0;
static const double sustained_share = 1.0 / 3.0; /* the last part of a sustained run, which counts */
static const double minute = 60.0;

struct fcl_train_case {
    fcl_training training;
    const fcl_dataset *faces;
    size_t steps, epochs; /* of a repeat: so many epochs of so many steps */
    size_t device_bytes;  /* of its buffers */
    int has_reset_peak;
};

size_t fcl_units_a_repeat(const fcl_bench *bench, size_t n, double seconds) {
    double units = bench->options.repeat_seconds * (double)n / fmax(seconds, 1e-9);
    return units > 1.0 ? (size_t)fmin(ceil(units), 1e9) : 1;
}

void fcl_train_case_free(fcl_train_case *c) {
    if (!c) return;
    fcl_training_dispose(&c->training);
    free(c);
}

static fcl_status repeat(double *sample, double *error, void *state, unsigned index) {
    fcl_train_case *c = state;
    fcl_status status = FCL_OK;
    (void)index;
    *error = 0.0;
    double begin = fcl_clock_seconds();
    for (size_t i = 0; i < c->epochs && status == FCL_OK; i++) status = fcl_training_epoch(&c->training);
    /* Not a fault of the program, but no speed either. */
    if (status == FCL_E_NOT_FINITE) {
        *error = (double)INFINITY;
        status = FCL_OK;
    }
    *sample = (double)(c->epochs * c->training.data.n) / (fcl_clock_seconds() - begin);
    return status;
}

/* Steps a repeat, from a warm-up. */
static fcl_status warm_up(fcl_train_case *c, const fcl_bench *bench) {
    fcl_status status;
    const size_t batch = (size_t)bench->options.batch, most = c->faces->n / batch;
    double begin;
    FCL_TRY(fcl_training_epoch(&c->training));
    begin = fcl_clock_seconds();
    FCL_TRY(fcl_training_epoch(&c->training));
    c->steps = fcl_units_a_repeat(bench, FIRST_STEPS, fcl_clock_seconds() - begin);
    c->epochs = 1;
    if (c->steps > most) {
        c->epochs = (c->steps + most - 1) / most;
        c->steps = most;
    }
    FCL_TRY(fcl_training_use(&c->training, c->steps * batch));
done:
    return status;
}

fcl_status fcl_train_case_begin(fcl_train_case **out, fcl_cases *cases, fcl_bench *bench, const fcl_model *model,
                                const fcl_dataset *faces) {
    fcl_status status;
    fcl_train_case *c = NULL;
    fcl_case added = {.repeat = repeat};
    fcl_recipe recipe;
    const fcl_system_roots roots = FCL_SYSTEM_ROOTS;
    const size_t batch = (size_t)bench->options.batch, before = fcl_device_memory_use(bench->device).now_bytes;
    char *workload = fcl_format("train/%s/batch%zu", fcl_model_name(model), batch);
    if (!workload) return FCL_E_MEMORY;
    FCL_TRY(FCL_NEW(&c, 1, "a training"));
    c->faces = faces;
    FCL_TRY(fcl_result_name(&added.result, workload, VERSION, "speed", "images/s", 1));
    FCL_TRY(fcl_training_recipe(&recipe, model, bench->options.batch));
    FCL_TRY(fcl_training_init(&c->training, bench->device, model, &recipe, bench->choice, faces, FIRST_STEPS * batch));
    c->device_bytes = fcl_device_memory_use(bench->device).now_bytes - before;
    FCL_TRY(fcl_result_set_solvers(&added.result, c->training.network, bench));
    FCL_TRY(fcl_training_check(&added.result, &c->training));
    c->has_reset_peak = fcl_peak_memory_reset(&roots);
    if (added.result.check.passed) FCL_TRY(warm_up(c, bench));
    json_object_update_new(added.result.details,
                           json_pack("{s:o, s:I, s:I, s:f}", "recipe", fcl_recipe_to_json(&recipe), "steps_a_repeat",
                                     (json_int_t)(c->steps * c->epochs), "faces", (json_int_t)c->training.data.n,
                                     "gflop_an_image",
                                     fcl_network_step_flop(c->training.network) / (double)batch * 1e-9));
    added.state = c;
    FCL_TRY(fcl_cases_add(cases, &added));
    *out = c;
    c = NULL;
done:
    fcl_result_dispose(&added.result);
    fcl_train_case_free(c);
    free(workload);
    return status;
}

static json_t *samples_to_json(const double *values, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++) json_array_append_new(list, json_real(values[i]));
    return list;
}

fcl_status fcl_train_case_sustain(fcl_train_case *c, fcl_bench *bench, double minutes) {
    fcl_status status;
    fcl_result result = {0};
    double *samples = NULL, *calibration = NULL, speed;
    size_t n = 0, capacity = 0, calibration_capacity = 0, first = 0;
    char *workload = fcl_format("train_sustained/%s/batch%d", fcl_model_name(c->training.model), bench->options.batch);
    const fcl_system_roots roots = FCL_SYSTEM_ROOTS;
    fcl_energy_meter meter;
    if (!workload) return FCL_E_MEMORY;
    FCL_TRY(fcl_result_name(&result, workload, VERSION, "speed", "images/s", 1));
    FCL_TRY(fcl_result_set_solvers(&result, c->training.network, bench));
    FCL_TRY(fcl_result_set_check(&result, 0.0, error_bound, "finite losses; the solvers' check is that of train"));
    FCL_TRY(fcl_probe_calibrate(&speed, bench->probe));
    fcl_energy_meter_start(&meter, &roots);
    result.energy_joules = 0.0;
    const double begin = fcl_clock_seconds(), counted_from = begin + minutes * minute * (1.0 - sustained_share);
    while (n == 0 || fcl_clock_seconds() < begin + minutes * minute) {
        double error, energy = fcl_energy_meter_read(&meter);
        FCL_TRY(fcl_grow((void **)&samples, &capacity, n + 1, sizeof *samples, "samples"));
        FCL_TRY(fcl_grow((void **)&calibration, &calibration_capacity, n + 1, sizeof *calibration, "samples"));
        if (fcl_clock_seconds() < counted_from) first = n + 1;
        FCL_TRY(repeat(&samples[n], &error, c, (unsigned)n));
        if (n >= first) result.energy_joules += fcl_energy_meter_read(&meter) - energy;
        FCL_TRY(fcl_probe_calibrate_again(&calibration[n], &speed, bench->probe));
        n++;
        result.check.error = fmax(result.check.error, error);
    }
    /* Where one repeat takes longer than the counted part, it is the last one. */
    if (first >= n) first = n - 1;
    result.check.passed = result.check.error <= error_bound;
    result.n_samples = n - first;
    FCL_TRY(FCL_NEW(&result.samples, result.n_samples, "samples"));
    FCL_TRY(FCL_NEW(&result.calibration, result.n_samples, "samples"));
    memcpy(result.samples, samples + first, result.n_samples * sizeof *samples);
    memcpy(result.calibration, calibration + first, result.n_samples * sizeof *calibration);
    json_object_update_new(result.details,
                           json_pack("{s:f, s:f, s:o}", "minutes", minutes, "counted_minutes",
                                     minutes * sustained_share, "samples_before", samples_to_json(samples, first)));
    FCL_TRY(fcl_report_add(bench->report, &result));
done:
    fcl_result_dispose(&result);
    free(samples);
    free(calibration);
    free(workload);
    return status;
}

/* Time by kernel, from a device of its own that measures each launch: that costs some speed. */
static fcl_status profile(json_t **out, const fcl_train_case *c, const fcl_bench *bench) {
    fcl_status status;
    fcl_device *device = NULL;
    fcl_training training = {0};
    fcl_profile_row *rows = NULL;
    size_t n = 0;
    double in_kernels = 0.0;
    json_t *list = NULL;
    FCL_TRY(fcl_device_open(&device, bench->options.device, 1));
    FCL_TRY(fcl_training_init(&training, device, c->training.model, &c->training.recipe, bench->choice, c->faces,
                              PROFILED_STEPS * (size_t)bench->options.batch));
    FCL_TRY(fcl_training_epoch(&training));
    FCL_TRY(fcl_device_finish(device));
    fcl_device_profile_reset(device);
    double begin = fcl_clock_seconds();
    FCL_TRY(fcl_training_epoch(&training));
    const double seconds = fcl_clock_seconds() - begin;
    FCL_TRY(fcl_device_profile(&rows, &n, device));
    for (size_t i = 0; i < n; i++) in_kernels += rows[i].seconds;
    if (!(list = json_array())) {
        status = fcl_fail_memory("a profile", 0);
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:f}", "kernel", rows[i].kernel, "launches_a_step",
                                              (double)rows[i].n_launches / PROFILED_STEPS, "ms_a_step",
                                              1e3 * rows[i].seconds / PROFILED_STEPS, "share_of_kernels",
                                              rows[i].seconds / in_kernels));
    *out = json_pack("{s:f, s:f, s:O}", "ms_a_step", 1e3 * seconds / PROFILED_STEPS, "kernels_ms_a_step",
                     1e3 * in_kernels / PROFILED_STEPS, "kernels", list);
    if (!*out) status = fcl_fail_memory("a profile", 0);
done:
    json_decref(list);
    free(rows);
    fcl_training_dispose(&training);
    fcl_device_free(device);
    return status;
}

fcl_status fcl_train_case_memory(const fcl_train_case *c, fcl_result *result, size_t n_workloads) {
    const fcl_system_roots roots = FCL_SYSTEM_ROOTS;
    uint64_t peak = fcl_peak_memory_bytes(&roots);
    json_t *memory =
        json_pack("{s:I, s:o, s:b, s:I}", "device_bytes", (json_int_t)c->device_bytes, "process_peak_resident_bytes",
                  peak ? json_integer((json_int_t)peak) : json_null(), "peak_without_checks", c->has_reset_peak,
                  "workloads_in_process", (json_int_t)n_workloads);
    return json_object_set_new(result->details, "memory", memory) == 0 ? FCL_OK : fcl_fail_memory("a result", 0);
}

fcl_status fcl_train_case_profile(const fcl_train_case *c, const fcl_bench *bench, fcl_result *result) {
    json_t *kernels;
    fcl_status status = profile(&kernels, c, bench);
    if (status == FCL_OK) json_object_set_new(result->details, "profile", kernels);
    return status;
}
