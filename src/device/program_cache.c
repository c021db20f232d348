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
#include "device/cache.h"
#include "device/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "FCLPROG1"

enum {
    MAGIC_BYTES = 8,
    HASH_BYTES = FCL_HASH_TEXT_BYTES - 1,
    NUMBER_BYTES = 16,
    SIZES_OFFSET = MAGIC_BYTES + HASH_BYTES,
    HEADER_BYTES = SIZES_OFFSET + 2 * NUMBER_BYTES,
};

const fcl_cache_kind fcl_cached_programs = {"programs", ".bin"};

/* Behind the checksum: sizes, key, binary. */
static void checksum(char out[FCL_HASH_TEXT_BYTES], const char *file, size_t n_bytes) {
    fcl_hash_bytes(out, file + SIZES_OFFSET, n_bytes - SIZES_OFFSET);
}

/* Whether the file is whole; the key is at HEADER_BYTES, the binary behind it. */
static int is_valid(size_t *n_key, size_t *n_binary, const char *file, size_t n_bytes) {
    if (n_bytes <= HEADER_BYTES || memcmp(file, MAGIC, MAGIC_BYTES) != 0) return 0;
    char sum[FCL_HASH_TEXT_BYTES];
    checksum(sum, file, n_bytes);
    if (memcmp(file + MAGIC_BYTES, sum, HASH_BYTES) != 0) return 0;
    char numbers[2 * NUMBER_BYTES + 1] = {0};
    uint64_t key, rest;
    memcpy(numbers, file + SIZES_OFFSET, sizeof numbers - 1);
    if (sscanf(numbers, "%16" SCNx64 "%16" SCNx64, &key, &rest) != 2) return 0;
    size_t room = n_bytes - HEADER_BYTES;
    if (key >= room || rest != room - key) return 0;
    *n_key = (size_t)key;
    *n_binary = (size_t)rest;
    return 1;
}

int fcl_program_cache_is_usable(void) {
    char *path, *folder;
    if (fcl_cache_file_path(&path, &fcl_cached_programs, "", 1) != FCL_OK) return 0;
    const int yes = (folder = fcl_folder_of(path)) && fcl_path_is_writable(folder);
    free(folder);
    free(path);
    return yes;
}

int fcl_program_cache_has(const char *key) {
    char *path;
    if (fcl_cache_file_path(&path, &fcl_cached_programs, key, 0) != FCL_OK) return 0;
    const int yes = fcl_path_exists(path);
    free(path);
    return yes;
}

unsigned char *fcl_program_cache_load(size_t *n_bytes, const char *key) {
    unsigned char *binary = NULL;
    char *file = NULL, *path = NULL;
    size_t n_file, n_key, n_binary;
    if (fcl_cache_file_path(&path, &fcl_cached_programs, key, 0) != FCL_OK || !fcl_path_exists(path)) goto done;
    if (fcl_file_read(&file, &n_file, path) != FCL_OK || !is_valid(&n_key, &n_binary, file, n_file) ||
        n_key != strlen(key) || memcmp(file + HEADER_BYTES, key, n_key) != 0) {
        fcl_log(FCL_LOG_DEBUG, "the cached program '%s' is damaged; it is built again", path);
        goto done;
    }
    /* A copy, so that the driver gets memory with the alignment of malloc. */
    if (!(binary = fcl_calloc(n_binary, 1))) goto done;
    memcpy(binary, file + n_file - n_binary, n_binary);
    *n_bytes = n_binary;
    fcl_cache_touch(path);
done:
    free(file);
    free(path);
    return binary;
}

char *fcl_program_cache_key(const char *path) {
    char *file = NULL, *key = NULL;
    size_t n_file, n_key, n_binary;
    if (fcl_file_read(&file, &n_file, path) == FCL_OK && is_valid(&n_key, &n_binary, file, n_file))
        key = fcl_format("%.*s", (int)n_key, file + HEADER_BYTES);
    free(file);
    return key;
}

void fcl_program_cache_store(const char *key, const unsigned char *binary, size_t n_bytes) {
    char sum[FCL_HASH_TEXT_BYTES];
    fcl_text file = FCL_TEXT_EMPTY;
    char *path = NULL;
    if (fcl_cache_file_path(&path, &fcl_cached_programs, key, 1) != FCL_OK) {
        fcl_log(FCL_LOG_DEBUG, "compiled programs are not kept: %s", fcl_error_message());
        return;
    }
    fcl_text_appendf(&file, "%s%*s%016zx%016zx%s", MAGIC, HASH_BYTES, "", strlen(key), n_bytes, key);
    fcl_text_append_bytes(&file, binary, n_bytes);
    if (fcl_text_status(&file) == FCL_OK) {
        checksum(sum, file.data, file.length);
        memcpy(file.data + MAGIC_BYTES, sum, HASH_BYTES);
        if (fcl_file_write(path, file.data, file.length) != FCL_OK ||
            fcl_cache_trim(NULL, NULL, &fcl_cached_programs, FCL_CACHE_MAX_BYTES) != FCL_OK)
            fcl_log(FCL_LOG_DEBUG, "the cache of programs: %s", fcl_error_message());
    }
    fcl_text_dispose(&file);
    free(path);
}
