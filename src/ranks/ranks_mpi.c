/* Ranks through MPI, which is not touched when the process was started alone. */
#include "ranks/ranks.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ranks/launch.h"
#include "ranks/mpi_calls.h"

enum {
    N_BUSY_LOOKS = 1000,  /* well below a millisecond */
    MAX_MESSAGE = 1 << 30 /* bytes; MPI counts in int */
};
static const double pause_seconds = 50e-6;

typedef char host_name[MPI_MAX_PROCESSOR_NAME];

static struct {
    MPI_Comm comm;
    unsigned count, index;
    host_name *hosts; /* (count) */
    int is_joined;
    int began_mpi; /* and has to end it */
} ranks = {.count = 1};

fcl_status fcl_mpi_check(int error, const char *call) {
    if (error == MPI_SUCCESS) return FCL_OK;
    char text[MPI_MAX_ERROR_STRING];
    int length;
    MPI_Error_string(error, text, &length);
    return fcl_fail(FCL_E_IO, "rank %u of %u on %s: %s failed: %s", ranks.index, ranks.count,
                    fcl_ranks_host(ranks.index), call, text);
}

MPI_Comm fcl_mpi_ranks(void) {
    return ranks.comm;
}

void fcl_mpi_pause(unsigned n_looks) {
    if (n_looks > N_BUSY_LOOKS) fcl_clock_sleep(pause_seconds);
}

static fcl_status wait_for(MPI_Request *request) {
    fcl_status status;
    int is_done;
    for (unsigned n_looks = 1;; n_looks++) {
        FCL_TRY(FCL_MPI(MPI_Test, request, &is_done, MPI_STATUS_IGNORE));
        if (is_done) break;
        fcl_mpi_pause(n_looks);
    }
done:
    return status;
}

static fcl_status begin_mpi(void) {
    fcl_status status;
    int level, is_begun;
    FCL_TRY(FCL_MPI(MPI_Initialized, &is_begun));
    if (is_begun) {
        FCL_TRY(FCL_MPI(MPI_Query_thread, &level));
    } else {
        FCL_TRY(FCL_MPI(MPI_Init_thread, NULL, NULL, MPI_THREAD_SERIALIZED, &level));
        ranks.began_mpi = 1;
    }
    if (level < MPI_THREAD_SERIALIZED)
        status = fcl_fail(FCL_E_USAGE, "this MPI cannot be called from several threads, one at a time "
                                       "(MPI_THREAD_SERIALIZED); install one that can");
done:
    return status;
}

fcl_status fcl_ranks_init(void) {
    fcl_status status = FCL_OK;
    int count, index, length;
    host_name host = "";
    const fcl_launch launch = fcl_launch_read();
    if (!launch.variable) return FCL_OK;
    FCL_TRY(begin_mpi());
    FCL_TRY(FCL_MPI(MPI_Comm_size, MPI_COMM_WORLD, &count));
    if (launch.n_processes && (unsigned)count != launch.n_processes) {
        status =
            fcl_fail(FCL_E_USAGE,
                     "this is one of %u processes ($%s), but MPI sees %d, and each would do the whole work: start them "
                     "with the mpirun of the MPI that fiducl was built with",
                     launch.n_processes, launch.variable, count);
        fcl_ranks_finalize();
        goto done;
    }
    ranks.count = (unsigned)count;
    FCL_TRY(FCL_MPI(MPI_Comm_dup, MPI_COMM_WORLD, &ranks.comm));
    ranks.is_joined = 1;
    FCL_TRY(FCL_MPI(MPI_Comm_set_errhandler, ranks.comm, MPI_ERRORS_RETURN));
    FCL_TRY(FCL_MPI(MPI_Comm_rank, ranks.comm, &index));
    ranks.index = (unsigned)index;
    FCL_TRY(FCL_MPI(MPI_Get_processor_name, host, &length));
    FCL_TRY(FCL_NEW(&ranks.hosts, (size_t)count, "the names of machines"));
    FCL_TRY(fcl_ranks_gather(ranks.hosts, host, sizeof host));
done:
    return status;
}

void fcl_ranks_finalize(void) {
    if (ranks.is_joined) MPI_Comm_free(&ranks.comm);
    if (ranks.began_mpi) MPI_Finalize();
    free(ranks.hosts);
    memset(&ranks, 0, sizeof ranks);
    ranks.count = 1;
}

void fcl_ranks_abort(int exit_code) {
    if (ranks.count > 1) MPI_Abort(MPI_COMM_WORLD, exit_code);
}

unsigned fcl_ranks_count(void) {
    return ranks.count;
}

unsigned fcl_ranks_index(void) {
    return ranks.index;
}

const char *fcl_ranks_host(unsigned index) {
    assert(index < ranks.count);
    return ranks.hosts ? ranks.hosts[index] : "localhost";
}

static fcl_status broadcast_from(unsigned root, char *bytes, size_t n_bytes) {
    fcl_status status = FCL_OK;
    for (size_t n; n_bytes > 0; bytes += n, n_bytes -= n) {
        MPI_Request request;
        n = n_bytes < MAX_MESSAGE ? n_bytes : MAX_MESSAGE;
        FCL_TRY(FCL_MPI(MPI_Ibcast, bytes, (int)n, MPI_BYTE, (int)root, ranks.comm, &request));
        FCL_TRY(wait_for(&request));
    }
done:
    return status;
}

fcl_status fcl_ranks_broadcast(void *bytes, size_t n_bytes) {
    return ranks.count == 1 ? FCL_OK : broadcast_from(0, bytes, n_bytes);
}

fcl_status fcl_ranks_gather(void *all, const void *mine, size_t n_bytes) {
    fcl_status status = FCL_OK;
    MPI_Request request;
    if (ranks.count == 1) return fcl_ranks_gather_parts(all, &n_bytes, mine);
    if (n_bytes > INT_MAX)
        return fcl_fail(FCL_E_INTERNAL, "%zu bytes of each rank are to be gathered; MPI counts to %d", n_bytes,
                        INT_MAX);
    FCL_TRY(FCL_MPI(MPI_Iallgather, mine, (int)n_bytes, MPI_BYTE, all, (int)n_bytes, MPI_BYTE, ranks.comm, &request));
    FCL_TRY(wait_for(&request));
done:
    return status;
}

/* One broadcast after the other, since MPI_Allgatherv counts the places in `all` in int too. */
fcl_status fcl_ranks_gather_parts(void *all, const size_t *n_bytes, const void *mine) {
    fcl_status status = FCL_OK;
    char *piece = all;
    for (unsigned r = 0; r < ranks.count; piece += n_bytes[r++]) {
        if (r == ranks.index && n_bytes[r]) memmove(piece, mine, n_bytes[r]);
        if (ranks.count > 1) FCL_TRY(broadcast_from(r, piece, n_bytes[r]));
    }
done:
    return status;
}

fcl_status fcl_ranks_sum(double *values, size_t n) {
    fcl_status status;
    double *all = NULL;
    if (ranks.count == 1) return FCL_OK;
    FCL_TRY(FCL_NEW(&all, ranks.count * n, "a sum over ranks"));
    FCL_TRY(fcl_ranks_gather(all, values, n * sizeof *values));
    for (size_t i = 0; i < n; i++) {
        values[i] = all[i];
        for (unsigned r = 1; r < ranks.count; r++) values[i] += all[r * n + i];
    }
done:
    free(all);
    return status;
}
