/* How functions fail: the lowest place that knows the facts writes the message, everyone above hands the status on. */
#ifndef FCL_BASE_ERROR_H
#define FCL_BASE_ERROR_H

#include "fiducl/status.h"

/* Sets this thread's message and returns `status`, so that `return fcl_fail(...)` reads well. */
fcl_status fcl_fail(fcl_status status, const char *format, ...) FCL_PRINTF(2, 3);
/* "cannot VERB 'PATH': reason of errno", as FCL_E_IO. */
fcl_status fcl_fail_errno(const char *verb, const char *path);
/* FCL_E_MEMORY for `bytes` wanted for `what`. */
fcl_status fcl_fail_memory(const char *what, size_t bytes);

/* Inside a function with `fcl_status status` and a label `done`. */
#define FCL_TRY(call)                                                                                                  \
    do {                                                                                                               \
        if ((status = (call)) != FCL_OK) goto done;                                                                    \
    } while (0)

#endif
