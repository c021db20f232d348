/* A clock that only sleep moves, and a little each look, which stands before the real one (the linker's --wrap): solvers that sleep
 * take so long and no longer, whatever else the machine does. */
#include "base/clock.h"

double __wrap_fcl_clock_seconds(void);
void __wrap_fcl_clock_sleep(double seconds);

static double now = 1000.0;

double __wrap_fcl_clock_seconds(void) {
    return now += 1e-6;
}

void __wrap_fcl_clock_sleep(double seconds) {
    now += seconds;
}
