/* Opening a device: a context and an in-order queue. */
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/internal.h"
#include "device/selector.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Windows begin at multiples of a cache line at least, which is also the widest vector load, 16 floats. */
enum { MIN_ALIGNMENT_BYTES = 64, BITS_PER_BYTE = 8 };

/* What drivers tell beside error codes. */
static void CL_CALLBACK on_context_message(const char *message, const void *details, size_t n, void *user) {
    (void)details;
    (void)n;
    (void)user;
    fcl_log(FCL_LOG_DEBUG, "OpenCL: %s", message);
}

char *fcl_device_identity_of(const fcl_device_info *info) {
    char whole[24] = "";
    if (info->part_of_units) snprintf(whole, sizeof whole, " of %u", info->part_of_units);
    char *identity =
        fcl_format("%s | %s | %s | %s | %s | %u bits | %u%s units", info->platform, info->platform_version, info->name,
                   info->vendor, info->driver_version, info->pointer_bits, info->compute_units, whole);
    for (char *c = identity; c && *c; c++)
        if (*c == '\n' || *c == '\r') *c = ' ';
    return identity;
}

/* Which device it became, and why when nobody named one. */
static void log_choice(const fcl_device_info *info, const char *selector) {
    const char *asked = selector ? selector : getenv("FIDUCL_DEVICE"), *why = "";
    if (!asked || !*asked || strcmp(asked, "auto") == 0)
        why = info->kind == FCL_DEVICE_GPU   ? " (the first GPU)"
              : info->kind == FCL_DEVICE_CPU ? " (the first CPU, for lack of a GPU)"
                                             : " (for lack of a GPU and a CPU)";
    char *name = fcl_device_selector(info);
    fcl_log(FCL_LOG_INFO, "device %u, %s%s", info->index, name ? name : info->name, why);
    free(name);
}

/* The device becomes a part of itself. */
static fcl_status take_part(fcl_device *device, cl_platform_id platform, const fcl_selection *found) {
    fcl_status status;
    const fcl_device_info *whole = device->info;
    fcl_device_info *part = &device->part_info;
    FCL_TRY(fcl_part_create(&device->part, device->id, whole, found->cores, found->first));
    FCL_TRY(fcl_device_info_query(part, platform, device->part));
    part->index = whole->index;
    part->ordinal = whole->ordinal;
    part->hardware = whole->hardware;
    part->part_of_units = whole->compute_units;
    part->part_first = found->first;
    device->info = part;
    device->id = device->part;
done:
    return status;
}

fcl_status fcl_device_open(fcl_device **out, const char *selector, int profiling) {
    fcl_device *device = NULL;
    fcl_status status;
    fcl_selection found;
    cl_int error;
    FCL_TRY(FCL_NEW(&device, 1, "a device"));
    FCL_TRY(fcl_device_list_create(&device->list));
    FCL_TRY(fcl_device_find(&found, device->list, selector));
    const cl_platform_id platform = device->list->platforms[found.index];
    device->info = &device->list->infos[found.index];
    device->id = device->list->ids[found.index];
    if (found.cores) FCL_TRY(take_part(device, platform, &found));
    device->profiling = profiling;
    device->alignment = device->info->base_address_align_bits / BITS_PER_BYTE;
    if (device->alignment < MIN_ALIGNMENT_BYTES) device->alignment = MIN_ALIGNMENT_BYTES;
    if (!(device->identity = fcl_device_identity_of(device->info))) {
        status = FCL_E_MEMORY;
        goto done;
    }
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)platform, 0};
    device->context = clCreateContext(properties, 1, &device->id, on_context_message, NULL, &error);
    if (!device->context) {
        status = fcl_fail_cl(error, "clCreateContext", "cannot open the device '%s'", device->info->name);
        goto done;
    }
    device->queue =
        clCreateCommandQueue(device->context, device->id, profiling ? CL_QUEUE_PROFILING_ENABLE : 0, &error);
    if (!device->queue) {
        status = fcl_fail_cl(error, "clCreateCommandQueue", "cannot open the device '%s'", device->info->name);
        goto done;
    }
    fcl_queue_init(device);
    /* One that measures its launches stands beside one that has been announced. */
    if (!profiling) log_choice(device->info, selector);
    *out = device;
    device = NULL;
done:
    fcl_device_free(device);
    return status;
}

void fcl_device_free(fcl_device *device) {
    if (!device) return;
    if (device->queue) clFinish(device->queue);
    if (device->transfers) clReleaseCommandQueue(device->transfers);
    if (device->before_free) device->before_free();
    fcl_profile_dispose(&device->profile);
    fcl_programs_free(device->programs);
    fcl_notes_free(device->notes);
    if (device->queue) clReleaseCommandQueue(device->queue);
    if (device->context) clReleaseContext(device->context);
    if (device->part) clReleaseDevice(device->part);
    fcl_device_info_dispose(&device->part_info);
    fcl_device_list_free(device->list);
    free(device->identity);
    free(device);
}

void fcl_device_before_free(fcl_device *device, void (*forget)(void)) {
    assert(!device->before_free || device->before_free == forget);
    device->before_free = forget;
}

const fcl_device_info *fcl_device_facts(const fcl_device *device) {
    return device->info;
}

const char *fcl_device_identity(const fcl_device *device) {
    return device->identity;
}

cl_context fcl_device_cl_context(const fcl_device *device) {
    return device->context;
}

cl_command_queue fcl_device_cl_queue(const fcl_device *device) {
    return device->queue;
}

cl_device_id fcl_device_cl_id(const fcl_device *device) {
    return device->id;
}
