/* The two halves of `bench train` and `bench infer`: a case each, which cases.h runs in turn. */
#ifndef FCL_BENCH_SPEED_H
#define FCL_BENCH_SPEED_H

#include "bench/bench.h"
#include "bench/cases.h"
#include "fiducl/dataset.h"

/* A case is begun (checked, warmed up, added), then run by whoever holds the cases; what is known only then goes into the
 * details of its result. */
typedef struct fcl_train_case fcl_train_case;
fcl_status fcl_train_case_begin(fcl_train_case **out, fcl_cases *cases, fcl_bench *bench, const fcl_model *model,
                                const fcl_dataset *faces);
/* Goes on for minutes, as a case of its own whose samples are the repeats of the last third. */
fcl_status fcl_train_case_sustain(fcl_train_case *c, fcl_bench *bench, double minutes);
/* What memory it takes, of n_workloads in this process; then the time by kernel, from a run that takes memory too. */
fcl_status fcl_train_case_memory(const fcl_train_case *c, fcl_result *result, size_t n_workloads);
fcl_status fcl_train_case_profile(const fcl_train_case *c, const fcl_bench *bench, fcl_result *result);
void fcl_train_case_free(fcl_train_case *c);

typedef struct fcl_infer_case fcl_infer_case;
fcl_status fcl_infer_case_begin(fcl_infer_case **out, fcl_cases *cases, fcl_bench *bench, const fcl_model *model,
                                int batch, const fcl_dataset *faces);
void fcl_infer_case_free(fcl_infer_case *c);

/* How many units make a repeat of options.repeat_seconds when `n` of them took `seconds`; at least 1. */
size_t fcl_units_a_repeat(const fcl_bench *bench, size_t n, double seconds);

#endif
