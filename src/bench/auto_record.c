/* Measured choices of a device in the cache folder: auto/HASH.json, one for each key. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "bench/auto.h"

#define FORMAT "fiducl auto 1"

const fcl_cache_kind fcl_cached_choices = {"auto", ".json"};

static json_t *candidate_json(const fcl_auto_candidate *c) {
    return json_pack("{s:s, s:s, s:f, s:s?}", "device", c->device, "identity", c->identity, "seconds_a_step",
                     c->seconds_a_step, "problem", c->problem);
}

void fcl_auto_store(const fcl_auto_choice *choice, const char *key) {
    char hash[FCL_HASH_TEXT_BYTES], *path = NULL;
    json_t *candidates = json_array();
    fcl_hash_bytes(hash, key, strlen(key));
    for (size_t i = 0; i < choice->n; i++) json_array_append_new(candidates, candidate_json(&choice->candidates[i]));
    json_t *all = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:o}", "format", FORMAT, "key", hash, "measured",
                            choice->measured, "model", choice->model, "batch", (json_int_t)choice->batch, "chosen",
                            choice->candidates[choice->chosen].device, "candidates", candidates);
    if (!all || fcl_cache_file_path(&path, &fcl_cached_choices, key, 1) != FCL_OK ||
        fcl_json_write(path, all) != FCL_OK)
        fcl_log(FCL_LOG_DEBUG, "what was measured is not kept: %s", fcl_error_message());
    json_decref(all);
    free(path);
}

/* The file when it is whole and of this version, for json_decref(); else NULL. */
static json_t *read_choice(const char *path) {
    json_t *all = NULL, *c;
    size_t i;
    if (fcl_json_read(&all, path) != FCL_OK) return NULL;
    const char *format = json_string_value(json_object_get(all, "format"));
    int whole = format && strcmp(format, FORMAT) == 0 && json_is_string(json_object_get(all, "key")) &&
                json_is_string(json_object_get(all, "measured"));
    json_array_foreach(json_object_get(all, "candidates"), i, c) {
        const double seconds = json_number_value(json_object_get(c, "seconds_a_step"));
        const int has_problem = json_is_string(json_object_get(c, "problem"));
        whole = whole && isfinite(seconds) && (seconds > 0.0) != has_problem;
    }
    if (whole && i > 0) return all;
    json_decref(all);
    return NULL;
}

int fcl_cached_choice_is_whole(const char *path) {
    json_t *all = read_choice(path);
    const int whole = all != NULL;
    json_decref(all);
    return whole;
}

/* Replaces *out by a copy; false when memory is out. */
static int copy(const char **out, const json_t *text) {
    char *copied = fcl_duplicate(json_string_value(text));
    if (!copied) return 0;
    free((char *)*out);
    *out = copied;
    return 1;
}

int fcl_auto_load(fcl_auto_choice *choice, const char *key) {
    char hash[FCL_HASH_TEXT_BYTES], *path = NULL;
    json_t *all = NULL;
    int found = 0;
    fcl_hash_bytes(hash, key, strlen(key));
    if (fcl_cache_file_path(&path, &fcl_cached_choices, key, 0) != FCL_OK || !fcl_path_exists(path)) goto done;
    all = read_choice(path);
    const json_t *candidates = json_object_get(all, "candidates");
    if (!all || strcmp(json_string_value(json_object_get(all, "key")), hash) != 0 ||
        json_array_size(candidates) != choice->n) {
        fcl_log(FCL_LOG_INFO, "'%s' is damaged or of another version: devices are measured again", path);
        goto done;
    }
    found = copy(&choice->measured, json_object_get(all, "measured"));
    for (size_t i = 0; i < choice->n; i++) {
        const json_t *c = json_array_get(candidates, i), *problem = json_object_get(c, "problem");
        choice->candidates[i].seconds_a_step = json_number_value(json_object_get(c, "seconds_a_step"));
        if (json_is_string(problem)) found = found && copy(&choice->candidates[i].problem, problem);
    }
    fcl_cache_touch(path);
done:
    json_decref(all);
    free(path);
    return found;
}
