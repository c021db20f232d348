/* Waiting without a processor, and how many launches are submitted together. */
#include "base/clock.h"
#include "device/fixture.h"
#include "device/internal.h"

#include <math.h>
#include <string.h>
#include <time.h>

static char *folder;
static fcl_device *device;
static fcl_kernel *slow;
static fcl_buffer *x;
static char log_text[2048];

static void keep_log(void *user, fcl_log_level level, const char *line) {
    (void)user;
    if (level == FCL_LOG_WARNING) strncat(log_text, line, sizeof log_text - strlen(log_text) - 1);
}

static void set_up(void) {
    folder = test_kernels_create();
    *log_text = '\0';
    ck_ok(fcl_device_open(&device, NULL, 0));
    ck_ok(fcl_kernel_create(&slow, device, "test.cl", "slow", ""));
    ck_ok(fcl_buffer_create(&x, device, sizeof(cl_uint), "x"));
    fcl_log_set_sink(keep_log, NULL);
}

static void tear_down(void) {
    fcl_log_set_sink(NULL, NULL);
    fcl_buffer_free(x);
    fcl_kernel_free(slow);
    fcl_device_free(device);
    test_kernels_remove(folder);
}

static double thread_seconds(void) {
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
}

/* Returns the seconds from the first launch to the end of the last. */
static double launch(int n_launches, cl_uint n) {
    const fcl_range one = {.n_dimensions = 1, .global = {1}};
    fcl_fence *fence;
    double begin = fcl_clock_seconds();
    for (int i = 0; i < n_launches; i++) ck_ok(FCL_LAUNCH(slow, &one, fcl_arg_uint(n), fcl_arg_buffer(x)));
    ck_ok(fcl_fence_create(&fence, device));
    ck_ok(fcl_fence_wait(fence));
    fcl_fence_free(fence);
    return fcl_clock_seconds() - begin;
}

/* Turns of the kernel's loop that take about so many seconds. */
static cl_uint turns_for(double seconds) {
    cl_uint n = 1;
    double once;
    launch(1, n); /* may compile */
    while ((once = fmin(launch(1, n), launch(1, n))) < seconds / 2.0) n *= 2;
    return (cl_uint)(n * seconds / once);
}

/* x after so many turns, as the kernel's formula says. */
static cl_uint computed(cl_uint value, cl_uint turns) {
    while (turns--) value = value * 1664525u + 1013904223u;
    return value;
}

/* The thread that waits, for a fence or for a result, takes a small part of the time; the result is there when it goes on. */
START_TEST(sleeping_takes_no_processor) {
    const fcl_range one = {.n_dimensions = 1, .global = {1}};
    const cl_uint turns = turns_for(0.3), begin_value = 5;
    cl_uint value;
    if (!fcl_queue_can_sleep(device)) {
        test_not_supported("a driver that does not call back while nobody waits in it");
        return;
    }
    device->sleeps = 1;
    for (int by_read = 0; by_read < 2; by_read++) {
        ck_ok(fcl_buffer_write(x, 0, &begin_value, sizeof begin_value));
        double used = thread_seconds(), begin = fcl_clock_seconds();
        if (by_read) {
            ck_ok(FCL_LAUNCH(slow, &one, fcl_arg_uint(turns), fcl_arg_buffer(x)));
            ck_ok(fcl_buffer_read(&value, x, 0, sizeof value));
        } else {
            launch(1, turns);
        }
        used = thread_seconds() - used;
        ck_assert_msg(used < 0.2 * (fcl_clock_seconds() - begin), "%.3f s of processor time in %.3f s", used,
                      fcl_clock_seconds() - begin);
        ck_ok(fcl_buffer_read(&value, x, 0, sizeof value));
        ck_assert_uint_eq(value, computed(begin_value, turns));
    }
    /* What is done already. */
    fcl_fence *fence;
    ck_ok(fcl_fence_create(&fence, device));
    ck_ok(fcl_device_finish(device));
    ck_ok(fcl_fence_wait(fence));
    ck_ok(fcl_fence_wait(fence));
    fcl_fence_free(fence);
}
END_TEST

/* A CPU's driver may compute in the thread that waits. */
START_TEST(nobody_sleeps_on_a_cpu) {
    if (device->info->kind == FCL_DEVICE_CPU) ck_assert_int_eq(device->sleeps, 0);
}
END_TEST

/* Launches of 50 ms go out by ones or twos, so that a submission takes a tenth of a second; short ones by sixteen again, since
 * time without work counts for nothing. */
START_TEST(long_launches_are_submitted_in_slices) {
    enum { ROUNDS = 30, LONG_ROUNDS = 10 };
    const cl_uint turns = turns_for(0.05);
    for (int i = 0; i < LONG_ROUNDS && device->launches_per_flush > 4; i++) launch(8, turns);
    ck_assert_uint_ge(device->launches_per_flush, 1);
    ck_assert_uint_le(device->launches_per_flush, 4);
    for (int i = 0; i < ROUNDS && device->launches_per_flush < 16; i++) {
        fcl_clock_sleep(0.2);
        launch(16, 1);
    }
    ck_assert_uint_eq(device->launches_per_flush, 16);
    ck_assert_str_eq(log_text, "");
}
END_TEST

START_TEST(launches_that_freeze_a_display_are_told_once) {
    device->may_freeze_display = 0;
    device->launch_seconds = 0.5; /* so far */
    launch(1, 1);
    ck_assert_uint_eq(device->launches_per_flush, 1);
    ck_assert_str_eq(log_text, "");
    device->may_freeze_display = 1;
    launch(1, 1);
    ck_assert(test_contains(log_text, "a smaller batch"));
    ck_assert(test_contains(log_text, device->info->name));
    *log_text = '\0';
    launch(1, 1);
    ck_assert_str_eq(log_text, "");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("device: queue");
    TCase *tests = tcase_create("queue");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, sleeping_takes_no_processor);
    tcase_add_test(tests, nobody_sleeps_on_a_cpu);
    tcase_add_test(tests, long_launches_are_submitted_in_slices);
    tcase_add_test(tests, launches_that_freeze_a_display_are_told_once);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
