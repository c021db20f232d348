/*
 * The disk cache of program binaries: one file an entry, in programs/ of the cache folder.
 *
 *   offset  bytes
 *   0       8     magic "FCLPROG1"
 *   8       32    XXH3-128 of everything behind it, hexadecimal
 *   40      16    bytes of the key, hexadecimal
 *   56      16    bytes of the binary, hexadecimal
 *   72      ...   the key, then the binary, then nothing
 *
 * The file's name is the hash of the key; the key itself is in the file, so that a collision or a file that
 * was copied is not taken for another. A file with any doubt is as good as none: drivers may crash on a
 * damaged binary.
 */
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAGIC  "FCLPROG1"
#define FOLDER "programs"

enum {
    MAGIC_BYTES = 8,
    HASH_BYTES = FCL_HASH_TEXT_BYTES - 1,
    NUMBER_BYTES = 16,
    SIZES_OFFSET = MAGIC_BYTES + HASH_BYTES,
    HEADER_BYTES = SIZES_OFFSET + 2 * NUMBER_BYTES,
};

/* The entry's path for free(), or NULL with a message set; creates the folder when `create`. */
static char *entry_path(const char *key, int create) {
    char hash[FCL_HASH_TEXT_BYTES];
    fcl_hash_bytes(hash, key, strlen(key));
    char *cache = NULL, *folder = NULL, *path = NULL;
    if (fcl_cache_folder(&cache) == FCL_OK && (folder = fcl_path_join(cache, FOLDER)) &&
        (!create || fcl_folder_create(folder) == FCL_OK))
        path = fcl_format("%s/%s.bin", folder, hash);
    free(folder);
    free(cache);
    return path;
}

/* Behind the checksum: sizes, key, binary. */
static void checksum(char out[FCL_HASH_TEXT_BYTES], const char *file, size_t n_bytes) {
    fcl_hash_bytes(out, file + SIZES_OFFSET, n_bytes - SIZES_OFFSET);
}

/* Whether the file holds a binary for this key; the binary is the file's last *n_binary bytes. */
static int is_valid(size_t *n_binary, const char *file, size_t n_bytes, const char *key) {
    if (n_bytes <= HEADER_BYTES || memcmp(file, MAGIC, MAGIC_BYTES) != 0) return 0;
    char sum[FCL_HASH_TEXT_BYTES];
    checksum(sum, file, n_bytes);
    if (memcmp(file + MAGIC_BYTES, sum, HASH_BYTES) != 0) return 0;
    char numbers[2 * NUMBER_BYTES + 1] = {0};
    uint64_t n_key, n_rest;
    memcpy(numbers, file + SIZES_OFFSET, sizeof numbers - 1);
    if (sscanf(numbers, "%16" SCNx64 "%16" SCNx64, &n_key, &n_rest) != 2) return 0;
    size_t room = n_bytes - HEADER_BYTES;
    if (n_key != strlen(key) || n_key >= room || n_rest != room - n_key) return 0;
    if (memcmp(file + HEADER_BYTES, key, n_key) != 0) return 0;
    *n_binary = (size_t)n_rest;
    return 1;
}

unsigned char *fcl_program_cache_load(size_t *n_bytes, const char *key) {
    unsigned char *binary = NULL;
    char *file = NULL;
    size_t n_file, n_binary;
    char *path = entry_path(key, 0);
    if (!path || !fcl_path_exists(path)) goto done;
    if (fcl_file_read(&file, &n_file, path) != FCL_OK || !is_valid(&n_binary, file, n_file, key)) {
        fcl_log(FCL_LOG_DEBUG, "the cached program '%s' is damaged; it is built again", path);
        goto done;
    }
    /* A copy, so that the driver gets memory with the alignment of malloc. */
    if (!(binary = fcl_calloc(n_binary, 1))) goto done;
    memcpy(binary, file + n_file - n_binary, n_binary);
    *n_bytes = n_binary;
done:
    free(file);
    free(path);
    return binary;
}

void fcl_program_cache_store(const char *key, const unsigned char *binary, size_t n_bytes) {
    char sum[FCL_HASH_TEXT_BYTES];
    fcl_text file = FCL_TEXT_EMPTY;
    char *path = entry_path(key, 1);
    if (!path) {
        fcl_log(FCL_LOG_DEBUG, "compiled programs are not kept: %s", fcl_error_message());
        return;
    }
    fcl_text_appendf(&file, "%s%*s%016zx%016zx%s", MAGIC, HASH_BYTES, "", strlen(key), n_bytes, key);
    fcl_text_append_bytes(&file, binary, n_bytes);
    if (fcl_text_status(&file) == FCL_OK) {
        checksum(sum, file.data, file.length);
        memcpy(file.data + MAGIC_BYTES, sum, HASH_BYTES);
        if (fcl_file_write(path, file.data, file.length) != FCL_OK)
            fcl_log(FCL_LOG_DEBUG, "a compiled program is not kept: %s", fcl_error_message());
    }
    fcl_text_dispose(&file);
    free(path);
}
