/*
 * Shares of a batch. Whoever computes one, a pass of a network or a whole device, needs to know where it begins (random numbers
 * count positions in the whole batch) and the labels of the whole batch (the loss divides by them); then the shares' gradients
 * and losses add up to those of the batch.
 */
#ifndef FCL_NET_SHARE_H
#define FCL_NET_SHARE_H

#include <stddef.h>

typedef struct fcl_share {
    size_t first, n; /* samples [first, first + n) of the batch */
} fcl_share;

/* The fewest parts of at most `largest` samples. */
size_t fcl_share_n_parts(fcl_share share, size_t largest);
/* Part `index` of n_parts (1..share.n), one after the other and as even as possible: those in front have one sample more. */
fcl_share fcl_share_part(fcl_share share, size_t n_parts, size_t index);
/* The share of the index-th of n_weights, one after the other and as near to the proportion of the weights as whole samples can
 * be, by largest remainder: of equal ones the first has one more; a weight of 0 gets nothing. Their sum must not be 0. With the
 * samples of a full batch as weights, that batch is shared as they say and a smaller one likewise. */
fcl_share fcl_share_by_weights(fcl_share share, const unsigned *weights, size_t n_weights, size_t index);

#endif
