#include "train/pace.h"

#include <math.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/suspend.h"

/* Shorter rests cost more switching than they give. A longer one would look like a program that hangs, and may be owed only
 * because the process was stopped behind its back. */
static const double shortest_rest = 0.02, longest_rest = 60.0;
/* How soon a rest notices that it is to end, and what need not be slept any more. */
static const double longest_sleep = 0.02, shortest_sleep = 1e-6;

void fcl_pace_begin(fcl_pace *pace, double duty, const fcl_pace_clock *clock) {
    static const fcl_pace_clock real = {fcl_clock_seconds, fcl_clock_sleep};
    *pace = (fcl_pace){.clock = clock ? *clock : real, .duty = duty};
    pace->since = pace->clock.now();
}

int fcl_pace_has_rests(const fcl_pace *pace) {
    return pace->duty < 1.0;
}

void fcl_pace_note_idle(fcl_pace *pace, double seconds) {
    pace->since += seconds;
}

/* Seconds since the last call. */
static double lap(fcl_pace *pace) {
    const double now = pace->clock.now(), passed = now - pace->since;
    pace->since = now;
    return passed;
}

void fcl_pace_rest(fcl_pace *pace) {
    pace->owed = fmin(pace->owed + lap(pace) * (1.0 - pace->duty) / pace->duty, longest_rest);
    if (pace->owed < shortest_rest) return;
    while (pace->owed > shortest_sleep && !fcl_interrupt_requested() && !fcl_suspend_requested()) {
        pace->clock.sleep(fmin(pace->owed, longest_sleep));
        pace->owed -= lap(pace);
    }
    /* What was cut short is not made up for. */
    pace->owed = fmax(fmin(pace->owed, 0.0), -longest_sleep);
}
