/* The gate: a solver's result on a device held against the host reference, with made operands. */
#ifndef FCL_OPS_GATE_H
#define FCL_OPS_GATE_H

#include "ops/solver.h"

typedef struct fcl_gate_report {
    int passed;
    /* NULL, or what else was wrong with operand `worst_role` than an element's value: "was written beyond its
     * end", "is an input and was changed". */
    const char *fault;
    fcl_role worst_role; /* FCL_N_ROLES: the workspace, which has faults only */
    size_t worst_index;
    double worst_got, worst_wanted, worst_bound;
    double worst_ratio;      /* error / bound of the worst element; > 1 fails; infinity where only one is finite */
    double normalised_error; /* sum of squared errors / sum of squared references over what was checked; >
                                1e-10 fails */
    size_t n_checked;
    int n, n_batch; /* samples of the run, and those that it may have */
} fcl_gate_report;

/* Runs `solver` at n samples (1 <= n <= desc->batch) on operands from fixed random numbers and checks every
 * element of each output, or about `max_elements` sampled ones (always with the first, the last, and those at
 * borders) when it is not 0. Always checked: that all are finite but those that the operands make infinite or NaN, and that
 * inputs and what lies behind outputs and workspace are untouched. The status is an error only when the check itself could
 * not be done; a wrong result is report->passed == 0. Outputs and workspace are filled with NaN first, so that reading or
 * leaving them unwritten shows. With args->weights_unchanged it runs once without before, as whoever asks for that does. */
fcl_status fcl_gate_check(fcl_gate_report *report, fcl_device *device, const fcl_solver *solver,
                          const fcl_op_desc *desc, int n, const fcl_op_args *args, size_t max_elements);
/* Arguments for a check. There are several variants of some operations: adding to an output as opposed to replacing it, weights
 * that did not change, a loss without labels, a finite check that finds something, Adam after it. For these two `seed` says
 * what operands are made (made_operands.c). */
int fcl_gate_n_variants(const fcl_op_desc *desc);
fcl_op_args fcl_gate_args(const fcl_op_desc *desc, int variant);
/* "conv_direct: dw[17] is 3.1, should be 2.9 with 3 of 32 samples (411 times the bound, 0.0005)" */
void fcl_gate_describe(char out[256], const fcl_gate_report *report, const fcl_solver *solver);

#endif
