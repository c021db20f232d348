#include "cli/auto.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/terminal.h"
#include "fiducl/auto.h"
#include "train/run.h"

/* *out is a copy of the chosen one's selector. The table is logged where it is new, and printed with `explain`. */
static fcl_status choose(char **out, const char *selector, const char *model_name, size_t batch, int explain) {
    fcl_status status;
    fcl_model *model = NULL;
    fcl_auto_choice *choice = NULL;
    char *text = NULL;
    FCL_TRY(fcl_model_load(&model, model_name));
    FCL_TRY(fcl_auto_choose(&choice, selector, model, (unsigned)batch));
    FCL_TRY(explain || !choice->is_remembered ? fcl_auto_table(&text, choice) : fcl_auto_line(&text, choice));
    if (explain) {
        fcl_terminal_clear();
        fputs(text, stdout);
    } else {
        fcl_log_lines(FCL_LOG_INFO, text);
    }
    if (!(*out = fcl_duplicate(choice->candidates[choice->chosen].device))) status = FCL_E_MEMORY;
done:
    free(text);
    fcl_auto_choice_free(choice);
    fcl_model_free(model);
    return status;
}

static fcl_status copy_or_null(char **out, const char *selector) {
    *out = selector ? fcl_duplicate(selector) : NULL;
    return selector && !*out ? FCL_E_MEMORY : FCL_OK;
}

fcl_status fcl_choose_device(char **out, const char *selector, const char *model, size_t batch) {
    return fcl_selector_is_auto(selector) ? choose(out, selector, model, batch, 0) : copy_or_null(out, selector);
}

static fcl_status fail_explain(void) {
    return fcl_fail(FCL_E_USAGE, "--explain is for --device auto, which measures; any other device is what was named");
}

fcl_status fcl_arguments_device(char **out, int *is_over, const fcl_arguments *arguments, const char *model,
                                size_t batch) {
    const char *selector = fcl_argument_text(arguments, "device");
    const int explain = fcl_argument_flag(arguments, "explain");
    *is_over = explain;
    if (!explain) return fcl_choose_device(out, selector, model, batch);
    return fcl_selector_is_auto(selector) ? choose(out, selector, model, batch, 1) : fail_explain();
}

fcl_status fcl_arguments_run_device(char **out, int *is_over, const fcl_arguments *arguments, const char *run_folder) {
    fcl_status status;
    fcl_run run = {0};
    fcl_recipe recipe;
    char *model = NULL;
    const char *selector = fcl_argument_text(arguments, "device");
    const int explain = fcl_argument_flag(arguments, "explain");
    if (!selector || !fcl_selector_is_auto(selector)) {
        *is_over = 0;
        return explain ? fail_explain() : copy_or_null(out, selector);
    }
    FCL_TRY(fcl_run_open(&run, run_folder));
    FCL_TRY(fcl_run_recipe(&recipe, &run));
    FCL_TRY(fcl_run_path(&model, &run, "model.cfg"));
    FCL_TRY(fcl_arguments_device(out, is_over, arguments, model, recipe.batch));
done:
    free(model);
    fcl_run_dispose(&run);
    return status;
}
