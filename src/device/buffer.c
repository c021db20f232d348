#include "base/memory.h"
#include "base/text.h"
#include "device/internal.h"

#include <assert.h>

/* A buffer object without memory. */
static fcl_status buffer_new(fcl_buffer **out, fcl_device *device, size_t n_bytes, const char *label) {
    fcl_buffer *buffer = NULL;
    fcl_status status;
    FCL_TRY(FCL_NEW(&buffer, 1, label));
    buffer->device = device;
    buffer->n_bytes = n_bytes;
    if (!(buffer->label = fcl_duplicate(label))) {
        status = FCL_E_MEMORY;
        free(buffer);
        goto done;
    }
    *out = buffer;
done:
    return status;
}

static void buffer_delete(fcl_buffer *buffer) {
    if (!buffer) return;
    if (buffer->memory) clReleaseMemObject(buffer->memory);
    free(buffer->label);
    free(buffer);
}

static fcl_status check(cl_int error, const char *call, const fcl_buffer *buffer) {
    if (error == CL_SUCCESS) return FCL_OK;
    return fcl_fail_cl(error, call, "the buffer '%s' of %zu bytes on the device '%s'", buffer->label, buffer->n_bytes,
                       buffer->device->info->name);
}

fcl_status fcl_check_mapped(const void *mapped, cl_int error, const fcl_buffer *buffer) {
    if (mapped || error != CL_SUCCESS) return check(error, "clEnqueueMapBuffer", buffer);
    return fcl_fail(
        FCL_E_DEVICE,
        "clEnqueueMapBuffer reported success without an address for the buffer '%s' of %zu bytes on the device "
        "'%s', which is a fault of its driver: try another version of it, or another device",
        buffer->label, buffer->n_bytes, buffer->device->info->name);
}

fcl_status fcl_buffer_reserve(fcl_buffer **out, fcl_device *device, size_t n_bytes, const char *label) {
    return buffer_new(out, device, n_bytes > 0 ? n_bytes : 1, label);
}

static fcl_status fail_allocation(const fcl_buffer *buffer, cl_int error, const char *call) {
    const fcl_device *device = buffer->device;
    return fcl_fail(
        FCL_E_DEVICE_MEMORY,
        "no memory for %s on the device '%s' (%s: %s): it needs %.1f MiB, and fiducl already uses %.1f MiB of "
        "%.1f MiB; use a smaller batch or another device",
        buffer->label, device->info->name, call, fcl_cl_error_name(error), fcl_mebibytes(buffer->n_bytes),
        fcl_mebibytes(device->memory.now_bytes), fcl_mebibytes(device->info->global_memory_bytes));
}

static fcl_status check_limits(const fcl_buffer *buffer) {
    const fcl_device *device = buffer->device;
    const uint64_t n_bytes = buffer->n_bytes, largest = device->info->max_allocation_bytes;
    if (n_bytes > largest)
        return fcl_fail(FCL_E_DEVICE_MEMORY,
                        "%s needs %.1f MiB in one piece, but the device '%s' allocates at most %.1f MiB in one piece: "
                        "use a smaller batch or another device",
                        buffer->label, fcl_mebibytes(n_bytes), device->info->name, fcl_mebibytes(largest));
    if (device->memory_limit && device->memory.now_bytes + n_bytes > device->memory_limit)
        return fcl_fail(
            FCL_E_DEVICE_MEMORY,
            "no memory for %s on the device '%s': it needs %.1f MiB, and fiducl already uses %.1f MiB of the "
            "%.1f MiB that it may use; allow more, or use a smaller batch or another device",
            buffer->label, device->info->name, fcl_mebibytes(n_bytes), fcl_mebibytes(device->memory.now_bytes),
            fcl_mebibytes(device->memory_limit));
    return FCL_OK;
}

/* Many drivers take memory only when it is used, and then fail in whatever happens to be enqueued: so it is used here, where
 * the failure is one of memory. */
static fcl_status touch(const fcl_buffer *buffer) {
    static const char zero;
    cl_int error =
        clEnqueueWriteBuffer(buffer->device->queue, buffer->memory, CL_TRUE, 0, sizeof zero, &zero, 0, NULL, NULL);
    if (error == CL_OUT_OF_RESOURCES || error == CL_MEM_OBJECT_ALLOCATION_FAILURE || error == CL_OUT_OF_HOST_MEMORY)
        return fail_allocation(buffer, error, "clEnqueueWriteBuffer");
    return check(error, "clEnqueueWriteBuffer", buffer);
}

static fcl_status allocate_window(fcl_buffer *buffer) {
    cl_buffer_region region = {.origin = buffer->offset_bytes, .size = buffer->n_bytes};
    cl_int error = CL_SUCCESS;
    buffer->memory =
        clCreateSubBuffer(buffer->parent->memory, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &error);
    return buffer->memory
               ? FCL_OK
               : fcl_fail_cl(error, "clCreateSubBuffer",
                             "the window '%s' of '%s' (%zu bytes at %zu) on the device '%s'", buffer->label,
                             buffer->parent->label, buffer->n_bytes, buffer->offset_bytes, buffer->device->info->name);
}

static void CL_CALLBACK free_pages(cl_mem memory, void *pages) {
    (void)memory;
    free(pages);
}

/* A memory object of large pages of the host's. They are freed when the driver is done with it, which may be later than its
 * release. NULL: not to be had so. */
static cl_mem create_of_pages(fcl_device *device, size_t n_bytes) {
    void *pages = fcl_huge_pages(n_bytes);
    if (!pages) return NULL;
    cl_mem memory = clCreateBuffer(device->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, n_bytes, pages, NULL);
    if (memory && clSetMemObjectDestructorCallback(memory, free_pages, pages) == CL_SUCCESS) return memory;
    if (memory) clReleaseMemObject(memory);
    free(pages);
    return NULL;
}

/* Where the device works in the host's memory, memory that is allocated there needs no copy; what a processor goes through
 * gets large pages, for which no driver asks. */
static cl_mem create_memory(fcl_device *device, size_t n_bytes, cl_int *error) {
    const fcl_device_info *info = device->info;
    cl_mem memory = NULL;
    *error = CL_SUCCESS;
    if (info->host_unified_memory && info->kind == FCL_DEVICE_CPU && n_bytes >= FCL_HUGE_PAGE_BYTES)
        memory = create_of_pages(device, n_bytes);
    if (memory) return memory;
    const cl_mem_flags flags = CL_MEM_READ_WRITE | (info->host_unified_memory ? CL_MEM_ALLOC_HOST_PTR : 0);
    return clCreateBuffer(device->context, flags, n_bytes, NULL, error);
}

fcl_status fcl_buffer_allocate(fcl_buffer *buffer) {
    fcl_status status;
    fcl_device *device = buffer->device;
    assert(!buffer->memory);
    if (buffer->parent) return allocate_window(buffer);
    FCL_TRY(check_limits(buffer));
    cl_int error;
    buffer->memory = create_memory(device, buffer->n_bytes, &error);
    if (!buffer->memory) {
        status = fail_allocation(buffer, error, "clCreateBuffer");
        goto done;
    }
    device->memory.now_bytes += buffer->n_bytes;
    if (device->memory.peak_bytes < device->memory.now_bytes) device->memory.peak_bytes = device->memory.now_bytes;
    FCL_TRY(touch(buffer));
done:
    return status;
}

fcl_status fcl_buffer_create(fcl_buffer **out, fcl_device *device, size_t n_bytes, const char *label) {
    fcl_buffer *buffer = NULL;
    fcl_status status;
    FCL_TRY(fcl_buffer_reserve(&buffer, device, n_bytes, label));
    FCL_TRY(fcl_buffer_allocate(buffer));
    *out = buffer;
    buffer = NULL;
done:
    fcl_buffer_free(buffer);
    return status;
}

/* Whether [offset, offset + n) lies in the buffer. */
static int has_range(const fcl_buffer *buffer, size_t offset_bytes, size_t n_bytes) {
    return offset_bytes <= buffer->n_bytes && n_bytes <= buffer->n_bytes - offset_bytes;
}

static fcl_status fail_range(const char *what, const fcl_buffer *buffer, size_t offset_bytes, size_t n_bytes) {
    return fcl_fail(FCL_E_INTERNAL, "%s of %zu bytes at %zu is outside of the buffer '%s' of %zu bytes", what, n_bytes,
                    offset_bytes, buffer->label, buffer->n_bytes);
}

fcl_status fcl_buffer_create_window(fcl_buffer **out, fcl_buffer *parent, size_t offset_bytes, size_t n_bytes,
                                    const char *label) {
    const size_t alignment = parent->device->alignment;
    if (parent->parent)
        return fcl_fail(FCL_E_INTERNAL, "the window '%s' of '%s', which is a window itself", label, parent->label);
    if (offset_bytes % alignment != 0)
        return fcl_fail(FCL_E_INTERNAL, "the window '%s' of '%s' begins at byte %zu, which is not a multiple of %zu",
                        label, parent->label, offset_bytes, alignment);
    if (n_bytes == 0) return fcl_fail(FCL_E_INTERNAL, "the window '%s' of '%s' is empty", label, parent->label);
    if (!has_range(parent, offset_bytes, n_bytes)) return fail_range("a window", parent, offset_bytes, n_bytes);
    fcl_buffer *buffer = NULL;
    fcl_status status;
    FCL_TRY(buffer_new(&buffer, parent->device, n_bytes, label));
    buffer->parent = parent;
    buffer->offset_bytes = offset_bytes;
    if (parent->memory) FCL_TRY(fcl_buffer_allocate(buffer));
    *out = buffer;
    buffer = NULL;
done:
    buffer_delete(buffer);
    return status;
}

void fcl_buffer_free(fcl_buffer *buffer) {
    if (!buffer) return;
    if (buffer->memory && !buffer->parent) buffer->device->memory.now_bytes -= buffer->n_bytes;
    buffer_delete(buffer);
}

size_t fcl_buffer_bytes(const fcl_buffer *buffer) {
    return buffer->n_bytes;
}

const char *fcl_buffer_label(const fcl_buffer *buffer) {
    return buffer->label;
}

size_t fcl_buffer_alignment(const fcl_device *device) {
    return device->alignment;
}

cl_mem fcl_buffer_cl_mem(const fcl_buffer *buffer) {
    return buffer->memory;
}

fcl_device *fcl_buffer_device(const fcl_buffer *buffer) {
    return buffer->device;
}

fcl_memory_use fcl_device_memory_use(const fcl_device *device) {
    return device->memory;
}

void fcl_device_limit_memory(fcl_device *device, uint64_t n_bytes) {
    device->memory_limit = n_bytes;
}

static fcl_status write(fcl_buffer *buffer, size_t offset_bytes, const void *bytes, size_t n_bytes, cl_bool blocking) {
    if (!has_range(buffer, offset_bytes, n_bytes)) return fail_range("a write", buffer, offset_bytes, n_bytes);
    if (n_bytes == 0) return FCL_OK;
    fcl_status status = blocking ? fcl_device_sleep_until_idle(buffer->device) : FCL_OK;
    if (status != FCL_OK) return status;
    buffer->device->memory.copied_bytes += n_bytes;
    return check(clEnqueueWriteBuffer(buffer->device->queue, buffer->memory, blocking, offset_bytes, n_bytes, bytes, 0,
                                      NULL, NULL),
                 "clEnqueueWriteBuffer", buffer);
}

fcl_status fcl_buffer_write(fcl_buffer *buffer, size_t offset_bytes, const void *bytes, size_t n_bytes) {
    return write(buffer, offset_bytes, bytes, n_bytes, CL_TRUE);
}

fcl_status fcl_buffer_write_async(fcl_buffer *buffer, size_t offset_bytes, const void *bytes, size_t n_bytes) {
    return write(buffer, offset_bytes, bytes, n_bytes, CL_FALSE);
}

fcl_status fcl_buffer_read(void *bytes, const fcl_buffer *buffer, size_t offset_bytes, size_t n_bytes) {
    if (!has_range(buffer, offset_bytes, n_bytes)) return fail_range("a read", buffer, offset_bytes, n_bytes);
    if (n_bytes == 0) return FCL_OK;
    fcl_status status = fcl_device_sleep_until_idle(buffer->device);
    if (status != FCL_OK) return status;
    buffer->device->memory.copied_bytes += n_bytes;
    return check(clEnqueueReadBuffer(buffer->device->queue, buffer->memory, CL_TRUE, offset_bytes, n_bytes, bytes, 0,
                                     NULL, NULL),
                 "clEnqueueReadBuffer", buffer);
}

static fcl_status map(void **out, fcl_buffer *buffer, size_t n_bytes, cl_bool blocking) {
    if (!has_range(buffer, 0, n_bytes)) return fail_range("a mapping", buffer, 0, n_bytes);
    fcl_status status = FCL_OK;
    cl_int error;
    if (blocking) FCL_TRY(fcl_device_sleep_until_idle(buffer->device));
    void *mapped = clEnqueueMapBuffer(buffer->device->queue, buffer->memory, blocking, CL_MAP_WRITE_INVALIDATE_REGION,
                                      0, n_bytes, 0, NULL, NULL, &error);
    FCL_TRY(fcl_check_mapped(mapped, error, buffer));
    *out = mapped;
done:
    return status;
}

fcl_status fcl_buffer_map(void **out, fcl_buffer *buffer, size_t n_bytes) {
    return map(out, buffer, n_bytes, CL_TRUE);
}

fcl_status fcl_buffer_map_async(void **out, fcl_buffer *buffer, size_t n_bytes) {
    return map(out, buffer, n_bytes, CL_FALSE);
}

fcl_status fcl_buffer_unmap(fcl_buffer *buffer, void *mapped) {
    return check(clEnqueueUnmapMemObject(buffer->device->queue, buffer->memory, mapped, 0, NULL, NULL),
                 "clEnqueueUnmapMemObject", buffer);
}

void fcl_buffer_swap(fcl_buffer *a, fcl_buffer *b) {
    assert(a->device == b->device && a->n_bytes == b->n_bytes && !a->parent && !b->parent);
    const cl_mem memory = a->memory;
    a->memory = b->memory;
    b->memory = memory;
}

fcl_status fcl_buffer_copy(fcl_buffer *target, size_t target_offset_bytes, const fcl_buffer *source,
                           size_t source_offset_bytes, size_t n_bytes) {
    if (!has_range(target, target_offset_bytes, n_bytes))
        return fail_range("a copy", target, target_offset_bytes, n_bytes);
    if (!has_range(source, source_offset_bytes, n_bytes))
        return fail_range("a copy", source, source_offset_bytes, n_bytes);
    if (target->device != source->device)
        return fcl_fail(FCL_E_INTERNAL, "a copy from '%s' to '%s', which are on different devices", source->label,
                        target->label);
    if (n_bytes == 0) return FCL_OK;
    return check(clEnqueueCopyBuffer(target->device->queue, source->memory, target->memory, source_offset_bytes,
                                     target_offset_bytes, n_bytes, 0, NULL, NULL),
                 "clEnqueueCopyBuffer", target);
}

fcl_status fcl_buffer_zero(fcl_buffer *buffer) {
    /* Drivers fill faster with a wide pattern, whose size must divide the buffer's. */
    static const unsigned char zeros[16];
    size_t pattern = sizeof zeros;
    while (buffer->n_bytes % pattern != 0) pattern /= 2;
    return check(
        clEnqueueFillBuffer(buffer->device->queue, buffer->memory, zeros, pattern, 0, buffer->n_bytes, 0, NULL, NULL),
        "clEnqueueFillBuffer", buffer);
}
