#include "train/run.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "ranks/ranks.h"
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

static json_t *reals(const double *values, unsigned n) {
    json_t *list = json_array();
    for (unsigned i = 0; list && i < n; i++) json_array_append_new(list, json_real(values[i]));
    return list;
}

static json_t *whole_numbers(const unsigned *values, unsigned n) {
    json_t *list = json_array();
    for (unsigned i = 0; list && i < n; i++) json_array_append_new(list, json_integer(values[i]));
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
    if (arguments && options->n_duties)
        json_object_set_new(arguments, "duty", reals(options->duties, options->n_duties));
    if (arguments && options->n_shares)
        json_object_set_new(arguments, "shares", whole_numbers(options->shares, options->n_shares));
    if (arguments && fcl_ranks_count() > 1) json_object_set_new(arguments, "ranks", json_integer(fcl_ranks_count()));
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

/* A number alone is what runs on one device recorded. */
fcl_status fcl_run_duties(double **out, unsigned *n, const fcl_run *run) {
    const json_t *duty = json_object_get(json_object_get(run->config, "arguments"), "duty");
    const unsigned count = json_is_number(duty) ? 1 : (unsigned)json_array_size(duty);
    double *duties;
    fcl_status status = FCL_NEW(&duties, count, "duties");
    if (status != FCL_OK) return status;
    for (unsigned i = 0; i < count; i++) {
        duties[i] = json_number_value(json_is_number(duty) ? duty : json_array_get(duty, i));
        if (duties[i] > 0.0 && duties[i] <= 1.0) continue;
        free(duties);
        return fcl_fail(FCL_E_INPUT, "config.json: a duty of %g is no share of the time", duties[i]);
    }
    *out = duties;
    *n = count;
    return FCL_OK;
}

fcl_status fcl_run_set_duties(fcl_run *run, const double *duties, unsigned n) {
    json_t *arguments = json_object_get(run->config, "arguments");
    return json_object_set_new(arguments, "duty", reals(duties, n)) == 0 ? FCL_OK : fcl_fail_memory("config.json", 0);
}

fcl_status fcl_run_set_epochs(fcl_run *run, unsigned epochs) {
    json_t *recipe = json_object_get(run->config, "recipe");
    return json_object_set_new(recipe, "epochs", json_integer(epochs)) == 0 ? FCL_OK
                                                                            : fcl_fail_memory("config.json", 0);
}

/* Entries of devices that worked together follow each other and are counted from 0. */
static unsigned n_last_devices(const fcl_run *run) {
    const json_t *devices = json_object_get(run->config, "devices");
    const size_t n = json_array_size(devices);
    if (!n) return 0;
    const json_int_t last = json_integer_value(json_object_get(json_array_get(devices, n - 1), "member"));
    return last >= 0 && (size_t)last < n ? (unsigned)last + 1 : 1;
}

/* What was noted of the device at `index` when the run was last on devices; NULL when there were not so many. */
static const json_t *last_device(const fcl_run *run, unsigned index) {
    const json_t *devices = json_object_get(run->config, "devices");
    const unsigned n = n_last_devices(run);
    return index < n ? json_array_get(devices, json_array_size(devices) - n + index) : NULL;
}

static int is_last_device(const fcl_run *run, const fcl_device *device, unsigned index) {
    const char *identity = json_string_value(json_object_get(last_device(run, index), "identity"));
    return identity && strcmp(identity, fcl_device_identity(device)) == 0;
}

int fcl_run_was_on(const fcl_run *run, fcl_device *const *devices, unsigned n) {
    if (n != n_last_devices(run)) return 0;
    for (unsigned i = 0; i < n; i++)
        if (!is_last_device(run, devices[i], i)) return 0;
    return 1;
}

static fcl_status fail_shares(void) {
    return fcl_fail(FCL_E_INPUT, "config.json: 'shares' is not what fiducl wrote");
}

fcl_status fcl_run_asked_shares(unsigned **out, unsigned *n, const fcl_run *run) {
    const json_t *shares = json_object_get(json_object_get(run->config, "arguments"), "shares");
    const unsigned count = (unsigned)json_array_size(shares);
    unsigned *list;
    fcl_status status = FCL_NEW(&list, count, "shares");
    if (status != FCL_OK) return status;
    for (unsigned i = 0; i < count; i++) {
        const json_int_t share = json_integer_value(json_array_get(shares, i));
        if (share >= 1 && share <= UINT_MAX) {
            list[i] = (unsigned)share;
            continue;
        }
        free(list);
        return fail_shares();
    }
    *out = list;
    *n = count;
    return FCL_OK;
}

int fcl_run_has_moved(const fcl_run *run) {
    const json_t *devices = json_object_get(run->config, "devices");
    const unsigned n = n_last_devices(run);
    size_t i;
    json_t *entry;
    if (json_object_get(json_object_get(run->config, "arguments"), "ranks")) return 1;
    json_array_foreach(devices, i, entry) {
        const json_t *last = last_device(run, (unsigned)(i % n));
        if (!json_equal(json_object_get(entry, "identity"), json_object_get(last, "identity")) ||
            !json_equal(json_object_get(entry, "member"), json_object_get(last, "member")) ||
            !json_equal(json_object_get(entry, "solvers"), json_object_get(last, "solvers")) ||
            !json_equal(json_object_get(entry, "parts"), json_object_get(last, "parts")))
            return 1;
    }
    return 0;
}

void fcl_run_arguments(fcl_train_options *out, const fcl_run *run) {
    const json_t *arguments = json_object_get(run->config, "arguments"),
                 *max_steps = json_object_get(arguments, "max_steps");
    *out = (fcl_train_options){
        .prepared = json_string_value(json_object_get(run->config, "prepared")),
        .device = fcl_run_last_device(run),
        .init_weights = json_string_value(json_object_get(arguments, "init_weights")),
        .has_max_steps = max_steps != NULL,
        .max_steps = (unsigned long)json_integer_value(max_steps),
        .recheck_seconds = fcl_run_recheck_seconds(run),
    };
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

fcl_status fcl_run_choice(fcl_choice **out, int *recorded, const fcl_run *run, const fcl_device *device,
                          unsigned index) {
    fcl_choice *choice;
    fcl_status status = fcl_choice_create(&choice);
    if (status != FCL_OK) return status;
    const int same = is_last_device(run, device, index);
    if (same) {
        const char *description;
        json_t *solver;
        json_object_foreach(json_object_get(last_device(run, index), "solvers"), description, solver) {
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

fcl_status fcl_run_parts(unsigned *out, const fcl_run *run, unsigned index) {
    json_int_t parts = 0;
    fcl_status status = whole_number(&parts, last_device(run, index), "parts", 1, 1, INT_MAX);
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

/* The step with which the devices that the run was last on began. */
static uint64_t last_begin(const fcl_run *run) {
    return (uint64_t)json_integer_value(json_object_get(last_device(run, 0), "first_step"));
}

/* The first record of those devices. */
static size_t first_record(const fcl_run *run, const json_t *records) {
    size_t i = 0;
    while (i < json_array_size(records) &&
           (uint64_t)json_integer_value(json_object_get(json_array_get(records, i), "first_step")) < last_begin(run))
        i++;
    return i;
}

fcl_status fcl_run_shares(fcl_share_record **out, size_t *n_records, fcl_share_mode *mode, const fcl_run *run,
                          unsigned n, int from_first_step) {
    fcl_status status;
    const json_t *all = json_object_get(run->config, "shares");
    const size_t first = from_first_step ? 0 : first_record(run, all);
    fcl_share_record *records = NULL;
    /* Those of a run on several machines are none for the devices of one. */
    const json_t *last = json_object_get(json_array_get(all, json_array_size(all) - 1), "samples");
    const size_t count = json_array_size(last) == n ? json_array_size(all) - first : 0;
    FCL_TRY(FCL_NEW(&records, count, "shares"));
    for (size_t i = 0; i < count; i++) {
        const json_t *from = json_array_get(all, first + i), *samples = json_object_get(from, "samples");
        records[i].first_step = (uint64_t)json_integer_value(json_object_get(from, "first_step"));
        uint64_t sum = 0;
        for (unsigned k = 0; k < n && json_array_size(samples) == n; k++) {
            const json_int_t share = json_integer_value(json_array_get(samples, k));
            if (share < 0 || share > UINT_MAX) FCL_TRY(fail_shares());
            sum += records[i].samples[k] = (unsigned)share;
        }
        if (sum == 0 || (i > 0 && records[i].first_step < records[i - 1].first_step)) FCL_TRY(fail_shares());
    }
    *mode = json_object_get(json_object_get(run->config, "arguments"), "shares") ? FCL_SHARES_FIXED : FCL_SHARES_AUTO;
    *out = records;
    *n_records = count;
    records = NULL;
done:
    free(records);
    return status;
}

json_t *fcl_share_record_to_json(const fcl_share_record *record, unsigned n) {
    return json_pack("{s:I, s:o}", "first_step", (json_int_t)record->first_step, "samples",
                     whole_numbers(record->samples, n));
}

fcl_status fcl_run_set_shares(fcl_run *run, const fcl_share_record *records, size_t n_records, unsigned n) {
    json_t *all = json_object_get(run->config, "shares");
    if (!all && json_object_set_new(run->config, "shares", all = json_array()) != 0)
        return fcl_fail_memory("config.json", 0);
    for (size_t first = first_record(run, all); json_array_size(all) > first;)
        json_array_remove(all, json_array_size(all) - 1);
    const uint64_t begin = last_begin(run);
    for (size_t i = 0; i < n_records; i++) {
        /* Of what was before they began, or began anew, only what is still in force. */
        if (i + 1 < n_records && records[i + 1].first_step <= begin) continue;
        fcl_share_record record = records[i];
        if (record.first_step < begin) record.first_step = begin;
        if (json_array_append_new(all, fcl_share_record_to_json(&record, n)) != 0)
            return fcl_fail_memory("config.json", 0);
    }
    return FCL_OK;
}

fcl_status fcl_run_add_device(fcl_run *run, fcl_device *device, const fcl_network *network, unsigned index,
                              unsigned n_parts, uint64_t first_step) {
    fcl_status status = FCL_OK;
    const fcl_device_info *facts = fcl_device_facts(device);
    char *name = fcl_device_selector(facts);
    const char *others = json_string_value(json_object_get(run->config, "device"));
    char *names = !name ? NULL : index > 0 ? fcl_format("%s,%s", others, name) : fcl_duplicate(name);
    json_t *solvers = json_object();
    for (unsigned i = 0; i < fcl_network_n_operations(network) && solvers; i++) {
        const char *description, *solver;
        fcl_network_operation(&description, &solver, network, i);
        json_object_set_new(solvers, description, json_string(solver));
    }
    json_t *entry = json_pack("{s:I, s:I, s:s?, s:s, s:s, s:I, s:o}", "first_step", (json_int_t)first_step, "member",
                              (json_int_t)index, "device", name, "driver_version", facts->driver_version, "identity",
                              fcl_device_identity(device), "parts", (json_int_t)n_parts, "solvers", solvers);
    if (!names || !entry || json_array_append_new(json_object_get(run->config, "devices"), entry) != 0 ||
        json_object_set_new(run->config, "device", json_string(names)) != 0)
        status = fcl_fail_memory("config.json", 0);
    free(names);
    free(name);
    return status;
}

fcl_status fcl_run_write(const fcl_run *run) {
    char *path;
    fcl_status status = fcl_run_path(&path, run, "config.json");
    if (status != FCL_OK) return status;
    status = fcl_json_write(path, run->config);
    free(path);
    return status;
}
