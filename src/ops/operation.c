#include "ops/operation.h"

#include <math.h>

#include "base/log.h"
#include "base/memory.h"
#include "ops/choice.h"
#include "ops/selection.h"
#include "ops/solver_cache.h"

struct fcl_operation {
    fcl_op_desc desc;
    const fcl_solver *solver;
    fcl_plan *plan;
    size_t workspace_bytes;
    int is_new;
};

fcl_status fcl_operation_create_from(fcl_operation **out, fcl_device *device, const fcl_op_desc *desc,
                                     const fcl_choice *choice, int measure, const fcl_solver *const *solvers) {
    fcl_status status;
    fcl_operation *operation = NULL;
    FCL_TRY(FCL_NEW(&operation, 1, "an operation"));
    operation->desc = *desc;
    FCL_TRY(fcl_select_solver(&operation->solver, &operation->is_new, device, desc, choice, measure, solvers));
    if (operation->solver->workspace_bytes)
        operation->workspace_bytes = operation->solver->workspace_bytes(desc, device);
    FCL_TRY(operation->solver->prepare(&operation->plan, desc, device));
    *out = operation;
    operation = NULL;
done:
    fcl_operation_free(operation);
    return status;
}

fcl_status fcl_operation_create(fcl_operation **out, fcl_device *device, const fcl_op_desc *desc,
                                const fcl_choice *choice, int measure) {
    return fcl_operation_create_from(out, device, desc, choice, measure, fcl_solvers_of(desc->kind));
}

fcl_status fcl_operation_has_solver(int *out, const fcl_device *device, const fcl_op_desc *desc,
                                    const fcl_choice *choice) {
    const fcl_solver *solver, *const *any = fcl_solvers_of(desc->kind);
    int is_wish;
    char description[256];
    fcl_op_describe(description, desc);
    fcl_status status = fcl_choice_find(&solver, &is_wish, choice, desc, description);
    if (status != FCL_OK) return status;
    while (!solver && *any && !(fcl_solver_suits(*any, device) && fcl_solver_applies(*any, desc, device))) any++;
    *out = solver ? fcl_solver_applies(solver, desc, device) : *any != NULL;
    return FCL_OK;
}

/* What keeps a solver from being used, and no other. */
static int is_of_solver(fcl_status status) {
    return status == FCL_E_WRONG_RESULT || status == FCL_E_BUILD || status == FCL_E_DEVICE ||
           status == FCL_E_DEVICE_MEMORY;
}

fcl_status fcl_operation_is_possible(int *out, int *is_new, fcl_device *device, const fcl_op_desc *desc,
                                     const fcl_choice *choice, int measure) {
    const fcl_solver *solver;
    fcl_status status = fcl_operation_has_solver(out, device, desc, choice);
    *is_new = 0;
    if (status != FCL_OK || !*out) return status;
    status = fcl_select_solver(&solver, is_new, device, desc, choice, measure, fcl_solvers_of(desc->kind));
    *out = status == FCL_OK;
    if (!is_of_solver(status)) return status;
    /* Of those that nobody asked for a warning was given when they were looked at. */
    if (fcl_choice_names(choice, desc))
        fcl_log(FCL_LOG_WARNING, "%s: so the solver that was asked for is not used for it", fcl_error_message());
    return FCL_OK;
}

void fcl_operation_free(fcl_operation *operation) {
    if (!operation) return;
    if (operation->plan) operation->solver->dispose(operation->plan);
    free(operation);
}

const fcl_op_desc *fcl_operation_desc(const fcl_operation *operation) {
    return &operation->desc;
}

const fcl_solver *fcl_operation_solver(const fcl_operation *operation) {
    return operation->solver;
}

size_t fcl_operation_workspace_bytes(const fcl_operation *operation) {
    return operation->workspace_bytes;
}

int fcl_operation_is_new(const fcl_operation *operation) {
    return operation->is_new;
}

int fcl_operation_keeps_weights(const fcl_operation *operation) {
    return operation->desc.weights_stay && operation->solver->keeps_weights;
}

fcl_status fcl_operation_run(fcl_operation *operation, int n, const fcl_operands *operands, const fcl_op_args *args) {
    char description[256];
    fcl_op_describe(description, &operation->desc);
    if (n < 1 || n > operation->desc.batch)
        return fcl_fail(FCL_E_INTERNAL, "%s cannot run with %d samples", description, n);
    fcl_status status = operation->solver->run(operation->plan, n, operands, args);
    if (status != FCL_OK)
        return fcl_fail(status, "%s with solver %s: %s", description, operation->solver->name, fcl_error_message());
    return FCL_OK;
}
