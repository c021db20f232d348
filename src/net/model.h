/* The model itself, for the files of this layer that build or measure one. */
#ifndef FCL_NET_MODEL_H
#define FCL_NET_MODEL_H

#include "net/description.h"

struct fcl_model {
    char name[64];
    char *text;
    fcl_layer *layers;
    unsigned n_layers, n_dropouts;
    size_t layer_capacity;
    fcl_parameter *tensors;
    unsigned n_tensors;
    size_t tensor_capacity;
};

/* With the input layer only. */
fcl_status fcl_model_create(fcl_model **out, const char *text);
/* Copies the layer and adds its parameters. */
fcl_status fcl_model_add_layer(fcl_model *model, const fcl_layer *layer);

#endif
