/* The cache folder: where it is, what in it counts as fiducl's, and that nothing else is ever removed. */
#include "base/cache.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "support/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const fcl_cache_kind kind = {"things", ".dat"};

#define HASH "0123456789abcdef0123456789abcde" /* and one digit more */

static char *root, *things;

static void set_up(void) {
    root = test_folder_create();
    things = fcl_path_join(root, kind.folder);
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", root, 1), 0);
    ck_ok(fcl_folder_create(things));
}

static void tear_down(void) {
    free(things);
    test_folder_remove(root);
}

/* A file of n_bytes that was used so many seconds after an hour long ago. */
static void put(const char *name, size_t n_bytes, int second) {
    char bytes[64] = {0}, *path = fcl_path_join(things, name);
    const struct timespec when = {.tv_sec = 1000000000 + second};
    test_write(things, name, bytes, n_bytes);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, (struct timespec[2]){when, when}, 0), 0);
    free(path);
}

static int is_there(const char *name) {
    char *path = fcl_path_join(things, name);
    struct stat facts;
    int is = lstat(path, &facts) == 0;
    free(path);
    return is;
}

START_TEST(it_is_where_the_environment_says) {
    char *cache, *own = fcl_path_join(root, "own"), *xdg = fcl_path_join(root, "xdg"),
                 *home = fcl_path_join(root, "home");
    const struct {
        const char *own, *xdg, *home, *wanted;
    } rows[] = {{own, xdg, home, "own"}, {"", xdg, home, "xdg/fiducl"}, {"", "", home, "home/.cache/fiducl"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setenv("FIDUCL_CACHE_DIR", rows[i].own, 1);
        setenv("XDG_CACHE_HOME", rows[i].xdg, 1);
        setenv("HOME", rows[i].home, 1);
        char *wanted = fcl_path_join(root, rows[i].wanted);
        ck_ok(fcl_cache_path(&cache));
        ck_assert_str_eq(cache, wanted);
        ck_assert(!fcl_path_exists(cache));
        free(cache);
        ck_ok(fcl_cache_folder(&cache));
        ck_assert_str_eq(cache, wanted);
        ck_assert(fcl_path_is_folder(cache));
        free(cache);
        free(wanted);
    }
    unsetenv("FIDUCL_CACHE_DIR");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    ck_fails(fcl_cache_folder(&cache), FCL_E_IO, "FIDUCL_CACHE_DIR");
    setenv("FIDUCL_CACHE_DIR", "/dev/null/cache", 1);
    ck_fails(fcl_cache_folder(&cache), FCL_E_IO, "/dev/null");
    free(own);
    free(xdg);
    free(home);
}
END_TEST

START_TEST(files_are_named_by_their_keys) {
    char hash[FCL_HASH_TEXT_BYTES], *path, *other;
    fcl_hash_bytes(hash, "a key", 5);
    char *wanted = fcl_format("%s/%s.dat", things, hash);
    ck_assert_int_eq(rmdir(things), 0);
    ck_ok(fcl_cache_file_path(&path, &kind, "a key", 0));
    ck_assert_str_eq(path, wanted);
    ck_assert(!fcl_path_exists(things));
    ck_ok(fcl_cache_file_path(&other, &kind, "another key", 1));
    ck_assert_str_ne(path, other);
    ck_assert(fcl_path_is_folder(things));
    free(wanted);
    free(path);
    free(other);
}
END_TEST

START_TEST(the_least_recently_used_is_first) {
    fcl_cache_file *files;
    size_t n;
    put(HASH "1.dat", 10, 3);
    put(HASH "2.dat", 20, 1);
    put(HASH "3.dat.tmp-123", 30, 2);
    ck_ok(fcl_cache_list(&files, &n, &kind));
    ck_assert_uint_eq(n, 3);
    ck_assert_uint_eq(files[0].n_bytes, 20);
    ck_assert_uint_eq(files[1].n_bytes, 30);
    ck_assert_uint_eq(files[2].n_bytes, 10);
    ck_assert(!files[0].is_unfinished && files[1].is_unfinished && !files[2].is_unfinished);
    ck_assert(fcl_ends_with(files[0].path, "/things/" HASH "2.dat"));
    ck_assert(files[0].used == 1000000001.0);
    fcl_cache_touch(files[0].path);
    fcl_cache_files_free(files, n);
    ck_ok(fcl_cache_list(&files, &n, &kind));
    ck_assert_uint_eq(files[n - 1].n_bytes, 20);
    fcl_cache_files_free(files, n);
    test_folder_remove(fcl_duplicate(things));
    ck_ok(fcl_cache_list(&files, &n, &kind));
    ck_assert_uint_eq(n, 0);
    fcl_cache_files_free(files, n);
    ck_ok(fcl_cache_trim(NULL, NULL, &kind, 0));
}
END_TEST

START_TEST(the_oldest_go_until_the_rest_fits) {
    size_t n_files = 0;
    uint64_t n_bytes = 0;
    put(HASH "1.dat", 10, 3);
    put(HASH "2.dat", 20, 1);
    put(HASH "3.dat", 30, 2);
    ck_ok(fcl_cache_trim(&n_files, &n_bytes, &kind, 60));
    ck_assert_uint_eq(n_files, 0);
    ck_ok(fcl_cache_trim(&n_files, &n_bytes, &kind, 59));
    ck_assert_uint_eq(n_files, 1);
    ck_assert_uint_eq(n_bytes, 20);
    ck_assert(is_there(HASH "1.dat") && !is_there(HASH "2.dat") && is_there(HASH "3.dat"));
    ck_ok(fcl_cache_trim(&n_files, &n_bytes, &kind, 0));
    ck_assert_uint_eq(n_files, 3);
    ck_assert_uint_eq(n_bytes, 60);
    ck_assert(!fcl_path_exists(things));
}
END_TEST

/* Names that are nearly right, folders, and links with a right name. */
START_TEST(nothing_else_is_removed) {
    static const char *const others[] = {HASH ".dat",           HASH "12.dat",    HASH "g.dat",         HASH "A.dat",
                                         HASH "1.txt",          HASH "1.dat.bak", HASH "1.dat.tmp-",    "notes.txt",
                                         HASH "1.dat.tmp-12.c", HASH "1",         HASH "1.dat.tmp-abc", ".dat",
                                         HASH "1.datx",         "." HASH "1.dat"};
    enum { N = sizeof others / sizeof *others };
    char *outside = fcl_path_join(root, "outside"), *inside = fcl_path_join(outside, HASH "1.dat");
    char *link = fcl_path_join(things, HASH "5.dat"), *folder = fcl_path_join(things, HASH "6.dat");
    size_t n_files = 0;
    for (size_t i = 0; i < N; i++) put(others[i], 5, 0);
    ck_ok(fcl_folder_create(outside));
    ck_ok(fcl_folder_create(folder));
    test_write_text(outside, HASH "1.dat", "precious");
    ck_assert_int_eq(symlink(inside, link), 0);
    put(HASH "2.dat", 5, 0);
    ck_ok(fcl_cache_trim(&n_files, NULL, &kind, 0));
    ck_assert_uint_eq(n_files, 1);
    ck_assert(!is_there(HASH "2.dat"));
    for (size_t i = 0; i < N; i++) ck_assert_msg(is_there(others[i]), "%s", others[i]);
    ck_assert(is_there(HASH "5.dat") && fcl_path_exists(inside) && fcl_path_is_folder(folder));
    /* The folder itself leads elsewhere. */
    test_folder_remove(fcl_duplicate(things));
    ck_assert_int_eq(symlink(outside, things), 0);
    ck_fails(fcl_cache_trim(&n_files, NULL, &kind, 0), FCL_E_IO, "symbolic link");
    ck_assert(fcl_path_exists(inside));
    free(outside);
    free(inside);
    free(link);
    free(folder);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cache");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, it_is_where_the_environment_says);
    tcase_add_test(tests, files_are_named_by_their_keys);
    tcase_add_test(tests, the_least_recently_used_is_first);
    tcase_add_test(tests, the_oldest_go_until_the_rest_fits);
    tcase_add_test(tests, nothing_else_is_removed);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
