/* Child processes. */
#include "base/process.h"
#include "base/file.h"
#include "base/text.h"
#include "support/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(programs_are_found_in_the_path) {
    char *folder = test_folder_create(), *other = test_folder_create(), *tool = fcl_path_join(other, "tool"),
         *same_name = fcl_path_join(folder, "tool");
    char *path = fcl_format("%s:/nonexistent:%s", folder, other);
    setenv("PATH", path, 1);
    ck_assert_ptr_null(fcl_process_find("tool"));
    test_write_text(other, "tool", "");
    ck_assert_ptr_null(fcl_process_find("tool")); /* not executable */
    ck_assert_int_eq(chmod(tool, 0700), 0);
    ck_ok(fcl_folder_create(same_name)); /* a folder is executable and no program */
    char *found = fcl_process_find("tool");
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found, tool);
    free(found);
    unsetenv("PATH");
    ck_assert_ptr_null(fcl_process_find("tool"));
    free(path);
    free(tool);
    free(same_name);
    test_folder_remove(folder);
    test_folder_remove(other);
}
END_TEST

START_TEST(input_goes_in_and_all_output_comes_back) {
    const char *arguments[] = {"/bin/sh", "-c", "cat; echo \"to stderr $1\" >&2", "sh", "a b  'c'", NULL};
    char *output;
    ck_ok(fcl_process_run(&output, arguments, "to stdin\n", 9));
    ck_assert_str_eq(output, "to stdin\nto stderr a b  'c'\n");
    free(output);
    ck_ok(fcl_process_run(NULL, arguments, NULL, 0));
}
END_TEST

START_TEST(much_input_and_output_do_not_block) {
    enum { N = 1 << 20 }; /* more than a pipe holds, either way */
    char *input = malloc(N), *output;
    ck_assert_ptr_nonnull(input);
    for (int i = 0; i < N; i++) input[i] = (char)('a' + i % 26);
    const char *both[] = {"/bin/sh", "-c", "cat; echo end", NULL};
    ck_ok(fcl_process_run(&output, both, input, N));
    ck_assert_uint_eq(strlen(output), N + 4);
    ck_assert_mem_eq(output, input, N);
    free(output);
    const char *unread[] = {"/bin/sh", "-c", "exec 0<&-; echo done", NULL};
    ck_ok(fcl_process_run(&output, unread, input, N));
    ck_assert_str_eq(output, "done\n");
    free(output);
    free(input);
}
END_TEST

START_TEST(failures_say_how_and_what_was_printed) {
    const char *fails[] = {"/bin/sh", "-c", "echo no such terminal >&2; exit 3", NULL};
    char *output = NULL;
    ck_fails(fcl_process_run(&output, fails, NULL, 0), FCL_E_IO, "no such terminal");
    ck_assert(test_contains(fcl_error_message(), "exit status 3") && test_contains(fcl_error_message(), "/bin/sh"));
    ck_assert_str_eq(output, "no such terminal\n");
    free(output);
    const char *killed[] = {"/bin/sh", "-c", "kill -9 $$", NULL};
    ck_fails(fcl_process_run(NULL, killed, NULL, 0), FCL_E_IO, "signal 9");
    const char *missing[] = {"/nonexistent/gnuplot", NULL};
    output = NULL;
    ck_fails(fcl_process_run(&output, missing, NULL, 0), FCL_E_IO, "/nonexistent/gnuplot");
    ck_assert_ptr_null(output);
}
END_TEST

static int n_descriptors(void) {
    enum { ENOUGH = 256 };
    int n = 0;
    for (int descriptor = 0; descriptor < ENOUGH; descriptor++) n += fcntl(descriptor, F_GETFD) != -1;
    return n;
}

START_TEST(no_descriptor_is_left_open) {
    const char *echo[] = {"/bin/sh", "-c", "echo x", NULL}, *missing[] = {"/nonexistent", NULL};
    int before = n_descriptors();
    for (int i = 0; i < 20; i++) {
        ck_ok(fcl_process_run(NULL, echo, "x", 1));
        ck_fails(fcl_process_run(NULL, missing, "x", 1), FCL_E_IO, "nonexistent");
    }
    ck_assert_int_eq(n_descriptors(), before);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base: child processes");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, programs_are_found_in_the_path);
    tcase_add_test(tests, input_goes_in_and_all_output_comes_back);
    tcase_add_test(tests, much_input_and_output_do_not_block);
    tcase_add_test(tests, failures_say_how_and_what_was_printed);
    tcase_add_test(tests, no_descriptor_is_left_open);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
