#include "dataset/csv.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <csv.h>
#include <stdint.h>
#include <string.h>

enum {
    CHUNK_BYTES = 1 << 16,
    MAX_LINE_BYTES = 1 << 20, /* a face as 9216 numbers takes 36 KB */
    MAX_COLUMNS = 4096,
    MAX_SHOWN_BYTES = 40 /* of a field, in a message */
};

/* The fields of one line, one after the other, each with a NUL byte. */
typedef struct record {
    char *text;
    size_t length, capacity;
    size_t *begins; /* of each field */
    size_t n, begins_capacity;
} record;

struct fcl_csv {
    char *path;
    FILE *stream;
    struct csv_parser parser;
    int parser_ready;
    char chunk[CHUNK_BYTES];
    size_t chunk_begin, chunk_end;
    char *line; /* with its end */
    size_t line_length, line_capacity, line_number;
    record header, current;
    record *filling;
    size_t n_records;  /* records that the line gave */
    size_t blank_line; /* number of the first blank line, 0 when there was none yet */
    fcl_status callback_status;
};

void fcl_csv_close(fcl_csv *csv) {
    if (!csv) return;
    if (csv->stream) fclose(csv->stream);
    if (csv->parser_ready) csv_free(&csv->parser);
    free(csv->line);
    free(csv->header.text);
    free(csv->header.begins);
    free(csv->current.text);
    free(csv->current.begins);
    free(csv->path);
    free(csv);
}

static fcl_status append_bytes(char **buffer, size_t *length, size_t *capacity, const void *bytes, size_t n) {
    void *grown = *buffer;
    fcl_status status = fcl_grow(&grown, capacity, *length + n + 1, 1, "a line of a CSV file");
    if (status != FCL_OK) return status;
    *buffer = grown;
    if (n) memcpy(*buffer + *length, bytes, n);
    *length += n;
    (*buffer)[*length] = '\0';
    return FCL_OK;
}

static void on_field(void *text, size_t n, void *user) {
    fcl_csv *csv = user;
    record *r = csv->filling;
    if (csv->callback_status != FCL_OK || csv->n_records > 0) return;
    void *grown = r->begins;
    csv->callback_status = fcl_grow(&grown, &r->begins_capacity, r->n + 1, sizeof *r->begins, "fields of a CSV file");
    if (csv->callback_status != FCL_OK) return;
    r->begins = grown;
    r->begins[r->n++] = r->length;
    csv->callback_status = append_bytes(&r->text, &r->length, &r->capacity, text, n);
    r->length++; /* the NUL byte */
}

static void on_record(int end, void *user) {
    (void)end;
    ((fcl_csv *)user)->n_records++;
}

/* What an editor shows as the column of line[offset]: characters, not bytes, counted from 1. */
static size_t editor_column(const fcl_csv *csv, size_t offset) {
    size_t column = 1;
    for (size_t i = 0; i < offset && i < csv->line_length; i++) column += (csv->line[i] & 0xC0) != 0x80;
    return column;
}

static void count_field(void *text, size_t n, void *user) {
    (void)text;
    (void)n;
    ++*(size_t *)user;
}

static void ignore_record(int end, void *user) {
    (void)end;
    (void)user;
}

/* The offset in the line at which a field begins. libcsv does not say, so the line is parsed again byte by byte. */
static size_t field_offset(const fcl_csv *csv, size_t field) {
    struct csv_parser parser;
    size_t begin = 0, fields = 0;
    if (csv_init(&parser, CSV_STRICT) != 0) return 0;
    for (size_t i = 0; i < csv->line_length && fields < field; i++) {
        if (csv_parse(&parser, csv->line + i, 1, count_field, ignore_record, &fields) != 1) break;
        if (fields == field) begin = i + 1;
    }
    csv_free(&parser);
    while (begin < csv->line_length && csv->line[begin] == ' ') begin++;
    return begin;
}

static fcl_status fail_line(const fcl_csv *csv, size_t offset, const char *what) {
    return fcl_fail(FCL_E_INPUT, "%s:%zu:%zu: %s", csv->path, csv->line_number, editor_column(csv, offset), what);
}

/* The next line with its end; *more is 0 at the end of the file. */
static fcl_status read_line(int *more, fcl_csv *csv) {
    csv->line_length = 0;
    for (;;) {
        if (csv->chunk_begin == csv->chunk_end) {
            csv->chunk_begin = 0;
            csv->chunk_end = fread(csv->chunk, 1, CHUNK_BYTES, csv->stream);
            if (ferror(csv->stream)) return fcl_fail_errno("read", csv->path);
            if (csv->chunk_end == 0) break;
        }
        const char *begin = csv->chunk + csv->chunk_begin;
        size_t available = csv->chunk_end - csv->chunk_begin;
        const char *end = memchr(begin, '\n', available);
        size_t n = end ? (size_t)(end - begin) + 1 : available;
        if (n > MAX_LINE_BYTES - csv->line_length)
            return fcl_fail(FCL_E_INPUT, "%s:%zu: a line of more than %d bytes: not a CSV file of keypoints", csv->path,
                            csv->line_number + 1, MAX_LINE_BYTES);
        fcl_status status = append_bytes(&csv->line, &csv->line_length, &csv->line_capacity, begin, n);
        if (status != FCL_OK) return status;
        csv->chunk_begin += n;
        if (end) break;
    }
    *more = csv->line_length > 0;
    csv->line_number += csv->line_length > 0;
    return FCL_OK;
}

static void drop_byte_order_mark(fcl_csv *csv) {
    static const char mark[] = "\xEF\xBB\xBF";
    const size_t n = sizeof mark - 1;
    if (csv->line_length < n || memcmp(csv->line, mark, n) != 0) return;
    csv->line_length -= n;
    memmove(csv->line, csv->line + n, csv->line_length + 1);
}

/* What libcsv would take for something else than it is. */
static fcl_status check_line(const fcl_csv *csv) {
    const char *nul = memchr(csv->line, '\0', csv->line_length);
    if (nul && csv->line_number == 1 && csv->line_length > 1 &&
        (memcmp(csv->line, "\xFF\xFE", 2) == 0 || memcmp(csv->line, "\xFE\xFF", 2) == 0))
        return fail_line(csv, 0, "the file is UTF-16; save it as UTF-8");
    if (nul) return fail_line(csv, (size_t)(nul - csv->line), "a NUL byte: the file is damaged or not text");
    const char *cr = memchr(csv->line, '\r', csv->line_length);
    if (cr && cr[1] != '\n' && cr[1] != '\0')
        return fail_line(csv, (size_t)(cr - csv->line), "a carriage return within a line; lines end with LF or CRLF");
    return FCL_OK;
}

/* Parses the line into *r. *blank is set when nothing stands on it. */
static fcl_status parse_line(int *blank, fcl_csv *csv, record *r) {
    fcl_status status = check_line(csv);
    if (status != FCL_OK) return status;
    r->length = r->n = 0;
    csv->filling = r;
    csv->n_records = 0;
    size_t parsed = csv_parse(&csv->parser, csv->line, csv->line_length, on_field, on_record, csv);
    if (csv->callback_status != FCL_OK) return csv->callback_status;
    if (parsed != csv->line_length) {
        if (csv_error(&csv->parser) != CSV_EPARSE) return fcl_fail_memory("a line of a CSV file", csv->line_length);
        return fail_line(csv, parsed, "a quotation mark within a field, or text after a closing one");
    }
    /* The parser has not seen the line's end when a quotation mark is open, or at the end of a file without a last LF. */
    int ended = csv->line[csv->line_length - 1] == '\n';
    if (!ended || csv->n_records == 0) {
        int finished = csv_fini(&csv->parser, on_field, on_record, csv);
        if (csv->callback_status != FCL_OK) return csv->callback_status;
        if (finished != 0)
            return fail_line(csv, field_offset(csv, r->n), "a quotation mark that is not closed on its line");
    }
    *blank = csv->n_records == 0;
    return FCL_OK;
}

static fcl_status check_names(const fcl_csv *csv) {
    if (csv->header.n > MAX_COLUMNS) return fcl_fail(FCL_E_INPUT, "%s:1: more than %d columns", csv->path, MAX_COLUMNS);
    for (size_t i = 1; i < csv->header.n; i++)
        if (fcl_csv_find(csv, fcl_csv_column_name(csv, i)) < i) return fcl_csv_fail(csv, i, "this name occurs twice");
    return FCL_OK;
}

fcl_status fcl_csv_open(fcl_csv **out, const char *path) {
    fcl_status status;
    uint64_t size;
    int more, blank;
    fcl_csv *csv = NULL;
    FCL_TRY(fcl_file_size(&size, path));
    FCL_TRY(FCL_NEW(&csv, 1, "a CSV file"));
    if (!(csv->path = fcl_duplicate(path))) {
        status = FCL_E_MEMORY;
        goto done;
    }
    if (!(csv->stream = fopen(path, "rb"))) {
        status = fcl_fail_errno("open", path);
        goto done;
    }
    if (csv_init(&csv->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        status = fcl_fail_memory("a CSV parser", sizeof csv->parser);
        goto done;
    }
    csv->parser_ready = 1;
    FCL_TRY(read_line(&more, csv));
    if (more) drop_byte_order_mark(csv);
    if (!more || csv->line_length == 0) {
        status = fcl_fail(FCL_E_INPUT, "%s: the file is empty", path);
        goto done;
    }
    FCL_TRY(parse_line(&blank, csv, &csv->header));
    if (blank) {
        status = fcl_fail(FCL_E_INPUT, "%s:1:1: the first line is blank; it must name the columns", path);
        goto done;
    }
    FCL_TRY(check_names(csv));
    *out = csv;
    csv = NULL;
done:
    fcl_csv_close(csv);
    return status;
}

size_t fcl_csv_n_columns(const fcl_csv *csv) {
    return csv->header.n;
}

const char *fcl_csv_column_name(const fcl_csv *csv, size_t column) {
    return csv->header.text + csv->header.begins[column];
}

size_t fcl_csv_find(const fcl_csv *csv, const char *name) {
    for (size_t i = 0; i < csv->header.n; i++)
        if (strcmp(fcl_csv_column_name(csv, i), name) == 0) return i;
    return SIZE_MAX;
}

fcl_status fcl_csv_require(size_t *out, const fcl_csv *csv, const char *name) {
    size_t column = fcl_csv_find(csv, name);
    if (column != SIZE_MAX) {
        *out = column;
        return FCL_OK;
    }
    fcl_text names = FCL_TEXT_EMPTY;
    for (size_t i = 0; i < csv->header.n; i++)
        fcl_text_appendf(&names, "%s%.*s", i ? ", " : "", MAX_SHOWN_BYTES, fcl_csv_column_name(csv, i));
    fcl_status status = fcl_text_status(&names);
    if (status == FCL_OK)
        status = fcl_fail(FCL_E_INPUT, "%s:1: the column '%s' is missing; the file has: %s", csv->path, name,
                          fcl_text_get(&names));
    fcl_text_dispose(&names);
    return status;
}

static fcl_status check_count(const fcl_csv *csv) {
    if (csv->current.n == csv->header.n) return FCL_OK;
    int longer = csv->current.n > csv->header.n;
    return fcl_fail(FCL_E_INPUT, "%s:%zu:%zu: the row has %zu fields, the header has %zu", csv->path, csv->line_number,
                    editor_column(csv, longer ? field_offset(csv, csv->header.n) : strcspn(csv->line, "\r\n")),
                    csv->current.n, csv->header.n);
}

fcl_status fcl_csv_next(int *more, fcl_csv *csv) {
    int another, blank;
    for (;;) {
        fcl_status status = read_line(&another, csv);
        if (status != FCL_OK) return status;
        if (!another) {
            *more = 0;
            return FCL_OK;
        }
        if ((status = parse_line(&blank, csv, &csv->current)) != FCL_OK) return status;
        if (!blank) break;
        if (!csv->blank_line) csv->blank_line = csv->line_number;
    }
    if (csv->blank_line)
        return fcl_fail(FCL_E_INPUT, "%s:%zu:1: a blank line between rows; an unlabelled row still has its commas",
                        csv->path, csv->blank_line);
    fcl_status status = check_count(csv);
    if (status != FCL_OK) return status;
    *more = 1;
    return FCL_OK;
}

const char *fcl_csv_field(const fcl_csv *csv, size_t column) {
    return csv->current.text + csv->current.begins[column];
}

fcl_status fcl_csv_number(double *out, const fcl_csv *csv, size_t column) {
    const char *text = fcl_csv_field(csv, column);
    if (fcl_parse_double(out, text)) return FCL_OK;
    return fcl_csv_fail(csv, column, "'%.*s' is not a number", MAX_SHOWN_BYTES, text);
}

fcl_status fcl_csv_fail(const fcl_csv *csv, size_t column, const char *format, ...) {
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return fcl_fail(FCL_E_INPUT, "%s:%zu:%zu: column '%.*s': %s", csv->path, csv->line_number,
                    editor_column(csv, field_offset(csv, column)), MAX_SHOWN_BYTES, fcl_csv_column_name(csv, column),
                    message);
}
