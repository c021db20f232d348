/*
 * What the machine is and how it is doing: for those who compare measurements. Everything is read from Linux' proc and sysfs
 * where there is one; what cannot be known is "", 0 or NaN, and no error.
 */
#ifndef FCL_BASE_SYSTEM_H
#define FCL_BASE_SYSTEM_H

#include <stdint.h>

#include "base/error.h"

/* Where proc and sysfs are; tests make their own. */
typedef struct fcl_system_roots {
    const char *proc, *sysfs;
} fcl_system_roots;
#define FCL_SYSTEM_ROOTS ((fcl_system_roots){"/proc", "/sys"})

typedef struct fcl_system_facts {
    char os[128];     /* "Linux 6.1.0-18-amd64" */
    char machine[32]; /* "x86_64" */
    char cpu[128];    /* the processor's name */
    unsigned cpus;    /* that this process may use */
    uint64_t memory_bytes;
    char governor[32];     /* of the processor's frequency: "performance"; "mixed" when the processors differ */
    char power_source[16]; /* "mains" or "battery" */
} fcl_system_facts;
void fcl_system_facts_read(fcl_system_facts *out, const fcl_system_roots *roots);
/* What programs can still take, as Linux estimates it, and within what a container allows; returns whether it is known. */
int fcl_system_memory_available(uint64_t *out, const fcl_system_roots *roots);
/* Processes that ran or waited, on average over the last minute. */
double fcl_system_load(const fcl_system_roots *roots);

/* Energy that the processors' packages took, as RAPL counts it (powercap). The counters begin anew every few minutes of full
 * load: read it at least once a minute. */
typedef struct fcl_energy_meter {
    fcl_system_roots roots;
    int readable;
    double joules; /* since the start */
    struct {
        uint64_t last, range; /* microjoules */
    } packages[16];
} fcl_energy_meter;
void fcl_energy_meter_start(fcl_energy_meter *out, const fcl_system_roots *roots);
/* Joules since the start; NaN when no package can be read (most systems allow it to root only). */
double fcl_energy_meter_read(fcl_energy_meter *meter);

/* The most memory that this process had resident since the last reset, in bytes; the reset fails where the system has none,
 * then it is since the process began. */
uint64_t fcl_peak_memory_bytes(const fcl_system_roots *roots);
int fcl_peak_memory_reset(const fcl_system_roots *roots);

#endif
