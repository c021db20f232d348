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
/* Runs arguments[0] (a path) with NULL-ended arguments and waits. It has this process' stderr and the terminal's
 * signals, and is asked to end when this process is (interrupt.h), by the other of the two signals, since the one that came
 * may have reached it as well. What it printed to stdout comes back in *output for free(), how it ended in *exit_code.
 * FCL_E_IO when it could not be started or a signal ended it; then neither is set. */
fcl_status fcl_process_follow(char **output, int *exit_code, const char *const arguments[]);
/* Runs n processes of arguments[0] (a path), which divide one input between them: each takes records of it
 * (fcl_process_take()) until none is left. What they print to stdout is handed to `on_output` as it comes, to stderr is dropped.
 * Ctrl-C and Ctrl-Z in the terminal reach them too. Returns when all have ended, however they did: what they have done says
 * that. FCL_E_IO when none could be started; FCL_E_INTERRUPTED after a signal (interrupt.h), which ends them. */
fcl_status fcl_process_share(const char *const arguments[], unsigned n, const void *input, size_t n_input_bytes,
                             void (*on_output)(void *user, const char *bytes, size_t n), void *user);
/* In such a process: the next record of the input that no other one took; false when there is none. All are of one size. */
int fcl_process_take(void *record, size_t n_bytes);
/* The path of the program that this process runs, for free(); NULL where the system does not say. */
char *fcl_process_own_program(void);

#endif
