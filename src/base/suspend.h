/*
 * Ctrl-Z (SIGTSTP) where a process must not stop at any moment. Between fcl_suspend_hold() and fcl_suspend_release() the signal
 * only leaves a request, which the caller looks at where stopping does no harm and SIGCONT takes back; everywhere else it
 * stops the process at once, as it does by default.
 */
#ifndef FCL_BASE_SUSPEND_H
#define FCL_BASE_SUSPEND_H

/* Without this, hold and release do nothing: the signals of a process are its program's, not a library's. */
void fcl_suspend_enable(void);
/* A process that was started with SIGTSTP ignored goes on ignoring it. Not nested. */
void fcl_suspend_hold(void);
/* Gives the signal back to whom it had; stops first if that was requested. */
void fcl_suspend_release(void);
int fcl_suspend_requested(void);
/* Stops the process with all its threads until it is continued (SIGCONT), and takes the request back. Logs both. The
 * clock of base/clock.h stands still meanwhile. */
void fcl_suspend(void);

#endif
