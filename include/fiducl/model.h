/*
 * Models: a description read from a text file (data/models/NAME.cfg), its layers and shapes, and weights files.
 *
 * Activations are (batch, h, w, c), convolution weights (kernel_h, kernel_w, in_c, out_c), dense weights (in, out), biases
 * (out), all float32. Keypoints are 15 points as 30 numbers x0, y0, x1, y1, ... in Kaggle's order.
 */
#ifndef FIDUCL_MODEL_H
#define FIDUCL_MODEL_H

#include <stdint.h>
#include <stdio.h>

#include "fiducl/device.h"
#include "fiducl/status.h"

enum { FCL_IMAGE_SIDE = 96, FCL_N_KEYPOINTS = 15, FCL_N_COORDINATES = 30 };

typedef struct fcl_model fcl_model;

/* `name_or_path`: the name of a model that ships ("base_model") or a file (anything with a '/' or ending in .cfg).
 * Errors name file and line. */
FCL_API fcl_status fcl_model_load(fcl_model **out, const char *name_or_path);
/* From text; `name` stands for the file in errors. */
FCL_API fcl_status fcl_model_parse(fcl_model **out, const char *name, const char *text);
FCL_API void fcl_model_free(fcl_model *model);
/* The names of the models that ship, ended by NULL; lends. */
FCL_API const char *const *fcl_model_names(void);

FCL_API const char *fcl_model_name(const fcl_model *model);
/* The description's text, which fcl_model_parse turns into the same model; lends. */
FCL_API const char *fcl_model_text(const fcl_model *model);
FCL_API uint64_t fcl_model_n_parameters(const fcl_model *model);
/* Floating point operations of the forward pass of one image: 2 for each multiplication of convolution and dense. */
FCL_API double fcl_model_flop(const fcl_model *model);

/* Training that memory is planned for. */
typedef struct fcl_memory_request {
    unsigned batch;
    fcl_device *device;     /* NULL: its limits, and the workspace of its solvers, are not known */
    uint64_t limit;         /* bytes on the device; 0: what it has */
    uint64_t staging_bytes; /* of the host, for batches that are prepared ahead */
} fcl_memory_request;

/* The table of layers, output shapes, parameters and FLOP, and the memory that training takes, with the parts that a batch is
 * divided into where it does not fit as a whole; as text or as JSON. Both are for free(). FCL_E_DEVICE_MEMORY when single
 * images do not fit either. */
FCL_API fcl_status fcl_model_summary(char **out, const fcl_model *model, const fcl_memory_request *request);
FCL_API fcl_status fcl_model_summary_json(char **out, const fcl_model *model, const fcl_memory_request *request);

/* A model with trained weights on a device, ready to predict. */
typedef struct fcl_predictor fcl_predictor;

/* `run_folder` is what training wrote: its model.cfg and best.safetensors are used. `device` must outlive it. */
FCL_API fcl_status fcl_predictor_load(fcl_predictor **out, fcl_device *device, const char *run_folder);
FCL_API void fcl_predictor_free(fcl_predictor *predictor);
/* `images` is (n, 96, 96) with values 0..255; `keypoints` is (n, 30), filled with pixels of the 96x96 frame. The first call with
 * one image, and the first with several, prepare kernels for that. */
FCL_API fcl_status fcl_predictor_run(fcl_predictor *predictor, float *keypoints, const float *images, size_t n);

#endif
