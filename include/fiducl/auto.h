/*
 * Choosing a device by measuring: a short training of a model on each device that fiducl can use, the CPU included, and the
 * same hardware through each platform that offers it. What was measured is kept in the cache folder until devices, drivers,
 * model, batch or fiducl change.
 */
#ifndef FIDUCL_AUTO_H
#define FIDUCL_AUTO_H

#include "fiducl/device.h"
#include "fiducl/model.h"

/* Strings belong to the choice. */
typedef struct fcl_auto_candidate {
    const char *device;    /* its selector */
    const char *identity;  /* what tells it, with its driver, from any other */
    double seconds_a_step; /* of training; 0 when it was not measured */
    const char *problem;   /* why it was left out, or NULL */
} fcl_auto_candidate;

typedef struct fcl_auto_choice {
    const char *model; /* its name */
    unsigned batch;
    const char *measured;           /* when: UTC, "2026-01-31T23:59:59Z" */
    int is_remembered;              /* it comes from the cache */
    fcl_auto_candidate *candidates; /* (n), in the order of fcl_device_list_create() */
    size_t n;
    size_t chosen; /* index of the fastest; with one candidate that one, which then is not measured */
} fcl_auto_choice;

/* `selector` is "auto" or "auto:2cores", of which each candidate is such a part; NULL: $FIDUCL_DEVICE. FCL_E_NO_DEVICE says why
 * each candidate was left out when none trains; FCL_E_INTERRUPTED after a signal: then nothing is kept. */
FCL_API fcl_status fcl_auto_choose(fcl_auto_choice **out, const char *selector, const fcl_model *model, unsigned batch);
FCL_API void fcl_auto_choice_free(fcl_auto_choice *choice);
/* What was found on each candidate, and why the one was chosen; and the choice in one line. For free(). */
FCL_API fcl_status fcl_auto_table(char **out, const fcl_auto_choice *choice);
FCL_API fcl_status fcl_auto_line(char **out, const fcl_auto_choice *choice);

#endif
