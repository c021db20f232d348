/* What choosing a device by measuring is made of (fiducl/auto.h). */
#ifndef FCL_BENCH_AUTO_H
#define FCL_BENCH_AUTO_H

#include "base/cache.h"
#include "fiducl/auto.h"

/* How candidates are measured; another way in tests. */
typedef struct fcl_auto_ways {
    /* Opens a device; *flop_per_second is that of its multiply-adds, a bound of what it can do. */
    fcl_status (*open)(void **device, double *flop_per_second, const char *selector);
    /* Seconds of a training step. After a first one that takes many times `fastest`, which may be infinite, it does not go on. */
    fcl_status (*measure)(double *seconds, void *device, const fcl_model *model, unsigned batch, double fastest);
    void (*close)(void *device); /* may be NULL's */
} fcl_auto_ways;
extern const fcl_auto_ways fcl_auto_device_ways;

/* `candidates` (n) have device and identity; the choice has copies of them. `build` tells this fiducl from any other. */
fcl_status fcl_auto_choose_among(fcl_auto_choice **out, const fcl_auto_candidate *candidates, size_t n,
                                 const fcl_model *model, unsigned batch, const char *build, const fcl_auto_ways *ways);

/* auto_record.c: choices in the cache folder (docs/formats.md). `key` is the whole text that decides whether one may be used.
 * Loading sets the choice's measurements, and is false when there is none or the file is damaged or of another version; a
 * failure to store is no error. */
extern const fcl_cache_kind fcl_cached_choices;
int fcl_auto_load(fcl_auto_choice *choice, const char *key);
void fcl_auto_store(const fcl_auto_choice *choice, const char *key);
/* Whether a file of the cache is whole and of this version. */
int fcl_cached_choice_is_whole(const char *path);

#endif
