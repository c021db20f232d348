/* Buffers shared by tensors whose lifetimes do not overlap. */
#ifndef FCL_NET_SLOTS_H
#define FCL_NET_SLOTS_H

#include <stddef.h>

/* A tensor lives from `begin` to `end`, both included; slot -1 on return when `bytes` is 0. */
typedef struct fcl_lifetime {
    unsigned begin, end;
    size_t bytes;
    int slot;
} fcl_lifetime;

/* Gives each tensor a slot, in the order of the array, the free one that fits best; slot_bytes[] (at most n)
 * are the sizes that the slots need. Returns their number. */
unsigned fcl_slots_assign(fcl_lifetime *tensors, unsigned n, size_t *slot_bytes);

#endif
