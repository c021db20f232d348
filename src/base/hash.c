#include "base/hash.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

struct fcl_hash {
    XXH3_state_t *state;
};

fcl_status fcl_hash_create(fcl_hash **out) {
    fcl_hash *hash = fcl_calloc(1, sizeof *hash);
    if (hash) hash->state = XXH3_createState();
    if (!hash || !hash->state) {
        free(hash);
        return fcl_fail_memory("a checksum", sizeof *hash);
    }
    XXH3_128bits_reset(hash->state);
    *out = hash;
    return FCL_OK;
}

void fcl_hash_free(fcl_hash *hash) {
    if (!hash) return;
    XXH3_freeState(hash->state);
    free(hash);
}

void fcl_hash_add(fcl_hash *hash, const void *bytes, size_t n_bytes) {
    if (n_bytes) XXH3_128bits_update(hash->state, bytes, n_bytes);
}

void fcl_hash_add_string(fcl_hash *hash, const char *string) {
    fcl_hash_add(hash, string, strlen(string) + 1);
}

static void print_hash(char out[FCL_HASH_TEXT_BYTES], XXH128_hash_t value) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, value);
    for (size_t i = 0; i < sizeof canonical.digest; i++) snprintf(out + 2 * i, 3, "%02x", canonical.digest[i]);
}

void fcl_hash_finish(const fcl_hash *hash, char out[FCL_HASH_TEXT_BYTES]) {
    print_hash(out, XXH3_128bits_digest(hash->state));
}

void fcl_hash_bytes(char out[FCL_HASH_TEXT_BYTES], const void *bytes, size_t n_bytes) {
    print_hash(out, XXH3_128bits(bytes, n_bytes));
}

fcl_status fcl_hash_file(char out[FCL_HASH_TEXT_BYTES], const char *path) {
    fcl_hash *hash = NULL;
    fcl_status status = FCL_OK;
    FILE *stream = fopen(path, "rb");
    if (!stream) return fcl_fail_errno("open", path);
    FCL_TRY(fcl_hash_create(&hash));
    char chunk[65536];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, stream)) > 0;) fcl_hash_add(hash, chunk, n);
    if (ferror(stream))
        status = fcl_fail_errno("read", path);
    else
        fcl_hash_finish(hash, out);
done:
    fcl_hash_free(hash);
    fclose(stream);
    return status;
}
