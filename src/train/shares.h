/*
 * How a batch is divided among several devices: whole samples in proportion to measured speeds, followed as these change.
 * Arithmetic alone: who measures and who computes is elsewhere.
 */
#ifndef FCL_TRAIN_SHARES_H
#define FCL_TRAIN_SHARES_H

#include <stdint.h>

enum { FCL_MAX_REPLICAS = 64 };

/* Divides `batch` samples in proportion to n speeds (0 and more, not all 0): whole samples by largest remainder, of equal ones
 * the lower index first. Their sum is the batch; speed 0 gets none. */
void fcl_shares_divide(unsigned *samples, const double *speeds, unsigned n, unsigned batch);

/* Times a sample of n devices, of which those of one kind are alike, by a short measurement: within a kind whose devices are all
 * within 10 % of their mean, which is noise, each gets the mean. 0 and INFINITY, not measured and left out, stay. */
void fcl_shares_even_out(double *seconds, const unsigned *kinds, unsigned n);

/* The latest times of one device, or of whole steps, under the shares of now. */
typedef struct fcl_times {
    double seconds[16];
    unsigned n, next;
} fcl_times;

/*
 * Shares that follow what steps take. With s samples a device takes a + b * s seconds; every move goes most of the way to shares in
 * proportion to samples / seconds, which stay as they are only where all take the same time.
 *
 * In the beginning it looks every 4 steps and moves whatever is off by more than noise; 48 steps later, every 16 steps, and moves
 * only what is clearly off (by 10 % where times scatter by 5 %) and saves 3 % of a step, after which it is a beginning again. Of
 * 3500 simulated runs with such times 3492 had every share within 5 % after 50 steps, and 3496 did not change in the next
 * 1950. Single steps of 1.5 times the usual count for nothing.
 */
typedef struct fcl_balance {
    unsigned n, batch;
    unsigned samples[FCL_MAX_REPLICAS]; /* (n): the shares of now */
    double speeds[FCL_MAX_REPLICAS];    /* (n): samples a second when last looked at; 0: left out */
    int adapts;
    int measured;             /* speeds are of steps, not of the beginning */
    int begins;               /* no step was looked at since the shares were set */
    uint64_t looked, settled; /* the steps of the last look, and from which on looks are rare */
    fcl_times times[FCL_MAX_REPLICAS], steps;
} fcl_balance;

/* n: 1..FCL_MAX_REPLICAS, batch: 1 and more. Begins with shares for these seconds, one for a device at least; INFINITY leaves it
 * out. Shares that are known, of a run that goes on, come again from seconds of 1 / samples. */
void fcl_balance_begin(fcl_balance *b, unsigned n, unsigned batch, const double *seconds_per_sample);
/* Shares that stay as they are: (n), 0 leaves out. */
void fcl_balance_fix(fcl_balance *b, unsigned n, const unsigned *samples);
/* A device was busy for so long with a step's share. Another number of samples than its share of now, as in the smaller batch at an
 * epoch's end or in a step that began before a change, is passed over. */
void fcl_balance_note(fcl_balance *b, unsigned index, unsigned samples, double seconds);
/* After each step, steps counted up: 1 when `samples` changed. None of those that are not left out comes to 0. */
int fcl_balance_adapt(fcl_balance *b, uint64_t step);

typedef enum fcl_leave_reason {
    FCL_LEAVE_TOO_SLOW,    /* its part of the speed is less than half a sample */
    FCL_LEAVE_FASTER_ALONE /* the fastest one would take less time for all than all together do */
} fcl_leave_reason;

typedef struct fcl_leave_out {
    fcl_leave_reason reason;
    unsigned n, index[FCL_MAX_REPLICAS]; /* whom to leave out */
    double share[FCL_MAX_REPLICAS];      /* (n): their part of the speed, in samples */
    unsigned fastest;                    /* FASTER_ALONE: who stays, */
    double alone_seconds, step_seconds;  /* what it would take and what a step of all takes */
} fcl_leave_out;

/* After each step: 1 and *out when devices should be left out. `step_seconds` is what the step took by the clock, without waiting
 * for its batch to be prepared; 0 where that says nothing (a smaller batch). What is too slow is known from the beginning, from
 * its seconds, else when it took 16 steps with one sample; what is faster alone after 16 steps of the same shares. Fixed shares
 * are never left out. */
int fcl_balance_leave_out(fcl_balance *b, double step_seconds, fcl_leave_out *out);
/* Divides its share among the others, of whom there must be one. */
void fcl_balance_drop(fcl_balance *b, unsigned index);

#endif
