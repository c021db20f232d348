/* Host copies of a model's tensors, their initial values, and safetensors files. */
#ifndef FCL_NET_WEIGHTS_H
#define FCL_NET_WEIGHTS_H

#include "fiducl/model.h"

/* The tensors of a model in its order, one after the other without gaps. `data` is owned. */
typedef struct fcl_tensors {
    const fcl_model *model; /* lent */
    float *data;
    size_t count;
} fcl_tensors;

fcl_status fcl_tensors_init(fcl_tensors *out, const fcl_model *model); /* zeros */
void fcl_tensors_dispose(fcl_tensors *tensors);
int fcl_tensors_are_finite(const fcl_tensors *tensors);
int fcl_tensors_are_equal(const fcl_tensors *a, const fcl_tensors *b); /* bit by bit; of one model */
float *fcl_tensors_at(const fcl_tensors *tensors, unsigned index);     /* lends */
/* Glorot uniform (Glorot and Bengio 2010, eq. 16) or He normal (He et al. 2015, eq. 10) as each layer says;
 * biases zero. */
void fcl_tensors_initialize(fcl_tensors *tensors, uint64_t seed);

/*
 * A safetensors file: several sets of tensors of one model, each name with a prefix ("" for weights,
 * "adam_m/" ...), and string metadata. Format: https://huggingface.co/docs/safetensors - 8 bytes
 * little-endian header length, JSON header, data; float32 ("F32") only.
 */
typedef struct fcl_tensor_set {
    const char *prefix;
    fcl_tensors *tensors;
} fcl_tensor_set;
typedef struct fcl_metadata {
    const char *key;
    const char *value;
} fcl_metadata;
/* Atomic. `metadata` ends with a NULL key. */
fcl_status fcl_safetensors_write(const char *path, const fcl_tensor_set *sets, unsigned n_sets,
                                 const fcl_metadata *metadata);
/* Fills initialised tensors. Every tensor of the model must be there with its shape, and in a file read with
 * one empty prefix no others but those with a prefix; errors name file and tensor ("weights of another
 * model"). */
fcl_status fcl_safetensors_read(const char *path, const fcl_tensor_set *sets, unsigned n_sets);
/* A metadata value for free(); NULL in *out when the file has no such key. */
fcl_status fcl_safetensors_metadata(char **out, const char *path, const char *key);

#endif
