/* The disk cache of programs: what it may use, and everything that must make it build again. */
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/cache.h"
#include "device/fixture.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* Of the file format: where the key's size stands, and the key. */
enum { KEY_BYTES_OFFSET = 40, KEY_OFFSET = 72, PATH_BYTES = 512 };

static char *kernels, *cache;
static const char *program; /* this one */

static void setup(void) {
    kernels = test_kernels_create();
    cache = test_folder_create();
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", cache, 1), 0);
}

static void teardown(void) {
    ck_assert_int_eq(unsetenv("FIDUCL_CACHE_DIR"), 0);
    test_kernels_remove(kernels);
    test_folder_remove(cache);
}

typedef enum origin { BUILT, CACHED } origin;

/* Says where the program came from. Its kernel must compute 3 * 2 + extra. */
static origin run_on(fcl_device *device, const char *options, float extra) {
    fcl_kernel *kernel;
    fcl_buffer *buffer;
    float x = 3.0f;
    ck_ok(fcl_kernel_create(&kernel, device, "test.cl", "scale", options));
    ck_ok(fcl_buffer_create(&buffer, device, sizeof x, "x"));
    ck_ok(fcl_buffer_write(buffer, 0, &x, sizeof x));
    fcl_range range = {.n_dimensions = 1, .global = {1}};
    ck_ok(FCL_LAUNCH(kernel, &range, fcl_arg_int(1), fcl_arg_float(2.0f), fcl_arg_uint(0), fcl_arg_buffer(buffer)));
    ck_ok(fcl_buffer_read(&x, buffer, 0, sizeof x));
    ck_assert_float_eq(x, 6.0f + extra);
    fcl_program_counts counts = fcl_device_program_counts(device);
    ck_assert_uint_eq(counts.n_built + counts.n_cached, 1);
    fcl_kernel_free(kernel);
    fcl_buffer_free(buffer);
    return counts.n_cached ? CACHED : BUILT;
}

/* The same with the device opened afresh, as a new process would. */
static origin run(const char *options, float extra) {
    fcl_device *device;
    ck_ok(fcl_device_open(&device, NULL, 0));
    origin from = run_on(device, options, extra);
    fcl_device_free(device);
    return from;
}

/* How many files there are in the folder of programs, whatever they are. */
static size_t count_files(void) {
    char *folder = fcl_path_join(cache, "programs");
    const size_t n = test_count_files(folder);
    free(folder);
    return n;
}

/* The path of the only entry. */
static void entry_path(char out[PATH_BYTES]) {
    char *folder = fcl_path_join(cache, "programs"), **names;
    size_t n;
    ck_ok(fcl_folder_list(&names, &n, folder));
    ck_assert_uint_eq(n, 1);
    snprintf(out, PATH_BYTES, "%s/%s", folder, names[0]);
    fcl_names_free(names, n);
    free(folder);
}

START_TEST(same_program_is_built_once) {
    ck_assert_int_eq(run("", 0.0f), BUILT);
    ck_assert_int_eq(run("", 0.0f), CACHED);
}
END_TEST

START_TEST(changes_are_seen) {
    ck_assert_int_eq(run("", 0.0f), BUILT);
    ck_assert_int_eq(run("-DEXTRA=7", 7.0f), BUILT);
    ck_assert_int_eq(run("-DEXTRA=7", 7.0f), CACHED);
    ck_assert_int_eq(run("", 0.0f), CACHED);
    test_write_text(kernels, "scale.h", "#define SCALE(x, factor) ((x) * (factor) + 1.0f)\n");
    ck_assert_int_eq(run("", 1.0f), BUILT);
    ck_assert_int_eq(run("", 1.0f), CACHED);
    test_write_text(kernels, "test.cl",
                    "__kernel void scale(const int n, const float factor, const uint offset, __global float *x) {\n"
                    "    x[0] = x[0] * factor + (float)offset + (float)n + 8.0f;\n"
                    "}\n");
    ck_assert_int_eq(run("", 9.0f), BUILT);
    ck_assert_int_eq(run("", 9.0f), CACHED);
}
END_TEST

/* Every field of the file, its middle and its end. */
START_TEST(damaged_entries_are_built_again) {
    char path[PATH_BYTES], *file;
    size_t n;
    ck_assert_int_eq(run("", 0.0f), BUILT);
    entry_path(path);
    ck_ok(fcl_file_read(&file, &n, path));
    ck_assert_uint_gt(n, KEY_OFFSET);
    const size_t lengths[] = {0, 1, 8, KEY_BYTES_OFFSET, KEY_OFFSET - 1, KEY_OFFSET, KEY_OFFSET + 10, n / 2, n - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        ck_ok(fcl_file_write(path, file, lengths[i]));
        ck_assert_msg(run("", 0.0f) == BUILT, "cut to %zu bytes", lengths[i]);
    }
    const size_t places[] = {0, 9, KEY_BYTES_OFFSET + 15, KEY_OFFSET - 1, KEY_OFFSET + 10, n / 2, n - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        file[places[i]] ^= 1;
        ck_ok(fcl_file_write(path, file, n));
        ck_assert_msg(run("", 0.0f) == BUILT, "bit flipped at %zu", places[i]);
        file[places[i]] ^= 1;
    }
    /* Longer than it says. */
    char *longer = fcl_calloc(n + 1, 1);
    memcpy(longer, file, n);
    ck_ok(fcl_file_write(path, longer, n + 1));
    ck_assert_int_eq(run("", 0.0f), BUILT);
    free(longer);
    free(file);
}
END_TEST

START_TEST(foreign_entries_are_built_again) {
    char path[PATH_BYTES], other[PATH_BYTES];
    char *file, *folder = fcl_path_join(cache, "programs"), **names;
    size_t n;
    ck_assert_int_eq(run("-DEXTRA=8", 8.0f), BUILT);
    entry_path(path);
    ck_assert_int_eq(run("-DEXTRA=7", 7.0f), BUILT);
    /* A valid entry under another one's name, with a key of the same length. */
    ck_ok(fcl_folder_list(&names, &n, folder));
    ck_assert_uint_eq(n, 2);
    snprintf(other, sizeof other, "%s/%s", folder, names[test_contains(path, names[0]) ? 1 : 0]);
    fcl_names_free(names, n);
    free(folder);
    ck_ok(fcl_file_read(&file, &n, other));
    ck_ok(fcl_file_write(path, file, n));
    ck_assert_int_eq(run("-DEXTRA=8", 8.0f), BUILT);
    free(file);
    ck_ok(fcl_file_write(path, "not a program", 13));
    ck_assert_int_eq(run("-DEXTRA=8", 8.0f), BUILT);
    if (strcmp(fcl_device_facts(test_device())->platform, "rusticl") == 0) {
        test_left_out("a binary that the driver must refuse: Mesa 22.3 ends the process over one");
        return; /* which is why entries are checked first */
    }
    /* A whole and valid entry whose binary the driver does not take. */
    ck_ok(fcl_file_read(&file, &n, path));
    char size[17] = {0};
    memcpy(size, file + KEY_BYTES_OFFSET, 16);
    char *key = fcl_format("%.*s", (int)strtoul(size, NULL, 16), file + KEY_OFFSET);
    fcl_program_cache_store(key, (const unsigned char *)"rubbish", 7);
    unsigned char *binary = fcl_program_cache_load(&n, key);
    ck_assert_ptr_nonnull(binary);
    ck_assert_uint_eq(n, 7);
    ck_assert_int_eq(run("-DEXTRA=8", 8.0f), BUILT);
    ck_assert_int_eq(run("-DEXTRA=8", 8.0f), CACHED);
    free(binary);
    free(key);
    free(file);
}
END_TEST

START_TEST(key_names_the_driver) {
    char path[PATH_BYTES], *file;
    size_t n;
    ck_assert_int_eq(run("-DEXTRA=2", 2.0f), BUILT);
    entry_path(path);
    ck_ok(fcl_file_read(&file, &n, path));
    ck_assert_ptr_nonnull(strstr(file + KEY_OFFSET, fcl_device_identity(test_device())));
    ck_assert_ptr_nonnull(strstr(file + KEY_OFFSET, "-DEXTRA=2"));
    free(file);
    const fcl_device_info *facts = fcl_device_facts(test_device());
    const char *const parts[] = {facts->platform, facts->platform_version, facts->name, facts->vendor,
                                 facts->driver_version};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert(test_contains(fcl_device_identity(test_device()), parts[i]));
}
END_TEST

/* The same program for a device of another driver version, as after an update. */
START_TEST(another_driver_builds_again) {
    for (int again = 0; again < 2; again++) {
        fcl_device *device;
        ck_assert_int_eq(run("", 0.0f), again ? CACHED : BUILT);
        ck_ok(fcl_device_open(&device, NULL, 0));
        char *updated = fcl_format("%s, updated", device->identity);
        free(device->identity);
        device->identity = updated;
        ck_assert_int_eq(run_on(device, "", 0.0f), again ? CACHED : BUILT);
        fcl_device_free(device);
    }
}
END_TEST

START_TEST(works_without_a_cache) {
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", "/dev/null/cache", 1), 0);
    ck_assert_int_eq(run("", 0.0f), BUILT);
    ck_assert_int_eq(run("", 0.0f), BUILT);
    /* A folder in which nobody can create anything, root neither. */
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", "/proc/self", 1), 0);
    ck_assert_int_eq(run("", 0.0f), BUILT);
    /* A file where the folder should be. */
    test_write_text(cache, "programs", "in the way");
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", cache, 1), 0);
    ck_assert_int_eq(run("", 0.0f), BUILT);
    /* No place at all. */
    const char *const names[] = {"FIDUCL_CACHE_DIR", "XDG_CACHE_HOME", "HOME"};
    char *values[3];
    for (int i = 0; i < 3; i++) {
        values[i] = getenv(names[i]) ? fcl_duplicate(getenv(names[i])) : NULL;
        ck_assert_int_eq(unsetenv(names[i]), 0);
    }
    ck_assert_int_eq(run("", 0.0f), BUILT);
    for (int i = 0; i < 3; i++) {
        if (values[i]) ck_assert_int_eq(setenv(names[i], values[i], 1), 0);
        free(values[i]);
    }
}
END_TEST

START_TEST(a_missing_folder_is_made) {
    char *deep = fcl_path_join(cache, "not/there/yet");
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", deep, 1), 0);
    ck_assert_int_eq(run("", 0.0f), BUILT);
    ck_assert_int_eq(run("", 0.0f), CACHED);
    ck_ok(fcl_folder_remove(deep));
    ck_assert_int_eq(run("", 0.0f), BUILT);
    ck_assert_int_eq(run("", 0.0f), CACHED);
    free(deep);
}
END_TEST

/* Of a folder that cannot be written (by others than root) entries are used all the same. */
START_TEST(reads_where_it_cannot_write) {
    char *folder = fcl_path_join(cache, "programs");
    ck_assert_int_eq(run("", 0.0f), BUILT);
    ck_assert_int_eq(chmod(folder, 0555), 0);
    ck_assert_int_eq(run("", 0.0f), CACHED);
    ck_assert_int_eq(run("-DEXTRA=4", 4.0f), BUILT);
    if (geteuid() != 0) ck_assert_uint_eq(count_files(), 1);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    free(folder);
}
END_TEST

/* The temporary file leads to a device that is always full. Nothing is left of the attempt. */
START_TEST(a_full_disk) {
    char path[PATH_BYTES];
    ck_assert_int_eq(run("", 0.0f), BUILT);
    entry_path(path);
    char *temporary = fcl_format("%s" FCL_FILE_TEMPORARY "%ld", path, (long)getpid());
    ck_ok(fcl_file_remove(path));
    ck_assert_int_eq(symlink("/dev/full", temporary), 0);
    ck_assert_int_eq(run("", 0.0f), BUILT);
    ck_assert_uint_eq(count_files(), 0);
    ck_assert_int_eq(run("", 0.0f), BUILT);
    ck_assert_int_eq(run("", 0.0f), CACHED);
    free(temporary);
}
END_TEST

/* Another program's file, large and not used for long, goes when one is stored; what is in use and what is not fiducl's stay. */
START_TEST(the_cache_has_a_limit) {
    static const struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    char path[PATH_BYTES];
    ck_assert_int_eq(run("", 0.0f), BUILT);
    entry_path(path);
    char *folder = fcl_path_join(cache, "programs");
    char *old = fcl_path_join(folder, "0123456789abcdef0123456789abcdef.bin"),
         *other = fcl_path_join(folder, "other.bin");
    const char *const large[] = {old, other};
    for (int i = 0; i < 2; i++) {
        ck_ok(fcl_file_write(large[i], "", 0));
        ck_assert_int_eq(truncate(large[i], (off_t)FCL_CACHE_MAX_BYTES), 0);
        ck_assert_int_eq(utimensat(AT_FDCWD, large[i], long_ago, 0), 0);
    }
    /* The entry is older, but used now. */
    ck_assert_int_eq(utimensat(AT_FDCWD, path, (struct timespec[2]){{.tv_sec = 1}, {.tv_sec = 1}}, 0), 0);
    ck_assert_int_eq(run("", 0.0f), CACHED);
    ck_assert(fcl_path_exists(old));
    ck_assert_int_eq(run("-DEXTRA=5", 5.0f), BUILT);
    ck_assert(!fcl_path_exists(old));
    ck_assert(fcl_path_exists(other));
    ck_assert_int_eq(run("", 0.0f), CACHED);
    ck_assert_int_eq(run("-DEXTRA=5", 5.0f), CACHED);
    free(folder);
    free(old);
    free(other);
}
END_TEST

enum { N_PROCESSES = 4, N_PROGRAMS = 3, N_ROUNDS = 20, N_SHARED_BYTES = 1 << 20 };
static const char shared_key[] = "a program that every process stores";

/* In one of several processes: builds and uses the programs, then writes an entry and reads it while the others do. Whole is
 * what one of them wrote. */
START_TEST(one_of_several) {
    char *ready = fcl_format("ready-%ld", (long)getpid()), *go = fcl_path_join(kernels, "go");
    test_device();
    test_write_text(kernels, ready, "");
    while (!fcl_path_exists(go)) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    for (int i = 0; i < N_PROGRAMS; i++) {
        char options[32];
        snprintf(options, sizeof options, "-DEXTRA=%d", i);
        run(options, (float)i);
    }
    unsigned char *written = fcl_calloc(N_SHARED_BYTES, 1);
    memset(written, (int)(getpid() & 0xff), N_SHARED_BYTES);
    for (int i = 0; i < N_ROUNDS; i++) {
        size_t n = 0;
        fcl_program_cache_store(shared_key, written, N_SHARED_BYTES);
        unsigned char *found = fcl_program_cache_load(&n, shared_key);
        ck_assert_ptr_nonnull(found);
        ck_assert_uint_eq(n, N_SHARED_BYTES);
        ck_assert_mem_eq(found, found + 1, N_SHARED_BYTES - 1);
        free(found);
    }
    free(written);
    free(ready);
    free(go);
}
END_TEST

START_TEST(several_processes_at_once) {
    pid_t children[N_PROCESSES];
    for (int i = 0; i < N_PROCESSES; i++)
        ck_assert_int_eq(posix_spawn(&children[i], program, NULL, NULL,
                                     (char *const[]){(char *)program, (char *)"one of several", NULL}, environ),
                         0);
    for (int n_ready = 0; n_ready < N_PROCESSES;) {
        char **names;
        size_t n;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        ck_ok(fcl_folder_list(&names, &n, kernels));
        n_ready = 0;
        for (size_t i = 0; i < n; i++) n_ready += fcl_starts_with(names[i], "ready-");
        fcl_names_free(names, n);
    }
    test_write_text(kernels, "go", "");
    for (int i = 0; i < N_PROCESSES; i++) {
        int status;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "process %d ended with %d", i, status);
    }
    ck_assert_uint_eq(count_files(), N_PROGRAMS + 1);
    for (int i = 0; i < N_PROGRAMS; i++) {
        char options[32];
        snprintf(options, sizeof options, "-DEXTRA=%d", i);
        ck_assert_int_eq(run(options, (float)i), CACHED);
    }
}
END_TEST

int main(int argc, char **argv) {
    Suite *suite = suite_create("program cache");
    TCase *tests = tcase_create("program cache");
    program = argv[0];
    if (argc > 1) { /* started by several_processes_at_once, in its folders */
        kernels = getenv("FIDUCL_KERNEL_DIR");
        tcase_add_test(tests, one_of_several);
        suite_add_tcase(suite, tests);
        return test_run(suite);
    }
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, same_program_is_built_once);
    tcase_add_test(tests, changes_are_seen);
    tcase_add_test(tests, damaged_entries_are_built_again);
    tcase_add_test(tests, foreign_entries_are_built_again);
    tcase_add_test(tests, key_names_the_driver);
    tcase_add_test(tests, another_driver_builds_again);
    tcase_add_test(tests, works_without_a_cache);
    tcase_add_test(tests, a_missing_folder_is_made);
    tcase_add_test(tests, reads_where_it_cannot_write);
    tcase_add_test(tests, a_full_disk);
    tcase_add_test(tests, the_cache_has_a_limit);
    tcase_add_test(tests, several_processes_at_once);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
