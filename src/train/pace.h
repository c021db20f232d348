/*
 * What a training leaves to others on its machine: rests, so that a device works a given share of the time only. They come where
 * a piece of work has ended and the device is idle.
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
/* Whether there are any rests. */
int fcl_pace_has_rests(const fcl_pace *pace);
/* The device was idle for so long of the time since the last rest: that was no work. */
void fcl_pace_note_idle(fcl_pace *pace, double seconds);
/* Rests as long as the work since the last rest asks for, by the clock; rests that would be very short are saved up. An
 * interrupt ends it, and so does Ctrl-Z (base/suspend.h), which is left to the caller. */
void fcl_pace_rest(fcl_pace *pace);

#endif
