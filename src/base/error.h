/* How functions fail: the lowest place that knows the facts writes the message, everyone above hands the status on. */
#ifndef FCL_BASE_ERROR_H
#define FCL_BASE_ERROR_H

#include <stddef.h>

#include "fiducl/status.h"

/* Sets this thread's message and returns `status`, so that `return fcl_fail(...)` reads well. */
fcl_status fcl_fail(fcl_status status, const char *format, ...) FCL_PRINTF(2, 3);
/* "cannot VERB 'PATH': reason of errno", as FCL_E_IO. */
fcl_status fcl_fail_errno(const char *verb, const char *path);
/* FCL_E_MEMORY for `bytes` wanted for `what`. */
fcl_status fcl_fail_memory(const char *what, size_t bytes);

/* The first message is the one that counts: fcl_error_restore() sets it again, and frees it, after what may fail as well, such as
 * cleaning up. NULL: memory is out, and what failed last is told, or there is none to restore. */
char *fcl_error_keep(void);
void fcl_error_restore(char *kept);

/* Inside a function with `fcl_status status` and a label `done`. */
#define FCL_TRY(call)                                                                                                  \
    do {                                                                                                               \
        if ((status = (call)) != FCL_OK) goto done;                                                                    \
    } while (0)
/* Inside a function with `fcl_status status`, for what is done also after a failure: the first one counts. */
#define FCL_TRY_ALSO(call)                                                                                             \
    do {                                                                                                               \
        char *kept_ = status == FCL_OK ? NULL : fcl_error_keep();                                                      \
        const fcl_status tried_ = (call);                                                                              \
        if (status == FCL_OK) status = tried_;                                                                         \
        fcl_error_restore(kept_);                                                                                      \
    } while (0)

#endif
