#include "dataset/groups.h"

#include "base/memory.h"
#include "base/text.h"
#include "dataset/csv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct named_sample {
    char *name;
    uint32_t sample;
} named_sample;

static int by_name(const void *a, const void *b) {
    return strcmp(((const named_sample *)a)->name, ((const named_sample *)b)->name);
}

/* Row numbers in ascending order with the sample of each, to find a row's sample. */
typedef struct row_entry {
    uint32_t row, sample;
} row_entry;

static int by_row(const void *a, const void *b) {
    const row_entry *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

typedef struct group_reader {
    const fcl_dataset *dataset;
    fcl_csv *csv;
    size_t name_column, row_column; /* SIZE_MAX without a column `row` */
    row_entry *rows;
    uint8_t *seen;       /* for each sample */
    named_sample *names; /* for each line */
    size_t n;
} group_reader;

static fcl_status find_sample(uint32_t *out, group_reader *r) {
    double number;
    if (r->row_column == SIZE_MAX) {
        *out = (uint32_t)r->n;
        return FCL_OK;
    }
    fcl_status status = fcl_csv_number(&number, r->csv, r->row_column);
    if (status != FCL_OK) return status;
    const row_entry *found = NULL;
    if (number >= 0 && number <= UINT32_MAX && number == (double)(uint32_t)number)
        found = bsearch(&(row_entry){.row = (uint32_t)number}, r->rows, r->dataset->n, sizeof *r->rows, by_row);
    if (!found)
        return fcl_csv_fail(r->csv, r->row_column, "the data have no row %.20s; they are counted from 0",
                            fcl_csv_field(r->csv, r->row_column));
    if (r->seen[found->sample]) return fcl_csv_fail(r->csv, r->row_column, "row %u was named before", found->row);
    *out = found->sample;
    return FCL_OK;
}

static fcl_status read_line(group_reader *r) {
    uint32_t sample = 0;
    const char *name = fcl_csv_field(r->csv, r->name_column);
    if (r->n == r->dataset->n)
        return fcl_csv_fail(r->csv, r->name_column, "one row more than the data have (%zu)", r->dataset->n);
    if (!*name) return fcl_csv_fail(r->csv, r->name_column, "empty; each row belongs to a group");
    fcl_status status = find_sample(&sample, r);
    if (status != FCL_OK) return status;
    if (!(r->names[r->n].name = fcl_duplicate(name))) return FCL_E_MEMORY;
    r->names[r->n++].sample = sample;
    r->seen[sample] = 1;
    return FCL_OK;
}

fcl_status fcl_groups_read(uint32_t **group, size_t *n_groups, const fcl_dataset *dataset, const char *path,
                           const char *column) {
    fcl_status status;
    const size_t n = dataset->n;
    group_reader r = {.dataset = dataset};
    uint32_t *groups = NULL;
    FCL_TRY(fcl_csv_open(&r.csv, path));
    FCL_TRY(fcl_csv_require(&r.name_column, r.csv, column));
    r.row_column = fcl_csv_find(r.csv, "row");
    FCL_TRY(FCL_NEW(&r.names, n, "groups"));
    FCL_TRY(FCL_NEW(&r.rows, n, "groups"));
    FCL_TRY(FCL_NEW(&r.seen, n, "groups"));
    FCL_TRY(FCL_NEW(&groups, n, "groups"));
    for (size_t i = 0; i < n; i++) r.rows[i] = (row_entry){dataset->rows[i], (uint32_t)i};
    qsort(r.rows, n, sizeof *r.rows, by_row);
    for (int more;;) {
        FCL_TRY(fcl_csv_next(&more, r.csv));
        if (!more) break;
        FCL_TRY(read_line(&r));
    }
    if (r.n < n) {
        status = fcl_fail(FCL_E_INPUT, "%s: %zu rows, but the data have %zu: each needs its group", path, r.n, n);
        goto done;
    }
    qsort(r.names, n, sizeof *r.names, by_name);
    uint32_t number = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(r.names[i].name, r.names[i - 1].name) != 0) number++;
        groups[r.names[i].sample] = number;
    }
    *group = groups;
    *n_groups = (size_t)number + 1;
    groups = NULL;
done:
    for (size_t i = 0; i < r.n; i++) free(r.names[i].name);
    free(r.names);
    free(r.rows);
    free(r.seen);
    free(groups);
    fcl_csv_close(r.csv);
    return status;
}
