/* Child processes: programs found in $PATH and run without a shell. */
#ifndef FCL_BASE_PROCESS_H
#define FCL_BASE_PROCESS_H

#include "base/error.h"

/* The program's full path for free(), or NULL when $PATH has none. */
char *fcl_process_find(const char *program);
/* Sets an environment variable of this process, which libraries and children see. */
void fcl_environment_set(const char *name, const char *value);
/* Runs arguments[0] (a path) with NULL-ended arguments, feeds it `input` and waits. Its stdout and stderr together come
 * back in *output for free() (also on failure, if output is not NULL). FCL_E_IO unless it exits with 0. */
fcl_status fcl_process_run(char **output, const char *const arguments[], const char *input, size_t n_input_bytes);

#endif
