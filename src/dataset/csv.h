/*
 * CSV files, read record by record through libcsv in strict mode. The first line names the columns. A byte-order mark,
 * CRLF and blank lines at the end are fine; quoted fields end on the line they begin on. Errors name file:line:column as
 * an editor shows them (the header is line 1, columns count characters).
 */
#ifndef FCL_DATASET_CSV_H
#define FCL_DATASET_CSV_H

#include "base/error.h"

typedef struct fcl_csv fcl_csv;

/* Opens the file and reads the names of the columns; a name that occurs twice is an error. */
fcl_status fcl_csv_open(fcl_csv **out, const char *path);
void fcl_csv_close(fcl_csv *csv);
size_t fcl_csv_n_columns(const fcl_csv *csv);
const char *fcl_csv_column_name(const fcl_csv *csv, size_t column);
/* SIZE_MAX when there is no such column. */
size_t fcl_csv_find(const fcl_csv *csv, const char *name);
/* FCL_E_INPUT that names the column and those there are. */
fcl_status fcl_csv_require(size_t *out, const fcl_csv *csv, const char *name);

/* The next record: as many fields as there are columns, else it is an error. *more is 0 at the end. */
fcl_status fcl_csv_next(int *more, fcl_csv *csv);
/* The field's text, without quotes; lends until the next record. */
const char *fcl_csv_field(const fcl_csv *csv, size_t column);
/* A finite decimal number. */
fcl_status fcl_csv_number(double *out, const fcl_csv *csv, size_t column);
/* "file:line:column: column 'name': MESSAGE" as FCL_E_INPUT, for the current record; for the header before the first. */
fcl_status fcl_csv_fail(const fcl_csv *csv, size_t column, const char *format, ...) FCL_PRINTF(3, 4);

#endif
