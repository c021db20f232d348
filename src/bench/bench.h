/*
 * Benchmarks: each adds its results to one report. docs/benchmark.md says what each workload is, what is on the clock and
 * what is checked.
 */
#ifndef FCL_BENCH_BENCH_H
#define FCL_BENCH_BENCH_H

#include "bench/probe.h"
#include "bench/report.h"
#include "fiducl/model.h"
#include "ops/operation.h"

enum { FCL_BENCH_MAX_MODELS = 16, FCL_BENCH_MAX_REPEATS = 1000 };

typedef struct fcl_bench_options {
    const char *device;        /* selector or NULL; of scaling a list of them */
    int several;               /* it is one: two devices at least */
    const char *const *models; /* NULL-ended; names or files */
    int batch;                 /* of training and operations */
    int predict_batches[2];    /* of infer; 0 for none */
    unsigned repeats;
    double repeat_seconds;    /* of training and prediction: about how long one repeat takes */
    int calibration_vector;   /* width of the calibrating kernel, as runs before had it; 0: the fastest */
    int as_shipped;           /* what tuning chose is not used */
    double sustained_minutes; /* of train; 0: burst only */
    unsigned seeds;           /* of accuracy: that many trainings */
    double target_mae;        /* of accuracy, px */
    unsigned max_epochs;      /* of accuracy: then the target counts as missed */
    const char *figure;       /* begin of the figures' files: what they show and MODEL are appended; NULL: no figures */
    /* Of scaling: one duty for all devices or one for each, none: all of the time; and how a batch is shared, none: as measured. */
    const double *duties;   /* (n_duties) */
    const unsigned *shares; /* (n_shares) */
    unsigned n_duties, n_shares;
} fcl_bench_options;
fcl_bench_options fcl_bench_defaults(void);

typedef struct fcl_bench {
    fcl_bench_options options;
    fcl_device *device;   /* the first of them */
    fcl_device **devices; /* (n_devices) */
    unsigned n_devices;
    double *duties; /* (n_devices) */
    int has_lost;   /* a device does not answer: none is closed, and what it may use stays */
    fcl_probe *probe;
    fcl_choice *choice; /* for networks and operations */
    fcl_model *models[FCL_BENCH_MAX_MODELS];
    size_t n_models;
    fcl_report *report;
} fcl_bench;

/* FCL_E_USAGE where the options are not for so many devices. */
fcl_status fcl_bench_check_devices(const fcl_bench_options *options, unsigned n);
/* Opens the devices and loads the models. `command` (n texts) is recorded. */
fcl_status fcl_bench_open(fcl_bench *out, const fcl_bench_options *options, const char *const *command, size_t n);
void fcl_bench_close(fcl_bench *bench);
/* Records what is known at the end only. */
fcl_status fcl_bench_end(fcl_bench *bench);

fcl_status fcl_bench_device(fcl_bench *bench);
fcl_status fcl_bench_ops(fcl_bench *bench);
/* Training and prediction, in turn when both are asked for. */
fcl_status fcl_bench_speed(fcl_bench *bench, int train, int infer);
fcl_status fcl_bench_accuracy(fcl_bench *bench);
fcl_status fcl_bench_scaling(fcl_bench *bench);

/* Before anything is measured: FCL_E_EXISTS when a figure STEM_WHAT_MODEL is there. */
fcl_status fcl_bench_check_figure(const char *stem, const char *what, const char *model);

/* The results as a table for people, for free(). */
fcl_status fcl_bench_table(char **out, const fcl_report *report);
/* FCL_E_WRONG_RESULT when a check failed, naming the results. */
fcl_status fcl_bench_verdict(const fcl_report *report);

#endif
