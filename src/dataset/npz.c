#include "dataset/npz.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <string.h>
#include <zip.h>

enum {
    /* A member that expands to more than this may be at most MAX_RATIO times its compressed size. Photographs reach 20
     * as float64; deflate's limit, which only a constant array or a zip bomb comes near, is 1032. */
    UNSUSPICIOUS_BYTES = 64 << 20,
    MAX_RATIO = 200,
    MAX_LISTED = 8,
    DOS_DATE_1980 = 1 << 5 | 1, /* the earliest date a zip archive can name: the first of January 1980 */
};

struct fcl_npz {
    zip_t *archive;
    char *path;
    zip_file_t *member;
    char *member_name; /* "path:member", for messages */
};

void fcl_npz_close(fcl_npz *npz) {
    if (!npz) return;
    if (npz->member) zip_fclose(npz->member);
    if (npz->archive) zip_discard(npz->archive);
    free(npz->member_name);
    free(npz->path);
    free(npz);
}

static fcl_status fail_zip(const char *what, const char *name, zip_error_t *error) {
    int code = zip_error_code_zip(error);
    fcl_status status = code == ZIP_ER_MEMORY                                                ? FCL_E_MEMORY
                        : code == ZIP_ER_OPEN || code == ZIP_ER_READ || code == ZIP_ER_NOENT ? FCL_E_IO
                                                                                             : FCL_E_INPUT;
    return fcl_fail(status, "cannot %s '%s': %s%s", what, name, zip_error_strerror(error),
                    status == FCL_E_INPUT ? "; the file is damaged or cut off" : "");
}

fcl_status fcl_npz_open(fcl_npz **out, const char *path) {
    fcl_status status;
    fcl_npz *npz = NULL;
    FCL_TRY(FCL_NEW(&npz, 1, "an archive"));
    if (!(npz->path = fcl_duplicate(path))) {
        status = FCL_E_MEMORY;
        goto done;
    }
    int code = 0;
    npz->archive = zip_open(path, ZIP_RDONLY, &code);
    if (!npz->archive) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        status = fail_zip("open the archive", path, &error);
        zip_error_fini(&error);
        goto done;
    }
    *out = npz;
    npz = NULL;
done:
    fcl_npz_close(npz);
    return status;
}

static fcl_status fail_no_key(const fcl_npz *npz, const char *key) {
    fcl_text names = FCL_TEXT_EMPTY;
    zip_int64_t n = zip_get_num_entries(npz->archive, 0);
    for (zip_int64_t i = 0; i < n && i < MAX_LISTED; i++) {
        const char *name = zip_get_name(npz->archive, (zip_uint64_t)i, 0);
        if (!name) name = "?";
        size_t length = strlen(name);
        if (fcl_ends_with(name, ".npy")) length -= strlen(".npy");
        fcl_text_appendf(&names, "%s'%.*s'", i ? ", " : "", (int)length, name);
    }
    if (n > MAX_LISTED) fcl_text_append(&names, ", ...");
    fcl_status status = fcl_text_status(&names);
    if (status == FCL_OK)
        status = fcl_fail(FCL_E_INPUT, "%s: there is no array '%s'; the archive has %s", npz->path, key,
                          n ? fcl_text_get(&names) : "no arrays");
    fcl_text_dispose(&names);
    return status;
}

static fcl_status read_member(size_t *got, const fcl_byte_source *source, void *out, size_t n) {
    fcl_npz *npz = source->user;
    size_t total = 0;
    while (total < n) {
        zip_int64_t part = zip_fread(npz->member, (char *)out + total, n - total);
        if (part < 0) return fail_zip("decompress", source->name, zip_file_get_error(npz->member));
        if (part == 0) break;
        total += (size_t)part;
    }
    *got = total;
    return FCL_OK;
}

/* The member's index; a name that occurs twice could mean either. */
static fcl_status find_member(zip_uint64_t *out, const fcl_npz *npz, const char *key) {
    zip_int64_t n = zip_get_num_entries(npz->archive, 0), found = -1;
    const size_t length = strlen(key);
    for (zip_int64_t i = 0; i < n; i++) {
        const char *name = zip_get_name(npz->archive, (zip_uint64_t)i, 0);
        if (!name || !fcl_starts_with(name, key) || strcmp(name + length, ".npy") != 0) continue;
        if (found >= 0) return fcl_fail(FCL_E_INPUT, "%s: the array '%s' occurs twice", npz->path, key);
        found = i;
    }
    if (found < 0) return fail_no_key(npz, key);
    *out = (zip_uint64_t)found;
    return FCL_OK;
}

fcl_status fcl_npz_member(fcl_byte_source *out, fcl_npz *npz, const char *key) {
    zip_uint64_t index = 0;
    zip_stat_t facts;
    const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_ENCRYPTION_METHOD;
    fcl_status status = find_member(&index, npz, key);
    if (status != FCL_OK) return status;
    if (zip_stat_index(npz->archive, index, 0, &facts) != 0 || (facts.valid & needed) != needed)
        return fail_zip("read the table of contents of", npz->path, zip_get_error(npz->archive));
    if (facts.encryption_method != ZIP_EM_NONE)
        return fcl_fail(FCL_E_INPUT, "%s: the array '%s' is encrypted; save it without a password", npz->path, key);
    if (facts.size > UNSUSPICIOUS_BYTES && facts.size / MAX_RATIO > facts.comp_size)
        return fcl_fail(FCL_E_INPUT,
                        "%s: the array '%s' claims to expand from %llu to %llu bytes, more than %d times, which no "
                        "photographs do; if it is meant, save it uncompressed",
                        npz->path, key, (unsigned long long)facts.comp_size, (unsigned long long)facts.size, MAX_RATIO);
    if (npz->member) zip_fclose(npz->member);
    free(npz->member_name);
    npz->member = NULL;
    if (!(npz->member_name = fcl_format("%s:%s.npy", npz->path, key))) return FCL_E_MEMORY;
    if (!(npz->member = zip_fopen_index(npz->archive, index, 0)))
        return fail_zip("read", npz->member_name, zip_get_error(npz->archive));
    *out = (fcl_byte_source){.read = read_member, .user = npz, .name = npz->member_name, .size = facts.size};
    return FCL_OK;
}

/* The archive with one member, into memory: bytes for free(). libzip takes over neither buffer. */
static fcl_status compress(char **out, size_t *n_bytes, const char *path, const char *member,
                           const zip_buffer_fragment_t fragments[2]) {
    fcl_status status = FCL_OK;
    zip_error_t error;
    zip_error_init(&error);
    zip_t *archive = NULL;
    char *bytes = NULL;
    int opened = 0;
    zip_stat_t facts;
    /* `target` has two owners: this function and the archive, which gives up its share when it is closed. */
    zip_source_t *target = zip_source_buffer_create(NULL, 0, 0, &error), *content = NULL;
    if (!target) goto failed;
    zip_source_keep(target);
    if (!(archive = zip_open_from_source(target, ZIP_TRUNCATE, &error))) {
        zip_source_free(target);
        goto failed;
    }
    content = zip_source_buffer_fragment_create(fragments, 2, 0, &error);
    if (!content) goto failed;
    zip_int64_t index = zip_file_add(archive, member, content, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        zip_source_free(content);
        zip_error_set(&error, zip_error_code_zip(zip_get_error(archive)), 0);
        goto failed;
    }
    if (zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_DEFLATE, 0) != 0 ||
        zip_file_set_dostime(archive, (zip_uint64_t)index, 0, DOS_DATE_1980, 0) != 0 || zip_close(archive) != 0) {
        zip_error_set(&error, zip_error_code_zip(zip_get_error(archive)), 0);
        goto failed;
    }
    archive = NULL;
    if (zip_source_open(target) != 0 || zip_source_stat(target, &facts) != 0) goto failed_target;
    opened = 1;
    FCL_TRY(FCL_NEW(&bytes, facts.size, path));
    if (zip_source_read(target, bytes, facts.size) != (zip_int64_t)facts.size) goto failed_target;
    *out = bytes;
    *n_bytes = (size_t)facts.size;
    bytes = NULL;
    goto done;
failed_target:
    zip_error_set(&error, zip_error_code_zip(zip_source_error(target)), 0);
failed:
    status = fail_zip("compress", path, &error);
done:
    if (opened) zip_source_close(target);
    if (archive) zip_discard(archive);
    zip_source_free(target);
    zip_error_fini(&error);
    free(bytes);
    return status;
}

fcl_status fcl_npz_write(const char *path, const char *key, fcl_dtype dtype, const size_t *shape, unsigned n_dims,
                         const void *data) {
    fcl_status status;
    char *header = NULL, *member = NULL, *bytes = NULL;
    size_t n_header = 0, n_bytes = 0, n = fcl_dtype_bytes(dtype);
    for (unsigned d = 0; d < n_dims; d++) n *= shape[d];
    FCL_TRY(fcl_npy_header_make(&header, &n_header, dtype, shape, n_dims));
    if (!(member = fcl_format("%s.npy", key))) {
        status = FCL_E_MEMORY;
        goto done;
    }
    /* libzip only reads the fragments; its type has no const. */
    zip_buffer_fragment_t fragments[2] = {{.data = (zip_uint8_t *)header, .length = n_header},
                                          {.data = (zip_uint8_t *)(uintptr_t)data, .length = n}};
    FCL_TRY(compress(&bytes, &n_bytes, path, member, fragments));
    FCL_TRY(fcl_file_write(path, bytes, n_bytes));
done:
    free(bytes);
    free(member);
    free(header);
    return status;
}
