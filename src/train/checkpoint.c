#include "train/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define FORMAT "fiducl checkpoint 2"

/* The position as one line of text: hexadecimal floats, so that every bit comes back. */
#define PRINT_POSITION "%" PRIu64 " %u %" PRIu64 " %a %a %a %a %a %a %u %a %a %u %d"
#define SCAN_POSITION  "%" SCNu64 " %u %" SCNu64 " %la %la %la %la %la %la %u %la %la %u %d%n"
enum { N_POSITION = 14, POSITION_BYTES = 512 };

/* What is on the device; the best weights follow. */
enum { N_ARENAS = 3, N_SETS };
static const char *const prefixes[N_SETS] = {"", "adam_m/", "adam_v/", "best/"};
static const fcl_arena arenas[N_ARENAS] = {FCL_PARAMETERS, FCL_MOMENT1, FCL_MOMENT2};

static void dispose_all(fcl_tensors tensors[N_ARENAS]) {
    for (int i = 0; i < N_ARENAS; i++) fcl_tensors_dispose(&tensors[i]);
}

/* Before the first epoch's end there are no best weights. */
static unsigned n_sets(const fcl_position *position) {
    return position->best_epoch ? N_SETS : N_ARENAS;
}

fcl_status fcl_checkpoint_write(const char *path, fcl_team *team, fcl_tensors *best, const fcl_position *p) {
    fcl_status status = FCL_OK;
    fcl_network *network = fcl_team_first(team)->network; /* all are alike */
    fcl_tensors tensors[N_ARENAS] = {{0}};
    fcl_tensor_set sets[N_SETS] = {[N_ARENAS] = {prefixes[N_ARENAS], best}};
    for (int i = 0; i < N_ARENAS; i++) {
        FCL_TRY(fcl_tensors_init(&tensors[i], fcl_network_model(network)));
        FCL_TRY(fcl_network_read(&tensors[i], network, arenas[i]));
        sets[i] = (fcl_tensor_set){prefixes[i], &tensors[i]};
    }
    char text[POSITION_BYTES];
    snprintf(text, sizeof text, PRINT_POSITION, p->step, p->epoch, p->batch, p->loss_sum, p->mae_sum, p->labelled,
             p->images, p->seconds, p->total_seconds, p->best_epoch, p->best_val_loss, p->best_val_mae, p->wait,
             (int)p->finish);
    const fcl_metadata metadata[] = {{"format", FORMAT}, {"position", text}, {NULL, NULL}};
    FCL_TRY(fcl_safetensors_write(path, sets, n_sets(p), metadata));
done:
    dispose_all(tensors);
    return status;
}

fcl_status fcl_checkpoint_position(fcl_position *out, const char *path) {
    fcl_status status = FCL_OK;
    char *format = NULL, *text = NULL;
    fcl_position p = {0};
    int finish = 0, length = 0;
    FCL_TRY(fcl_safetensors_metadata(&format, path, "format"));
    FCL_TRY(fcl_safetensors_metadata(&text, path, "position"));
    if (!format || strcmp(format, FORMAT) != 0 || !text) {
        status = fcl_fail(FCL_E_INPUT, "%s: not a checkpoint of this version of fiducl", path);
        goto done;
    }
    int n = fcl_scan(text, SCAN_POSITION, &p.step, &p.epoch, &p.batch, &p.loss_sum, &p.mae_sum, &p.labelled, &p.images,
                     &p.seconds, &p.total_seconds, &p.best_epoch, &p.best_val_loss, &p.best_val_mae, &p.wait, &finish,
                     &length);
    if (n != N_POSITION || text[length] != '\0' || finish < FCL_UNFINISHED || finish > FCL_FINISHED_STEPS) {
        status = fcl_fail(FCL_E_INPUT, "%s: the checkpoint's position is damaged", path);
        goto done;
    }
    p.finish = (fcl_finish)finish;
    *out = p;
done:
    free(format);
    free(text);
    return status;
}

fcl_status fcl_checkpoint_read(fcl_position *out, fcl_team *team, fcl_tensors *best, const char *path) {
    fcl_status status = FCL_OK;
    const fcl_model *model = fcl_network_model(fcl_team_first(team)->network);
    fcl_tensors tensors[N_ARENAS] = {{0}};
    fcl_tensor_set sets[N_SETS] = {[N_ARENAS] = {prefixes[N_ARENAS], best}};
    fcl_position position;
    FCL_TRY(fcl_checkpoint_position(&position, path));
    for (int i = 0; i < N_ARENAS; i++) {
        FCL_TRY(fcl_tensors_init(&tensors[i], model));
        sets[i] = (fcl_tensor_set){prefixes[i], &tensors[i]};
    }
    FCL_TRY(fcl_safetensors_read(path, sets, n_sets(&position)));
    for (int i = 0; i < N_ARENAS; i++) FCL_TRY(fcl_team_write(team, arenas[i], &tensors[i]));
    *out = position;
done:
    dispose_all(tensors);
    return status;
}
