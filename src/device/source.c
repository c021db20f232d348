/*
 * Kernel sources: embedded, or from $FIDUCL_KERNEL_DIR, with their includes put in.
 *
 * `#include "x.h"` is replaced by the header the first time it is seen and by nothing later, whatever #if
 * stands around it; so headers need no guards, and stand outside of conditions. #line directives keep file
 * and line of build errors.
 */
#include "base/embedded.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/internal.h"

#include <string.h>

/* Headers that include headers: deeper means that they go in circles, which "each once" prevents, or a
 * mistake. */
enum { MAX_HEADERS = 32 };

extern const fcl_embedded fcl_kernel_sources[];

typedef struct expansion {
    fcl_text text;
    char *seen[MAX_HEADERS];
    unsigned n_seen;
} expansion;

/* The text of one file as it is, for free(). */
static fcl_status read_source(char **out, const char *file) {
    const char *folder = getenv("FIDUCL_KERNEL_DIR");
    if (folder && *folder) {
        char *path = fcl_path_join(folder, file);
        if (!path) return FCL_E_MEMORY;
        size_t n;
        fcl_status status = fcl_path_exists(path) ? fcl_file_read(out, &n, path)
                                                  : fcl_fail(FCL_E_IO, "$FIDUCL_KERNEL_DIR has no '%s'", path);
        free(path);
        return status;
    }
    const fcl_embedded *embedded = fcl_embedded_find(fcl_kernel_sources, file);
    if (!embedded) return fcl_fail(FCL_E_INTERNAL, "the library has no kernel file '%s'", file);
    *out = fcl_duplicate(embedded->text);
    return *out ? FCL_OK : FCL_E_MEMORY;
}

/* If the line is an #include with quotes: the name's start and length. */
static const char *included_name(size_t *n, const char *line) {
    line += strspn(line, " \t");
    if (*line++ != '#') return NULL;
    line += strspn(line, " \t");
    if (!fcl_starts_with(line, "include")) return NULL;
    line += strlen("include");
    line += strspn(line, " \t");
    if (*line++ != '"') return NULL;
    *n = strcspn(line, "\"\n");
    return line[*n] == '"' ? line : NULL;
}

static fcl_status expand(expansion *state, const char *file);

static fcl_status include_header(expansion *state, const char *name, size_t n, const char *file, unsigned line) {
    char *header = fcl_format("%.*s", (int)n, name);
    if (!header) return FCL_E_MEMORY;
    for (unsigned i = 0; i < state->n_seen; i++)
        if (strcmp(state->seen[i], header) == 0) {
            free(header);
            fcl_text_append(&state->text, "\n");
            return FCL_OK;
        }
    if (state->n_seen == MAX_HEADERS) {
        free(header);
        return fcl_fail(FCL_E_BUILD, "%s:%u: more than %d headers are included", file, line, MAX_HEADERS);
    }
    state->seen[state->n_seen++] = header;
    fcl_status status = expand(state, header);
    if (status == FCL_OK)
        fcl_text_appendf(&state->text, "#line %u \"%s\"\n", line + 1, file);
    else if (status != FCL_E_MEMORY)
        status = fcl_fail(status, "%s:%u: cannot include \"%s\": %s", file, line, header, fcl_error_message());
    return status;
}

static fcl_status expand(expansion *state, const char *file) {
    char *source = NULL;
    fcl_status status;
    FCL_TRY(read_source(&source, file));
    fcl_text_appendf(&state->text, "#line 1 \"%s\"\n", file);
    unsigned number = 1;
    for (const char *line = source; *line; number++) {
        size_t length = strcspn(line, "\n"), n;
        const char *name = included_name(&n, line);
        if (name) {
            FCL_TRY(include_header(state, name, n, file, number));
        } else {
            fcl_text_append_bytes(&state->text, line, length);
            fcl_text_append(&state->text, "\n");
        }
        line += length + (line[length] == '\n');
    }
done:
    free(source);
    return status;
}

fcl_status fcl_source_load(char **out, const char *file) {
    expansion state = {.text = FCL_TEXT_EMPTY};
    fcl_status status;
    FCL_TRY(expand(&state, file));
    FCL_TRY(fcl_text_status(&state.text));
    *out = state.text.data;
    state.text = FCL_TEXT_EMPTY;
done:
    fcl_text_dispose(&state.text);
    for (unsigned i = 0; i < state.n_seen; i++) free(state.seen[i]);
    return status;
}

fcl_status fcl_kernel_source_hash(char out[33], const char *file) {
    char *source = NULL;
    fcl_status status = fcl_source_load(&source, file);
    if (status != FCL_OK) return status;
    fcl_hash_bytes(out, source, strlen(source));
    free(source);
    return FCL_OK;
}

fcl_status fcl_kernel_sources_hash(char out[33]) {
    fcl_hash *hash = NULL;
    fcl_status status;
    FCL_TRY(fcl_hash_create(&hash));
    for (const fcl_embedded *file = fcl_kernel_sources; file->name; file++) {
        char one[FCL_HASH_TEXT_BYTES];
        if (!fcl_ends_with(file->name, ".cl")) continue;
        FCL_TRY(fcl_kernel_source_hash(one, file->name));
        fcl_hash_add_string(hash, file->name);
        fcl_hash_add_string(hash, one);
    }
    fcl_hash_finish(hash, out);
done:
    fcl_hash_free(hash);
    return status;
}

fcl_status fcl_device_kernels_hash(char out[FCL_HASH_TEXT_BYTES]) {
    fcl_hash *hash;
    fcl_status status = fcl_hash_create(&hash);
    if (status != FCL_OK) return status;
    for (const fcl_embedded *file = fcl_kernel_sources; file->name; file++) {
        fcl_hash_add_string(hash, file->name);
        fcl_hash_add(hash, file->text, file->n_bytes);
    }
    fcl_hash_finish(hash, out);
    fcl_hash_free(hash);
    return FCL_OK;
}
