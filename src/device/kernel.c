#include "base/memory.h"
#include "base/text.h"
#include "device/ahead.h"
#include "device/internal.h"

#include <string.h>

/* What a kernel's argument takes. A driver need not know, and a typedef hides the type of a value. */
typedef enum arg_type { TYPE_ANY, TYPE_BUFFER, TYPE_LOCAL, TYPE_VALUE, TYPE_INT, TYPE_UINT, TYPE_FLOAT } arg_type;

struct fcl_kernel {
    fcl_device *device;
    cl_kernel kernel;
    char *file, *name;
    cl_uint n_args;
    arg_type *arg_types; /* (n_args) */
    size_t max_work_group;
    size_t required_group[3]; /* of reqd_work_group_size, or 0 */
    cl_ulong own_local_bytes; /* local memory that the kernel declares inside */
};

enum { DIMENSIONS = 3, TYPE_NAME_BYTES = 64 };

static arg_type type_of(cl_kernel kernel, cl_uint index) {
    cl_kernel_arg_address_qualifier space;
    if (clGetKernelArgInfo(kernel, index, CL_KERNEL_ARG_ADDRESS_QUALIFIER, sizeof space, &space, NULL) != CL_SUCCESS)
        return TYPE_ANY;
    if (space == CL_KERNEL_ARG_ADDRESS_LOCAL) return TYPE_LOCAL;
    if (space != CL_KERNEL_ARG_ADDRESS_PRIVATE) return TYPE_BUFFER;
    char name[TYPE_NAME_BYTES];
    if (clGetKernelArgInfo(kernel, index, CL_KERNEL_ARG_TYPE_NAME, sizeof name, name, NULL) != CL_SUCCESS)
        return TYPE_VALUE;
    if (strcmp(name, "int") == 0) return TYPE_INT;
    if (strcmp(name, "uint") == 0 || strcmp(name, "unsigned int") == 0) return TYPE_UINT;
    if (strcmp(name, "float") == 0) return TYPE_FLOAT;
    return TYPE_VALUE;
}

/* Asked once, so that a launch need not. */
static fcl_status query_facts(fcl_kernel *kernel) {
    cl_device_id id = kernel->device->id;
    const char *call = "clGetKernelInfo";
    cl_int error = clGetKernelInfo(kernel->kernel, CL_KERNEL_NUM_ARGS, sizeof kernel->n_args, &kernel->n_args, NULL);
    if (error == CL_SUCCESS) {
        call = "clGetKernelWorkGroupInfo";
        error = clGetKernelWorkGroupInfo(kernel->kernel, id, CL_KERNEL_WORK_GROUP_SIZE, sizeof kernel->max_work_group,
                                         &kernel->max_work_group, NULL);
    }
    if (error == CL_SUCCESS)
        error = clGetKernelWorkGroupInfo(kernel->kernel, id, CL_KERNEL_COMPILE_WORK_GROUP_SIZE,
                                         sizeof kernel->required_group, kernel->required_group, NULL);
    if (error == CL_SUCCESS)
        error = clGetKernelWorkGroupInfo(kernel->kernel, id, CL_KERNEL_LOCAL_MEM_SIZE, sizeof kernel->own_local_bytes,
                                         &kernel->own_local_bytes, NULL);
    if (error != CL_SUCCESS)
        return fcl_fail_cl(error, call, "the kernel %s of cl/%s on the device '%s'", kernel->name, kernel->file,
                           kernel->device->info->name);
    fcl_status status = FCL_NEW(&kernel->arg_types, kernel->n_args, kernel->name);
    if (status != FCL_OK) return status;
    for (cl_uint i = 0; i < kernel->n_args; i++) kernel->arg_types[i] = type_of(kernel->kernel, i);
    return FCL_OK;
}

fcl_status fcl_kernel_create(fcl_kernel **out, fcl_device *device, const char *file, const char *name,
                             const char *options) {
    fcl_kernel *kernel = NULL;
    cl_program program = NULL;
    fcl_status status;
    if (fcl_ahead_is_noting(device))
        FCL_TRY(fcl_notes_add(device, file, options));
    else
        FCL_TRY(fcl_program_get(&program, device, file, options));
    FCL_TRY(FCL_NEW(&kernel, 1, name));
    kernel->device = device;
    kernel->file = fcl_duplicate(file);
    kernel->name = fcl_duplicate(name);
    if (!kernel->file || !kernel->name) {
        status = FCL_E_MEMORY;
        goto done;
    }
    if (fcl_ahead_is_noting(device)) {
        kernel->max_work_group = (size_t)device->info->max_work_group_size;
        *out = kernel;
        return FCL_OK;
    }
    cl_int error;
    kernel->kernel = clCreateKernel(program, name, &error);
    if (!kernel->kernel) {
        status = error == CL_INVALID_KERNEL_NAME
                     ? fcl_fail(FCL_E_BUILD, "cl/%s has no kernel '%s' (options '%s')", file, name, options)
                     : fcl_fail_cl(error, "clCreateKernel", "the kernel %s of cl/%s with '%s' on the device '%s'", name,
                                   file, options, device->info->name);
        goto done;
    }
    FCL_TRY(query_facts(kernel));
    *out = kernel;
    kernel = NULL;
done:
    fcl_kernel_free(kernel);
    return status;
}

void fcl_kernel_free(fcl_kernel *kernel) {
    if (!kernel) return;
    if (kernel->kernel) clReleaseKernel(kernel->kernel);
    free(kernel->arg_types);
    free(kernel->file);
    free(kernel->name);
    free(kernel);
}

const char *fcl_kernel_name(const fcl_kernel *kernel) {
    return kernel->name;
}

size_t fcl_kernel_max_work_group(const fcl_kernel *kernel) {
    return kernel->max_work_group;
}

/* FCL_E_INTERNAL: fiducl asks for what no device could do. */
#define FAIL_LAUNCH(kernel, format, ...)                                                                               \
    fcl_fail(FCL_E_INTERNAL, "the kernel %s of cl/%s: " format, (kernel)->name, (kernel)->file, __VA_ARGS__)

/* FCL_E_DEVICE: this device cannot do what another one may. */
#define FAIL_LIMIT(kernel, format, ...)                                                                                \
    fcl_fail(FCL_E_DEVICE, "the kernel %s of cl/%s on the device '%s': " format, (kernel)->name, (kernel)->file,       \
             (kernel)->device->info->name, __VA_ARGS__)

static fcl_status check_range(const fcl_kernel *kernel, const fcl_range *range) {
    static const size_t none[DIMENSIONS];
    const fcl_device_info *info = kernel->device->info;
    const size_t *global = range->global, *local = range->local, *required = kernel->required_group;
    if (range->n_dimensions < 1 || range->n_dimensions > DIMENSIONS)
        return FAIL_LAUNCH(kernel, "%u dimensions, there are 1 to %d", range->n_dimensions, DIMENSIONS);
    for (unsigned d = 0; d < range->n_dimensions; d++)
        if (global[d] == 0) return FAIL_LAUNCH(kernel, "global size %u is zero", d);
    if (local[0] == 0) return FCL_OK;
    size_t group = 1;
    for (unsigned d = 0; d < range->n_dimensions; d++) {
        if (local[d] == 0 || global[d] % local[d] != 0)
            return FAIL_LAUNCH(kernel, "global size %u is %zu, which is not a multiple of the local size %zu", d,
                               global[d], local[d]);
        if (local[d] > info->max_work_item_sizes[d])
            return FAIL_LIMIT(kernel, "local size %u is %zu, the device allows %llu", d, local[d],
                              (unsigned long long)info->max_work_item_sizes[d]);
        group *= local[d];
    }
    if (group > kernel->max_work_group)
        return FAIL_LIMIT(kernel, "a work-group of %zu work-items, the kernel allows %zu", group,
                          kernel->max_work_group);
    if (memcmp(required, none, sizeof none) == 0) return FCL_OK;
    for (unsigned d = 0; d < DIMENSIONS; d++)
        if (required[d] != (d < range->n_dimensions ? local[d] : 1))
            return FAIL_LAUNCH(kernel, "local size %u is %zu, the kernel requires %zu", d,
                               d < range->n_dimensions ? local[d] : 1, required[d]);
    return FCL_OK;
}

static int fits(arg_type type, const fcl_arg *arg) {
    int is_value = arg->kind == FCL_ARG_INT || arg->kind == FCL_ARG_UINT || arg->kind == FCL_ARG_FLOAT;
    switch (type) {
    case TYPE_BUFFER: return arg->kind == FCL_ARG_BUFFER;
    case TYPE_LOCAL: return arg->kind == FCL_ARG_LOCAL;
    case TYPE_VALUE: return is_value;
    case TYPE_INT: return arg->kind == FCL_ARG_INT;
    case TYPE_UINT: return arg->kind == FCL_ARG_UINT;
    case TYPE_FLOAT: return arg->kind == FCL_ARG_FLOAT;
    case TYPE_ANY: break;
    }
    return 1;
}

static const char *kind_name(const fcl_arg *arg) {
    static const char *const names[] = {[FCL_ARG_BUFFER] = "a buffer",
                                        [FCL_ARG_INT] = "an int",
                                        [FCL_ARG_UINT] = "a uint",
                                        [FCL_ARG_FLOAT] = "a float",
                                        [FCL_ARG_LOCAL] = "local memory"};
    return names[arg->kind];
}

static const char *type_name(arg_type type) {
    static const char *const names[] = {"anything", "a buffer", "local memory", "a value",
                                        "an int",   "a uint",   "a float"};
    return names[type];
}

static fcl_status check_args(const fcl_kernel *kernel, const fcl_arg *args, unsigned n_args) {
    const fcl_device_info *info = kernel->device->info;
    if (n_args != kernel->n_args)
        return FAIL_LAUNCH(kernel, "%u arguments given, it takes %u", n_args, (unsigned)kernel->n_args);
    uint64_t local_bytes = kernel->own_local_bytes;
    for (unsigned i = 0; i < n_args; i++) {
        const fcl_arg *arg = &args[i];
        if (!fits(kernel->arg_types[i], arg))
            return FAIL_LAUNCH(kernel, "argument %u is %s, it takes %s", i, kind_name(arg),
                               type_name(kernel->arg_types[i]));
        if (arg->kind == FCL_ARG_BUFFER && arg->buffer && arg->buffer->device != kernel->device)
            return FAIL_LAUNCH(kernel, "argument %u, the buffer '%s', is on another device", i, arg->buffer->label);
        if (arg->kind == FCL_ARG_LOCAL) {
            if (arg->local_bytes == 0) return FAIL_LAUNCH(kernel, "argument %u is local memory of zero bytes", i);
            local_bytes += arg->local_bytes;
        }
    }
    if (local_bytes > info->local_memory_bytes)
        return FAIL_LIMIT(kernel, "%llu bytes of local memory, the device has %llu", (unsigned long long)local_bytes,
                          (unsigned long long)info->local_memory_bytes);
    return FCL_OK;
}

static fcl_status set_args(const fcl_kernel *kernel, const fcl_arg *args, unsigned n_args) {
    for (unsigned i = 0; i < n_args; i++) {
        const fcl_arg *arg = &args[i];
        const void *value = &arg->u;
        size_t n_bytes = sizeof arg->u;
        if (arg->kind == FCL_ARG_BUFFER) {
            value = arg->buffer ? &arg->buffer->memory : NULL;
            n_bytes = sizeof arg->buffer->memory;
        } else if (arg->kind == FCL_ARG_LOCAL) {
            value = NULL;
            n_bytes = arg->local_bytes;
        }
        cl_int error = clSetKernelArg(kernel->kernel, i, n_bytes, value);
        if (error != CL_SUCCESS)
            return fcl_fail_cl(error, "clSetKernelArg", "argument %u (%s) of the kernel %s of cl/%s on the device '%s'",
                               i, kind_name(arg), kernel->name, kernel->file, kernel->device->info->name);
    }
    return FCL_OK;
}

fcl_status fcl_kernel_launch(fcl_kernel *kernel, const fcl_range *range, const fcl_arg *args, unsigned n_args) {
    fcl_device *device = kernel->device;
    cl_event event = NULL;
    fcl_status status;
    FCL_TRY(check_range(kernel, range));
    FCL_TRY(check_args(kernel, args, n_args));
    FCL_TRY(set_args(kernel, args, n_args));
    cl_int error =
        clEnqueueNDRangeKernel(device->queue, kernel->kernel, range->n_dimensions, NULL, range->global,
                               range->local[0] ? range->local : NULL, 0, NULL, device->profiling ? &event : NULL);
    if (error != CL_SUCCESS)
        return fcl_fail_cl(error, "clEnqueueNDRangeKernel",
                           "the kernel %s of cl/%s, %u dimensions, global %zu %zu %zu, local %zu %zu %zu, device '%s'",
                           kernel->name, kernel->file, range->n_dimensions, range->global[0], range->global[1],
                           range->global[2], range->local[0], range->local[1], range->local[2], device->info->name);
    if (event) FCL_TRY(fcl_device_profile_event(device, kernel->name, event));
    FCL_TRY(fcl_device_note_launch(device));
done:
    return status;
}
