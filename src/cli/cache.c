#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/auto.h"
#include "cli/options.h"
#include "device/cache.h"
#include "ops/solver_cache.h"

/* What is kept for one device; without an identity: files that are damaged, unfinished or of another version. */
typedef struct kept {
    char *device;
    size_t n_files, n_programs, n_passed, n_failed, n_measured, n_tuned;
    uint64_t n_bytes;
} kept;

typedef struct contents {
    char *folder;
    kept *rows; /* (n_rows), the first is the one without a device */
    size_t n_rows, capacity;
    size_t n_files, n_choices;
    uint64_t n_bytes;
    char *pocl; /* the folder that PoCL was given for its own cache, or NULL */
    uint64_t n_pocl_bytes;
} contents;

static void dispose(contents *c) {
    for (size_t i = 0; i < c->n_rows; i++) free(c->rows[i].device);
    free(c->rows);
    free(c->folder);
    free(c->pocl);
}

/* The row of a device; takes `device` over. */
static fcl_status find_row(kept **out, contents *c, char *device) {
    fcl_status status;
    for (size_t i = 0; i < c->n_rows; i++)
        if (i == 0 ? !device : device && strcmp(c->rows[i].device, device) == 0) {
            free(device);
            *out = &c->rows[i];
            return FCL_OK;
        }
    FCL_TRY(fcl_grow((void **)&c->rows, &c->capacity, c->n_rows + 1, sizeof *c->rows, "the cached devices"));
    c->rows[c->n_rows] = (kept){.device = device};
    device = NULL;
    *out = &c->rows[c->n_rows++];
done:
    free(device);
    return status;
}

static fcl_status add_files(contents *c, const fcl_cache_kind *kind) {
    const int are_programs = kind == &fcl_cached_programs;
    fcl_status status;
    fcl_cache_file *files = NULL;
    size_t n = 0;
    FCL_TRY(fcl_cache_list(&files, &n, kind));
    for (size_t i = 0; i < n; i++) {
        kept *row;
        fcl_cached_solvers_facts facts = {0};
        if (!files[i].is_unfinished && are_programs)
            facts.device = fcl_cached_program_device(files[i].path);
        else if (!files[i].is_unfinished)
            fcl_cached_solvers_read(&facts, files[i].path);
        FCL_TRY(find_row(&row, c, facts.device));
        row->n_files++;
        row->n_bytes += files[i].n_bytes;
        row->n_programs += are_programs;
        row->n_passed += facts.n_passed;
        row->n_failed += facts.n_failed;
        row->n_measured += facts.n_measured;
        row->n_tuned += facts.n_tuned;
        c->n_files++;
        c->n_bytes += files[i].n_bytes;
    }
done:
    fcl_cache_files_free(files, n);
    return status;
}

static fcl_status add_choices(contents *c) {
    fcl_status status;
    fcl_cache_file *files = NULL;
    size_t n = 0;
    FCL_TRY(fcl_cache_list(&files, &n, &fcl_cached_choices));
    for (size_t i = 0; i < n; i++) {
        c->n_files++;
        c->n_bytes += files[i].n_bytes;
        if (!files[i].is_unfinished && fcl_cached_choice_is_whole(files[i].path)) {
            c->n_choices++;
        } else {
            c->rows[0].n_files++;
            c->rows[0].n_bytes += files[i].n_bytes;
        }
    }
done:
    fcl_cache_files_free(files, n);
    return status;
}

static fcl_status add_pocl(contents *c) {
    char *folder = fcl_path_join(c->folder, FCL_CACHE_POCL);
    fcl_status status = folder ? FCL_OK : FCL_E_MEMORY;
    if (folder && fcl_path_is_folder(folder) && (status = fcl_folder_size(&c->n_pocl_bytes, folder)) == FCL_OK) {
        c->pocl = folder;
        folder = NULL;
    }
    free(folder);
    return status;
}

static fcl_status take(contents *out) {
    fcl_status status;
    kept *none;
    FCL_TRY(fcl_cache_path(&out->folder));
    FCL_TRY(find_row(&none, out, NULL));
    FCL_TRY(add_files(out, &fcl_cached_programs));
    FCL_TRY(add_files(out, &fcl_cached_solvers));
    FCL_TRY(add_choices(out));
    FCL_TRY(add_pocl(out));
done:
    return status;
}

static void print_table(const contents *c) {
    printf("%s: %zu files, %.1f MiB\n", c->folder, c->n_files, fcl_mebibytes(c->n_bytes));
    if (c->n_rows > 1) printf("\nprograms  solvers: right  wrong  measured  tuned     MiB  device\n");
    for (size_t i = 1; i < c->n_rows; i++) {
        const kept *row = &c->rows[i];
        printf("%8zu %15zu %6zu %9zu %6zu %7.1f  %s\n", row->n_programs, row->n_passed, row->n_failed, row->n_measured,
               row->n_tuned, fcl_mebibytes(row->n_bytes), row->device);
    }
    if (c->n_choices)
        printf("\n%zu choice%s of --device auto %s kept.\n", c->n_choices, c->n_choices == 1 ? "" : "s",
               c->n_choices == 1 ? "is" : "are");
    if (c->rows[0].n_files)
        printf("\n%zu more files, %.1f MiB, are damaged, unfinished or of another version.\n", c->rows[0].n_files,
               fcl_mebibytes(c->rows[0].n_bytes));
    if (c->n_files)
        printf("\nWhen programs take more than %.0f MiB, the least recently used ones are removed.\n",
               fcl_mebibytes(FCL_CACHE_MAX_BYTES));
    if (c->pocl)
        printf("PoCL keeps what it compiles in %s, %.1f MiB; --clear leaves that alone.\n", c->pocl,
               fcl_mebibytes(c->n_pocl_bytes));
}

static fcl_status print_json(json_t *object) {
    char *text = json_dumps(object, JSON_INDENT(2));
    json_decref(object);
    if (!text) return fcl_fail_memory("JSON", 0);
    printf("%s\n", text);
    free(text);
    return FCL_OK;
}

static json_t *whole(uint64_t number) {
    return json_integer((json_int_t)number);
}

static json_t *contents_json(const contents *c) {
    json_t *devices = json_array();
    for (size_t i = 1; i < c->n_rows; i++) {
        const kept *row = &c->rows[i];
        json_array_append_new(devices,
                              json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "device", row->device, "programs",
                                        whole(row->n_programs), "solvers_right", whole(row->n_passed), "solvers_wrong",
                                        whole(row->n_failed), "solvers_measured", whole(row->n_measured),
                                        "solvers_tuned", whole(row->n_tuned), "bytes", whole(row->n_bytes)));
    }
    json_t *pocl = c->pocl ? json_pack("{s:s, s:o}", "folder", c->pocl, "bytes", whole(c->n_pocl_bytes)) : json_null();
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "folder", c->folder, "files", whole(c->n_files),
                     "bytes", whole(c->n_bytes), "max_program_bytes", whole(FCL_CACHE_MAX_BYTES), "devices", devices,
                     "auto_choices", whole(c->n_choices), "unusable_files", whole(c->rows[0].n_files), "pocl", pocl);
}

static fcl_status clear(int as_json) {
    fcl_status status;
    char *folder = NULL;
    size_t n_files = 0;
    uint64_t n_bytes = 0;
    FCL_TRY(fcl_cache_path(&folder));
    FCL_TRY(fcl_cache_trim(&n_files, &n_bytes, &fcl_cached_programs, 0));
    FCL_TRY(fcl_cache_trim(&n_files, &n_bytes, &fcl_cached_solvers, 0));
    FCL_TRY(fcl_cache_trim(&n_files, &n_bytes, &fcl_cached_choices, 0));
    if (as_json)
        FCL_TRY(print_json(json_pack("{s:s, s:o, s:o}", "folder", folder, "removed_files", whole(n_files),
                                     "removed_bytes", whole(n_bytes))));
    else
        printf("%s: %zu files removed, %.1f MiB\n", folder, n_files, fcl_mebibytes(n_bytes));
done:
    free(folder);
    return status;
}

static fcl_status run(const fcl_arguments *arguments) {
    const int as_json = fcl_argument_flag(arguments, "json");
    if (fcl_argument_flag(arguments, "clear")) return clear(as_json);
    contents found = {0};
    fcl_status status = take(&found);
    if (status == FCL_OK && as_json)
        status = print_json(contents_json(&found));
    else if (status == FCL_OK)
        print_table(&found);
    dispose(&found);
    return status;
}

static const fcl_option options[] = {
    {"clear", 0, FCL_OPTION_FLAG, NULL,
     "remove compiled programs, what is known about solvers, tuning included, and what --device auto measured"},
    {"json", 0, FCL_OPTION_FLAG, NULL, "the same as JSON"},
    {0},
};

const fcl_command fcl_command_cache = {
    .name = "cache",
    .summary = "show or clear what is kept between runs: compiled programs, chosen kernels",
    .operands = "",
    .description =
        "Shows for each device how many compiled programs are kept, and of how many solvers it is known that they\n"
        "are right or wrong there, how fast they are, and that `fiducl tune` chose them; and how many choices of\n"
        "--device auto. The folder is\n"
        "$FIDUCL_CACHE_DIR, else fiducl in $XDG_CACHE_HOME or ~/.cache. Nothing in it is needed: what is missing is\n"
        "compiled, checked and measured again. --clear removes only files that fiducl made, and follows no links.\n",
    .examples = "  fiducl cache\n"
                "  fiducl cache --clear\n",
    .options = options,
    .max_operands = 0,
    .statuses = (const fcl_status[]){FCL_OK},
    .run = run,
};
