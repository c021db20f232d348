#include "cli/options.h"

static fcl_status predict(const fcl_eval_options *options) {
    fcl_status status = fcl_predict(options);
    if (status == FCL_OK) printf("predictions in %s/predictions.csv\n", fcl_eval_folder(options));
    return status;
}

static fcl_status run(const fcl_arguments *arguments) {
    return fcl_arguments_eval(arguments, predict);
}

static const fcl_option options[] = {FCL_OPTIONS_EVAL, {0}};

const fcl_command fcl_command_predict = {
    .name = "predict",
    .summary = "find the keypoints of images with a trained run",
    .operands = "RUN",
    .description = "Writes predictions.csv: the row of each image and its 30 coordinates in pixels, in "
                   "Kaggle's names and\n"
                   "order. Images need no labels. An earlier predictions.csv is replaced.\n",
    .examples = "  fiducl predict runs/base\n"
                "  fiducl predict runs/base --split validation --out .\n"
                "  fiducl predict runs/base --images faces.npy --out found\n",
    .options = options,
    .max_operands = 1,
    .statuses = FCL_STATUSES_EVAL,
    .interruptible = 1,
    .run = run,
};
