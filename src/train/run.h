/* A run folder and its config.json (docs/formats.md): all that repeats the run. */
#ifndef FCL_TRAIN_RUN_H
#define FCL_TRAIN_RUN_H

#include "base/json.h"
#include "fiducl/train.h"
#include "net/network.h"

typedef struct fcl_run {
    char *folder;
    json_t *config;
} fcl_run;

/* Describes a new run; FCL_E_EXISTS when its folder could not be claimed. Nothing is touched yet: that, and what was in the
 * folder, is for when all that can go wrong before the first step went well. */
fcl_status fcl_run_create(fcl_run *out, const fcl_train_options *options, const fcl_prepared *prepared);
fcl_status fcl_run_claim(const fcl_run *run, int force);
fcl_status fcl_run_open(fcl_run *out, const char *folder);
void fcl_run_dispose(fcl_run *run);
/* "FOLDER/NAME" for free(). */
fcl_status fcl_run_path(char **out, const fcl_run *run, const char *name);

fcl_status fcl_run_recipe(fcl_recipe *out, const fcl_run *run);
/* The selector of the device that it last ran on, or NULL; lends. */
const char *fcl_run_last_device(const fcl_run *run);
double fcl_run_recheck_seconds(const fcl_run *run);     /* 0 for runs that recorded none */
double fcl_run_duty(const fcl_run *run);                /* 1 for runs that recorded none */
fcl_status fcl_run_set_duty(fcl_run *run, double duty); /* in the config; written with the next record */
fcl_status fcl_run_set_epochs(fcl_run *run, unsigned epochs);

/* The solvers to use on `device`: those that the run recorded if it last ran on this very device and driver,
 * else what its arguments force; *recorded says which. */
fcl_status fcl_run_choice(fcl_choice **out, int *recorded, const fcl_run *run, const fcl_device *device);
/* Forces the solvers that its arguments force. */
fcl_status fcl_run_force_solvers(fcl_choice *choice, const fcl_run *run);
/* Into how many parts its batches were divided there. */
fcl_status fcl_run_parts(unsigned *out, const fcl_run *run);
/* The limit of device memory that it was given, 0 for none; and another one. */
fcl_status fcl_run_memory_limit(uint64_t *out, const fcl_run *run);
fcl_status fcl_run_set_memory_limit(fcl_run *run, uint64_t limit);
/* Notes from which step on the run uses this device with these solvers and parts, and writes config.json. */
fcl_status fcl_run_record_device(fcl_run *run, fcl_device *device, const fcl_network *network, unsigned n_parts,
                                 uint64_t first_step);

#endif
