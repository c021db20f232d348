/*
 * The devices of a run, with what the training has on each of them: solvers, a plan of its memory, the network; and the team
 * that they are.
 */
#ifndef FCL_TRAIN_MEMBERS_H
#define FCL_TRAIN_MEMBERS_H

#include "net/memory_plan.h"
#include "train/run.h"
#include "train/team.h"

typedef struct fcl_member_parts {
    fcl_device *device;
    fcl_memory_plan plan;
    fcl_network *network;
} fcl_member_parts;

typedef struct fcl_members {
    fcl_member_parts *list; /* (n) */
    unsigned n;
    fcl_device **devices; /* (n): opened together, freed together */
    unsigned n_all;       /* with those of other ranks */
    fcl_team *team;
    /* All are the devices and drivers that the run last used, so that it goes on with its bits. */
    int as_recorded;
    int parts_changed; /* batches are divided into other parts than the run recorded */
} fcl_members;

/* What of the arguments concerns them. */
typedef struct fcl_members_setup {
    const char *devices; /* selectors, as for fcl_device_open_several() */
    const fcl_model *model;
    const fcl_recipe *recipe;
    uint64_t memory_limit; /* bytes on each device; 0: what it has */
    const double *duties;  /* (n_duties): one for all, or one each; none: 1 */
    unsigned n_duties;
    const fcl_run *recorded; /* whose solvers, parts and shares are used where devices and drivers are the same */
    int replays;             /* only as recorded, from the first step on */
    const unsigned *shares;  /* (n_shares), or none: automatic, or as recorded */
    unsigned n_shares;
} fcl_members_setup;

/* Opens the devices of this rank. FCL_E_USAGE where duties are not as many as they are, or shares as those of all ranks. */
fcl_status fcl_members_open(fcl_members *out, const fcl_members_setup *setup);
/* Plans memory, chooses solvers, builds the networks and the team. */
fcl_status fcl_members_build(fcl_members *members, const fcl_members_setup *setup);
/* A device that does not answer any more keeps what it has. */
void fcl_members_dispose(fcl_members *members);
/* Tells what each takes of its device's memory. */
fcl_status fcl_members_log_plans(const fcl_members *members);
/* Notes in the run from which step on it uses these devices, solvers, parts and shares, and writes its config. */
fcl_status fcl_members_record(const fcl_members *members, fcl_run *run, uint64_t first_step);

#endif
