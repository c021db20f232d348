/*
 * numpy's .npy files, format versions 1.0, 2.0 and 3.0 (numpy, "NEP 1 -- A Simple File Format for NumPy Arrays").
 *
 * Whole numbers and floats of 1 to 8 bytes in either byte order, C and Fortran order. What a header claims is held
 * against the size of the file before any memory is taken.
 */
#ifndef FCL_DATASET_NPY_H
#define FCL_DATASET_NPY_H

#include "base/error.h"

#include <stdint.h>

typedef enum fcl_dtype {
    FCL_UINT8,
    FCL_UINT16,
    FCL_UINT32,
    FCL_UINT64,
    FCL_INT8,
    FCL_INT16,
    FCL_INT32,
    FCL_INT64,
    FCL_FLOAT32,
    FCL_FLOAT64,
    FCL_N_DTYPES
} fcl_dtype;
/* numpy's name, "uint8". */
const char *fcl_dtype_name(fcl_dtype dtype);
size_t fcl_dtype_bytes(fcl_dtype dtype);

enum { FCL_NPY_MAX_DIMS = 8 };

typedef struct fcl_npy_header {
    fcl_dtype dtype;
    int swapped;       /* 1: the elements are in the byte order that is not this machine's */
    int fortran_order; /* 1: the first index runs fastest */
    unsigned n_dims;
    size_t shape[FCL_NPY_MAX_DIMS];
    size_t n; /* elements */
    size_t header_bytes;
} fcl_npy_header;

/* Bytes from a file or an archive. `read` sets *got < n at the end only. */
typedef struct fcl_byte_source fcl_byte_source;
struct fcl_byte_source {
    fcl_status (*read)(size_t *got, const fcl_byte_source *source, void *out, size_t n);
    void *user;
    const char *name; /* for messages; lent */
    uint64_t size;    /* of everything from the first byte on */
};

/* A file as a byte source; `path` is lent. Closing a source that is all zeros is legal. */
fcl_status fcl_file_source_open(fcl_byte_source *out, const char *path);
void fcl_file_source_close(fcl_byte_source *source);

/* Reads the header and leaves the source at the first element. The sizes that it claims agree with source->size. */
fcl_status fcl_npy_header_read(fcl_npy_header *out, const fcl_byte_source *source);
/* The next n elements as the file has them, but in native byte order; the source ending early is an error. */
fcl_status fcl_npy_elements_read(void *out, const fcl_npy_header *header, const fcl_byte_source *source, size_t n);
/* "(96, 96, 7049)" into `out`, cut off when it does not fit; returns out. */
enum { FCL_SHAPE_TEXT_BYTES = 128 };
char *fcl_shape_text(char out[FCL_SHAPE_TEXT_BYTES], const size_t *shape, unsigned n_dims);

/* An array in memory, native byte order, C order. */
typedef struct fcl_array {
    fcl_dtype dtype;
    unsigned n_dims;
    size_t shape[FCL_NPY_MAX_DIMS];
    void *data; /* for free() */
} fcl_array;

/* Reads a file whose elements are `dtype` (in either byte order and any array order) with `n_dims` dimensions. */
fcl_status fcl_npy_read(fcl_array *out, const char *path, fcl_dtype dtype, unsigned n_dims);

/* The header of format 1.0 for native elements in C order, for free(). */
fcl_status fcl_npy_header_make(char **out, size_t *n_bytes, fcl_dtype dtype, const size_t *shape, unsigned n_dims);
/* Writes `data`, native elements in C order; the file appears whole or not at all. */
fcl_status fcl_npy_write(const char *path, fcl_dtype dtype, const size_t *shape, unsigned n_dims, const void *data);

#endif
