/* What the device suites share: the device under test, chosen by $FIDUCL_DEVICE, and a folder of kernels. */
#ifndef FCL_TEST_DEVICE_FIXTURE_H
#define FCL_TEST_DEVICE_FIXTURE_H

#include "device/internal.h"
#include "support/support.h"

/* Opened once a program and never closed; aborts the test when that fails. Says which it is, for tools/check-matrix, as a line
 * on stdout that begins with `device: `. */
fcl_device *test_device(void);
/* A new folder that $FIDUCL_KERNEL_DIR names, with test.cl and the header scale.h that it includes;
 * test_kernels_remove() removes both. */
char *test_kernels_create(void);
void test_kernels_remove(char *folder);
/* A buffer with these ints, and what it holds now. */
fcl_buffer *test_ints(const int *values, size_t n);
void test_ints_read(int *out, const fcl_buffer *buffer, size_t n);

#endif
