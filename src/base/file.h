/* Files and folders. Paths are strings in the system's encoding; errors name them. */
#ifndef FCL_BASE_FILE_H
#define FCL_BASE_FILE_H

#include "base/error.h"

#include <stdint.h>
#include <stdio.h>

/* The whole file in *out for free(), with a NUL byte after it that *n_bytes does not count. */
fcl_status fcl_file_read(char **out, size_t *n_bytes, const char *path);

/* A file that appears whole or not at all: written beside its place under a temporary name, synced and renamed by
 * commit; abandon (and abandon after commit is legal) removes what is left. A device or a pipe is written to as it is. */
#define FCL_FILE_TEMPORARY ".tmp-" /* in temporary names, between the file's and the process' number */
typedef struct fcl_file_writer {
    FILE *stream; /* write here */
    char *path;
    char *temporary;
} fcl_file_writer;

fcl_status fcl_file_writer_open(fcl_file_writer *out, const char *path);
/* Checks every earlier write to the stream too: a full disk is found here at the latest. */
fcl_status fcl_file_writer_commit(fcl_file_writer *writer);
void fcl_file_writer_abandon(fcl_file_writer *writer);
/* All in one. */
fcl_status fcl_file_write(const char *path, const void *bytes, size_t n_bytes);

/* Models and recipes are asked for by the name of one that ships or by a path: whether `name` is a path. */
int fcl_is_path(const char *name);
int fcl_path_exists(const char *path);
int fcl_path_is_folder(const char *path);
/* A device or a pipe, which must not be replaced by a file; /dev/stdout may lead to a file and must not be either. */
int fcl_path_is_special(const char *path);
/* Whether this process may create files in the folder, or write the file. */
int fcl_path_is_writable(const char *path);
int fcl_path_is_readable(const char *path);
/* "folder/name" for free(), NULL when memory is out. */
char *fcl_path_join(const char *folder, const char *name);
/* The folder that a path lies in, for free(): "a/b" for "a/b/c", "." for "c", "/" for "/c"; NULL when memory is out. */
char *fcl_folder_of(const char *path);
/* The path from the root, symbolic links resolved, for free(). It must exist. */
fcl_status fcl_path_absolute(char **out, const char *path);
fcl_status fcl_file_size(uint64_t *out, const char *path);
fcl_status fcl_file_remove(const char *path); /* a missing file is success */

/* Creates the folder and those above it. */
fcl_status fcl_folder_create(const char *path);
fcl_status fcl_folder_is_empty(int *out, const char *path);
/* A new folder for temporary files; its path for free(). It stays until it is removed. */
fcl_status fcl_folder_temporary(char **out);
/* Names in a folder without "." and "..", sorted; release with fcl_names_free. */
fcl_status fcl_folder_list(char ***out, size_t *n, const char *path);
void fcl_names_free(char **names, size_t n);
/* What the files in the folder and in those below take; links are not followed. */
fcl_status fcl_folder_size(uint64_t *out, const char *path);
/* Removes the folder and all in it. */
fcl_status fcl_folder_remove(const char *path);

/* The folder a command writes into. A folder that fiducl made holds the marker file FCL_FOLDER_MARKER with `kind`
 * ("run", "prepared", ...). Missing or empty: created and marked. Otherwise FCL_E_EXISTS, unless `force` and the
 * marker says that fiducl made it with the same kind: then it is emptied. */
#define FCL_FOLDER_MARKER ".fiducl"
fcl_status fcl_folder_claim(const char *path, const char *kind, int force);
/* After a failure: removes a claimed folder, so that nothing half-written stays; the message is still the failure's. */
void fcl_folder_discard(const char *path);
/* Whether that would be refused, without touching anything: so that what can fail is done before a folder is replaced. */
fcl_status fcl_folder_check_claim(const char *path, const char *kind, int force);
/* FCL_E_USAGE when `input` is the folder or lies in it, so that replacing the folder would destroy it. What does not exist
 * (or is NULL) lies nowhere. */
fcl_status fcl_folder_check_outside(const char *folder, const char *input);

#endif
