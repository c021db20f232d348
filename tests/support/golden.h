/*
 * Golden values: what PyTorch and numpy computed (tools/make-golden), and the inputs that both sides compute.
 *
 * A golden file is text with binary arrays in it. After the line "FCLGOLD1" come cases, each with its arrays:
 *
 *     case NAME KEY=VALUE KEY=VALUE ...
 *     array NAME TYPE COUNT
 *     (COUNT little-endian elements of TYPE, f64 or u8, and a newline)
 *
 * A tensor T is stored as the array T with the facts T.count, its elements, and T.sum, the sum of them all:
 * whole when it has at most GOLDEN_FULL elements, else its elements golden_sample(k, T.count) for k = 0, 1,
 * ....
 *
 * Everything here ends the program when the file is not as it should be.
 */
#ifndef FCL_TEST_GOLDEN_H
#define FCL_TEST_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

enum { GOLDEN_FULL = 1024 };

typedef struct golden golden;
typedef struct golden_case golden_case;

/* tests/golden/NAME. */
golden *golden_read(const char *name);
void golden_free(golden *file);
size_t golden_n_cases(const golden *file);
const golden_case *golden_at(const golden *file, size_t index);
const golden_case *golden_find(const golden *file, const char *name);

const char *golden_name(const golden_case *c);
/* Facts. Text lends; integers may have all 64 bits. */
int golden_has(const golden_case *c, const char *key);
const char *golden_text(const golden_case *c, const char *key);
double golden_number(const golden_case *c, const char *key);
int golden_int(const golden_case *c, const char *key);
uint64_t golden_uint64(const golden_case *c, const char *key);

/* Arrays; lend. */
const double *golden_doubles(size_t *n, const golden_case *c, const char *name);
const unsigned char *golden_bytes(size_t *n, const golden_case *c, const char *name);

/* A stored tensor. */
typedef struct golden_tensor {
    const double *stored;
    size_t n_stored;
    size_t count;
    double sum;
} golden_tensor;
golden_tensor golden_get_tensor(const golden_case *c, const char *name);
/* Which element of the tensor stored[k] is. */
size_t golden_tensor_index(const golden_tensor *tensor, size_t k);

/* Element k of the samples of a tensor with `count` elements: the first, the last, then pseudo-random ones.
 */
size_t golden_sample(size_t k, size_t count);
/* A pseudo-random 32-bit word for element i of the array with this key. */
uint32_t golden_word(uint32_t i, uint32_t key);
/* (j / 65536 - 0.5) * scale + offset in float, j being the upper half of the word. */
float golden_value(uint32_t i, uint32_t key, float scale, float offset);
void golden_fill(float *out, size_t n, uint32_t key, float scale, float offset);
/* 1 where j < share * 65536, else 0. */
void golden_fill_mask(float *out, size_t n, uint32_t key, double share);

#endif
