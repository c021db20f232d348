/* The network itself, for the files of this layer that build it, run it or look into it. */
#ifndef FCL_NET_NETWORK_PARTS_H
#define FCL_NET_NETWORK_PARTS_H

#include "net/network.h"
#include "net/placement.h"

/* One operation with its buffers. */
typedef struct fcl_node {
    fcl_operation *operation; /* NULL: there is nothing to do */
    fcl_operands operands;
    int accumulate; /* its DX has the share of another consumer already */
    /* A workspace of its own, in which its solver keeps what it made of the weights of this version (0: of none). */
    fcl_buffer *kept;
    unsigned kept_version;
} fcl_node;

/* A node whose operation is still to be made. */
typedef struct fcl_planned_node {
    fcl_node *node;
    fcl_op_desc desc;
} fcl_planned_node;

/* What a layer computes. */
typedef struct fcl_layer_nodes {
    fcl_node forward;
    fcl_node weights;      /* gradients of kernel and bias */
    fcl_node data[2];      /* gradient of its input, and of the second one of an add layer */
    fcl_node data_without; /* instead of data[0]: of a dropout layer that is switched off */
} fcl_layer_nodes;

enum { FCL_N_ARENAS = FCL_MOMENT2 + 1 };

struct fcl_network {
    fcl_device *device;
    const fcl_model *model;
    fcl_network_options options;
    fcl_placement placement;
    fcl_buffer *arenas[FCL_N_ARENAS];
    fcl_buffer **windows[FCL_N_ARENAS]; /* (tensors) */
    size_t arena_bytes;
    unsigned own_version,
        *weights_version; /* grows when parameters change, from 1; the lender's where they are borrowed */
    fcl_buffer **value_slots, **gradient_slots; /* (placement.n_values), (placement.n_gradients) */
    fcl_buffer **places;                        /* (layers) of convolutions that pool, in training; NULL of others */
    fcl_buffer *targets, *mask, *stats, *flag, *workspace;
    fcl_layer_nodes *layers; /* (layers) */
    fcl_node loss, finite_check, adam;
    fcl_planned_node *planned; /* (n_operations), while the network is built; then NULL */
    size_t planned_capacity;
    const fcl_operation **operations; /* (n_operations), lent by the nodes */
    fcl_op_desc *descs;               /* (n_operations) */
    char (*descriptions)[256];        /* (n_operations) */
    unsigned n_operations;
};

/* While it is built: arenas with a window for each tensor, and slots of activations and their gradients, have a size but no memory;
 * parameters may be another network's. */
fcl_status fcl_network_reserve_arenas(fcl_network *network);
fcl_status fcl_network_reserve_slots(fcl_network *network);
/* Gives all buffers that are there their memory. Comes after the operations: checking and measuring solvers takes memory of its own,
 * which is free again then. */
fcl_status fcl_network_allocate(fcl_network *network);
void fcl_network_free_buffers(fcl_network *network);

/* The buffers of a layer's output and of its gradient; NULL when there is none. */
fcl_buffer *fcl_network_value(const fcl_network *network, unsigned layer);
fcl_buffer *fcl_network_gradient(const fcl_network *network, unsigned layer);

/* Called right before an operation is enqueued, and after it, when what it wrote can be read. */
typedef struct fcl_watch {
    fcl_status (*before)(void *user, unsigned layer, const fcl_node *node, const fcl_op_args *args);
    fcl_status (*after)(void *user, unsigned layer, const fcl_node *node, const fcl_op_args *args);
    void *user;
} fcl_watch;

/* fcl_network_forward(), _loss() and _backward(); `watch` and `sink` may be NULL. */
fcl_status fcl_network_run_forward(fcl_network *network, const fcl_pass *pass, const fcl_watch *watch);
fcl_status fcl_network_run_loss(fcl_network *network, const fcl_pass *pass, const fcl_watch *watch);
fcl_status fcl_network_run_backward(fcl_network *network, const fcl_pass *pass, const fcl_watch *watch,
                                    const fcl_gradient_sink *sink);
/* Of the finite check and Adam. */
fcl_op_args fcl_network_update_args(const fcl_pass *pass, const fcl_adam *adam);

#endif
