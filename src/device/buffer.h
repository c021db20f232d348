/* Device memory. Every allocation is counted, and a failure says what it was for and how much was in use. */
#ifndef FCL_DEVICE_BUFFER_H
#define FCL_DEVICE_BUFFER_H

#include "base/error.h"
#include "fiducl/device.h"

typedef struct fcl_buffer fcl_buffer;

/* `label` says in errors what the memory is for; copied. Contents are undefined. At least one byte is
 * allocated. */
fcl_status fcl_buffer_create(fcl_buffer **out, fcl_device *device, size_t n_bytes, const char *label);
/* A window of `parent` that kernels take like any buffer (a sub-buffer; windows of windows are not possible).
 * The offset must be a multiple of fcl_buffer_alignment(). The parent must outlive it. Memory comes with the parent's, or of a
 * reserved one by fcl_buffer_allocate(). */
fcl_status fcl_buffer_create_window(fcl_buffer **out, fcl_buffer *parent, size_t offset_bytes, size_t n_bytes,
                                    const char *label);
/* The same in two steps: one that is reserved has no memory yet, nor has a window of it, and may only be handed on and freed.
 * A parent is allocated before its windows. FCL_E_DEVICE_MEMORY when there is not enough, also where a driver would find out
 * only when the memory is first used. */
fcl_status fcl_buffer_reserve(fcl_buffer **out, fcl_device *device, size_t n_bytes, const char *label);
fcl_status fcl_buffer_allocate(fcl_buffer *buffer);
void fcl_buffer_free(fcl_buffer *buffer);
size_t fcl_buffer_bytes(const fcl_buffer *buffer);
const char *fcl_buffer_label(const fcl_buffer *buffer);
/* In bytes, at least 64: what offsets of windows are multiples of, so that vector loads of 16 floats stay
 * aligned. */
size_t fcl_buffer_alignment(const fcl_device *device);

/* Blocking copies, in queue order. */
fcl_status fcl_buffer_write(fcl_buffer *buffer, size_t offset_bytes, const void *bytes, size_t n_bytes);
fcl_status fcl_buffer_read(void *bytes, const fcl_buffer *buffer, size_t offset_bytes, size_t n_bytes);
/* Enqueues only: `bytes` must stay as it is until fcl_fence_wait() of a later fence. */
fcl_status fcl_buffer_write_async(fcl_buffer *buffer, size_t offset_bytes, const void *bytes, size_t n_bytes);
/* The first bytes of a buffer for the host to write all of, when what was enqueued before is done; their values are undefined
 * until then. On a device that works in the host's memory nothing is copied. No kernel may use the buffer before
 * fcl_buffer_unmap(), which enqueues only. */
fcl_status fcl_buffer_map(void **out, fcl_buffer *buffer, size_t n_bytes);
fcl_status fcl_buffer_unmap(fcl_buffer *buffer, void *mapped);
/* The same, but enqueues only: the host may write there after fcl_fence_wait() of a later fence. */
fcl_status fcl_buffer_map_async(void **out, fcl_buffer *buffer, size_t n_bytes);
/* Each gets the memory of the other, for what is enqueued from now on. Both are of one size and device, not mapped, and neither is
 * a window or has one. */
void fcl_buffer_swap(fcl_buffer *a, fcl_buffer *b);
/* Enqueues a copy between two buffers. */
fcl_status fcl_buffer_copy(fcl_buffer *target, size_t target_offset_bytes, const fcl_buffer *source,
                           size_t source_offset_bytes, size_t n_bytes);
/* Enqueues filling the whole buffer with zero bytes. */
fcl_status fcl_buffer_zero(fcl_buffer *buffer);

typedef struct fcl_memory_use {
    size_t now_bytes;
    size_t peak_bytes;
    size_t copied_bytes; /* by reads and writes, since the device was opened */
} fcl_memory_use;
fcl_memory_use fcl_device_memory_use(const fcl_device *device);
/* From now on allocations fail that would make it more than this in all; 0: as much as the driver gives. */
void fcl_device_limit_memory(fcl_device *device, uint64_t n_bytes);

#endif
