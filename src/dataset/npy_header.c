/* The header of an .npy file: a Python dictionary literal, of which exactly what numpy writes is understood. */
#include "dataset/npy.h"

#include "base/memory.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char magic[] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};
enum {
    PREFIX_BYTES_1 = 10, /* magic, version, 2 bytes of length */
    PREFIX_BYTES_2 = 12, /* magic, version, 4 bytes of length */
    MAX_HEADER_BYTES = 65536,
    ALIGNMENT = 64 /* what numpy pads the header to */
};

static int machine_is_little(void) {
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

/* X(value, kind letter, bytes, numpy's name) */
#define DTYPE_TABLE(X)                                                                                                 \
    X(FCL_UINT8, 'u', 1, "uint8")                                                                                      \
    X(FCL_UINT16, 'u', 2, "uint16")                                                                                    \
    X(FCL_UINT32, 'u', 4, "uint32")                                                                                    \
    X(FCL_UINT64, 'u', 8, "uint64")                                                                                    \
    X(FCL_INT8, 'i', 1, "int8")                                                                                        \
    X(FCL_INT16, 'i', 2, "int16")                                                                                      \
    X(FCL_INT32, 'i', 4, "int32")                                                                                      \
    X(FCL_INT64, 'i', 8, "int64")                                                                                      \
    X(FCL_FLOAT32, 'f', 4, "float32")                                                                                  \
    X(FCL_FLOAT64, 'f', 8, "float64")

static const struct {
    char kind;
    unsigned char bytes;
    const char *name;
} dtypes[FCL_N_DTYPES] = {
#define DTYPE_ROW(value, kind, bytes, name) [value] = {kind, bytes, name},
    DTYPE_TABLE(DTYPE_ROW)
#undef DTYPE_ROW
};

const char *fcl_dtype_name(fcl_dtype dtype) {
    return dtypes[dtype].name;
}

size_t fcl_dtype_bytes(fcl_dtype dtype) {
    return dtypes[dtype].bytes;
}

char *fcl_shape_text(char out[FCL_SHAPE_TEXT_BYTES], const size_t *shape, unsigned n_dims) {
    size_t length = (size_t)snprintf(out, FCL_SHAPE_TEXT_BYTES, "(");
    for (unsigned d = 0; d < n_dims && length < FCL_SHAPE_TEXT_BYTES; d++)
        length += (size_t)snprintf(out + length, FCL_SHAPE_TEXT_BYTES - length, "%s%zu", d ? ", " : "", shape[d]);
    if (length < FCL_SHAPE_TEXT_BYTES) snprintf(out + length, FCL_SHAPE_TEXT_BYTES - length, n_dims == 1 ? ",)" : ")");
    return out;
}

/* The text of a header while it is parsed. */
typedef struct scanner {
    const char *text;
    size_t length, at;
    size_t offset; /* of text[0] in the file */
    const char *name;
} scanner;

static fcl_status malformed(const scanner *s, const char *what) {
    return fcl_fail(FCL_E_INPUT, "%s: byte %zu: %s in the .npy header; the file is damaged or not from numpy", s->name,
                    s->offset + s->at, what);
}

static void skip_spaces(scanner *s) {
    while (s->at < s->length && (s->text[s->at] == ' ' || s->text[s->at] == '\n')) s->at++;
}

static int accept(scanner *s, char c) {
    skip_spaces(s);
    if (s->at == s->length || s->text[s->at] != c) return 0;
    s->at++;
    return 1;
}

static int accept_word(scanner *s, const char *word) {
    skip_spaces(s);
    size_t n = strlen(word);
    if (s->length - s->at < n || memcmp(s->text + s->at, word, n) != 0) return 0;
    s->at += n;
    return 1;
}

/* A string without escapes, as all of numpy's keys and plain types are. */
static fcl_status parse_string(scanner *s, const char **out, size_t *n) {
    skip_spaces(s);
    char quote = s->at < s->length ? s->text[s->at] : '\0';
    if (quote != '\'' && quote != '"') return malformed(s, "a string is missing");
    const char *begin = s->text + s->at + 1;
    const char *end = memchr(begin, quote, s->length - s->at - 1);
    if (!end) return malformed(s, "a string without its end");
    *out = begin;
    *n = (size_t)(end - begin);
    s->at = (size_t)(end - s->text) + 1;
    return FCL_OK;
}

static fcl_status parse_dtype(scanner *s, fcl_npy_header *h) {
    skip_spaces(s);
    if (s->at < s->length && s->text[s->at] == '[')
        return fcl_fail(FCL_E_INPUT, "%s: byte %zu: the array has a structured type; plain numbers are needed", s->name,
                        s->offset + s->at);
    const char *text;
    size_t n, begin = s->offset + s->at;
    fcl_status status = parse_string(s, &text, &n);
    if (status != FCL_OK) return status;
    if (memchr(text, 'O', n))
        return fcl_fail(FCL_E_INPUT,
                        "%s: byte %zu: the array holds Python objects (type '%.*s'); save it again as uint8 or float32",
                        s->name, begin, (int)n, text);
    char order = n && strchr("<>|=", text[0]) ? text[0] : '\0';
    size_t skip = order != '\0';
    if (n == skip + 2)
        for (int d = 0; d < FCL_N_DTYPES; d++)
            if (text[skip] == dtypes[d].kind && text[skip + 1] == '0' + dtypes[d].bytes) {
                h->dtype = (fcl_dtype)d;
                h->swapped = dtypes[d].bytes > 1 &&
                             ((order == '<' && !machine_is_little()) || (order == '>' && machine_is_little()));
                return FCL_OK;
            }
    return fcl_fail(
        FCL_E_INPUT,
        "%s: byte %zu: elements of type '%.*s'; whole numbers of 1 to 8 bytes, float32 and float64 are read", s->name,
        begin, (int)(n < 32 ? n : 32), text);
}

static fcl_status parse_shape(scanner *s, fcl_npy_header *h) {
    if (!accept(s, '(')) return malformed(s, "a shape is missing");
    h->n_dims = 0;
    while (!accept(s, ')')) {
        skip_spaces(s);
        size_t value = 0, digits = 0;
        for (; s->at < s->length && isdigit((unsigned char)s->text[s->at]); s->at++, digits++) {
            size_t digit = (size_t)(s->text[s->at] - '0');
            if (value > (SIZE_MAX - digit) / 10) return malformed(s, "a dimension too large for this machine");
            value = value * 10 + digit;
        }
        if (!digits) return malformed(s, "a dimension that is not a whole number");
        accept(s, 'L'); /* Python 2 wrote long numbers so */
        if (h->n_dims == FCL_NPY_MAX_DIMS) return malformed(s, "more than 8 dimensions");
        h->shape[h->n_dims++] = value;
        if (!accept(s, ',')) {
            if (!accept(s, ')')) return malformed(s, "a shape without its end");
            break;
        }
    }
    return FCL_OK;
}

enum { HAS_DESCR = 1, HAS_ORDER = 2, HAS_SHAPE = 4, HAS_ALL = 7 };

static fcl_status parse_entry(scanner *s, fcl_npy_header *h, unsigned *seen) {
    const char *key;
    size_t n, begin = s->at;
    fcl_status status = parse_string(s, &key, &n);
    if (status != FCL_OK) return status;
    if (!accept(s, ':')) return malformed(s, "a colon is missing");
    unsigned which = 0;
    if (n == 5 && memcmp(key, "descr", n) == 0) {
        which = HAS_DESCR;
        status = parse_dtype(s, h);
    } else if (n == 13 && memcmp(key, "fortran_order", n) == 0) {
        which = HAS_ORDER;
        h->fortran_order = accept_word(s, "True");
        if (!h->fortran_order && !accept_word(s, "False")) status = malformed(s, "neither True nor False");
    } else if (n == 5 && memcmp(key, "shape", n) == 0) {
        which = HAS_SHAPE;
        status = parse_shape(s, h);
    }
    if (status == FCL_OK && (!which || (*seen & which))) {
        s->at = begin;
        status = malformed(s, which ? "a key that occurs twice" : "an unknown key");
    }
    *seen |= which;
    return status;
}

static fcl_status parse(scanner *s, fcl_npy_header *h) {
    unsigned seen = 0;
    if (!accept(s, '{')) return malformed(s, "no dictionary");
    while (!accept(s, '}')) {
        fcl_status status = parse_entry(s, h, &seen);
        if (status != FCL_OK) return status;
        if (!accept(s, ',')) {
            if (!accept(s, '}')) return malformed(s, "a dictionary without its end");
            break;
        }
    }
    skip_spaces(s);
    if (s->at != s->length) return malformed(s, "something after the dictionary");
    if (seen != HAS_ALL) return malformed(s, "descr, fortran_order or shape is missing");
    return FCL_OK;
}

/* The shape's size is possible and is the source's. */
static fcl_status check_size(const scanner *s, fcl_npy_header *h, const fcl_byte_source *source) {
    char shape[FCL_SHAPE_TEXT_BYTES];
    size_t bytes = 1;
    h->n = 1;
    int fits = 1, empty = 0;
    for (unsigned d = 0; d < h->n_dims; d++) {
        fits = fits && fcl_multiply(&h->n, h->n, h->shape[d]);
        empty |= h->shape[d] == 0;
    }
    if (empty) {
        h->n = 0;
        fits = 1;
    }
    fits = fits && fcl_multiply(&bytes, h->n, fcl_dtype_bytes(h->dtype)) && bytes <= SIZE_MAX - h->header_bytes;
    if (!fits)
        return fcl_fail(FCL_E_INPUT, "%s: byte %zu: the shape %s is larger than any memory", s->name, s->offset,
                        fcl_shape_text(shape, h->shape, h->n_dims));
    uint64_t wanted = (uint64_t)bytes + h->header_bytes;
    if (wanted == source->size) return FCL_OK;
    return fcl_fail(FCL_E_INPUT,
                    "%s: the header says %s %s, which ends at byte %llu, but the data end at byte %llu: %s", s->name,
                    fcl_dtype_name(h->dtype), fcl_shape_text(shape, h->shape, h->n_dims), (unsigned long long)wanted,
                    (unsigned long long)source->size,
                    source->size < wanted ? "the file is cut off" : "something follows the array");
}

static fcl_status read_exactly(const fcl_byte_source *source, void *out, size_t n, size_t offset) {
    size_t got = 0;
    fcl_status status = source->read(&got, source, out, n);
    if (status == FCL_OK && got < n)
        status = fcl_fail(FCL_E_INPUT, "%s: ends at byte %zu, within the .npy header: the file is cut off",
                          source->name, offset + got);
    return status;
}

fcl_status fcl_npy_header_read(fcl_npy_header *out, const fcl_byte_source *source) {
    fcl_status status;
    fcl_npy_header h = {0};
    char *text = NULL;
    unsigned char prefix[PREFIX_BYTES_2];
    size_t n_prefix = PREFIX_BYTES_1;
    FCL_TRY(read_exactly(source, prefix, PREFIX_BYTES_1, 0));
    if (memcmp(prefix, magic, sizeof magic) != 0) {
        status = fcl_fail(FCL_E_INPUT, "%s: byte 0: not an .npy array", source->name);
        goto done;
    }
    unsigned major = prefix[6], minor = prefix[7];
    if (major < 1 || major > 3 || minor != 0) {
        status = fcl_fail(FCL_E_INPUT, "%s: byte 6: .npy format version %u.%u; 1.0, 2.0 and 3.0 are known",
                          source->name, major, minor);
        goto done;
    }
    size_t length = prefix[8] | (size_t)prefix[9] << 8;
    if (major > 1) {
        FCL_TRY(read_exactly(source, prefix + PREFIX_BYTES_1, PREFIX_BYTES_2 - PREFIX_BYTES_1, PREFIX_BYTES_1));
        length |= (size_t)prefix[10] << 16 | (size_t)prefix[11] << 24;
        n_prefix = PREFIX_BYTES_2;
    }
    if (length > MAX_HEADER_BYTES) {
        status =
            fcl_fail(FCL_E_INPUT, "%s: byte 8: a header of %zu bytes; numpy's have about 100", source->name, length);
        goto done;
    }
    FCL_TRY(FCL_NEW(&text, length, "an .npy header"));
    FCL_TRY(read_exactly(source, text, length, n_prefix));
    h.header_bytes = n_prefix + length;
    scanner s = {.text = text, .length = length, .offset = n_prefix, .name = source->name};
    FCL_TRY(parse(&s, &h));
    FCL_TRY(check_size(&s, &h, source));
    *out = h;
done:
    free(text);
    return status;
}

fcl_status fcl_npy_header_make(char **out, size_t *n_bytes, fcl_dtype dtype, const size_t *shape, unsigned n_dims) {
    char shape_text[FCL_SHAPE_TEXT_BYTES];
    fcl_text text = FCL_TEXT_EMPTY;
    fcl_text_append_bytes(&text, magic, sizeof magic);
    fcl_text_append_bytes(&text, "\x01\x00\x00\x00", 4); /* the length follows below */
    fcl_text_appendf(&text, "{'descr': '%c%c%u', 'fortran_order': False, 'shape': %s, }",
                     dtypes[dtype].bytes == 1 ? '|' : (machine_is_little() ? '<' : '>'), dtypes[dtype].kind,
                     (unsigned)dtypes[dtype].bytes, fcl_shape_text(shape_text, shape, n_dims));
    while ((text.length + 1) % ALIGNMENT != 0 && !text.failed) fcl_text_append(&text, " ");
    fcl_text_append(&text, "\n");
    fcl_status status = fcl_text_status(&text);
    if (status != FCL_OK) {
        fcl_text_dispose(&text);
        return status;
    }
    size_t length = text.length - PREFIX_BYTES_1;
    text.data[8] = (char)(length & 0xff);
    text.data[9] = (char)(length >> 8);
    *out = text.data;
    *n_bytes = text.length;
    return FCL_OK;
}
