/* What was measured where: the objects of a report. */
#ifndef FCL_BENCH_FACTS_H
#define FCL_BENCH_FACTS_H

#include "bench/report.h"
#include "fiducl/device.h"

/* Fills fiducl, libraries, system and device. */
fcl_status fcl_facts_record(fcl_report *report, const fcl_device *device);
/* The load average at the end. */
fcl_status fcl_facts_end(fcl_report *report);

#endif
