/*
 * The devices of one training, each with a replica of the network. A batch is divided among them in shares; their gradients add
 * up to the batch's (exchange.h), and each applies the same update, so that they stay alike. With one device there are no threads
 * and no exchange, and a step is only enqueued.
 *
 * A device that fails or does not answer any more is dropped: the step is repeated from the same weights on the others.
 *
 * With several ranks (ranks/ranks.h) each has a team, of its own devices, and all of them share a batch: shares are those of the
 * members of all ranks, in the order of ranks. Then all ranks must make the same calls, and a device that fails ends the training.
 */
#ifndef FCL_TRAIN_TEAM_H
#define FCL_TRAIN_TEAM_H

#include "train/replica.h"
#include "train/shares.h"

typedef struct fcl_team fcl_team;

/* From a step on, how many samples of a whole batch each member computes; 0: it has been dropped or left out. */
typedef struct fcl_share_record {
    uint64_t first_step;
    unsigned samples[FCL_MAX_REPLICAS]; /* of all ranks */
} fcl_share_record;

typedef enum fcl_share_mode {
    FCL_SHARES_AUTO, /* begin in proportion to a short measurement, or as recorded, and adapt */
    FCL_SHARES_FIXED /* as recorded for each step; the last record stays */
} fcl_share_mode;

typedef struct fcl_team_member {
    fcl_device *device;   /* lent */
    fcl_network *network; /* lent; all of one model */
    double duty;          /* the share of the time that the device may work, up to 1 */
} fcl_team_member;

typedef struct fcl_team_setup {
    const fcl_team_member *members; /* (n) */
    unsigned n;                     /* 1..FCL_MAX_REPLICAS */
    unsigned batch;                 /* samples of a whole batch */
    fcl_share_mode mode;
    const fcl_share_record *records; /* (n_records), by first_step; none: not known yet */
    size_t n_records;
} fcl_team_setup;

/* FCL_E_USAGE where so many duties, shares or samples of a batch are not for n devices, of n_all on all ranks. No duties or no shares
 * are right for any number. */
fcl_status fcl_team_check_counts(unsigned n, unsigned n_all, unsigned n_duties, unsigned n_shares, unsigned batch);
/* The duty of member `index`: of one for all, of one each, or, without any, 1. */
double fcl_team_duty(const double *duties, unsigned n_duties, unsigned index);
fcl_status fcl_team_create(fcl_team **out, const fcl_team_setup *setup);
/* A member whose device does not answer is left as it is, with what it may still read (fcl_team_is_lost()). */
void fcl_team_free(fcl_team *team);

unsigned fcl_team_size(const fcl_team *team);
/* Samples of a whole batch. */
unsigned fcl_team_batch(const fcl_team *team);
/* NULL when it was dropped. */
fcl_replica *fcl_team_replica(fcl_team *team, unsigned index);
/* The first that was not dropped, to read weights from; with all dropped one that may still tell them; NULL when all are lost. */
fcl_replica *fcl_team_first(fcl_team *team);
/* Its device does not answer: it, its network and the batches that it was given must be left alone for ever. */
int fcl_team_is_lost(const fcl_team *team, unsigned index);
/* Whether any is. */
int fcl_team_has_lost(const fcl_team *team);
/* The samples of n that member `index` computes now. */
fcl_share fcl_team_share(const fcl_team *team, size_t n, unsigned index);
/* The shares of a whole batch now, (n) of the members of all ranks; NULL before the first step has measured them. *version, from
 * 1, grows when they change. Lends. */
const unsigned *fcl_team_samples(unsigned *n, uint64_t *version, const fcl_team *team);
/* Which of them this rank's members are. */
fcl_share fcl_team_window(const fcl_team *team);
/* A signal asked to end: this process, or with several ranks any of them, as all learn with the same step. */
int fcl_team_stop_requested(const fcl_team *team);
/* All shares since the team was made, those that it was given included; lends until the next step. */
const fcl_share_record *fcl_team_records(size_t *n, const fcl_team *team);

/* Where a member's time went since the team was made, in steps that it took together with others. */
typedef struct fcl_member_times {
    double busy;     /* seconds until its own gradients were complete; with its rests */
    double waiting;  /* then until those of the last member were */
    double exchange; /* then until the sums were back on the device: what no computing hides */
    uint64_t n_steps, n_samples;
} fcl_member_times;
fcl_member_times fcl_team_times(const fcl_team *team, unsigned index);

/* One step. *done: the batch is not needed any more; else it is when FCL_STEPS_IN_FLIGHT more steps are enqueued, or all are
 * landed. When this fails no device is left, or the host has no memory. */
fcl_status fcl_team_step(int *done, fcl_team *team, const fcl_batch *batch, uint64_t step, int dropout,
                         const fcl_adam *adam);
/* Waits until all devices have done all. */
fcl_status fcl_team_land_all(fcl_team *team);
/* The same after a failure, whatever became of it, also for devices that were dropped: then nothing reads the batches any more. The
 * message stays. Returns whether a device does not answer, now or since earlier (fcl_team_has_lost()): among several, one is waited
 * for as long as in a step. NULL is a team without devices. */
int fcl_team_settle(fcl_team *team);

/* Other work that is divided among the members, on their threads: `work` computes samples [share.first, share.first + share.n) of
 * n. When a member fails all of it is done once more by the others. */
typedef fcl_status (*fcl_team_work)(void *context, fcl_replica *replica, fcl_share share);
fcl_status fcl_team_run(fcl_team *team, size_t n, fcl_team_work work, void *context);

/* Weights and moments that are the same on all. */
fcl_status fcl_team_write(fcl_team *team, fcl_arena arena, const fcl_tensors *tensors);
fcl_status fcl_team_reset_optimizer(fcl_team *team);
/* Devices may round a division or square root otherwise; after this all of this rank have the bits of the first; or all of all
 * ranks, who must all call it then, those of rank 0. */
fcl_status fcl_team_level(fcl_team *team);
fcl_status fcl_team_level_ranks(fcl_team *team);
/* values (n, per_sample), of which each rank has those of its members' samples: then all have all. */
fcl_status fcl_team_gather(fcl_team *team, float *values, size_t n, size_t per_sample);

#endif
