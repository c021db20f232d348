/* How long a solver takes. */
#ifndef FCL_OPS_STOPWATCH_H
#define FCL_OPS_STOPWATCH_H

#include "ops/solver.h"

/* Holds operands of the whole batch, so that all solvers of an operation are measured with the same. */
typedef struct fcl_stopwatch fcl_stopwatch;
fcl_status fcl_stopwatch_create(fcl_stopwatch **out, fcl_device *device, const fcl_op_desc *desc);
void fcl_stopwatch_free(fcl_stopwatch *stopwatch);
/* Seconds of one run: the median of a few after a warm-up. `best` is the best time so far, or infinity: a
 * solver that is far slower is run once only, or with two samples only; the result then says little more than
 * that. */
fcl_status fcl_stopwatch_measure(double *seconds, fcl_stopwatch *stopwatch, const fcl_solver *solver, double best);

/* Two solvers timed in turn, so that whatever else the machine does hits both alike. */
enum { FCL_STOPWATCH_PAIRS = 9 };
typedef struct fcl_comparison {
    double seconds[2]; /* medians of one run each */
    double ratio;      /* of the second one's time to the first one's: median of the pairs */
    int n_won;         /* pairs in which the second one was faster */
} fcl_comparison;
/* n_pairs is odd and at most FCL_STOPWATCH_PAIRS. When one takes long and is far slower, a single pair, or one with two samples
 * only, has to do, and n_won is n_pairs or 0. */
fcl_status fcl_stopwatch_compare(fcl_comparison *out, fcl_stopwatch *stopwatch, const fcl_solver *first,
                                 const fcl_solver *second, int n_pairs);

#endif
