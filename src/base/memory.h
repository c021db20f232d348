/* Host memory: arrays whose size cannot overflow. free() releases them. */
#ifndef FCL_BASE_MEMORY_H
#define FCL_BASE_MEMORY_H

#include "base/error.h"

#include <stdlib.h>

/* A zeroed array of n elements of `element_bytes`; at least one byte, so that NULL means failure only. */
void *fcl_calloc(size_t n, size_t element_bytes);
/* *out = fcl_calloc(n, sizeof **out); FCL_E_MEMORY names `what`. */
#define FCL_NEW(out, n, what)                                                                                          \
    ((*(out) = fcl_calloc((n), sizeof **(out))) ? FCL_OK : fcl_fail_memory((what), (n) * sizeof **(out)))
/* Makes room for `needed` elements, at least doubling; contents survive, new elements are not set. */
fcl_status fcl_grow(void **array, size_t *capacity, size_t needed, size_t element_bytes, const char *what);
/* For large arrays that are gone over again and again, as devices do that work in the host's memory: begins at a multiple of
 * FCL_HUGE_PAGE_BYTES, and the system is asked for pages of that size, which spares the processor most of its table walks and
 * keeps neighbours apart in its caches. Contents are undefined; NULL when memory is out. */
enum { FCL_HUGE_PAGE_BYTES = 2 << 20 };
void *fcl_huge_pages(size_t n_bytes);
/* a*b into *out, false on overflow. */
int fcl_multiply(size_t *out, size_t a, size_t b);

#endif
