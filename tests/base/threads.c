/* Threads and the parallel loop. */
#include "base/clock.h"
#include "base/thread.h"
#include "support/support.h"

#include <stdatomic.h>
#include <string.h>

enum { N = 10000 };
static atomic_uchar visits[N];

static void visit(void *context, size_t i) {
    ck_assert_ptr_eq(context, visits);
    atomic_fetch_add(&visits[i], 1);
}

START_TEST(every_index_comes_once) {
    ck_assert_uint_ge(fcl_thread_processors(), 1);
    const size_t counts[] = {0, 1, 2, 63, N};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        memset(visits, 0, sizeof visits);
        fcl_parallel_for(counts[k], visit, visits);
        for (size_t i = 0; i < N; i++) ck_assert_int_eq(visits[i], i < counts[k]);
    }
}
END_TEST

static void *answer(void *argument) {
    *(int *)argument = 42;
    return argument;
}

START_TEST(a_thread_runs_and_returns) {
    pthread_t thread;
    int value = 0;
    void *result = NULL;
    ck_ok(fcl_thread_start(&thread, answer, &value));
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, &value);
    ck_assert_int_eq(value, 42);
}
END_TEST

static atomic_int running, most_running;

static void count_running(void *context, size_t i) {
    (void)context;
    (void)i;
    int now = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);
    while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now)) continue;
    fcl_clock_sleep(0.01);
    atomic_fetch_sub(&running, 1);
}

/* However many processors there are: sleeping needs none. */
START_TEST(as_many_threads_as_were_set) {
    ck_assert_uint_eq(fcl_threads(7), 7);
    for (int n = 1; n <= 5; n += 2) {
        fcl_threads_set((unsigned)n);
        ck_assert_uint_eq(fcl_threads(7), n);
        atomic_store(&most_running, 0);
        fcl_parallel_for(30, count_running, NULL);
        ck_assert_int_eq(atomic_load(&most_running), n);
    }
    fcl_threads_set(0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base: threads");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, every_index_comes_once);
    tcase_add_test(tests, a_thread_runs_and_returns);
    tcase_add_test(tests, as_many_threads_as_were_set);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
