#define _XOPEN_SOURCE 700 /* realpath */
#include "base/file.h"

#include "base/memory.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

fcl_status fcl_file_read(char **out, size_t *n_bytes, const char *path) {
    fcl_status status = FCL_OK;
    char *data = NULL;
    size_t length = 0, capacity = 0;
    FILE *stream = fopen(path, "rb");
    if (!stream) return fcl_fail_errno("open", path);
    uint64_t expected;
    FCL_TRY(fcl_file_size(&expected, path));
    /* The size is a hint only: pipes have none and files may grow. */
    size_t chunk = expected ? (size_t)expected : 65536;
    for (;;) {
        void *grown = data;
        FCL_TRY(fcl_grow(&grown, &capacity, length + chunk + 1, 1, path));
        data = grown;
        size_t n = fread(data + length, 1, capacity - length - 1, stream);
        length += n;
        if (n == 0) break;
        chunk = 65536;
    }
    if (ferror(stream)) {
        status = fcl_fail_errno("read", path);
        goto done;
    }
    data[length] = '\0';
    *out = data;
    *n_bytes = length;
    data = NULL;
done:
    fclose(stream);
    free(data);
    return status;
}

int fcl_path_is_special(const char *path) {
    struct stat facts;
    if (stat(path, &facts) != 0 || S_ISDIR(facts.st_mode)) return 0;
    return !S_ISREG(facts.st_mode) || fcl_starts_with(path, "/dev/");
}

fcl_status fcl_file_writer_open(fcl_file_writer *out, const char *path) {
    const int special = fcl_path_is_special(path);
    fcl_file_writer writer = {.path = fcl_duplicate(path),
                              .temporary =
                                  special ? NULL : fcl_format("%s" FCL_FILE_TEMPORARY "%ld", path, (long)getpid())};
    fcl_status status = FCL_OK;
    if (!writer.path || (!special && !writer.temporary))
        status = FCL_E_MEMORY;
    else if (!(writer.stream = special ? fopen(path, "ab") : fopen(writer.temporary, "wb")))
        status = fcl_fail_errno("create", path);
    if (status != FCL_OK) {
        free(writer.path);
        free(writer.temporary);
        return status;
    }
    *out = writer;
    return FCL_OK;
}

char *fcl_folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return fcl_duplicate(".");
    return slash == path ? fcl_duplicate("/") : fcl_format("%.*s", (int)(slash - path), path);
}

/* Makes the rename itself durable. A file system that cannot sync a folder is not an error. */
static void sync_parent(const char *path) {
    char *parent = fcl_folder_of(path);
    if (!parent) return;
    int folder = open(parent, O_RDONLY);
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
    free(parent);
}

fcl_status fcl_file_writer_commit(fcl_file_writer *writer) {
    int failed = ferror(writer->stream);
    failed |= fflush(writer->stream) != 0;
    if (!failed && writer->temporary) failed = fsync(fileno(writer->stream)) != 0;
    int cause = errno;
    failed |= fclose(writer->stream) != 0;
    writer->stream = NULL;
    fcl_status status = FCL_OK;
    if (failed) {
        errno = cause ? cause : EIO;
        status = fcl_fail_errno("write", writer->path);
    } else if (writer->temporary && rename(writer->temporary, writer->path) != 0) {
        status = fcl_fail_errno("rename a temporary file to", writer->path);
    } else if (writer->temporary) {
        sync_parent(writer->path);
        free(writer->temporary);
        writer->temporary = NULL;
    }
    fcl_file_writer_abandon(writer);
    return status;
}

void fcl_file_writer_abandon(fcl_file_writer *writer) {
    if (writer->stream) fclose(writer->stream);
    if (writer->temporary) unlink(writer->temporary);
    free(writer->temporary);
    free(writer->path);
    *writer = (fcl_file_writer){0};
}

fcl_status fcl_file_write(const char *path, const void *bytes, size_t n_bytes) {
    fcl_file_writer writer;
    fcl_status status = fcl_file_writer_open(&writer, path);
    if (status != FCL_OK) return status;
    if (n_bytes) fwrite(bytes, 1, n_bytes, writer.stream);
    return fcl_file_writer_commit(&writer);
}

int fcl_is_path(const char *name) {
    return strchr(name, '/') || fcl_ends_with(name, ".cfg");
}

int fcl_path_exists(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0;
}

int fcl_path_is_folder(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

int fcl_path_is_writable(const char *path) {
    return access(path, fcl_path_is_folder(path) ? W_OK | X_OK : W_OK) == 0;
}

int fcl_path_is_readable(const char *path) {
    return access(path, R_OK) == 0;
}

char *fcl_path_join(const char *folder, const char *name) {
    return fcl_format("%s%s%s", folder, fcl_ends_with(folder, "/") || !*folder ? "" : "/", name);
}

fcl_status fcl_path_absolute(char **out, const char *path) {
    char *absolute = realpath(path, NULL);
    if (!absolute) return fcl_fail_errno("find", path);
    *out = absolute;
    return FCL_OK;
}

fcl_status fcl_file_size(uint64_t *out, const char *path) {
    struct stat facts;
    if (stat(path, &facts) != 0) return fcl_fail_errno("read", path);
    if (S_ISDIR(facts.st_mode)) return fcl_fail(FCL_E_IO, "'%s' is a folder, not a file", path);
    *out = (uint64_t)facts.st_size;
    return FCL_OK;
}

fcl_status fcl_file_remove(const char *path) {
    return unlink(path) == 0 || errno == ENOENT ? FCL_OK : fcl_fail_errno("remove", path);
}

fcl_status fcl_folder_create(const char *path) {
    char *partial = fcl_duplicate(path);
    if (!partial) return FCL_E_MEMORY;
    fcl_status status = FCL_OK;
    for (char *p = partial; status == FCL_OK; p++) {
        char c = *p;
        if ((c != '/' || p == partial) && c != '\0') continue;
        *p = '\0';
        if (mkdir(partial, 0777) != 0 && !(errno == EEXIST && fcl_path_is_folder(partial)))
            status = fcl_fail_errno("create the folder", partial);
        *p = c;
        if (c == '\0') break;
    }
    free(partial);
    return status;
}

fcl_status fcl_folder_temporary(char **out) {
    const char *parent = getenv("TMPDIR");
    char *path = fcl_format("%s/fiducl-XXXXXX", parent && *parent ? parent : "/tmp");
    if (!path) return FCL_E_MEMORY;
    if (!mkdtemp(path)) {
        fcl_status status = fcl_fail_errno("create a temporary folder like", path);
        free(path);
        return status;
    }
    *out = path;
    return FCL_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

fcl_status fcl_folder_list(char ***out, size_t *n, const char *path) {
    fcl_status status = FCL_OK;
    char **names = NULL;
    size_t count = 0, capacity = 0;
    DIR *folder = opendir(path);
    if (!folder) return fcl_fail_errno("open the folder", path);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        void *grown = names;
        FCL_TRY(fcl_grow(&grown, &capacity, count + 1, sizeof *names, "file names"));
        names = grown;
        if (!(names[count] = fcl_duplicate(entry->d_name))) {
            status = FCL_E_MEMORY;
            goto done;
        }
        count++;
    }
    if (count) qsort(names, count, sizeof *names, by_name);
    *out = names;
    *n = count;
    names = NULL;
    count = 0;
done:
    closedir(folder);
    fcl_names_free(names, count);
    return status;
}

void fcl_names_free(char **names, size_t n) {
    for (size_t i = 0; i < n; i++) free(names[i]);
    free(names);
}

fcl_status fcl_folder_is_empty(int *out, const char *path) {
    char **names;
    size_t n;
    fcl_status status = fcl_folder_list(&names, &n, path);
    if (status != FCL_OK) return status;
    fcl_names_free(names, n);
    *out = n == 0;
    return FCL_OK;
}

fcl_status fcl_folder_size(uint64_t *out, const char *path) {
    char **names = NULL, *child = NULL;
    size_t n = 0;
    uint64_t total = 0;
    fcl_status status;
    FCL_TRY(fcl_folder_list(&names, &n, path));
    for (size_t i = 0; i < n; i++) {
        struct stat facts;
        uint64_t below;
        free(child);
        if (!(child = fcl_path_join(path, names[i]))) {
            status = FCL_E_MEMORY;
            goto done;
        }
        if (lstat(child, &facts) != 0) continue; /* removed meanwhile */
        if (S_ISREG(facts.st_mode)) total += (uint64_t)facts.st_size;
        if (!S_ISDIR(facts.st_mode)) continue;
        FCL_TRY(fcl_folder_size(&below, child));
        total += below;
    }
    *out = total;
done:
    free(child);
    fcl_names_free(names, n);
    return status;
}

/* Removes what is in the folder, keeps the folder. */
static fcl_status empty_folder(const char *path, const char *kept) {
    char **names = NULL;
    size_t n = 0;
    char *child = NULL;
    fcl_status status;
    FCL_TRY(fcl_folder_list(&names, &n, path));
    for (size_t i = 0; i < n; i++) {
        if (kept && strcmp(names[i], kept) == 0) continue;
        free(child);
        if (!(child = fcl_path_join(path, names[i]))) {
            status = FCL_E_MEMORY;
            goto done;
        }
        struct stat facts;
        if (lstat(child, &facts) == 0 && S_ISDIR(facts.st_mode))
            FCL_TRY(fcl_folder_remove(child));
        else
            FCL_TRY(fcl_file_remove(child));
    }
done:
    free(child);
    fcl_names_free(names, n);
    return status;
}

fcl_status fcl_folder_remove(const char *path) {
    fcl_status status = empty_folder(path, NULL);
    if (status == FCL_OK && rmdir(path) != 0) status = fcl_fail_errno("remove the folder", path);
    return status;
}

/* Whether the folder's marker says that fiducl made it as `kind`. */
static int has_marker(const char *path, const char *kind) {
    char *marker = fcl_path_join(path, FCL_FOLDER_MARKER), *text = NULL;
    size_t n;
    int same = 0;
    if (marker && fcl_path_exists(marker) && fcl_file_read(&text, &n, marker) == FCL_OK)
        same = strcspn(text, "\r\n") == strlen(kind) && fcl_starts_with(text, kind);
    free(text);
    free(marker);
    return same;
}

fcl_status fcl_folder_check_claim(const char *path, const char *kind, int force) {
    int empty = 1;
    if (!fcl_path_exists(path)) return FCL_OK;
    fcl_status status = fcl_folder_is_empty(&empty, path);
    if (status != FCL_OK || empty) return status;
    int ours = has_marker(path, kind);
    if (force && ours) return FCL_OK;
    return fcl_fail(FCL_E_EXISTS, "the folder '%s' is not empty: %s", path,
                    ours ? "choose another one, or give --force to replace it"
                         : "choose another one (--force replaces only a folder that fiducl made)");
}

fcl_status fcl_folder_check_outside(const char *folder, const char *input) {
    fcl_status status = FCL_OK;
    char *outer = NULL, *inner = NULL;
    if (!input || !fcl_path_exists(folder) || !fcl_path_exists(input)) return FCL_OK;
    FCL_TRY(fcl_path_absolute(&outer, folder));
    FCL_TRY(fcl_path_absolute(&inner, input));
    size_t n = strlen(outer);
    if (fcl_starts_with(inner, outer) && (inner[n] == '/' || inner[n] == '\0' || strcmp(outer, "/") == 0))
        status = fcl_fail(FCL_E_USAGE,
                          "'%s' is read and lies in '%s', which is to be replaced: choose another folder for "
                          "the output",
                          input, folder);
done:
    free(outer);
    free(inner);
    return status;
}

fcl_status fcl_folder_claim(const char *path, const char *kind, int force) {
    fcl_status status;
    char *marker = NULL, *text = NULL;
    FCL_TRY(fcl_folder_check_claim(path, kind, force));
    FCL_TRY(fcl_folder_create(path));
    marker = fcl_path_join(path, FCL_FOLDER_MARKER);
    text = fcl_format("%s\n", kind);
    if (!marker || !text) {
        status = FCL_E_MEMORY;
        goto done;
    }
    FCL_TRY(fcl_file_write(marker, text, strlen(text)));
    /* The marker is there all the time, so that what a kill leaves behind can be replaced too. */
    FCL_TRY(empty_folder(path, FCL_FOLDER_MARKER));
done:
    free(marker);
    free(text);
    return status;
}

void fcl_folder_discard(const char *path) {
    char *first = fcl_error_keep();
    fcl_folder_remove(path);
    fcl_error_restore(first);
}
