/* Kernels: build errors, what a launch computes, and every launch that must be refused. */
#include "base/text.h"
#include "device/fixture.h"

#include <stdlib.h>
#include <string.h>

static char *folder;

static void setup(void) {
    folder = test_kernels_create();
}

static void teardown(void) {
    test_kernels_remove(folder);
}

static fcl_kernel *create(const char *name) {
    fcl_kernel *kernel;
    ck_ok(fcl_kernel_create(&kernel, test_device(), "test.cl", name, ""));
    return kernel;
}

START_TEST(passes_arguments) {
    float x[] = {1.0f, 2.0f, 3.0f, 4.0f};
    const float wanted[] = {12.5f, 15.0f, 17.5f, 4.0f};
    fcl_buffer *buffer;
    fcl_kernel *kernel = create("scale");
    ck_assert_str_eq(fcl_kernel_name(kernel), "scale");
    ck_assert_uint_ge(fcl_kernel_max_work_group(kernel), 1);
    ck_ok(fcl_buffer_create(&buffer, test_device(), sizeof x, "x"));
    ck_ok(fcl_buffer_write(buffer, 0, x, sizeof x));
    fcl_range range = {.n_dimensions = 1, .global = {4}, .local = {2}};
    ck_ok(FCL_LAUNCH(kernel, &range, fcl_arg_int(3), fcl_arg_float(2.5f), fcl_arg_uint(10), fcl_arg_buffer(buffer)));
    ck_ok(fcl_buffer_read(x, buffer, 0, sizeof x));
    ck_assert_mem_eq(x, wanted, sizeof x);
    fcl_kernel_free(kernel);
    fcl_kernel_free(NULL);
    fcl_buffer_free(buffer);
}
END_TEST

START_TEST(three_dimensions) {
    int got[2 * 3 * 2] = {0};
    fcl_buffer *buffer = test_ints(got, 12);
    fcl_kernel *kernel = create("place");
    fcl_range range = {.n_dimensions = 3, .global = {2, 3, 2}, .local = {2, 1, 1}};
    ck_ok(FCL_LAUNCH(kernel, &range, fcl_arg_buffer(buffer)));
    test_ints_read(got, buffer, 12);
    const int wanted[] = {0, 1, 100, 101, 200, 201, 300, 301, 400, 401, 500, 501};
    ck_assert_mem_eq(got, wanted, sizeof wanted);
    fcl_kernel_free(kernel);
    fcl_buffer_free(buffer);
}
END_TEST

START_TEST(local_memory_and_null) {
    int got[] = {1, 2, 3, 4};
    fcl_buffer *buffer = test_ints(got, 4);
    fcl_kernel *reverse = create("reverse"), *is_null = create("is_null");
    fcl_range range = {.n_dimensions = 1, .global = {4}, .local = {2}};
    ck_ok(FCL_LAUNCH(reverse, &range, fcl_arg_local(2 * sizeof(int)), fcl_arg_buffer(buffer)));
    test_ints_read(got, buffer, 4);
    const int wanted[] = {2, 1, 4, 3};
    ck_assert_mem_eq(got, wanted, sizeof wanted);
    fcl_range one = {.n_dimensions = 1, .global = {1}};
    ck_ok(FCL_LAUNCH(is_null, &one, fcl_arg_buffer(NULL), fcl_arg_buffer(buffer)));
    test_ints_read(got, buffer, 1);
    ck_assert_int_eq(got[0], 1);
    fcl_kernel_free(reverse);
    fcl_kernel_free(is_null);
    fcl_buffer_free(buffer);
}
END_TEST

/* Launches more than are flushed together, all of which take effect in order. */
START_TEST(many_launches) {
    int got[] = {0};
    fcl_buffer *buffer = test_ints(got, 1);
    fcl_kernel *kernel = create("add_one");
    fcl_range range = {.n_dimensions = 1, .global = {1}};
    for (int i = 0; i < 100; i++) ck_ok(FCL_LAUNCH(kernel, &range, fcl_arg_buffer(buffer)));
    test_ints_read(got, buffer, 1);
    ck_assert_int_eq(got[0], 100);
    fcl_kernel_free(kernel);
    fcl_buffer_free(buffer);
}
END_TEST

START_TEST(wrong_ranges_are_refused) {
    const fcl_device_info *info = fcl_device_facts(test_device());
    int got[] = {0, 0, 0, 0};
    fcl_buffer *buffer = test_ints(got, 4);
    fcl_kernel *kernel = create("add_one"), *fixed = create("fixed");
    size_t too_many = 2 * (size_t)info->max_work_group_size, too_long = 2 * (size_t)info->max_work_item_sizes[0];
    const struct {
        fcl_kernel *kernel;
        fcl_range range;
        fcl_status status;
        const char *message;
    } cases[] = {
        {kernel, {0, {1}, {0}}, FCL_E_INTERNAL, "add_one of cl/test.cl: 0 dimensions"},
        {kernel, {4, {1, 1, 1}, {0}}, FCL_E_INTERNAL, "4 dimensions"},
        {kernel, {1, {0}, {0}}, FCL_E_INTERNAL, "global size 0 is zero"},
        {kernel, {2, {4, 0}, {1, 1}}, FCL_E_INTERNAL, "global size 1 is zero"},
        {kernel, {1, {7}, {2}}, FCL_E_INTERNAL, "7, which is not a multiple of the local size 2"},
        {kernel,
         {2, {4, 4}, {4, 0}},
         FCL_E_INTERNAL,
         "global size 1 is 4, which is not a multiple of the local size 0"},
        {kernel, {1, {too_long}, {too_long}}, FCL_E_DEVICE, "the device allows"},
        {kernel, {3, {too_many, 2, 1}, {too_many / 2, 2, 1}}, FCL_E_DEVICE, "the kernel allows"},
        {fixed, {1, {4}, {2}}, FCL_E_INTERNAL, "local size 0 is 2, the kernel requires 4"},
        {fixed, {2, {4, 2}, {4, 2}}, FCL_E_INTERNAL, "local size 1 is 2, the kernel requires 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_fails(FCL_LAUNCH(cases[i].kernel, &cases[i].range, fcl_arg_buffer(buffer)), cases[i].status,
                 cases[i].message);
        if (cases[i].status == FCL_E_DEVICE) ck_assert(test_contains(fcl_error_message(), info->name));
    }
    test_ints_read(got, buffer, 4);
    ck_assert_int_eq(got[0] + got[1] + got[2] + got[3], 0);
    fcl_range right = {.n_dimensions = 1, .global = {4}, .local = {4}};
    ck_ok(FCL_LAUNCH(fixed, &right, fcl_arg_buffer(buffer)));
    fcl_kernel_free(kernel);
    fcl_kernel_free(fixed);
    fcl_buffer_free(buffer);
}
END_TEST

/* Whether the driver tells what a kernel's arguments are. */
static int knows_types(void) {
    cl_program program;
    cl_kernel_arg_address_qualifier space;
    ck_ok(fcl_program_get(&program, test_device(), "test.cl", ""));
    cl_kernel kernel = clCreateKernel(program, "scale", NULL);
    cl_int error = clGetKernelArgInfo(kernel, 0, CL_KERNEL_ARG_ADDRESS_QUALIFIER, sizeof space, &space, NULL);
    clReleaseKernel(kernel);
    return error == CL_SUCCESS;
}

START_TEST(wrong_arguments_are_refused) {
    int got[] = {0, 0};
    fcl_device *device;
    fcl_buffer *buffer = test_ints(got, 2), *elsewhere;
    fcl_kernel *scale = create("scale"), *reverse = create("reverse"), *add_one = create("add_one");
    fcl_range range = {.n_dimensions = 1, .global = {2}, .local = {2}};
    const fcl_arg b = fcl_arg_buffer(buffer), n = fcl_arg_int(2), f = fcl_arg_float(1.0f), u = fcl_arg_uint(0);
    ck_fails(FCL_LAUNCH(scale, &range, n, f, u), FCL_E_INTERNAL, "scale of cl/test.cl: 3 arguments given, it takes 4");
    ck_fails(FCL_LAUNCH(add_one, &range, b, b), FCL_E_INTERNAL, "2 arguments given, it takes 1");
    if (knows_types()) {
        ck_fails(FCL_LAUNCH(scale, &range, f, f, u, b), FCL_E_INTERNAL, "argument 0 is a float, it takes an int");
        ck_fails(FCL_LAUNCH(scale, &range, n, n, u, b), FCL_E_INTERNAL, "argument 1 is an int, it takes a float");
        ck_fails(FCL_LAUNCH(scale, &range, n, f, n, b), FCL_E_INTERNAL, "argument 2 is an int, it takes a uint");
        ck_fails(FCL_LAUNCH(scale, &range, n, f, u, n), FCL_E_INTERNAL, "argument 3 is an int, it takes a buffer");
        ck_fails(FCL_LAUNCH(scale, &range, n, b, u, b), FCL_E_INTERNAL, "argument 1 is a buffer, it takes a float");
        ck_fails(FCL_LAUNCH(reverse, &range, b, b), FCL_E_INTERNAL, "argument 0 is a buffer, it takes local memory");
    }
    size_t too_much = (size_t)fcl_device_facts(test_device())->local_memory_bytes + 1;
    ck_fails(FCL_LAUNCH(reverse, &range, fcl_arg_local(too_much), b), FCL_E_DEVICE,
             "bytes of local memory, the device has");
    ck_fails(FCL_LAUNCH(reverse, &range, fcl_arg_local(0), b), FCL_E_INTERNAL, "local memory of zero bytes");
    ck_ok(fcl_device_open(&device, NULL, 0));
    ck_ok(fcl_buffer_create(&elsewhere, device, 8, "elsewhere"));
    ck_fails(FCL_LAUNCH(add_one, &range, fcl_arg_buffer(elsewhere)), FCL_E_INTERNAL,
             "'elsewhere', is on another device");
    fcl_buffer_free(elsewhere);
    fcl_device_free(device);
    test_ints_read(got, buffer, 2);
    ck_assert_int_eq(got[0] + got[1], 0);
    fcl_kernel_free(scale);
    fcl_kernel_free(reverse);
    fcl_kernel_free(add_one);
    fcl_buffer_free(buffer);
}
END_TEST

START_TEST(build_errors_name_file_and_line) {
    fcl_kernel *kernel;
    test_write_text(folder, "broken.cl",
                    "#include \"scale.h\"\n"
                    "__kernel void broken(__global float *x) {\n"
                    "    x[0] = WIDTH;\n"
                    "    x[0] = not_declared;\n"
                    "}\n");
    ck_fails(fcl_kernel_create(&kernel, test_device(), "broken.cl", "broken", "-DWIDTH=4"), FCL_E_BUILD,
             "cl/broken.cl");
    /* Oclgrind's compiler is set to pass over #line. */
    int has_lines = strcmp(fcl_device_facts(test_device())->platform, "Oclgrind") != 0;
    ck_assert_msg(!has_lines || test_contains(fcl_error_message(), "broken.cl:4"), "%s", fcl_error_message());
    ck_assert(test_contains(fcl_error_message(), "not_declared"));
    ck_assert(test_contains(fcl_error_message(), "-DWIDTH=4"));
    ck_assert(test_contains(fcl_error_message(), fcl_device_facts(test_device())->name));
    test_write_text(folder, "broken.cl", "#include \"bad.h\"\n__kernel void broken(void) {}\n");
    test_write_text(folder, "bad.h", "\n\nint f(void) { return nothing; }\n");
    ck_fails(fcl_kernel_create(&kernel, test_device(), "broken.cl", "broken", ""), FCL_E_BUILD,
             has_lines ? "bad.h:3" : "nothing");
    ck_fails(fcl_kernel_create(&kernel, test_device(), "test.cl", "gone", ""), FCL_E_BUILD,
             "cl/test.cl has no kernel 'gone'");
    ck_fails(fcl_kernel_create(&kernel, test_device(), "gone.cl", "gone", ""), FCL_E_IO, "gone.cl");
}
END_TEST

/* Of a log that is longer than a message, both ends are kept: where the error stands depends on the compiler.
 */
START_TEST(long_build_logs_keep_the_error) {
    fcl_kernel *kernel;
    fcl_text source = FCL_TEXT_EMPTY;
    fcl_text_append(&source, "__kernel void broken(__global float *x) {\n");
    for (int i = 0; i < 300; i++)
        fcl_text_appendf(&source, "#warning \"number %d, which makes the log of this build longer than a message\"\n",
                         i);
    fcl_text_append(&source, "    x[0] = the_last_mistake;\n}\n");
    test_write_text(folder, "broken.cl", fcl_text_get(&source));
    fcl_text_dispose(&source);
    ck_assert_int_eq(fcl_kernel_create(&kernel, test_device(), "broken.cl", "broken", ""), FCL_E_BUILD);
    ck_assert(test_contains(fcl_error_message(), "cl/broken.cl"));
    ck_assert(test_contains(fcl_error_message(), "the_last_mistake"));
}
END_TEST

START_TEST(programs_are_shared) {
    fcl_device *device;
    fcl_kernel *first, *second, *other;
    cl_program one, same, different;
    ck_ok(fcl_device_open(&device, NULL, 0));
    ck_ok(fcl_kernel_create(&first, device, "test.cl", "scale", "-DEXTRA=1"));
    ck_ok(fcl_kernel_create(&second, device, "test.cl", "add_one", "-DEXTRA=1"));
    ck_ok(fcl_kernel_create(&other, device, "test.cl", "add_one", "-DEXTRA=2"));
    ck_ok(fcl_program_get(&one, device, "test.cl", "-DEXTRA=1"));
    ck_ok(fcl_program_get(&same, device, "test.cl", "-DEXTRA=1"));
    ck_ok(fcl_program_get(&different, device, "test.cl", "-DEXTRA=2"));
    ck_assert_ptr_eq(one, same);
    ck_assert_ptr_ne(one, different);
    fcl_program_counts counts = fcl_device_program_counts(device);
    ck_assert_uint_eq(counts.n_built + counts.n_cached, 2);
    fcl_kernel_free(first);
    fcl_kernel_free(second);
    fcl_kernel_free(other);
    fcl_device_free(device);
}
END_TEST

START_TEST(identity_is_one_line_of_facts) {
    const fcl_device_info *info = fcl_device_facts(test_device());
    const char *identity = fcl_device_identity(test_device());
    ck_assert_ptr_null(strchr(identity, '\n'));
    const char *const parts[] = {info->platform, info->platform_version, info->name, info->vendor,
                                 info->driver_version};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) ck_assert(test_contains(identity, parts[i]));
    ck_assert_uint_gt(info->compute_units, 0);
    ck_assert_uint_gt(info->max_work_item_sizes[2], 0);
    ck_assert_ptr_null(info->unusable);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("kernels");
    TCase *tests = tcase_create("launch");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, passes_arguments);
    tcase_add_test(tests, three_dimensions);
    tcase_add_test(tests, local_memory_and_null);
    tcase_add_test(tests, many_launches);
    tcase_add_test(tests, wrong_ranges_are_refused);
    tcase_add_test(tests, wrong_arguments_are_refused);
    tcase_add_test(tests, build_errors_name_file_and_line);
    tcase_add_test(tests, long_build_logs_keep_the_error);
    tcase_add_test(tests, programs_are_shared);
    tcase_add_test(tests, identity_is_one_line_of_facts);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
