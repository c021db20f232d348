#include "train/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { KIND_BYTES = 16 };
#define KIND_FORMAT "%15[a-z-]:%u@%llu"

/* Whether a fault of this kind is to happen here. */
static int is_due(const char *kind, unsigned device, uint64_t step) {
    const char *faults = getenv("FIDUCL_FAULT");
    while (faults && *faults) {
        char found[KIND_BYTES];
        unsigned of_device;
        unsigned long long at_step;
        if (sscanf(faults, KIND_FORMAT, found, &of_device, &at_step) == 3 && strcmp(found, kind) == 0 &&
            of_device == device && at_step == step)
            return 1;
        faults = strchr(faults, ',');
        if (faults) faults++;
    }
    return 0;
}

fcl_status fcl_fault_before_step(unsigned device, uint64_t step) {
    static const double for_ever = 1e6;
    if (is_due("hang", device, step)) fcl_clock_sleep(for_ever);
    if (!is_due("fail", device, step)) return FCL_OK;
    return fcl_fail(FCL_E_DEVICE, "device %u fails at step %llu, as FIDUCL_FAULT says", device,
                    (unsigned long long)step);
}

fcl_status fcl_fault_before_update(unsigned device, uint64_t step) {
    if (!is_due("fail-update", device, step)) return FCL_OK;
    return fcl_fail(FCL_E_DEVICE, "device %u fails in the update of step %llu, as FIDUCL_FAULT says", device,
                    (unsigned long long)step);
}
