/*
 * The processes of one training: MPI's ranks, numbered from 0, started together by mpirun on one machine or several. A process
 * that was started alone is rank 0 of 1; then nothing here needs MPI, and little is done.
 *
 * All ranks call the same functions in the same order, with the same sizes; a call may wait for the others. One thread at a time
 * calls them. When something fails on one rank alone, here or elsewhere, the others would wait for it for ever: it ends them with
 * fcl_ranks_abort(). MPI's own failures are FCL_E_IO.
 */
#ifndef FCL_RANKS_RANKS_H
#define FCL_RANKS_RANKS_H

#include "base/error.h"

/* At the start of a program: joins the others when the environment says that mpirun, or what stands for it, started this process.
 * FCL_E_USAGE when there are others and they cannot be joined, since each would do the whole work then: fiducl was built without
 * MPI, or with another one than mpirun's. */
fcl_status fcl_ranks_init(void);
/* At the end; waits for the others. */
void fcl_ranks_finalize(void);
/* Ends all ranks, this one included, and mpirun with this exit code; returns only where there is one rank. */
void fcl_ranks_abort(int exit_code);

unsigned fcl_ranks_count(void); /* at least 1 */
unsigned fcl_ranks_index(void);
/* The name of the machine that a rank runs on; lends until fcl_ranks_finalize(). */
const char *fcl_ranks_host(unsigned index);

/* Rank 0's bytes to all. */
fcl_status fcl_ranks_broadcast(void *bytes, size_t n_bytes);
/* The bytes of every rank to every rank: all (ranks, n_bytes). */
fcl_status fcl_ranks_gather(void *all, const void *mine, size_t n_bytes);
/* Likewise with n_bytes (ranks), one after the other. `mine` may be where it goes in `all`. */
fcl_status fcl_ranks_gather_parts(void *all, const size_t *n_bytes, const void *mine);
/* values (n), in place: the sums over all ranks, in their order, so that every rank has the same bits. For a few: losses, votes. */
fcl_status fcl_ranks_sum(double *values, size_t n);

/* What must be the same on all ranks, such as a hash of the data. */
typedef struct fcl_rank_fact {
    const char *what; /* "data", as a message names it */
    const char *text;
} fcl_rank_fact;
/* FCL_E_INPUT on every rank where they are not all the same on all: names the first that is not, and which ranks on which
 * machines differ from most. */
fcl_status fcl_ranks_compare(const fcl_rank_fact *facts, size_t n);

/*
 * Sums of float arrays over all ranks, in place. Several may be under way at once, each in an object of its own; they go on while
 * any of them is begun or finished. They are begun in the same order on all ranks, and finished in any.
 */
typedef enum fcl_rank_order {
    /* Each element is summed by one rank as ((r0 + r1) + r2) + ...: the same bits on every rank and in every run, whatever MPI and
     * the network do. */
    FCL_RANK_ORDER_FIXED,
    /* MPI's own sum, in an order that it chooses: may be faster with many ranks. */
    FCL_RANK_ORDER_ANY
} fcl_rank_order;

typedef struct fcl_rank_sum fcl_rank_sum;
/* For arrays of at most `largest` values. */
fcl_status fcl_rank_sum_create(fcl_rank_sum **out, size_t largest, fcl_rank_order order);
/* One that is under way, as after a failure, leaves its memory to MPI. */
void fcl_rank_sum_free(fcl_rank_sum *sum);
/* From here on values (n) must not be touched until it is finished. */
fcl_status fcl_rank_sum_begin(fcl_rank_sum *sum, float *values, size_t n);
fcl_status fcl_rank_sum_finish(fcl_rank_sum *sum);

#endif
