/* Adam against torch.optim.Adam: one step that float32 factors describe exactly, and ten steps as training
 * takes them. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ops/golden_case.h"

static golden *file;
static const fcl_role states[] = {FCL_W, FCL_M, FCL_V};
static const char *const state_names[] = {"W", "M", "V"};

/* The arguments of step t, from factors as rounded to float (op.h). */
static fcl_op_args arguments(const golden_case *g, int t) {
    double lr = golden_number(g, "lr");
    float beta1 = (float)golden_number(g, "beta1"), beta2 = (float)golden_number(g, "beta2");
    return (fcl_op_args){.beta1 = beta1,
                         .beta2 = beta2,
                         .epsilon = (float)golden_number(g, "epsilon"),
                         .step_size = (float)(lr / (1.0 - pow((double)beta1, t))),
                         .inverse_sqrt_correction = (float)(1.0 / sqrt(1.0 - pow((double)beta2, t)))};
}

static op_case start(const golden_case *g) {
    op_case c;
    fcl_op_desc desc = {.kind = FCL_ADAM, .batch = 1, .flat = {.count = (size_t)golden_int(g, "count")}};
    fcl_op_args args = arguments(g, 1);
    op_case_init(&c, golden_name(g), (uint32_t)golden_int(g, "seed"), &desc, 1, &args);
    return c;
}

START_TEST(steps) {
    const golden_case *g = golden_at(file, (size_t)_i);
    op_case c = start(g);
    size_t count = c.desc.flat.count;
    if (!golden_int(g, "zero_state")) {
        float *v = op_case_floats(&c, FCL_V);
        for (size_t i = 0; i < count; i++) v[i] = v[i] * 0.25f + 0.125f;
        expectation expected[3];
        for (int s = 0; s < 3; s++) expected[s] = expect(states[s], g, state_names[s]);
        op_case_check(&c, expected, 3);
        /* A flag that is set leaves everything as it is. */
        ((int32_t *)c.data[FCL_FLAG])[0] = 7;
        for (const fcl_solver *const *solver = fcl_solvers_of(FCL_ADAM); *solver; solver++) {
            void *result[FCL_N_ROLES];
            op_case_run(result, &c, *solver);
            for (int s = 0; s < 3; s++) ck_assert_mem_eq(result[states[s]], c.data[states[s]], count * sizeof(float));
            for (int role = 0; role < FCL_N_ROLES; role++) free(result[role]);
        }
    }
    op_case_dispose(&c);
}
END_TEST

/* Ten steps drift as float32 does: within five times what torch's float32 drifts from its float64, and some
 * roundings. */
START_TEST(follow) {
    const golden_case *g = golden_at(file, (size_t)_i);
    if (!golden_int(g, "zero_state")) return;
    int n_steps = golden_int(g, "n_steps");
    for (const fcl_solver *const *solver = fcl_solvers_of(FCL_ADAM); *solver; solver++) {
        op_case c = start(g);
        size_t count = c.desc.flat.count;
        memset(c.data[FCL_M], 0, count * sizeof(float));
        memset(c.data[FCL_V], 0, count * sizeof(float));
        for (int t = 1; t <= n_steps; t++) {
            float *gradient = op_case_floats(&c, FCL_DW);
            golden_fill(gradient, count, c.seed * 64 + FCL_DW + 1000 * (uint32_t)(t - 1), 1.0f, 0.0f);
            for (size_t i = 0; i < count; i++) gradient[i] = ldexpf(gradient[i], -3 * (int)(i % 8));
            gradient[0] = 0.0f;
            c.args = arguments(g, t);
            void *result[FCL_N_ROLES];
            op_case_run(result, &c, *solver);
            for (int s = 0; s < 3; s++) memcpy(c.data[states[s]], result[states[s]], count * sizeof(float));
            for (int role = 0; role < FCL_N_ROLES; role++) free(result[role]);
        }
        for (int s = 0; s < 3; s++) {
            char key[64];
            const char *name = state_names[s];
            golden_tensor wanted = golden_get_tensor(g, name);
            snprintf(key, sizeof key, "%s.float32_deviation", name);
            double deviation = golden_number(g, key);
            for (size_t i = 0; i < count; i++) {
                double got = op_case_floats(&c, states[s])[i];
                /* V alone knows beta2 only as rounded to float: 1 - beta2 is off by 1.3e-5 of itself. */
                double bound = 5.0 * deviation +
                               (states[s] == FCL_V ? 2e-5 : (double)FLT_EPSILON) * fabs(wanted.stored[i]) +
                               (double)FLT_MIN;
                ck_assert_msg(fabs(got - wanted.stored[i]) <= bound,
                              "%s, %s: %s[%zu] is %.9g, should be %.9g (bound %g)", golden_name(g), (*solver)->name,
                              name, i, got, wanted.stored[i], bound);
            }
        }
        /* Without a gradient a weight keeps its bits. */
        ck_assert(op_case_floats(&c, FCL_W)[0] == golden_value(0, c.seed * 64 + FCL_W, 1.0f, 0.0f));
        op_case_dispose(&c);
    }
}
END_TEST

int main(void) {
    file = golden_read("adam.golden");
    int n = (int)golden_n_cases(file);
    Suite *suite = suite_create("Adam against PyTorch");
    TCase *tests = tcase_create("all");
    tcase_add_loop_test(tests, steps, 0, n);
    tcase_add_loop_test(tests, follow, 0, n);
    suite_add_tcase(suite, tests);
    int result = test_run(suite);
    golden_free(file);
    return result;
}
