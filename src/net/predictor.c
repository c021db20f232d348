#include <stdlib.h>

#include "base/file.h"
#include "base/memory.h"
#include "net/network.h"

/* One image is worth solvers of its own; both networks are made when first needed, and share the weights. */
enum { ONE, MANY, N_NETWORKS };

struct fcl_predictor {
    fcl_device *device;
    fcl_model *model;
    fcl_tensors weights;                       /* until a network has them */
    fcl_network *networks[N_NETWORKS], *owner; /* owner: the one that the other has its parameters from */
    float *images, *outputs;
};

fcl_status fcl_predictor_load(fcl_predictor **out, fcl_device *device, const char *run_folder) {
    const size_t pixels = (size_t)FCL_IMAGE_SIDE * FCL_IMAGE_SIDE;
    fcl_status status;
    fcl_predictor *predictor = NULL;
    char *model = fcl_path_join(run_folder, "model.cfg"), *weights = fcl_path_join(run_folder, "best.safetensors");
    if (!model || !weights) {
        status = FCL_E_MEMORY;
        goto done;
    }
    FCL_TRY(FCL_NEW(&predictor, 1, "a predictor"));
    predictor->device = device;
    FCL_TRY(fcl_model_load(&predictor->model, model));
    FCL_TRY(fcl_tensors_init(&predictor->weights, predictor->model));
    const fcl_tensor_set set = {"", &predictor->weights};
    FCL_TRY(fcl_safetensors_read(weights, &set, 1));
    FCL_TRY(FCL_NEW(&predictor->images, FCL_PREDICTOR_BATCH * pixels, "images"));
    FCL_TRY(FCL_NEW(&predictor->outputs, FCL_PREDICTOR_BATCH * FCL_N_COORDINATES, "predictions"));
    *out = predictor;
    predictor = NULL;
done:
    fcl_predictor_free(predictor);
    free(model);
    free(weights);
    return status;
}

void fcl_predictor_free(fcl_predictor *predictor) {
    if (!predictor) return;
    for (int i = 0; i < N_NETWORKS; i++)
        if (predictor->networks[i] != predictor->owner) fcl_network_free(predictor->networks[i]);
    fcl_network_free(predictor->owner);
    fcl_tensors_dispose(&predictor->weights);
    fcl_model_free(predictor->model);
    free(predictor->images);
    free(predictor->outputs);
    free(predictor);
}

static fcl_status get_network(fcl_network **out, fcl_predictor *predictor, int which) {
    fcl_status status = FCL_OK;
    fcl_network *network = NULL;
    if (!predictor->networks[which]) {
        const fcl_network_options options = {
            .batch = which == ONE ? 1 : FCL_PREDICTOR_BATCH, .measure = 1, .parameters_of = predictor->owner};
        FCL_TRY(fcl_network_create(&network, predictor->device, predictor->model, &options));
        if (!predictor->owner) {
            FCL_TRY(fcl_network_write(network, FCL_PARAMETERS, &predictor->weights));
            fcl_tensors_dispose(&predictor->weights);
            predictor->owner = network;
        }
        predictor->networks[which] = network;
        network = NULL;
    }
    *out = predictor->networks[which];
done:
    fcl_network_free(network);
    return status;
}

fcl_status fcl_predictor_run(fcl_predictor *predictor, float *keypoints, const float *images, size_t n) {
    const size_t pixels = (size_t)FCL_IMAGE_SIDE * FCL_IMAGE_SIDE;
    const float half_side = FCL_IMAGE_SIDE / 2.0f;
    fcl_status status;
    fcl_network *network;
    FCL_TRY(get_network(&network, predictor, n == 1 ? ONE : MANY));
    for (size_t first = 0; first < n; first += FCL_PREDICTOR_BATCH) {
        size_t part = n - first < FCL_PREDICTOR_BATCH ? n - first : FCL_PREDICTOR_BATCH;
        for (size_t i = 0; i < part * pixels; i++) predictor->images[i] = images[first * pixels + i] / 255.0f;
        fcl_pass pass = {.n = (int)part};
        FCL_TRY(fcl_buffer_write(fcl_network_input(network), 0, predictor->images, part * pixels * sizeof(float)));
        FCL_TRY(fcl_network_forward(network, &pass));
        FCL_TRY(fcl_buffer_read(predictor->outputs, fcl_network_output(network), 0,
                                part * FCL_N_COORDINATES * sizeof(float)));
        for (size_t i = 0; i < part * FCL_N_COORDINATES; i++)
            keypoints[first * FCL_N_COORDINATES + i] = predictor->outputs[i] * half_side + half_side;
    }
done:
    return status;
}
