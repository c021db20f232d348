/* Threads: POSIX's, and a parallel loop. */
#ifndef FCL_BASE_THREAD_H
#define FCL_BASE_THREAD_H

#include "base/error.h"

#include <pthread.h>

fcl_status fcl_thread_start(pthread_t *out, void *(*run)(void *), void *argument);
/* Processors that this process may use, at least 1. */
unsigned fcl_thread_processors(void);
enum { FCL_MAX_THREADS = 64 };
/* How many threads each piece of the host's work may have; 0: as many as suit it. For the start of a program. */
void fcl_threads_set(unsigned n);
/* That number, or `usual` where none was set. */
unsigned fcl_threads(unsigned usual);
/* Calls body(context, i) for i in 0..n-1 on fcl_threads() threads, usually as many as there are processors; returns when all
 * are done. */
void fcl_parallel_for(size_t n, void (*body)(void *context, size_t i), void *context);

#endif
