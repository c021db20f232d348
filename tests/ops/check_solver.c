#include "ops/check_solver.h"

#include <stdlib.h>

void check_solver(const fcl_solver *solver, const fcl_op_desc *desc, int n) {
    char what[256], fault[256];
    fcl_op_describe(what, desc);
    for (int variant = 0; variant < fcl_gate_n_variants(desc); variant++) {
        fcl_op_args args = fcl_gate_args(desc, variant);
        fcl_gate_report report;
        ck_ok(fcl_gate_check(&report, test_device(), solver, desc, n, &args, 0));
        fcl_gate_describe(fault, &report, solver);
        ck_assert_msg(report.passed, "%s, n = %d, variant %d: %s", what, n, variant, fault);
        ck_assert_uint_gt(report.n_checked, 0);
    }
}

/* Whether the device can run the solver; registers may allow less than what `applies` can know. Any other error fails. */
static int fits(const fcl_solver *solver, const fcl_op_desc *desc) {
    fcl_plan *plan = NULL;
    fcl_status status = solver->prepare(&plan, desc, test_device());
    if (status == FCL_OK) {
        solver->dispose(plan);
        return 1;
    }
    ck_assert_msg(test_contains(fcl_error_message(), "a smaller tile may do"), "%s: %s", solver->name,
                  fcl_error_message());
    test_left_out("%s: %s", solver->name, fcl_error_message());
    return 0;
}

const fcl_solver *const *next_solver(const fcl_solver *const *after, const fcl_op_desc *desc) {
    const fcl_solver *const *solver = after ? after + 1 : fcl_solvers_of(desc->kind);
    while (*solver && ((after && fcl_solver_is_variant_of(*solver, *after)) ||
                       !fcl_solver_applies(*solver, desc, test_device()) || !fits(*solver, desc)))
        solver++;
    return *solver ? solver : NULL;
}

static void check_batches(const fcl_solver *solver, const fcl_op_desc *desc) {
    check_solver(solver, desc, desc->batch);
    if (desc->batch > 1) check_solver(solver, desc, 1);
    if (desc->batch > 2) check_solver(solver, desc, desc->batch - 1);
}

void check_solvers(const fcl_op_desc *desc) {
    int n_applying = 0;
    for (const fcl_solver *const *s = next_solver(NULL, desc); s; s = next_solver(s, desc), n_applying++)
        check_batches(*s, desc);
    ck_assert_int_gt(n_applying, 0);
}

void check_variants(const fcl_op_desc *desc, const char *name) {
    const fcl_solver *first = fcl_solver_find(desc->kind, name);
    int n_applying = 0;
    ck_assert_ptr_nonnull(first);
    for (const fcl_solver *const *solver = fcl_solvers_of(desc->kind); *solver; solver++) {
        if (!fcl_solver_is_variant_of(*solver, first) || !fcl_solver_applies(*solver, desc, test_device()) ||
            !fits(*solver, desc))
            continue;
        check_batches(*solver, desc);
        n_applying++;
    }
    ck_assert_int_gt(n_applying, 0);
}

void run_solver(const fcl_solver *solver, const fcl_op_desc *desc, int n, const fcl_op_args *args,
                const void *const in[FCL_N_ROLES], void *const out[FCL_N_ROLES]) {
    fcl_device *device = test_device();
    fcl_operand list[FCL_N_ROLES];
    fcl_operands operands = {0};
    fcl_plan *plan;
    int n_operands = fcl_op_operands(list, desc);
    for (int i = 0; i < n_operands; i++) {
        fcl_role role = list[i].role;
        size_t n_bytes = list[i].count * sizeof(float);
        ck_ok(fcl_buffer_create(&operands.buffer[role], device, n_bytes, fcl_role_name(role)));
        if (in[role]) ck_ok(fcl_buffer_write(operands.buffer[role], 0, in[role], n_bytes));
    }
    size_t workspace_bytes = solver->workspace_bytes ? solver->workspace_bytes(desc, device) : 0;
    if (workspace_bytes > 0) ck_ok(fcl_buffer_create(&operands.workspace, device, workspace_bytes, "workspace"));
    ck_ok(solver->prepare(&plan, desc, device));
    ck_ok(solver->run(plan, n, &operands, args));
    for (int i = 0; i < n_operands; i++) {
        fcl_role role = list[i].role;
        if (out[role]) ck_ok(fcl_buffer_read(out[role], operands.buffer[role], 0, list[i].count * sizeof(float)));
    }
    solver->dispose(plan);
    for (int role = 0; role < FCL_N_ROLES; role++) fcl_buffer_free(operands.buffer[role]);
    fcl_buffer_free(operands.workspace);
}
