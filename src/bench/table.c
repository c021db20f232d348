#include <string.h>

#include "base/text.h"
#include "bench/bench.h"
#include "bench/scaling.h"
#include "bench/statistics.h"

static const double per_cent = 100.0;

static const char *device_text(const fcl_report *report, const char *key) {
    const char *text = fcl_report_text(report, "device", key);
    return text ? text : "unknown";
}

static int is_operation(const fcl_result *r) {
    return fcl_starts_with(r->workload, "ops/");
}

static const char *text_of(const fcl_result *r, const char *key) {
    const char *text = json_string_value(json_object_get(r->details, key));
    return text ? text : "";
}

static double number_of(const fcl_result *r, const char *key) {
    return json_number_value(json_object_get(r->details, key));
}

/* What all workloads have: the median, and how far the others lie from it. */
static void append_result(fcl_text *table, const fcl_result *r) {
    fcl_text_appendf(table, "%-36s %-10s ", r->workload, fcl_solver_origin_name(r->solvers));
    if (!r->check.passed) {
        fcl_text_appendf(table, "WRONG: %s: %.3g, allowed is %.3g\n", r->check.what, r->check.error, r->check.bound);
        return;
    }
    const double median = fcl_result_median(r), low = fcl_minimum(r->samples, r->n_samples),
                 high = fcl_maximum(r->samples, r->n_samples);
    fcl_text_appendf(table, "%11.4g %-9s %10.4g %10.4g %6.1f %%\n", median, r->unit, low, high,
                     per_cent * (high - low) / median);
}

static size_t count_runs(const fcl_report *report) {
    size_t n = 0;
    for (size_t i = 0; i < report->n_results; i++)
        if (report->results[i].n_runs > n) n = report->results[i].n_runs;
    return n;
}

static void append_operation(fcl_text *table, const fcl_result *r) {
    fcl_text_appendf(table, "%-16s %-26s %-20s ", text_of(r, "layer"), text_of(r, "part"), text_of(r, "solver"));
    if (!r->check.passed) {
        fcl_text_appendf(table, "WRONG: %s: %.3g, allowed is %.3g\n", r->check.what, r->check.error, r->check.bound);
        return;
    }
    /* Details are those of the first run, speeds among them. */
    const double median = fcl_result_median(r), speed = fcl_median(r->samples, r->runs[0].n_samples) / median;
    fcl_text_appendf(table, "%9.3f %9.1f %9.1f %8.1f %6.0f %%  %s\n", median, speed * number_of(r, "gflop_per_second"),
                     speed * number_of(r, "solver_gflop_per_second"), speed * number_of(r, "gb_per_second"),
                     per_cent * speed * number_of(r, "share_of_roofline"), text_of(r, "limit"));
}

/* "base_model/batch32" of "ops/base_model/batch32/conv/forward". */
static size_t model_length(const char *workload) {
    const char *batch = strstr(workload, "/batch");
    return batch ? (size_t)(batch - workload) + 1 + strcspn(batch + 1, "/") : strlen(workload);
}

static void append_operations(fcl_text *table, const fcl_report *report) {
    const char *model = NULL;
    for (size_t i = 0; i < report->n_results; i++) {
        const fcl_result *r = &report->results[i];
        if (!is_operation(r)) continue;
        size_t length = model_length(r->workload);
        if (!model || strncmp(model, r->workload, length) != 0) {
            fcl_text_appendf(table, "\n%.*s\n%-16s %-26s %-20s %9s %9s %9s %8s %8s  %s\n", (int)length, r->workload,
                             "layer", "part", "solver", "ms", "GFLOP/s", "own", "GB/s", "roofline", "limit");
            model = r->workload;
        }
        append_operation(table, r);
    }
}

static void append_kernels(fcl_text *table, const fcl_result *r) {
    enum { SHOWN = 12 };
    const json_t *profile = json_object_get(r->details, "profile"), *kernels = json_object_get(profile, "kernels"),
                 *memory = json_object_get(r->details, "memory"), *kernel;
    size_t i;
    if (!profile) return;
    fcl_text_appendf(table, "\n%s: %.2f ms a step, %.2f in kernels", r->workload,
                     json_number_value(json_object_get(profile, "ms_a_step")),
                     json_number_value(json_object_get(profile, "kernels_ms_a_step")));
    fcl_text_appendf(
        table, "; %.0f MiB on the device, the process %.0f MiB at most\n",
        fcl_mebibytes((uint64_t)json_integer_value(json_object_get(memory, "device_bytes"))),
        fcl_mebibytes((uint64_t)json_integer_value(json_object_get(memory, "process_peak_resident_bytes"))));
    json_array_foreach(kernels, i, kernel) {
        if (i == SHOWN) {
            fcl_text_appendf(table, "  and %zu more in the file\n", json_array_size(kernels) - SHOWN);
            break;
        }
        fcl_text_appendf(table, "  %-36s %6.1f times %9.3f ms %6.1f %%\n",
                         json_string_value(json_object_get(kernel, "kernel")),
                         json_number_value(json_object_get(kernel, "launches_a_step")),
                         json_number_value(json_object_get(kernel, "ms_a_step")),
                         per_cent * json_number_value(json_object_get(kernel, "share_of_kernels")));
    }
}

fcl_status fcl_bench_table(char **out, const fcl_report *report) {
    fcl_text table = FCL_TEXT_EMPTY;
    int has_head = 0;
    fcl_text_appendf(&table, "%s, driver %s\n", device_text(report, "name"), device_text(report, "driver_version"));
    if (count_runs(report) > 1)
        fcl_text_appendf(&table, "%zu runs, each by a process of its own\n", count_runs(report));
    if (report->is_partial) fcl_text_append(&table, "PARTIAL: it was ended before everything was measured\n");
    for (size_t i = 0; i < report->n_results; i++) {
        if (is_operation(&report->results[i])) continue;
        if (!has_head)
            fcl_text_appendf(&table, "\n%-36s %-10s %11s %-9s %10s %10s %8s\n", "workload", "solvers", "median", "",
                             "lowest", "highest", "spread");
        has_head = 1;
        append_result(&table, &report->results[i]);
    }
    append_operations(&table, report);
    for (size_t i = 0; i < report->n_results; i++) append_kernels(&table, &report->results[i]);
    fcl_scaling_append(&table, report);
    fcl_status status = fcl_text_status(&table);
    if (status == FCL_OK) {
        *out = table.data;
        table = FCL_TEXT_EMPTY;
    }
    fcl_text_dispose(&table);
    return status;
}
