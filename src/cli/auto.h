/* --device auto: the device that is fastest at training the model at hand. */
#ifndef FCL_CLI_AUTO_H
#define FCL_CLI_AUTO_H

#include "cli/command.h"

#define FCL_OPTION_EXPLAIN                                                                                             \
    { "explain", 0, FCL_OPTION_FLAG, NULL, "with --device auto: show what was measured and chosen, and end" }

/* The selector of a command: what --device says, NULL without it, or where that or $FIDUCL_DEVICE is auto the device that is
 * chosen for training `model` (a name or a file) at this batch. What is chosen is logged; with --explain it is printed, and
 * *is_over says that the command ends here. *out is for free(). FCL_E_USAGE for --explain without auto. */
fcl_status fcl_arguments_device(char **out, int *is_over, const fcl_arguments *arguments, const char *model,
                                size_t batch);
/* The same for a command that takes the device of a run where --device is not given. */
fcl_status fcl_arguments_run_device(char **out, int *is_over, const fcl_arguments *arguments, const char *run);
/* A copy of `selector`, which may be NULL, or what is chosen where that is auto. */
fcl_status fcl_choose_device(char **out, const char *selector, const char *model, size_t batch);

#endif
