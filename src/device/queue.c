#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/internal.h"

/* Launches that may wait for submission: few enough that the device starts soon, enough that submissions cost little. */
enum { MAX_LAUNCHES_PER_FLUSH = 16 };
/* Of launches that take long fewer are submitted together, since a display waits for a submission, and its watchdog counts the
 * time of one. */
static const double slice_seconds = 0.1;
/* Where launches take so long on average, single ones come near the seconds that watchdogs allow. */
static const double long_launch_seconds = 0.25;
/* Launches over which the average is taken: those of a step or two. */
static const double averaged_launches = 32.0;
/* How long an idle device may take to tell that it has set four bytes. */
enum { PATIENCE_SECONDS = 1 };

struct fcl_fence {
    cl_event event;
    fcl_device *device;
    size_t n_launches; /* of the device's, until here */
};

fcl_status fcl_device_flush(fcl_device *device) {
    device->n_unflushed = 0;
    cl_int error = clFlush(device->queue);
    return error == CL_SUCCESS ? FCL_OK : fcl_fail_cl(error, "clFlush", "device '%s'", device->info->name);
}

fcl_status fcl_device_note_launch(fcl_device *device) {
    if (device->n_launches++ == device->n_launches_done) device->busy_since = fcl_clock_seconds();
    return ++device->n_unflushed < device->launches_per_flush ? FCL_OK : fcl_device_flush(device);
}

static void warn_of_watchdog(fcl_device *device) {
    if (!device->may_freeze_display || device->launch_seconds < long_launch_seconds) return;
    device->may_freeze_display = 0; /* said once */
    fcl_log(FCL_LOG_WARNING,
            "kernels take %.2f s on '%s' on average, some longer: if it drives a display, that stands still meanwhile, "
            "and its watchdog may end them; a smaller batch makes them shorter",
            device->launch_seconds, device->info->name);
}

/* The device has done the first n_launches: how many of such are to be submitted together. */
static void note_done(fcl_device *device, size_t n_launches) {
    if (n_launches <= device->n_launches_done) return;
    const double now = fcl_clock_seconds(), n = (double)(n_launches - device->n_launches_done);
    device->launch_seconds =
        (averaged_launches * device->launch_seconds + now - device->busy_since) / (averaged_launches + n);
    device->n_launches_done = n_launches;
    device->busy_since = now;
    const double fitting = slice_seconds / device->launch_seconds;
    device->launches_per_flush = fitting < 1.0                      ? 1
                                 : fitting < MAX_LAUNCHES_PER_FLUSH ? (unsigned)fitting
                                                                    : MAX_LAUNCHES_PER_FLUSH;
    warn_of_watchdog(device);
}

fcl_status fcl_device_finish(fcl_device *device) {
    device->n_unflushed = 0;
    cl_int error = clFinish(device->queue);
    if (error != CL_SUCCESS)
        return fcl_fail_cl(error, "clFinish", "the device '%s' failed in what was enqueued before", device->info->name);
    device->n_launches_done =
        device->n_launches; /* alternatives are measured like this, and say nothing about a step */
    return FCL_OK;
}

fcl_status fcl_fence_create(fcl_fence **out, fcl_device *device) {
    fcl_fence *fence = NULL;
    fcl_status status;
    FCL_TRY(FCL_NEW(&fence, 1, "a fence"));
    fence->device = device;
    fence->n_launches = device->n_launches;
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

/* Of all that wait: the driver's thread may still be in here when the one that waited goes on. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t completed = PTHREAD_COND_INITIALIZER;

typedef struct completion {
    int is_there;
    cl_int status; /* below 0: an error */
} completion;

static void CL_CALLBACK on_complete(cl_event event, cl_int status, void *user) {
    completion *c = user;
    (void)event;
    pthread_mutex_lock(&lock);
    *c = (completion){1, status};
    pthread_cond_broadcast(&completed);
    pthread_mutex_unlock(&lock);
}

/* Drivers of GPUs may poll in clWaitForEvents(), which takes a processor for as long as the device works. */
static cl_int sleep_until(cl_event event) {
    completion c = {0};
    cl_int status;
    cl_int error = clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL);
    if (error != CL_SUCCESS) return error;
    /* Not every driver calls back for what is over already. */
    if (status <= CL_COMPLETE) return status;
    if ((error = clSetEventCallback(event, CL_COMPLETE, on_complete, &c)) != CL_SUCCESS) return error;
    pthread_mutex_lock(&lock);
    while (!c.is_there) pthread_cond_wait(&completed, &lock);
    pthread_mutex_unlock(&lock);
    return c.status < 0 ? c.status : CL_SUCCESS;
}

int fcl_queue_can_sleep(fcl_device *device) {
    static completion c; /* of one that comes too late as well */
    const cl_uint zero = 0;
    cl_event event = NULL;
    struct timespec until = {0};
    int works = 0;
    cl_mem memory = clCreateBuffer(device->context, CL_MEM_READ_WRITE, sizeof zero, NULL, NULL);
    if (!memory ||
        clEnqueueFillBuffer(device->queue, memory, &zero, sizeof zero, 0, sizeof zero, 0, NULL, &event) != CL_SUCCESS)
        goto done;
    pthread_mutex_lock(&lock);
    c = (completion){0};
    pthread_mutex_unlock(&lock);
    works = clSetEventCallback(event, CL_COMPLETE, on_complete, &c) == CL_SUCCESS &&
            clFlush(device->queue) == CL_SUCCESS && clock_gettime(CLOCK_REALTIME, &until) == 0;
    until.tv_sec += PATIENCE_SECONDS;
    pthread_mutex_lock(&lock);
    while (works && !c.is_there) works = pthread_cond_timedwait(&completed, &lock, &until) == 0;
    pthread_mutex_unlock(&lock);
    clWaitForEvents(1, &event);
done:
    if (event) clReleaseEvent(event);
    if (memory) clReleaseMemObject(memory);
    return works;
}

void fcl_queue_init(fcl_device *device) {
    const int is_cpu = device->info->kind == FCL_DEVICE_CPU;
    device->launches_per_flush = MAX_LAUNCHES_PER_FLUSH;
    device->may_freeze_display = !is_cpu;
    /* A CPU's driver may compute in the thread that waits: sleeping would take it from the work. */
    device->sleeps = !is_cpu && fcl_queue_can_sleep(device);
}

fcl_status fcl_event_wait(fcl_device *device, cl_event event) {
    cl_int error = device->sleeps ? sleep_until(event) : clWaitForEvents(1, &event);
    if (error == CL_SUCCESS) return FCL_OK;
    return fcl_fail_cl(error, device->sleeps ? "clSetEventCallback" : "clWaitForEvents",
                       "the device '%s' failed in what was enqueued before", device->info->name);
}

fcl_status fcl_fence_wait(fcl_fence *fence) {
    fcl_status status = fcl_event_wait(fence->device, fence->event);
    if (status == FCL_OK) note_done(fence->device, fence->n_launches);
    return status;
}

void fcl_fence_free(fcl_fence *fence) {
    if (!fence) return;
    if (fence->event) clReleaseEvent(fence->event);
    free(fence);
}

fcl_status fcl_device_sleep_until_idle(fcl_device *device) {
    if (!device->sleeps) return FCL_OK;
    fcl_fence *fence;
    fcl_status status = fcl_fence_create(&fence, device);
    if (status != FCL_OK) return status;
    status = fcl_fence_wait(fence);
    fcl_fence_free(fence);
    return status;
}
