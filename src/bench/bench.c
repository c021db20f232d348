#include "bench/bench.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/facts.h"
#include "train/team.h"

fcl_bench_options fcl_bench_defaults(void) {
    static const char *const models[] = {"base_model", "model_v1", NULL};
    return (fcl_bench_options){.models = models,
                               .batch = 32,
                               .predict_batches = {32, 1},
                               .repeats = 10,
                               .repeat_seconds = 1.0,
                               .seeds = 5,
                               .target_mae = 2.5,
                               .max_epochs = 20};
}

fcl_status fcl_bench_check_devices(const fcl_bench_options *options, unsigned n) {
    if (!options->several) return FCL_OK;
    if (n < 2)
        return fcl_fail(FCL_E_USAGE, "one device has nobody to share with: give a list of them, such as "
                                     "--device gpu,cpu or --device cpu:1core,cpu:1core");
    return fcl_team_check_counts(n, n, options->n_duties, options->n_shares, (unsigned)options->batch);
}

static fcl_status open_devices(fcl_bench *bench) {
    fcl_status status;
    const fcl_bench_options *o = &bench->options;
    if (o->several) {
        FCL_TRY(fcl_device_open_several(&bench->devices, &bench->n_devices, o->device, 0));
        FCL_TRY(fcl_bench_check_devices(o, bench->n_devices));
    } else {
        FCL_TRY(FCL_NEW(&bench->devices, 1, "a device"));
        FCL_TRY(fcl_device_open(&bench->devices[0], o->device, 0));
        bench->n_devices = 1;
    }
    bench->device = bench->devices[0];
    FCL_TRY(FCL_NEW(&bench->duties, bench->n_devices, "duties"));
    for (unsigned i = 0; i < bench->n_devices; i++) bench->duties[i] = fcl_team_duty(o->duties, o->n_duties, i);
done:
    return status;
}

fcl_status fcl_bench_open(fcl_bench *out, const fcl_bench_options *options, const char *const *command, size_t n) {
    fcl_status status;
    fcl_bench bench = {.options = *options};
    FCL_TRY(fcl_report_create(&bench.report));
    for (size_t i = 0; i < n; i++) {
        FCL_TRY(fcl_json_check_text(command[i]));
        json_array_append_new(bench.report->command, json_string(command[i]));
    }
    for (const char *const *name = options->models; *name; name++) {
        if (bench.n_models == FCL_BENCH_MAX_MODELS) {
            status = fcl_fail(FCL_E_USAGE, "more than %d models", FCL_BENCH_MAX_MODELS);
            goto done;
        }
        FCL_TRY(fcl_model_load(&bench.models[bench.n_models], *name));
        bench.n_models++;
    }
    FCL_TRY(fcl_choice_create(&bench.choice));
    if (options->as_shipped) fcl_choice_ignore_tuning(bench.choice);
    FCL_TRY(open_devices(&bench));
    FCL_TRY(fcl_facts_record(bench.report, bench.device));
    FCL_TRY(fcl_probe_create(&bench.probe, bench.device, options->calibration_vector));
    int vector, chains;
    size_t items;
    fcl_probe_describe(&vector, &chains, &items, bench.probe);
    json_object_set_new(bench.report->device, "calibration_vector", json_integer(vector));
    json_object_set_new(bench.report->device, "calibration_launches", json_integer(FCL_PROBE_CALIBRATIONS));
    *out = bench;
    bench = (fcl_bench){0};
done:
    fcl_bench_close(&bench);
    return status;
}

void fcl_bench_close(fcl_bench *bench) {
    if (!bench->has_lost) {
        fcl_probe_free(bench->probe);
        fcl_device_free_several(bench->devices, bench->n_devices);
        for (size_t i = 0; i < bench->n_models; i++) fcl_model_free(bench->models[i]);
    }
    free(bench->duties);
    fcl_choice_free(bench->choice);
    fcl_report_free(bench->report);
    *bench = (fcl_bench){0};
}

fcl_status fcl_bench_end(fcl_bench *bench) {
    return fcl_facts_end(bench->report);
}

fcl_status fcl_bench_verdict(const fcl_report *report) {
    fcl_text wrong = FCL_TEXT_EMPTY;
    size_t n = 0;
    for (size_t i = 0; i < report->n_results; i++) {
        const fcl_result *r = &report->results[i];
        if (r->check.passed) continue;
        fcl_text_appendf(&wrong, "%s%s (%s: %.3g, allowed is %.3g)", n++ ? "; " : "", r->workload, r->check.what,
                         r->check.error, r->check.bound);
    }
    fcl_status status = fcl_text_status(&wrong);
    if (status == FCL_OK && n > 0)
        status = fcl_fail(FCL_E_WRONG_RESULT, "%zu of %zu results failed their check and have no time: %s", n,
                          report->n_results, fcl_text_get(&wrong));
    fcl_text_dispose(&wrong);
    return status;
}

fcl_status fcl_bench_check_figure(const char *stem, const char *what, const char *model) {
    static const char *const endings[] = {"svg", "png", "csv"};
    fcl_status status = FCL_OK;
    for (size_t i = 0; i < sizeof endings / sizeof *endings && status == FCL_OK; i++) {
        char *path = fcl_format("%s_%s_%s.%s", stem, what, model, endings[i]);
        if (!path) return FCL_E_MEMORY;
        if (fcl_path_exists(path))
            status = fcl_fail(FCL_E_EXISTS,
                              "'%s' exists: choose another file with --out, or give --force to replace it", path);
        free(path);
    }
    return status;
}
