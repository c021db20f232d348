/* A run folder and its config.json (docs/formats.md): all that repeats the run. */
#ifndef FCL_TRAIN_RUN_H
#define FCL_TRAIN_RUN_H

#include "base/json.h"
#include "fiducl/train.h"
#include "train/team.h"

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
/* The arguments of a training that computes the same, but for the recipe, the devices and where it is written to: lends what belongs
 * to the run. */
void fcl_run_arguments(fcl_train_options *out, const fcl_run *run);
/* The selectors of the devices that it last ran on, with commas between them, or NULL; lends. */
const char *fcl_run_last_device(const fcl_run *run);
double fcl_run_recheck_seconds(const fcl_run *run); /* 0 for runs that recorded none */
/* The share of the time that its devices may work, for free(): one for all, or one each; none (*n 0): all of it. */
fcl_status fcl_run_duties(double **out, unsigned *n, const fcl_run *run);
/* Changes in the config are written with fcl_run_write(). */
fcl_status fcl_run_set_duties(fcl_run *run, const double *duties, unsigned n);
fcl_status fcl_run_set_epochs(fcl_run *run, unsigned epochs);

/* Whether the devices and drivers are, in this order, those that it last ran on. */
int fcl_run_was_on(const fcl_run *run, fcl_device *const *devices, unsigned n);
/* The solvers to use on `device`, the one at `index` among the run's: those that the run recorded if that was this very device
 * and driver when it last ran, else what its arguments force; *recorded says which. */
fcl_status fcl_run_choice(fcl_choice **out, int *recorded, const fcl_run *run, const fcl_device *device,
                          unsigned index);
/* Forces the solvers that its arguments force. */
fcl_status fcl_run_force_solvers(fcl_choice *choice, const fcl_run *run);
/* Into how many parts its batches were divided there. */
fcl_status fcl_run_parts(unsigned *out, const fcl_run *run, unsigned index);
/* How its devices were asked to share batches, for free(); none (*n 0): by their speeds. */
fcl_status fcl_run_asked_shares(unsigned **out, unsigned *n, const fcl_run *run);
/* Whether it was not on the same devices and drivers of one machine all the time. */
int fcl_run_has_moved(const fcl_run *run);
/* How its n devices shared batches since it has been on them, or from its first step on, for free(); and whether that is to be
 * adapted. */
fcl_status fcl_run_shares(fcl_share_record **out, size_t *n_records, fcl_share_mode *mode, const fcl_run *run,
                          unsigned n, int from_first_step);
/* A record as files have it, of n devices; NULL when memory is out. */
json_t *fcl_share_record_to_json(const fcl_share_record *record, unsigned n);
/* How they shared since they began at first_step: takes the place of what was noted since then. */
fcl_status fcl_run_set_shares(fcl_run *run, const fcl_share_record *records, size_t n_records, unsigned n);
/* The limit of device memory that it was given, 0 for none; and another one. */
fcl_status fcl_run_memory_limit(uint64_t *out, const fcl_run *run);
fcl_status fcl_run_set_memory_limit(fcl_run *run, uint64_t limit);
/* Notes from which step on the run uses this device with these solvers and parts; index 0 begins a new set of devices. */
fcl_status fcl_run_add_device(fcl_run *run, fcl_device *device, const fcl_network *network, unsigned index,
                              unsigned n_parts, uint64_t first_step);
/* Writes config.json. */
fcl_status fcl_run_write(const fcl_run *run);

#endif
