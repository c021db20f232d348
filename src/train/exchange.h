/*
 * The exchange of gradients between the replicas of a team: each has those of its share of the batch, and gets the sum of all.
 * Tensors travel in buckets from the last layer to the first, while the backward pass still computes those before them. Each
 * element is summed in the order of the replicas, so that the result is the same in every run and on every replica. The step's
 * loss and MAE are summed along with them.
 *
 * With several ranks (ranks/ranks.h) the sums of each are summed again over all, in the order of ranks, bucket by bucket without
 * waiting for one before the next is begun.
 *
 * A thread a replica takes part. Where one fails, fcl_exchange_abort() sends the others home; they can begin again.
 */
#ifndef FCL_TRAIN_EXCHANGE_H
#define FCL_TRAIN_EXCHANGE_H

#include "device/buffer.h"
#include "net/network.h"

typedef struct fcl_exchange fcl_exchange;

/* Networks of one model, each on a device of its own; lent. On all ranks. */
fcl_status fcl_exchange_create(fcl_exchange **out, fcl_network *const *networks, unsigned n);
void fcl_exchange_free(fcl_exchange *exchange);

/* Before a step, with no thread inside: who takes part, and of them who has gradients (at least one on
 * any rank). `slot` of the step's loss. */
void fcl_exchange_begin(fcl_exchange *exchange, const unsigned char *takes_part, const unsigned char *has_gradients,
                        uint32_t slot);

/* What a replica saw of an exchange. */
typedef struct fcl_exchanged {
    double ready_at; /* on the clock: when its own gradients were complete */
    double idle;     /* seconds from then to the end of the exchange */
} fcl_exchanged;

/* To be told of replica `index`'s gradients as its backward pass is enqueued. */
fcl_gradient_sink fcl_exchange_sink(fcl_exchange *exchange, unsigned index);
/* After the backward pass was enqueued: returns when the sums are in the device's gradients and STATS, for whatever is enqueued
 * next. Returns FCL_OK on all replicas or on none, but for one whose device fails at its very end. *aborted: another one failed;
 * the gradients are not to be used then. */
fcl_status fcl_exchange_run(fcl_exchanged *out, int *aborted, fcl_exchange *exchange, unsigned index);
/* From any thread: whoever waits for replicas that have not come returns. */
void fcl_exchange_abort(fcl_exchange *exchange);
/* Whether replica `index` is inside and waits for others. From any thread. */
int fcl_exchange_is_waiting(fcl_exchange *exchange, unsigned index);
/* Grows whenever any replica gets on. From any thread. */
uint64_t fcl_exchange_progress(fcl_exchange *exchange);

#endif
