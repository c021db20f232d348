/* The roofline of a device (Williams, Waterman and Patterson 2009): what its multiplications and its memory allow. */
#ifndef FCL_BENCH_ROOFLINE_H
#define FCL_BENCH_ROOFLINE_H

#include "bench/probe.h"
#include "bench/report.h"

enum { FCL_N_BANDWIDTHS = 5 };

/* The better of reading and copying a working set of this size. */
typedef struct fcl_bandwidth {
    size_t bytes;
    double gb_per_second;
} fcl_bandwidth;

typedef struct fcl_roofline {
    double gflop_per_second;
    fcl_bandwidth bandwidths[FCL_N_BANDWIDTHS]; /* from the smallest working set to the largest */
    double launch_seconds;
} fcl_roofline;

/* The best of several runs each. */
fcl_status fcl_roofline_measure(fcl_roofline *out, fcl_probe *probe);
/* That of the largest working set that is not larger than `bytes`, else of the smallest: what fits into a cache is held
 * against the cache. */
const fcl_bandwidth *fcl_roofline_bandwidth(const fcl_roofline *roof, double bytes);
/* The results of `bench ops` under their roof: STEM_roofline_MODEL.svg, .png and .csv. Without gnuplot a warning, and no figure. */
fcl_status fcl_roofline_draw(const char *stem, const char *model, const fcl_roofline *roof, const fcl_result *results,
                             size_t n_results);

#endif
