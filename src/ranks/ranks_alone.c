/* fiducl built without MPI: there is one rank. */
#include "ranks/ranks.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/launch.h"

struct fcl_rank_sum {
    size_t largest;
};

fcl_status fcl_ranks_init(void) {
    const fcl_launch launch = fcl_launch_read();
    if (launch.n_processes == 1) return FCL_OK;
    char number[32] = "several";
    if (launch.n_processes) snprintf(number, sizeof number, "%u", launch.n_processes);
    return fcl_fail(FCL_E_USAGE,
                    "this is one of %s processes ($%s), but fiducl was built without MPI, and each would do the whole "
                    "work; build it with -DFIDUCL_MPI=ON, or start one process",
                    number, launch.variable);
}

void fcl_ranks_finalize(void) {
}

void fcl_ranks_abort(int exit_code) {
    (void)exit_code;
}

unsigned fcl_ranks_count(void) {
    return 1;
}

unsigned fcl_ranks_index(void) {
    return 0;
}

const char *fcl_ranks_host(unsigned index) {
    assert(index == 0);
    (void)index;
    return "localhost";
}

fcl_status fcl_ranks_broadcast(void *bytes, size_t n_bytes) {
    (void)bytes, (void)n_bytes;
    return FCL_OK;
}

fcl_status fcl_ranks_gather(void *all, const void *mine, size_t n_bytes) {
    return fcl_ranks_gather_parts(all, &n_bytes, mine);
}

fcl_status fcl_ranks_gather_parts(void *all, const size_t *n_bytes, const void *mine) {
    if (*n_bytes) memmove(all, mine, *n_bytes);
    return FCL_OK;
}

fcl_status fcl_ranks_sum(double *values, size_t n) {
    (void)values, (void)n;
    return FCL_OK;
}

fcl_status fcl_rank_sum_create(fcl_rank_sum **out, size_t largest, fcl_rank_order order) {
    fcl_status status;
    fcl_rank_sum *sum;
    (void)order;
    FCL_TRY(FCL_NEW(&sum, 1, "a sum over ranks"));
    sum->largest = largest;
    *out = sum;
done:
    return status;
}

void fcl_rank_sum_free(fcl_rank_sum *sum) {
    free(sum);
}

fcl_status fcl_rank_sum_begin(fcl_rank_sum *sum, float *values, size_t n) {
    assert(n <= sum->largest);
    (void)sum, (void)values, (void)n;
    return FCL_OK;
}

fcl_status fcl_rank_sum_finish(fcl_rank_sum *sum) {
    (void)sum;
    return FCL_OK;
}
