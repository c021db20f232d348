/* What is to be the same on all members of a team, or on all ranks: weights and moments, outputs, times, and the wish to end. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "ranks/ranks.h"
#include "train/team_parts.h"

static const char what[] = "a team of devices";

fcl_status fcl_team_count_ranks(fcl_team *team) {
    fcl_status status;
    const unsigned n_ranks = fcl_ranks_count();
    uint32_t *counts = NULL, own = team->n;
    FCL_TRY(FCL_NEW(&counts, n_ranks, what));
    FCL_TRY(FCL_NEW(&team->rank_bytes, n_ranks, what));
    FCL_TRY(fcl_ranks_gather(counts, &own, sizeof own));
    for (unsigned i = 0; i < n_ranks; i++) {
        if (i == fcl_ranks_index()) team->first = team->n_all;
        team->n_all += counts[i];
        team->rank_bytes[i] = counts[i] * sizeof(double);
    }
    if (team->n_all > FCL_MAX_REPLICAS)
        status = fcl_fail(FCL_E_USAGE, "%u devices in all; %d can train together", team->n_all, FCL_MAX_REPLICAS);
    else
        status = fcl_team_check_counts(team->n, team->n_all, 0, 0, team->batch);
done:
    free(counts);
    return status;
}

fcl_status fcl_team_gather_times(double *all, const fcl_team *team, const double *own) {
    return fcl_ranks_gather_parts(all, team->rank_bytes, own);
}

fcl_status fcl_team_exchange_votes(fcl_team *team) {
    double votes = fcl_interrupt_requested() != 0;
    if (!fcl_team_has_ranks(team)) return FCL_OK;
    fcl_status status = fcl_ranks_sum(&votes, 1);
    if (status == FCL_OK) team->stop_requested = votes > 0.0;
    return status;
}

int fcl_team_stop_requested(const fcl_team *team) {
    return fcl_team_has_ranks(team) ? team->stop_requested : fcl_interrupt_requested() != 0;
}

fcl_status fcl_team_write(fcl_team *team, fcl_arena arena, const fcl_tensors *tensors) {
    fcl_status status = FCL_OK;
    for (unsigned i = 0; i < team->n; i++)
        if (team->members[i].is_live) FCL_TRY(fcl_network_write(team->members[i].replica.network, arena, tensors));
done:
    return status;
}

fcl_status fcl_team_reset_optimizer(fcl_team *team) {
    fcl_status status = FCL_OK;
    for (unsigned i = 0; i < team->n; i++)
        if (team->members[i].is_live) FCL_TRY(fcl_network_reset_optimizer(team->members[i].replica.network));
done:
    return status;
}

/* Gives `other` the bits of the first where they differ; *differ says whether they did. */
static fcl_status level_arena(int *differ, fcl_replica *other, fcl_arena arena, const fcl_tensors *firsts,
                              fcl_tensors *scratch) {
    fcl_status status;
    FCL_TRY(fcl_network_read(scratch, other->network, arena));
    if (fcl_tensors_are_equal(firsts, scratch)) goto done;
    FCL_TRY(fcl_network_write(other->network, arena, firsts));
    *differ = 1;
done:
    return status;
}

static const fcl_arena levelled[] = {FCL_PARAMETERS, FCL_MOMENT1, FCL_MOMENT2};
enum { N_LEVELLED = sizeof levelled / sizeof *levelled };

fcl_status fcl_team_level(fcl_team *team) {
    fcl_status status = FCL_OK;
    fcl_replica *first = fcl_team_first(team);
    fcl_tensors firsts = {0}, scratch = {0};
    if (team->n_live < 2) return FCL_OK;
    FCL_TRY(fcl_tensors_init(&firsts, fcl_network_model(first->network)));
    FCL_TRY(fcl_tensors_init(&scratch, fcl_network_model(first->network)));
    for (int a = 0; a < N_LEVELLED; a++) {
        FCL_TRY(fcl_network_read(&firsts, first->network, levelled[a]));
        for (unsigned i = 0; i < team->n; i++) {
            fcl_member *m = &team->members[i];
            int differ = 0;
            if (!m->is_live || &m->replica == first) continue;
            FCL_TRY(level_arena(&differ, &m->replica, levelled[a], &firsts, &scratch));
            if (!differ || m->was_levelled) continue;
            m->was_levelled = 1;
            fcl_log(FCL_LOG_INFO, "'%s' rounds otherwise than '%s': it gets the weights of that one now and then",
                    fcl_member_name(m), fcl_device_facts(first->device)->name);
        }
    }
done:
    fcl_tensors_dispose(&firsts);
    fcl_tensors_dispose(&scratch);
    return status;
}

/* Whether all ranks' tensors have the same bits. */
static fcl_status are_equal_on_ranks(int *equal, const fcl_tensors *tensors) {
    char own[FCL_HASH_TEXT_BYTES], *all = NULL;
    fcl_status status;
    fcl_hash_bytes(own, tensors->data, tensors->count * sizeof *tensors->data);
    FCL_TRY(FCL_NEW(&all, fcl_ranks_count() * sizeof own, what));
    FCL_TRY(fcl_ranks_gather(all, own, sizeof own));
    *equal = 1;
    for (unsigned i = 0; i < fcl_ranks_count(); i++) *equal &= memcmp(all + i * sizeof own, own, sizeof own) == 0;
    /* Each compared with its own: one that differs makes itself heard. */
    double n_different = !*equal;
    FCL_TRY(fcl_ranks_sum(&n_different, 1));
    *equal = n_different == 0.0;
done:
    free(all);
    return status;
}

fcl_status fcl_team_level_ranks(fcl_team *team) {
    fcl_status status = fcl_team_level(team);
    fcl_tensors tensors = {0};
    if (status != FCL_OK || !fcl_team_has_ranks(team)) return status;
    FCL_TRY(fcl_tensors_init(&tensors, fcl_network_model(fcl_team_first(team)->network)));
    for (int a = 0; a < N_LEVELLED; a++) {
        int equal;
        FCL_TRY(fcl_network_read(&tensors, fcl_team_first(team)->network, levelled[a]));
        FCL_TRY(are_equal_on_ranks(&equal, &tensors));
        if (equal) continue;
        FCL_TRY(fcl_ranks_broadcast(tensors.data, tensors.count * sizeof *tensors.data));
        FCL_TRY(fcl_team_write(team, levelled[a], &tensors));
    }
done:
    fcl_tensors_dispose(&tensors);
    return status;
}

fcl_status fcl_team_gather(fcl_team *team, float *values, size_t n, size_t per_sample) {
    fcl_status status = FCL_OK;
    size_t *n_bytes = NULL;
    if (!fcl_team_has_ranks(team)) return FCL_OK;
    FCL_TRY(FCL_NEW(&n_bytes, fcl_ranks_count(), what));
    unsigned member_index = 0;
    size_t before = 0;
    for (unsigned rank = 0; rank < fcl_ranks_count(); rank++)
        for (size_t k = 0; k < team->rank_bytes[rank] / sizeof(double); k++, member_index++) {
            const fcl_share share = fcl_share_by_weights((fcl_share){0, n}, team->samples, team->n_all, member_index);
            n_bytes[rank] += share.n * per_sample * sizeof *values;
            if (member_index == team->first) before = share.first;
        }
    FCL_TRY(fcl_ranks_gather_parts(values, n_bytes, values + before * per_sample));
done:
    free(n_bytes);
    return status;
}
