#include "net/predictor.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/memory.h"

/* One image is worth solvers of its own; both networks are made when first needed, and share the weights. */
enum { ONE, MANY, N_NETWORKS };

struct fcl_predictor {
    fcl_device *device;
    const fcl_model *model;
    fcl_model *own_model; /* NULL when it is lent */
    const fcl_choice *choice;
    size_t batch;
    fcl_tensors weights;                       /* until a network has them */
    fcl_network *networks[N_NETWORKS], *owner; /* owner: the one that the other has its parameters from */
    float *outputs;
};

fcl_status fcl_predictor_create(fcl_predictor **out, fcl_device *device, const fcl_model *model, fcl_tensors *weights,
                                size_t batch, const fcl_choice *choice) {
    fcl_status status;
    fcl_predictor *predictor = NULL;
    FCL_TRY(FCL_NEW(&predictor, 1, "a predictor"));
    predictor->device = device;
    predictor->model = model;
    predictor->choice = choice;
    predictor->batch = batch;
    predictor->weights = *weights;
    *weights = (fcl_tensors){0};
    FCL_TRY(FCL_NEW(&predictor->outputs, batch * FCL_N_COORDINATES, "predictions"));
    *out = predictor;
    predictor = NULL;
done:
    fcl_predictor_free(predictor);
    fcl_tensors_dispose(weights);
    return status;
}

fcl_status fcl_predictor_load(fcl_predictor **out, fcl_device *device, const char *run_folder) {
    fcl_status status;
    fcl_predictor *predictor = NULL;
    fcl_model *loaded = NULL;
    fcl_tensors weights = {0};
    char *model = fcl_path_join(run_folder, "model.cfg"), *best = fcl_path_join(run_folder, "best.safetensors");
    if (!model || !best) {
        status = FCL_E_MEMORY;
        goto done;
    }
    if (fcl_path_exists(model) && !fcl_path_exists(best)) {
        status = fcl_fail(FCL_E_INPUT, "'%s' has no weights yet: no epoch of its training is complete", run_folder);
        goto done;
    }
    FCL_TRY(fcl_model_load(&loaded, model));
    FCL_TRY(fcl_tensors_init(&weights, loaded));
    const fcl_tensor_set set = {"", &weights};
    FCL_TRY(fcl_safetensors_read(best, &set, 1));
    FCL_TRY(fcl_predictor_create(&predictor, device, loaded, &weights, FCL_PREDICTOR_BATCH, NULL));
    predictor->own_model = loaded;
    *out = predictor;
    predictor = NULL;
    loaded = NULL;
done:
    fcl_predictor_free(predictor);
    fcl_tensors_dispose(&weights);
    fcl_model_free(loaded);
    free(model);
    free(best);
    return status;
}

void fcl_predictor_free(fcl_predictor *predictor) {
    if (!predictor) return;
    for (int i = 0; i < N_NETWORKS; i++)
        if (predictor->networks[i] != predictor->owner) fcl_network_free(predictor->networks[i]);
    fcl_network_free(predictor->owner);
    fcl_tensors_dispose(&predictor->weights);
    fcl_model_free(predictor->own_model);
    free(predictor->outputs);
    free(predictor);
}

fcl_status fcl_predictor_network(fcl_network **out, fcl_predictor *predictor, size_t n) {
    fcl_status status = FCL_OK;
    fcl_network *network = NULL;
    const int which = n == 1 || predictor->batch == 1 ? ONE : MANY;
    if (!predictor->networks[which]) {
        const fcl_network_options options = {.batch = which == ONE ? 1 : (int)predictor->batch,
                                             .choice = predictor->choice,
                                             .measure = 1,
                                             .parameters_of = predictor->owner};
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
    FCL_TRY(fcl_predictor_network(&network, predictor, n));
    for (size_t first = 0; first < n; first += predictor->batch) {
        size_t part = n - first < predictor->batch ? n - first : predictor->batch;
        fcl_pass pass = {.n = (int)part};
        void *mapped;
        FCL_TRY(fcl_buffer_map(&mapped, fcl_network_input(network), part * pixels * sizeof(float)));
        float *input = mapped;
        for (size_t i = 0; i < part * pixels; i++) input[i] = images[first * pixels + i] / 255.0f;
        FCL_TRY(fcl_buffer_unmap(fcl_network_input(network), mapped));
        FCL_TRY(fcl_network_forward(network, &pass));
        FCL_TRY(fcl_buffer_read(predictor->outputs, fcl_network_output(network), 0,
                                part * FCL_N_COORDINATES * sizeof(float)));
        for (size_t i = 0; i < part * FCL_N_COORDINATES; i++)
            keypoints[first * FCL_N_COORDINATES + i] = predictor->outputs[i] * half_side + half_side;
    }
done:
    return status;
}
