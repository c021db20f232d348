/* SIGINT and SIGTERM as a flag that long operations look at between steps. A second signal ends the process at once. */
#ifndef FCL_BASE_INTERRUPT_H
#define FCL_BASE_INTERRUPT_H

void fcl_interrupt_install(void);
/* The signal's number, or 0. */
int fcl_interrupt_requested(void);
/* As if the signal had come; for tests. 0 clears. */
void fcl_interrupt_set(int signal_number);

#endif
