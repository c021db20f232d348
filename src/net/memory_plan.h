/*
 * What training a model takes of a device's memory, known before anything is allocated, and into how many parts a batch is
 * divided so that it fits: the gradient of the whole batch is then added up part by part.
 */
#ifndef FCL_NET_MEMORY_PLAN_H
#define FCL_NET_MEMORY_PLAN_H

#include "base/text.h"
#include "net/network.h"

/* Bytes on the device. */
typedef struct fcl_memory_needs {
    uint64_t parameters;
    uint64_t optimizer;   /* gradients of parameters, and moments */
    uint64_t activations; /* with labels and places of maxima */
    uint64_t gradients;   /* of activations */
    uint64_t workspace;   /* 0 where the device is not known */
    uint64_t largest;     /* buffer of all of these */
} fcl_memory_needs;

typedef struct fcl_memory_plan {
    fcl_memory_request request;
    unsigned n_parts, part; /* of the batch; samples of the largest one */
    /* Until a network is built, the workspace is the largest of the solvers that are likely to be chosen. */
    fcl_memory_needs needs;
    /* What there is: UINT64_MAX where that is not known. */
    uint64_t total_limit, single_limit;
    const char *total_limit_is; /* "is the device's" */
    /* What the device's buffers may take together: with the batches that wait, where total_limit leaves room for those. */
    uint64_t device_limit;
} fcl_memory_plan;

/* The plan with the fewest parts that fits, at least `n_parts`. `choice` of the solvers, may be NULL. FCL_E_DEVICE_MEMORY when
 * not even single images fit. */
fcl_status fcl_memory_plan_make(fcl_memory_plan *out, const fcl_model *model, const fcl_memory_request *request,
                                const fcl_choice *choice, unsigned n_parts);
/* All on the device. */
uint64_t fcl_memory_plan_bytes(const fcl_memory_plan *plan);
/* The table for people. */
void fcl_memory_plan_append(fcl_text *text, const fcl_memory_plan *plan);
/* fcl_model_summary() with a plan that was made. */
fcl_status fcl_model_summary_of(char **out, const fcl_model *model, const fcl_memory_plan *plan);

/* A network on the request's device that trains the plan's parts. Where memory fails all the same the plan becomes the next one
 * with smaller parts, and a warning says so; its needs are those of the network at last. `options->batch` and `training` are
 * set here. */
fcl_status fcl_network_create_by_plan(fcl_network **out, fcl_memory_plan *plan, const fcl_model *model,
                                      const fcl_network_options *options);

#endif
