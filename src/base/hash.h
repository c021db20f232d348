/* XXH3, 128 bits: checksums of files and cache keys. Not for secrets. */
#ifndef FCL_BASE_HASH_H
#define FCL_BASE_HASH_H

#include "base/error.h"

enum { FCL_HASH_TEXT_BYTES = 33 }; /* 32 hexadecimal digits and a NUL byte */

typedef struct fcl_hash fcl_hash;
fcl_status fcl_hash_create(fcl_hash **out);
void fcl_hash_free(fcl_hash *hash);
void fcl_hash_add(fcl_hash *hash, const void *bytes, size_t n_bytes);
/* The string and its terminating NUL, so that neighbours cannot run together. */
void fcl_hash_add_string(fcl_hash *hash, const char *string);
void fcl_hash_finish(const fcl_hash *hash, char out[FCL_HASH_TEXT_BYTES]);

void fcl_hash_bytes(char out[FCL_HASH_TEXT_BYTES], const void *bytes, size_t n_bytes);
fcl_status fcl_hash_file(char out[FCL_HASH_TEXT_BYTES], const char *path);

#endif
