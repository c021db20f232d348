/* Reading, and files that appear whole or not at all, also on a full disk. */
#include "base/file.h"
#include "base/text.h"
#include "support/support.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder, *path;

static void set_up(void) {
    folder = test_folder_create();
    path = fcl_path_join(folder, "file");
}

static void tear_down(void) {
    free(path);
    test_folder_remove(folder);
}

static size_t n_files(void) {
    char **names;
    size_t n;
    ck_ok(fcl_folder_list(&names, &n, folder));
    fcl_names_free(names, n);
    return n;
}

static void expect_contents(const char *wanted) {
    char *text;
    size_t n;
    ck_ok(fcl_file_read(&text, &n, path));
    ck_assert_uint_eq(n, strlen(wanted));
    ck_assert_str_eq(text, wanted);
    free(text);
}

START_TEST(what_is_written_is_read) {
    const char bytes[] = "a\0b\r\n\xff";
    char *text;
    size_t n;
    uint64_t size;
    ck_ok(fcl_file_write(path, bytes, sizeof bytes));
    ck_ok(fcl_file_read(&text, &n, path));
    ck_assert_uint_eq(n, sizeof bytes);
    ck_assert_mem_eq(text, bytes, sizeof bytes);
    ck_assert_int_eq(text[n], '\0');
    free(text);
    ck_ok(fcl_file_size(&size, path));
    ck_assert_uint_eq(size, sizeof bytes);
    ck_ok(fcl_file_write(path, NULL, 0));
    expect_contents("");
    ck_assert_uint_eq(n_files(), 1);
}
END_TEST

START_TEST(a_pipe_has_no_size_and_is_read) {
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    enum { N = 200000 }; /* more than a pipe holds and than one read gives */
    pid_t child = fork();
    if (child == 0) {
        FILE *stream = fopen(path, "wb");
        for (int i = 0; stream && i < N; i++) fputc('a' + i % 26, stream);
        _exit(stream && fclose(stream) == 0 ? 0 : 1);
    }
    char *text;
    size_t n;
    ck_ok(fcl_file_read(&text, &n, path));
    ck_assert_uint_eq(n, N);
    for (int i = 0; i < N; i++) ck_assert_int_eq(text[i], 'a' + i % 26);
    free(text);
}
END_TEST

START_TEST(errors_name_the_file) {
    char *text = NULL;
    size_t n = 0;
    uint64_t size = 0;
    fcl_file_writer writer;
    ck_fails(fcl_file_read(&text, &n, path), FCL_E_IO, path);
    ck_fails(fcl_file_read(&text, &n, folder), FCL_E_IO, folder);
    ck_fails(fcl_file_size(&size, path), FCL_E_IO, path);
    ck_fails(fcl_file_size(&size, folder), FCL_E_IO, "is a folder");
    ck_assert_ptr_null(text);
    char *deep = fcl_path_join(path, "deeper");
    ck_fails(fcl_file_writer_open(&writer, deep), FCL_E_IO, deep);
    ck_fails(fcl_file_write(deep, "x", 1), FCL_E_IO, deep);
    free(deep);
    ck_ok(fcl_file_remove(path));
}
END_TEST

START_TEST(a_writer_shows_nothing_before_commit) {
    fcl_file_writer writer;
    ck_ok(fcl_file_write(path, "old", 3));
    ck_ok(fcl_file_writer_open(&writer, path));
    fputs("new and longer", writer.stream);
    fflush(writer.stream);
    expect_contents("old");
    ck_ok(fcl_file_writer_commit(&writer));
    expect_contents("new and longer");
    fcl_file_writer_abandon(&writer);
    ck_assert_uint_eq(n_files(), 1);
}
END_TEST

START_TEST(an_abandoned_writer_leaves_what_was_there) {
    fcl_file_writer writer;
    ck_ok(fcl_file_write(path, "old", 3));
    ck_ok(fcl_file_writer_open(&writer, path));
    fputs("new", writer.stream);
    fcl_file_writer_abandon(&writer);
    expect_contents("old");
    ck_assert_uint_eq(n_files(), 1);
    fcl_file_writer_abandon(&writer);
}
END_TEST

START_TEST(commit_onto_a_folder_fails_clean) {
    fcl_file_writer writer;
    ck_assert_int_eq(mkdir(path, 0700), 0);
    char *inside = fcl_path_join(path, "kept");
    ck_ok(fcl_file_write(inside, "x", 1));
    ck_ok(fcl_file_writer_open(&writer, path));
    ck_fails(fcl_file_writer_commit(&writer), FCL_E_IO, path);
    ck_assert(fcl_path_exists(inside));
    ck_assert_uint_eq(n_files(), 1);
    free(inside);
}
END_TEST

/* More than a stream buffers, so that the error comes while writing; and less, so that it comes at commit. */
static const size_t full_sizes[] = {1 << 20, 100};

START_TEST(a_full_device_is_found) {
    if (access("/dev/full", W_OK) != 0) return;
    fcl_file_writer writer;
    char *bytes = calloc(1, full_sizes[_i]);
    ck_assert_ptr_nonnull(bytes);
    ck_ok(fcl_file_write(path, "old", 3));
    ck_ok(fcl_file_writer_open(&writer, path));
    ck_assert_ptr_nonnull(freopen("/dev/full", "wb", writer.stream));
    fwrite(bytes, 1, full_sizes[_i], writer.stream);
    ck_fails(fcl_file_writer_commit(&writer), FCL_E_IO, "No space left on device");
    ck_assert(test_contains(fcl_error_message(), path));
    expect_contents("old");
    ck_assert_uint_eq(n_files(), 1);
    free(bytes);
}
END_TEST

START_TEST(a_file_over_the_limit_is_found) {
    struct rlimit before, limit;
    enum { LIMIT = 64 };
    char *bytes = calloc(1, full_sizes[_i]);
    ck_assert_ptr_nonnull(bytes);
    ck_ok(fcl_file_write(path, "old", 3));
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = LIMIT;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    fcl_status status = fcl_file_write(path, bytes, full_sizes[_i]);
    /* Check reports through a file of its own. */
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_fails(status, FCL_E_IO, "File too large");
    expect_contents("old");
    ck_assert_uint_eq(n_files(), 1);
    free(bytes);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base: files");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_written_is_read);
    tcase_add_test(tests, a_pipe_has_no_size_and_is_read);
    tcase_add_test(tests, errors_name_the_file);
    tcase_add_test(tests, a_writer_shows_nothing_before_commit);
    tcase_add_test(tests, an_abandoned_writer_leaves_what_was_there);
    tcase_add_test(tests, commit_onto_a_folder_fails_clean);
    tcase_add_loop_test(tests, a_full_device_is_found, 0, 2);
    tcase_add_loop_test(tests, a_file_over_the_limit_is_found, 0, 2);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
