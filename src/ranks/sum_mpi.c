/*
 * Sums of floats over ranks. In fixed order every rank owns a slice of the elements: the others send it their terms, it adds them
 * in the order of ranks, and sends the sums back. So each value travels twice, as in the best algorithms of MPI. These are messages
 * between two ranks and not collective calls, because the second half of a sum begins whenever its first half is there, and
 * collective calls would have to begin in the same order everywhere.
 */
#include "ranks/ranks.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/mpi_calls.h"

enum { N_TAGS = 1 << 14 /* MPI promises 32767; two of each sum, and fewer than half of them are under way */ };

typedef enum stage { IDLE, TAKING_TERMS, GIVING_SUMS, REDUCING, DONE } stage;

struct fcl_rank_sum {
    fcl_rank_order order;
    size_t largest, stride;
    float *terms;          /* (ranks, stride): of the slice that this rank owns; of itself, the sums */
    MPI_Request *requests; /* (2 * ranks) */
    int n_requests;
    stage stage;
    float *values;
    size_t n;
    int tag;
    fcl_rank_sum *next; /* under way */
};

static fcl_rank_sum *under_way;
static int next_tag;

typedef struct slice {
    size_t first, n;
} slice;

/* What a rank owns: as even as possible, those in front have one element more. */
static slice slice_of(size_t n, unsigned rank) {
    const size_t n_ranks = fcl_ranks_count(), each = n / n_ranks, n_larger = n % n_ranks;
    return (slice){.first = rank * each + (rank < n_larger ? rank : n_larger), .n = each + (rank < n_larger)};
}

fcl_status fcl_rank_sum_create(fcl_rank_sum **out, size_t largest, fcl_rank_order order) {
    fcl_status status;
    fcl_rank_sum *sum = NULL;
    const size_t n_ranks = fcl_ranks_count();
    if (largest > INT_MAX)
        return fcl_fail(FCL_E_INTERNAL, "%zu values are to be summed over ranks; MPI counts to %d", largest, INT_MAX);
    FCL_TRY(FCL_NEW(&sum, 1, "a sum over ranks"));
    sum->largest = largest;
    sum->order = order;
    if (n_ranks > 1) {
        FCL_TRY(FCL_NEW(&sum->requests, 2 * n_ranks, "a sum over ranks"));
        sum->stride = slice_of(largest, 0).n;
        if (order == FCL_RANK_ORDER_FIXED) FCL_TRY(FCL_NEW(&sum->terms, n_ranks * sum->stride, "a sum over ranks"));
    }
    *out = sum;
    sum = NULL;
done:
    fcl_rank_sum_free(sum);
    return status;
}

void fcl_rank_sum_free(fcl_rank_sum *sum) {
    if (!sum || sum->stage != IDLE) return;
    free(sum->terms);
    free(sum->requests);
    free(sum);
}

static fcl_status send(fcl_rank_sum *sum, unsigned rank, slice part, int tag) {
    if (part.n == 0) return FCL_OK;
    return FCL_MPI(MPI_Isend, sum->values + part.first, (int)part.n, MPI_FLOAT, (int)rank, tag, fcl_mpi_ranks(),
                   &sum->requests[sum->n_requests++]);
}

static fcl_status receive(fcl_rank_sum *sum, unsigned rank, float *out, size_t n, int tag) {
    if (n == 0) return FCL_OK;
    return FCL_MPI(MPI_Irecv, out, (int)n, MPI_FLOAT, (int)rank, tag, fcl_mpi_ranks(),
                   &sum->requests[sum->n_requests++]);
}

static fcl_status take_terms(fcl_rank_sum *sum) {
    fcl_status status = FCL_OK;
    const unsigned n_ranks = fcl_ranks_count(), own = fcl_ranks_index();
    for (unsigned r = 0; r < n_ranks; r++) {
        if (r == own) continue;
        FCL_TRY(receive(sum, r, sum->terms + r * sum->stride, slice_of(sum->n, own).n, sum->tag));
    }
    /* Each begins with the rank after it, so that not all send to the same one. */
    for (unsigned i = 1; i < n_ranks; i++) {
        const unsigned r = (own + i) % n_ranks;
        FCL_TRY(send(sum, r, slice_of(sum->n, r), sum->tag));
    }
done:
    return status;
}

static void add_terms(fcl_rank_sum *sum) {
    const unsigned n_ranks = fcl_ranks_count(), own = fcl_ranks_index();
    const slice part = slice_of(sum->n, own);
    float *values = sum->values + part.first, *sums = sum->terms + own * sum->stride;
    memcpy(sums, own == 0 ? values : sum->terms, part.n * sizeof *sums);
    for (unsigned r = 1; r < n_ranks; r++) {
        const float *terms = r == own ? values : sum->terms + r * sum->stride;
        for (size_t i = 0; i < part.n; i++) sums[i] += terms[i];
    }
    memcpy(values, sums, part.n * sizeof *sums);
}

static fcl_status give_sums(fcl_rank_sum *sum) {
    fcl_status status = FCL_OK;
    const unsigned n_ranks = fcl_ranks_count(), own = fcl_ranks_index();
    add_terms(sum);
    sum->n_requests = 0;
    for (unsigned r = 0; r < n_ranks; r++) {
        const slice part = slice_of(sum->n, r);
        if (r != own) FCL_TRY(receive(sum, r, sum->values + part.first, part.n, sum->tag + 1));
    }
    for (unsigned i = 1; i < n_ranks; i++) FCL_TRY(send(sum, (own + i) % n_ranks, slice_of(sum->n, own), sum->tag + 1));
    sum->stage = GIVING_SUMS;
done:
    return status;
}

/* Looks once at everything that is under way, and goes on with what can. */
static fcl_status advance(void) {
    fcl_status status = FCL_OK;
    for (fcl_rank_sum **link = &under_way; *link;) {
        fcl_rank_sum *sum = *link;
        int is_done;
        FCL_TRY(FCL_MPI(MPI_Testall, sum->n_requests, sum->requests, &is_done, MPI_STATUSES_IGNORE));
        if (is_done && sum->stage != TAKING_TERMS) {
            sum->stage = DONE;
            *link = sum->next;
            continue;
        }
        if (is_done) FCL_TRY(give_sums(sum));
        link = &sum->next;
    }
done:
    return status;
}

fcl_status fcl_rank_sum_begin(fcl_rank_sum *sum, float *values, size_t n) {
    fcl_status status = FCL_OK;
    assert(sum->stage == IDLE && n <= sum->largest);
    if (fcl_ranks_count() == 1) return FCL_OK;
    sum->values = values;
    sum->n = n;
    sum->n_requests = 0;
    sum->tag = next_tag;
    next_tag = (next_tag + 2) % N_TAGS;
    /* The last one, so that the first begun is the first to go on. */
    fcl_rank_sum **end = &under_way;
    while (*end) end = &(*end)->next;
    sum->next = NULL;
    *end = sum;
    if (sum->order == FCL_RANK_ORDER_FIXED) {
        sum->stage = TAKING_TERMS;
        FCL_TRY(take_terms(sum));
    } else {
        sum->stage = REDUCING;
        FCL_TRY(FCL_MPI(MPI_Iallreduce, MPI_IN_PLACE, values, (int)n, MPI_FLOAT, MPI_SUM, fcl_mpi_ranks(),
                        &sum->requests[sum->n_requests++]));
    }
    FCL_TRY(advance());
done:
    return status;
}

fcl_status fcl_rank_sum_finish(fcl_rank_sum *sum) {
    fcl_status status = FCL_OK;
    if (fcl_ranks_count() == 1) return FCL_OK;
    assert(sum->stage != IDLE);
    for (unsigned n_looks = 1;; n_looks++) {
        FCL_TRY(advance());
        if (sum->stage == DONE) break;
        fcl_mpi_pause(n_looks);
    }
    sum->stage = IDLE;
done:
    return status;
}
