/*
 * A network: a model on a device. Parameters, gradients and the optimizer's two moments are one buffer
 * (arena) each, in the order of the model's tensors, each tensor at a multiple of the device's buffer
 * alignment; gaps are zero. Activations are kept for the backward pass; buffers of gradients are shared
 * between layers whose lifetimes do not overlap.
 */
#ifndef FCL_NET_NETWORK_H
#define FCL_NET_NETWORK_H

#include "device/buffer.h"
#include "net/description.h"
#include "net/weights.h"
#include "ops/operation.h"

typedef struct fcl_network fcl_network;

/* What predicting several images uses, whatever batch a model was trained with. */
enum { FCL_PREDICTOR_BATCH = 32 };

typedef struct fcl_network_options {
    int batch;                /* the largest */
    int training;             /* 0: no gradients, moments or dropout, and activations share memory */
    const fcl_choice *choice; /* may be NULL; used during creation only */
    int measure;              /* as for fcl_operation_create */
    uint64_t seed;            /* of dropout */
    /* The operations are described, not created: what a device has to compute, whether or not it can. Such a network never runs,
     * its operations have no solvers and its buffers no memory. It may be of no device (NULL): then no pooling is part of a
     * convolution, and there is no workspace. */
    int describe;
    /* NULL, or a network of the same model on the same device whose parameters this one uses, which must outlive it; not when
     * training */
    fcl_network *parameters_of;
} fcl_network_options;

/* Operations are created (kernels compiled, several at once where that is set up, solvers gated and chosen). `model` and `device`
 * must outlive it. Parameters are undefined until set. FCL_E_INTERRUPTED after a signal while several kernels were compiled. */
fcl_status fcl_network_create(fcl_network **out, fcl_device *device, const fcl_model *model,
                              const fcl_network_options *options);
void fcl_network_free(fcl_network *network);
const fcl_model *fcl_network_model(const fcl_network *network);
/* The most samples of a pass. */
int fcl_network_batch(const fcl_network *network);

/* Where a batch goes before each forward, which overwrites the input when not training: input (n, 96, 96, 1),
 * pixels / 255; targets (n, 30) and mask (n, 30, 1 = labelled). Targets, mask, stats and flag are NULL when
 * not training. */
fcl_buffer *fcl_network_input(fcl_network *network);
fcl_buffer *fcl_network_targets(fcl_network *network);
fcl_buffer *fcl_network_mask(fcl_network *network);
/* (n, 30), (coordinate - 48) / 48. */
fcl_buffer *fcl_network_output(fcl_network *network);
/* FCL_STATS_SLOTS pairs (loss, mae) and the flag, see op.h. */
fcl_buffer *fcl_network_stats(fcl_network *network);
fcl_buffer *fcl_network_flag(fcl_network *network);

/* Everything below only enqueues. One step: forward, loss, backward (training) of the batch's shares (share.h), then update. */
typedef struct fcl_pass {
    int n;                 /* samples of this share, 1..batch */
    int dropout;           /* 0 switches dropout layers off */
    uint32_t step;         /* of training, counted from 1: dropout's counter, and what FLAG records */
    uint32_t first_sample; /* where it begins in the whole batch */
    float inverse_count;   /* 1 / labelled coordinates of the whole batch, or 0 */
    uint32_t slot;         /* of STATS */
    int accumulate;        /* a later share of the same batch: gradients and STATS add up */
} fcl_pass;
fcl_status fcl_network_forward(fcl_network *network, const fcl_pass *pass);
/* Loss and MAE into STATS[slot], and the gradient of the output when training. */
fcl_status fcl_network_loss(fcl_network *network, const fcl_pass *pass);
/* `sink`, unless NULL, is told in between which gradients are complete as soon as the device is through with what was enqueued
 * so far: those of all tensors from first_tensor on. It is called with ever smaller numbers, at last with 0. */
typedef struct fcl_gradient_sink {
    fcl_status (*complete)(void *user, unsigned first_tensor);
    void *user;
} fcl_gradient_sink;
fcl_status fcl_network_backward(fcl_network *network, const fcl_pass *pass, const fcl_gradient_sink *sink);
typedef struct fcl_adam {
    double learning_rate, beta1, beta2, epsilon;
} fcl_adam;
/* Checks loss and gradients for non-finite values (FLAG) and, when all are finite, applies Adam step
 * `pass->step`. */
fcl_status fcl_network_update(fcl_network *network, const fcl_pass *pass, const fcl_adam *adam);

/* What is wrong with a pass, and whose fault it is. */
typedef enum fcl_cause {
    FCL_CAUSE_NONE, /* all is finite and right */
    FCL_CAUSE_DEVICE, /* a tensor is not what the reference makes of the same operands; or parameters, which Adam changes by a
                          bounded step whatever the gradient, or the batch are not finite on the device */
    FCL_CAUSE_OVERFLOW /* a tensor is not finite, and the reference's terms are too large for float as well */
} fcl_cause;
typedef struct fcl_finding {
    fcl_cause cause;
    char text[1024]; /* "layer conv_1, kernel conv_direct (conv_forward in=...): y[7], of the activation, is nan; the
                              reference says 0.25" */
    char other_solver[64]; /* for --solver: another way to compute that operation; "" if there is none */
} fcl_finding;
/* Runs forward, loss and backward of a pass, part by part, and holds sampled elements of each tensor against the host
 * reference (ops/inspect.h), up to the first tensor that is wrong or not finite. Passes of later shares of a batch follow those of
 * earlier ones, as in a step; the share must be in the input. `adam`, unless NULL, has the update looked at as well and taken
 * back. Weights, moments and FLAG are as before afterwards; gradients and STATS[slot] are those of the passes looked at. Waits
 * for the device. */
fcl_status fcl_network_inspect(fcl_finding *out, fcl_network *network, const fcl_pass *pass, const fcl_adam *adam);

/* Copies between the host's tensors, in the model's order, and the arenas. Waits for the device. */
typedef enum fcl_arena { FCL_PARAMETERS, FCL_GRADIENTS, FCL_MOMENT1, FCL_MOMENT2 } fcl_arena;
fcl_status fcl_network_read(fcl_tensors *out, fcl_network *network, fcl_arena arena);
fcl_status fcl_network_write(fcl_network *network, fcl_arena arena, const fcl_tensors *tensors);
/* The device's memory of one tensor; lends. */
fcl_buffer *fcl_network_tensor(fcl_network *network, fcl_arena arena, unsigned tensor);
/* Moments to zero. */
fcl_status fcl_network_reset_optimizer(fcl_network *network);

/* Lends. */
const fcl_op_desc *fcl_network_operation_desc(const fcl_network *network, unsigned index);
/* The solvers in use: pairs of fcl_op_describe() text and solver name, in order of the layers. Lends. */
unsigned fcl_network_n_operations(const fcl_network *network);
/* Where an operation belongs: the layer's name ("conv_1"; "step" for what follows all layers: loss, finite check, Adam) and
 * what it does there ("forward", "backward_data", "backward_weights", ...); both together are unique. Lends. */
void fcl_network_operation_place(const char **layer, const char **part, const fcl_network *network, unsigned index);
void fcl_network_operation(const char **description, const char **solver, const fcl_network *network, unsigned index);

#endif
