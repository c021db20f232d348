#include "train/history.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

static const char header[] = "epoch,train_loss,train_mae,val_loss,val_mae,learning_rate,seconds,images_per_second\n";

void fcl_history_dispose(fcl_history *history) {
    free(history->rows);
    *history = (fcl_history){0};
}

fcl_status fcl_history_add(fcl_history *history, const fcl_history_row *row) {
    void *rows = history->rows;
    fcl_status status = fcl_grow(&rows, &history->capacity, history->n + 1, sizeof *row, "the history");
    if (status != FCL_OK) return status;
    history->rows = rows;
    history->rows[history->n++] = *row;
    return FCL_OK;
}

fcl_status fcl_history_write(const fcl_history *history, const char *path) {
    fcl_file_writer writer;
    fcl_status status = fcl_file_writer_open(&writer, path);
    if (status != FCL_OK) return status;
    fputs(header, writer.stream);
    for (size_t i = 0; i < history->n; i++) {
        const fcl_history_row *r = &history->rows[i];
        fcl_print(writer.stream, "%u,%.9g,%.9g,%.9g,%.9g,%.9g,%.3f,%.1f\n", r->epoch, r->train_loss, r->train_mae,
                  r->val_loss, r->val_mae, r->learning_rate, r->seconds, r->images_per_second);
    }
    return fcl_file_writer_commit(&writer);
}

fcl_status fcl_history_read(fcl_history *out, const char *path, unsigned last) {
    fcl_status status;
    fcl_history history = {0};
    char *text = NULL;
    size_t n_bytes;
    FCL_TRY(fcl_file_read(&text, &n_bytes, path));
    if (strncmp(text, header, strlen(header)) != 0) {
        status = fcl_fail(FCL_E_INPUT, "%s:1: the header is not that of a history", path);
        goto done;
    }
    unsigned line = 2;
    for (char *p = text + strlen(header); history.n < last; line++) {
        fcl_history_row r;
        char *end = strchr(p, '\n');
        if (!end || fcl_scan(p, "%u,%lf,%lf,%lf,%lf,%lf,%lf,%lf", &r.epoch, &r.train_loss, &r.train_mae, &r.val_loss,
                             &r.val_mae, &r.learning_rate, &r.seconds, &r.images_per_second) != 8) {
            status =
                fcl_fail(FCL_E_INPUT, "%s:%u: the row of epoch %zu is missing or damaged", path, line, history.n + 1);
            goto done;
        }
        if (r.epoch != history.n + 1) {
            status =
                fcl_fail(FCL_E_INPUT, "%s:%u: epoch %u stands where %zu should", path, line, r.epoch, history.n + 1);
            goto done;
        }
        FCL_TRY(fcl_history_add(&history, &r));
        p = end + 1;
    }
    *out = history;
    history = (fcl_history){0};
done:
    fcl_history_dispose(&history);
    free(text);
    return status;
}
