/* What the results of `bench scaling` say besides their samples. */
#ifndef FCL_BENCH_SCALING_FACTS_H
#define FCL_BENCH_SCALING_FACTS_H

#include "bench/bench.h"
#include "train/team.h"

/* What was seen of a team's steps; all lent, the lists have a value for each device. */
typedef struct fcl_scaling_seen {
    const fcl_team *team;
    const fcl_network *network; /* of one of the devices */
    const fcl_member_times *times;
    const double *alone; /* images/s; NaN: not known */
    const double *update_seconds;
} fcl_scaling_seen;

/* Into the details of a device's result: which device it is, and what an update takes. */
fcl_status fcl_scaling_note_alone(fcl_result *result, const fcl_bench *bench, unsigned index, double update_seconds);
/* Into those of all together: each device's share and where its time went, all shares, and, for tools/simulate-scaling, the
 * bytes of each layer's gradients and after which part of a step's operations they are complete. */
fcl_status fcl_scaling_note_together(fcl_result *result, const fcl_bench *bench, const fcl_scaling_seen *seen);

#endif
