#include "ops/solver_cache.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cache.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/ahead.h"

enum { N_FIELDS = 7, SOLVER_NAME_BYTES = 64, DESCRIPTION_BYTES = 256 };
/* Part of a verdict's key: to be raised when more is checked before a first use. */
static const char check_version[] = "check 2";

static const char head[] =
    "# fiducl solvers, version 3\n"
    "# What is known about the solvers of operations on one device. May be deleted at any time.\n"
    "# After the line `device` each line has seven fields, separated by tabs:\n"
    "#   key          hash of fiducl's version, what it checks, the solver, its kernel sources and the operation\n"
    "#   verdict      pass or fail, of the check against the host's reference\n"
    "#   worst_ratio  largest error of an element as a multiple of its bound\n"
    "#   seconds      of one run with the whole batch, 0 when not measured\n"
    "#   choice       tuned when `fiducl tune` chose this solver for the operation, else -\n"
    "#   solver       name\n"
    "#   operation    kind, shape and batch\n"
    "# The last line is `end` and the number of these lines; a file without it is ignored.\n";

typedef struct row {
    char key[FCL_HASH_TEXT_BYTES];
    char solver[SOLVER_NAME_BYTES];
    char description[DESCRIPTION_BYTES];
    fcl_solver_record record;
} row;

struct fcl_solver_cache {
    char *path; /* NULL: not kept on disk */
    char *identity;
    int is_asked_ahead; /* for programs to compile: what is wrong with the file is said later */
    row *rows;
    size_t n_rows, capacity;
    int changed;
};

const fcl_cache_kind fcl_cached_solvers = {"solvers", ".txt"};

/* What a solver's results depend on beside the device. Names are in it although rows have them, so that a damaged name never
 * gives one solver's verdict to another. */
static fcl_status key_of(char out[FCL_HASH_TEXT_BYTES], const fcl_solver *solver, const char *description) {
    fcl_status status;
    fcl_hash *hash = NULL;
    char *files = NULL;
    FCL_TRY(fcl_hash_create(&hash));
    fcl_hash_add_string(hash, fcl_version());
    fcl_hash_add_string(hash, check_version);
    fcl_hash_add_string(hash, solver->name);
    fcl_hash_add_string(hash, description);
    if (solver->files) {
        files = fcl_duplicate(solver->files);
        if (!files) FCL_TRY(FCL_E_MEMORY);
        char *rest = NULL;
        for (char *file = strtok_r(files, " ", &rest); file; file = strtok_r(NULL, " ", &rest)) {
            char source[FCL_HASH_TEXT_BYTES];
            FCL_TRY(fcl_kernel_source_hash(source, file));
            fcl_hash_add_string(hash, source);
        }
    }
    fcl_hash_finish(hash, out);
    status = FCL_OK;
done:
    free(files);
    fcl_hash_free(hash);
    return status;
}

static row *find_row(const fcl_solver_cache *cache, const char *description, const char *solver) {
    for (size_t i = 0; i < cache->n_rows; i++) {
        row *candidate = &cache->rows[i];
        if (strcmp(candidate->description, description) == 0 && strcmp(candidate->solver, solver) == 0)
            return candidate;
    }
    return NULL;
}

static fcl_status add_row(fcl_solver_cache *cache, const row *added) {
    fcl_status status;
    FCL_TRY(
        fcl_grow((void **)&cache->rows, &cache->capacity, cache->n_rows + 1, sizeof *cache->rows, "the solver cache"));
    cache->rows[cache->n_rows++] = *added;
done:
    return status;
}

static int copy_field(char *out, size_t capacity, const char *field) {
    size_t length = strlen(field);
    if (length == 0 || length >= capacity) return 0;
    memcpy(out, field, length + 1);
    return 1;
}

static int parse_row(row *out, char *line) {
    char *fields[N_FIELDS];
    for (int i = 0; i < N_FIELDS; i++) {
        fields[i] = line;
        char *tab = strchr(line, '\t');
        if ((tab != NULL) != (i < N_FIELDS - 1)) return 0;
        if (tab) {
            *tab = '\0';
            line = tab + 1;
        }
    }
    out->record.passed = strcmp(fields[1], "pass") == 0;
    if (!out->record.passed && strcmp(fields[1], "fail") != 0) return 0;
    out->record.tuned = strcmp(fields[4], "tuned") == 0;
    if (!out->record.tuned && strcmp(fields[4], "-") != 0) return 0;
    int infinite = strcmp(fields[2], "inf") == 0;
    out->record.worst_ratio = (double)INFINITY;
    return (infinite || fcl_parse_double(&out->record.worst_ratio, fields[2])) &&
           fcl_parse_double(&out->record.seconds, fields[3]) && out->record.seconds >= 0.0 &&
           strlen(fields[0]) == FCL_HASH_TEXT_BYTES - 1 && copy_field(out->key, sizeof out->key, fields[0]) &&
           copy_field(out->solver, sizeof out->solver, fields[5]) &&
           copy_field(out->description, sizeof out->description, fields[6]);
}

/* The line at *text, ended by a NUL byte in place; NULL when no whole line is left. */
static char *next_line(char **text) {
    char *line = *text, *end = strchr(line, '\n');
    if (!end) return NULL;
    *end = '\0';
    *text = end + 1;
    return line;
}

/* False when the text is not what this version writes, or not for this device; a cache without an identity takes the text's. */
static int parse(fcl_solver_cache *cache, char *text, size_t n_bytes) {
    char device[] = "device ", last[] = "end ", *line;
    size_t n_said;
    if (strlen(text) != n_bytes || !fcl_starts_with(text, head)) return 0;
    text += strlen(head);
    if (!(line = next_line(&text)) || !fcl_starts_with(line, device)) return 0;
    line += strlen(device);
    if (!cache->identity && !(cache->identity = fcl_duplicate(line))) return 0;
    if (strcmp(line, cache->identity) != 0) return 0;
    while ((line = next_line(&text)) && !fcl_starts_with(line, last)) {
        row parsed = {0};
        if (!parse_row(&parsed, line) || add_row(cache, &parsed) != FCL_OK) return 0;
    }
    return line && fcl_parse_size(&n_said, line + strlen(last)) && n_said == cache->n_rows && *text == '\0';
}

static void load(fcl_solver_cache *cache) {
    char *text = NULL;
    size_t n_bytes;
    if (!cache->path || !fcl_path_exists(cache->path)) return;
    if (fcl_file_read(&text, &n_bytes, cache->path) == FCL_OK && !parse(cache, text, n_bytes)) {
        if (!cache->is_asked_ahead)
            fcl_log(FCL_LOG_INFO, "'%s' is damaged or of another version: solvers are checked again", cache->path);
        cache->n_rows = 0;
    }
    free(text);
}

int fcl_cached_solvers_read(fcl_cached_solvers_facts *out, const char *path) {
    fcl_solver_cache cache = {0};
    fcl_cached_solvers_facts facts = {0};
    char *text = NULL;
    size_t n_bytes;
    int whole = fcl_file_read(&text, &n_bytes, path) == FCL_OK && parse(&cache, text, n_bytes);
    for (size_t i = 0; whole && i < cache.n_rows; i++) {
        const fcl_solver_record *record = &cache.rows[i].record;
        facts.n_passed += record->passed != 0;
        facts.n_failed += !record->passed;
        facts.n_measured += record->seconds > 0.0;
        facts.n_tuned += record->tuned != 0;
    }
    if (whole) {
        facts.device = cache.identity;
        cache.identity = NULL;
        *out = facts;
    }
    free(text);
    free(cache.identity);
    free(cache.rows);
    return whole;
}

fcl_status fcl_solver_cache_open(fcl_solver_cache **out, const fcl_device *device) {
    fcl_status status;
    fcl_solver_cache *cache = NULL;
    FCL_TRY(FCL_NEW(&cache, 1, "the solver cache"));
    cache->identity = fcl_duplicate(fcl_device_identity(device));
    cache->is_asked_ahead = fcl_ahead_is_noting(device);
    if (!cache->identity) FCL_TRY(FCL_E_MEMORY);
    /* It is one line of the file. */
    for (char *c = cache->identity; *c; c++)
        if (*c == '\n' || *c == '\r') *c = ' ';
    /* Without a folder to write to nothing is kept. */
    if (fcl_cache_file_path(&cache->path, &fcl_cached_solvers, cache->identity, 1) != FCL_OK)
        fcl_log(FCL_LOG_DEBUG, "solvers are not remembered: %s", fcl_error_message());
    load(cache);
    *out = cache;
    cache = NULL;
done:
    fcl_solver_cache_free(cache);
    return status;
}

void fcl_solver_cache_free(fcl_solver_cache *cache) {
    if (!cache) return;
    free(cache->path);
    free(cache->identity);
    free(cache->rows);
    free(cache);
}

int fcl_solver_cache_find(fcl_solver_record *out, const fcl_solver_cache *cache, const char *description,
                          const fcl_solver *solver) {
    char key[FCL_HASH_TEXT_BYTES];
    if (key_of(key, solver, description) != FCL_OK) return 0;
    const row *found = find_row(cache, description, solver->name);
    if (!found || strcmp(found->key, key) != 0) return 0;
    *out = found->record;
    return 1;
}

fcl_status fcl_solver_cache_set(fcl_solver_cache *cache, const char *description, const fcl_solver *solver,
                                const fcl_solver_record *record) {
    fcl_status status;
    row added = {.record = *record};
    FCL_TRY(key_of(added.key, solver, description));
    cache->changed = 1;
    row *known = find_row(cache, description, solver->name);
    if (known) { /* perhaps of earlier kernels */
        memcpy(known->key, added.key, sizeof known->key);
        known->record = *record;
    } else if (copy_field(added.solver, sizeof added.solver, solver->name) &&
               copy_field(added.description, sizeof added.description, description)) {
        FCL_TRY(add_row(cache, &added));
    }
done:
    return status;
}

const fcl_solver *fcl_solver_cache_tuned(const fcl_solver_cache *cache, const char *description,
                                         const fcl_solver *const *solvers) {
    for (fcl_solver_record record; *solvers; solvers++)
        if (fcl_solver_cache_find(&record, cache, description, *solvers) && record.passed && record.tuned)
            return *solvers;
    return NULL;
}

void fcl_solver_cache_set_tuned(fcl_solver_cache *cache, const char *description, const fcl_solver *solver) {
    for (size_t i = 0; i < cache->n_rows; i++) {
        row *r = &cache->rows[i];
        if (strcmp(r->description, description) != 0) continue;
        int tuned = strcmp(r->solver, solver->name) == 0;
        cache->changed |= tuned != r->record.tuned;
        r->record.tuned = tuned;
    }
}

int fcl_solver_cache_changed(const fcl_solver_cache *cache) {
    return cache->changed;
}

void fcl_solver_cache_save(fcl_solver_cache *cache) {
    fcl_text text = FCL_TEXT_EMPTY;
    if (!cache->changed || !cache->path) return;
    fcl_text_appendf(&text, "%sdevice %s\n", head, cache->identity);
    for (size_t i = 0; i < cache->n_rows; i++) {
        const row *r = &cache->rows[i];
        fcl_text_appendf(&text, "%s\t%s\t%.6g\t%.6g\t%s\t%s\t%s\n", r->key, r->record.passed ? "pass" : "fail",
                         r->record.worst_ratio, r->record.seconds, r->record.tuned ? "tuned" : "-", r->solver,
                         r->description);
    }
    fcl_text_appendf(&text, "end %zu\n", cache->n_rows);
    if (fcl_text_status(&text) == FCL_OK && fcl_file_write(cache->path, text.data, text.length) == FCL_OK)
        cache->changed = 0;
    else
        fcl_log(FCL_LOG_DEBUG, "solvers are not remembered: %s", fcl_error_message());
    fcl_text_dispose(&text);
}
