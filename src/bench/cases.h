/*
 * Measuring several things together: a repeat of each in turn, round after round, so that whatever else the machine does hits
 * all alike. Between two repeats the calibrating kernel shows how fast the machine is at that moment.
 */
#ifndef FCL_BENCH_CASES_H
#define FCL_BENCH_CASES_H

#include "bench/probe.h"
#include "bench/report.h"

typedef struct fcl_case {
    fcl_result result; /* named and described; gets samples, calibration and energy */
    void *state;       /* of the repeats; lent */
    /* One repeat, `index` counts from 0. *error, if the repeat itself is checked, is held against result.check.bound. */
    fcl_status (*repeat)(double *sample, double *error, void *state, unsigned index);
} fcl_case;

typedef struct fcl_cases {
    fcl_case *list;
    size_t n, capacity;
} fcl_cases;

void fcl_cases_dispose(fcl_cases *cases);
/* Takes the case's result over, also on failure: FCL_E_INTERRUPTED after a signal, since checks that come before take a
 * while. A case whose check has failed before is not run. */
fcl_status fcl_cases_add(fcl_cases *cases, fcl_case *added);
/* `task` names it in the progress. FCL_E_INTERRUPTED after a signal. After that and any other failure the results have the
 * samples that there are until then. */
fcl_status fcl_cases_run(fcl_cases *cases, unsigned repeats, fcl_probe *probe, const char *task);
/* Moves the results into the report; one that was not measured yet is left out. */
fcl_status fcl_cases_report(fcl_report *report, fcl_cases *cases);

/* A result without samples; strings are copied. The check is to be filled in. */
fcl_status fcl_result_name(fcl_result *out, const char *workload, unsigned version, const char *metric,
                           const char *unit, int higher_is_better);
fcl_status fcl_result_set_check(fcl_result *result, double error, double bound, const char *what);

#endif
