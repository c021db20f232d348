/* Which buffer holds which activation and gradient, worked out from the model alone: the network allocates by
 * it, the plan of its memory counts by it. */
#ifndef FCL_NET_PLACEMENT_H
#define FCL_NET_PLACEMENT_H

#include "net/description.h"

/* In training activations stay until the backward pass and have a slot each; gradients of activations, and
 * activations in inference, share slots where their lifetimes do not overlap. */
typedef struct fcl_placement {
    unsigned n_layers;
    unsigned *holder;       /* (n_layers) the layer whose buffer has the output: flattening only renames, and so
                         does dropout in inference, and pooling that a convolution does as part of it */
    unsigned char *pools;   /* (n_layers) 1 for a convolution whose output is that of the pooling behind it */
    unsigned char *learns;  /* (n_layers) 1 when the output depends on parameters, so that its gradient is wanted */
    int *value;             /* (n_layers) slot of the output */
    int *gradient;          /* (n_layers) slot of its gradient, -1 when there is none */
    size_t *value_bytes;    /* (n_values) sizes of the slots at the full batch */
    size_t *gradient_bytes; /* (n_gradients) */
    unsigned n_values, n_gradients;
} fcl_placement;

/* `fused` says of each layer whether it is pooling that is part of the convolution before it, of those that
 * fcl_layer_may_fuse() names; NULL: none is. */
fcl_status fcl_placement_init(fcl_placement *out, const fcl_model *model, unsigned batch, int training,
                              const unsigned char *fused);
void fcl_placement_dispose(fcl_placement *placement);

/* Whether layer i is pooling, by maxima of 2x2, of a convolution whose output nothing else takes. */
int fcl_layer_may_fuse(const fcl_model *model, unsigned i);
/* Elements of a layer's output for one image. */
size_t fcl_layer_output_count(const fcl_layer *layer);
/* A layer's inputs in `from`; returns their number: 0 for the input, 2 for an add layer. */
unsigned fcl_layer_inputs(unsigned from[2], const fcl_layer *layer);

#endif
