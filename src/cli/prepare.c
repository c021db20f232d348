#include "cli/options.h"

static fcl_status run(const fcl_arguments *arguments) {
    fcl_status status;
    fcl_data_paths paths;
    fcl_prepare_arguments prepare = {0};
    fcl_dataset *dataset = NULL;
    const char *out;
    FCL_TRY(fcl_argument_need_text(&out, arguments, "out"));
    FCL_TRY(fcl_arguments_data(&paths, arguments));
    FCL_TRY(fcl_arguments_prepare(&prepare, arguments));
    FCL_TRY(fcl_dataset_load(&dataset, &paths));
    FCL_TRY(fcl_prepare(dataset, &prepare.options, out));
    printf("Prepared data in %s; manifest.json there describes them\n", out);
done:
    fcl_dataset_free(dataset);
    fcl_prepare_arguments_dispose(&prepare);
    return status;
}

static const fcl_option options[] = {
    {"out", 'o', FCL_OPTION_TEXT, "FOLDER", "where the prepared data go"},
    FCL_OPTIONS_DATA,
    FCL_OPTIONS_SPLIT,
    FCL_OPTION_SEED("(default: 0)"),
    FCL_OPTION_FORCE,
    {0},
};

const fcl_command fcl_command_prepare = {
    .name = "prepare",
    .summary = "validate raw data and split them for training",
    .operands = "DATA --out FOLDER",
    .description = "Reads and validates raw data and splits them into training, validation and test data, by rows or "
                   "by\n"
                   "groups (images of one person, say). The splits are arrays that numpy opens; manifest.json records\n"
                   "how they came about and the hashes of all files. The same seed gives the same splits.\n",
    .examples = "  fiducl prepare faces --out prepared\n"
                "  fiducl prepare faces --out prepared --split 5639,705,705 --seed 1\n"
                "  fiducl prepare faces --out prepared --split 0.8,0.1,0.1 --group-by groups.csv:identity\n",
    .options = options,
    .max_operands = 1,
    .statuses = (const fcl_status[]){FCL_E_EXISTS, FCL_OK},
    .run = run,
};
