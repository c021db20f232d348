#include "ops/choice.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

typedef struct recorded {
    char *description, *solver;
} recorded;

struct fcl_choice {
    const fcl_solver *forced[FCL_N_OP_KINDS];
    int is_wish[FCL_N_OP_KINDS]; /* asked for by a prefix of kinds: where it applies */
    recorded *records;
    size_t n_records, capacity;
    int ignores_tuning;
};

fcl_status fcl_choice_create(fcl_choice **out) {
    return FCL_NEW(out, 1, "a choice of solvers");
}

void fcl_choice_free(fcl_choice *choice) {
    if (!choice) return;
    for (size_t i = 0; i < choice->n_records; i++) {
        free(choice->records[i].description);
        free(choice->records[i].solver);
    }
    free(choice->records);
    free(choice);
}

/* "pool_direct" or "conv_direct, im2col"; of every kind that starts with the first n letters of `prefix`. */
static void append_solvers(fcl_text *text, const char *prefix, size_t n) {
    for (int kind = 0; kind < FCL_N_OP_KINDS; kind++) {
        const char *name = fcl_op_kind_name((fcl_op_kind)kind);
        if (strncmp(name, prefix, n) != 0) continue;
        fcl_text_appendf(text, "%s%s=", text->length > 0 ? "; " : "", name);
        for (const fcl_solver *const *solver = fcl_solvers_of((fcl_op_kind)kind); *solver; solver++)
            fcl_text_appendf(text, "%s%s", solver == fcl_solvers_of((fcl_op_kind)kind) ? "" : "|", (*solver)->name);
    }
}

fcl_status fcl_choice_force(fcl_choice *choice, const char *text) {
    fcl_status status;
    fcl_text known = FCL_TEXT_EMPTY;
    const char *sign = strchr(text, '=');
    size_t prefix = sign ? (size_t)(sign - text) : 0;
    int n_kinds = 0, n_found = 0;
    for (int kind = 0; kind < FCL_N_OP_KINDS && prefix > 0; kind++) {
        if (strncmp(fcl_op_kind_name((fcl_op_kind)kind), text, prefix) != 0) continue;
        n_kinds++;
        const fcl_solver *solver = fcl_solver_find((fcl_op_kind)kind, sign + 1);
        if (!solver) continue;
        choice->forced[kind] = solver;
        choice->is_wish[kind] = prefix < strlen(fcl_op_kind_name((fcl_op_kind)kind));
        n_found++;
    }
    if (n_found > 0) return FCL_OK;
    append_solvers(&known, text, n_kinds > 0 ? prefix : 0);
    FCL_TRY(fcl_text_status(&known));
    if (prefix == 0 || n_kinds == 0)
        status = fcl_fail(FCL_E_USAGE, "'%s' is not OPERATION=SOLVER; there are %s", text, fcl_text_get(&known));
    else
        status = fcl_fail(FCL_E_USAGE, "no solver is named '%s' in '%s'; there are %s", sign + 1, text,
                          fcl_text_get(&known));
done:
    fcl_text_dispose(&known);
    return status;
}

fcl_status fcl_choice_record(fcl_choice *choice, const char *description, const char *solver) {
    fcl_status status;
    recorded added = {fcl_duplicate(description), fcl_duplicate(solver)};
    if (!added.description || !added.solver) FCL_TRY(FCL_E_MEMORY);
    FCL_TRY(fcl_grow((void **)&choice->records, &choice->capacity, choice->n_records + 1, sizeof *choice->records,
                     "a choice of solvers"));
    choice->records[choice->n_records++] = added;
    return FCL_OK;
done:
    free(added.description);
    free(added.solver);
    return status;
}

int fcl_choice_names(const fcl_choice *choice, const fcl_op_desc *desc) {
    const fcl_solver *solver;
    int is_wish;
    char description[256];
    fcl_op_describe(description, desc);
    return fcl_choice_find(&solver, &is_wish, choice, desc, description) != FCL_OK || solver;
}

void fcl_choice_ignore_tuning(fcl_choice *choice) {
    choice->ignores_tuning = 1;
}

int fcl_choice_ignores_tuning(const fcl_choice *choice) {
    return choice && choice->ignores_tuning;
}

fcl_status fcl_choice_find(const fcl_solver **solver, int *is_wish, const fcl_choice *choice, const fcl_op_desc *desc,
                           const char *description) {
    *solver = NULL;
    *is_wish = 0;
    if (!choice) return FCL_OK;
    *solver = choice->forced[desc->kind];
    *is_wish = choice->is_wish[desc->kind];
    /* The last record counts. */
    for (size_t i = choice->n_records; i > 0 && !*solver; i--) {
        const recorded *record = &choice->records[i - 1];
        if (strcmp(record->description, description) != 0) continue;
        *solver = fcl_solver_find(desc->kind, record->solver);
        *is_wish = 0;
        if (*solver) break;
        fcl_text known = FCL_TEXT_EMPTY;
        append_solvers(&known, fcl_op_kind_name(desc->kind), strlen(fcl_op_kind_name(desc->kind)));
        fcl_status status = fcl_fail(FCL_E_USAGE, "the solver '%s' recorded for %s does not exist; there are %s",
                                     record->solver, description, fcl_text_get(&known));
        fcl_text_dispose(&known);
        return status;
    }
    return FCL_OK;
}
