/* Commands: what each one is, its options and its help. */
#ifndef FCL_CLI_COMMAND_H
#define FCL_CLI_COMMAND_H

#include <stdio.h>

#include "base/error.h"

typedef enum fcl_option_kind { FCL_OPTION_FLAG, FCL_OPTION_TEXT, FCL_OPTION_LIST } fcl_option_kind;

typedef struct fcl_option {
    const char *name; /* without "--"; NULL ends a table */
    char letter;      /* or 0 */
    fcl_option_kind kind;
    const char *value; /* what the help calls the value; NULL for a flag */
    const char *help;
} fcl_option;

typedef struct fcl_arguments fcl_arguments;

typedef struct fcl_command {
    const char *name;
    const char *summary;  /* one line for the list of commands */
    const char *operands; /* what the usage line shows after the options */
    const char *description;
    const char *examples; /* one a line */
    const fcl_option *options;
    unsigned max_operands;
    const fcl_status *statuses; /* what it fails with beside what every command may; FCL_OK ends */
    int interruptible;          /* ends in good order after SIGINT and SIGTERM */
    int has_ranks;              /* may run as several processes of mpirun */
    fcl_status (*run)(const fcl_arguments *arguments);
} fcl_command;

/* Each is in the file of its name. */
extern const fcl_command fcl_command_devices, fcl_command_synth, fcl_command_analyze, fcl_command_prepare,
    fcl_command_summary, fcl_command_tune, fcl_command_train, fcl_command_predict, fcl_command_evaluate,
    fcl_command_plot, fcl_command_pipeline, fcl_command_bench, fcl_command_cache, fcl_command_selftest;

/* argv[0] is the command's name. FCL_E_USAGE for an unknown option, a missing value or too many operands. */
fcl_status fcl_arguments_parse(fcl_arguments **out, const fcl_command *command, int argc, const char **argv);
void fcl_arguments_free(fcl_arguments *arguments);
void fcl_command_help(FILE *stream, const fcl_command *command);

/* What was given. Strings are lent; asking for an option that the command has not is a programming error.
 * "quiet", "threads" and "help" belong to every command. */
int fcl_argument_flag(const fcl_arguments *arguments, const char *name);
const char *fcl_argument_text(const fcl_arguments *arguments, const char *name);        /* NULL when absent */
const char *const *fcl_argument_list(const fcl_arguments *arguments, const char *name); /* NULL-ended, or NULL */
/* Operand `index`, NULL when absent; the other is FCL_E_USAGE that names what is missing. */
const char *fcl_argument_operand(const fcl_arguments *arguments, unsigned index);
fcl_status fcl_argument_need_operand(const char **out, const fcl_arguments *arguments, unsigned index,
                                     const char *name);
fcl_status fcl_argument_need_text(const char **out, const fcl_arguments *arguments, const char *name);
/* Numbers: *out stays as it is when the option is absent. */
fcl_status fcl_argument_whole(size_t *out, const fcl_arguments *arguments, const char *name, size_t min, size_t max);
fcl_status fcl_argument_positive(double *out, const fcl_arguments *arguments, const char *name);
/* FCL_E_USAGE for the first option given that is not among the `allowed` (NULL-ended); `reason` ends the message. "quiet"
 * and "threads" are always allowed. */
fcl_status fcl_arguments_allow(const fcl_arguments *arguments, const char *const *allowed, const char *reason);
/* The command's own options in the table's order, for those who record what was given. */
const fcl_option *fcl_arguments_options(const fcl_arguments *arguments);

#endif
