/* Time by kernel. */
#include "device/fixture.h"

#include <stdlib.h>

enum { LAUNCHES = 1500 }; /* more than wait at once */

START_TEST(times_are_summed_by_kernel) {
    char *folder = test_kernels_create();
    fcl_device *device;
    fcl_kernel *add_one, *scale;
    fcl_buffer *buffer;
    fcl_profile_row *rows;
    size_t n = 99;
    ck_ok(fcl_device_open(&device, NULL, 1));
    ck_ok(fcl_kernel_create(&add_one, device, "test.cl", "add_one", ""));
    ck_ok(fcl_kernel_create(&scale, device, "test.cl", "scale", ""));
    ck_ok(fcl_buffer_create(&buffer, device, 64, "x"));
    ck_ok(fcl_buffer_zero(buffer));
    ck_ok(fcl_device_profile(&rows, &n, device));
    ck_assert_uint_eq(n, 0);
    free(rows);
    fcl_range range = {.n_dimensions = 1, .global = {16}};
    for (int i = 0; i < LAUNCHES; i++) ck_ok(FCL_LAUNCH(add_one, &range, fcl_arg_buffer(buffer)));
    ck_ok(FCL_LAUNCH(scale, &range, fcl_arg_int(16), fcl_arg_float(2.0f), fcl_arg_uint(0), fcl_arg_buffer(buffer)));
    ck_ok(fcl_device_profile(&rows, &n, device));
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(rows[0].kernel, "add_one");
    ck_assert_uint_eq(rows[0].n_launches, LAUNCHES);
    ck_assert_str_eq(rows[1].kernel, "scale");
    ck_assert_uint_eq(rows[1].n_launches, 1);
    ck_assert(rows[0].seconds > 0.0 && rows[0].seconds < 60.0);
    ck_assert(rows[0].seconds >= rows[1].seconds);
    free(rows);
    ck_ok(FCL_LAUNCH(add_one, &range, fcl_arg_buffer(buffer)));
    fcl_device_profile_reset(device);
    ck_ok(fcl_device_profile(&rows, &n, device));
    ck_assert_uint_eq(n, 0);
    free(rows);
    /* Left behind on purpose: closing the device releases what is not read. */
    ck_ok(FCL_LAUNCH(add_one, &range, fcl_arg_buffer(buffer)));
    fcl_kernel_free(add_one);
    fcl_kernel_free(scale);
    fcl_buffer_free(buffer);
    fcl_device_free(device);
    ck_fails(fcl_device_profile(&rows, &n, test_device()), FCL_E_INTERNAL, "not opened for profiling");
    ck_assert(!fcl_device_is_profiling(test_device()));
    test_kernels_remove(folder);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("profile");
    TCase *tests = tcase_create("profile");
    tcase_add_test(tests, times_are_summed_by_kernel);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
