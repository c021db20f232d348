#include "device/transfer.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/memory.h"
#include "device/internal.h"

/* What a driver's thread writes when a transfer is there, maybe after all who waited for it have gone: it is of the transfer and
 * of each call that is still to come. */
typedef struct moment {
    _Atomic double seconds; /* on the clock; 0 until then */
    atomic_uint n_owners;
} moment;

struct fcl_transfer {
    fcl_device *device;
    fcl_buffer **buffers; /* (n) */
    void **mapped;        /* (n); NULL where the host does not have it */
    unsigned n;
    cl_event ready; /* of the last; NULL: not begun */
    moment *ready_at;
    double waited_until;
};

static fcl_status check(cl_int error, const char *call, const fcl_transfer *t) {
    if (error == CL_SUCCESS) return FCL_OK;
    return fcl_fail_cl(error, call, "between the host and %s on the device '%s'", t->buffers[0]->label,
                       t->device->info->name);
}

fcl_status fcl_transfer_create(fcl_transfer **out, fcl_device *device, fcl_buffer *const *buffers, unsigned n) {
    static const char what[] = "a transfer";
    fcl_status status;
    fcl_transfer *t = NULL;
    assert(n > 0);
    FCL_TRY(FCL_NEW(&t, 1, what));
    FCL_TRY(FCL_NEW(&t->buffers, n, what));
    FCL_TRY(FCL_NEW(&t->mapped, n, what));
    t->device = device;
    t->n = n;
    for (unsigned i = 0; i < n; i++) t->buffers[i] = buffers[i];
    if (!device->transfers) {
        cl_int error;
        device->transfers = clCreateCommandQueue(device->context, device->id, 0, &error);
        if (!device->transfers) FCL_TRY(check(error, "clCreateCommandQueue", t));
    }
    *out = t;
    t = NULL;
done:
    fcl_transfer_free(t);
    return status;
}

static void leave(moment *ready_at) {
    if (ready_at && atomic_fetch_sub(&ready_at->n_owners, 1) == 1) free(ready_at);
}

void fcl_transfer_free(fcl_transfer *t) {
    if (!t) return;
    if (t->ready) clReleaseEvent(t->ready);
    leave(t->ready_at);
    free(t->buffers);
    free(t->mapped);
    free(t);
}

static void CL_CALLBACK note_ready(cl_event event, cl_int status, void *user) {
    moment *ready_at = user;
    (void)event;
    (void)status;
    atomic_store(&ready_at->seconds, fcl_clock_seconds());
    leave(ready_at);
}

/* A driver that calls nobody back leaves the moment to who waits. */
static fcl_status ask_for_moment(fcl_transfer *t) {
    moment *ready_at = fcl_calloc(1, sizeof *ready_at);
    if (!ready_at) return fcl_fail_memory("a transfer", sizeof *ready_at);
    /* A new one each time: the call for the one before may still be to come. */
    leave(t->ready_at);
    t->ready_at = ready_at;
    atomic_init(&ready_at->n_owners, 2);
    if (clSetEventCallback(t->ready, CL_COMPLETE, note_ready, ready_at) != CL_SUCCESS) leave(ready_at);
    return FCL_OK;
}

fcl_status fcl_transfer_begin(fcl_transfer *t) {
    fcl_status status;
    fcl_device *device = t->device;
    cl_event before = NULL;
    cl_int error;
    assert(!t->ready);
    FCL_TRY(check(clEnqueueMarkerWithWaitList(device->queue, 0, NULL, &before), "clEnqueueMarkerWithWaitList", t));
    FCL_TRY(fcl_device_flush(device));
    for (unsigned i = 0; i < t->n; i++) {
        cl_event *event = i + 1 == t->n ? &t->ready : NULL;
        t->mapped[i] =
            clEnqueueMapBuffer(device->transfers, t->buffers[i]->memory, CL_FALSE, CL_MAP_READ | CL_MAP_WRITE, 0,
                               t->buffers[i]->n_bytes, i == 0, i == 0 ? &before : NULL, event, &error);
        FCL_TRY(fcl_check_mapped(t->mapped[i], error, t->buffers[i]));
        if (!device->info->host_unified_memory) device->memory.copied_bytes += t->buffers[i]->n_bytes;
    }
    FCL_TRY(ask_for_moment(t));
    FCL_TRY(check(clFlush(device->transfers), "clFlush", t));
done:
    if (before) clReleaseEvent(before);
    return status;
}

fcl_status fcl_transfer_wait(fcl_transfer *t) {
    assert(t->ready);
    fcl_status status = fcl_event_wait(t->device, t->ready);
    t->waited_until = fcl_clock_seconds();
    return status;
}

double fcl_transfer_ready_at(const fcl_transfer *t) {
    const double ready_at = atomic_load(&t->ready_at->seconds);
    return ready_at > 0.0 && ready_at < t->waited_until ? ready_at : t->waited_until;
}

void *fcl_transfer_bytes(const fcl_transfer *t, unsigned i) {
    assert(i < t->n && t->mapped[i]);
    return t->mapped[i];
}

fcl_status fcl_transfer_end(fcl_transfer *t) {
    fcl_status status = FCL_OK;
    fcl_device *device = t->device;
    cl_event after = NULL;
    for (unsigned i = 0; i < t->n; i++) {
        if (!t->mapped[i]) continue;
        FCL_TRY_ALSO(
            check(clEnqueueUnmapMemObject(device->transfers, t->buffers[i]->memory, t->mapped[i], 0, NULL, NULL),
                  "clEnqueueUnmapMemObject", t));
        t->mapped[i] = NULL;
    }
    if (t->ready) clReleaseEvent(t->ready);
    t->ready = NULL;
    if (status != FCL_OK) return status;
    FCL_TRY(check(clEnqueueMarkerWithWaitList(device->transfers, 0, NULL, &after), "clEnqueueMarkerWithWaitList", t));
    FCL_TRY(check(clFlush(device->transfers), "clFlush", t));
    FCL_TRY(check(clEnqueueBarrierWithWaitList(device->queue, 1, &after, NULL), "clEnqueueBarrierWithWaitList", t));
done:
    if (after) clReleaseEvent(after);
    return status;
}
