/* Ten training steps held against PyTorch's (tools/golden/networks.py). */
#ifndef FCL_TEST_PARITY_H
#define FCL_TEST_PARITY_H

/* How far losses may be off: relative to each, or in times of what PyTorch's float32 is off from its float64.
 */
typedef enum parity_bound { PARITY_RELATIVE, PARITY_FLOAT32 } parity_bound;

/* The whole suite of one model: a batch of 32, the batch of 3 in one and in two parts, and with each solver
 * of a convolution forced. Returns main's exit code. */
int parity_main(const char *model, parity_bound bound);

#endif
