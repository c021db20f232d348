/* An operation that ran in a network, held against the host reference with the operands that it had there. */
#ifndef FCL_OPS_INSPECT_H
#define FCL_OPS_INSPECT_H

#include "ops/reference.h"
#include "ops/solver.h"

/* One output of a run: `n` samples, with the operands as they were before. */
typedef struct fcl_output {
    const fcl_solver *solver;
    const fcl_op_desc *desc;
    const fcl_op_args *args;
    int n;
    const fcl_host_operands *operands;
    fcl_role role;       /* not FCL_FLAG */
    const float *result; /* the whole output */
    size_t first, count; /* the elements of it that count */
} fcl_output;

typedef struct fcl_inspection {
    size_t index;       /* the element that is most wrong; one that is not finite before all others */
    double got, wanted; /* there, on the device and by the reference */
    double ratio;       /* error / bound there; > 1: wrong; infinity for one that is not finite */
    double magnitude;   /* the largest sum of absolute values of terms (reference.h) that was met */
    int overflows;      /* that is too large for float, or infinite: nothing can be said about the device */
} fcl_inspection;

/* Looks at about `max_elements` elements, at least half of them not finite if there are as many. The bound is the gate's
 * with the largest magnitude of all elements looked at in place of each one's own: in a trained network terms of neighbours differ
 * by orders of magnitude, and a solver that mixes them (Winograd) errs by a part of the largest. What it finds are faults,
 * not rounding. */
fcl_status fcl_inspect(fcl_inspection *out, const fcl_output *output, size_t max_elements);

#endif
