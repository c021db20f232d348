#include "train/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

static const char what[] = "batches in a device's memory";

enum { IMAGES, TARGETS, MASK, N_PIECES };

/* Where the batches of a slot are made. */
typedef struct place {
    fcl_buffer *buffers[N_PIECES];
    void *mapped[N_PIECES]; /* NULL: the device has it */
} place;

struct fcl_stage {
    fcl_batches *batches;
    fcl_buffer *inputs[N_PIECES]; /* the network's, lent */
    place *places;                /* (slots) */
};

static int is_possible(const fcl_team *team, const fcl_replica *first, const fcl_batches *batches) {
    unsigned n_all;
    uint64_t version;
    fcl_team_samples(&n_all, &version, team);
    return n_all == 1 && fcl_device_facts(first->device)->host_unified_memory &&
           fcl_replica_n_parts(first, (fcl_share){0, fcl_batches_largest(batches)}) == 1;
}

static fcl_status create_place(place *p, fcl_device *device, fcl_buffer *const *inputs) {
    static const char *const labels[N_PIECES] = {"images of a batch", "targets of a batch", "mask of a batch"};
    fcl_status status = FCL_OK;
    for (int i = 0; i < N_PIECES; i++) {
        const size_t n_bytes = fcl_buffer_bytes(inputs[i]);
        FCL_TRY(fcl_buffer_create(&p->buffers[i], device, n_bytes, labels[i]));
        FCL_TRY(fcl_buffer_map(&p->mapped[i], p->buffers[i], n_bytes));
    }
done:
    return status;
}

static void lend(const fcl_stage *stage, unsigned slot) {
    void *const *mapped = stage->places[slot].mapped;
    fcl_batches_set_memory(
        stage->batches, slot,
        &(fcl_batch_memory){.images = mapped[IMAGES], .targets = mapped[TARGETS], .mask = mapped[MASK]});
}

/* A benchmark begins many trainings: what a driver cannot do is told once. */
static int is_new(const char *reason) {
    static _Thread_local char told[256];
    char now[sizeof told];
    snprintf(now, sizeof now, "%s", reason);
    const int differs = strcmp(now, told) != 0;
    memcpy(told, now, sizeof told);
    return differs;
}

fcl_status fcl_stage_create(fcl_stage **out, fcl_team *team, fcl_batches *batches) {
    fcl_status status;
    fcl_stage *stage = NULL;
    const fcl_replica *first = fcl_team_first(team);
    if (!is_possible(team, first, batches)) {
        *out = NULL;
        return FCL_OK;
    }
    FCL_TRY(FCL_NEW(&stage, 1, what));
    stage->batches = batches;
    stage->inputs[IMAGES] = fcl_network_input(first->network);
    stage->inputs[TARGETS] = fcl_network_targets(first->network);
    stage->inputs[MASK] = fcl_network_mask(first->network);
    FCL_TRY(FCL_NEW(&stage->places, fcl_batches_n_slots(), what));
    for (unsigned slot = 0; slot < fcl_batches_n_slots(); slot++)
        FCL_TRY(create_place(&stage->places[slot], first->device, stage->inputs));
    fcl_batches_stop(batches);
    for (unsigned slot = 0; slot < fcl_batches_n_slots(); slot++) lend(stage, slot);
    *out = stage;
    stage = NULL;
done:
    fcl_stage_free(stage);
    const int lacks_memory = status == FCL_E_DEVICE_MEMORY || status == FCL_E_MEMORY;
    if (!lacks_memory && status != FCL_E_DEVICE) return status;
    /* Copying needs no more than any training does. */
    if (lacks_memory || is_new(fcl_error_message()))
        fcl_log(lacks_memory ? FCL_LOG_INFO : FCL_LOG_WARNING,
                "batches are copied to the device instead of being prepared in its memory: %s", fcl_error_message());
    *out = NULL;
    return FCL_OK;
}

void fcl_stage_free(fcl_stage *stage) {
    if (!stage) return;
    char *first = fcl_error_keep();
    fcl_batches_stop(stage->batches);
    for (unsigned slot = 0; stage->places && slot < fcl_batches_n_slots(); slot++) {
        place *p = &stage->places[slot];
        fcl_batches_set_memory(stage->batches, slot, NULL);
        for (int i = 0; i < N_PIECES; i++) {
            if (p->mapped[i]) fcl_buffer_unmap(p->buffers[i], p->mapped[i]);
            fcl_buffer_free(p->buffers[i]);
        }
    }
    fcl_error_restore(first);
    free(stage->places);
    free(stage);
}

fcl_status fcl_stage_enter(fcl_stage *stage, fcl_batch *batch) {
    fcl_status status = FCL_OK;
    place *p = &stage->places[batch->slot];
    for (int i = 0; i < N_PIECES; i++) {
        FCL_TRY(fcl_buffer_unmap(p->buffers[i], p->mapped[i]));
        p->mapped[i] = NULL;
        fcl_buffer_swap(p->buffers[i], stage->inputs[i]);
        FCL_TRY(fcl_buffer_map_async(&p->mapped[i], p->buffers[i], fcl_buffer_bytes(p->buffers[i])));
    }
    lend(stage, batch->slot);
    batch->images = batch->targets = batch->mask = NULL;
done:
    return status;
}
