#include "base/json.h"

#include <math.h>

#include "base/file.h"

#include <stdlib.h>

fcl_status fcl_json_read(json_t **out, const char *path) {
    char *text;
    size_t n;
    fcl_status status = fcl_file_read(&text, &n, path);
    if (status != FCL_OK) return status;
    json_error_t error;
    json_t *value = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    free(text);
    if (!value)
        return fcl_fail(FCL_E_INPUT, "%s:%d:%d: not valid JSON: %s", path, error.line, error.column, error.text);
    if (!json_is_object(value)) {
        json_decref(value);
        return fcl_fail(FCL_E_INPUT, "%s: the JSON document is not an object", path);
    }
    *out = value;
    return FCL_OK;
}

fcl_status fcl_json_write(const char *path, const json_t *value) {
    fcl_file_writer writer;
    fcl_status status = fcl_file_writer_open(&writer, path);
    if (status != FCL_OK) return status;
    /* A failed write to the stream is found by commit. */
    json_dumpf(value, writer.stream, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    fputc('\n', writer.stream);
    return fcl_file_writer_commit(&writer);
}

fcl_status fcl_json_check_text(const char *text) {
    json_t *string = json_string(text);
    json_decref(string);
    return string ? FCL_OK : fcl_fail(FCL_E_USAGE, "'%s' is not UTF-8 and so cannot be recorded: rename it", text);
}

fcl_status fcl_json_string(const char **out, const json_t *object, const char *key, const char *path) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value)) return fcl_fail(FCL_E_INPUT, "%s: '%s' is missing or not a string", path, key);
    *out = json_string_value(value);
    return FCL_OK;
}

fcl_status fcl_json_integer(long long *out, const json_t *object, const char *key, const char *path) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value)) return fcl_fail(FCL_E_INPUT, "%s: '%s' is missing or not an integer", path, key);
    *out = json_integer_value(value);
    return FCL_OK;
}

fcl_status fcl_json_number(double *out, const json_t *object, const char *key, const char *path) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value)) return fcl_fail(FCL_E_INPUT, "%s: '%s' is missing or not a number", path, key);
    *out = json_number_value(value);
    return FCL_OK;
}

json_t *fcl_json_number_or_null(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}
