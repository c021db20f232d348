#include "train/validation.h"

#include <math.h>

#include "base/memory.h"
#include "base/suspend.h"
#include "device/buffer.h"
#include "train/guard.h"

/* Samples of a data set whose outputs are wanted. */
typedef struct prediction {
    const fcl_dataset *dataset;
    size_t first;   /* of the data set: share.first 0 */
    float *outputs; /* (samples, 30) */
} prediction;

/* Uploads samples [share.first, ...) and enqueues the forward pass. */
static fcl_status forward(fcl_pass *out, fcl_replica *replica, const prediction *p, fcl_share share) {
    fcl_status status;
    const size_t pixels = (size_t)FCL_IMAGE_SIDE * FCL_IMAGE_SIDE;
    fcl_buffer *input = fcl_network_input(replica->network);
    void *mapped;
    FCL_TRY(fcl_buffer_map(&mapped, input, share.n * pixels * sizeof(float)));
    float *images = mapped;
    for (size_t i = 0; i < share.n; i++) fcl_dataset_image(images + i * pixels, p->dataset, p->first + share.first + i);
    for (size_t i = 0; i < share.n * pixels; i++) images[i] /= 255.0f;
    FCL_TRY(fcl_buffer_unmap(input, mapped));
    *out = (fcl_pass){.n = (int)share.n};
    FCL_TRY(fcl_network_forward(replica->network, out));
done:
    return status;
}

static fcl_status predict(void *context, fcl_replica *replica, fcl_share share) {
    fcl_status status = FCL_OK;
    const prediction *p = context;
    const size_t n_parts = fcl_replica_n_parts(replica, share);
    for (size_t i = 0; i < n_parts; i++) {
        const fcl_share part = fcl_share_part(share, n_parts, i);
        fcl_pass pass;
        FCL_TRY(forward(&pass, replica, p, part));
        FCL_TRY(fcl_buffer_read(p->outputs + part.first * FCL_N_COORDINATES, fcl_network_output(replica->network), 0,
                                part.n * FCL_N_COORDINATES * sizeof(float)));
        FCL_TRY(fcl_replica_rest(replica));
    }
done:
    return status;
}

/* Looks into what a replica makes of its share. */
static fcl_status inspect(fcl_finding *found, fcl_replica *replica, const prediction *p, fcl_share share) {
    fcl_status status = FCL_OK;
    const size_t n_parts = fcl_replica_n_parts(replica, share);
    for (size_t i = 0; i < n_parts && found->cause == FCL_CAUSE_NONE; i++) {
        fcl_pass pass;
        FCL_TRY(forward(&pass, replica, p, fcl_share_part(share, n_parts, i)));
        FCL_TRY(fcl_network_inspect(found, replica->network, &pass, NULL));
    }
done:
    return status;
}

/* The outputs of n samples are not all finite. */
static fcl_status explain(fcl_team *team, const prediction *p, size_t n, double learning_rate) {
    fcl_status status;
    uint32_t *samples = NULL;
    fcl_finding found = {.cause = FCL_CAUSE_NONE};
    for (unsigned i = 0; i < fcl_team_size(team) && found.cause == FCL_CAUSE_NONE; i++)
        if (fcl_team_replica(team, i))
            FCL_TRY(inspect(&found, fcl_team_replica(team, i), p, fcl_team_share(team, n, i)));
    FCL_TRY(fcl_guard_share(&found));
    FCL_TRY(FCL_NEW(&samples, n, "samples"));
    for (size_t i = 0; i < n; i++) samples[i] = (uint32_t)(p->first + i);
    status = fcl_guard_explain(&(fcl_guarded){.when = "the validation after an epoch",
                                              .dataset = p->dataset,
                                              .samples = samples,
                                              .n = n,
                                              .learning_rate = learning_rate},
                               &found);
done:
    free(samples);
    return status;
}

fcl_status fcl_validate(double *loss, double *mae, fcl_team *team, const fcl_dataset *dataset, double learning_rate) {
    fcl_status status = FCL_OK;
    const size_t batch = fcl_team_batch(team);
    const double half_side = FCL_IMAGE_SIDE / 2.0;
    prediction *p = NULL;
    double squares = 0.0, absolutes = 0.0;
    size_t labelled = 0;
    FCL_TRY(FCL_NEW(&p, 1, "a validation"));
    p->dataset = dataset;
    FCL_TRY(FCL_NEW(&p->outputs, batch * FCL_N_COORDINATES, "validation outputs"));
    for (; p->first < dataset->n; p->first += batch) {
        const size_t n = dataset->n - p->first < batch ? dataset->n - p->first : batch,
                     first = p->first * FCL_N_COORDINATES;
        FCL_TRY(fcl_team_run(team, n, predict, p));
        FCL_TRY(fcl_team_gather(team, p->outputs, n, FCL_N_COORDINATES));
        for (size_t i = 0; i < n * FCL_N_COORDINATES; i++) {
            if (!isfinite(p->outputs[i])) {
                status = explain(team, p, n, learning_rate);
                goto done;
            }
            if (!dataset->mask[first + i]) continue;
            double target = ((double)dataset->keypoints[first + i] - half_side) / half_side;
            double difference = (double)p->outputs[i] - target;
            squares += difference * difference;
            absolutes += fabs(difference);
            labelled++;
        }
        if (fcl_suspend_requested()) fcl_suspend(); /* the devices are idle */
    }
    if (labelled == 0) {
        status = fcl_fail(FCL_E_INPUT, "%s: the validation split has no labels; prepare another split",
                          dataset->source ? dataset->source : "data");
        goto done;
    }
    *loss = squares / (double)labelled;
    *mae = absolutes / (double)labelled * half_side;
done:
    /* A member that was given up may still write there. */
    if (p && !fcl_team_has_lost(team)) {
        free(p->outputs);
        free(p);
    }
    return status;
}
