#include "base/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t requested;

static void on_signal(int number) {
    requested = number;
}

void fcl_interrupt_install(void) {
    /* SA_RESETHAND: the second signal finds the default action, which ends the process. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int fcl_interrupt_requested(void) {
    return requested;
}

void fcl_interrupt_set(int signal_number) {
    requested = signal_number;
}
