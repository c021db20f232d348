#include "dataset/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "dataset/csv.h"

void fcl_row_split_dispose(fcl_row_split *split) {
    for (int s = 0; s < FCL_N_SPLITS; s++) free(split->rows[s]);
    *split = (fcl_row_split){.n_groups = 0};
}

static fcl_status counts_asked(size_t asked[FCL_N_SPLITS], size_t n_rows, const fcl_prepare_options *o) {
    size_t sum = o->counts[0] + o->counts[1] + o->counts[2];
    if (sum > 0) {
        memcpy(asked, o->counts, sizeof o->counts);
        if (sum > n_rows)
            return fcl_fail(FCL_E_USAGE, "the split asks for %zu rows, the data have %zu", sum, n_rows);
    } else {
        if (fabs(o->shares[0] + o->shares[1] + o->shares[2] - 1.0) > 1e-6)
            return fcl_fail(FCL_E_USAGE, "the shares of a split must sum to 1");
        asked[1] = (size_t)((double)n_rows * o->shares[1] + 0.5);
        asked[2] = (size_t)((double)n_rows * o->shares[2] + 0.5);
        asked[0] = n_rows - asked[1] - asked[2];
    }
    for (int s = 0; s < FCL_N_SPLITS; s++)
        if (asked[s] == 0)
            return fcl_fail(FCL_E_USAGE, "the split gives no row to %s", fcl_split_name((fcl_split)s));
    return FCL_OK;
}

typedef struct named_row {
    char *name;
    uint32_t row;
} named_row;

static int by_name(const void *a, const void *b) {
    return strcmp(((const named_row *)a)->name, ((const named_row *)b)->name);
}

/* group[i]: number of row i's group, groups numbered by their names' order. */
static fcl_status read_groups(uint32_t *group, size_t *n_groups, size_t n_rows, const char *path,
                              const char *column) {
    fcl_status status;
    fcl_csv *csv = NULL;
    named_row *names = NULL;
    size_t name_column, n = 0;
    FCL_TRY(fcl_csv_open(&csv, path));
    FCL_TRY(fcl_csv_require(&name_column, csv, column));
    size_t row_column = fcl_csv_find(csv, "row");
    FCL_TRY(FCL_NEW(&names, n_rows, "groups"));
    for (int more;;) {
        double row = (double)n;
        FCL_TRY(fcl_csv_next(&more, csv));
        if (!more) break;
        if (row_column != SIZE_MAX) FCL_TRY(fcl_csv_number(&row, csv, row_column));
        if (n == n_rows || row < 0 || row >= (double)n_rows || row != floor(row)) {
            status = fcl_csv_fail(csv, row_column != SIZE_MAX ? row_column : name_column,
                                  "there are %zu rows in the data", n_rows);
            goto done;
        }
        names[n].row = (uint32_t)row;
        if (!(names[n].name = fcl_duplicate(fcl_csv_field(csv, name_column)))) {
            status = FCL_E_MEMORY;
            goto done;
        }
        n++;
    }
    if (n != n_rows) {
        status = fcl_fail(FCL_E_INPUT, "%s: it has %zu rows, the data %zu", path, n, n_rows);
        goto done;
    }
    qsort(names, n, sizeof *names, by_name);
    memset(group, 0xff, n_rows * sizeof *group);
    *n_groups = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(names[i].name, names[i - 1].name) != 0) ++*n_groups;
        if (group[names[i].row] != UINT32_MAX) {
            status = fcl_fail(FCL_E_INPUT, "%s: row %u is listed twice", path, names[i].row);
            goto done;
        }
        group[names[i].row] = (uint32_t)(*n_groups - 1);
    }
done:
    for (size_t i = 0; names && i < n; i++) free(names[i].name);
    free(names);
    fcl_csv_close(csv);
    return status;
}

/* Each group whole to the split that lacks the largest share of what it was asked for; -1 when all are full.
 */
static int neediest(const size_t asked[FCL_N_SPLITS], const size_t got[FCL_N_SPLITS]) {
    int best = -1;
    double most = 0.0;
    for (int s = 0; s < FCL_N_SPLITS; s++) {
        double lacking = 1.0 - (double)got[s] / (double)asked[s];
        if (lacking > most) {
            most = lacking;
            best = s;
        }
    }
    return best;
}

fcl_status fcl_row_split_make(fcl_row_split *out, size_t n_rows, const fcl_prepare_options *options) {
    fcl_status status;
    fcl_row_split split = {.n_groups = 0};
    uint32_t *group = NULL, *order = NULL;
    size_t *sizes = NULL, got[FCL_N_SPLITS] = {0}, n_groups = n_rows;
    int *split_of = NULL;
    FCL_TRY(counts_asked(split.asked, n_rows, options));
    FCL_TRY(FCL_NEW(&group, n_rows, "a split"));
    if (options->group_file) {
        FCL_TRY(read_groups(group, &n_groups, n_rows, options->group_file, options->group_column));
        split.n_groups = n_groups;
    } else {
        for (size_t i = 0; i < n_rows; i++) group[i] = (uint32_t)i;
    }
    FCL_TRY(FCL_NEW(&order, n_groups, "a split"));
    FCL_TRY(FCL_NEW(&sizes, n_groups, "a split"));
    FCL_TRY(FCL_NEW(&split_of, n_groups, "a split"));
    for (size_t i = 0; i < n_rows; i++) sizes[group[i]]++;
    fcl_random_permutation(order, n_groups, options->seed, FCL_RANDOM_SPLIT, 0);
    for (size_t i = 0; i < n_groups; i++) {
        uint32_t g = order[i];
        split_of[g] = neediest(split.asked, got);
        if (split_of[g] >= 0) got[split_of[g]] += sizes[g];
    }
    for (int s = 0; s < FCL_N_SPLITS; s++) {
        FCL_TRY(FCL_NEW(&split.rows[s], got[s], "a split"));
        for (size_t i = 0; i < n_rows; i++)
            if (split_of[group[i]] == s) split.rows[s][split.n[s]++] = (uint32_t)i;
        if (split.n[s] == 0) {
            status = fcl_fail(FCL_E_USAGE, "the split gives no row to %s: there are only %zu groups",
                              fcl_split_name((fcl_split)s), n_groups);
            goto done;
        }
    }
    *out = split;
    split = (fcl_row_split){.n_groups = 0};
done:
    fcl_row_split_dispose(&split);
    free(group);
    free(order);
    free(sizes);
    free(split_of);
    return status;
}
