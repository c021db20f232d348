/*
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011),
 * from Random123. The key is the seed; the counter is (purpose, step, position), so that a number depends on what it is
 * for and where it stands in the whole batch or epoch, never on the device, the batch split or an interruption.
 */
#ifndef FCL_BASE_RANDOM_H
#define FCL_BASE_RANDOM_H

#include "base/error.h"

#include <stdint.h>

/* What a number is for. Values are part of every recorded result: never renumber. Dropout layer number l (counted from
 * 0 over the dropout layers of a model) uses FCL_RANDOM_DROPOUT + l on host and device. */
typedef enum fcl_random_purpose {
    FCL_RANDOM_SHUFFLE = 1,
    FCL_RANDOM_SPLIT = 2,
    FCL_RANDOM_AUGMENT = 3,
    FCL_RANDOM_SYNTH = 4,
    FCL_RANDOM_TEST = 5,
    FCL_RANDOM_SAMPLES = 6,
    FCL_RANDOM_WEIGHTS = 0x10000, /* + index of the parameter tensor */
    FCL_RANDOM_DROPOUT = 0x20000, /* + index of the dropout layer */
} fcl_random_purpose;

/* Four 32-bit numbers: philox4x32-10 with key (low, high word of seed) and counter
 * (low word of position, high word of position, step, purpose). */
void fcl_random_block(uint32_t out[4], uint64_t seed, uint32_t purpose, uint32_t step, uint64_t position);
/* In [0, 1): word >> 8 times 2^-24, exact in float, the same on every device. */
float fcl_random_unit(uint32_t word);
/* A stream for host code that draws many numbers in turn: positions count up. */
typedef struct fcl_random_stream {
    uint64_t seed, position;
    uint32_t purpose, step, words[4];
    int left;
} fcl_random_stream;
fcl_random_stream fcl_random_stream_make(uint64_t seed, uint32_t purpose, uint32_t step);
double fcl_random_uniform(fcl_random_stream *stream, double low, double high); /* [low, high), 53 bits */
double fcl_random_normal(fcl_random_stream *stream);                           /* mean 0, standard deviation 1 */
uint64_t fcl_random_below(fcl_random_stream *stream, uint64_t n);              /* 0..n-1, without bias; n > 0 */
/* A permutation of 0..n-1 (Fisher-Yates). */
void fcl_random_permutation(uint32_t *out, size_t n, uint64_t seed, uint32_t purpose, uint32_t step);

#endif
