/* history.csv: one row an epoch. */
#ifndef FCL_TRAIN_HISTORY_H
#define FCL_TRAIN_HISTORY_H

#include "base/error.h"

typedef struct fcl_history_row {
    unsigned epoch;                                  /* from 1 */
    double train_loss, train_mae, val_loss, val_mae; /* losses in network units, MAE in pixels */
    double learning_rate;                            /* of the epoch's last step */
    double seconds, images_per_second;               /* of training, validation not counted */
} fcl_history_row;

typedef struct fcl_history {
    fcl_history_row *rows;
    size_t n, capacity;
} fcl_history;

void fcl_history_dispose(fcl_history *history);
fcl_status fcl_history_add(fcl_history *history, const fcl_history_row *row);
/* Whole or not at all. Numbers have 9 digits, enough to tell two floats apart. */
fcl_status fcl_history_write(const fcl_history *history, const char *path);
/* Rows of epochs 1..last; it is an error when one of them is missing. */
fcl_status fcl_history_read(fcl_history *out, const char *path, unsigned last);

#endif
