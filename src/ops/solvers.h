/* Every solver there is, for the table in solvers.c. Each is defined in the file that its name starts with. */
#ifndef FCL_OPS_SOLVERS_H
#define FCL_OPS_SOLVERS_H

#include "ops/solver.h"

extern const fcl_solver fcl_solver_conv_direct_forward;
extern const fcl_solver fcl_solver_conv_direct_backward_data;
extern const fcl_solver fcl_solver_conv_direct_backward_weights;
extern const fcl_solver fcl_solver_conv_winograd_forward;
extern const fcl_solver fcl_solver_conv_winograd_backward_data;
extern const fcl_solver fcl_solver_conv_winograd_backward_weights;
extern const fcl_solver fcl_solver_conv_gemm_forward;
extern const fcl_solver fcl_solver_conv_gemm_backward_data;
extern const fcl_solver fcl_solver_conv_gemm_backward_weights;
extern const fcl_solver fcl_solver_conv_general_forward;
extern const fcl_solver fcl_solver_conv_general_backward_data;
extern const fcl_solver fcl_solver_conv_general_backward_weights;
/* The variants of conv_tiled, the default one first. */
enum { FCL_N_TILES = 7 };
extern const fcl_solver fcl_solvers_conv_tiled_forward[FCL_N_TILES];
extern const fcl_solver fcl_solvers_conv_tiled_backward_data[FCL_N_TILES];
extern const fcl_solver fcl_solvers_conv_tiled_backward_weights[FCL_N_TILES];
extern const fcl_solver fcl_solvers_dense_tiled_forward[FCL_N_TILES];
extern const fcl_solver fcl_solvers_dense_tiled_backward_data[FCL_N_TILES];
extern const fcl_solver fcl_solvers_dense_tiled_backward_weights[FCL_N_TILES];
extern const fcl_solver fcl_solver_dense_direct_forward;
extern const fcl_solver fcl_solver_dense_direct_backward_data;
extern const fcl_solver fcl_solver_dense_direct_backward_weights;
extern const fcl_solver fcl_solver_dense_gemm_forward;
extern const fcl_solver fcl_solver_dense_gemm_backward_data;
extern const fcl_solver fcl_solver_dense_gemm_backward_weights;
extern const fcl_solver fcl_solver_dense_general_forward;
extern const fcl_solver fcl_solver_dense_general_backward_data;
extern const fcl_solver fcl_solver_dense_general_backward_weights;
extern const fcl_solver fcl_solver_pool_forward;
extern const fcl_solver fcl_solver_pool_blocks_backward;
extern const fcl_solver fcl_solver_pool_gather_backward;
extern const fcl_solver fcl_solver_activation_forward;
extern const fcl_solver fcl_solver_activation_backward;
extern const fcl_solver fcl_solver_dropout_forward;
extern const fcl_solver fcl_solver_dropout_backward;
extern const fcl_solver fcl_solver_add;
extern const fcl_solver fcl_solver_masked_mse;
extern const fcl_solver fcl_solver_finite_check;
extern const fcl_solver fcl_solver_adam;

#endif
