#include "base/random.h"

#include <Random123/philox.h>
#include <assert.h>
#include <math.h>

void fcl_random_block(uint32_t out[4], uint64_t seed, uint32_t purpose, uint32_t step, uint64_t position) {
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {{(uint32_t)position, (uint32_t)(position >> 32), step, purpose}};
    philox4x32_ctr_t block = philox4x32(counter, key);
    for (int i = 0; i < 4; i++) out[i] = block.v[i];
}

float fcl_random_unit(uint32_t word) {
    return (float)(word >> 8) * 0x1p-24f;
}

fcl_random_stream fcl_random_stream_make(uint64_t seed, uint32_t purpose, uint32_t step) {
    return (fcl_random_stream){.seed = seed, .purpose = purpose, .step = step};
}

static uint32_t next_word(fcl_random_stream *stream) {
    if (stream->left == 0) {
        fcl_random_block(stream->words, stream->seed, stream->purpose, stream->step, stream->position++);
        stream->left = 4;
    }
    return stream->words[4 - stream->left--];
}

static uint64_t next_long(fcl_random_stream *stream) {
    uint64_t high = next_word(stream);
    return high << 32 | next_word(stream);
}

double fcl_random_uniform(fcl_random_stream *stream, double low, double high) {
    return low + (high - low) * ((double)(next_long(stream) >> 11) * 0x1p-53);
}

double fcl_random_normal(fcl_random_stream *stream) {
    const double two_pi = 6.283185307179586;
    /* Box and Muller, 1958; 1 - u keeps the logarithm's argument above zero. */
    double radius = sqrt(-2.0 * log(1.0 - fcl_random_uniform(stream, 0.0, 1.0)));
    return radius * cos(two_pi * fcl_random_uniform(stream, 0.0, 1.0));
}

uint64_t fcl_random_below(fcl_random_stream *stream, uint64_t n) {
    assert(n > 0);
    uint64_t biased = UINT64_MAX - UINT64_MAX % n, word;
    do word = next_long(stream);
    while (word >= biased);
    return word % n;
}

void fcl_random_permutation(uint32_t *out, size_t n, uint64_t seed, uint32_t purpose, uint32_t step) {
    assert(n <= UINT32_MAX);
    fcl_random_stream stream = fcl_random_stream_make(seed, purpose, step);
    for (size_t i = 0; i < n; i++) {
        size_t j = (size_t)fcl_random_below(&stream, i + 1);
        out[i] = out[j];
        out[j] = (uint32_t)i;
    }
}
