/*
 * What a device can do at best: multiply-adds, memory, launches, transfers. Each measurement takes some ten milliseconds and
 * says how wrong its result was, so that nothing counts that was not computed.
 */
#ifndef FCL_BENCH_PROBE_H
#define FCL_BENCH_PROBE_H

#include "device/queue.h"

/* The largest relative error of a probe's result that rounding explains: sums of at most some thousand parts. */
#define FCL_PROBE_BOUND 1e-4

typedef struct fcl_probe fcl_probe;

/* Compiles the kernels. Vectors have the width that is fastest here, or `vector` floats where that is a width that could be. */
fcl_status fcl_probe_create(fcl_probe **out, fcl_device *device, int vector);
void fcl_probe_free(fcl_probe *probe);
/* Floats a vector and independent chains of multiply-adds an item; work-items. */
void fcl_probe_describe(int *vector, int *chains, size_t *items, const fcl_probe *probe);

/* Float32 multiply-adds, GFLOP/s. */
fcl_status fcl_probe_multiply(double *gflop_per_second, double *error, fcl_probe *probe);
/* How many launches a calibration has. */
#define FCL_PROBE_CALIBRATIONS 8
/* The speed that the device has at this moment, GFLOP/s: the fastest of some short launches of multiply-adds, so that whoever
 * takes a core away for a few milliseconds does not count. */
fcl_status fcl_probe_calibrate(double *gflop_per_second, fcl_probe *probe);
/* After a repeat: the speed around it. *latest is that of before the repeat, and becomes that of now. */
fcl_status fcl_probe_calibrate_again(double *around, double *latest, fcl_probe *probe);
/* GB/s, bytes read and bytes written both counted, of a working set of `bytes` (the copy's source and target together). */
typedef enum fcl_probe_access { FCL_PROBE_READ, FCL_PROBE_COPY } fcl_probe_access;
fcl_status fcl_probe_memory(double *gb_per_second, double *error, fcl_probe *probe, fcl_probe_access access,
                            size_t bytes);
/* Seconds from one launch of a kernel that does hardly anything to the next in the queue. */
fcl_status fcl_probe_launch(double *seconds, double *error, fcl_probe *probe);
/* GB/s of a blocking copy from the host (to_device) or to it. */
fcl_status fcl_probe_transfer(double *gb_per_second, double *error, fcl_probe *probe, int to_device);

/* A working set far larger than the device's caches, as far as its memory allows. */
size_t fcl_probe_large_bytes(const fcl_probe *probe);
size_t fcl_probe_transfer_bytes(void);

#endif
