/* How long each kernel took, from the events of its launches. */
#include "base/memory.h"
#include "device/internal.h"

#include <stdio.h>
#include <string.h>

/* Events whose time was not read yet: a few steps of training, and little memory of the driver's. */
enum { MAX_PENDING = 1024 };

#define SECONDS_PER_TICK 1e-9

static fcl_status find_row(size_t *out, fcl_profile *profile, const char *kernel) {
    fcl_profile_row row = {.n_launches = 0};
    snprintf(row.kernel, sizeof row.kernel, "%s", kernel);
    for (size_t i = 0; i < profile->n_rows; i++)
        if (strcmp(profile->rows[i].kernel, row.kernel) == 0) {
            *out = i;
            return FCL_OK;
        }
    void *grown = profile->rows;
    fcl_status status =
        fcl_grow(&grown, &profile->rows_capacity, profile->n_rows + 1, sizeof *profile->rows, "the kernel profile");
    if (status != FCL_OK) return status;
    profile->rows = grown;
    profile->rows[profile->n_rows] = row;
    *out = profile->n_rows++;
    return FCL_OK;
}

static void release_pending(fcl_profile *profile) {
    for (size_t i = 0; i < profile->n_pending; i++) clReleaseEvent(profile->pending[i].event);
    profile->n_pending = 0;
}

static fcl_status drain(fcl_device *device) {
    fcl_profile *profile = &device->profile;
    if (!profile->n_pending) return FCL_OK;
    fcl_status status = fcl_device_finish(device);
    for (size_t i = 0; status == FCL_OK && i < profile->n_pending; i++) {
        cl_event event = profile->pending[i].event;
        cl_ulong start, end;
        cl_int error = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
        if (error == CL_SUCCESS)
            error = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
        fcl_profile_row *row = &profile->rows[profile->pending[i].row];
        if (error != CL_SUCCESS) {
            status = fcl_fail_cl(error, "clGetEventProfilingInfo", "the kernel %s on the device '%s'", row->kernel,
                                 device->info->name);
            break;
        }
        row->n_launches++;
        if (end > start) row->seconds += SECONDS_PER_TICK * (double)(end - start);
    }
    release_pending(profile);
    return status;
}

fcl_status fcl_device_profile_event(fcl_device *device, const char *kernel, cl_event event) {
    fcl_profile *profile = &device->profile;
    fcl_status status;
    size_t row;
    void *grown = profile->pending;
    if (profile->n_pending >= MAX_PENDING) FCL_TRY(drain(device));
    FCL_TRY(find_row(&row, profile, kernel));
    FCL_TRY(fcl_grow(&grown, &profile->pending_capacity, profile->n_pending + 1, sizeof *profile->pending,
                     "the kernel profile"));
    profile->pending = grown;
    profile->pending[profile->n_pending].event = event;
    profile->pending[profile->n_pending++].row = row;
    event = NULL;
done:
    if (event) clReleaseEvent(event);
    return status;
}

int fcl_device_is_profiling(const fcl_device *device) {
    return device->profiling;
}

static int by_time(const void *a, const void *b) {
    const fcl_profile_row *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    return strcmp(x->kernel, y->kernel);
}

fcl_status fcl_device_profile(fcl_profile_row **out, size_t *n, fcl_device *device) {
    if (!device->profiling)
        return fcl_fail(FCL_E_INTERNAL, "the device '%s' was not opened for profiling", device->info->name);
    fcl_profile_row *rows;
    fcl_status status;
    FCL_TRY(drain(device));
    FCL_TRY(FCL_NEW(&rows, device->profile.n_rows, "the kernel profile"));
    if (device->profile.n_rows) {
        memcpy(rows, device->profile.rows, device->profile.n_rows * sizeof *rows);
        qsort(rows, device->profile.n_rows, sizeof *rows, by_time);
    }
    *out = rows;
    *n = device->profile.n_rows;
done:
    return status;
}

void fcl_device_profile_reset(fcl_device *device) {
    release_pending(&device->profile);
    device->profile.n_rows = 0;
}

void fcl_profile_dispose(fcl_profile *profile) {
    release_pending(profile);
    free(profile->pending);
    free(profile->rows);
    *profile = (fcl_profile){0};
}
