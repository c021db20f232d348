#include "train/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "ops/operation.h"

/* The log is opened when the run's folder is there, since it may lie in it; a place that cannot work is found before. */
static fcl_status check_step_log(const fcl_train_options *options) {
    if (!options->step_log || (fcl_path_exists(options->step_log) && fcl_path_is_writable(options->step_log) &&
                               !fcl_path_is_folder(options->step_log)))
        return FCL_OK;
    fcl_status status = FCL_OK;
    char *folder = fcl_folder_of(options->step_log);
    if (!folder) return FCL_E_MEMORY;
    int usable = fcl_path_is_folder(folder) ? fcl_path_is_writable(folder) : strcmp(folder, options->out) == 0;
    if (!usable || fcl_path_is_folder(options->step_log))
        status = fcl_fail(FCL_E_IO, "cannot write the log of steps '%s'", options->step_log);
    free(folder);
    return status;
}

fcl_status fcl_train_check_duties(const double *duties, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        if (!(duties[i] > 0.0 && duties[i] <= 1.0))
            return fcl_fail(FCL_E_USAGE, "a duty of %g: it is a share of the time, up to 1", duties[i]);
    return FCL_OK;
}

static fcl_status check_shares(const unsigned *shares, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        if (shares[i] == 0) return fcl_fail(FCL_E_USAGE, "a share of 0: leave the device out instead");
    return FCL_OK;
}

fcl_status fcl_train_check(const fcl_train_options *options) {
    fcl_status status;
    fcl_model *model = NULL;
    fcl_choice *choice = NULL;
    FCL_TRY(fcl_recipe_check(&options->recipe));
    FCL_TRY(fcl_train_check_duties(options->duties, options->n_duties));
    FCL_TRY(check_shares(options->shares, options->n_shares));
    FCL_TRY(fcl_model_load(&model, options->model));
    FCL_TRY(fcl_choice_create(&choice));
    for (const char *const *solver = options->solvers; solver && *solver; solver++)
        FCL_TRY(fcl_choice_force(choice, *solver));
    /* What config.json records. */
    const char *const texts[] = {options->prepared, options->model, options->device, options->init_weights,
                                 options->step_log};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i]) FCL_TRY(fcl_json_check_text(texts[i]));
    FCL_TRY(fcl_folder_check_outside(options->out, options->prepared));
    FCL_TRY(fcl_folder_check_outside(options->out, options->init_weights));
    if (fcl_is_path(options->model)) FCL_TRY(fcl_folder_check_outside(options->out, options->model));
    FCL_TRY(check_step_log(options));
done:
    fcl_model_free(model);
    fcl_choice_free(choice);
    return status;
}
