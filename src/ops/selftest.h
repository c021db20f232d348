/*
 * The self-test: every solver against the reference, at shapes that are hard for kernels and, for whoever has a model's, at
 * those too. An operation and a solver are a case. What is wrong on a device shows here before anything is trained with it;
 * that training never uses such a solver the gate sees to (selection.h).
 */
#ifndef FCL_OPS_SELFTEST_H
#define FCL_OPS_SELFTEST_H

#include "ops/gate.h"

typedef enum fcl_outcome {
    FCL_OUTCOME_PASSED,
    FCL_OUTCOME_WRONG,         /* it computes something else than the reference */
    FCL_OUTCOME_BROKEN,        /* it does not build or run */
    FCL_OUTCOME_NOT_SUPPORTED, /* not meant for this shape or device, or too little device memory */
    FCL_N_OUTCOMES
} fcl_outcome;
/* "passed", "wrong", "broken", "not supported" */
const char *fcl_outcome_name(fcl_outcome outcome);

/* The descriptors of hard shapes: one pixel, odd sizes, prime numbers of channels, strides, padding on all sides, last blocks,
 * tiles and vectors that are not full, every activation. For free(). */
fcl_status fcl_selftest_shapes(fcl_op_desc **out, size_t *n);

typedef struct fcl_selftest_result {
    fcl_outcome outcome;
    fcl_gate_report report; /* of the check that failed, else of the one with the largest error */
    double seconds;
    char message[512]; /* what is wrong, or why it is not supported; "" when it passed */
} fcl_selftest_result;

/* At a hard shape (`thorough`) with the whole batch, one sample, and one less than the batch, with every variant of the gate's
 * arguments, and at every element where that is cheap; else as before a solver's first use. A failure of any kind is a result:
 * an error is only that the host had no memory. */
fcl_status fcl_selftest_run(fcl_selftest_result *out, fcl_device *device, const fcl_op_desc *desc,
                            const fcl_solver *solver, int thorough);

/* What an element's error may be, as a multiple of FLT_EPSILON: "64 (sum |x w| + |b|)". docs/kernels.md derives the factors. */
void fcl_selftest_tolerance(char out[64], const fcl_solver *solver);

#endif
