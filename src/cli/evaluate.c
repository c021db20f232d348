#include <stdlib.h>

#include "cli/options.h"
#include "cli/terminal.h"

static fcl_status evaluate(const fcl_eval_options *options) {
    char *table;
    fcl_status status = fcl_evaluate(&table, options);
    if (status != FCL_OK) return status;
    fcl_terminal_clear();
    fputs(table, stdout);
    printf("Tables and the error figure in %s\n", fcl_eval_folder(options));
    free(table);
    return FCL_OK;
}

static fcl_status run(const fcl_arguments *arguments) {
    return fcl_arguments_eval(arguments, evaluate);
}

static const fcl_option options[] = {FCL_OPTIONS_EVAL, {0}};

const fcl_command fcl_command_evaluate = {
    .name = "evaluate",
    .summary = "score a trained run against labels, beside predicting the mean",
    .operands = "RUN",
    .description = "Writes predictions.csv, evaluation.csv, keypoints.csv (the same for each keypoint) and the figure\n"
                   "`errors`, and shows the scores. The row `mean` is what predicting the mean of the training labels\n"
                   "scores. Missing labels count nowhere. Files of an earlier evaluation are replaced.\n",
    .examples = "  fiducl evaluate runs/base\n"
                "  fiducl evaluate runs/base --data other_faces --out elsewhere\n",
    .options = options,
    .max_operands = 1,
    .statuses = FCL_STATUSES_EVAL,
    .interruptible = 1,
    .run = run,
};
