/* Waiting for the device, and how long each kernel took. */
#ifndef FCL_DEVICE_QUEUE_H
#define FCL_DEVICE_QUEUE_H

#include "base/error.h"
#include "base/hash.h"
#include "device/buffer.h"

/* Sends what was enqueued to the device without waiting. */
fcl_status fcl_device_flush(fcl_device *device);
/* Waits until all that was enqueued is done, as the driver does: some keep a processor busy meanwhile, and wake up soonest. */
fcl_status fcl_device_finish(fcl_device *device);

/* A point in the queue. Waiting for it does not wait for what was enqueued later. */
typedef struct fcl_fence fcl_fence;
/* Also flushes. */
fcl_status fcl_fence_create(fcl_fence **out, fcl_device *device);
/* Sleeps meanwhile where the driver would not (docs/devices.md#waiting). */
fcl_status fcl_fence_wait(fcl_fence *fence);
void fcl_fence_free(fcl_fence *fence);

/* Time by kernel since the device was opened or the profile was reset; needs a device opened with profiling.
 */
typedef struct fcl_profile_row {
    char kernel[96];
    size_t n_launches;
    double seconds;
} fcl_profile_row;
/* Waits for the device; *out is sorted by time, longest first, for free(). */
fcl_status fcl_device_profile(fcl_profile_row **out, size_t *n, fcl_device *device);
void fcl_device_profile_reset(fcl_device *device);

/* What distinguishes this device with its driver from any other in caches: platform, its version, device,
 * vendor, driver version, pointer width, compute units and, of a part of a device, those of the whole; one line of text.
 * Lends. */
const char *fcl_device_identity(const fcl_device *device);

/* A hash of all embedded kernels: of this build. */
fcl_status fcl_device_kernels_hash(char out[FCL_HASH_TEXT_BYTES]);

/* For libraries that enqueue work themselves (CLBlast). cl_context, cl_command_queue, cl_device_id, cl_mem.
 */
#include <CL/cl.h>
cl_context fcl_device_cl_context(const fcl_device *device);
cl_command_queue fcl_device_cl_queue(const fcl_device *device);
cl_device_id fcl_device_cl_id(const fcl_device *device);
cl_mem fcl_buffer_cl_mem(const fcl_buffer *buffer);
fcl_device *fcl_buffer_device(const fcl_buffer *buffer);
/* Calls `forget` before the device's context goes, once however often this was said; one function a device. */
void fcl_device_before_free(fcl_device *device, void (*forget)(void));
/* Libraries' own work in the profile, under `kernel`; takes the event over. */
int fcl_device_is_profiling(const fcl_device *device);
fcl_status fcl_device_profile_event(fcl_device *device, const char *kernel, cl_event event);
/* "CL_OUT_OF_RESOURCES" for -5, ...; and the status that an OpenCL error becomes (memory errors are
 * FCL_E_DEVICE_MEMORY) with a message "CALL failed: NAME ...". */
const char *fcl_cl_error_name(cl_int error);
fcl_status fcl_fail_cl(cl_int error, const char *call, const char *format, ...) FCL_PRINTF(3, 4);

#endif
