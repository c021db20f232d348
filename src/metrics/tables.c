#include "metrics/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/csv.h"

/* The columns of scores, in the file's order. A count stands after the figures that are over it. */
typedef struct column {
    const char *name;
    size_t offset;
    int is_count;
} column;
#define FIGURE(name, member)                                                                                           \
    { name, offsetof(fcl_scores, member), 0 }
#define COUNT(name, member)                                                                                            \
    { name, offsetof(fcl_scores, member), 1 }
static const column columns[] = {
    COUNT("n", n_rows),
    FIGURE("mae", mae),
    FIGURE("rmse", rmse),
    FIGURE("nme", nme),
    FIGURE("accuracy_5px", accuracy[0]),
    FIGURE("accuracy_10px", accuracy[1]),
    FIGURE("accuracy_15px", accuracy[2]),
    FIGURE("mean_error", mean_error),
    COUNT("n_coordinates", n_coordinates),
    COUNT("n_keypoints", n_keypoints),
    COUNT("n_nme", n_nme),
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

static size_t *count_of(fcl_scores *scores, const column *c) {
    return (size_t *)(void *)((char *)scores + c->offset);
}

static double *figure_of(fcl_scores *scores, const column *c) {
    return (double *)(void *)((char *)scores + c->offset);
}

/* A field of text, quoted when it has to be (RFC 4180). */
static void write_text(FILE *stream, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, stream);
        return;
    }
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"') fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

static void write_header(FILE *stream, const char *first) {
    fputs(first, stream);
    for (unsigned c = 0; c < N_COLUMNS; c++) fprintf(stream, ",%s", columns[c].name);
    fputc('\n', stream);
}

static void write_scores(FILE *stream, fcl_scores scores) {
    for (unsigned c = 0; c < N_COLUMNS; c++) {
        fputc(',', stream);
        if (columns[c].is_count)
            fprintf(stream, "%zu", *count_of(&scores, &columns[c]));
        else if (!isnan(*figure_of(&scores, &columns[c])))
            fcl_print(stream, "%.6g", *figure_of(&scores, &columns[c]));
    }
    fputc('\n', stream);
}

fcl_status fcl_evaluation_write(const char *path, const fcl_evaluation_row *rows, size_t n) {
    fcl_file_writer writer;
    fcl_status status = fcl_file_writer_open(&writer, path);
    if (status != FCL_OK) return status;
    write_header(writer.stream, "model,split");
    for (size_t i = 0; i < n; i++) {
        write_text(writer.stream, rows[i].model);
        fputc(',', writer.stream);
        write_text(writer.stream, rows[i].split);
        write_scores(writer.stream, rows[i].scores);
    }
    return fcl_file_writer_commit(&writer);
}

fcl_status fcl_keypoint_scores_write(const char *path, const fcl_keypoint_rows *rows, size_t n) {
    fcl_file_writer writer;
    fcl_status status = fcl_file_writer_open(&writer, path);
    if (status != FCL_OK) return status;
    write_header(writer.stream, "model,split,keypoint");
    for (size_t i = 0; i < n; i++) {
        for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++) {
            write_text(writer.stream, rows[i].model);
            fputc(',', writer.stream);
            write_text(writer.stream, rows[i].split);
            fprintf(writer.stream, ",%s", fcl_keypoint_name(k));
            write_scores(writer.stream, rows[i].scores[k]);
        }
    }
    return fcl_file_writer_commit(&writer);
}

fcl_status fcl_predictions_write(const char *path, const fcl_dataset *dataset, const float *predictions) {
    fcl_file_writer writer;
    fcl_status status = fcl_file_writer_open(&writer, path);
    if (status != FCL_OK) return status;
    fputs("row", writer.stream);
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++) fprintf(writer.stream, ",%s", fcl_coordinate_name(c));
    fputc('\n', writer.stream);
    for (size_t i = 0; i < dataset->n; i++) {
        fprintf(writer.stream, "%lu", (unsigned long)dataset->rows[i]);
        for (size_t c = 0; c < FCL_N_COORDINATES; c++)
            fcl_print(writer.stream, ",%.6g", (double)predictions[i * FCL_N_COORDINATES + c]);
        fputc('\n', writer.stream);
    }
    return fcl_file_writer_commit(&writer);
}

void fcl_evaluation_free(fcl_evaluation_row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        free((char *)rows[i].model);
        free((char *)rows[i].split);
    }
    free(rows);
}

static fcl_status read_scores(fcl_scores *out, const fcl_csv *csv, const size_t where[N_COLUMNS]) {
    fcl_status status = FCL_OK;
    for (unsigned c = 0; c < N_COLUMNS; c++) {
        const char *field = fcl_csv_field(csv, where[c]);
        if (columns[c].is_count) {
            if (!fcl_parse_size(count_of(out, &columns[c]), field))
                return fcl_csv_fail(csv, where[c], "'%s' is not a count", field);
        } else if (*field) {
            FCL_TRY(fcl_csv_number(figure_of(out, &columns[c]), csv, where[c]));
        } else {
            *figure_of(out, &columns[c]) = NAN;
        }
    }
done:
    return status;
}

fcl_status fcl_evaluation_read(fcl_evaluation_row **rows, size_t *n, const char *path) {
    fcl_status status;
    fcl_csv *csv = NULL;
    fcl_evaluation_row *list = NULL;
    size_t count = 0, capacity = 0, model, split, where[N_COLUMNS];
    FCL_TRY(fcl_csv_open(&csv, path));
    FCL_TRY(fcl_csv_require(&model, csv, "model"));
    FCL_TRY(fcl_csv_require(&split, csv, "split"));
    for (unsigned c = 0; c < N_COLUMNS; c++) FCL_TRY(fcl_csv_require(&where[c], csv, columns[c].name));
    for (;;) {
        int more;
        FCL_TRY(fcl_csv_next(&more, csv));
        if (!more) break;
        void *grown = list;
        FCL_TRY(fcl_grow(&grown, &capacity, count + 1, sizeof *list, "rows of an evaluation"));
        list = grown;
        fcl_evaluation_row *row = &list[count++];
        *row = (fcl_evaluation_row){.model = fcl_duplicate(fcl_csv_field(csv, model)),
                                    .split = fcl_duplicate(fcl_csv_field(csv, split))};
        if (!row->model || !row->split) {
            status = FCL_E_MEMORY;
            goto done;
        }
        FCL_TRY(read_scores(&row->scores, csv, where));
    }
    *rows = list;
    *n = count;
    list = NULL;
    count = 0;
done:
    fcl_csv_close(csv);
    fcl_evaluation_free(list, count);
    return status;
}

static void append_figure(fcl_text *text, double value, int width, int decimals) {
    if (isnan(value))
        fcl_text_appendf(text, "%*s", width, "-");
    else
        fcl_text_appendf(text, "%*.*f", width, decimals, value);
}

fcl_status fcl_evaluation_table(char **out, const fcl_evaluation_row *rows, size_t n) {
    fcl_text text = FCL_TEXT_EMPTY;
    int name_width = (int)strlen("model");
    for (size_t i = 0; i < n; i++)
        if ((int)strlen(rows[i].model) > name_width) name_width = (int)strlen(rows[i].model);
    fcl_text_appendf(&text, "%-*s  %-10s %6s  %7s %7s %6s  %6s %7s %7s\n", name_width, "model", "split", "images",
                     "MAE px", "RMSE px", "NME %", "<=5 px", "<=10 px", "<=15 px");
    for (size_t i = 0; i < n; i++) {
        const fcl_scores *s = &rows[i].scores;
        fcl_text_appendf(&text, "%-*s  %-10s %6zu ", name_width, rows[i].model, rows[i].split, s->n_rows);
        append_figure(&text, s->mae, 8, 2);
        append_figure(&text, s->rmse, 8, 2);
        append_figure(&text, s->nme, 7, 2);
        append_figure(&text, s->accuracy[0], 8, 1);
        append_figure(&text, s->accuracy[1], 8, 1);
        append_figure(&text, s->accuracy[2], 8, 1);
        fcl_text_append(&text, "\n");
    }
    fcl_text_append(&text,
                    "MAE and RMSE over coordinates; NME in per cent of the distance of the eyes; the last columns: "
                    "per cent of\nkeypoints within that distance. `mean` predicts the mean of the training labels.\n");
    fcl_status status = fcl_text_status(&text);
    if (status != FCL_OK) {
        fcl_text_dispose(&text);
        return status;
    }
    *out = text.data;
    return FCL_OK;
}
