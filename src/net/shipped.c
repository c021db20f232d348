/* Models by name, embedded into the library, and by path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/file.h"
#include "base/text.h"
#include "base/thread.h"
#include "net/model.h"

extern const fcl_embedded fcl_model_files[];

enum { MAX_SHIPPED = 32 };
static char names[MAX_SHIPPED][64];
static const char *name_list[MAX_SHIPPED + 1];

static void list_names(void) {
    for (unsigned i = 0; i < MAX_SHIPPED && fcl_model_files[i].name; i++) {
        snprintf(names[i], sizeof names[i], "%.*s", (int)(strlen(fcl_model_files[i].name) - strlen(".cfg")),
                 fcl_model_files[i].name);
        name_list[i] = names[i];
    }
}

const char *const *fcl_model_names(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, list_names);
    return name_list;
}

static fcl_status load_file(fcl_model **out, const char *path) {
    char *text;
    size_t n_bytes;
    fcl_status status = fcl_file_read(&text, &n_bytes, path);
    if (status != FCL_OK) return status;
    if (strlen(text) != n_bytes)
        status = fcl_fail(FCL_E_INPUT, "%s: a NUL byte at byte %zu: not a text file", path, strlen(text));
    else
        status = fcl_model_parse(out, path, text);
    free(text);
    return status;
}

static fcl_status fail_unknown(const char *name) {
    fcl_text known = FCL_TEXT_EMPTY;
    for (const char *const *shipped = fcl_model_names(); *shipped; shipped++)
        fcl_text_appendf(&known, "%s%s", known.length ? ", " : "", *shipped);
    fcl_status status = fcl_fail(FCL_E_USAGE, "no model '%s'; there are %s, or give the path of a .cfg file", name,
                                 fcl_text_get(&known));
    fcl_text_dispose(&known);
    return status;
}

fcl_status fcl_model_load(fcl_model **out, const char *name_or_path) {
    if (fcl_is_path(name_or_path)) return load_file(out, name_or_path);
    char *file = fcl_format("%s.cfg", name_or_path);
    if (!file) return FCL_E_MEMORY;
    const fcl_embedded *shipped = fcl_embedded_find(fcl_model_files, file);
    fcl_status status = shipped ? fcl_model_parse(out, file, shipped->text) : fail_unknown(name_or_path);
    free(file);
    return status;
}
