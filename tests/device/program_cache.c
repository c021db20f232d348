/* The disk cache of programs: what it may use, and everything that must make it build again. */
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the file format: where the key's size stands, and the key. */
enum { KEY_BYTES_OFFSET = 40, KEY_OFFSET = 72, PATH_BYTES = 512 };

static char *kernels, *cache;

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

/* Opens the device afresh, as a new process would, and says where the program came from. Its kernel must
 * compute 3 * 2 + extra. */
static origin run(const char *options, float extra) {
    fcl_device *device;
    fcl_kernel *kernel;
    fcl_buffer *buffer;
    float x = 3.0f;
    ck_ok(fcl_device_open(&device, NULL, 0));
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
    fcl_device_free(device);
    return counts.n_cached ? CACHED : BUILT;
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
        return; /* Mesa 22.3 ends the process over what follows, which is why entries are checked first. */
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
    ck_assert_ptr_nonnull(strstr(file + KEY_OFFSET, fcl_device_facts(test_device())->driver_version));
    ck_assert_ptr_nonnull(strstr(file + KEY_OFFSET, fcl_device_identity(test_device())));
    ck_assert_ptr_nonnull(strstr(file + KEY_OFFSET, "-DEXTRA=2"));
    free(file);
}
END_TEST

START_TEST(works_without_a_cache) {
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", "/dev/null/cache", 1), 0);
    ck_assert_int_eq(run("", 0.0f), BUILT);
    ck_assert_int_eq(run("", 0.0f), BUILT);
    /* A file where the folder should be. */
    test_write_text(cache, "programs", "in the way");
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", cache, 1), 0);
    ck_assert_int_eq(run("", 0.0f), BUILT);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("program cache");
    TCase *tests = tcase_create("program cache");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, same_program_is_built_once);
    tcase_add_test(tests, changes_are_seen);
    tcase_add_test(tests, damaged_entries_are_built_again);
    tcase_add_test(tests, foreign_entries_are_built_again);
    tcase_add_test(tests, key_names_the_driver);
    tcase_add_test(tests, works_without_a_cache);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
