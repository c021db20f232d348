#include "train/replica.h"

#include "device/queue.h"

void fcl_replica_init(fcl_replica *replica, fcl_device *device, fcl_network *network, double duty) {
    *replica = (fcl_replica){.device = device, .network = network};
    fcl_pace_begin(&replica->pace, duty, NULL);
}

static fcl_status upload(fcl_network *network, const fcl_batch *batch, fcl_share share) {
    const size_t pixels = (size_t)FCL_IMAGE_SIDE * FCL_IMAGE_SIDE, first_label = share.first * FCL_N_COORDINATES;
    const size_t image_bytes = share.n * pixels * sizeof(float),
                 label_bytes = share.n * FCL_N_COORDINATES * sizeof(float);
    fcl_status status;
    if (!batch->images) return FCL_OK;
    FCL_TRY(fcl_buffer_write_async(fcl_network_input(network), 0, batch->images + share.first * pixels, image_bytes));
    FCL_TRY(fcl_buffer_write_async(fcl_network_targets(network), 0, batch->targets + first_label, label_bytes));
    FCL_TRY(fcl_buffer_write_async(fcl_network_mask(network), 0, batch->mask + first_label, label_bytes));
done:
    return status;
}

size_t fcl_replica_n_parts(const fcl_replica *replica, fcl_share share) {
    return fcl_share_n_parts(share, (size_t)fcl_network_batch(replica->network));
}

static fcl_pass pass_of(const fcl_task *task, fcl_share part) {
    return (fcl_pass){.n = (int)part.n,
                      .dropout = task->dropout,
                      .step = (uint32_t)task->step,
                      .first_sample = (uint32_t)part.first,
                      .inverse_count = task->batch->n_labelled ? 1.0f / (float)task->batch->n_labelled : 0.0f,
                      .slot = (uint32_t)((task->step - 1) % FCL_STATS_SLOTS),
                      .accumulate = part.first > task->share.first};
}

/* Uploads part `index` of the share; *pass is how it is computed. */
static fcl_status load_part(fcl_pass *pass, const fcl_replica *replica, const fcl_task *task, size_t index) {
    const fcl_share part = fcl_share_part(task->share, fcl_replica_n_parts(replica, task->share), index);
    *pass = pass_of(task, part);
    return upload(replica->network, task->batch, part);
}

fcl_status fcl_replica_gradients(fcl_replica *replica, const fcl_task *task, const fcl_gradient_sink *sink) {
    fcl_status status = FCL_OK;
    fcl_network *network = replica->network;
    const size_t n_parts = fcl_replica_n_parts(replica, task->share);
    if (n_parts == 0 && sink) return sink->complete(sink->user, 0);
    for (size_t i = 0; i < n_parts; i++) {
        fcl_pass pass;
        FCL_TRY(load_part(&pass, replica, task, i));
        FCL_TRY(fcl_network_forward(network, &pass));
        FCL_TRY(fcl_network_loss(network, &pass));
        FCL_TRY(fcl_network_backward(network, &pass, i + 1 == n_parts ? sink : NULL));
    }
done:
    return status;
}

fcl_status fcl_replica_update(fcl_replica *replica, const fcl_task *task, const fcl_adam *adam) {
    fcl_status status;
    const fcl_pass pass = pass_of(task, (fcl_share){.n = 1}); /* whole arenas have no samples */
    FCL_TRY(fcl_network_update(replica->network, &pass, adam));
    FCL_TRY(fcl_fence_create(&replica->flights[task->step % FCL_STEPS_IN_FLIGHT], replica->device));
done:
    return status;
}

fcl_status fcl_replica_land(fcl_replica *replica, uint64_t step) {
    fcl_fence **flight = &replica->flights[step % FCL_STEPS_IN_FLIGHT];
    if (!*flight) return FCL_OK;
    fcl_status status = fcl_fence_wait(*flight);
    fcl_fence_free(*flight);
    *flight = NULL;
    return status;
}

fcl_status fcl_replica_land_all(fcl_replica *replica) {
    fcl_status status = FCL_OK;
    for (uint64_t i = 0; i < FCL_STEPS_IN_FLIGHT; i++) FCL_TRY_ALSO(fcl_replica_land(replica, i));
    return status;
}

fcl_status fcl_replica_rest(fcl_replica *replica) {
    if (!fcl_pace_has_rests(&replica->pace)) return FCL_OK;
    fcl_status status = fcl_replica_land_all(replica);
    if (status == FCL_OK) fcl_pace_rest(&replica->pace);
    return status;
}

fcl_status fcl_replica_inspect(fcl_finding *out, fcl_replica *replica, const fcl_task *task, const fcl_adam *adam) {
    fcl_status status = FCL_OK;
    fcl_finding found = {.cause = FCL_CAUSE_NONE};
    const size_t n_parts = fcl_replica_n_parts(replica, task->share);
    for (size_t i = 0; i < n_parts && found.cause == FCL_CAUSE_NONE; i++) {
        fcl_pass pass;
        FCL_TRY(load_part(&pass, replica, task, i));
        FCL_TRY(fcl_network_inspect(&found, replica->network, &pass, i + 1 == n_parts ? adam : NULL));
    }
    *out = found;
done:
    return status;
}
