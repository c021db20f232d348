/*
 * Status codes, error messages, log and progress.
 *
 * Every function that can fail returns an fcl_status. Its outputs come first among the parameters and are set only on
 * success. The message of the last failure belongs to the calling thread and is read with fcl_error_message(); it says
 * what was wrong, where, and what to do.
 */
#ifndef FIDUCL_STATUS_H
#define FIDUCL_STATUS_H

#include <stddef.h>

#if defined(__GNUC__)
#define FCL_API                               __attribute__((visibility("default")))
#define FCL_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))
#else
#define FCL_API
#define FCL_PRINTF(format_index, first_index)
#endif

/* X(name, exit code of the program, meaning) */
#define FCL_STATUS_TABLE(X)                                                                                            \
    X(OK, 0, "success")                                                                                                \
    X(E_INTERNAL, 1, "a fault in fiducl itself")                                                                       \
    X(E_USAGE, 2, "wrong arguments or options")                                                                        \
    X(E_INPUT, 3, "input that is wrong, damaged or inconsistent")                                                      \
    X(E_IO, 4, "the operating system could not read or write a file")                                                  \
    X(E_EXISTS, 5, "the output exists and would be overwritten")                                                       \
    X(E_MEMORY, 6, "not enough host memory")                                                                           \
    X(E_NO_DEVICE, 7, "no OpenCL device, or none or several that match the selector")                                  \
    X(E_DEVICE, 8, "an OpenCL call failed")                                                                            \
    X(E_BUILD, 9, "a kernel did not compile on the device")                                                            \
    X(E_DEVICE_MEMORY, 10, "not enough device memory")                                                                 \
    X(E_WRONG_RESULT, 11, "a device computed a wrong result and no other solver exists")                               \
    X(E_NOT_FINITE, 12, "training produced infinity or NaN")                                                           \
    X(E_MISSING_PROGRAM, 13, "the program that draws figures is not installed or fails")                               \
    X(E_INTERRUPTED, 14, "ended by a signal; what was finished is kept")                                               \
    X(E_SLOWER, 15, "a benchmark is slower than the one it was held against")

typedef enum fcl_status {
#define FCL_STATUS_ENUM(name, exit_code, meaning) FCL_##name,
    FCL_STATUS_TABLE(FCL_STATUS_ENUM)
#undef FCL_STATUS_ENUM
        FCL_N_STATUS
} fcl_status;

/* The code's name without prefix, "E_INPUT"; a constant string. */
FCL_API const char *fcl_status_name(fcl_status status);
/* One line that says what the code means; a constant string. */
FCL_API const char *fcl_status_meaning(fcl_status status);
/* The exit code that the program ends with for this status. */
FCL_API int fcl_status_exit_code(fcl_status status);
/* The message of this thread's last failure; valid until its next one; "" before the first. */
FCL_API const char *fcl_error_message(void);

typedef enum fcl_log_level { FCL_LOG_DEBUG, FCL_LOG_INFO, FCL_LOG_WARNING } fcl_log_level;

/* Receives whole lines without a newline. May be called from any thread, one call at a time. */
typedef void fcl_log_sink(void *user, fcl_log_level level, const char *line);
/* Where log lines go; NULL drops them, which is the default. */
FCL_API void fcl_log_set_sink(fcl_log_sink *sink, void *user);

/* What a long operation reports: `done` of `total` units of `task`, and a short text such as the current loss.
 * total == 0 means that the end is not known. */
typedef struct fcl_progress {
    const char *task;
    size_t done;
    size_t total;
    const char *unit;
    const char *detail;
} fcl_progress;

/* Called from the thread that runs the operation; the strings are valid during the call only. */
typedef void fcl_progress_sink(void *user, const fcl_progress *progress);
FCL_API void fcl_progress_set_sink(fcl_progress_sink *sink, void *user);

/* The library's version, "0.1.0". */
FCL_API const char *fcl_version(void);

#endif
