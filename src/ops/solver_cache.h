/*
 * What is known about solvers on one device: whether they passed the gate, how long they took, which tuning chose. Kept in
 * solvers/HASH.txt in the cache folder, one file a device; the first lines of such a file say what it holds.
 *
 * A file that is damaged or of another version is ignored and written anew; one that cannot be written is no
 * error, the knowledge then lasts as long as this object.
 */
#ifndef FCL_OPS_SOLVER_CACHE_H
#define FCL_OPS_SOLVER_CACHE_H

#include "base/cache.h"
#include "ops/gate.h"

typedef struct fcl_solver_cache fcl_solver_cache;

typedef struct fcl_solver_record {
    int passed;
    double worst_ratio; /* of the gate's report; infinity is possible */
    double seconds;     /* one run of the whole batch; 0 when it was not measured */
    int tuned;          /* tuning chose it for this operation */
} fcl_solver_record;

/* Loads what is known of this device. */
fcl_status fcl_solver_cache_open(fcl_solver_cache **out, const fcl_device *device);
void fcl_solver_cache_free(fcl_solver_cache *cache);
/* False when nothing is known of this solver, with its kernels as they are now, for this description. */
int fcl_solver_cache_find(fcl_solver_record *out, const fcl_solver_cache *cache, const char *description,
                          const fcl_solver *solver);
fcl_status fcl_solver_cache_set(fcl_solver_cache *cache, const char *description, const fcl_solver *solver,
                                const fcl_solver_record *record);
/* The one of `solvers`, which end with NULL, that tuning chose, with its kernels as they are now; NULL when there is none. */
const fcl_solver *fcl_solver_cache_tuned(const fcl_solver_cache *cache, const char *description,
                                         const fcl_solver *const *solvers);
/* Of the solvers known for this description this one was chosen, and no other. */
void fcl_solver_cache_set_tuned(fcl_solver_cache *cache, const char *description, const fcl_solver *solver);
/* Whether anything was set since it was opened or saved. */
int fcl_solver_cache_changed(const fcl_solver_cache *cache);
/* Writes the file if anything changed. */
void fcl_solver_cache_save(fcl_solver_cache *cache);

/* For those who list and clear the cache folder: one file a device. */
extern const fcl_cache_kind fcl_cached_solvers;
typedef struct fcl_cached_solvers_facts {
    char *device; /* its identity, for free() */
    size_t n_passed, n_failed, n_measured, n_tuned;
} fcl_cached_solvers_facts;
/* False when the file is damaged or of another version. */
int fcl_cached_solvers_read(fcl_cached_solvers_facts *out, const char *path);

#endif
