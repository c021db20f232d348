/* What the files that call MPI share. */
#ifndef FCL_RANKS_MPI_CALLS_H
#define FCL_RANKS_MPI_CALLS_H

#include <mpi.h>

#include "base/error.h"

/* FCL_E_IO with the call's name and what MPI says of the error. */
fcl_status fcl_mpi_check(int error, const char *call);
#define FCL_MPI(call, ...) fcl_mpi_check(call(__VA_ARGS__), #call)

/* All ranks; fiducl's own, so that messages of a program around the library are never taken for it. */
MPI_Comm fcl_mpi_ranks(void);
/* Called between looks at something that is not done yet, with the number of looks so far: the processor is kept busy for a
 * moment only, it may be the one that computes. */
void fcl_mpi_pause(unsigned n_looks);

#endif
