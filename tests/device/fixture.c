#include "device/fixture.h"

#include <stdio.h>
#include <stdlib.h>

static const char test_cl[] =
    "#include \"scale.h\"\n"
    "#ifndef EXTRA\n"
    "#define EXTRA 0\n"
    "#endif\n"
    "__kernel void scale(const int n, const float factor, const uint offset, __global float *x) {\n"
    "    const int i = (int)get_global_id(0);\n"
    "    if (i < n) x[i] = SCALE(x[i], factor) + (float)offset + EXTRA;\n"
    "}\n"
    "__kernel void add_one(__global int *x) {\n"
    "    x[get_global_id(0)] += 1;\n"
    "}\n"
    "__kernel void place(__global int *x) {\n"
    "    const int row = (int)get_global_id(1) + (int)get_global_size(1) * (int)get_global_id(2);\n"
    "    x[(int)get_global_id(0) + (int)get_global_size(0) * row] = 100 * row + (int)get_global_id(0);\n"
    "}\n"
    "__kernel void reverse(__local int *scratch, __global int *x) {\n"
    "    const int i = (int)get_local_id(0), n = (int)get_local_size(0);\n"
    "    scratch[i] = x[get_global_id(0)];\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    x[get_global_id(0)] = scratch[n - 1 - i];\n"
    "}\n"
    "__kernel __attribute__((reqd_work_group_size(4, 1, 1))) void fixed(__global int *x) {\n"
    "    x[get_global_id(0)] = (int)get_local_size(0);\n"
    "}\n"
    "__kernel void slow(const uint n, __global uint *x) {\n"
    "    for (uint i = 0; i < n; i++) x[0] = x[0] * 1664525u + 1013904223u;\n"
    "}\n"
    "__kernel void is_null(__global const int *maybe, __global int *x) {\n"
    "    x[0] = maybe == 0;\n"
    "}\n";

static const char scale_h[] = "#define SCALE(x, factor) ((x) * (factor))\n";

static fcl_device *device;

/* What CLBlast keeps goes with the device. Left to the end of the process it is released to a driver that may be gone: Oclgrind
 * then writes to freed memory. */
static void close_device(void) {
    fcl_device_free(device);
}

fcl_device *test_device(void) {
    if (device) return device;
    ck_ok(fcl_device_open(&device, NULL, 0));
    test_at_end(close_device);
    const fcl_device_info *info = fcl_device_facts(device);
    printf("device: %s, %s, %s\n", info->platform, info->driver_version, info->name);
    return device;
}

char *test_kernels_create(void) {
    char *folder = test_folder_create();
    test_write_text(folder, "test.cl", test_cl);
    test_write_text(folder, "scale.h", scale_h);
    ck_assert_int_eq(setenv("FIDUCL_KERNEL_DIR", folder, 1), 0);
    return folder;
}

void test_kernels_remove(char *folder) {
    ck_assert_int_eq(unsetenv("FIDUCL_KERNEL_DIR"), 0);
    test_folder_remove(folder);
}

fcl_buffer *test_ints(const int *values, size_t n) {
    fcl_buffer *buffer;
    ck_ok(fcl_buffer_create(&buffer, test_device(), n * sizeof *values, "ints"));
    ck_ok(fcl_buffer_write(buffer, 0, values, n * sizeof *values));
    return buffer;
}

void test_ints_read(int *out, const fcl_buffer *buffer, size_t n) {
    ck_ok(fcl_buffer_read(out, buffer, 0, n * sizeof *out));
}
