/* bench infer: images a second from a host array to a host array. */
#include <float.h>
#include <math.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/solvers.h"
#include "bench/speed.h"
#include "bench/statistics.h"
#include "net/predictor.h"

enum { VERSION = 1, CHECKED_IMAGES = 2, WEIGHTS_SEED = 0 };

struct fcl_infer_case {
    fcl_predictor *predictor;
    size_t batch, calls; /* predictions of a batch in a repeat */
    size_t n_images;
    float *images;    /* (n_images, 96, 96) */
    float *keypoints; /* (n_images, 30) */
};

void fcl_infer_case_free(fcl_infer_case *c) {
    if (!c) return;
    fcl_predictor_free(c->predictor);
    free(c->images);
    free(c->keypoints);
    free(c);
}

/* Batch after batch of the images, from the beginning when they are used up. */
static fcl_status predict(fcl_infer_case *c, size_t calls) {
    fcl_status status = FCL_OK;
    const size_t n_batches = c->n_images / c->batch;
    for (size_t i = 0; i < calls && status == FCL_OK; i++) {
        const size_t first = i % n_batches * c->batch;
        status = fcl_predictor_run(c->predictor, c->keypoints + first * FCL_N_COORDINATES,
                                   c->images + first * FCL_IMAGE_SIDE * FCL_IMAGE_SIDE, c->batch);
    }
    return status;
}

static fcl_status repeat(double *sample, double *error, void *state, unsigned index) {
    fcl_infer_case *c = state;
    (void)index;
    *error = 0.0;
    double begin = fcl_clock_seconds();
    fcl_status status = predict(c, c->calls);
    *sample = (double)(c->calls * c->batch) / (fcl_clock_seconds() - begin);
    for (size_t i = 0; i < c->batch * FCL_N_COORDINATES; i++)
        if (!isfinite(c->keypoints[i])) *error = (double)INFINITY;
    return status;
}

static fcl_status create_predictor(fcl_predictor **out, fcl_bench *bench, const fcl_model *model, size_t batch,
                                   const fcl_choice *choice) {
    fcl_status status;
    fcl_tensors weights = {0};
    FCL_TRY(fcl_tensors_init(&weights, model));
    fcl_tensors_initialize(&weights, WEIGHTS_SEED);
    FCL_TRY(fcl_predictor_create(out, bench->device, model, &weights, batch, choice));
done:
    fcl_tensors_dispose(&weights);
    return status;
}

/* The first images against the solvers that compute one element at a time. Bound: two networks that round each operation's
 * result by its solver's factor, in shares of the largest output; and both results are rounded as pixels. */
static fcl_status check(fcl_infer_case *c, const fcl_network *network, fcl_bench *bench, const fcl_model *model,
                        fcl_result *result) {
    fcl_status status;
    fcl_choice *choice = NULL;
    fcl_predictor *plain = NULL;
    const size_t n = c->batch < CHECKED_IMAGES ? c->batch : CHECKED_IMAGES;
    const double half_side = FCL_IMAGE_SIDE / 2.0;
    float own[CHECKED_IMAGES * FCL_N_COORDINATES], wanted[CHECKED_IMAGES * FCL_N_COORDINATES];
    double largest = 0.0, worst = 0.0;
    FCL_TRY(fcl_choice_create(&choice));
    FCL_TRY(fcl_choice_force(choice, "conv=conv_general"));
    FCL_TRY(fcl_choice_force(choice, "dense=conv_general"));
    FCL_TRY(create_predictor(&plain, bench, model, n, choice));
    FCL_TRY(predict(c, 1));
    for (size_t i = 0; i < n * FCL_N_COORDINATES; i++) own[i] = c->keypoints[i];
    FCL_TRY(fcl_predictor_run(plain, wanted, c->images, n));
    for (size_t i = 0; i < n * FCL_N_COORDINATES; i++) {
        worst = fcl_worse(worst, fabs((double)own[i] - (double)wanted[i]));
        largest = fmax(largest, fabs((double)wanted[i] - half_side));
    }
    const double bound = 2.0 * fcl_network_rounding(network) * largest + 2.0 * half_side * (double)FLT_EPSILON;
    FCL_TRY(fcl_result_set_check(result, worst, bound,
                                 "predictions of the first images with conv_general, largest difference in pixels"));
done:
    fcl_predictor_free(plain);
    fcl_choice_free(choice);
    return status;
}

static fcl_status take_images(fcl_infer_case *c, const fcl_dataset *faces) {
    const size_t pixels = (size_t)FCL_IMAGE_SIDE * FCL_IMAGE_SIDE;
    fcl_status status;
    c->n_images = faces->n / c->batch * c->batch;
    FCL_TRY(FCL_NEW(&c->images, c->n_images * pixels, "images"));
    FCL_TRY(FCL_NEW(&c->keypoints, c->n_images * FCL_N_COORDINATES, "predictions"));
    for (size_t i = 0; i < c->n_images; i++) fcl_dataset_image(c->images + i * pixels, faces, i);
done:
    return status;
}

fcl_status fcl_infer_case_begin(fcl_infer_case **out, fcl_cases *cases, fcl_bench *bench, const fcl_model *model,
                                int batch, const fcl_dataset *faces) {
    fcl_status status;
    fcl_infer_case *c = NULL;
    fcl_network *network;
    fcl_case added = {.repeat = repeat};
    const size_t before = fcl_device_memory_use(bench->device).now_bytes;
    char *workload = fcl_format("infer/%s/batch%d", fcl_model_name(model), batch);
    if (!workload) return FCL_E_MEMORY;
    FCL_TRY(FCL_NEW(&c, 1, "predictions"));
    c->batch = (size_t)batch;
    FCL_TRY(take_images(c, faces));
    FCL_TRY(fcl_result_name(&added.result, workload, VERSION, "speed", "images/s", 1));
    FCL_TRY(create_predictor(&c->predictor, bench, model, c->batch, bench->choice));
    FCL_TRY(fcl_predictor_network(&network, c->predictor, c->batch));
    const size_t device_bytes = fcl_device_memory_use(bench->device).now_bytes - before;
    FCL_TRY(fcl_result_set_solvers(&added.result, network, bench));
    FCL_TRY(check(c, network, bench, model, &added.result));
    FCL_TRY(predict(c, 1));
    double begin = fcl_clock_seconds();
    FCL_TRY(predict(c, 2));
    c->calls = fcl_units_a_repeat(bench, 2, fcl_clock_seconds() - begin);
    json_object_update_new(added.result.details,
                           json_pack("{s:I, s:f, s:{s:I}}", "images_a_repeat", (json_int_t)(c->calls * c->batch),
                                     "gflop_an_image", fcl_model_flop(model) * 1e-9, "memory", "device_bytes",
                                     (json_int_t)device_bytes));
    added.state = c;
    FCL_TRY(fcl_cases_add(cases, &added));
    *out = c;
    c = NULL;
done:
    fcl_result_dispose(&added.result);
    fcl_infer_case_free(c);
    free(workload);
    return status;
}
