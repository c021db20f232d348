#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#define NANOSECOND 1e-9

static atomic_llong skipped_nanoseconds;

double fcl_clock_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + NANOSECOND * (double)(now.tv_nsec - atomic_load(&skipped_nanoseconds));
}

void fcl_clock_skip(double seconds) {
    atomic_fetch_add(&skipped_nanoseconds, (long long)(seconds / NANOSECOND));
}

void fcl_clock_sleep(double seconds) {
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) / NANOSECOND);
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

void fcl_clock_timestamp(char out[FCL_TIMESTAMP_BYTES]) {
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(out, FCL_TIMESTAMP_BYTES, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
