#include "bench/report.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/statistics.h"

static const char *const origin_names[FCL_N_SOLVER_ORIGINS] = {"as_shipped", "tuned"};
/* Numbers are written with 17 digits, so that they come back as they were. */
static const double median_tolerance = 1e-12;

const char *fcl_solver_origin_name(fcl_solver_origin origin) {
    return origin_names[origin];
}

void fcl_result_dispose(fcl_result *result) {
    free(result->workload);
    free(result->metric);
    free(result->unit);
    free(result->samples);
    free(result->calibration);
    free(result->runs);
    free(result->check.what);
    json_decref(result->details);
    *result = (fcl_result){0};
}

double fcl_result_median(const fcl_result *result) {
    return fcl_median(result->samples, result->n_samples);
}

int fcl_result_is_same(const fcl_result *a, const fcl_result *b) {
    return strcmp(a->workload, b->workload) == 0 && a->workload_version == b->workload_version &&
           strcmp(a->metric, b->metric) == 0 && a->solvers == b->solvers;
}

fcl_status fcl_report_create(fcl_report **out) {
    fcl_report *report;
    fcl_status status = FCL_NEW(&report, 1, "a benchmark");
    if (status != FCL_OK) return status;
    char now[FCL_TIMESTAMP_BYTES];
    fcl_clock_timestamp(now);
    memcpy(report->created, now, sizeof now);
    report->format_version = FCL_REPORT_FORMAT_VERSION;
    report->command = json_array();
    json_t **objects[] = {&report->fiducl, &report->libraries, &report->system, &report->device};
    int complete = report->command != NULL;
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) complete &= (*objects[i] = json_object()) != NULL;
    if (!complete) {
        fcl_report_free(report);
        return fcl_fail_memory("a benchmark", 0);
    }
    *out = report;
    return FCL_OK;
}

void fcl_report_free(fcl_report *report) {
    if (!report) return;
    json_t *values[] = {report->command, report->fiducl, report->libraries, report->system, report->device};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) json_decref(values[i]);
    for (size_t i = 0; i < report->n_results; i++) fcl_result_dispose(&report->results[i]);
    free(report->results);
    free(report);
}

fcl_status fcl_report_add(fcl_report *report, fcl_result *result) {
    fcl_status status;
    void *grown = report->results;
    FCL_TRY(fcl_grow(&grown, &report->capacity, report->n_results + 1, sizeof *report->results, "results"));
    report->results = grown;
    if (!result->check.passed) result->n_samples = result->n_runs = 0;
    if (result->n_samples > 0 && result->n_runs == 0) {
        FCL_TRY(FCL_NEW(&result->runs, 1, "a run"));
        memcpy(result->runs[0].began, report->created, sizeof report->created);
        result->runs[0].n_samples = result->n_samples;
        result->n_runs = 1;
    }
    if (!result->details && !(result->details = json_object())) FCL_TRY(fcl_fail_memory("a result", 0));
    report->results[report->n_results++] = *result;
    *result = (fcl_result){0};
done:
    fcl_result_dispose(result);
    return status;
}

const fcl_result *fcl_report_find(const fcl_report *report, const fcl_result *like) {
    for (size_t i = 0; i < report->n_results; i++)
        if (fcl_result_is_same(&report->results[i], like)) return &report->results[i];
    return NULL;
}

const json_t *fcl_report_value(const fcl_report *report, const char *object, const char *key) {
    const struct {
        const char *name;
        const json_t *value;
    } objects[] = {{"fiducl", report->fiducl},
                   {"libraries", report->libraries},
                   {"system", report->system},
                   {"device", report->device}};
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        if (strcmp(objects[i].name, object) == 0) return json_object_get(objects[i].value, key);
    return NULL;
}

const char *fcl_report_text(const fcl_report *report, const char *object, const char *key) {
    return json_string_value(fcl_report_value(report, object, key));
}

static json_t *numbers(const double *values, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, json_real(values[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static json_t *runs_to_json(const fcl_result *r) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < r->n_runs; i++)
        if (json_array_append_new(list, json_pack("{s:s, s:I}", "began", r->runs[i].began, "samples",
                                                  (json_int_t)r->runs[i].n_samples)) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static json_t *result_to_json(const fcl_result *r) {
    json_t *o = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s}", "workload", r->workload, "workload_version",
                          (json_int_t)r->workload_version, "solvers", origin_names[r->solvers], "metric", r->metric,
                          "unit", r->unit, "better", r->higher_is_better ? "higher" : "lower");
    int failed = !o;
    if (!failed && r->n_samples) {
        const size_t n = r->n_samples;
        json_t *samples =
            json_pack("{s:o, s:o, s:o, s:f, s:f, s:f}", "samples", numbers(r->samples, n), "calibration",
                      numbers(r->calibration, n), "runs", runs_to_json(r), "median", fcl_median(r->samples, n), "min",
                      fcl_minimum(r->samples, n), "max", fcl_maximum(r->samples, n));
        failed |= !samples || json_object_update(o, samples) != 0;
        json_decref(samples);
    }
    if (!failed) {
        json_t *rest = json_pack("{s:{s:b, s:s, s:o, s:o}, s:o, s:O}", "check", "passed", r->check.passed, "what",
                                 r->check.what, "error", fcl_json_number_or_null(r->check.error), "bound",
                                 fcl_json_number_or_null(r->check.bound), "energy_joules",
                                 fcl_json_number_or_null(r->energy_joules), "details", r->details);
        failed |= !rest || json_object_update(o, rest) != 0;
        json_decref(rest);
    }
    if (!failed) return o;
    json_decref(o);
    return NULL;
}

fcl_status fcl_report_write(const fcl_report *report, const char *path) {
    fcl_status status = FCL_OK;
    json_t *results = json_array(), *all = NULL;
    if (!results) FCL_TRY(fcl_fail_memory("a benchmark", 0));
    for (size_t i = 0; i < report->n_results; i++)
        if (json_array_append_new(results, result_to_json(&report->results[i])) != 0) {
            status = fcl_fail_memory("a benchmark", 0);
            goto done;
        }
    all = json_pack("{s:s, s:i, s:s, s:b, s:O, s:O, s:O, s:O, s:O, s:O}", "format", FCL_REPORT_FORMAT, "format_version",
                    FCL_REPORT_FORMAT_VERSION, "created", report->created, "partial", report->is_partial, "command",
                    report->command, "fiducl", report->fiducl, "libraries", report->libraries, "system", report->system,
                    "device", report->device, "results", results);
    if (!all) {
        status = fcl_fail_memory("a benchmark", 0);
        goto done;
    }
    FCL_TRY(fcl_json_write(path, all));
done:
    json_decref(results);
    json_decref(all);
    return status;
}

/* What a reader knows while it looks at one value. */
typedef struct place {
    const char *path;
    size_t index; /* of the result */
    int has_runs; /* else each result is one, of the time at which the report was created */
} place;

static fcl_status fail_at(const place *at, const char *key, const char *what) {
    return fcl_fail(FCL_E_INPUT, "%s: result %zu: '%s' %s", at->path, at->index + 1, key, what);
}

static fcl_status read_text(char **out, const json_t *object, const char *key, const place *at) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value) || !*json_string_value(value)) return fail_at(at, key, "is missing or not a text");
    *out = fcl_duplicate(json_string_value(value));
    return *out ? FCL_OK : FCL_E_MEMORY;
}

/* A number, or NaN for null. */
static fcl_status read_number_or_null(double *out, const json_t *object, const char *key, const place *at) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value) && !json_is_null(value)) return fail_at(at, key, "is missing or not a number");
    *out = json_is_null(value) ? (double)NAN : json_number_value(value);
    return FCL_OK;
}

static fcl_status read_numbers(double **out, size_t *n, const json_t *object, const char *key, const place *at) {
    const json_t *list = json_object_get(object, key), *value;
    size_t i;
    if (!json_is_array(list) || json_array_size(list) == 0) return fail_at(at, key, "is missing or no list of numbers");
    *n = json_array_size(list);
    fcl_status status = FCL_NEW(out, *n, "samples");
    if (status != FCL_OK) return status;
    json_array_foreach(list, i, value) {
        if (!json_is_number(value)) return fail_at(at, key, "has an entry that is not a number");
        (*out)[i] = json_number_value(value);
    }
    return FCL_OK;
}

static fcl_status read_check(fcl_result *r, const json_t *object, const place *at) {
    fcl_status status;
    const json_t *check = json_object_get(object, "check"), *passed = json_object_get(check, "passed");
    if (!json_is_boolean(passed)) return fail_at(at, "check.passed", "is missing or not true or false");
    r->check.passed = json_is_true(passed);
    FCL_TRY(read_text(&r->check.what, check, "what", at));
    FCL_TRY(read_number_or_null(&r->check.error, check, "error", at));
    FCL_TRY(read_number_or_null(&r->check.bound, check, "bound", at));
done:
    return status;
}

static fcl_status read_runs(fcl_result *r, const json_t *object, const place *at) {
    const json_t *list = json_object_get(object, "runs"), *value;
    size_t i, n_left = r->n_samples;
    fcl_status status;
    if (!at->has_runs) return FCL_OK;
    if (!json_is_array(list)) return fail_at(at, "runs", "is missing or not a list");
    if ((status = FCL_NEW(&r->runs, json_array_size(list), "runs")) != FCL_OK) return status;
    json_array_foreach(list, i, value) {
        const char *began = json_string_value(json_object_get(value, "began"));
        const json_int_t n = json_integer_value(json_object_get(value, "samples"));
        if (!began) return fail_at(at, "runs", "has a run without the time at which it began");
        if (n < 1 || (size_t)n > n_left) return fail_at(at, "runs", "has another number of samples than 'samples'");
        snprintf(r->runs[i].began, sizeof r->runs[i].began, "%s", began);
        r->runs[i].n_samples = (size_t)n;
        n_left -= (size_t)n;
    }
    r->n_runs = json_array_size(list);
    return n_left ? fail_at(at, "runs", "has another number of samples than 'samples'") : FCL_OK;
}

static fcl_status read_samples(fcl_result *r, const json_t *object, const place *at) {
    fcl_status status;
    size_t n_calibration;
    double median;
    if (!r->check.passed)
        return json_object_get(object, "samples") ? fail_at(at, "samples", "belong to a failed check") : FCL_OK;
    FCL_TRY(read_numbers(&r->samples, &r->n_samples, object, "samples", at));
    FCL_TRY(read_numbers(&r->calibration, &n_calibration, object, "calibration", at));
    if (n_calibration != r->n_samples) return fail_at(at, "calibration", "has another length than 'samples'");
    FCL_TRY(read_number_or_null(&median, object, "median", at));
    if (!(fabs(median - fcl_result_median(r)) <= median_tolerance * fabs(median)))
        return fail_at(at, "median", "is not that of 'samples'");
    FCL_TRY(read_runs(r, object, at));
done:
    return status;
}

static fcl_status read_result(fcl_result *out, const json_t *object, const place *at) {
    fcl_status status;
    fcl_result r = {0};
    char *solvers = NULL, *better = NULL;
    const json_t *version = json_object_get(object, "workload_version"), *details = json_object_get(object, "details");
    FCL_TRY(read_text(&r.workload, object, "workload", at));
    FCL_TRY(read_text(&r.metric, object, "metric", at));
    FCL_TRY(read_text(&r.unit, object, "unit", at));
    FCL_TRY(read_text(&solvers, object, "solvers", at));
    FCL_TRY(read_text(&better, object, "better", at));
    if (!json_is_integer(version) || json_integer_value(version) < 1) {
        status = fail_at(at, "workload_version", "is missing or not a whole number above 0");
        goto done;
    }
    r.workload_version = (unsigned)json_integer_value(version);
    while (r.solvers < FCL_N_SOLVER_ORIGINS && strcmp(solvers, origin_names[r.solvers]) != 0) r.solvers++;
    if (r.solvers == FCL_N_SOLVER_ORIGINS) {
        status = fail_at(at, "solvers", "is neither \"as_shipped\" nor \"tuned\"");
        goto done;
    }
    r.higher_is_better = strcmp(better, "higher") == 0;
    if (!r.higher_is_better && strcmp(better, "lower") != 0) {
        status = fail_at(at, "better", "is neither \"higher\" nor \"lower\"");
        goto done;
    }
    FCL_TRY(read_check(&r, object, at));
    FCL_TRY(read_samples(&r, object, at));
    FCL_TRY(read_number_or_null(&r.energy_joules, object, "energy_joules", at));
    if (!json_is_object(details)) {
        status = fail_at(at, "details", "is missing or not an object");
        goto done;
    }
    r.details = json_incref((json_t *)details);
    *out = r;
    r = (fcl_result){0};
done:
    fcl_result_dispose(&r);
    free(solvers);
    free(better);
    return status;
}

static fcl_status read_object(json_t **out, const json_t *all, const char *key, const char *path) {
    json_t *value = json_object_get(all, key);
    if (!json_is_object(value)) return fcl_fail(FCL_E_INPUT, "%s: '%s' is missing or not an object", path, key);
    json_decref(*out);
    *out = json_incref(value);
    return FCL_OK;
}

static fcl_status read_head(fcl_report *report, const json_t *all, const char *path) {
    fcl_status status;
    const char *format, *created;
    long long version;
    FCL_TRY(fcl_json_string(&format, all, "format", path));
    if (strcmp(format, FCL_REPORT_FORMAT) != 0)
        return fcl_fail(FCL_E_INPUT, "%s: the format is '%s', not '%s': not a benchmark", path, format,
                        FCL_REPORT_FORMAT);
    FCL_TRY(fcl_json_integer(&version, all, "format_version", path));
    if (version < 1 || version > FCL_REPORT_FORMAT_VERSION)
        return fcl_fail(FCL_E_INPUT, "%s: format version %lld; this program reads versions 1 to %d", path, version,
                        FCL_REPORT_FORMAT_VERSION);
    report->format_version = (int)version;
    FCL_TRY(fcl_json_string(&created, all, "created", path));
    snprintf(report->created, sizeof report->created, "%s", created);
    FCL_TRY(read_object(&report->fiducl, all, "fiducl", path));
    FCL_TRY(read_object(&report->libraries, all, "libraries", path));
    FCL_TRY(read_object(&report->system, all, "system", path));
    FCL_TRY(read_object(&report->device, all, "device", path));
    const json_t *partial = json_object_get(all, "partial");
    if (partial && !json_is_boolean(partial)) return fcl_fail(FCL_E_INPUT, "%s: 'partial' is not true or false", path);
    report->is_partial = json_is_true(partial);
    json_t *command = json_object_get(all, "command");
    if (!json_is_array(command)) return fcl_fail(FCL_E_INPUT, "%s: 'command' is missing or not a list", path);
    json_decref(report->command);
    report->command = json_incref(command);
done:
    return status;
}

fcl_status fcl_report_read(fcl_report **out, const char *path) {
    fcl_status status;
    fcl_report *report = NULL;
    json_t *all = NULL;
    FCL_TRY(fcl_json_read(&all, path));
    FCL_TRY(fcl_report_create(&report));
    FCL_TRY(read_head(report, all, path));
    place at = {.path = path, .has_runs = report->format_version > 1};
    const json_t *results = json_object_get(all, "results"), *value;
    if (!json_is_array(results)) {
        status = fcl_fail(FCL_E_INPUT, "%s: 'results' is missing or not a list", path);
        goto done;
    }
    json_array_foreach(results, at.index, value) {
        fcl_result result = {0};
        FCL_TRY(read_result(&result, value, &at));
        const fcl_result *twin = fcl_report_find(report, &result);
        if (twin) {
            status = fcl_fail(FCL_E_INPUT, "%s: result %zu: %s is there twice", path, at.index + 1, twin->workload);
            fcl_result_dispose(&result);
            goto done;
        }
        FCL_TRY(fcl_report_add(report, &result));
    }
    *out = report;
    report = NULL;
done:
    json_decref(all);
    fcl_report_free(report);
    return status;
}

fcl_status fcl_report_check_output(const char *path, int force) {
    fcl_status status = FCL_OK;
    fcl_report *there = NULL;
    char *folder = NULL;
    if (fcl_path_is_special(path)) {
        if (!fcl_path_is_writable(path)) status = fcl_fail(FCL_E_IO, "cannot write '%s'", path);
        goto done;
    }
    if (fcl_path_exists(path)) {
        int is_benchmark = !fcl_path_is_folder(path) && fcl_report_read(&there, path) == FCL_OK;
        if (!is_benchmark || !force)
            status = fcl_fail(FCL_E_EXISTS, "'%s' exists: %s", path,
                              is_benchmark ? "choose another file with --out, or give --force to replace it"
                                           : "choose another file with --out (--force replaces only a benchmark)");
        if (status != FCL_OK) goto done;
    }
    if (!(folder = fcl_folder_of(path))) {
        status = FCL_E_MEMORY;
        goto done;
    }
    if (!fcl_path_is_folder(folder) || !fcl_path_is_writable(folder))
        status = fcl_fail(FCL_E_IO, "cannot write '%s': '%s' is not a folder that can be written to", path, folder);
done:
    fcl_report_free(there);
    free(folder);
    return status;
}
