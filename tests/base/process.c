/* Child processes. */
#include "base/process.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
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

START_TEST(a_process_is_followed) {
    const char *fails[] = {"/bin/sh", "-c", "echo to stdout; echo to stderr >&2; exit 3", NULL};
    char *output = NULL;
    int code;
    ck_ok(fcl_process_follow(&output, &code, fails));
    ck_assert_str_eq(output, "to stdout\n");
    ck_assert_int_eq(code, 3);
    free(output);
    const char *killed[] = {"/bin/sh", "-c", "kill -9 $$", NULL}, *missing[] = {"/nonexistent/fiducl", NULL};
    ck_fails(fcl_process_follow(&output, &code, killed), FCL_E_IO, "/bin/sh ended with signal 9");
    ck_fails(fcl_process_follow(&output, &code, missing), FCL_E_IO, "/nonexistent/fiducl");
}
END_TEST

/* The signal goes to this process alone, as `kill` sends it, or to both, and then the child gets no second one. */
static const struct {
    const char *script, *output;
} asked[] = {
    {"trap 'echo asked; exit 7' INT; kill -TERM $PPID; while :; do sleep 0.1; done", "asked\n"},
    {"trap 'echo got it; trap \"exit 8\" TERM' TERM; trap 'echo asked; exit 7' INT; "
     "kill -TERM $$; kill -TERM $PPID; while :; do sleep 0.1; done",
     "got it\nasked\n"},
};

START_TEST(a_process_that_is_followed_is_asked_to_end) {
    const char *waits[] = {"/bin/sh", "-c", asked[_i].script, NULL};
    char *output;
    int code;
    fcl_interrupt_install();
    ck_ok(fcl_process_follow(&output, &code, waits));
    ck_assert_str_eq(output, asked[_i].output);
    ck_assert_int_eq(code, 7);
    ck_assert_int_eq(fcl_interrupt_requested(), SIGTERM);
    free(output);
}
END_TEST

/* What processes that share their input have written; `go` is a file to make when all of them have a record. */
static fcl_text kept;
static unsigned n_to_wait_for;
static const char *go;

static void keep(void *user, const char *bytes, size_t n) {
    (void)user;
    fcl_text_append_bytes(&kept, bytes, n);
    for (size_t i = 0; i < n; i++)
        if (bytes[i] == '\n' && n_to_wait_for > 0 && --n_to_wait_for == 0) ck_ok(fcl_file_write(go, "", 0));
}

enum { RECORD_BYTES = 8, N_PROCESSES = 3, N_RECORDS = 3000 };

/* One of them: says what it took, and waits after its first record. */
static int take_all(const char *go_file) {
    char record[RECORD_BYTES + 1] = "";
    while (fcl_process_take(record, RECORD_BYTES)) {
        if (printf("%s\n", record) < 0 || fflush(stdout) != 0) return 1;
        while (!fcl_path_exists(go_file)) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return fprintf(stderr, "dropped\n") < 0;
}

START_TEST(a_shared_input_is_divided) {
    static char records[N_RECORDS * RECORD_BYTES + 1];
    char *own = fcl_process_own_program(), *folder = test_folder_create(), *file = fcl_path_join(folder, "go");
    ck_assert_ptr_nonnull(own);
    for (int i = 0; i < N_RECORDS; i++) snprintf(records + (size_t)i * RECORD_BYTES, RECORD_BYTES + 1, "%08d", i);
    go = file;
    n_to_wait_for = N_PROCESSES; /* so each of them gets one at least */
    ck_ok(fcl_process_share((const char *const[]){own, "take all", file, NULL}, N_PROCESSES, records,
                            (size_t)N_RECORDS * RECORD_BYTES, keep, NULL));
    ck_assert_uint_eq(n_to_wait_for, 0);
    static unsigned char seen[N_RECORDS];
    ck_assert_uint_eq(kept.length, (size_t)N_RECORDS * (RECORD_BYTES + 1));
    for (const char *line = kept.data; *line; line += RECORD_BYTES + 1) {
        ck_assert_int_eq(line[RECORD_BYTES], '\n');
        const unsigned long i = strtoul(line, NULL, 10);
        ck_assert_uint_lt(i, N_RECORDS);
        ck_assert_msg(!seen[i]++, "%lu was taken twice", i);
    }
    free(own);
    free(file);
    test_folder_remove(folder);
}
END_TEST

START_TEST(a_process_that_dies_is_no_error) {
    const char *dies[] = {"/bin/sh", "-c", "echo last words; kill -9 $$", NULL};
    ck_ok(fcl_process_share(dies, 2, "x", 1, keep, NULL));
    ck_assert_str_eq(kept.data, "last words\nlast words\n");
}
END_TEST

static void interrupt(void *user, const char *bytes, size_t n) {
    keep(user, bytes, n);
    fcl_interrupt_set(SIGINT);
}

START_TEST(a_signal_ends_the_processes) {
    const char *sleeps[] = {"/bin/sh", "-c", "echo; exec sleep 1000", NULL};
    ck_fails(fcl_process_share(sleeps, 2, "x", 1, interrupt, NULL), FCL_E_INTERRUPTED, "interrupted");
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
        ck_ok(fcl_process_share(echo, 2, "x", 1, keep, NULL));
        ck_fails(fcl_process_share(missing, 2, "x", 1, keep, NULL), FCL_E_IO, "nonexistent");
        ck_ok(fcl_process_run(NULL, echo, "x", 1));
        ck_fails(fcl_process_run(NULL, missing, "x", 1), FCL_E_IO, "nonexistent");
    }
    ck_assert_int_eq(n_descriptors(), before);
}
END_TEST

int main(int argc, char **argv) {
    if (argc == 3) return take_all(argv[2]);
    Suite *suite = suite_create("base: child processes");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, programs_are_found_in_the_path);
    tcase_add_test(tests, input_goes_in_and_all_output_comes_back);
    tcase_add_test(tests, much_input_and_output_do_not_block);
    tcase_add_test(tests, failures_say_how_and_what_was_printed);
    tcase_add_test(tests, a_process_is_followed);
    tcase_add_loop_test(tests, a_process_that_is_followed_is_asked_to_end, 0, sizeof asked / sizeof *asked);
    tcase_add_test(tests, a_shared_input_is_divided);
    tcase_add_test(tests, a_process_that_dies_is_no_error);
    tcase_add_test(tests, a_signal_ends_the_processes);
    tcase_add_test(tests, no_descriptor_is_left_open);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
