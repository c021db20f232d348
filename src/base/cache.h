/*
 * The cache folder, and the files in it that fiducl made: in a folder for each kind, named by the hash of what they are kept
 * for. Everything in it may be deleted at any time. Only what has such a name is ever listed or removed, and no symbolic link
 * is followed to it.
 */
#ifndef FCL_BASE_CACHE_H
#define FCL_BASE_CACHE_H

#include "base/error.h"

#include <stdint.h>

typedef struct fcl_cache_kind {
    const char *folder; /* in the cache folder */
    const char *ending; /* of the files' names, after the hash */
} fcl_cache_kind;

typedef struct fcl_cache_file {
    char *path;
    uint64_t n_bytes;
    double used;       /* when it was last written or used, seconds since 1970 */
    int is_unfinished; /* a temporary file: its writer is at it, or was killed */
} fcl_cache_file;

/* $FIDUCL_CACHE_DIR, or fiducl in $XDG_CACHE_HOME or ~/.cache; for free(). FCL_E_IO when none of them is set. */
fcl_status fcl_cache_path(char **out);
/* The same, created. FCL_E_IO when it cannot be. */
fcl_status fcl_cache_folder(char **out);
/* Where the file for `key` is or would be, for free(); its folder is created when `create`. */
fcl_status fcl_cache_file_path(char **out, const fcl_cache_kind *kind, const char *key, int create);
/* Notes that the file was used; one that may not be touched stays as it is. */
void fcl_cache_touch(const char *path);

/* The files of a kind, the least recently used one first; none when there is no such folder. */
fcl_status fcl_cache_list(fcl_cache_file **out, size_t *n, const fcl_cache_kind *kind);
void fcl_cache_files_free(fcl_cache_file *files, size_t n);
/* Removes the least recently used ones until the others take at most max_bytes, and for 0 the empty folder too; *n_files and
 * *n_bytes, which may be NULL, are increased by what was removed. */
fcl_status fcl_cache_trim(size_t *n_files, uint64_t *n_bytes, const fcl_cache_kind *kind, uint64_t max_bytes);

#endif
