/* Log lines and progress for whoever set a sink; nothing below src/cli prints. */
#ifndef FCL_BASE_LOG_H
#define FCL_BASE_LOG_H

#include "fiducl/status.h"

void fcl_log(fcl_log_level level, const char *format, ...) FCL_PRINTF(2, 3);
/* Each line of a text as one of the log; empty ones are left out. */
void fcl_log_lines(fcl_log_level level, const char *text);
void fcl_progress_report(const fcl_progress *progress);

#endif
