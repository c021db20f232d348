#include "bench/facts.h"

#include <math.h>

#include "base/system.h"
#include "device/kernel.h"
#include "device/queue.h"

#if defined(__clang__)
#define COMPILER "Clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "GCC " __VERSION__
#else
#define COMPILER "unknown"
#endif

/* Replaces *out by the new value; what cannot be made is memory. */
static fcl_status put(json_t **out, json_t *value) {
    if (!value) return fcl_fail_memory("facts of a benchmark", 0);
    json_decref(*out);
    *out = value;
    return FCL_OK;
}

static json_t *text_or_null(const char *text) {
    return *text ? json_string(text) : json_null();
}

static json_t *system_facts(void) {
    const fcl_system_roots roots = FCL_SYSTEM_ROOTS;
    fcl_system_facts s;
    fcl_system_facts_read(&s, &roots);
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:[o]}", "os", text_or_null(s.os), "machine",
                     text_or_null(s.machine), "cpu", text_or_null(s.cpu), "cpus", (json_int_t)s.cpus, "memory_bytes",
                     (json_int_t)s.memory_bytes, "governor", text_or_null(s.governor), "power_source",
                     text_or_null(s.power_source), "load_average", fcl_json_number_or_null(fcl_system_load(&roots)));
}

static const char *kind_name(fcl_device_kind kind) {
    return kind == FCL_DEVICE_CPU ? "cpu" : kind == FCL_DEVICE_GPU ? "gpu" : "other";
}

static json_t *device_facts(const fcl_device *device) {
    const fcl_device_info *d = fcl_device_facts(device);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:s}", "platform", d->platform,
                     "platform_version", d->platform_version, "name", d->name, "vendor", d->vendor, "version",
                     d->version, "driver_version", d->driver_version, "kind", kind_name(d->kind), "compute_units",
                     (json_int_t)d->compute_units, "clock_mhz", (json_int_t)d->clock_mhz, "global_memory_bytes",
                     (json_int_t)d->global_memory_bytes, "global_cache_bytes", (json_int_t)d->global_cache_bytes,
                     "host_unified_memory", d->host_unified_memory, "identity", fcl_device_identity(device));
}

fcl_status fcl_facts_record(fcl_report *report, const fcl_device *device) {
    fcl_status status;
    char kernels[33];
    FCL_TRY(fcl_kernel_sources_hash(kernels));
    FCL_TRY(put(&report->fiducl, json_pack("{s:s, s:s, s:s, s:s}", "version", fcl_version(), "kernels", kernels,
                                           "compiler", COMPILER, "build_type", FCL_BUILD_TYPE)));
    /* As this program was built with them: neither says its version when it runs. */
    FCL_TRY(put(&report->libraries,
                json_pack("{s:s, s:s}", "clblast", FCL_CLBLAST_VERSION, "opencl_loader", FCL_OPENCL_VERSION)));
    FCL_TRY(put(&report->system, system_facts()));
    FCL_TRY(put(&report->device, device_facts(device)));
done:
    return status;
}

fcl_status fcl_facts_end(fcl_report *report) {
    const fcl_system_roots roots = FCL_SYSTEM_ROOTS;
    json_t *load = json_object_get(report->system, "load_average");
    return json_array_append_new(load, fcl_json_number_or_null(fcl_system_load(&roots))) == 0
               ? FCL_OK
               : fcl_fail_memory("facts of a benchmark", 0);
}
