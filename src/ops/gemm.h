/* Matrix products through CLBlast, the only place that knows it. */
#ifndef FCL_OPS_GEMM_H
#define FCL_OPS_GEMM_H

#include "device/buffer.h"

typedef struct fcl_matrix {
    const fcl_buffer *buffer;
    size_t offset;  /* floats */
    size_t stride;  /* floats from one row as stored to the next */
    int transposed; /* stored (columns, rows) */
} fcl_matrix;

/* Enqueues c (m, n) = a (m, k) * b (k, n), row-major float32, plus what c holds when `accumulate`. */
fcl_status fcl_gemm(fcl_device *device, size_t m, size_t n, size_t k, fcl_matrix a, fcl_matrix b, fcl_matrix c,
                    int accumulate);

#endif
