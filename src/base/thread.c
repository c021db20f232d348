#define _GNU_SOURCE /* sched_getaffinity */
#include "base/thread.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

fcl_status fcl_thread_start(pthread_t *out, void *(*run)(void *), void *argument) {
    int error = pthread_create(out, NULL, run, argument);
    return error ? fcl_fail(FCL_E_MEMORY, "cannot start a thread: %s", strerror(error)) : FCL_OK;
}

unsigned fcl_thread_processors(void) {
#ifdef CPU_COUNT
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return (unsigned)CPU_COUNT(&allowed);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

static unsigned n_threads;

void fcl_threads_set(unsigned n) {
    n_threads = n;
}

unsigned fcl_threads(unsigned usual) {
    return n_threads ? n_threads : usual;
}

typedef struct loop {
    atomic_size_t next;
    size_t n;
    void (*body)(void *, size_t);
    void *context;
} loop;

static void *work(void *argument) {
    loop *l = argument;
    for (size_t i; (i = atomic_fetch_add(&l->next, 1)) < l->n;) l->body(l->context, i);
    return NULL;
}

void fcl_parallel_for(size_t n, void (*body)(void *, size_t), void *context) {
    loop l = {.n = n, .body = body, .context = context};
    pthread_t threads[FCL_MAX_THREADS];
    unsigned wanted = fcl_threads(fcl_thread_processors()), started = 0;
    if (wanted > FCL_MAX_THREADS) wanted = FCL_MAX_THREADS;
    /* A thread that cannot be started is no error: this one does its share. */
    while (started + 1 < wanted && started + 1 < n && pthread_create(&threads[started], NULL, work, &l) == 0) started++;
    work(&l);
    for (unsigned i = 0; i < started; i++) pthread_join(threads[i], NULL);
}
