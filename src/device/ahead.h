/*
 * Compiling ahead: which programs will be needed is noted first; then several processes compile them at once and leave them in
 * the disk cache, where this one finds them. Processes, because PoCL compiles one program at a time in each, whatever threads and
 * contexts ask for (docs/kernels.md, Cold starts), and because no driver minds them.
 */
#ifndef FCL_DEVICE_AHEAD_H
#define FCL_DEVICE_AHEAD_H

#include "base/error.h"
#include "fiducl/device.h"

/* From here to fcl_ahead_compile() kernels that are created on the device have no code and cannot be launched, and the programs
 * that they would need are noted. False, and nothing changes, where it would be of no use: there is no program that compiles
 * (fcl_device_compile_with), one thread, or no cache folder. */
int fcl_ahead_note(fcl_device *device);
int fcl_ahead_is_noting(const fcl_device *device);
/* Compiles what was noted and is not in the cache, where that is more than one program. One that fails is left to whoever creates
 * its kernel. FCL_E_INTERRUPTED after a signal. */
fcl_status fcl_ahead_compile(fcl_device *device);

/* The command of `fiducl` that the processes run, with a selector of the device behind it, and what it does. */
#define FCL_AHEAD_COMMAND "compile-programs"
fcl_status fcl_ahead_run(const char *selector);

#endif
