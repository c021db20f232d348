/* Programs: built from source or taken from the disk cache, shared inside a device. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/cache.h"
#include "device/internal.h"

#include <stdlib.h>
#include <string.h>

/* Argument facts let the launch helper tell an int from a float. */
#define FIXED_OPTIONS "-cl-std=CL1.2 -cl-kernel-arg-info"

/* Part of the cache key: to be raised when fiducl builds or stores programs in another way. */
enum { CACHE_FORMAT = 1 };

/* Of a long build log the ends are kept: some compilers list errors first, others sum up last. */
enum { LOG_END_BYTES = 6000 };

/* The build log without trailing newlines, its middle cut out when it is long; for free(), NULL when memory
 * is out. */
static char *build_log(const fcl_device *device, cl_program program) {
    size_t n = 0;
    if (clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n) != CL_SUCCESS) n = 0;
    char *log = fcl_calloc(n + 1, 1);
    if (!log) return NULL;
    if (n && clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, n, log, NULL) != CL_SUCCESS)
        log[0] = '\0';
    size_t length = strlen(log);
    while (length && (log[length - 1] == '\n' || log[length - 1] == ' ')) log[--length] = '\0';
    if (length <= 2 * LOG_END_BYTES) return log;
    char *ends = fcl_format("%.*s\n[... %zu bytes left out ...]\n%s", LOG_END_BYTES, log, length - 2 * LOG_END_BYTES,
                            log + length - LOG_END_BYTES);
    free(log);
    return ends;
}

static fcl_status fail_build(const fcl_device *device, cl_program program, cl_int error, const char *file,
                             const char *options) {
    char *log = build_log(device, program);
    fcl_status status = fcl_fail(
        FCL_E_BUILD, "cl/%s does not build with '%s' on the device '%s' (%s, driver %s): clBuildProgram: %s\n%s", file,
        options, device->info->name, device->info->platform, device->info->driver_version, fcl_cl_error_name(error),
        log && *log ? log : "(the driver gives no build log)");
    free(log);
    return status;
}

static fcl_status build_source(cl_program *out, fcl_device *device, const char *source, const char *file,
                               const char *options) {
    fcl_status status = FCL_OK;
    cl_int error;
    cl_program program = clCreateProgramWithSource(device->context, 1, &source, NULL, &error);
    if (!program)
        return fcl_fail_cl(error, "clCreateProgramWithSource", "cl/%s on the device '%s'", file, device->info->name);
    error = clBuildProgram(program, 1, &device->id, options, NULL, NULL);
    if (error != CL_SUCCESS) {
        status = fail_build(device, program, error, file, options);
        clReleaseProgram(program);
        return status;
    }
    char *log = build_log(device, program);
    if (log && *log) fcl_log(FCL_LOG_DEBUG, "build log of cl/%s: %s", file, log);
    free(log);
    *out = program;
    return FCL_OK;
}

/* The program of a cached binary, or NULL when the driver does not take it. */
static cl_program build_binary(fcl_device *device, const unsigned char *binary, size_t n_bytes, const char *options) {
    cl_int error, binary_status = CL_SUCCESS;
    cl_program program =
        clCreateProgramWithBinary(device->context, 1, &device->id, &n_bytes, &binary, &binary_status, &error);
    if (!program) return NULL;
    size_t n_kernels = 0;
    if (error == CL_SUCCESS && binary_status == CL_SUCCESS &&
        clBuildProgram(program, 1, &device->id, options, NULL, NULL) == CL_SUCCESS &&
        clGetProgramInfo(program, CL_PROGRAM_NUM_KERNELS, sizeof n_kernels, &n_kernels, NULL) == CL_SUCCESS &&
        n_kernels)
        return program;
    clReleaseProgram(program);
    return NULL;
}

/* Stores the program's binary, if the driver takes it, and goes on with what that gives, as later starts will: what is checked
 * now is what they run, and a driver that compiles again for a first launch from source (PoCL) does so once. */
static void store_binary(cl_program *program, fcl_device *device, const char *key, const char *options) {
    size_t n_bytes = 0;
    if (clGetProgramInfo(*program, CL_PROGRAM_BINARY_SIZES, sizeof n_bytes, &n_bytes, NULL) != CL_SUCCESS || !n_bytes)
        return;
    unsigned char *binary = fcl_calloc(n_bytes, 1);
    if (!binary) return;
    if (clGetProgramInfo(*program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS) {
        cl_program again = build_binary(device, binary, n_bytes, options);
        if (again) {
            fcl_program_cache_store(key, binary, n_bytes);
            clReleaseProgram(*program);
            *program = again;
        }
    }
    free(binary);
}

/* What every key begins with: FORMAT, then the device's identity and a newline. */
#define KEY_HEAD "fiducl program %d\ndevice "

static char *cache_key(const fcl_device *device, const char *source, const char *options) {
    char hash[FCL_HASH_TEXT_BYTES];
    fcl_hash_bytes(hash, source, strlen(source));
    return fcl_format(KEY_HEAD "%s\noptions %s\nsource %s\n", CACHE_FORMAT, device->identity, options, hash);
}

/* For free(); NULL when memory is out. */
static char *all_options_of(const char *options) {
    /* Some implementations print that there were warnings; they concern who changes kernels. */
    const int developing = getenv("FIDUCL_KERNEL_DIR") != NULL;
    return fcl_format("%s%s %s", FIXED_OPTIONS, developing ? "" : " -w", options);
}

fcl_status fcl_program_key(char **out, const fcl_device *device, const char *file, const char *options) {
    fcl_status status;
    char *source = NULL, *all_options = NULL, *key = NULL;
    FCL_TRY(fcl_source_load(&source, file));
    if (!(all_options = all_options_of(options)) || !(key = cache_key(device, source, all_options)))
        status = FCL_E_MEMORY;
    else
        *out = key;
done:
    free(all_options);
    free(source);
    return status;
}

char *fcl_cached_program_device(const char *path) {
    char *key = fcl_program_cache_key(path), *head = fcl_format(KEY_HEAD, CACHE_FORMAT), *device = NULL;
    if (key && head && fcl_starts_with(key, head)) {
        const char *identity = key + strlen(head);
        device = fcl_format("%.*s", (int)strcspn(identity, "\n"), identity);
    }
    free(head);
    free(key);
    return device;
}

static fcl_status obtain(cl_program *out, fcl_device *device, const char *file, const char *options) {
    fcl_status status;
    char *source = NULL, *key = NULL;
    unsigned char *binary = NULL;
    size_t n_bytes = 0;
    cl_program program = NULL;
    double start = fcl_clock_seconds();
    FCL_TRY(fcl_source_load(&source, file));
    if (!(key = cache_key(device, source, options))) {
        status = FCL_E_MEMORY;
        goto done;
    }
    binary = fcl_program_cache_load(&n_bytes, key);
    if (binary && (program = build_binary(device, binary, n_bytes, options))) {
        device->program_counts.n_cached++;
    } else {
        FCL_TRY(build_source(&program, device, source, file, options));
        device->program_counts.n_built++;
        store_binary(&program, device, key, options);
        fcl_log(FCL_LOG_DEBUG, "built cl/%s with '%s' in %.2f s", file, options, fcl_clock_seconds() - start);
    }
    *out = program;
done:
    free(binary);
    free(key);
    free(source);
    return status;
}

fcl_status fcl_program_get(cl_program *out, fcl_device *device, const char *file, const char *options) {
    for (const fcl_program *p = device->programs; p; p = p->next)
        if (strcmp(p->file, file) == 0 && strcmp(p->options, options) == 0) {
            *out = p->program;
            return FCL_OK;
        }
    fcl_program *added = NULL;
    char *all_options = all_options_of(options);
    fcl_status status;
    FCL_TRY(FCL_NEW(&added, 1, "a program"));
    added->file = fcl_duplicate(file);
    added->options = fcl_duplicate(options);
    if (!all_options || !added->file || !added->options) {
        status = FCL_E_MEMORY;
        goto done;
    }
    FCL_TRY(obtain(&added->program, device, file, all_options));
    added->next = device->programs;
    device->programs = added;
    *out = added->program;
    added = NULL;
done:
    fcl_programs_free(added);
    free(all_options);
    return status;
}

void fcl_programs_free(fcl_program *first) {
    while (first) {
        fcl_program *next = first->next;
        if (first->program) clReleaseProgram(first->program);
        free(first->file);
        free(first->options);
        free(first);
        first = next;
    }
}

fcl_program_counts fcl_device_program_counts(const fcl_device *device) {
    return device->program_counts;
}
