/* The table of all solvers. A new one adds its declaration to solvers.h and itself to the list of its kind; the order in
 * a list is the order in which they are tried when nothing was measured. */
#include "ops/solvers.h"

#include <assert.h>
#include <string.h>

enum { MAX_SOLVERS = 16 };
/* All variants of a solver. */
#define TILES(solvers)                                                                                                 \
    &(solvers)[0], &(solvers)[1], &(solvers)[2], &(solvers)[3], &(solvers)[4], &(solvers)[5], &(solvers)[6]
static_assert(FCL_N_TILES == 7, "TILES lists every variant");

/* clang-format off */
static const fcl_solver *const table[FCL_N_OP_KINDS][MAX_SOLVERS] = {
    [FCL_CONV_FORWARD]           = {&fcl_solver_conv_direct_forward, &fcl_solver_conv_winograd_forward,
                                    TILES(fcl_solvers_conv_tiled_forward), &fcl_solver_conv_gemm_forward,
                                    &fcl_solver_conv_general_forward, NULL},
    [FCL_CONV_BACKWARD_DATA]     = {&fcl_solver_conv_direct_backward_data, &fcl_solver_conv_winograd_backward_data,
                                    TILES(fcl_solvers_conv_tiled_backward_data), &fcl_solver_conv_gemm_backward_data,
                                    &fcl_solver_conv_general_backward_data, NULL},
    [FCL_CONV_BACKWARD_WEIGHTS]  = {&fcl_solver_conv_direct_backward_weights, &fcl_solver_conv_winograd_backward_weights,
                                    TILES(fcl_solvers_conv_tiled_backward_weights), &fcl_solver_conv_gemm_backward_weights,
                                    &fcl_solver_conv_general_backward_weights, NULL},
    [FCL_DENSE_FORWARD]          = {&fcl_solver_dense_direct_forward, TILES(fcl_solvers_dense_tiled_forward),
                                    &fcl_solver_dense_gemm_forward, &fcl_solver_dense_general_forward, NULL},
    [FCL_DENSE_BACKWARD_DATA]    = {&fcl_solver_dense_direct_backward_data, TILES(fcl_solvers_dense_tiled_backward_data),
                                    &fcl_solver_dense_gemm_backward_data, &fcl_solver_dense_general_backward_data, NULL},
    [FCL_DENSE_BACKWARD_WEIGHTS] = {&fcl_solver_dense_direct_backward_weights,
                                    TILES(fcl_solvers_dense_tiled_backward_weights),
                                    &fcl_solver_dense_gemm_backward_weights, &fcl_solver_dense_general_backward_weights,
                                    NULL},
    [FCL_POOL_FORWARD]           = {&fcl_solver_pool_forward, NULL},
    [FCL_POOL_BACKWARD]          = {&fcl_solver_pool_blocks_backward, &fcl_solver_pool_gather_backward, NULL},
    [FCL_ACTIVATION_FORWARD]     = {&fcl_solver_activation_forward, NULL},
    [FCL_ACTIVATION_BACKWARD]    = {&fcl_solver_activation_backward, NULL},
    [FCL_DROPOUT_FORWARD]        = {&fcl_solver_dropout_forward, NULL},
    [FCL_DROPOUT_BACKWARD]       = {&fcl_solver_dropout_backward, NULL},
    [FCL_ADD]                    = {&fcl_solver_add, NULL},
    [FCL_LOSS_MSE]               = {&fcl_solver_masked_mse, NULL},
    [FCL_FINITE_CHECK]           = {&fcl_solver_finite_check, NULL},
    [FCL_ADAM]                   = {&fcl_solver_adam, NULL},
};
/* clang-format on */

const fcl_solver *const *fcl_solvers_of(fcl_op_kind kind) {
    assert((unsigned)kind < FCL_N_OP_KINDS);
    return table[kind];
}

/* Letters of a solver's name without its parameters. */
static size_t stem_length(const char *name) {
    return strcspn(name, ":");
}

int fcl_solver_is_variant_of(const fcl_solver *a, const fcl_solver *b) {
    size_t length = stem_length(a->name);
    return length == stem_length(b->name) && strncmp(a->name, b->name, length) == 0;
}

const fcl_solver *fcl_solver_find(fcl_op_kind kind, const char *name) {
    for (const fcl_solver *const *solver = fcl_solvers_of(kind); *solver; solver++) {
        size_t stem = stem_length((*solver)->name);
        if (strcmp((*solver)->name, name) == 0 || (strlen(name) == stem && strncmp((*solver)->name, name, stem) == 0))
            return *solver;
    }
    return NULL;
}

int fcl_solver_applies(const fcl_solver *solver, const fcl_op_desc *desc, const fcl_device *device) {
    return (!desc->fused_pool || solver->fuses_pool) && solver->applies(desc, device);
}

int fcl_solver_suits(const fcl_solver *solver, const fcl_device *device) {
    return !(solver->not_on_cpu && fcl_device_facts(device)->kind == FCL_DEVICE_CPU);
}

fcl_work fcl_op_work(const fcl_op_desc *desc) {
    fcl_operand operands[FCL_N_ROLES];
    int n = fcl_op_operands(operands, desc);
    fcl_work work = {.flop = fcl_op_flop(desc, desc->batch)};
    for (int i = 0; i < n; i++)
        work.bytes +=
            (double)(operands[i].is_input + operands[i].is_output) * (double)operands[i].count * sizeof(float);
    return work;
}

fcl_work fcl_solver_work(const fcl_solver *solver, const fcl_op_desc *desc, const fcl_device *device) {
    return solver->work ? solver->work(desc, device) : fcl_op_work(desc);
}
