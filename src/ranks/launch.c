#include "ranks/launch.h"

#include <limits.h>
#include <stdlib.h>

#include "base/text.h"

static unsigned number_in(const char *variable) {
    const char *text = getenv(variable);
    size_t number;
    return text && fcl_parse_size(&number, text) && number <= UINT_MAX ? (unsigned)number : 0;
}

fcl_launch fcl_launch_read(void) {
    /* Open MPI; MPICH, Intel MPI and Slurm; MVAPICH. */
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE"};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (number_in(sizes[i])) return (fcl_launch){sizes[i], number_in(sizes[i])};
    /* PMIx tells the rank alone; where Slurm speaks it, Slurm tells the number. */
    if (getenv("PMIX_RANK")) return (fcl_launch){"PMIX_RANK", number_in("SLURM_STEP_NUM_TASKS")};
    return (fcl_launch){NULL, 1};
}
