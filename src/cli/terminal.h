/* What a person sees on stderr while a command works: log lines and progress. */
#ifndef FCL_CLI_TERMINAL_H
#define FCL_CLI_TERMINAL_H

/* Sets the sinks of log and progress: a bar with rate and time left on a terminal, else a plain line every
 * few seconds. With `quiet` only warnings are shown. */
void fcl_terminal_start(int quiet);
/* Takes the bar away; to be called before anything else is printed. */
void fcl_terminal_clear(void);

#endif
