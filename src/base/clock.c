#include "base/clock.h"

#include <errno.h>
#include <time.h>

double fcl_clock_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void fcl_clock_sleep(double seconds) {
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)(1e9 * (seconds - (double)left.tv_sec));
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

void fcl_clock_timestamp(char out[FCL_TIMESTAMP_BYTES]) {
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(out, FCL_TIMESTAMP_BYTES, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
