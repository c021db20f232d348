#include "cli/options.h"

static fcl_status plot(const fcl_eval_options *options) {
    fcl_status status = fcl_plot_run(options);
    if (status == FCL_OK) printf("figures in %s\n", fcl_eval_folder(options));
    return status;
}

static fcl_status run(const fcl_arguments *arguments) {
    return fcl_arguments_eval(arguments, plot);
}

static const fcl_option options[] = {FCL_OPTIONS_EVAL, {0}};

const fcl_command fcl_command_plot = {
    .name = "plot",
    .summary = "draw a run's loss, sample faces and error distribution",
    .operands = "RUN",
    .description =
        "Draws with gnuplot, each as SVG, PNG and the CSV of what is drawn: loss (training and validation),\n"
        "samples (labels and predictions over faces of the split), errors (the share of keypoints within a\n"
        "distance). Earlier figures are replaced.\n",
    .examples = "  fiducl plot runs/base\n"
                "  fiducl plot runs/base --split validation --out figures\n",
    .options = options,
    .max_operands = 1,
    .statuses = (const fcl_status[]){FCL_STATUSES_DEVICE, FCL_E_MISSING_PROGRAM, FCL_E_INTERRUPTED, FCL_OK},
    .interruptible = 1,
    .run = run,
};
