/* The model description behind fcl_model: layers with resolved shapes and parameters. Read only after
 * loading. */
#ifndef FCL_NET_DESCRIPTION_H
#define FCL_NET_DESCRIPTION_H

#include "fiducl/model.h"
#include "ops/op.h"

typedef enum fcl_layer_kind {
    FCL_LAYER_INPUT,
    FCL_LAYER_CONV,
    FCL_LAYER_POOL,
    FCL_LAYER_FLATTEN,
    FCL_LAYER_DENSE,
    FCL_LAYER_ACTIVATION,
    FCL_LAYER_DROPOUT,
    FCL_LAYER_ADD,
    FCL_N_LAYER_KINDS
} fcl_layer_kind;

typedef enum fcl_initializer { FCL_GLOROT_UNIFORM, FCL_HE_NORMAL } fcl_initializer;

/* Layer 0 is the input (96, 96, 1). */
typedef struct fcl_layer {
    fcl_layer_kind kind;
    char name[64];             /* unique in the model: "conv", "conv_1", ... or as given */
    int line;                  /* in the description */
    unsigned from;             /* index of the layer whose output it takes */
    unsigned from2;            /* FCL_LAYER_ADD: the second one */
    int h, w, c;               /* output; after flatten and dense 1, 1, units */
    fcl_activation activation; /* fused into conv, dense, add; or the layer itself */
    float rate;
    fcl_initializer initializer;
    fcl_conv_shape conv;
    fcl_pool_shape pool;
    fcl_dense_shape dense;
    unsigned dropout_index; /* counted from 0 over the dropout layers */
    int parameter;          /* index of its weights in the parameters (its bias is the next), -1 without any */
} fcl_layer;

/* A parameter tensor. */
typedef struct fcl_parameter {
    char name[96]; /* "conv/kernel", "conv/bias" */
    unsigned layer;
    unsigned n_dimensions;
    size_t shape[4];
    size_t count;
    size_t fan_in, fan_out;
} fcl_parameter;

unsigned fcl_model_n_layers(const fcl_model *model);
const fcl_layer *fcl_model_layer(const fcl_model *model, unsigned index);
unsigned fcl_model_n_tensors(const fcl_model *model);
const fcl_parameter *fcl_model_tensor(const fcl_model *model, unsigned index);

#endif
