#include "net/predictor.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/memory.h"

struct fcl_predictor {
    fcl_model *model; /* owned; NULL when it is lent */
    fcl_network *network;
    size_t batch;
    float *images, *outputs;
};

static fcl_status load_weights(fcl_predictor *predictor, const char *path) {
    fcl_status status;
    fcl_tensors weights = {0};
    FCL_TRY(fcl_tensors_init(&weights, fcl_network_model(predictor->network)));
    const fcl_tensor_set set = {"", &weights};
    FCL_TRY(fcl_safetensors_read(path, &set, 1));
    FCL_TRY(fcl_network_write(predictor->network, FCL_PARAMETERS, &weights));
done:
    fcl_tensors_dispose(&weights);
    return status;
}

fcl_status fcl_predictor_create(fcl_predictor **out, fcl_device *device, const fcl_model *model, int batch,
                                const fcl_choice *choice) {
    const size_t pixels = (size_t)FCL_IMAGE_SIDE * FCL_IMAGE_SIDE;
    fcl_status status;
    fcl_predictor *predictor = NULL;
    const fcl_network_options options = {.batch = batch, .choice = choice, .measure = 1};
    FCL_TRY(FCL_NEW(&predictor, 1, "a predictor"));
    predictor->batch = (size_t)batch;
    FCL_TRY(fcl_network_create(&predictor->network, device, model, &options));
    FCL_TRY(FCL_NEW(&predictor->images, predictor->batch * pixels, "images"));
    FCL_TRY(FCL_NEW(&predictor->outputs, predictor->batch * FCL_N_COORDINATES, "predictions"));
    *out = predictor;
    predictor = NULL;
done:
    fcl_predictor_free(predictor);
    return status;
}

fcl_network *fcl_predictor_network(fcl_predictor *predictor) {
    return predictor->network;
}

fcl_status fcl_predictor_load(fcl_predictor **out, fcl_device *device, const char *run_folder) {
    fcl_status status;
    fcl_predictor *predictor = NULL;
    fcl_model *loaded = NULL;
    char *model = fcl_path_join(run_folder, "model.cfg"), *weights = fcl_path_join(run_folder, "best.safetensors");
    if (!model || !weights) {
        status = FCL_E_MEMORY;
        goto done;
    }
    if (fcl_path_exists(model) && !fcl_path_exists(weights)) {
        status = fcl_fail(FCL_E_INPUT, "'%s' has no weights yet: no epoch of its training is complete", run_folder);
        goto done;
    }
    FCL_TRY(fcl_model_load(&loaded, model));
    FCL_TRY(fcl_predictor_create(&predictor, device, loaded, FCL_PREDICTOR_BATCH, NULL));
    FCL_TRY(load_weights(predictor, weights));
    predictor->model = loaded;
    *out = predictor;
    predictor = NULL;
    loaded = NULL;
done:
    fcl_predictor_free(predictor);
    fcl_model_free(loaded);
    free(model);
    free(weights);
    return status;
}

void fcl_predictor_free(fcl_predictor *predictor) {
    if (!predictor) return;
    fcl_network_free(predictor->network);
    fcl_model_free(predictor->model);
    free(predictor->images);
    free(predictor->outputs);
    free(predictor);
}

fcl_status fcl_predictor_run(fcl_predictor *predictor, float *keypoints, const float *images, size_t n) {
    const size_t pixels = (size_t)FCL_IMAGE_SIDE * FCL_IMAGE_SIDE;
    const float half_side = FCL_IMAGE_SIDE / 2.0f;
    fcl_status status = FCL_OK;
    for (size_t first = 0; first < n; first += predictor->batch) {
        size_t part = n - first < predictor->batch ? n - first : predictor->batch;
        for (size_t i = 0; i < part * pixels; i++) predictor->images[i] = images[first * pixels + i] / 255.0f;
        fcl_pass pass = {.n = (int)part};
        FCL_TRY(fcl_buffer_write(fcl_network_input(predictor->network), 0, predictor->images,
                                 part * pixels * sizeof(float)));
        FCL_TRY(fcl_network_forward(predictor->network, &pass));
        FCL_TRY(fcl_buffer_read(predictor->outputs, fcl_network_output(predictor->network), 0,
                                part * FCL_N_COORDINATES * sizeof(float)));
        for (size_t i = 0; i < part * FCL_N_COORDINATES; i++)
            keypoints[first * FCL_N_COORDINATES + i] = predictor->outputs[i] * half_side + half_side;
    }
done:
    return status;
}
