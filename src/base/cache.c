#include "base/cache.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

fcl_status fcl_cache_path(char **out) {
    const char *own = getenv("FIDUCL_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path;
    if (own && *own)
        path = fcl_duplicate(own);
    else if (xdg && *xdg)
        path = fcl_path_join(xdg, "fiducl");
    else if (home && *home)
        path = fcl_path_join(home, ".cache/fiducl");
    else
        return fcl_fail(FCL_E_IO, "no cache folder: set FIDUCL_CACHE_DIR, XDG_CACHE_HOME or HOME");
    if (!path) return FCL_E_MEMORY;
    *out = path;
    return FCL_OK;
}

fcl_status fcl_cache_folder(char **out) {
    char *path = NULL;
    fcl_status status;
    FCL_TRY(fcl_cache_path(&path));
    FCL_TRY(fcl_folder_create(path));
    *out = path;
    path = NULL;
done:
    free(path);
    return status;
}

/* The folder of a kind, for free(). */
static fcl_status kind_folder(char **out, const fcl_cache_kind *kind) {
    char *cache;
    fcl_status status = fcl_cache_path(&cache);
    if (status != FCL_OK) return status;
    *out = fcl_path_join(cache, kind->folder);
    free(cache);
    return *out ? FCL_OK : FCL_E_MEMORY;
}

fcl_status fcl_cache_file_path(char **out, const fcl_cache_kind *kind, const char *key, int create) {
    char hash[FCL_HASH_TEXT_BYTES], *folder = NULL;
    fcl_status status;
    FCL_TRY(kind_folder(&folder, kind));
    if (create) FCL_TRY(fcl_folder_create(folder));
    fcl_hash_bytes(hash, key, strlen(key));
    *out = fcl_format("%s/%s%s", folder, hash, kind->ending);
    if (!*out) status = FCL_E_MEMORY;
done:
    free(folder);
    return status;
}

void fcl_cache_touch(const char *path) {
    (void)utimensat(AT_FDCWD, path, NULL, 0);
}

/* HASH and the ending, or that and what a writer appends while it is at it. */
static int is_own_name(int *is_unfinished, const char *name, const char *ending) {
    size_t n = strspn(name, "0123456789abcdef");
    if (n != FCL_HASH_TEXT_BYTES - 1 || !fcl_starts_with(name + n, ending)) return 0;
    const char *rest = name + n + strlen(ending), *number = rest + strlen(FCL_FILE_TEMPORARY);
    *is_unfinished = *rest != '\0';
    return !*is_unfinished ||
           (fcl_starts_with(rest, FCL_FILE_TEMPORARY) && *number && number[strspn(number, "0123456789")] == '\0');
}

static int by_use(const void *a, const void *b) {
    const fcl_cache_file *x = a, *y = b;
    return x->used != y->used ? (x->used > y->used) - (x->used < y->used) : strcmp(x->path, y->path);
}

fcl_status fcl_cache_list(fcl_cache_file **out, size_t *n, const fcl_cache_kind *kind) {
    fcl_status status;
    char *folder = NULL, **names = NULL;
    fcl_cache_file *files = NULL;
    size_t n_names = 0, n_files = 0;
    struct stat facts;
    FCL_TRY(kind_folder(&folder, kind));
    const int exists = lstat(folder, &facts) == 0;
    if (exists && S_ISLNK(facts.st_mode)) {
        status = fcl_fail(FCL_E_IO,
                          "'%s' is a symbolic link, which fiducl did not make and does not follow: remove the "
                          "link, or set FIDUCL_CACHE_DIR to where it leads",
                          folder);
        goto done;
    }
    if (exists) FCL_TRY(fcl_folder_list(&names, &n_names, folder));
    FCL_TRY(FCL_NEW(&files, n_names, "the list of cached files"));
    for (size_t i = 0; i < n_names; i++) {
        fcl_cache_file file = {0};
        if (!is_own_name(&file.is_unfinished, names[i], kind->ending)) continue;
        if (!(file.path = fcl_path_join(folder, names[i]))) {
            status = FCL_E_MEMORY;
            goto done;
        }
        /* Another process may have removed it meanwhile. */
        if (lstat(file.path, &facts) != 0 || !S_ISREG(facts.st_mode)) {
            free(file.path);
            continue;
        }
        file.n_bytes = (uint64_t)facts.st_size;
        file.used = (double)facts.st_mtim.tv_sec + 1e-9 * (double)facts.st_mtim.tv_nsec;
        files[n_files++] = file;
    }
    if (n_files) qsort(files, n_files, sizeof *files, by_use);
    *out = files;
    *n = n_files;
    files = NULL;
done:
    fcl_cache_files_free(files, n_files);
    fcl_names_free(names, n_names);
    free(folder);
    return status;
}

void fcl_cache_files_free(fcl_cache_file *files, size_t n) {
    for (size_t i = 0; files && i < n; i++) free(files[i].path);
    free(files);
}

fcl_status fcl_cache_trim(size_t *n_files, uint64_t *n_bytes, const fcl_cache_kind *kind, uint64_t max_bytes) {
    fcl_status status;
    fcl_cache_file *files = NULL;
    size_t n = 0;
    char *folder = NULL;
    uint64_t total = 0;
    FCL_TRY(fcl_cache_list(&files, &n, kind));
    for (size_t i = 0; i < n; i++) total += files[i].n_bytes;
    for (size_t i = 0; i < n && (total > max_bytes || max_bytes == 0); i++) {
        FCL_TRY(fcl_file_remove(files[i].path));
        total -= files[i].n_bytes;
        if (n_files) ++*n_files;
        if (n_bytes) *n_bytes += files[i].n_bytes;
    }
    if (max_bytes == 0) {
        FCL_TRY(kind_folder(&folder, kind));
        if (rmdir(folder) != 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
            status = fcl_fail_errno("remove the folder", folder);
    }
done:
    free(folder);
    fcl_cache_files_free(files, n);
    return status;
}
