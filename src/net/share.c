#include "net/share.h"

#include <assert.h>
#include <stdint.h>

size_t fcl_share_n_parts(fcl_share share, size_t largest) {
    return (share.n + largest - 1) / largest;
}

fcl_share fcl_share_part(fcl_share share, size_t n_parts, size_t index) {
    size_t n = share.n / n_parts, n_larger = share.n % n_parts;
    return (fcl_share){.first = share.first + index * n + (index < n_larger ? index : n_larger),
                       .n = n + (index < n_larger)};
}

fcl_share fcl_share_by_weights(fcl_share share, const unsigned *weights, size_t n_weights, size_t index) {
    uint64_t sum = 0, n_left = share.n;
    for (size_t i = 0; i < n_weights; i++) sum += weights[i];
    assert(sum > 0 && index < n_weights);
    for (size_t i = 0; i < n_weights; i++) n_left -= share.n * (uint64_t)weights[i] / sum;
    fcl_share own = {.first = share.first, .n = 0};
    for (size_t i = 0; i <= index; i++) {
        const uint64_t product = share.n * (uint64_t)weights[i], remainder = product % sum;
        uint64_t n_before = 0; /* that get one of the samples left before this one does */
        for (size_t j = 0; j < n_weights; j++) {
            const uint64_t other = share.n * (uint64_t)weights[j] % sum;
            n_before += other > remainder || (other == remainder && j < i);
        }
        own.first += own.n;
        own.n = (size_t)(product / sum) + (n_before < n_left);
    }
    return own;
}
