/* A growing string, formatted copies, and numbers as text: with a decimal point in any locale. */
#ifndef FCL_BASE_TEXT_H
#define FCL_BASE_TEXT_H

#include "base/error.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#if defined(__GNUC__)
#define FCL_SCANF(format_index, first_index) __attribute__((format(scanf, format_index, first_index)))
#else
#define FCL_SCANF(format_index, first_index)
#endif

/* Appending never fails visibly: after a failed allocation `failed` stays set and fcl_text_status() reports it, so
 * that a long series of appends needs one check. `data` is always a string once something was appended; use
 * fcl_text_get() for one that is never NULL. */
typedef struct fcl_text {
    char *data;
    size_t length;
    size_t capacity;
    int failed;
} fcl_text;

#define FCL_TEXT_EMPTY ((fcl_text){0})

void fcl_text_dispose(fcl_text *text);
void fcl_text_append(fcl_text *text, const char *string);
void fcl_text_append_bytes(fcl_text *text, const void *bytes, size_t n);
void fcl_text_appendf(fcl_text *text, const char *format, ...) FCL_PRINTF(2, 3);
const char *fcl_text_get(const fcl_text *text);
fcl_status fcl_text_status(const fcl_text *text);

/* A formatted string for free(); NULL (with a message set) when memory is out. */
char *fcl_format(const char *format, ...) FCL_PRINTF(1, 2);
char *fcl_duplicate(const char *string);
/* The part of `path` after the last '/'; lends. */
const char *fcl_basename(const char *path);
int fcl_starts_with(const char *string, const char *prefix);
int fcl_ends_with(const char *string, const char *suffix);
/* Whole-string conversions; false when anything else is in the string or the value is out of range. */
int fcl_parse_size(size_t *out, const char *string);
int fcl_parse_double(double *out, const char *string);
/* Bytes: "1048576", "512M", "1.5G"; K, M, G and T stand for powers of 1024. */
int fcl_parse_bytes(uint64_t *out, const char *string);
/* Bytes as people are told of them: in MiB, of 1024 * 1024 bytes. */
double fcl_mebibytes(uint64_t n_bytes);
/* fprintf and sscanf for what files hold. A failed write shows in ferror(stream). */
void fcl_print(FILE *stream, const char *format, ...) FCL_PRINTF(2, 3);
int fcl_scan(const char *string, const char *format, ...) FCL_SCANF(2, 3);

#endif
