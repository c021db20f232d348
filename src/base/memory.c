#define _DEFAULT_SOURCE /* madvise */
#include "base/memory.h"

#include <stdint.h>
#include <sys/mman.h>

int fcl_multiply(size_t *out, size_t a, size_t b) {
    if (b != 0 && a > SIZE_MAX / b) return 0;
    *out = a * b;
    return 1;
}

void *fcl_calloc(size_t n, size_t element_bytes) {
    size_t bytes = SIZE_MAX;
    if (!fcl_multiply(&bytes, n, element_bytes)) return NULL;
    return calloc(bytes ? bytes : 1, 1);
}

void *fcl_huge_pages(size_t n_bytes) {
    void *memory;
    if (n_bytes > SIZE_MAX - FCL_HUGE_PAGE_BYTES) return NULL;
    /* Whole pages, so that nothing else shares the last one. */
    const size_t whole = (n_bytes + FCL_HUGE_PAGE_BYTES - 1) / FCL_HUGE_PAGE_BYTES * FCL_HUGE_PAGE_BYTES;
    if (posix_memalign(&memory, FCL_HUGE_PAGE_BYTES, whole) != 0) return NULL;
#ifdef MADV_HUGEPAGE
    /* Only a wish: a kernel without huge pages refuses, and small ones do as well. */
    (void)madvise(memory, whole, MADV_HUGEPAGE);
#endif
    return memory;
}

fcl_status fcl_grow(void **array, size_t *capacity, size_t needed, size_t element_bytes, const char *what) {
    if (needed <= *capacity) return FCL_OK;
    size_t wanted = *capacity > SIZE_MAX / 2 ? needed : *capacity * 2;
    if (wanted < needed) wanted = needed;
    size_t bytes = SIZE_MAX;
    void *grown = fcl_multiply(&bytes, wanted, element_bytes) ? realloc(*array, bytes) : NULL;
    if (!grown) return fcl_fail_memory(what, bytes);
    *array = grown;
    *capacity = wanted;
    return FCL_OK;
}
