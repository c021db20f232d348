/* Golden cases of operations: the host reference and every solver that applies, held against what PyTorch
 * computed. */
#ifndef FCL_TEST_GOLDEN_CASE_H
#define FCL_TEST_GOLDEN_CASE_H

#include "ops/check_solver.h"
#include "ops/reference.h"
#include "support/golden.h"

/* An operation with operands on the host. Operand T of a case has the formula's key seed * 64 + T. */
typedef struct op_case {
    char name[96];
    fcl_op_desc desc;
    fcl_op_args args;
    int n;
    uint32_t seed;
    fcl_operand operands[FCL_N_ROLES];
    int n_operands;
    void *data[FCL_N_ROLES];  /* words of 4 bytes: those of n samples, and poison up to the full batch */
    size_t used[FCL_N_ROLES]; /* words of n samples */
} op_case;

/* Every input, and every output that is added to, is filled from the formula; the caller may change what
 * data[] holds. FLAG is zero. */
void op_case_init(op_case *c, const char *name, uint32_t seed, const fcl_op_desc *desc, int n, const fcl_op_args *args);
void op_case_dispose(op_case *c);
float *op_case_floats(const op_case *c, fcl_role role);

/* What one output must be. */
typedef struct expectation {
    fcl_role role;
    golden_tensor tensor;
    /* Sums of |terms| as PyTorch computed them, over all elements and over the stored ones; negative: not
     * known. */
    double magnitude, stored_magnitude;
    /* How far the reference may be off, relative to the sum of |terms|. */
    double reference_tolerance;
    /* The tensor is what must stand there in the end, also when the operation adds to what was there. */
    int is_final;
} expectation;

/* The tensor `name` of a golden case with its magnitudes if it has them. */
expectation expect(fcl_role role, const golden_case *g, const char *name);

/* The reference, then each solver: every stored element within the solver's bound, the normalised error at
 * most 1e-10, the sum over all elements within the bound of the sum, NaN and infinity exactly where they must
 * be, inputs unchanged, nothing written behind n samples. */
void op_case_check_once(const op_case *c, const expectation *expected, size_t n_expected);
/* With args.accumulate 0 and, where an output can be added to, 1. */
void op_case_check(op_case *c, const expectation *expected, size_t n_expected);

/* Runs a solver; result[role] holds the output for free(), NULL for those that are none. */
void op_case_run(void *result[FCL_N_ROLES], const op_case *c, const fcl_solver *solver);

fcl_activation golden_activation(const golden_case *g, const char *kind_key, const char *alpha_key);
/* Whether to leave this case out: $FIDUCL_TEST_REDUCED is set (a simulated device) and the case is not tiny.
 */
int golden_is_left_out(const golden_case *g);

#endif
