#include "cli/options.h"

enum { DEFAULT_COUNT = 2000, MAX_COUNT = 10000000 };

static fcl_status run(const fcl_arguments *arguments) {
    fcl_status status;
    const char *out;
    size_t count = DEFAULT_COUNT, seed = 0;
    FCL_TRY(fcl_argument_need_text(&out, arguments, "out"));
    FCL_TRY(fcl_argument_whole(&count, arguments, "count", 1, MAX_COUNT));
    FCL_TRY(fcl_argument_whole(&seed, arguments, "seed", 0, SIZE_MAX));
    const fcl_synth_options options = {.count = count,
                                       .seed = seed,
                                       .complete = fcl_argument_flag(arguments, "complete"),
                                       .force = fcl_argument_flag(arguments, "force")};
    FCL_TRY(fcl_synth(&options, out));
    printf("%zu faces in %s\n", count, out);
done:
    return status;
}

static const fcl_option options[] = {
    {"out", 'o', FCL_OPTION_TEXT, "FOLDER", "where the files go"},
    {"count", 'n', FCL_OPTION_TEXT, "N", "how many faces (default: 2000)"},
    FCL_OPTION_SEED("(default: 0)"),
    {"complete", 0, FCL_OPTION_FLAG, NULL, "leave no label out"},
    FCL_OPTION_FORCE,
    {0},
};

const fcl_command fcl_command_synth = {
    .name = "synth",
    .summary = "draw synthetic faces with keypoints in the Kaggle schema",
    .operands = "--out FOLDER",
    .description =
        "Draws faces whose keypoints are known exactly: face_images.npz, facial_keypoints.csv with labels\n"
        "missing as in the Kaggle data set, facial_keypoints_complete.csv with none missing, and groups.csv\n"
        "with who is on which image, for `fiducl prepare --group-by FOLDER/groups.csv:identity`. The same seed\n"
        "gives the same bytes.\n",
    .examples = "  fiducl synth --out faces\n"
                "  fiducl synth --out faces --count 500 --seed 7 --complete --force\n",
    .options = options,
    .statuses = (const fcl_status[]){FCL_E_EXISTS, FCL_OK},
    .run = run,
};
