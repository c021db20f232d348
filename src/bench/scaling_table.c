#include "bench/scaling.h"

#include "base/text.h"

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static void append_milliseconds(fcl_text *table, const json_t *device, const char *key) {
    const json_t *value = json_object_get(device, key);
    if (json_is_number(value))
        fcl_text_appendf(table, " %10.2f", json_number_value(value));
    else
        fcl_text_appendf(table, " %10s", "-");
}

static void append_devices(fcl_text *table, const fcl_result *r, const json_t *devices) {
    const json_t *device;
    size_t i;
    fcl_text_appendf(table, "\n%s, milliseconds a step\n%10s %10s %10s %10s %10s %10s  %s\n", r->workload, "alone/s",
                     "samples", "busy", "waiting", "exchange", "update", "device");
    json_array_foreach(devices, i, device) {
        fcl_text_appendf(table, "%10.1f %10.0f", number(device, "alone_images_per_second"), number(device, "samples"));
        append_milliseconds(table, device, "busy_ms");
        append_milliseconds(table, device, "waiting_ms");
        append_milliseconds(table, device, "exchange_ms");
        append_milliseconds(table, device, "update_ms");
        fcl_text_appendf(table, "  %zu %s%s\n", i, json_string_value(json_object_get(device, "device")),
                         number(device, "samples") == 0.0 ? " (left out)" : "");
    }
    if (json_is_false(json_object_get(r->details, "settled")))
        fcl_text_appendf(table, "  shares had not settled after %.0f steps\n", number(r->details, "settling_steps"));
}

void fcl_scaling_append(fcl_text *table, const fcl_report *report) {
    for (size_t i = 0; i < report->n_results; i++) {
        const fcl_result *r = &report->results[i];
        const json_t *devices = json_object_get(r->details, "devices");
        if (fcl_starts_with(r->workload, "scaling/") && json_is_array(devices)) append_devices(table, r, devices);
    }
}
