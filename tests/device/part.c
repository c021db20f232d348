/* Parts of a device: what they say of themselves, that they compute, and which cannot be had. */
#include "base/text.h"
#include "device/fixture.h"
#include "device/selector.h"

#include <stdlib.h>
#include <string.h>

static char *folder;

/* With a cache of its own, so that it is known what is in it. */
static void setup(void) {
    folder = test_kernels_create();
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", folder, 1), 0);
}

static void teardown(void) {
    ck_assert_int_eq(unsetenv("FIDUCL_CACHE_DIR"), 0);
    test_kernels_remove(folder);
}

/* The device under test, whole if that is a part itself. */
static const fcl_device_info *whole_device(void) {
    return &test_device()->list->infos[fcl_device_facts(test_device())->index];
}

static int can_be_divided(void) {
    return whole_device()->divides_by_counts || whole_device()->divides_equally;
}

/* One core; NULL, with a word about it, where that cannot be had. */
static fcl_device *open_core(void) {
    fcl_device *device = NULL;
    char *selector = fcl_device_selector_of(whole_device(), 1);
    if (whole_device()->compute_units < 2)
        test_left_out("parts of a device with one core");
    else if (!can_be_divided())
        test_left_out("parts of a device that cannot be divided");
    else
        ck_ok(fcl_device_open(&device, selector, 0));
    free(selector);
    return device;
}

START_TEST(a_part_knows_what_it_is) {
    fcl_device *part = open_core();
    if (!part) return;
    const fcl_device_info *whole = whole_device(), *info = fcl_device_facts(part);
    ck_assert_uint_eq(info->compute_units, 1);
    ck_assert_uint_eq(info->part_of_units, whole->compute_units);
    ck_assert_uint_eq(whole->part_of_units, 0);
    ck_assert_uint_eq(info->index, whole->index);
    ck_assert_str_eq(info->name, whole->name);
    char *selector = fcl_device_selector(info), *identity = fcl_device_identity_of(whole);
    ck_assert_msg(test_contains(selector, info->name) && test_contains(selector, ":1core"), "%s", selector);
    ck_assert_str_ne(fcl_device_identity(part), identity);
    ck_assert(test_contains(fcl_device_identity(part), "| 1 of "));
    free(selector);
    free(identity);
    fcl_device_free(part);
}
END_TEST

/* With a program that is compiled, and in the second round with its binary from the cache. */
START_TEST(a_part_computes) {
    enum { N = 1000 };
    for (unsigned round = 0; round < 2; round++) {
        fcl_device *part = open_core();
        if (!part) return;
        fcl_buffer *buffer;
        fcl_kernel *kernel;
        int values[N];
        for (int i = 0; i < N; i++) values[i] = 3 * i;
        ck_ok(fcl_kernel_create(&kernel, part, "test.cl", "add_one", "-DEXTRA=5"));
        fcl_program_counts counts = fcl_device_program_counts(part);
        ck_assert_uint_eq(counts.n_cached, round);
        ck_assert_uint_eq(counts.n_built, 1 - round);
        ck_ok(fcl_buffer_create(&buffer, part, sizeof values, "ints"));
        ck_ok(fcl_buffer_write(buffer, 0, values, sizeof values));
        fcl_range range = {.n_dimensions = 1, .global = {N}};
        ck_ok(FCL_LAUNCH(kernel, &range, fcl_arg_buffer(buffer)));
        ck_ok(fcl_buffer_read(values, buffer, 0, sizeof values));
        for (int i = 0; i < N; i++) ck_assert_int_eq(values[i], 3 * i + 1);
        fcl_kernel_free(kernel);
        fcl_buffer_free(buffer);
        fcl_device_free(part);
    }
}
END_TEST

/* Each has a sub-device of its own, and the whole device outlives them. */
START_TEST(parts_come_and_go) {
    fcl_device *first = open_core(), *second, *whole;
    if (!first) return;
    char *all = fcl_device_selector_of(whole_device(), whole_device()->compute_units),
         *identity = fcl_device_identity_of(whole_device());
    second = open_core();
    ck_assert_ptr_ne(fcl_device_cl_id(first), fcl_device_cl_id(second));
    ck_assert_str_eq(fcl_device_identity(first), fcl_device_identity(second));
    fcl_device_free(first);
    ck_ok(fcl_device_finish(second));
    fcl_device_free(second);
    /* All cores are the device itself. */
    ck_ok(fcl_device_open(&whole, all, 0));
    ck_assert_str_eq(fcl_device_identity(whole), identity);
    ck_assert_uint_eq(fcl_device_facts(whole)->part_of_units, 0);
    fcl_device_free(whole);
    free(all);
    free(identity);
}
END_TEST

/* As of a driver that makes equal parts only. */
START_TEST(an_equal_part) {
    fcl_device_info facts = *whole_device();
    cl_device_id part;
    cl_uint units = 0;
    if (facts.compute_units < 2 || !facts.divides_equally) {
        test_left_out("equal parts of a device that makes none");
        return;
    }
    facts.divides_by_counts = 0;
    for (unsigned first = 0; first < 2; first++) {
        ck_ok(fcl_part_create(&part, test_device()->list->ids[facts.index], &facts, 1, first));
        ck_assert_int_eq(clGetDeviceInfo(part, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL), CL_SUCCESS);
        ck_assert_uint_eq(units, 1);
        ck_assert_int_eq(clReleaseDevice(part), CL_SUCCESS);
    }
}
END_TEST

/* The second and the first part of equal parts and of counts: each is one, and not the other. */
START_TEST(two_parts_stand_side_by_side) {
    enum { N = 1 << 16 };
    fcl_device *first = open_core(), **both;
    if (!first) return;
    fcl_device_free(first);
    unsigned n;
    char *one = fcl_device_selector_of(whole_device(), 1), *list = fcl_format("%s,%s", one, one);
    ck_ok(fcl_device_open_several(&both, &n, list, 0));
    ck_assert_uint_eq(n, 2);
    ck_assert_ptr_ne(fcl_device_cl_id(both[0]), fcl_device_cl_id(both[1]));
    for (unsigned i = 0; i < 2; i++) {
        const fcl_device_info *info = fcl_device_facts(both[i]);
        char *selector = fcl_device_selector(info), *expected = fcl_format("%s%s", one, i ? "@1" : "");
        ck_assert_uint_eq(info->compute_units, 1);
        ck_assert_uint_eq(info->part_first, i);
        ck_assert_str_eq(selector, expected);
        free(selector), free(expected);
    }
    ck_assert_str_eq(fcl_device_identity(both[0]), fcl_device_identity(both[1]));
    /* Both are at work before either is waited for. */
    fcl_buffer *buffers[2];
    fcl_kernel *kernels[2];
    static int values[N];
    const fcl_range range = {.n_dimensions = 1, .global = {N}};
    for (unsigned i = 0; i < 2; i++) {
        ck_ok(fcl_kernel_create(&kernels[i], both[i], "test.cl", "add_one", "-DEXTRA=7"));
        /* The second one takes the binary of the first. */
        ck_assert_uint_eq(fcl_device_program_counts(both[i]).n_cached, i);
        ck_ok(fcl_buffer_create(&buffers[i], both[i], sizeof values, "ints"));
        for (int j = 0; j < N; j++) values[j] = 10 * (int)i + j;
        ck_ok(fcl_buffer_write(buffers[i], 0, values, sizeof values));
    }
    for (unsigned i = 0; i < 2; i++) {
        ck_ok(FCL_LAUNCH(kernels[i], &range, fcl_arg_buffer(buffers[i])));
        ck_assert_int_eq(clFlush(fcl_device_cl_queue(both[i])), CL_SUCCESS);
    }
    for (unsigned i = 0; i < 2; i++) {
        ck_ok(fcl_buffer_read(values, buffers[i], 0, sizeof values));
        for (int j = 0; j < N; j++) ck_assert_int_eq(values[j], 10 * (int)i + j + 1);
        fcl_kernel_free(kernels[i]);
        fcl_buffer_free(buffers[i]);
    }
    fcl_device_free_several(both, n);
    /* What the driver was asked for: the second part alone, too. */
    char *second = fcl_format("%s@1", one);
    fcl_device *device;
    ck_ok(fcl_device_open(&device, second, 0));
    ck_assert_uint_eq(fcl_device_facts(device)->part_first, 1);
    fcl_device_free(device);
    free(second), free(one), free(list);
}
END_TEST

START_TEST(what_cannot_be_had_is_refused) {
    const unsigned units = whole_device()->compute_units;
    char *too_many = fcl_device_selector_of(whole_device(), units + 1), *has = fcl_format("it has %u", units),
         *one = fcl_device_selector_of(whole_device(), 1);
    fcl_device *device = NULL;
    ck_fails(fcl_device_open(&device, too_many, 0), FCL_E_NO_DEVICE, has);
    if (units > 1 && !can_be_divided())
        ck_fails(fcl_device_open(&device, one, 0), FCL_E_NO_DEVICE, "cannot be divided");
    ck_assert_ptr_null(device);
    free(too_many);
    free(has);
    free(one);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("parts of devices");
    TCase *tests = tcase_create("part");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_part_knows_what_it_is);
    tcase_add_test(tests, a_part_computes);
    tcase_add_test(tests, parts_come_and_go);
    tcase_add_test(tests, an_equal_part);
    tcase_add_test(tests, two_parts_stand_side_by_side);
    tcase_add_test(tests, what_cannot_be_had_is_refused);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
