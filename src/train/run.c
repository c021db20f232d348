#include "train/run.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "train/recipe.h"

#define CONFIG_FORMAT "fiducl run 1"
/* Of the folder. */
#define KIND "run"

void fcl_run_dispose(fcl_run *run) {
    free(run->folder);
    json_decref(run->config);
    *run = (fcl_run){0};
}

fcl_status fcl_run_path(char **out, const fcl_run *run, const char *name) {
    char *path = fcl_path_join(run->folder, name);
    if (!path) return FCL_E_MEMORY;
    *out = path;
    return FCL_OK;
}

static json_t *solver_arguments(const char *const *solvers) {
    json_t *list = json_array();
    for (; list && solvers && *solvers; solvers++) json_array_append_new(list, json_string(*solvers));
    return list;
}

fcl_status fcl_run_create(fcl_run *out, const fcl_train_options *options, const fcl_prepared *prepared) {
    fcl_status status = FCL_OK;
    fcl_run run = {.folder = fcl_duplicate(options->out), .config = json_object()};
    char now[FCL_TIMESTAMP_BYTES];
    char *prepared_path = NULL;
    json_t *arguments = NULL;
    if (!run.folder || !run.config) {
        status = fcl_fail_memory("a run", 0);
        goto done;
    }
    FCL_TRY(fcl_path_absolute(&prepared_path, options->prepared));
    FCL_TRY(fcl_json_check_text(prepared_path));
    FCL_TRY(fcl_folder_check_claim(options->out, KIND, options->force));
    fcl_clock_timestamp(now);
    arguments =
        json_pack("{s:s?, s:o, s:s?, s:s?}", "device", options->device, "solvers", solver_arguments(options->solvers),
                  "init_weights", options->init_weights, "step_log", options->step_log);
    if (arguments && options->has_max_steps)
        json_object_set_new(arguments, "max_steps", json_integer((json_int_t)options->max_steps));
    if (arguments) json_object_set_new(arguments, "recheck_seconds", json_real(options->recheck_seconds));
    if (arguments && options->memory_limit)
        json_object_set_new(arguments, "memory_limit", json_integer((json_int_t)options->memory_limit));
    if (arguments && options->duty > 0.0) json_object_set_new(arguments, "duty", json_real(options->duty));
    json_t *config = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:[]}", "format", CONFIG_FORMAT,
                               "fiducl_version", fcl_version(), "created", now, "model", options->model, "prepared",
                               prepared_path, "prepared_hash", fcl_prepared_hash(prepared), "arguments", arguments,
                               "recipe", fcl_recipe_to_json(&options->recipe), "devices");
    if (!config) {
        status = fcl_fail_memory("config.json", 0);
        goto done;
    }
    json_decref(run.config);
    run.config = config;
    *out = run;
    run = (fcl_run){0};
done:
    free(prepared_path);
    fcl_run_dispose(&run);
    return status;
}

fcl_status fcl_run_claim(const fcl_run *run, int force) {
    return fcl_folder_claim(run->folder, KIND, force);
}

fcl_status fcl_run_open(fcl_run *out, const char *folder) {
    fcl_status status = FCL_OK;
    fcl_run run = {.folder = fcl_duplicate(folder)};
    char *path = NULL;
    const char *format;
    if (!run.folder) return FCL_E_MEMORY;
    FCL_TRY(fcl_run_path(&path, &run, "config.json"));
    if (!fcl_path_exists(path)) {
        status = fcl_fail(FCL_E_INPUT, "'%s' is not the folder of a run: it has no config.json", folder);
        goto done;
    }
    FCL_TRY(fcl_json_read(&run.config, path));
    FCL_TRY(fcl_json_string(&format, run.config, "format", path));
    if (strcmp(format, CONFIG_FORMAT) != 0 || !json_is_array(json_object_get(run.config, "devices"))) {
        status = fcl_fail(FCL_E_INPUT, "%s: the format is '%s'; this version reads '%s'", path, format, CONFIG_FORMAT);
        goto done;
    }
    *out = run;
    run = (fcl_run){0};
done:
    free(path);
    fcl_run_dispose(&run);
    return status;
}

fcl_status fcl_run_recipe(fcl_recipe *out, const fcl_run *run) {
    return fcl_recipe_from_json(out, json_object_get(run->config, "recipe"), "config.json");
}

const char *fcl_run_last_device(const fcl_run *run) {
    return json_string_value(json_object_get(run->config, "device"));
}

double fcl_run_recheck_seconds(const fcl_run *run) {
    return json_number_value(json_object_get(json_object_get(run->config, "arguments"), "recheck_seconds"));
}

double fcl_run_duty(const fcl_run *run) {
    const double duty = json_number_value(json_object_get(json_object_get(run->config, "arguments"), "duty"));
    return duty > 0.0 && duty < 1.0 ? duty : 1.0;
}

fcl_status fcl_run_set_duty(fcl_run *run, double duty) {
    json_t *arguments = json_object_get(run->config, "arguments");
    return json_object_set_new(arguments, "duty", json_real(duty)) == 0 ? FCL_OK : fcl_fail_memory("config.json", 0);
}

fcl_status fcl_run_set_epochs(fcl_run *run, unsigned epochs) {
    json_t *recipe = json_object_get(run->config, "recipe");
    return json_object_set_new(recipe, "epochs", json_integer(epochs)) == 0 ? FCL_OK
                                                                            : fcl_fail_memory("config.json", 0);
}

static const json_t *last_device(const fcl_run *run) {
    const json_t *devices = json_object_get(run->config, "devices");
    return json_array_size(devices) ? json_array_get(devices, json_array_size(devices) - 1) : NULL;
}

fcl_status fcl_run_force_solvers(fcl_choice *choice, const fcl_run *run) {
    fcl_status status = FCL_OK;
    size_t i;
    json_t *text;
    json_array_foreach(json_object_get(json_object_get(run->config, "arguments"), "solvers"), i, text)
        FCL_TRY(fcl_choice_force(choice, json_string_value(text)));
done:
    return status;
}

fcl_status fcl_run_choice(fcl_choice **out, int *recorded, const fcl_run *run, const fcl_device *device) {
    fcl_choice *choice;
    fcl_status status = fcl_choice_create(&choice);
    if (status != FCL_OK) return status;
    const json_t *last = last_device(run);
    const char *identity = last ? json_string_value(json_object_get(last, "identity")) : NULL;
    int same = identity && strcmp(identity, fcl_device_identity(device)) == 0;
    if (same) {
        const char *description;
        json_t *solver;
        json_object_foreach(json_object_get(last, "solvers"), description, solver) {
            if (!json_is_string(solver)) {
                status = fcl_fail(FCL_E_INPUT, "config.json: the solver of '%s' is not a string", description);
                goto done;
            }
            FCL_TRY(fcl_choice_record(choice, description, json_string_value(solver)));
        }
    } else {
        FCL_TRY(fcl_run_force_solvers(choice, run));
    }
    *recorded = same;
    *out = choice;
    choice = NULL;
done:
    fcl_choice_free(choice);
    return status;
}

/* The whole number `key`, `missing` where there is none. */
static fcl_status whole_number(json_int_t *out, const json_t *object, const char *key, json_int_t missing,
                               json_int_t min, json_int_t max) {
    const json_t *value = json_object_get(object, key);
    json_int_t number = value ? json_integer_value(value) : missing;
    if (value && (!json_is_integer(value) || number < min || number > max))
        return fcl_fail(FCL_E_INPUT, "config.json: '%s' is not a whole number from %lld to %lld", key, (long long)min,
                        (long long)max);
    *out = number;
    return FCL_OK;
}

fcl_status fcl_run_parts(unsigned *out, const fcl_run *run) {
    json_int_t parts = 0;
    fcl_status status = whole_number(&parts, last_device(run), "parts", 1, 1, INT_MAX);
    if (status == FCL_OK) *out = (unsigned)parts;
    return status;
}

fcl_status fcl_run_memory_limit(uint64_t *out, const fcl_run *run) {
    json_int_t limit = 0;
    fcl_status status =
        whole_number(&limit, json_object_get(run->config, "arguments"), "memory_limit", 0, 1, INT64_MAX);
    if (status == FCL_OK) *out = (uint64_t)limit;
    return status;
}

fcl_status fcl_run_set_memory_limit(fcl_run *run, uint64_t limit) {
    json_t *arguments = json_object_get(run->config, "arguments");
    return json_object_set_new(arguments, "memory_limit", json_integer((json_int_t)limit)) == 0
               ? FCL_OK
               : fcl_fail_memory("config.json", 0);
}

fcl_status fcl_run_record_device(fcl_run *run, fcl_device *device, const fcl_network *network, unsigned n_parts,
                                 uint64_t first_step) {
    fcl_status status = FCL_OK;
    char *path = NULL;
    const fcl_device_info *facts = fcl_device_facts(device);
    char *name = fcl_device_selector(facts);
    json_t *solvers = json_object();
    for (unsigned i = 0; i < fcl_network_n_operations(network) && solvers; i++) {
        const char *description, *solver;
        fcl_network_operation(&description, &solver, network, i);
        json_object_set_new(solvers, description, json_string(solver));
    }
    json_t *entry = json_pack("{s:I, s:s?, s:s, s:s, s:I, s:o}", "first_step", (json_int_t)first_step, "device", name,
                              "driver_version", facts->driver_version, "identity", fcl_device_identity(device), "parts",
                              (json_int_t)n_parts, "solvers", solvers);
    if (!name || !entry || json_array_append_new(json_object_get(run->config, "devices"), entry) != 0 ||
        json_object_set_new(run->config, "device", json_string(name)) != 0) {
        status = fcl_fail_memory("config.json", 0);
        goto done;
    }
    FCL_TRY(fcl_run_path(&path, run, "config.json"));
    FCL_TRY(fcl_json_write(path, run->config));
done:
    free(name);
    free(path);
    return status;
}
