/* numpy's .npz files: zip archives with one .npy a key. */
#ifndef FCL_DATASET_NPZ_H
#define FCL_DATASET_NPZ_H

#include "dataset/npy.h"

typedef struct fcl_npz fcl_npz;

fcl_status fcl_npz_open(fcl_npz **out, const char *path);
void fcl_npz_close(fcl_npz *npz);
/* The array `key`, as bytes that are decompressed while they are read; `npz` must outlive it and lends one at a time.
 * FCL_E_INPUT when there is no such key (the message lists those there are), when it is encrypted, or when it claims to
 * expand more than any image does. A wrong checksum shows in the read that meets it, at the end at the latest. */
fcl_status fcl_npz_member(fcl_byte_source *out, fcl_npz *npz, const char *key);

/* Writes an archive with one compressed array; the same array gives the same bytes. Whole or not at all. */
fcl_status fcl_npz_write(const char *path, const char *key, fcl_dtype dtype, const size_t *shape, unsigned n_dims,
                         const void *data);

#endif
