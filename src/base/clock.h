#ifndef FCL_BASE_CLOCK_H
#define FCL_BASE_CLOCK_H

#include <stddef.h>

/* Seconds since some fixed moment, but for those that were skipped; never runs backwards in the thread that
 * skips. */
double fcl_clock_seconds(void);
/* The clock goes on as if the last so many seconds had not been: the process was stopped. */
void fcl_clock_skip(double seconds);
void fcl_clock_sleep(double seconds);
/* The date and time in UTC as "2026-01-31T23:59:59Z". */
enum { FCL_TIMESTAMP_BYTES = 21 };
void fcl_clock_timestamp(char out[FCL_TIMESTAMP_BYTES]);

#endif
