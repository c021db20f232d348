/* What of `bench scaling` is drawn and shown: results "scaling/MODEL/batchN/together", whose details have a list of devices. */
#ifndef FCL_BENCH_SCALING_H
#define FCL_BENCH_SCALING_H

#include "base/text.h"
#include "bench/report.h"

/* Where a device's time goes, for each such result. */
void fcl_scaling_append(fcl_text *table, const fcl_report *report);
/* Two figures of one of them: STEM_speed_MODEL and STEM_time_MODEL, .svg, .png and .csv. Without gnuplot a
 * warning, and no figure. */
fcl_status fcl_scaling_draw(const char *stem, const char *model, const fcl_result *together);

#endif
