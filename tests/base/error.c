/* Status codes, messages, log, progress, memory arithmetic, interrupts, the embedded table. */
#include "base/error.h"
#include "base/embedded.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"
#include "support/support.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

START_TEST(every_status_has_name_meaning_and_exit_code) {
    ck_assert_int_eq(fcl_status_exit_code(FCL_OK), 0);
    ck_assert_str_eq(fcl_status_name(FCL_OK), "OK");
    ck_assert_str_eq(fcl_status_name(FCL_E_INPUT), "E_INPUT");
    for (int s = 0; s < FCL_N_STATUS; s++) {
        ck_assert_uint_gt(strlen(fcl_status_name((fcl_status)s)), 0);
        ck_assert_uint_gt(strlen(fcl_status_meaning((fcl_status)s)), 0);
        for (int other = 0; other < s; other++)
            ck_assert_int_ne(fcl_status_exit_code((fcl_status)s), fcl_status_exit_code((fcl_status)other));
    }
}
END_TEST

START_TEST(message_may_quote_the_one_before) {
    ck_assert_str_eq(fcl_error_message(), "");
    ck_assert_int_eq(fcl_fail(FCL_E_INPUT, "row %d", 3), FCL_E_INPUT);
    fcl_fail(FCL_E_INPUT, "file.csv: %s", fcl_error_message());
    ck_assert_str_eq(fcl_error_message(), "file.csv: row 3");
    errno = ENOENT;
    ck_fails(fcl_fail_errno("open", "x"), FCL_E_IO, "cannot open 'x': No such file or directory");
    ck_fails(fcl_fail_memory("a batch", 12345), FCL_E_MEMORY, "a batch (12345 bytes)");
}
END_TEST

START_TEST(the_first_message_is_kept) {
    fcl_fail(FCL_E_INPUT, "first");
    char *first = fcl_error_keep();
    fcl_fail(FCL_E_IO, "a longer one, of cleaning up");
    fcl_error_restore(first);
    ck_assert_str_eq(fcl_error_message(), "first");
    fcl_error_restore(NULL);
    ck_assert_str_eq(fcl_error_message(), "first");
}
END_TEST

START_TEST(the_first_of_several_failures_counts) {
    fcl_status status = FCL_OK;
    FCL_TRY_ALSO(FCL_OK);
    ck_assert_int_eq(status, FCL_OK);
    FCL_TRY_ALSO(fcl_fail(FCL_E_DEVICE, "first"));
    FCL_TRY_ALSO(FCL_OK);
    FCL_TRY_ALSO(fcl_fail(FCL_E_IO, "second"));
    ck_fails(status, FCL_E_DEVICE, "first");
}
END_TEST

START_TEST(too_long_a_message_is_cut) {
    enum { LONG = 100000 };
    char *text = malloc(LONG + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', LONG);
    text[LONG] = '\0';
    ck_assert_int_eq(fcl_fail(FCL_E_BUILD, "log: %s", text), FCL_E_BUILD);
    free(text);
    ck_assert(strncmp(fcl_error_message(), "log: xxx", 8) == 0);
    ck_assert_uint_lt(strlen(fcl_error_message()), LONG);
    ck_assert_uint_gt(strlen(fcl_error_message()), 10000);
}
END_TEST

static void *fail_elsewhere(void *seen) {
    *(int *)seen = strcmp(fcl_error_message(), "") == 0;
    fcl_fail(FCL_E_IO, "of the other thread");
    return NULL;
}

START_TEST(messages_belong_to_their_thread) {
    fcl_fail(FCL_E_INPUT, "mine");
    pthread_t thread;
    int was_empty = 0;
    ck_ok(fcl_thread_start(&thread, fail_elsewhere, &was_empty));
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(was_empty);
    ck_assert_str_eq(fcl_error_message(), "mine");
}
END_TEST

typedef struct heard {
    char line[64];
    fcl_log_level level;
    size_t done;
    int n;
} heard;

static void hear_line(void *user, fcl_log_level level, const char *line) {
    heard *h = user;
    strncpy(h->line, line, sizeof h->line - 1);
    h->level = level;
    h->n++;
}

static void hear_progress(void *user, const fcl_progress *progress) {
    heard *h = user;
    h->done = progress->done;
}

START_TEST(log_and_progress_go_to_their_sinks) {
    heard h = {0};
    fcl_log(FCL_LOG_WARNING, "nobody listens");
    fcl_log_set_sink(hear_line, &h);
    fcl_progress_set_sink(hear_progress, &h);
    fcl_log(FCL_LOG_WARNING, "%d of %s", 3, "four");
    fcl_progress_report(&(fcl_progress){.task = "test", .done = 17, .total = 20});
    fcl_log_set_sink(NULL, NULL);
    fcl_progress_set_sink(NULL, NULL);
    fcl_log(FCL_LOG_INFO, "nobody listens");
    fcl_progress_report(&(fcl_progress){.done = 18});
    ck_assert_str_eq(h.line, "3 of four");
    ck_assert_int_eq(h.level, FCL_LOG_WARNING);
    ck_assert_int_eq(h.n, 1);
    ck_assert_uint_eq(h.done, 17);
}
END_TEST

START_TEST(sizes_do_not_overflow) {
    size_t product = 1;
    ck_assert(fcl_multiply(&product, 0, SIZE_MAX) && product == 0);
    ck_assert(fcl_multiply(&product, SIZE_MAX, 1) && product == SIZE_MAX);
    product = 5;
    ck_assert(!fcl_multiply(&product, SIZE_MAX / 2 + 1, 2));
    ck_assert_uint_eq(product, 5);
    ck_assert_ptr_null(fcl_calloc(SIZE_MAX / 4 + 1, 4));
    unsigned char *none = fcl_calloc(0, 8);
    ck_assert_ptr_nonnull(none);
    free(none);
    double *wanted = NULL;
    ck_fails(FCL_NEW(&wanted, SIZE_MAX / 2, "too much"), FCL_E_MEMORY, "too much");
}
END_TEST

START_TEST(growing_keeps_contents_and_refuses_overflow) {
    void *array = NULL;
    size_t capacity = 0;
    for (int i = 0; i < 1000; i++) {
        size_t before = capacity;
        ck_ok(fcl_grow(&array, &capacity, (size_t)i + 1, sizeof(int), "numbers"));
        ck_assert_uint_ge(capacity, (size_t)i + 1);
        ck_assert(capacity == before || capacity >= 2 * before);
        ((int *)array)[i] = i * i;
    }
    for (int i = 0; i < 1000; i++) ck_assert_int_eq(((int *)array)[i], i * i);
    void *kept = array;
    size_t kept_capacity = capacity;
    ck_fails(fcl_grow(&array, &capacity, SIZE_MAX / 2, sizeof(int), "numbers"), FCL_E_MEMORY, "numbers");
    ck_assert_ptr_eq(array, kept);
    ck_assert_uint_eq(capacity, kept_capacity);
    free(array);
}
END_TEST

START_TEST(the_first_signal_is_a_flag) {
    ck_assert_int_eq(fcl_interrupt_requested(), 0);
    fcl_interrupt_install();
    ck_assert_int_eq(raise(SIGTERM), 0);
    ck_assert_int_eq(fcl_interrupt_requested(), SIGTERM);
    fcl_interrupt_set(0);
    ck_assert_int_eq(fcl_interrupt_requested(), 0);
    fcl_interrupt_set(SIGINT);
    ck_assert_int_eq(fcl_interrupt_requested(), SIGINT);
}
END_TEST

START_TEST(the_second_signal_ends_the_process) {
    fcl_interrupt_install();
    raise(SIGINT);
    raise(SIGINT);
    ck_abort_msg("still running");
}
END_TEST

START_TEST(embedded_files_are_found_by_name) {
    const fcl_embedded table[] = {{"a.cl", "A", 1}, {"b.cl", "BB", 2}, {0, 0, 0}};
    ck_assert_ptr_eq(fcl_embedded_find(table, "b.cl"), &table[1]);
    ck_assert_ptr_null(fcl_embedded_find(table, "c.cl"));
    ck_assert_ptr_null(fcl_embedded_find(table + 2, "a.cl"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base: errors, log, memory");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, every_status_has_name_meaning_and_exit_code);
    tcase_add_test(tests, message_may_quote_the_one_before);
    tcase_add_test(tests, the_first_message_is_kept);
    tcase_add_test(tests, the_first_of_several_failures_counts);
    tcase_add_test(tests, too_long_a_message_is_cut);
    tcase_add_test(tests, messages_belong_to_their_thread);
    tcase_add_test(tests, log_and_progress_go_to_their_sinks);
    tcase_add_test(tests, sizes_do_not_overflow);
    tcase_add_test(tests, growing_keeps_contents_and_refuses_overflow);
    tcase_add_test(tests, the_first_signal_is_a_flag);
    tcase_add_test_raise_signal(tests, the_second_signal_ends_the_process, SIGINT);
    tcase_add_test(tests, embedded_files_are_found_by_name);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
