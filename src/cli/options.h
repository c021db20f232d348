/* Options that several commands share, and what they mean. */
#ifndef FCL_CLI_OPTIONS_H
#define FCL_CLI_OPTIONS_H

#include "cli/auto.h"
#include "cli/command.h"
#include "fiducl/dataset.h"
#include "fiducl/eval.h"
#include "fiducl/train.h"

#define FCL_OPTION_FORCE                                                                                               \
    { "force", 'f', FCL_OPTION_FLAG, NULL, "replace the output folder if fiducl made it" }
#define FCL_OPTION_DEVICE                                                                                              \
    {                                                                                                                  \
        "device", 'd', FCL_OPTION_TEXT, "SEL",                                                                         \
            "cpu, gpu, an index or part of platform:device (see `fiducl devices`), with :1core, :2cores, ... for a "   \
            "part of it; auto: the fastest, measured"                                                                  \
    }
/* Of trainings. */
#define FCL_OPTION_DEVICES                                                                                             \
    {                                                                                                                  \
        "device", 'd', FCL_OPTION_TEXT, "SEL[,...]",                                                                   \
            "cpu, gpu, an index or part of platform:device (see `fiducl devices`), with :1core, :2cores, ... for a "   \
            "part of it; auto: the fastest, measured; several with commas, all-gpus or all train together"             \
    }
#define FCL_OPTION_MEMORY_LIMIT                                                                                        \
    {                                                                                                                  \
        "memory-limit", 0, FCL_OPTION_TEXT, "SIZE",                                                                    \
            "device memory to use at most (512M, 2G); a batch that does not fit is computed in parts"                  \
    }
#define FCL_OPTIONS_DATA                                                                                               \
    {"images", 0, FCL_OPTION_TEXT, "FILE", "images (.npz or .npy) instead of a folder"}, {                             \
        "keypoints", 0, FCL_OPTION_TEXT, "FILE", "their keypoints (.csv); alone if its column Image has the images"    \
    }
#define FCL_OPTIONS_SPLIT                                                                                              \
    {"split", 0, FCL_OPTION_TEXT, "A,B,C",                                                                             \
     "training, validation and test: counts or shares (default: 5639,705,705 of 7049 images, else "                    \
     "0.8,0.1,0.1)"},                                                                                                  \
    {                                                                                                                  \
        "group-by", 0, FCL_OPTION_TEXT, "FILE:COLUMN",                                                                 \
            "keep images with the same value in this column of a CSV file in one split"                                \
    }
#define FCL_OPTIONS_RECIPE                                                                                             \
    {"recipe", 0, FCL_OPTION_TEXT, "NAME",                                                                             \
     "recipe that ships (standard, quick, original), or a file (default: standard)"},                                  \
        {"epochs", 0, FCL_OPTION_TEXT, "N", "at most so many epochs"},                                                 \
        {"batch-size", 0, FCL_OPTION_TEXT, "N", "images a step"}, {"lr", 0, FCL_OPTION_TEXT, "X", "learning rate"},    \
        {"schedule", 0, FCL_OPTION_TEXT, "NAME", "of the learning rate: constant or cosine"},                          \
        {"patience", 0, FCL_OPTION_TEXT, "N", "stop after N epochs without a better validation loss; 0: never"},       \
        {"fill", 0, FCL_OPTION_TEXT, "NAME", "missing training labels: none, mean, median, forward or drop"},          \
        {"no-shuffle", 0, FCL_OPTION_FLAG, NULL, "keep the order of the images"},                                      \
        {"no-dropout", 0, FCL_OPTION_FLAG, NULL, "switch dropout layers off"},                                         \
        {"augment", 0, FCL_OPTION_FLAG, NULL, "vary the training images"},                                             \
        {"no-augment", 0, FCL_OPTION_FLAG, NULL, "do not vary them"}, {                                                \
        "solver", 0, FCL_OPTION_LIST, "OP=NAME",                                                                       \
            "force a solver (conv=conv_direct) or a variant of one (NAME:PARAMETERS); repeatable"                      \
    }
#define FCL_OPTION_DUTY                                                                                                \
    { "duty", 0, FCL_OPTION_TEXT, "N%[,...]", "let the device work N per cent of the time; or one for each of several" }
#define FCL_OPTION_SHARES                                                                                              \
    { "shares", 0, FCL_OPTION_TEXT, "auto|N,N,...", "how several devices share a batch (default: auto, as measured)" }
#define FCL_OPTION_SEED(what)                                                                                          \
    { "seed", 0, FCL_OPTION_TEXT, "N", "of all random numbers " what }
/* Of predict, evaluate and plot. */
#define FCL_OPTIONS_EVAL                                                                                               \
    {"data", 0, FCL_OPTION_TEXT, "DATA", "raw or prepared folder (default: what the run was trained on)"},             \
        FCL_OPTIONS_DATA,                                                                                              \
        {"split", 0, FCL_OPTION_TEXT, "NAME", "of prepared data: train, validation or test (default: test)"},          \
        FCL_OPTION_DEVICE, FCL_OPTION_EXPLAIN, {                                                                       \
        "out", 'o', FCL_OPTION_TEXT, "FOLDER", "where the files go (default: the run's folder)"                        \
    }

/* How often a training holds its kernels against the reference unless it is told (fcl_train_options). */
enum { FCL_RECHECK_MINUTES = 10, FCL_SECONDS_A_MINUTE = 60 };

/* What opening a device and running a network may fail with. */
#define FCL_STATUSES_DEVICE FCL_E_NO_DEVICE, FCL_E_DEVICE, FCL_E_BUILD, FCL_E_DEVICE_MEMORY, FCL_E_WRONG_RESULT
#define FCL_STATUSES_EVAL                                                                                              \
    (const fcl_status[]) {                                                                                             \
        FCL_STATUSES_DEVICE, FCL_E_INTERRUPTED, FCL_OK                                                                 \
    }

/* DATA: the operand, or --images and --keypoints. */
fcl_status fcl_arguments_data(fcl_data_paths *out, const fcl_arguments *arguments);

/* --split, --group-by and --seed. */
typedef struct fcl_prepare_arguments {
    fcl_prepare_options options;
    char *group_file; /* owned */
} fcl_prepare_arguments;
fcl_status fcl_arguments_prepare(fcl_prepare_arguments *out, const fcl_arguments *arguments);
void fcl_prepare_arguments_dispose(fcl_prepare_arguments *prepare);

/* The recipe for a model (a name or a file) with every argument that overrides it. */
fcl_status fcl_arguments_recipe(fcl_recipe *out, const fcl_arguments *arguments, const char *model);
/* --memory-limit, 0 when absent. */
fcl_status fcl_arguments_memory_limit(uint64_t *out, const fcl_arguments *arguments);
/* One line that describes a recipe, for free(). */
fcl_status fcl_recipe_line(char **out, const fcl_recipe *recipe, const char *model);

/* --duty as shares, one for all devices or one each, for free(); none when it is not given. */
fcl_status fcl_arguments_duties(double **out, unsigned *n, const fcl_arguments *arguments);
/* --shares as whole numbers, for free(); none when it is not given, or "auto". */
fcl_status fcl_arguments_shares(unsigned **out, unsigned *n, const fcl_arguments *arguments);

/* What predict, evaluate and plot were given goes to `act`, unless --explain ends the command. */
fcl_status fcl_arguments_eval(const fcl_arguments *arguments, fcl_status (*act)(const fcl_eval_options *options));
/* Where the files of an evaluation go; lends. */
const char *fcl_eval_folder(const fcl_eval_options *options);

#endif
