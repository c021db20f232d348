/*
 * Two benchmarks side by side: which workloads became faster or slower, by a rule that lets chance decide hardly ever
 * (docs/benchmark.md, Comparing).
 */
#ifndef FCL_BENCH_COMPARE_H
#define FCL_BENCH_COMPARE_H

#include "bench/report.h"

typedef enum fcl_verdict { FCL_SAME, FCL_FASTER, FCL_SLOWER, FCL_NOT_COMPARABLE, FCL_N_VERDICTS } fcl_verdict;
/* "same", "faster", "slower", "not comparable" */
const char *fcl_verdict_name(fcl_verdict verdict);

/* What a verdict counts as one value: a repeat; a run, where both benchmarks have FCL_COMPARE_RUNS or more; or the
 * difference of two runs, where they were measured in turn: as many of both, the k-th of both neighbours in time. */
typedef enum fcl_judged_by { FCL_BY_REPEATS, FCL_BY_RUNS, FCL_BY_PAIRS } fcl_judged_by;
enum { FCL_COMPARE_RUNS = 5 };

/* A workload of the newer benchmark held against the older one. */
typedef struct fcl_comparison {
    const fcl_result *before, *after; /* lent; before is NULL when there is none */
    fcl_verdict verdict;
    double ratio;     /* above 1 is better, whatever way the metric counts; corrected for drift; 0 if not judged */
    double low, high; /* where the true ratio lies but for the probability of an error */
    int corrected;    /* for the drift of the machine, by the calibration */
    fcl_judged_by by;
    const char *reason; /* why it is not comparable; a constant string; else NULL */
} fcl_comparison;

typedef struct fcl_comparisons {
    fcl_comparison *items; /* (n) in the newer benchmark's order; the reports must outlive them */
    size_t n, counts[FCL_N_VERDICTS];
} fcl_comparisons;

/* The probability that any workload of a comparison is called faster or slower by chance: of 20 comparisons of equal
 * benchmarks all are right with a probability of 98 %. */
#define FCL_COMPARE_ERROR 0.001
/* Smaller relative differences are never called: alignment and the like make two runs of one program differ that much. */
#define FCL_COMPARE_MARGIN 0.01
/* A verdict "same" that could hide a relative difference about as large as this would be worth nothing. */
#define FCL_COMPARE_WIDEST 0.1

/* FCL_E_INPUT names both files and versions or units when the same workload means different things in them, and both files
 * when they have no workload in common. What cannot be
 * trusted (other device, driver, power source ...) is a warning in the log. */
fcl_status fcl_report_compare(fcl_comparisons *out, const fcl_report *before, const char *before_path,
                              const fcl_report *after, const char *after_path);
void fcl_comparisons_dispose(fcl_comparisons *comparisons);
/* FCL_E_INPUT when there is no workload that both have. */
fcl_status fcl_report_check_common(const fcl_report *before, const char *before_path, const fcl_report *after,
                                   const char *after_path);
/* The first part of comparing alone, for those who only show benchmarks side by side. */
fcl_status fcl_report_check_comparable(const fcl_report *before, const char *before_path, const fcl_report *after,
                                       const char *after_path);

/* For people, for free(): a row a workload with its verdict, and what each verdict's count is. */
fcl_status fcl_comparisons_table(char **out, const fcl_comparisons *comparisons);
/* Benchmarks side by side: a column each, with the ratio to the first (above 1 is better). FCL_E_INPUT as above. */
fcl_status fcl_reports_table(char **out, fcl_report *const *reports, const char *const *paths, size_t n);

#endif
