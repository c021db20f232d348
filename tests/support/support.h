/* What several suites need. */
#ifndef FCL_TEST_SUPPORT_H
#define FCL_TEST_SUPPORT_H

#include <check.h>
#include <stddef.h>

#include "fiducl/status.h"

/* Check with the error message in the failure. */
#define ck_ok(call)                                                                                                    \
    do {                                                                                                               \
        fcl_status ck_status = (call);                                                                                 \
        ck_assert_msg(ck_status == FCL_OK, "%s: %s: %s", #call, fcl_status_name(ck_status), fcl_error_message());      \
    } while (0)
/* The call fails with this status and its message has `part` in it. */
#define ck_fails(call, expected, part)                                                                                 \
    do {                                                                                                               \
        fcl_status ck_status = (call);                                                                                 \
        ck_assert_msg(ck_status == (expected), "%s: got %s (%s), expected %s", #call, fcl_status_name(ck_status),      \
                      fcl_error_message(), fcl_status_name(expected));                                                 \
        ck_assert_msg(test_contains(fcl_error_message(), (part)), "%s: the message '%s' does not have '%s'", #call,    \
                      fcl_error_message(), (part));                                                                    \
    } while (0)

int test_contains(const char *text, const char *part);

/* The text of a model with each kind of layer that a training step has a case for, which is computed in a moment. */
extern const char test_small_model[];

/* A new empty folder, removed with all in it by test_folder_remove; for free(). Aborts the test on failure. */
char *test_folder_create(void);
void test_folder_remove(char *folder);
/* Writes a small file, for inputs. */
void test_write(const char *folder, const char *name, const void *bytes, size_t n);
void test_write_text(const char *folder, const char *name, const char *text);
/* How many files there are in a folder. */
size_t test_count_files(const char *folder);

/* The sum of squared differences over the sum of squares of `wanted`, in double; infinity when anything is not finite. */
double test_normalised_error(const float *got, const float *wanted, size_t n);

/* For tools/check-matrix, which counts what is not supported apart from what passed: lines on stdout.
 * Says why this device cannot do the check, which must end here. */
void test_not_supported(const char *format, ...) FCL_PRINTF(1, 2);
/* Says what the check leaves out on this device, and why; the rest of it is done. */
void test_left_out(const char *format, ...) FCL_PRINTF(1, 2);
/* Whether $FIDUCL_TEST_REDUCED is set: the device is a simulated or very slow one. Then it says that the check is not
 * supported. */
int test_is_too_much(void);

/* To be called by test_run() when all tests are done, while libraries are still as they were: at exit some are half gone. */
void test_at_end(void (*close)(void));
/* Runs the suite and returns main's exit code. */
int test_run(Suite *suite);

#endif
