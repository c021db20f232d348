/*
 * Buffers in the host's reach while kernels run. Transfers have a queue of their own beside that of the kernels: what they hold
 * is handed to the host when the kernels that were enqueued before are done, and the kernels that are enqueued after it was
 * given back wait for that; all between runs meanwhile. Where the device works in the host's memory nothing is copied.
 */
#ifndef FCL_DEVICE_TRANSFER_H
#define FCL_DEVICE_TRANSFER_H

#include "device/buffer.h"

/* Some buffers of one device that come and go together; used again and again. */
typedef struct fcl_transfer fcl_transfer;

/* The buffers must outlive it. Windows of one parent must not overlap. */
fcl_status fcl_transfer_create(fcl_transfer **out, fcl_device *device, fcl_buffer *const *buffers, unsigned n);
void fcl_transfer_free(fcl_transfer *transfer);
/* Enqueues only. No kernel that is enqueued between this and fcl_transfer_end() may use the buffers. */
fcl_status fcl_transfer_begin(fcl_transfer *transfer);
/* Waits until all of it is here. */
fcl_status fcl_transfer_wait(fcl_transfer *transfer);
/* When it was here, on the clock, also if nobody waited then. After fcl_transfer_wait(). */
double fcl_transfer_ready_at(const fcl_transfer *transfer);
/* The bytes of buffer i, to be read and written, between wait and end. Lends. */
void *fcl_transfer_bytes(const fcl_transfer *transfer, unsigned i);
/* Gives it back; enqueues only. */
fcl_status fcl_transfer_end(fcl_transfer *transfer);

#endif
