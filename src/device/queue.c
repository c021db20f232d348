#include "base/memory.h"
#include "device/internal.h"

/* Launches that may wait for submission: few enough that the device starts soon and a display's driver sees
 * short batches of work, enough that submissions cost little. */
enum { LAUNCHES_PER_FLUSH = 16 };

struct fcl_fence {
    cl_event event;
    fcl_device *device;
};

fcl_status fcl_device_flush(fcl_device *device) {
    device->n_unflushed = 0;
    cl_int error = clFlush(device->queue);
    return error == CL_SUCCESS ? FCL_OK : fcl_fail_cl(error, "clFlush", "device '%s'", device->info->name);
}

fcl_status fcl_device_note_launch(fcl_device *device) {
    return ++device->n_unflushed < LAUNCHES_PER_FLUSH ? FCL_OK : fcl_device_flush(device);
}

fcl_status fcl_device_finish(fcl_device *device) {
    device->n_unflushed = 0;
    cl_int error = clFinish(device->queue);
    return error == CL_SUCCESS ? FCL_OK
                               : fcl_fail_cl(error, "clFinish", "the device '%s' failed in what was enqueued before",
                                             device->info->name);
}

fcl_status fcl_fence_create(fcl_fence **out, fcl_device *device) {
    fcl_fence *fence = NULL;
    fcl_status status;
    FCL_TRY(FCL_NEW(&fence, 1, "a fence"));
    fence->device = device;
    cl_int error = clEnqueueMarkerWithWaitList(device->queue, 0, NULL, &fence->event);
    if (error != CL_SUCCESS) {
        fence->event = NULL;
        status = fcl_fail_cl(error, "clEnqueueMarkerWithWaitList", "device '%s'", device->info->name);
        goto done;
    }
    FCL_TRY(fcl_device_flush(device));
    *out = fence;
    fence = NULL;
done:
    fcl_fence_free(fence);
    return status;
}

fcl_status fcl_fence_wait(fcl_fence *fence) {
    cl_int error = clWaitForEvents(1, &fence->event);
    return error == CL_SUCCESS
               ? FCL_OK
               : fcl_fail_cl(error, "clWaitForEvents", "the device '%s' failed in what was enqueued before",
                             fence->device->info->name);
}

void fcl_fence_free(fcl_fence *fence) {
    if (!fence) return;
    if (fence->event) clReleaseEvent(fence->event);
    free(fence);
}
