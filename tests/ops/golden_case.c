#include "ops/golden_case.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { KEYS_PER_CASE = 64, GUARD_WORDS = 64, WORD_BYTES = 4 };
/* A NaN with a pattern of its own: what was never written, or read where nothing is. */
static const uint32_t poison = 0x7fc5a5a5u;
static const double normalised_error_limit = 1e-10;

static void *poisoned(size_t n_words) {
    uint32_t *words = fcl_calloc(n_words, WORD_BYTES);
    ck_assert_ptr_nonnull(words);
    for (size_t i = 0; i < n_words; i++) words[i] = poison;
    return words;
}

void op_case_init(op_case *c, const char *name, uint32_t seed, const fcl_op_desc *desc, int n,
                  const fcl_op_args *args) {
    *c = (op_case){.desc = *desc, .args = *args, .n = n, .seed = seed};
    snprintf(c->name, sizeof c->name, "%s", name);
    fcl_op_desc part = *desc;
    part.batch = n;
    fcl_operand of_part[FCL_N_ROLES];
    c->n_operands = fcl_op_operands(c->operands, desc);
    ck_assert_int_eq(fcl_op_operands(of_part, &part), c->n_operands);
    for (int i = 0; i < c->n_operands; i++) {
        const fcl_operand *operand = &c->operands[i];
        fcl_role role = operand->role;
        c->used[role] = of_part[i].count;
        c->data[role] = poisoned(operand->count + GUARD_WORDS);
        if (role == FCL_FLAG)
            memset(c->data[role], 0, operand->count * WORD_BYTES);
        else if (operand->is_input || fcl_op_accumulates(desc, role))
            golden_fill(c->data[role], c->used[role], seed * KEYS_PER_CASE + (uint32_t)role, 1.0f, 0.0f);
    }
}

void op_case_dispose(op_case *c) {
    for (int role = 0; role < FCL_N_ROLES; role++) free(c->data[role]);
}

float *op_case_floats(const op_case *c, fcl_role role) {
    ck_assert_ptr_nonnull(c->data[role]);
    return c->data[role];
}

expectation expect(fcl_role role, const golden_case *g, const char *name) {
    expectation e = {.role = role,
                     .tensor = golden_get_tensor(g, name),
                     .magnitude = -1.0,
                     .stored_magnitude = -1.0,
                     .reference_tolerance = 1e-12};
    char key[64];
    snprintf(key, sizeof key, "%s.magnitude", name);
    if (golden_has(g, key)) {
        e.magnitude = golden_number(g, key);
        snprintf(key, sizeof key, "%s.stored_magnitude", name);
        e.stored_magnitude = golden_number(g, key);
    }
    return e;
}

static const void *const *lent(const op_case *c) {
    return (const void *const *)c->data;
}

static int is_added(const op_case *c, const expectation *e) {
    return c->args.accumulate && !e->is_final && fcl_op_accumulates(&c->desc, e->role);
}

/* Element k of what is expected, with what was there before when it is added to. */
static double wanted_at(const op_case *c, const expectation *e, size_t k) {
    double before = is_added(c, e) ? (double)op_case_floats(c, e->role)[golden_tensor_index(&e->tensor, k)] : 0.0;
    return e->tensor.stored[k] + before;
}

/* The reference's magnitudes of the stored elements, after its values were checked; for free(). */
static double *check_reference(const op_case *c, const expectation *e) {
    fcl_host_operands host;
    memcpy(host.data, lent(c), sizeof host.data);
    double *magnitude = fcl_calloc(e->tensor.n_stored, sizeof *magnitude), total = 0.0;
    ck_assert_ptr_nonnull(magnitude);
    ck_assert_uint_eq(e->tensor.count, c->used[e->role]);
    for (size_t k = 0; k < e->tensor.n_stored; k++) {
        size_t index = golden_tensor_index(&e->tensor, k);
        double wanted = wanted_at(c, e, k);
        double got = fcl_reference_element(&magnitude[k], &c->desc, &c->args, c->n, &host, e->role, index);
        int same = isnan(wanted) ? isnan(got) : got == wanted;
        double bound = e->reference_tolerance * (magnitude[k] + fabs(wanted)) + DBL_MIN;
        ck_assert_msg(same || fabs(got - wanted) <= bound, "%s: reference %s[%zu] is %.17g, should be %.17g (bound %g)",
                      c->name, fcl_role_name(e->role), index, got, wanted, bound);
        if (!isnan(wanted)) total += magnitude[k];
    }
    /* The bound of every solver hangs on the magnitude: too large a one would let anything pass. */
    if (e->stored_magnitude >= 0.0 && !c->args.accumulate)
        ck_assert_msg(total <= e->stored_magnitude * (1.0 + 1e-9),
                      "%s: the reference's magnitudes of %s add up to %g, PyTorch's to %g", c->name,
                      fcl_role_name(e->role), total, e->stored_magnitude);
    return magnitude;
}

void op_case_run(void *result[FCL_N_ROLES], const op_case *c, const fcl_solver *solver) {
    fcl_device *device = test_device();
    fcl_operands on_device = {0};
    fcl_plan *plan = NULL;
    for (int i = 0; i < c->n_operands; i++) {
        fcl_role role = c->operands[i].role;
        size_t n_bytes = (c->operands[i].count + GUARD_WORDS) * WORD_BYTES;
        ck_ok(fcl_buffer_create(&on_device.buffer[role], device, n_bytes, fcl_role_name(role)));
        ck_ok(fcl_buffer_write(on_device.buffer[role], 0, c->data[role], n_bytes));
    }
    size_t workspace_bytes = solver->workspace_bytes ? solver->workspace_bytes(&c->desc, device) : 0;
    if (workspace_bytes > 0) {
        void *words = poisoned(workspace_bytes / WORD_BYTES + 1);
        ck_ok(fcl_buffer_create(&on_device.workspace, device, workspace_bytes, "workspace"));
        ck_ok(fcl_buffer_write(on_device.workspace, 0, words, workspace_bytes));
        free(words);
    }
    ck_ok(solver->prepare(&plan, &c->desc, device));
    ck_ok(solver->run(plan, c->n, &on_device, &c->args));
    for (int role = 0; role < FCL_N_ROLES; role++) result[role] = NULL;
    for (int i = 0; i < c->n_operands; i++) {
        fcl_role role = c->operands[i].role;
        size_t n_words = c->operands[i].count + GUARD_WORDS, n_bytes = n_words * WORD_BYTES;
        uint32_t *words = malloc(n_bytes);
        ck_assert_ptr_nonnull(words);
        ck_ok(fcl_buffer_read(words, on_device.buffer[role], 0, n_bytes));
        if (!c->operands[i].is_output) {
            ck_assert_msg(memcmp(words, c->data[role], n_bytes) == 0, "%s, %s: the input %s was changed", c->name,
                          solver->name, fcl_role_name(role));
            free(words);
            continue;
        }
        for (size_t k = c->used[role]; k < n_words; k++)
            ck_assert_msg(words[k] == poison, "%s, %s: %s[%zu] was written, behind the %zu of %d samples", c->name,
                          solver->name, fcl_role_name(role), k, c->used[role], c->n);
        result[role] = words;
    }
    solver->dispose(plan);
    for (int role = 0; role < FCL_N_ROLES; role++) fcl_buffer_free(on_device.buffer[role]);
    fcl_buffer_free(on_device.workspace);
}

static void check_result(const op_case *c, const expectation *e, const double *magnitude, const float *got,
                         const fcl_solver *solver) {
    double squared_errors = 0.0, squares = 0.0;
    for (size_t k = 0; k < e->tensor.n_stored; k++) {
        size_t index = golden_tensor_index(&e->tensor, k);
        double wanted = wanted_at(c, e, k), value = (double)got[index];
        if (isnan(wanted) ? isnan(value) : isinf(wanted) && value == wanted) continue;
        double bound = solver->error_factor * (double)FLT_EPSILON * magnitude[k] + (double)FLT_MIN;
        ck_assert_msg(fabs(value - wanted) <= bound, "%s, %s: %s[%zu] is %.9g, should be %.9g (bound %g)", c->name,
                      solver->name, fcl_role_name(e->role), index, value, wanted, bound);
        squared_errors += (value - wanted) * (value - wanted);
        squares += wanted * wanted;
    }
    ck_assert_msg(squared_errors <= normalised_error_limit * squares, "%s, %s: normalised error of %s is %g", c->name,
                  solver->name, fcl_role_name(e->role), squared_errors / squares);
    /* Every element, also those that are not stored. */
    if (e->magnitude < 0.0 || isnan(e->tensor.sum)) return;
    double sum = 0.0, wanted = e->tensor.sum, added = 0.0;
    for (size_t i = 0; i < e->tensor.count; i++) sum += (double)got[i];
    for (size_t i = 0; i < e->tensor.count && is_added(c, e); i++) {
        wanted += (double)op_case_floats(c, e->role)[i];
        added += fabs((double)op_case_floats(c, e->role)[i]);
    }
    double bound = solver->error_factor * (double)FLT_EPSILON * (e->magnitude + added);
    ck_assert_msg(fabs(sum - wanted) <= bound, "%s, %s: %s adds up to %.12g, should be %.12g (bound %g)", c->name,
                  solver->name, fcl_role_name(e->role), sum, wanted, bound);
}

void op_case_check_once(const op_case *c, const expectation *expected, size_t n_expected) {
    enum { MAX_EXPECTED = 4 };
    double *magnitude[MAX_EXPECTED];
    ck_assert_uint_le(n_expected, MAX_EXPECTED);
    for (size_t i = 0; i < n_expected; i++) magnitude[i] = check_reference(c, &expected[i]);
    int n_solvers = 0;
    for (const fcl_solver *const *s = next_solver(NULL, &c->desc); s; s = next_solver(s, &c->desc)) {
        void *result[FCL_N_ROLES];
        op_case_run(result, c, *s);
        for (size_t i = 0; i < n_expected; i++)
            check_result(c, &expected[i], magnitude[i], result[expected[i].role], *s);
        for (int role = 0; role < FCL_N_ROLES; role++) free(result[role]);
        n_solvers++;
    }
    for (size_t i = 0; i < n_expected; i++) free(magnitude[i]);
    ck_assert_msg(n_solvers > 0, "%s: no solver of %s applies", c->name, fcl_op_kind_name(c->desc.kind));
}

void op_case_check(op_case *c, const expectation *expected, size_t n_expected) {
    int accumulates = 0;
    for (size_t i = 0; i < n_expected; i++) accumulates |= fcl_op_accumulates(&c->desc, expected[i].role);
    for (c->args.accumulate = 0; c->args.accumulate <= accumulates; c->args.accumulate++)
        op_case_check_once(c, expected, n_expected);
    c->args.accumulate = 0;
}

fcl_activation golden_activation(const golden_case *g, const char *kind_key, const char *alpha_key) {
    static const char *const names[] = {
        [FCL_LINEAR] = "linear", [FCL_RELU] = "relu", [FCL_LEAKY_RELU] = "leaky_relu", [FCL_ELU] = "elu"};
    const char *name = golden_text(g, kind_key);
    for (int kind = FCL_LINEAR; kind <= FCL_ELU; kind++)
        if (strcmp(name, names[kind]) == 0)
            return (fcl_activation){(fcl_activation_kind)kind, (float)golden_number(g, alpha_key)};
    ck_abort_msg("%s: activation '%s'", golden_name(g), name);
    return (fcl_activation){FCL_LINEAR, 0.0f};
}

int golden_is_left_out(const golden_case *g) {
    return golden_has(g, "tiny") && !golden_int(g, "tiny") && test_is_too_much();
}
