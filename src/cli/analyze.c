#include "base/text.h"
#include "cli/options.h"

static fcl_status run(const fcl_arguments *arguments) {
    fcl_status status;
    fcl_data_paths paths;
    fcl_dataset *dataset = NULL;
    const char *out = fcl_argument_text(arguments, "out");
    int figures;
    if (!out) out = "analysis";
    FCL_TRY(fcl_arguments_data(&paths, arguments));
    FCL_TRY(fcl_dataset_load(&dataset, &paths));
    FCL_TRY(fcl_analyze(dataset, out, &figures));
    printf("%zu images analyzed: tables%s in %s\n", dataset->n, figures ? " and figures" : "", out);
done:
    fcl_dataset_free(dataset);
    return status;
}

static const fcl_option options[] = {
    FCL_OPTIONS_DATA,
    {"out", 'o', FCL_OPTION_TEXT, "FOLDER", "where tables and figures go (default: analysis)"},
    {0},
};

const fcl_command fcl_command_analyze = {
    .name = "analyze",
    .summary = "describe raw data: missing labels, statistics, outliers, sample faces",
    .operands = "DATA",
    .description = "Reads raw data, a folder with face_images.npz and facial_keypoints.csv for example, and writes "
                   "tables\n"
                   "(CSV) and figures (SVG and PNG, drawn by gnuplot) of labels and pixels. Without gnuplot only the\n"
                   "figures are missing. Files of an earlier analysis are replaced.\n",
    .examples = "  fiducl analyze faces\n"
                "  fiducl analyze --images face_images.npz --keypoints training.csv --out analysis\n",
    .options = options,
    .max_operands = 1,
    .statuses = (const fcl_status[]){FCL_OK},
    .run = run,
};
