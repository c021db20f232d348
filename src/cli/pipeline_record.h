/*
 * pipeline.json: what a pipeline was asked for and which of its stages are done (docs/formats.md).
 *
 * Arguments are recorded as a command line with absolute paths, so that what resuming works with is parsed
 * from the record by the same code that parsed it the first time.
 */
#ifndef FCL_CLI_PIPELINE_RECORD_H
#define FCL_CLI_PIPELINE_RECORD_H

#include "base/json.h"
#include "cli/command.h"

#define FCL_PIPELINE_RECORD "pipeline.json"

typedef struct fcl_pipeline_record {
    char *path;
    json_t *json;
    fcl_arguments *arguments; /* as recorded */
} fcl_pipeline_record;

/* Of a new pipeline; nothing is written before the first fcl_pipeline_record_save. */
fcl_status fcl_pipeline_record_create(fcl_pipeline_record *out, const char *folder, const fcl_command *command,
                                      const fcl_arguments *given);
/* Of an earlier one. What `given` has must be as recorded, but for the device. */
fcl_status fcl_pipeline_record_open(fcl_pipeline_record *out, const char *folder, const fcl_command *command,
                                    const fcl_arguments *given);
void fcl_pipeline_record_dispose(fcl_pipeline_record *record);
fcl_status fcl_pipeline_record_save(const fcl_pipeline_record *record);

int fcl_pipeline_is_done(const fcl_pipeline_record *record, const char *stage);
/* Notes a stage as done, and saves. */
fcl_status fcl_pipeline_set_done(fcl_pipeline_record *record, const char *stage);

#endif
