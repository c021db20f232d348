#include "base/text.h"

#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A program that uses the library may have set a locale whose decimal point is a comma. */
static locale_t c_numbers;

static void create_c_numbers(void) {
    c_numbers = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
}

/* What the thread's locale was, for uselocale(). Without memory for a locale it stays as it is. */
static locale_t use_c_numbers(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, create_c_numbers);
    return uselocale(c_numbers);
}

void fcl_text_dispose(fcl_text *text) {
    free(text->data);
    *text = FCL_TEXT_EMPTY;
}

void fcl_text_append_bytes(fcl_text *text, const void *bytes, size_t n) {
    if (text->failed) return;
    void *data = text->data;
    if (fcl_grow(&data, &text->capacity, text->length + n + 1, 1, "text") != FCL_OK) {
        text->failed = 1;
        return;
    }
    text->data = data;
    if (n) memcpy(text->data + text->length, bytes, n);
    text->length += n;
    text->data[text->length] = '\0';
}

void fcl_text_append(fcl_text *text, const char *string) {
    fcl_text_append_bytes(text, string, strlen(string));
}

static char *format_list(const char *format, va_list arguments) {
    va_list copy;
    locale_t before = use_c_numbers();
    va_copy(copy, arguments);
    int n = vsnprintf(NULL, 0, format, copy);
    va_end(copy);
    char *string = n < 0 ? NULL : malloc((size_t)n + 1);
    if (string)
        vsnprintf(string, (size_t)n + 1, format, arguments);
    else
        fcl_fail_memory("a formatted text", n < 0 ? 0 : (size_t)n + 1);
    uselocale(before);
    return string;
}

void fcl_text_appendf(fcl_text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *string = format_list(format, arguments);
    va_end(arguments);
    if (string)
        fcl_text_append(text, string);
    else
        text->failed = 1;
    free(string);
}

const char *fcl_text_get(const fcl_text *text) {
    return text->data ? text->data : "";
}

fcl_status fcl_text_status(const fcl_text *text) {
    return text->failed ? fcl_fail_memory("a text", text->length) : FCL_OK;
}

char *fcl_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *string = format_list(format, arguments);
    va_end(arguments);
    return string;
}

char *fcl_duplicate(const char *string) {
    return fcl_format("%s", string);
}

const char *fcl_basename(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int fcl_starts_with(const char *string, const char *prefix) {
    return strncmp(string, prefix, strlen(prefix)) == 0;
}

int fcl_ends_with(const char *string, const char *suffix) {
    size_t n = strlen(string), m = strlen(suffix);
    return n >= m && strcmp(string + n - m, suffix) == 0;
}

int fcl_parse_size(size_t *out, const char *string) {
    if (!isdigit((unsigned char)*string)) return 0;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(string, &end, 10);
    if (errno || *end || value > SIZE_MAX) return 0;
    *out = (size_t)value;
    return 1;
}

int fcl_parse_bytes(uint64_t *out, const char *string) {
    static const char units[] = "KMGT";
    enum { BITS_PER_UNIT = 10 };
    char number[32];
    size_t length = strlen(string);
    const char *unit = length > 0 ? strchr(units, toupper((unsigned char)string[length - 1])) : NULL;
    double value;
    if (unit) length--;
    if (length == 0 || length >= sizeof number || !isdigit((unsigned char)*string)) return 0;
    memcpy(number, string, length);
    number[length] = '\0';
    if (!fcl_parse_double(&value, number)) return 0;
    value = unit ? ldexp(value, BITS_PER_UNIT * (int)(unit - units + 1)) : value;
    if (value >= ldexp(1.0, 63)) return 0;
    *out = (uint64_t)value;
    return 1;
}

double fcl_mebibytes(uint64_t n_bytes) {
    return (double)n_bytes / (1024.0 * 1024.0);
}

int fcl_parse_double(double *out, const char *string) {
    /* strtod also takes "nan", "inf" and hexadecimal: no number a file or a person means here has a letter but e. */
    if (!*string || strspn(string, "+-.0123456789eE") != strlen(string)) return 0;
    char *end;
    errno = 0;
    locale_t before = use_c_numbers();
    double value = strtod(string, &end);
    uselocale(before);
    if (*end || end == string || !isfinite(value)) return 0;
    *out = value;
    return 1;
}

void fcl_print(FILE *stream, const char *format, ...) {
    va_list arguments;
    locale_t before = use_c_numbers();
    va_start(arguments, format);
    vfprintf(stream, format, arguments);
    va_end(arguments);
    uselocale(before);
}

int fcl_scan(const char *string, const char *format, ...) {
    va_list arguments;
    locale_t before = use_c_numbers();
    va_start(arguments, format);
    int n = vsscanf(string, format, arguments);
    va_end(arguments);
    uselocale(before);
    return n;
}
