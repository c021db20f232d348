/*
 * What a training leaves to others on its machine: rests, so that the device works a given share of the time only, and stops at
 * Ctrl-Z. Both come where a piece of work has ended and the device is idle.
 */
#ifndef FCL_TRAIN_PACE_H
#define FCL_TRAIN_PACE_H

typedef struct fcl_pace_clock {
    double (*now)(void); /* seconds */
    void (*sleep)(double seconds);
} fcl_pace_clock;

typedef struct fcl_pace {
    fcl_pace_clock clock;
    double duty;  /* the share of the time, in (0, 1]; 1: no rests */
    double since; /* on the clock: what was before is accounted for */
    double owed;  /* seconds of rest, for work that none has followed yet; below 0 after a rest that was too long */
} fcl_pace;

/* Work begins. The clock NULL: the real one. */
void fcl_pace_begin(fcl_pace *pace, double duty, const fcl_pace_clock *clock);
/* Whether to let the device become idle after the piece of work at hand, and call fcl_pace_break(). `pace` may be NULL. */
int fcl_pace_wants_break(const fcl_pace *pace);
/* Rests as long as the work since the last rest asks for, by the clock; rests that would be very short are saved up. An
 * interrupt ends it, and so does Ctrl-Z, which then stops the process. `pace` may be NULL. */
void fcl_pace_break(fcl_pace *pace);

#endif
