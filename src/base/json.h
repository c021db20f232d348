/* jansson with fiducl's errors. */
#ifndef FCL_BASE_JSON_H
#define FCL_BASE_JSON_H

#include "base/error.h"

#include <jansson.h>

/* Reads a file whose top is an object; errors name file, line and column. json_decref() releases it. */
fcl_status fcl_json_read(json_t **out, const char *path);
/* Indented, keys in the order they were set, whole or not at all. */
fcl_status fcl_json_write(const char *path, const json_t *value);
/* FCL_E_USAGE when the text, a path say, is not UTF-8, which JSON must be. */
fcl_status fcl_json_check_text(const char *text);
/* Members of an object with a checked type; FCL_E_INPUT names `path` (the file) and the key. Strings are lent. */
fcl_status fcl_json_string(const char **out, const json_t *object, const char *key, const char *path);
fcl_status fcl_json_integer(long long *out, const json_t *object, const char *key, const char *path);
fcl_status fcl_json_number(double *out, const json_t *object, const char *key, const char *path);
/* A new number; null where JSON has none: infinity, NaN. */
json_t *fcl_json_number_or_null(double value);

#endif
