#include "net/slots.h"

static int overlap(const fcl_lifetime *a, const fcl_lifetime *b) {
    return a->begin <= b->end && b->begin <= a->end;
}

/* Whether no tensor before `i` that has the slot is alive together with tensor i. */
static int is_free(const fcl_lifetime *tensors, unsigned i, int slot) {
    for (unsigned k = 0; k < i; k++)
        if (tensors[k].slot == slot && overlap(&tensors[k], &tensors[i])) return 0;
    return 1;
}

unsigned fcl_slots_assign(fcl_lifetime *tensors, unsigned n, size_t *slot_bytes) {
    unsigned n_slots = 0;
    for (unsigned i = 0; i < n; i++) {
        tensors[i].slot = -1;
        if (tensors[i].bytes == 0) continue;
        int best = -1;
        for (unsigned s = 0; s < n_slots; s++) {
            if (!is_free(tensors, i, (int)s)) continue;
            /* The smallest that is large enough, else the largest, which grows. */
            int fits = slot_bytes[s] >= tensors[i].bytes;
            int best_fits = best >= 0 && slot_bytes[best] >= tensors[i].bytes;
            if (best < 0 || (fits && (!best_fits || slot_bytes[s] < slot_bytes[best])) ||
                (!fits && !best_fits && slot_bytes[s] > slot_bytes[best]))
                best = (int)s;
        }
        if (best < 0) {
            best = (int)n_slots++;
            slot_bytes[best] = 0;
        }
        if (slot_bytes[best] < tensors[i].bytes) slot_bytes[best] = tensors[i].bytes;
        tensors[i].slot = best;
    }
    return n_slots;
}
