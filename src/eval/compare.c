#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "fiducl/eval.h"
#include "metrics/metrics.h"

typedef struct evaluation {
    fcl_evaluation_row *rows;
    size_t n;
} evaluation;

static fcl_status read_run(evaluation *out, const char *run) {
    fcl_status status;
    char *path = fcl_path_join(run, "evaluation.csv");
    if (!path) return FCL_E_MEMORY;
    if (fcl_path_exists(path))
        status = fcl_evaluation_read(&out->rows, &out->n, path);
    else
        status = fcl_fail(FCL_E_INPUT, "'%s' has no evaluation.csv: run `fiducl evaluate %s`", run, run);
    free(path);
    return status;
}

/* Figures as they were written, so that what is equal in the files is equal here; NaN equals nothing and is
 * rare. */
static int same_row(const fcl_evaluation_row *a, const fcl_evaluation_row *b) {
    return strcmp(a->model, b->model) == 0 && strcmp(a->split, b->split) == 0 && a->scores.n_rows == b->scores.n_rows &&
           a->scores.n_coordinates == b->scores.n_coordinates && a->scores.mae == b->scores.mae &&
           a->scores.rmse == b->scores.rmse;
}

/* Appends those rows that the list does not have yet; `mean` rows or the others. */
static void collect(fcl_evaluation_row *list, size_t *n, const evaluation *e, int mean) {
    for (size_t i = 0; i < e->n; i++) {
        if ((strcmp(e->rows[i].model, "mean") == 0) != mean) continue;
        size_t j = 0;
        while (j < *n && !same_row(&list[j], &e->rows[i])) j++;
        if (j == *n) list[(*n)++] = e->rows[i];
    }
}

fcl_status fcl_compare(char **table, const char *const *runs, size_t n_runs, const char *path) {
    fcl_status status;
    evaluation *evaluations = NULL;
    fcl_evaluation_row *rows = NULL;
    char *text = NULL;
    size_t n = 0, total = 0;
    FCL_TRY(FCL_NEW(&evaluations, n_runs, "evaluations"));
    for (size_t i = 0; i < n_runs; i++) {
        FCL_TRY(read_run(&evaluations[i], runs[i]));
        total += evaluations[i].n;
    }
    FCL_TRY(FCL_NEW(&rows, total, "a comparison"));
    for (int mean = 0; mean <= 1; mean++)
        for (size_t i = 0; i < n_runs; i++) collect(rows, &n, &evaluations[i], mean);
    FCL_TRY(fcl_evaluation_table(&text, rows, n));
    FCL_TRY(fcl_evaluation_write(path, rows, n));
    *table = text;
    text = NULL;
done:
    for (size_t i = 0; evaluations && i < n_runs; i++) fcl_evaluation_free(evaluations[i].rows, evaluations[i].n);
    free(evaluations);
    free(rows); /* its strings belong to the evaluations */
    free(text);
    return status;
}
