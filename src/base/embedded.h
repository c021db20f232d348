/* Files compiled into the library: kernels, model descriptions, recipes (cmake/FiduclEmbed.cmake makes the tables). */
#ifndef FCL_BASE_EMBEDDED_H
#define FCL_BASE_EMBEDDED_H

#include <stddef.h>

typedef struct fcl_embedded {
    const char *name; /* NULL ends a table */
    const char *text; /* ends with a NUL byte that n_bytes does not count */
    size_t n_bytes;
} fcl_embedded;

/* NULL when the table has no such name. */
const fcl_embedded *fcl_embedded_find(const fcl_embedded *table, const char *name);

#endif
