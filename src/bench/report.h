/*
 * What a benchmark found, and its file (docs/formats.md: a benchmark). Everything that tells what was measured where is
 * kept as JSON objects, since it is only carried and shown; results are C values.
 */
#ifndef FCL_BENCH_REPORT_H
#define FCL_BENCH_REPORT_H

#include "base/json.h"

#define FCL_REPORT_FORMAT "fiducl-benchmark"
enum { FCL_REPORT_FORMAT_VERSION = 2 }; /* version 1, without runs, is read too */

/* Which solvers a result was measured with: those that any user gets, or those that `fiducl tune` chose on this device. */
typedef enum fcl_solver_origin { FCL_AS_SHIPPED, FCL_TUNED, FCL_N_SOLVER_ORIGINS } fcl_solver_origin;
/* "as_shipped", "tuned" */
const char *fcl_solver_origin_name(fcl_solver_origin origin);

/* Whether what was timed was right too. */
typedef struct fcl_result_check {
    int passed;
    char *what;          /* what was compared with what; owned */
    double error, bound; /* the largest error found, and the one that is allowed */
} fcl_result_check;

/* What one process measured of a workload. */
typedef struct fcl_result_run {
    char began[32]; /* as `created` of a report */
    size_t n_samples;
} fcl_result_run;

/* A result is identified by workload, workload_version, metric and solvers. Strings and arrays are owned. */
typedef struct fcl_result {
    char *workload;            /* "train/base_model/batch32" */
    unsigned workload_version; /* another one is another workload: such results do not compare */
    fcl_solver_origin solvers;
    char *metric; /* "speed", ... */
    char *unit;   /* "images/s", ... */
    int higher_is_better;
    size_t n_samples;     /* 0 if, and only if, the check failed: a wrong result is no time */
    double *samples;      /* (n_samples) one a repeat, in order, run by run */
    double *calibration;  /* (n_samples) speed of the calibrating kernel around that repeat, GFLOP/s */
    fcl_result_run *runs; /* (n_runs) in order */
    size_t n_runs;        /* 0 if there are no samples */
    fcl_result_check check;
    double energy_joules; /* of all repeats; NaN where it cannot be read */
    json_t *details;      /* an object, whatever else there is to say about this workload; of the first run */
} fcl_result;

/* Empties it: everything owned is released. */
void fcl_result_dispose(fcl_result *result);
/* Of the samples; n_samples > 0. */
double fcl_result_median(const fcl_result *result);
/* Whether both are the same measurement (of two benchmarks). */
int fcl_result_is_same(const fcl_result *a, const fcl_result *b);

typedef struct fcl_report {
    char created[32];   /* "2026-01-31T23:59:59Z"; of several runs the first one's */
    json_t *command;    /* what is measured and the options for that, an array of strings */
    int format_version; /* of the file that it was read from */
    int is_partial;     /* an interrupt or a failure ended its only run: results and samples are missing */
    json_t *fiducl, *libraries, *system, *device; /* objects */
    fcl_result *results;                          /* (n_results) */
    size_t n_results, capacity;
} fcl_report;

/* Created now, with empty objects. */
fcl_status fcl_report_create(fcl_report **out);
void fcl_report_free(fcl_report *report);
/* Takes the result over, and empties it, also on failure. One that failed its check loses its samples; samples without
 * runs are one run, which began when the report was created. */
fcl_status fcl_report_add(fcl_report *report, fcl_result *result);
/* NULL when there is none that fcl_result_is_same() calls the same; lends. */
const fcl_result *fcl_report_find(const fcl_report *report, const fcl_result *like);
/* A value of one of the objects; NULL when there is none. Lends. */
const json_t *fcl_report_value(const fcl_report *report, const char *object, const char *key);
/* A string of one of the objects, such as ("device", "name"); NULL when there is none. Lends. */
const char *fcl_report_text(const fcl_report *report, const char *object, const char *key);

/* Before anything is measured: FCL_E_INPUT names what `run`, a report of this process, does not have in common with the
 * runs of `report`, which was read from `path`: command, program, device, power source, governor; or why
 * `report` takes no further run: it is partial or of version 1, or a check failed. */
fcl_status fcl_report_check_conditions(const fcl_report *report, const char *path, const fcl_report *run);
/* Appends the run's samples to those of the same results, and empties it. A result that only one of them has stays, or
 * is added, as it is. Details are those of the first run, with a warning where solvers differ. FCL_E_INPUT when they do
 * not belong together, FCL_E_WRONG_RESULT when a check of the run failed; then nothing is changed.
 * After FCL_E_MEMORY a part is merged, and the run is empty. */
fcl_status fcl_report_merge(fcl_report *report, const char *path, fcl_report *run);

/* Whole or not at all. */
fcl_status fcl_report_write(const fcl_report *report, const char *path);
/* FCL_E_INPUT names file and place when it is not a benchmark, of another format version, or damaged. */
fcl_status fcl_report_read(fcl_report **out, const char *path);
/* Before anything is measured: FCL_E_EXISTS when `path` is there, unless `force` is set and it is a benchmark; FCL_E_IO when
 * it cannot be written. */
fcl_status fcl_report_check_output(const char *path, int force);

#endif
