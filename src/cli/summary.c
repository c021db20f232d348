#include <stdlib.h>

#include "cli/options.h"

enum { DEFAULT_BATCH = 32, MAX_BATCH = 65536 };

static fcl_status run(const fcl_arguments *arguments) {
    fcl_status status;
    fcl_model *model = NULL;
    char *text = NULL;
    const char *name;
    size_t batch = DEFAULT_BATCH;
    FCL_TRY(fcl_argument_need_operand(&name, arguments, 0, "MODEL"));
    FCL_TRY(fcl_argument_whole(&batch, arguments, "batch-size", 1, MAX_BATCH));
    FCL_TRY(fcl_model_load(&model, name));
    if (fcl_argument_flag(arguments, "json"))
        FCL_TRY(fcl_model_summary_json(&text, model, (unsigned)batch));
    else
        FCL_TRY(fcl_model_summary(&text, model, (unsigned)batch));
    fputs(text, stdout);
done:
    free(text);
    fcl_model_free(model);
    return status;
}

static const fcl_option options[] = {
    {"batch-size", 'b', FCL_OPTION_TEXT, "N", "images a step, for the memory it takes (default: 32)"},
    {"json", 0, FCL_OPTION_FLAG, NULL, "the same as JSON"},
    {0},
};

const fcl_command fcl_command_summary = {
    .name = "summary",
    .summary = "show a model's layers, shapes, parameters, FLOP and memory",
    .operands = "MODEL",
    .description = "MODEL is the name of a model that ships (base_model, model_v1, naimishnet) or a file.\n",
    .examples = "  fiducl summary base_model\n"
                "  fiducl summary ./my_model.cfg --batch-size 128 --json\n",
    .options = options,
    .max_operands = 1,
    .statuses = (const fcl_status[]){FCL_OK},
    .run = run,
};
