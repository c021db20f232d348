#include "net/share.h"

size_t fcl_share_n_parts(fcl_share share, size_t largest) {
    return (share.n + largest - 1) / largest;
}

fcl_share fcl_share_part(fcl_share share, size_t n_parts, size_t index) {
    size_t n = share.n / n_parts, n_larger = share.n % n_parts;
    return (fcl_share){.first = share.first + index * n + (index < n_larger ? index : n_larger),
                       .n = n + (index < n_larger)};
}
