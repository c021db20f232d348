/* A team: its making, what can be asked of it, and its steps. */
#include "train/team.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "train/team_parts.h"

static const char what[] = "a team of devices";

unsigned fcl_team_size(const fcl_team *team) {
    return team->n;
}

unsigned fcl_team_batch(const fcl_team *team) {
    return team->batch;
}

fcl_replica *fcl_team_replica(fcl_team *team, unsigned index) {
    return team->members[index].is_live ? &team->members[index].replica : NULL;
}

fcl_replica *fcl_team_first(fcl_team *team) {
    fcl_member *found = NULL;
    for (unsigned i = 0; i < team->n && (!found || !found->is_live); i++) {
        fcl_member *m = &team->members[i];
        if (m->is_live || (!found && !m->is_lost)) found = m;
    }
    return found ? &found->replica : NULL;
}

int fcl_team_is_lost(const fcl_team *team, unsigned index) {
    return team->members[index].is_lost;
}

int fcl_team_has_lost(const fcl_team *team) {
    for (unsigned i = 0; i < team->n; i++)
        if (team->members[i].is_lost) return 1;
    return 0;
}

fcl_member_times fcl_team_times(const fcl_team *team, unsigned index) {
    return team->members[index].times;
}

fcl_share fcl_team_window(const fcl_team *team) {
    return (fcl_share){team->first, team->n};
}

int fcl_team_has_ranks(const fcl_team *team) {
    return team->n_all > team->n;
}

int fcl_team_has_exchange(const fcl_team *team) {
    return team->n_live > 1 || fcl_team_has_ranks(team);
}

const char *fcl_member_name(const fcl_member *member) {
    return fcl_device_facts(member->replica.device)->name;
}

fcl_status fcl_team_check_counts(unsigned n, unsigned n_all, unsigned n_duties, unsigned n_shares, unsigned batch) {
    if (n_duties > 1 && n_duties != n)
        return fcl_fail(FCL_E_USAGE, "%u duties for %u device%s: give one for all, or one for each", n_duties, n,
                        n == 1 ? "" : "s");
    if (n_shares > 0 && n_shares != n_all)
        return fcl_fail(FCL_E_USAGE, "%u shares for %u device%s", n_shares, n_all, n_all == 1 ? "" : "s");
    if (batch < n_all)
        return fcl_fail(FCL_E_USAGE, "a batch of %u for %u devices: each needs one sample at least", batch, n_all);
    return FCL_OK;
}

double fcl_team_duty(const double *duties, unsigned n_duties, unsigned index) {
    return n_duties == 0 ? 1.0 : duties[n_duties == 1 ? 0 : index];
}

static void init_lock(fcl_team *team) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

fcl_status fcl_team_create(fcl_team **out, const fcl_team_setup *setup) {
    fcl_status status;
    fcl_team *team = NULL;
    fcl_network *networks[FCL_MAX_REPLICAS];
    assert(setup->n > 0 && setup->n <= FCL_MAX_REPLICAS);
    FCL_TRY(FCL_NEW(&team, 1, what));
    init_lock(team);
    team->batch = setup->batch;
    team->mode = setup->mode;
    FCL_TRY(FCL_NEW(&team->members, setup->n, what));
    team->n = team->n_live = setup->n;
    for (unsigned i = 0; i < team->n; i++) {
        const fcl_team_member *from = &setup->members[i];
        fcl_member *m = &team->members[i];
        *m = (fcl_member){.team = team, .index = i, .is_live = 1};
        fcl_replica_init(&m->replica, from->device, from->network, from->duty);
        networks[i] = from->network;
    }
    FCL_TRY(fcl_team_count_ranks(team));
    FCL_TRY(fcl_team_begin_shares(team, setup->records, setup->n_records));
    if (team->n_all > 1) FCL_TRY(fcl_exchange_create(&team->exchange, networks, team->n));
    if (team->n > 1) FCL_TRY(fcl_team_start_threads(team));
    *out = team;
    team = NULL;
done:
    fcl_team_free(team);
    return status;
}

void fcl_team_free(fcl_team *team) {
    if (!team) return;
    const int has_lost = fcl_team_settle(team);
    fcl_team_end_threads(team);
    for (unsigned i = 0; i < team->n; i++) {
        fcl_member *m = &team->members[i];
        if (m->is_lost) continue;
        fcl_replica_land_all(&m->replica);
        free(m->outcome.message);
        m->outcome.message = NULL;
    }
    if (has_lost) return; /* a thread that may come back one day uses it */
    fcl_exchange_free(team->exchange);
    pthread_cond_destroy(&team->changed);
    pthread_mutex_destroy(&team->lock);
    free(team->members);
    free(team->records);
    free(team->rank_bytes);
    free(team);
}

static void begin_exchange(fcl_team *team, const fcl_task *task) {
    unsigned char takes_part[FCL_MAX_REPLICAS], has_gradients[FCL_MAX_REPLICAS];
    for (unsigned i = 0; i < team->n; i++) {
        takes_part[i] = (unsigned char)team->members[i].is_live;
        has_gradients[i] = takes_part[i] && fcl_team_share(team, task->batch->n, i).n > 0;
    }
    fcl_exchange_begin(team->exchange, takes_part, has_gradients, (uint32_t)((task->step - 1) % FCL_STATS_SLOTS));
}

fcl_status fcl_team_step(int *done, fcl_team *team, const fcl_batch *batch, uint64_t step_number, int dropout,
                         const fcl_adam *adam) {
    fcl_status status;
    const fcl_task task = {.batch = batch, .step = step_number, .dropout = dropout};
    const fcl_job job = {.n = batch->n, .task = task, .batch = *batch, .adam = *adam};
    int repeat;
    FCL_TRY(fcl_team_prepare_shares(team, &task));
    do {
        const unsigned n_before = team->n_live;
        const double began = fcl_clock_seconds();
        if (team->exchange) begin_exchange(team, &task);
        FCL_TRY(fcl_team_do(&repeat, team, &job));
        if (team->n_live < n_before)
            FCL_TRY(fcl_team_share_anew(team, repeat ? step_number : step_number + 1));
        else
            FCL_TRY(fcl_team_adapt_shares(team, &task, fcl_clock_seconds() - began));
    } while (repeat);
    FCL_TRY(fcl_team_exchange_votes(team));
    team->next_step = step_number + 1;
    /* What was exchanged had been computed, so that uploads are long over. A batch that a lost device may still read from is
     * never given to another step, so that no more of them may be held. */
    *done = fcl_team_has_exchange(team) || fcl_team_has_lost(team);
    if (*done && !fcl_team_has_exchange(team)) FCL_TRY(fcl_team_land_all(team));
done:
    return status;
}

fcl_status fcl_team_run(fcl_team *team, size_t n, fcl_team_work work, void *context) {
    fcl_status status;
    const fcl_job job = {.n = n, .work = work, .context = context};
    int repeat;
    do {
        FCL_TRY(fcl_team_do(&repeat, team, &job));
        if (repeat) FCL_TRY(fcl_team_share_anew(team, team->next_step));
    } while (repeat);
    fcl_team_forget_times(team); /* what was between two steps belongs to none */
done:
    return status;
}

fcl_status fcl_team_land_all(fcl_team *team) {
    fcl_status status = FCL_OK;
    for (unsigned i = 0; i < team->n; i++) {
        fcl_member *m = &team->members[i];
        if (m->is_live) FCL_TRY_ALSO(fcl_replica_land_all(&m->replica));
    }
    return status;
}
