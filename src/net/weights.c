#include "net/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "net/model.h"

fcl_status fcl_tensors_init(fcl_tensors *out, const fcl_model *model) {
    fcl_tensors tensors = {.model = model, .count = (size_t)fcl_model_n_parameters(model)};
    fcl_status status = FCL_NEW(&tensors.data, tensors.count, "a model's weights");
    if (status == FCL_OK) *out = tensors;
    return status;
}

void fcl_tensors_dispose(fcl_tensors *tensors) {
    free(tensors->data);
    *tensors = (fcl_tensors){0};
}

int fcl_tensors_are_finite(const fcl_tensors *tensors) {
    for (size_t i = 0; i < tensors->count; i++)
        if (!isfinite(tensors->data[i])) return 0;
    return 1;
}

int fcl_tensors_are_equal(const fcl_tensors *a, const fcl_tensors *b) {
    return memcmp(a->data, b->data, a->count * sizeof *a->data) == 0;
}

float *fcl_tensors_at(const fcl_tensors *tensors, unsigned index) {
    float *at = tensors->data;
    for (unsigned i = 0; i < index; i++) at += tensors->model->tensors[i].count;
    return at;
}

void fcl_tensors_initialize(fcl_tensors *tensors, uint64_t seed) {
    float *at = tensors->data;
    for (unsigned i = 0; i < tensors->model->n_tensors; i++) {
        const fcl_parameter *p = &tensors->model->tensors[i];
        fcl_random_stream stream = fcl_random_stream_make(seed, FCL_RANDOM_WEIGHTS + i, 0);
        double limit = sqrt(6.0 / (double)(p->fan_in + p->fan_out)), deviation = sqrt(2.0 / (double)p->fan_in);
        for (size_t k = 0; k < p->count; k++) {
            if (p->n_dimensions == 1)
                at[k] = 0.0f; /* a bias */
            else if (tensors->model->layers[p->layer].initializer == FCL_HE_NORMAL)
                at[k] = (float)(deviation * fcl_random_normal(&stream));
            else
                at[k] = (float)fcl_random_uniform(&stream, -limit, limit);
        }
        at += p->count;
    }
}
