#include "ops/selftest.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "net/workload.h"

enum { DEFAULT_BATCH = 32, MAX_BATCH = 65536, FORMAT_VERSION = 1 };

/* One operation with one solver. */
typedef struct test_case {
    fcl_op_desc desc;
    size_t operation; /* a number of its own */
    const fcl_solver *solver;
    int thorough; /* a hard shape, not a model's */
    int skipped;  /* made for other devices: only hard shapes, unless it is asked for */
    int is_done;
    fcl_selftest_result result;
} test_case;

typedef struct self_test {
    fcl_device *device;
    const char *const *operations, *const *solvers; /* that were asked for; NULL: all */
    int quick;
    test_case *cases; /* those of an operation follow each other */
    size_t n_cases, capacity, n_operations, n_done;
    size_t n[FCL_N_OUTCOMES];
    double seconds;
} self_test;

/* "conv" means everything that begins so, "conv_forward" one operation. */
static int is_wanted_operation(const self_test *t, fcl_op_kind kind) {
    int wanted = !t->operations;
    for (const char *const *o = t->operations; o && *o; o++) wanted |= fcl_starts_with(fcl_op_kind_name(kind), *o);
    return wanted;
}

/* "conv_tiled" means all its variants. */
static int is_wanted_solver(const self_test *t, const fcl_solver *solver) {
    int wanted = !t->solvers;
    for (const char *const *s = t->solvers; s && *s; s++) {
        const size_t length = strlen(*s);
        wanted |=
            strncmp(solver->name, *s, length) == 0 && (solver->name[length] == '\0' || solver->name[length] == ':');
    }
    return wanted;
}

static fcl_status add_cases(self_test *t, const fcl_op_desc *desc, int thorough) {
    fcl_status status = FCL_OK;
    if (!is_wanted_operation(t, desc->kind)) return FCL_OK;
    for (const fcl_solver *const *all = fcl_solvers_of(desc->kind), *const *s = all; *s; s++) {
        const int is_other_variant = s > all && fcl_solver_is_variant_of(s[0], s[-1]),
                  suits = fcl_solver_suits(*s, t->device);
        /* Variants differ by numbers that hard shapes show; where a solver is not used anyway, one stands for all. */
        const int is_left_out = !t->solvers && is_other_variant && (t->quick || !thorough || !suits);
        if (!is_wanted_solver(t, *s) || is_left_out) continue;
        FCL_TRY(fcl_grow((void **)&t->cases, &t->capacity, t->n_cases + 1, sizeof *t->cases, "cases of a self-test"));
        t->cases[t->n_cases++] = (test_case){.desc = *desc,
                                             .operation = t->n_operations,
                                             .solver = *s,
                                             .thorough = thorough,
                                             .skipped = !thorough && !t->solvers && !suits};
    }
    t->n_operations++;
done:
    return status;
}

static fcl_status add_hard_shapes(self_test *t) {
    fcl_status status;
    fcl_op_desc *shapes = NULL;
    size_t n;
    FCL_TRY(fcl_selftest_shapes(&shapes, &n));
    for (size_t i = 0; i < n; i++) FCL_TRY(add_cases(t, &shapes[i], 1));
done:
    free(shapes);
    return status;
}

/* Those of training, and of predicting single images. */
static fcl_status add_models(self_test *t, const char *const *names, int batch) {
    fcl_status status = FCL_OK;
    fcl_workload workload = FCL_WORKLOAD_EMPTY;
    for (; *names && status == FCL_OK; names++) {
        fcl_model *model = NULL;
        status = fcl_model_load(&model, *names);
        if (status == FCL_OK) status = fcl_workload_add(&workload, t->device, model, batch);
        fcl_model_free(model);
    }
    for (size_t i = workload.n_operations; i-- > 0 && status == FCL_OK;)
        status = add_cases(t, &workload.operations[i], 0);
    fcl_workload_dispose(&workload);
    return status;
}

static fcl_status fail_unknown(const char *option, const char *name, const char *what) {
    return fcl_fail(FCL_E_USAGE, "--%s: there is no %s '%s'", option, what, name);
}

/* A name that nothing has would test nothing. */
static fcl_status check_names(const self_test *t) {
    for (const char *const *o = t->operations; o && *o; o++) {
        int n = 0;
        for (int kind = 0; kind < FCL_N_OP_KINDS; kind++) n += fcl_starts_with(fcl_op_kind_name((fcl_op_kind)kind), *o);
        if (n == 0) return fail_unknown("operation", *o, "operation");
    }
    for (const char *const *s = t->solvers; s && *s; s++) {
        int n = 0;
        for (int kind = 0; kind < FCL_N_OP_KINDS; kind++) n += fcl_solver_find((fcl_op_kind)kind, *s) != NULL;
        if (n == 0) return fail_unknown("solver", *s, "solver");
    }
    return FCL_OK;
}

static int is_failure(fcl_outcome outcome) {
    return outcome == FCL_OUTCOME_WRONG || outcome == FCL_OUTCOME_BROKEN;
}

static size_t count_failures(const self_test *t) {
    return t->n[FCL_OUTCOME_WRONG] + t->n[FCL_OUTCOME_BROKEN];
}

static void report_progress(const self_test *t, const char *detail) {
    fcl_progress_report(
        &(fcl_progress){.task = "selftest", .done = t->n_done, .total = t->n_cases, .unit = "cases", .detail = detail});
}

static void print_failure(const test_case *c) {
    char description[256];
    fcl_op_describe(description, &c->desc);
    fcl_terminal_clear();
    printf("%s  %s\n    %s\n", fcl_outcome_name(c->result.outcome), description, c->result.message);
    fflush(stdout);
}

static fcl_status run_case(self_test *t, test_case *c) {
    fcl_status status = FCL_OK;
    if (c->skipped) {
        c->result.outcome = FCL_OUTCOME_NOT_SUPPORTED;
        snprintf(c->result.message, sizeof c->result.message,
                 "it is made for other devices than a CPU; --solver %s runs it at this shape too", c->solver->name);
    } else {
        FCL_TRY(fcl_selftest_run(&c->result, t->device, &c->desc, c->solver, c->thorough));
    }
    c->is_done = 1;
    t->n[c->result.outcome]++;
    t->n_done++;
done:
    return status;
}

/* One case after the other, until all are done, an interrupt comes, or, with `first`, one fails. */
static fcl_status run_cases(self_test *t, int first, int prints) {
    fcl_status status = FCL_OK;
    const double begin = fcl_clock_seconds();
    for (size_t i = 0; i < t->n_cases; i++) {
        test_case *c = &t->cases[i];
        if (fcl_interrupt_requested()) {
            status = fcl_fail(FCL_E_INTERRUPTED, "interrupted after %zu of %zu cases", t->n_done, t->n_cases);
            goto done;
        }
        char detail[128];
        snprintf(detail, sizeof detail, "%s %s", fcl_op_kind_name(c->desc.kind), c->solver->name);
        report_progress(t, detail);
        FCL_TRY(run_case(t, c));
        if (!is_failure(c->result.outcome)) continue;
        if (prints) print_failure(c);
        if (first) break;
    }
    report_progress(t, NULL);
done:
    t->seconds = fcl_clock_seconds() - begin;
    return status;
}

/* The cases of one solver of one operation. */
typedef struct row {
    const fcl_solver *solver;
    size_t n_cases, n[FCL_N_OUTCOMES];
    double worst; /* the largest error as a share of its tolerance */
} row;

static row row_of(const self_test *t, const fcl_solver *solver) {
    row r = {.solver = solver};
    for (size_t i = 0; i < t->n_cases; i++) {
        const test_case *c = &t->cases[i];
        if (!c->is_done || c->solver != solver) continue;
        r.n_cases++;
        r.n[c->result.outcome]++;
        if (c->result.outcome <= FCL_OUTCOME_WRONG) r.worst = fmax(r.worst, c->result.report.worst_ratio);
    }
    return r;
}

static void print_row(const row *r) {
    char tolerance[64], worst[16] = "-";
    fcl_selftest_tolerance(tolerance, r->solver);
    if (r->n[FCL_OUTCOME_PASSED] + r->n[FCL_OUTCOME_WRONG] > 0) snprintf(worst, sizeof worst, "%.3g", r->worst);
    printf("%-22s %-20s %6zu %6zu %6zu %13zu %10s   %s\n", fcl_op_kind_name(r->solver->kind), r->solver->name,
           r->n_cases, r->n[FCL_OUTCOME_PASSED], r->n[FCL_OUTCOME_WRONG] + r->n[FCL_OUTCOME_BROKEN],
           r->n[FCL_OUTCOME_NOT_SUPPORTED], worst, tolerance);
}

static void print_table(const self_test *t) {
    fcl_terminal_clear();
    printf("%-22s %-20s %6s %6s %6s %13s %10s   %s\n", "operation", "solver", "cases", "passed", "failed",
           "not supported", "error", "tolerance");
    for (int kind = 0; kind < FCL_N_OP_KINDS; kind++)
        for (const fcl_solver *const *s = fcl_solvers_of((fcl_op_kind)kind); *s; s++) {
            const row r = row_of(t, *s);
            if (r.n_cases > 0) print_row(&r);
        }
    printf("error: the largest, as a share of the tolerance. eps: %.3g; f': the derivative of the activation that made "
           "x.\n"
           "docs/kernels.md derives each tolerance.\n",
           (double)FLT_EPSILON);
    printf("%zu of %zu cases in %.0f s: %zu passed, %zu failed, %zu not supported\n", t->n_done, t->n_cases, t->seconds,
           t->n[FCL_OUTCOME_PASSED], count_failures(t), t->n[FCL_OUTCOME_NOT_SUPPORTED]);
}

static json_t *case_json(const test_case *c) {
    char description[256], tolerance[64];
    const fcl_gate_report *r = &c->result.report;
    fcl_op_describe(description, &c->desc);
    fcl_selftest_tolerance(tolerance, c->solver);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:f}", "operation", description, "solver", c->solver->name,
                          "shape", c->thorough ? "hard" : "model", "outcome", fcl_outcome_name(c->result.outcome),
                          "tolerance", tolerance, "seconds", c->result.seconds);
    if (c->result.outcome <= FCL_OUTCOME_WRONG) {
        json_object_set_new(o, "samples", json_integer(r->n));
        json_object_set_new(o, "error_share", fcl_json_number_or_null(r->worst_ratio));
        json_object_set_new(o, "normalised_error", fcl_json_number_or_null(r->normalised_error));
        json_object_set_new(o, "worst_operand",
                            json_string(r->worst_role == FCL_N_ROLES ? "workspace" : fcl_role_name(r->worst_role)));
        json_object_set_new(o, "worst_index", json_integer((json_int_t)r->worst_index));
        json_object_set_new(o, "got", fcl_json_number_or_null(r->worst_got));
        json_object_set_new(o, "wanted", fcl_json_number_or_null(r->worst_wanted));
        json_object_set_new(o, "bound", fcl_json_number_or_null(r->worst_bound));
    }
    if (c->result.message[0]) json_object_set_new(o, "message", json_string(c->result.message));
    return o;
}

static fcl_status write_json(const self_test *t, const char *file) {
    const fcl_device_info *d = fcl_device_facts(t->device);
    json_t *cases = json_array();
    for (size_t i = 0; i < t->n_cases; i++)
        if (t->cases[i].is_done) json_array_append_new(cases, case_json(&t->cases[i]));
    json_t *all =
        json_pack("{s:s, s:i, s:s, s:{s:s, s:s, s:s}, s:f, s:i, s:i, s:i, s:i, s:i, s:o}", "format", "fiducl-selftest",
                  "format_version", FORMAT_VERSION, "fiducl", fcl_version(), "device", "name", d->name, "platform",
                  d->platform, "driver_version", d->driver_version, "seconds", t->seconds, "n_cases", (int)t->n_cases,
                  "done", (int)t->n_done, "passed", (int)t->n[FCL_OUTCOME_PASSED], "failed", (int)count_failures(t),
                  "not_supported", (int)t->n[FCL_OUTCOME_NOT_SUPPORTED], "cases", cases);
    if (!all) return fcl_fail_memory("a self-test", 0);
    fcl_status status = FCL_OK;
    if (strcmp(file, "-") == 0) {
        char *text = json_dumps(all, JSON_INDENT(2));
        if (text) puts(text);
        if (!text) status = fcl_fail_memory("a self-test", 0);
        free(text);
    } else {
        status = fcl_json_write(file, all);
    }
    json_decref(all);
    return status;
}

/* Whether some operation has failed with every solver that is meant for it: then this is one. */
static const test_case *find_unserved(const self_test *t) {
    for (size_t begin = 0, end; begin < t->n_cases; begin = end) {
        int n_passed = 0, n_failed = 0;
        for (end = begin; end < t->n_cases && t->cases[end].operation == t->cases[begin].operation; end++) {
            n_passed += t->cases[end].is_done && t->cases[end].result.outcome == FCL_OUTCOME_PASSED;
            n_failed += t->cases[end].is_done && is_failure(t->cases[end].result.outcome);
        }
        if (n_failed > 0 && n_passed == 0) return &t->cases[begin];
    }
    return NULL;
}

static fcl_status judge(const self_test *t) {
    const test_case *unserved = find_unserved(t);
    if (count_failures(t) == 0) return FCL_OK;
    return fcl_fail(FCL_E_WRONG_RESULT, "%zu of %zu cases failed on '%s': training leaves these solvers out%s%s",
                    count_failures(t), t->n_done, fcl_device_facts(t->device)->name,
                    unserved ? ", and cannot begin where none is right, as for " : "",
                    unserved ? fcl_op_kind_name(unserved->desc.kind) : "");
}

static fcl_status run(const fcl_arguments *arguments) {
    static const char *const usual[] = {"base_model", "model_v1", NULL};
    fcl_status status;
    self_test t = {.operations = fcl_argument_list(arguments, "operation"),
                   .solvers = fcl_argument_list(arguments, "solver"),
                   .quick = fcl_argument_flag(arguments, "quick")};
    const char *const *models = fcl_argument_list(arguments, "model");
    const char *json = fcl_argument_text(arguments, "json");
    const int is_json_shown = json && strcmp(json, "-") == 0;
    char *selector = NULL;
    int is_over;
    size_t batch = DEFAULT_BATCH;
    FCL_TRY(fcl_argument_whole(&batch, arguments, "batch-size", 1, MAX_BATCH));
    FCL_TRY(check_names(&t));
    if (t.quick && models) {
        status = fcl_fail(FCL_E_USAGE, "--quick leaves the models' shapes out: give it or --model");
        goto done;
    }
    if (!models) models = usual;
    FCL_TRY(fcl_arguments_device(&selector, &is_over, arguments, models[0], batch));
    if (is_over) goto done;
    FCL_TRY(fcl_device_open(&t.device, selector, 0));
    FCL_TRY(add_hard_shapes(&t));
    if (!t.quick) FCL_TRY(add_models(&t, models, (int)batch));
    if (t.n_cases == 0) {
        status = fcl_fail(FCL_E_USAGE, "none of the solvers computes any of the operations");
        goto done;
    }
    status = run_cases(&t, fcl_argument_flag(arguments, "first"), !is_json_shown);
    if (status != FCL_OK && status != FCL_E_INTERRUPTED) goto done;
    const int is_interrupted = status != FCL_OK;
    if (json) FCL_TRY(write_json(&t, json));
    if (!is_json_shown) print_table(&t);
    FCL_TRY(judge(&t));
    if (is_interrupted) status = fcl_fail(FCL_E_INTERRUPTED, "interrupted after %zu of %zu cases", t.n_done, t.n_cases);
done:
    free(t.cases);
    fcl_device_free(t.device);
    free(selector);
    return status;
}

static const fcl_option options[] = {
    FCL_OPTION_DEVICE,
    FCL_OPTION_EXPLAIN,
    {"model", 'm', FCL_OPTION_LIST, "NAME",
     "at the shapes of this model that ships, or a file (repeatable; default: base_model and model_v1)"},
    {"batch-size", 0, FCL_OPTION_TEXT, "N", "images a step of training (default: 32)"},
    {"quick", 0, FCL_OPTION_FLAG, NULL, "hard shapes only, of a solver's variants the default one"},
    {"operation", 0, FCL_OPTION_LIST, "OP", "only operations that begin so: conv, conv_forward, adam (repeatable)"},
    {"solver", 0, FCL_OPTION_LIST, "NAME", "only this solver, or this variant of one (repeatable)"},
    {"first", 0, FCL_OPTION_FLAG, NULL, "stop at the first failure"},
    {"json", 0, FCL_OPTION_TEXT, "FILE", "every case as JSON; '-': on stdout, instead of the table"},
    {0},
};

const fcl_command fcl_command_selftest = {
    .name = "selftest",
    .summary = "hold every kernel against a reference on a device",
    .operands = "",
    .description =
        "Every operation, direction and solver at shapes that are hard for kernels (one pixel, odd sizes, prime "
        "numbers of\n"
        "channels, last blocks that are not full) and at those of the models, each with full and partial batches. A "
        "case is\n"
        "an operation with a solver: it passes when every element that is looked at differs from the reference, which "
        "is\n"
        "computed on the host in double, by no more than its tolerance, and nothing else was written. Training does "
        "the part\n"
        "that it needs itself before it first uses a kernel on a device and driver, and never uses one that fails.\n",
    .examples = "  fiducl selftest\n"
                "  fiducl selftest --device gpu --json selftest.json\n"
                "  fiducl selftest --quick --operation conv_forward --solver conv_winograd\n",
    .options = options,
    .max_operands = 0,
    .statuses = (const fcl_status[]){FCL_STATUSES_DEVICE, FCL_E_INTERRUPTED, FCL_OK},
    .interruptible = 1,
    .run = run,
};
