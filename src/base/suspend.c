#include "base/suspend.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static int enabled, held;
static volatile sig_atomic_t requested;
static struct sigaction before, before_continue;

static void on_signal(int number) {
    (void)number;
    requested = 1;
}

/* As the system does with a stop that is pending. */
static void on_continue(int number) {
    (void)number;
    requested = 0;
}

void fcl_suspend_enable(void) {
    enabled = 1;
}

void fcl_suspend_hold(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (!enabled || sigaction(SIGTSTP, NULL, &before) != 0 || before.sa_handler == SIG_IGN) return;
    sigemptyset(&action.sa_mask);
    held = sigaction(SIGTSTP, &action, NULL) == 0;
    action.sa_handler = on_continue;
    sigaction(SIGCONT, &action, &before_continue);
}

void fcl_suspend_release(void) {
    /* First, so that no request comes too late to be seen. */
    if (held) {
        sigaction(SIGTSTP, &before, NULL);
        sigaction(SIGCONT, &before_continue, NULL);
    }
    held = 0;
    if (requested) fcl_suspend();
}

int fcl_suspend_requested(void) {
    return requested;
}

void fcl_suspend(void) {
    const double begin = fcl_clock_seconds();
    requested = 0;
    fcl_log(FCL_LOG_INFO, "stopped; `fg` in this shell or `kill -CONT %ld` goes on", (long)getpid());
    /* Not SIGTSTP with its default action: that does nothing where the process has no shell that could continue it, and someone
     * else may have sent the signal and be waiting for it. */
    raise(SIGSTOP);
    const double stopped = fcl_clock_seconds() - begin;
    fcl_clock_skip(stopped);
    fcl_log(FCL_LOG_INFO, "going on after %.0f s", stopped);
}
