/*
 * Kernels: compiled at run time from the embedded cl/ files (or from $FIDUCL_KERNEL_DIR), kept in the disk
 * cache, and launched with checks. `#include "common.h"` in a .cl file is resolved by this layer before the
 * compiler sees it.
 */
#ifndef FCL_DEVICE_KERNEL_H
#define FCL_DEVICE_KERNEL_H

#include <stdint.h>

#include "base/error.h"
#include "device/buffer.h"

typedef struct fcl_kernel fcl_kernel;

/* The kernel `name` of cl/FILE compiled with `options` ("-DIN_C=32 -DOUT_C=64"; "-cl-std=CL1.2" is added).
 * Programs are shared between kernels of the same file and options, and come from the disk cache when they
 * can. FCL_E_BUILD carries file, options, device and the build log. */
fcl_status fcl_kernel_create(fcl_kernel **out, fcl_device *device, const char *file, const char *name,
                             const char *options);
void fcl_kernel_free(fcl_kernel *kernel);
/* As for fcl_kernel_create; lends. */
const char *fcl_kernel_name(const fcl_kernel *kernel);
/* CL_KERNEL_WORK_GROUP_SIZE: how many work-items a work-group of this kernel may have on its device. */
size_t fcl_kernel_max_work_group(const fcl_kernel *kernel);
/* A hash of the source with its includes and the options; what the solver cache keys on. */
fcl_status fcl_kernel_source_hash(char out[33], const char *file);
/* The same of all there are. */
fcl_status fcl_kernel_sources_hash(char out[33]);

typedef struct fcl_arg {
    enum { FCL_ARG_BUFFER, FCL_ARG_INT, FCL_ARG_UINT, FCL_ARG_FLOAT, FCL_ARG_LOCAL } kind;
    union {
        const fcl_buffer *buffer; /* NULL passes a null pointer */
        int32_t i;
        uint32_t u;
        float f;
        size_t local_bytes;
    };
} fcl_arg;

static inline fcl_arg fcl_arg_buffer(const fcl_buffer *buffer) {
    return (fcl_arg){.kind = FCL_ARG_BUFFER, .buffer = buffer};
}
static inline fcl_arg fcl_arg_int(int32_t value) {
    return (fcl_arg){.kind = FCL_ARG_INT, .i = value};
}
static inline fcl_arg fcl_arg_uint(uint32_t value) {
    return (fcl_arg){.kind = FCL_ARG_UINT, .u = value};
}
static inline fcl_arg fcl_arg_float(float value) {
    return (fcl_arg){.kind = FCL_ARG_FLOAT, .f = value};
}
static inline fcl_arg fcl_arg_local(size_t bytes) {
    return (fcl_arg){.kind = FCL_ARG_LOCAL, .local_bytes = bytes};
}

/* Work sizes. Zero in local[0] leaves the work-group to the implementation; else each global size must be a
 * multiple of its local size, and the work-group must be legal for kernel and device. A global size of zero
 * is an error. */
typedef struct fcl_range {
    unsigned n_dimensions;
    size_t global[3];
    size_t local[3];
} fcl_range;

/* Checks number, kind and size of arguments, work-group limits and local memory, then enqueues. */
fcl_status fcl_kernel_launch(fcl_kernel *kernel, const fcl_range *range, const fcl_arg *args, unsigned n_args);
#define FCL_LAUNCH(kernel, range, ...)                                                                                 \
    fcl_kernel_launch((kernel), (range), (const fcl_arg[]){__VA_ARGS__},                                               \
                      sizeof((const fcl_arg[]){__VA_ARGS__}) / sizeof(fcl_arg))

#endif
