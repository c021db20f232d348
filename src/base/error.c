#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Long enough for a compiler's build log, whose end may be cut. */
enum { MESSAGE_BYTES = 16384 };

static _Thread_local char message[MESSAGE_BYTES];

typedef struct status_row {
    const char *name;
    int exit_code;
    const char *meaning;
} status_row;

static const status_row rows[FCL_N_STATUS] = {
#define STATUS_ROW(name, exit_code, meaning) {#name, exit_code, meaning},
    FCL_STATUS_TABLE(STATUS_ROW)
#undef STATUS_ROW
};

static const status_row *row_of(fcl_status status) {
    assert((unsigned)status < FCL_N_STATUS);
    return &rows[status];
}

const char *fcl_status_name(fcl_status status) {
    return row_of(status)->name;
}

const char *fcl_status_meaning(fcl_status status) {
    return row_of(status)->meaning;
}

int fcl_status_exit_code(fcl_status status) {
    return row_of(status)->exit_code;
}

const char *fcl_error_message(void) {
    return message;
}

fcl_status fcl_fail(fcl_status status, const char *format, ...) {
    /* Formatted aside first: an argument may be the current message itself. */
    static _Thread_local char next[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(next, sizeof next, format, arguments);
    va_end(arguments);
    memcpy(message, next, sizeof message);
    return status;
}

fcl_status fcl_fail_errno(const char *verb, const char *path) {
    return fcl_fail(FCL_E_IO, "cannot %s '%s': %s", verb, path, strerror(errno));
}

fcl_status fcl_fail_memory(const char *what, size_t bytes) {
    return fcl_fail(FCL_E_MEMORY, "not enough memory for %s (%zu bytes)", what, bytes);
}

char *fcl_error_keep(void) {
    return strdup(message);
}

void fcl_error_restore(char *kept) {
    if (kept) strcpy(message, kept);
    free(kept);
}

const char *fcl_version(void) {
    return FCL_VERSION;
}
