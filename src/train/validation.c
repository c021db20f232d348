#include "train/validation.h"

#include <math.h>

#include "base/memory.h"
#include "device/buffer.h"
#include "train/guard.h"

/* The outputs of the samples from `first` on are not finite. */
static fcl_status explain(fcl_network *network, const fcl_pass *pass, const fcl_dataset *dataset, size_t first,
                          double learning_rate) {
    fcl_status status;
    uint32_t *samples = NULL;
    fcl_finding found;
    FCL_TRY(fcl_network_inspect(&found, network, pass, NULL));
    FCL_TRY(FCL_NEW(&samples, (size_t)pass->n, "samples"));
    for (size_t i = 0; i < (size_t)pass->n; i++) samples[i] = (uint32_t)(first + i);
    status = fcl_guard_explain(&(fcl_guarded){.when = "the validation after an epoch",
                                              .dataset = dataset,
                                              .samples = samples,
                                              .n = (size_t)pass->n,
                                              .learning_rate = learning_rate},
                               &found);
done:
    free(samples);
    return status;
}

fcl_status fcl_validate(double *loss, double *mae, fcl_network *network, const fcl_dataset *dataset,
                        double learning_rate, fcl_pace *pace) {
    fcl_status status = FCL_OK;
    const int batch = fcl_network_batch(network);
    const size_t pixels = (size_t)FCL_IMAGE_SIDE * FCL_IMAGE_SIDE;
    const double half_side = FCL_IMAGE_SIDE / 2.0;
    float *outputs = NULL;
    double squares = 0.0, absolutes = 0.0;
    size_t labelled = 0;
    FCL_TRY(FCL_NEW(&outputs, (size_t)batch * FCL_N_COORDINATES, "validation outputs"));
    for (size_t first = 0; first < dataset->n; first += (size_t)batch) {
        size_t n = dataset->n - first < (size_t)batch ? dataset->n - first : (size_t)batch;
        void *mapped;
        FCL_TRY(fcl_buffer_map(&mapped, fcl_network_input(network), n * pixels * sizeof(float)));
        float *images = mapped;
        for (size_t i = 0; i < n; i++) fcl_dataset_image(images + i * pixels, dataset, first + i);
        for (size_t i = 0; i < n * pixels; i++) images[i] /= 255.0f;
        FCL_TRY(fcl_buffer_unmap(fcl_network_input(network), mapped));
        fcl_pass pass = {.n = (int)n};
        FCL_TRY(fcl_network_forward(network, &pass));
        FCL_TRY(fcl_buffer_read(outputs, fcl_network_output(network), 0, n * FCL_N_COORDINATES * sizeof *outputs));
        for (size_t i = 0; i < n * FCL_N_COORDINATES; i++) {
            if (!isfinite(outputs[i])) {
                status = explain(network, &pass, dataset, first, learning_rate);
                goto done;
            }
            if (!dataset->mask[first * FCL_N_COORDINATES + i]) continue;
            double target = ((double)dataset->keypoints[first * FCL_N_COORDINATES + i] - half_side) / half_side;
            double difference = (double)outputs[i] - target;
            squares += difference * difference;
            absolutes += fabs(difference);
            labelled++;
        }
        fcl_pace_break(pace);
    }
    if (labelled == 0) {
        status = fcl_fail(FCL_E_INPUT, "%s: the validation split has no labels; prepare another split",
                          dataset->source ? dataset->source : "data");
        goto done;
    }
    *loss = squares / (double)labelled;
    *mae = absolutes / (double)labelled * half_side;
done:
    free(outputs);
    return status;
}
