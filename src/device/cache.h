/* What this layer keeps in the cache folder (base/cache.h), for those who list and clear it. */
#ifndef FCL_DEVICE_CACHE_H
#define FCL_DEVICE_CACHE_H

#include "base/cache.h"

/* Compiled programs, one a file. When one is stored and all take more than this, the least recently used ones go. */
#define FCL_CACHE_MAX_BYTES ((uint64_t)256 << 20)
extern const fcl_cache_kind fcl_cached_programs;
/* The identity of the device that a program was compiled for, for free(); NULL when the file is damaged or of another
 * version. */
char *fcl_cached_program_device(const char *path);

/* The folder in the cache folder that PoCL gets for its own cache where it has no other. */
#define FCL_CACHE_POCL "pocl"

#endif
