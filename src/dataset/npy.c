/* Files as byte sources, and whole arrays. */
#include "dataset/npy.h"

#include "base/file.h"
#include "base/memory.h"

#include <string.h>

static fcl_status read_file(size_t *got, const fcl_byte_source *source, void *out, size_t n) {
    FILE *stream = source->user;
    *got = fread(out, 1, n, stream);
    return ferror(stream) ? fcl_fail_errno("read", source->name) : FCL_OK;
}

fcl_status fcl_file_source_open(fcl_byte_source *out, const char *path) {
    uint64_t size;
    fcl_status status = fcl_file_size(&size, path);
    if (status != FCL_OK) return status;
    FILE *stream = fopen(path, "rb");
    if (!stream) return fcl_fail_errno("open", path);
    *out = (fcl_byte_source){.read = read_file, .user = stream, .name = path, .size = size};
    return FCL_OK;
}

void fcl_file_source_close(fcl_byte_source *source) {
    if (source->user) fclose(source->user);
    source->user = NULL;
}

static void swap_bytes(unsigned char *data, size_t n, size_t element_bytes) {
    for (size_t i = 0; i < n; i++, data += element_bytes)
        for (size_t a = 0, b = element_bytes - 1; a < b; a++, b--) {
            unsigned char byte = data[a];
            data[a] = data[b];
            data[b] = byte;
        }
}

fcl_status fcl_npy_elements_read(void *out, const fcl_npy_header *header, const fcl_byte_source *source, size_t n) {
    size_t element_bytes = fcl_dtype_bytes(header->dtype), got = 0;
    fcl_status status = source->read(&got, source, out, n * element_bytes);
    if (status != FCL_OK) return status;
    if (got < n * element_bytes)
        return fcl_fail(FCL_E_INPUT, "%s: ends before its last element: the file is cut off", source->name);
    if (header->swapped) swap_bytes(out, n, element_bytes);
    return FCL_OK;
}

/* From Fortran order, in which `from` is, to C order. */
static void reorder(unsigned char *to, const unsigned char *from, const fcl_npy_header *h, size_t element_bytes) {
    size_t index[FCL_NPY_MAX_DIMS] = {0};
    for (size_t i = 0; i < h->n; i++) {
        size_t c_order = 0;
        for (unsigned d = 0; d < h->n_dims; d++) c_order = c_order * h->shape[d] + index[d];
        memcpy(to + c_order * element_bytes, from + i * element_bytes, element_bytes);
        for (unsigned d = 0; d < h->n_dims && ++index[d] == h->shape[d]; d++) index[d] = 0;
    }
}

fcl_status fcl_npy_read(fcl_array *out, const char *path, fcl_dtype dtype, unsigned n_dims) {
    fcl_status status;
    fcl_byte_source source = {0};
    fcl_npy_header h;
    unsigned char *data = NULL, *reordered = NULL;
    char shape[FCL_SHAPE_TEXT_BYTES];
    const size_t element_bytes = fcl_dtype_bytes(dtype);
    FCL_TRY(fcl_file_source_open(&source, path));
    FCL_TRY(fcl_npy_header_read(&h, &source));
    if (h.dtype != dtype || h.n_dims != n_dims) {
        status =
            fcl_fail(FCL_E_INPUT, "%s: holds %s %s; %s with %u dimension%s is needed", path, fcl_dtype_name(h.dtype),
                     fcl_shape_text(shape, h.shape, h.n_dims), fcl_dtype_name(dtype), n_dims, n_dims == 1 ? "" : "s");
        goto done;
    }
    /* No calloc: the pages need not be touched before the data come. */
    if (!(data = malloc(h.n ? h.n * element_bytes : 1))) {
        status = fcl_fail_memory(path, h.n * element_bytes);
        goto done;
    }
    FCL_TRY(fcl_npy_elements_read(data, &h, &source, h.n));
    if (h.fortran_order && h.n_dims > 1) {
        FCL_TRY(FCL_NEW(&reordered, h.n * element_bytes, path));
        reorder(reordered, data, &h, element_bytes);
        free(data);
        data = reordered;
        reordered = NULL;
    }
    *out = (fcl_array){.dtype = dtype, .n_dims = n_dims, .data = data};
    memcpy(out->shape, h.shape, sizeof out->shape);
    data = NULL;
done:
    free(data);
    free(reordered);
    fcl_file_source_close(&source);
    return status;
}

fcl_status fcl_npy_write(const char *path, fcl_dtype dtype, const size_t *shape, unsigned n_dims, const void *data) {
    fcl_status status;
    char *header = NULL;
    size_t n_header = 0, n = fcl_dtype_bytes(dtype);
    fcl_file_writer writer = {0};
    for (unsigned d = 0; d < n_dims; d++) n *= shape[d];
    FCL_TRY(fcl_npy_header_make(&header, &n_header, dtype, shape, n_dims));
    FCL_TRY(fcl_file_writer_open(&writer, path));
    fwrite(header, 1, n_header, writer.stream);
    if (n) fwrite(data, 1, n, writer.stream);
    FCL_TRY(fcl_file_writer_commit(&writer));
done:
    fcl_file_writer_abandon(&writer);
    free(header);
    return status;
}
