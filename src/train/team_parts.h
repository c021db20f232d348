/*
 * The team itself, for the files that it consists of: team.c has its making and its steps, team_jobs.c the threads of its members
 * and what they are given to do, team_shares.c who computes how much of a batch, team_sync.c what is to be the same on all
 * members and ranks.
 */
#ifndef FCL_TRAIN_TEAM_PARTS_H
#define FCL_TRAIN_TEAM_PARTS_H

#include "base/thread.h"
#include "train/exchange.h"
#include "train/team.h"

/* What a member brings home from a job. */
typedef struct fcl_outcome {
    fcl_status status;
    char *message; /* of a failure */
    int aborted;   /* another one failed; nothing is known against this one */
    fcl_exchanged exchanged;
    double began; /* on the clock: when its device could begin with this step */
} fcl_outcome;

typedef struct fcl_member {
    fcl_team *team;
    unsigned index;
    fcl_replica replica;
    int is_live, is_lost, was_levelled;
    double free_since; /* on the clock: when the last exchange left the device to itself; 0: never yet */
    pthread_t thread;
    int has_thread, has_job;
    fcl_outcome outcome;
    fcl_member_times times;
} fcl_member;

/* What a member is to do: a step, or work, or to wait until its device has done all. */
typedef struct fcl_job {
    size_t n;      /* samples, of all members */
    int exchanges; /* a step: there are others whose gradients belong to it */
    int settles;   /* neither step nor work */
    fcl_task task; /* with the member's share, of work too */
    /* Copies: a member that was given up may come back when the originals are gone. */
    fcl_batch batch;
    fcl_adam adam;
    fcl_team_work work;
    void *context;
} fcl_job;

struct fcl_team {
    fcl_member *members; /* (n), of this rank */
    unsigned n, n_live;
    unsigned n_all, first; /* members of all ranks; where this rank's begin among them */
    size_t *rank_bytes;    /* (ranks) what is exchanged of each one's members, see fcl_team_gather_times() */
    unsigned batch;
    fcl_exchange *exchange; /* NULL: there is one member only */
    fcl_share_mode mode;
    fcl_balance balance;
    unsigned samples[FCL_MAX_REPLICAS]; /* (n_all) of a whole batch, now */
    uint64_t version;                   /* grows when they change */
    int stop_requested;                 /* on any rank, as of the last step */
    int has_shares;
    fcl_share_record *records;
    size_t n_records, records_capacity, n_given, next_record; /* given: from before, or for later steps */
    uint64_t next_step;
    double longest_job; /* seconds */
    /* What threads and their master tell each other. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int stopping;
    fcl_job job; /* of all */
};

int fcl_team_has_ranks(const fcl_team *team);
/* Whether there are others whose gradients belong to a step. */
int fcl_team_has_exchange(const fcl_team *team);
const char *fcl_member_name(const fcl_member *member);

/* A thread for each member. */
fcl_status fcl_team_start_threads(fcl_team *team);
/* Ends those of members that are not lost. */
void fcl_team_end_threads(fcl_team *team);
/* All members do the job. *repeat: it was done by none, or not by all, and the rest of them is to do it. */
fcl_status fcl_team_do(int *repeat, fcl_team *team, const fcl_job *job);
/* A member takes no part any more. The lock is held. */
void fcl_team_retire(fcl_team *team, fcl_member *member);

/* Takes the shares that a team was given; until they are due, or others are found, all members count the same. */
fcl_status fcl_team_begin_shares(fcl_team *team, const fcl_share_record *records, size_t n_records);
/* Before a step: those that are recorded for it, or that a measurement says. */
fcl_status fcl_team_prepare_shares(fcl_team *team, const fcl_task *task);
/* After a step that all who were there took together: adds its times, and finds what they say of the members' speeds and shares that
 * follow from it for the next. */
fcl_status fcl_team_adapt_shares(fcl_team *team, const fcl_task *task, double step_seconds);
/* After members were dropped: the others share what those had, from a step on, in the proportion that they had before. What was
 * planned for later steps is void. */
fcl_status fcl_team_share_anew(fcl_team *team, uint64_t step);
/* The last step's end is not when the next one can begin. */
void fcl_team_forget_times(fcl_team *team);

/* How many members each rank has. */
fcl_status fcl_team_count_ranks(fcl_team *team);
/* A number of each member, of all ranks: every rank gives its own. */
fcl_status fcl_team_gather_times(double *all, const fcl_team *team, const double *own);
/* A rank that is asked to end asks all: they end after the same step. */
fcl_status fcl_team_exchange_votes(fcl_team *team);

#endif
