#include <stdlib.h>

#include "cli/auto.h"
#include "cli/options.h"
#include "dataset/batches.h"

enum { DEFAULT_BATCH = 32, MAX_BATCH = 65536 };

static fcl_status run(const fcl_arguments *arguments) {
    fcl_status status;
    fcl_model *model = NULL;
    fcl_memory_request request = {0};
    char *text = NULL, *device = NULL;
    const char *name;
    size_t batch = DEFAULT_BATCH;
    FCL_TRY(fcl_argument_need_operand(&name, arguments, 0, "MODEL"));
    FCL_TRY(fcl_argument_whole(&batch, arguments, "batch-size", 1, MAX_BATCH));
    FCL_TRY(fcl_arguments_memory_limit(&request.limit, arguments));
    request.batch = (unsigned)batch;
    request.staging_bytes = fcl_batches_bytes(batch);
    FCL_TRY(fcl_model_load(&model, name));
    if (fcl_argument_flag(arguments, "device"))
        FCL_TRY(fcl_choose_device(&device, fcl_argument_text(arguments, "device"), name, batch));
    if (device) FCL_TRY(fcl_device_open(&request.device, device, 0));
    if (fcl_argument_flag(arguments, "json"))
        FCL_TRY(fcl_model_summary_json(&text, model, &request));
    else
        FCL_TRY(fcl_model_summary(&text, model, &request));
    fputs(text, stdout);
done:
    free(text);
    free(device);
    fcl_model_free(model);
    fcl_device_free(request.device);
    return status;
}

static const fcl_option options[] = {
    {"batch-size", 'b', FCL_OPTION_TEXT, "N", "images a step, for the memory it takes (default: 32)"},
    {"device", 'd', FCL_OPTION_TEXT, "SEL",
     "to train on: its limits, and the workspace its solvers are likely to need"},
    FCL_OPTION_MEMORY_LIMIT,
    {"json", 0, FCL_OPTION_FLAG, NULL, "the same as JSON"},
    {0},
};

const fcl_command fcl_command_summary = {
    .name = "summary",
    .summary = "show a model's layers, shapes, parameters, FLOP and memory",
    .operands = "MODEL",
    .description = "MODEL is the name of a model that ships (base_model, model_v1, naimishnet) or a file.\n",
    .examples = "  fiducl summary base_model\n"
                "  fiducl summary ./my_model.cfg --batch-size 128 --json\n"
                "  fiducl summary model_v1 --device gpu --memory-limit 512M\n",
    .options = options,
    .max_operands = 1,
    .statuses = (const fcl_status[]){FCL_STATUSES_DEVICE, FCL_OK},
    .run = run,
};
