/* Programs that other processes compile before they are needed. */
#include "device/ahead.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/process.h"
#include "base/text.h"
#include "base/thread.h"
#include "device/fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N_PROGRAMS = 3 };

static char *kernels, *cache, *own;
static fcl_device *device;
static size_t n_done, n_total; /* of the last report */

static void note_progress(void *user, const fcl_progress *progress) {
    (void)user;
    n_done = progress->done;
    n_total = progress->total;
}

static void setup(void) {
    kernels = test_kernels_create();
    cache = test_folder_create();
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", cache, 1), 0);
    fcl_device_compile_with(own);
    fcl_threads_set(2);
    fcl_progress_set_sink(note_progress, NULL);
    n_done = n_total = 0;
    ck_ok(fcl_device_open(&device, NULL, 0));
}

static void teardown(void) {
    fcl_device_free(device);
    fcl_progress_set_sink(NULL, NULL);
    fcl_interrupt_set(0);
    fcl_device_compile_with(NULL);
    ck_assert_int_eq(unsetenv("FIDUCL_CACHE_DIR"), 0);
    test_kernels_remove(kernels);
    test_folder_remove(cache);
}

static void note(const char *file, const char *name, const char *options) {
    fcl_kernel *kernel;
    ck_assert(fcl_ahead_is_noting(device));
    ck_ok(fcl_kernel_create(&kernel, device, file, name, options));
    ck_assert_uint_gt(fcl_kernel_max_work_group(kernel), 0);
    fcl_kernel_free(kernel);
}

static const char *extra(int i) {
    static char options[32];
    snprintf(options, sizeof options, "-DEXTRA=%d", i);
    return options;
}

/* Several kernels of each program. */
static void note_all(void) {
    for (int i = 0; i < N_PROGRAMS; i++) {
        note("test.cl", "scale", extra(i));
        note("test.cl", "add_one", extra(i));
    }
}

/* Its kernel must compute 3 * 2 + i. */
static void run(int i) {
    fcl_kernel *kernel;
    fcl_buffer *buffer;
    float x = 3.0f;
    const fcl_range range = {.n_dimensions = 1, .global = {1}};
    ck_ok(fcl_kernel_create(&kernel, device, "test.cl", "scale", extra(i)));
    ck_ok(fcl_buffer_create(&buffer, device, sizeof x, "x"));
    ck_ok(fcl_buffer_write(buffer, 0, &x, sizeof x));
    ck_ok(FCL_LAUNCH(kernel, &range, fcl_arg_int(1), fcl_arg_float(2.0f), fcl_arg_uint(0), fcl_arg_buffer(buffer)));
    ck_ok(fcl_buffer_read(&x, buffer, 0, sizeof x));
    ck_assert_float_eq(x, 6.0f + (float)i);
    fcl_kernel_free(kernel);
    fcl_buffer_free(buffer);
}

static void check_counts(unsigned n_built, unsigned n_cached) {
    const fcl_program_counts counts = fcl_device_program_counts(device);
    ck_assert_uint_eq(counts.n_built, n_built);
    ck_assert_uint_eq(counts.n_cached, n_cached);
}

static void run_all(unsigned n_built, unsigned n_cached) {
    for (int i = 0; i < N_PROGRAMS; i++) run(i);
    check_counts(n_built, n_cached);
}

START_TEST(what_was_noted_is_compiled_once) {
    ck_assert(fcl_ahead_note(device));
    note_all();
    ck_ok(fcl_ahead_compile(device));
    ck_assert(!fcl_ahead_is_noting(device));
    check_counts(0, 0);
    ck_assert_uint_eq(n_total, N_PROGRAMS);
    ck_assert_uint_eq(n_done, N_PROGRAMS);
    run_all(0, N_PROGRAMS);
    ck_assert_uint_eq(n_total, N_PROGRAMS); /* nobody reported since */
}
END_TEST

/* A program that says that it ran and does nothing. */
static char *useless_compiler(const char *does) {
    char *path = fcl_path_join(cache, "compiler"), *text = fcl_format("#!/bin/sh\n%s\n", does);
    test_write_text(cache, "compiler", text);
    ck_assert_int_eq(chmod(path, 0700), 0);
    fcl_device_compile_with(path);
    free(text);
    return path;
}

static int has_run(void) {
    char *path = fcl_path_join(cache, "ran");
    const int yes = fcl_path_exists(path);
    free(path);
    return yes;
}

START_TEST(nothing_runs_where_it_is_of_no_use) {
    free(useless_compiler("touch \"$FIDUCL_CACHE_DIR/ran\""));
    /* One program. */
    ck_assert(fcl_ahead_note(device));
    note("test.cl", "scale", extra(0));
    note("test.cl", "add_one", extra(0));
    ck_ok(fcl_ahead_compile(device));
    ck_assert(!has_run());
    /* Several, all of which are in the cache. */
    run_all(N_PROGRAMS, 0);
    ck_assert(fcl_ahead_note(device));
    note_all();
    ck_ok(fcl_ahead_compile(device));
    ck_assert(!has_run());
    /* And where one or two are not, as the counterpart. */
    ck_assert(fcl_ahead_note(device));
    note_all();
    note("test.cl", "scale", extra(N_PROGRAMS));
    note("test.cl", "scale", extra(N_PROGRAMS + 1));
    ck_ok(fcl_ahead_compile(device));
    ck_assert(has_run());
    run(N_PROGRAMS);
    check_counts(N_PROGRAMS + 1, 0);
    /* One thread, no cache, no compiler. */
    fcl_threads_set(1);
    ck_assert(!fcl_ahead_note(device));
    fcl_threads_set(2);
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", "/dev/null/cache", 1), 0);
    ck_assert(!fcl_ahead_note(device));
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", "/proc/self", 1), 0);
    ck_assert(!fcl_ahead_note(device));
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", cache, 1), 0);
    char *programs = fcl_path_join(cache, "programs");
    ck_assert_int_eq(chmod(programs, 0555), 0);
    if (geteuid() != 0) ck_assert(!fcl_ahead_note(device)); /* root writes everywhere */
    ck_assert_int_eq(chmod(programs, 0755), 0);
    free(programs);
    fcl_device_compile_with(NULL);
    ck_assert(!fcl_ahead_note(device));
    ck_assert(!fcl_ahead_is_noting(device));
}
END_TEST

START_TEST(a_compiler_that_fails_changes_nothing) {
    const char *const failing[] = {"exit 3", "kill -9 $$",
                                   /* It would make another program. */
                                   "mkdir -p \"$FIDUCL_CACHE_DIR/other\"\n"
                                   "sed 's/+ EXTRA/+ EXTRA + 1/' \"$FIDUCL_KERNEL_DIR/test.cl\" "
                                   ">\"$FIDUCL_CACHE_DIR/other/test.cl\"\n"
                                   "cp \"$FIDUCL_KERNEL_DIR/scale.h\" \"$FIDUCL_CACHE_DIR/other\"\n"
                                   "FIDUCL_KERNEL_DIR=\"$FIDUCL_CACHE_DIR/other\" exec \"$OWN\" \"$@\""};
    ck_assert_int_eq(setenv("OWN", own, 1), 0);
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        free(useless_compiler(failing[i]));
        ck_assert(fcl_ahead_note(device));
        note_all();
        ck_ok(fcl_ahead_compile(device));
        ck_assert_uint_eq(n_done, 0);
    }
    fcl_device_compile_with("/nonexistent");
    ck_assert(fcl_ahead_note(device));
    note_all();
    ck_ok(fcl_ahead_compile(device));
    run_all(N_PROGRAMS, 0);
}
END_TEST

/* The error is that of whoever creates the kernel, with the driver's log; all others are there. */
START_TEST(a_program_that_does_not_compile) {
    fcl_kernel *kernel;
    test_write_text(kernels, "broken.cl", "__kernel void broken(__global int *x) { x[0] = undeclared; }\n");
    ck_assert(fcl_ahead_note(device));
    note("broken.cl", "broken", "");
    note_all();
    ck_ok(fcl_ahead_compile(device));
    ck_assert_uint_eq(n_total, N_PROGRAMS + 1);
    ck_fails(fcl_kernel_create(&kernel, device, "broken.cl", "broken", ""), FCL_E_BUILD, "cl/broken.cl");
    ck_assert(test_contains(fcl_error_message(), "undeclared"));
    run_all(0, N_PROGRAMS);
    /* What is not there at all is nothing to compile either. */
    ck_assert(fcl_ahead_note(device));
    ck_fails(fcl_kernel_create(&kernel, device, "missing.cl", "missing", ""), FCL_E_IO, "missing.cl");
    ck_ok(fcl_ahead_compile(device));
}
END_TEST

static void interrupt(void *user, const fcl_progress *progress) {
    (void)user;
    (void)progress;
    fcl_interrupt_set(SIGINT);
}

START_TEST(a_signal_ends_it) {
    free(useless_compiler("exec sleep 1000"));
    fcl_progress_set_sink(interrupt, NULL);
    ck_assert(fcl_ahead_note(device));
    note_all();
    ck_fails(fcl_ahead_compile(device), FCL_E_INTERRUPTED, "while kernels were compiled");
    ck_assert(!fcl_ahead_is_noting(device));
    run(1);
}
END_TEST

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], FCL_AHEAD_COMMAND) == 0) return fcl_ahead_run(argv[2]) != FCL_OK;
    if (!(own = fcl_process_own_program())) return 1;
    Suite *suite = suite_create("compiling ahead");
    TCase *tests = tcase_create("compiling ahead");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_was_noted_is_compiled_once);
    tcase_add_test(tests, nothing_runs_where_it_is_of_no_use);
    tcase_add_test(tests, a_compiler_that_fails_changes_nothing);
    tcase_add_test(tests, a_program_that_does_not_compile);
    tcase_add_test(tests, a_signal_ends_it);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
