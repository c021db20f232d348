#include "train/team.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/thread.h"
#include "device/queue.h"
#include "ranks/ranks.h"
#include "train/exchange.h"
#include "train/fault.h"

static const char what[] = "a team of devices";

/* How long a team waits while nothing happens before it gives a device up: for what was not done before, and otherwise as many
 * times what the longest took, at least as long as a system under load may stall. */
static const double first_patience = 300.0, least_patience = 10.0, patience_factor = 20.0;
/* It looks so often. Moments are counted, not the clock's seconds: a process that was stopped waits for nobody. */
static const double tick_seconds = 0.1;

/* What a member brings home from a job. */
typedef struct outcome {
    fcl_status status;
    char *message; /* of a failure */
    int aborted;   /* another one failed; nothing is known against this one */
    fcl_exchanged exchanged;
    double began; /* on the clock: when its device could begin with this step */
} outcome;

typedef struct member {
    fcl_team *team;
    unsigned index;
    fcl_replica replica;
    int is_live, is_lost, was_levelled;
    double free_since; /* on the clock: when the last exchange left the device to itself; 0: never yet */
    pthread_t thread;
    int has_thread, has_job;
    outcome outcome;
    fcl_member_times times;
} member;

/* What a member is to do: a step, or work. */
typedef struct job {
    size_t n;      /* samples, of all members */
    int exchanges; /* a step: there are others whose gradients belong to it */
    fcl_task task; /* with the member's share, of work too */
    /* Copies: a member that was given up may come back when the originals are gone. */
    fcl_batch batch;
    fcl_adam adam;
    fcl_team_work work;
    void *context;
} job;

struct fcl_team {
    member *members; /* (n), of this rank */
    unsigned n, n_live;
    unsigned n_all, first; /* members of all ranks; where this rank's begin among them */
    size_t *rank_bytes;    /* (ranks) what is exchanged of each one's members, see gather_times() */
    unsigned batch;
    fcl_exchange *exchange; /* NULL: there is one member only */
    fcl_share_mode mode;
    fcl_balance balance;
    unsigned samples[FCL_MAX_REPLICAS]; /* (n_all) of a whole batch, now */
    uint64_t version;                   /* grows when they change */
    int stop_requested;                 /* on any rank, as of the last step */
    int has_shares;
    fcl_share_record *records;
    size_t n_records, records_capacity, n_given, next_record; /* given: from before, or for later steps */
    uint64_t next_step;
    double longest_job; /* seconds */
    /* What threads and their master tell each other. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int has_lock, stopping;
    job job; /* of all */
};

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
    member *found = NULL;
    for (unsigned i = 0; i < team->n && (!found || !found->is_live); i++) {
        member *m = &team->members[i];
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

fcl_share fcl_team_share(const fcl_team *team, size_t n, unsigned index) {
    return fcl_share_by_weights((fcl_share){0, n}, team->samples, team->n_all, team->first + index);
}

const fcl_share_record *fcl_team_records(size_t *n, const fcl_team *team) {
    *n = team->n_records;
    return team->records;
}

fcl_member_times fcl_team_times(const fcl_team *team, unsigned index) {
    return team->members[index].times;
}

static int has_ranks(const fcl_team *team) {
    return team->n_all > team->n;
}

/* Whether there are others whose gradients belong to a step. */
static int has_exchange(const fcl_team *team) {
    return team->n_live > 1 || has_ranks(team);
}

/* The samples of a whole batch that a member of this rank computes. */
static unsigned share_of(const fcl_team *team, unsigned index) {
    return team->samples[team->first + index];
}

static const char *name_of(const member *m) {
    return fcl_device_facts(m->replica.device)->name;
}

/* A step of one member. */
static fcl_status step(member *m, const job *j) {
    fcl_status status;
    fcl_team *team = m->team;
    fcl_replica *r = &m->replica;
    const fcl_task *task = &j->task;
    outcome *o = &m->outcome;
    FCL_TRY(fcl_fault_before_step(m->index, task->step));
    /* For the step before, but while the others begin with this one. */
    FCL_TRY(fcl_replica_rest(r));
    FCL_TRY(fcl_replica_land(r, task->step));
    o->began = m->free_since > 0.0 ? m->free_since : fcl_clock_seconds();
    if (j->exchanges) {
        const fcl_gradient_sink sink = fcl_exchange_sink(team->exchange, m->index);
        FCL_TRY(fcl_replica_gradients(r, task, &sink));
        FCL_TRY(fcl_exchange_run(&o->exchanged, &o->aborted, team->exchange, m->index));
        if (o->aborted) goto done;
        m->free_since = fcl_clock_seconds();
        fcl_pace_note_idle(&r->pace, o->exchanged.idle);
    } else {
        FCL_TRY(fcl_replica_gradients(r, task, NULL));
    }
    FCL_TRY(fcl_fault_before_update(m->index, task->step));
    FCL_TRY(fcl_replica_update(r, task, &j->adam));
done:
    return status;
}

static void do_job(member *m, job *j) {
    m->outcome = (outcome){0};
    j->task.batch = &j->batch;
    m->outcome.status = j->work ? j->work(j->context, &m->replica, j->task.share) : step(m, j);
    if (m->outcome.status == FCL_OK) return;
    /* The message is this thread's own. */
    m->outcome.message = fcl_duplicate(fcl_error_message());
    if (m->team->exchange && !j->work) fcl_exchange_abort(m->team->exchange);
}

/* A member's part. One that was given up must not look at the team again, whose shares change. */
static job job_of(const member *m, const job *all) {
    job own = *all;
    own.exchanges = has_exchange(m->team);
    own.task.share = fcl_team_share(m->team, all->n, m->index);
    return own;
}

static void *work_for_team(void *argument) {
    member *m = argument;
    fcl_team *team = m->team;
    pthread_mutex_lock(&team->lock);
    for (;;) {
        while (!team->stopping && !m->is_lost && !m->has_job) pthread_cond_wait(&team->changed, &team->lock);
        if (team->stopping || m->is_lost) break;
        job j = job_of(m, &team->job);
        pthread_mutex_unlock(&team->lock);
        do_job(m, &j);
        pthread_mutex_lock(&team->lock);
        m->has_job = 0;
        pthread_cond_broadcast(&team->changed);
    }
    pthread_mutex_unlock(&team->lock);
    return NULL;
}

static fcl_status start_threads(fcl_team *team) {
    fcl_status status = FCL_OK;
    for (unsigned i = 0; i < team->n; i++) {
        member *m = &team->members[i];
        FCL_TRY(fcl_thread_start(&m->thread, work_for_team, m));
        m->has_thread = 1;
    }
done:
    return status;
}

static fcl_status add_record(fcl_team *team, uint64_t step) {
    fcl_status status =
        fcl_grow((void **)&team->records, &team->records_capacity, team->n_records + 1, sizeof *team->records, what);
    if (status != FCL_OK) return status;
    fcl_share_record *record = &team->records[team->n_records++];
    *record = (fcl_share_record){.first_step = step};
    memcpy(record->samples, team->samples, team->n_all * sizeof *record->samples);
    return FCL_OK;
}

/* How many members each rank has. */
static fcl_status count_ranks(fcl_team *team) {
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

fcl_status fcl_team_create(fcl_team **out, const fcl_team_setup *setup) {
    fcl_status status;
    fcl_team *team = NULL;
    fcl_network *networks[FCL_MAX_REPLICAS];
    double even[FCL_MAX_REPLICAS];
    assert(setup->n > 0 && setup->n <= FCL_MAX_REPLICAS);
    FCL_TRY(FCL_NEW(&team, 1, what));
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    team->has_lock = 1;
    team->batch = setup->batch;
    team->mode = setup->mode;
    FCL_TRY(FCL_NEW(&team->members, setup->n, what));
    team->n = team->n_live = setup->n;
    for (unsigned i = 0; i < team->n; i++) {
        const fcl_team_member *from = &setup->members[i];
        member *m = &team->members[i];
        *m = (member){.team = team, .index = i, .is_live = 1};
        fcl_replica_init(&m->replica, from->device, from->network, from->duty);
        networks[i] = from->network;
    }
    FCL_TRY(count_ranks(team));
    /* Until there are others: work may come before the first step. */
    for (unsigned i = 0; i < team->n_all; i++) even[i] = 1.0;
    fcl_shares_divide(team->samples, even, team->n_all, team->batch);
    for (size_t i = 0; i < setup->n_records; i++) {
        memcpy(team->samples, setup->records[i].samples, sizeof team->samples);
        FCL_TRY(add_record(team, setup->records[i].first_step));
    }
    team->n_given = team->n_records;
    if (team->n_all == 1) {
        team->has_shares = 1;
    } else {
        FCL_TRY(fcl_exchange_create(&team->exchange, networks, team->n));
    }
    if (team->n > 1) FCL_TRY(start_threads(team));
    *out = team;
    team = NULL;
done:
    fcl_team_free(team);
    return status;
}

void fcl_team_settle(fcl_team *team) {
    /* The first message is the one that counts. */
    char *message = fcl_duplicate(fcl_error_message());
    int failed = 0;
    for (unsigned i = 0; i < team->n; i++)
        if (!team->members[i].is_lost) failed |= fcl_device_finish(team->members[i].replica.device) != FCL_OK;
    if (failed && message) fcl_fail(FCL_E_DEVICE, "%s", message);
    free(message);
}

void fcl_team_free(fcl_team *team) {
    if (!team) return;
    if (team->members) fcl_team_settle(team);
    if (team->has_lock) {
        pthread_mutex_lock(&team->lock);
        team->stopping = 1;
        pthread_cond_broadcast(&team->changed);
        pthread_mutex_unlock(&team->lock);
    }
    const int has_lost = team->members && fcl_team_has_lost(team);
    for (unsigned i = 0; team->members && i < team->n; i++) {
        member *m = &team->members[i];
        if (m->is_lost) continue;
        if (m->has_thread) pthread_join(m->thread, NULL);
        fcl_replica_land_all(&m->replica);
        free(m->outcome.message);
        m->outcome.message = NULL;
    }
    if (has_lost) return; /* a thread that may come back one day uses it */
    fcl_exchange_free(team->exchange);
    if (team->has_lock) {
        pthread_cond_destroy(&team->changed);
        pthread_mutex_destroy(&team->lock);
    }
    free(team->members);
    free(team->records);
    free(team->rank_bytes);
    free(team);
}

static int is_done(const member *m) {
    return !m->is_live || !m->has_job;
}

/* A member takes no part any more. The lock is held. */
static void retire(fcl_team *team, member *m) {
    m->is_live = 0;
    team->n_live--;
}

/* Those that have neither ended the job nor wait for others are the ones that all wait for. */
static void give_up(fcl_team *team) {
    for (unsigned i = 0; i < team->n; i++) {
        member *m = &team->members[i];
        if (is_done(m) || fcl_exchange_is_waiting(team->exchange, i)) continue;
        m->is_lost = 1;
        retire(team, m);
        fcl_log(FCL_LOG_WARNING, "the device '%s' does not answer any more: training goes on without it", name_of(m));
    }
    fcl_exchange_abort(team->exchange);
}

static void wait_a_tick(fcl_team *team) {
    enum { NANO = 1000000000 };
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(tick_seconds * NANO);
    if (until.tv_nsec >= NANO) {
        until.tv_nsec -= NANO;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&team->changed, &team->lock, &until);
}

/* Until all have done the job, or were given up. */
static void wait_for_members(fcl_team *team) {
    const double limit =
        team->longest_job > 0.0 ? least_patience + patience_factor * team->longest_job : first_patience;
    uint64_t progress = 0;
    double waited = 0.0;
    for (;;) {
        unsigned n_done = 0, n_computing = 0;
        for (unsigned i = 0; i < team->n; i++) {
            const int done = is_done(&team->members[i]);
            n_done += (unsigned)done;
            n_computing += (unsigned)(!done && !fcl_exchange_is_waiting(team->exchange, i));
        }
        if (n_done == team->n) return;
        const uint64_t now = fcl_exchange_progress(team->exchange) + n_done;
        wait_a_tick(team);
        /* Other ranks take the time they take: their own processes look after them. */
        waited = now == progress && n_computing > 0 ? waited + tick_seconds : 0.0;
        progress = now;
        if (waited >= limit) {
            give_up(team);
            waited = 0.0;
        }
    }
}

/* Members whose device failed leave, with a word to the user. The lock is held. */
static void drop_failed(fcl_team *team) {
    for (unsigned i = 0; i < team->n; i++) {
        member *m = &team->members[i];
        if (!m->is_live || m->outcome.status == FCL_OK) continue;
        retire(team, m);
        if (team->n > 1)
            fcl_log(FCL_LOG_WARNING, "the device '%s' failed and is dropped: %s", name_of(m),
                    m->outcome.message ? m->outcome.message : fcl_status_meaning(m->outcome.status));
    }
}

static fcl_status fail_without_devices(const fcl_team *team) {
    for (unsigned i = 0; i < team->n; i++) {
        const outcome *o = &team->members[i].outcome;
        if (!team->members[i].is_lost && o->status != FCL_OK && o->message)
            return fcl_fail(o->status, "no device is left: %s", o->message);
    }
    return fcl_fail(FCL_E_DEVICE, "no device is left: none answers any more");
}

static fcl_status fail_in_ranks(const fcl_team *team) {
    for (unsigned i = 0; i < team->n; i++) {
        const outcome *o = &team->members[i].outcome;
        if (!team->members[i].is_lost && o->status != FCL_OK && o->message)
            return fcl_fail(o->status, "%s", o->message);
    }
    return fcl_fail(FCL_E_DEVICE, "a device does not answer any more");
}

/* All members do the job. *repeat: it was done by none, or not by all, and the rest of them is to do it. */
static fcl_status run(int *repeat, fcl_team *team, const job *j) {
    *repeat = 0;
    if (team->n == 1) {
        member *only = &team->members[0];
        job own = job_of(only, j);
        do_job(only, &own);
        free(only->outcome.message);
        only->outcome.message = NULL;
        return only->outcome.status;
    }
    const unsigned n_before = team->n_live;
    const double began = fcl_clock_seconds();
    pthread_mutex_lock(&team->lock);
    for (unsigned i = 0; i < team->n; i++) {
        member *m = &team->members[i];
        if (!m->is_live) continue;
        free(m->outcome.message);
        m->outcome = (outcome){0};
        m->has_job = 1;
    }
    team->job = *j;
    pthread_cond_broadcast(&team->changed);
    wait_for_members(team);
    drop_failed(team);
    pthread_mutex_unlock(&team->lock);
    /* The others have gone on, or wait for what will not come. */
    if (has_ranks(team) && team->n_live < n_before) return fail_in_ranks(team);
    for (unsigned i = 0; i < team->n; i++)
        if (team->members[i].is_live)
            *repeat |= team->members[i].outcome.aborted || (j->work && team->n_live < n_before);
    if (team->n_live == n_before) {
        const double seconds = fcl_clock_seconds() - began;
        if (seconds > team->longest_job) team->longest_job = seconds;
    }
    return team->n_live > 0 ? FCL_OK : fail_without_devices(team);
}

/* A step with other shares is no measure for the next one's begin. */
static void forget_times(fcl_team *team) {
    for (unsigned i = 0; i < team->n; i++) team->members[i].free_since = 0.0;
}

/* Those whose share is nothing take no part any more. */
static void leave_out(fcl_team *team) {
    pthread_mutex_lock(&team->lock);
    for (unsigned i = 0; i < team->n; i++) {
        member *m = &team->members[i];
        if (m->is_live && share_of(team, i) == 0) retire(team, m);
    }
    pthread_mutex_unlock(&team->lock);
}

/* New shares from a step on. A step that is repeated has one record. */
static fcl_status use_shares(fcl_team *team, const unsigned *samples, uint64_t first_step) {
    memmove(team->samples, samples, team->n_all * sizeof *samples);
    team->has_shares = 1;
    team->version++;
    leave_out(team);
    forget_times(team);
    if (team->n_records > 0 && team->records[team->n_records - 1].first_step >= first_step) team->n_records--;
    return add_record(team, first_step);
}

/* Each rank says it of its own devices. */
static void report_shares(const fcl_team *team, uint64_t step) {
    fcl_text text = FCL_TEXT_EMPTY;
    const char *before = "";
    for (unsigned i = 0; i < team->n; i++) {
        if (share_of(team, i) == 0) continue;
        fcl_text_appendf(&text, "%s%u on '%s'", before, share_of(team, i), name_of(&team->members[i]));
        before = ", ";
    }
    fcl_log(FCL_LOG_INFO, "from step %llu on, of %u samples: %s", (unsigned long long)step, team->batch,
            fcl_text_get(&text));
    fcl_text_dispose(&text);
}

/* After members were dropped: the others share what those had, in the proportion that they had before. What was planned for later
 * steps is void. */
static fcl_status share_anew(fcl_team *team, uint64_t step) {
    double speeds[FCL_MAX_REPLICAS] = {0};
    unsigned samples[FCL_MAX_REPLICAS];
    const int balances = team->mode == FCL_SHARES_AUTO && team->has_shares;
    for (unsigned i = 0; i < team->n; i++)
        if (team->members[i].is_live)
            speeds[i] = (double)team->samples[i];
        else if (team->samples[i] > 0 && balances)
            fcl_balance_drop(&team->balance, i);
    fcl_shares_divide(samples, speeds, team->n, team->batch);
    /* While they are still being measured there is nothing to record. */
    memcpy(team->samples, balances ? team->balance.samples : samples, team->n * sizeof *samples);
    if (!team->has_shares) return FCL_OK;
    if (team->next_record < team->n_given) team->n_records = team->n_given = team->next_record;
    fcl_status status = use_shares(team, team->samples, step);
    report_shares(team, step);
    return status;
}

/* Those that would only hold up the others leave, and the user is told with the numbers. *any: there were some. */
static fcl_status leave_out_slow(int *any, fcl_team *team, double step_seconds, uint64_t first_step) {
    fcl_leave_out found;
    *any = 0;
    if (has_ranks(team)) return FCL_OK; /* a rank without devices could not say anything any more */
    *any = fcl_balance_leave_out(&team->balance, step_seconds, &found);
    if (!*any) return FCL_OK;
    for (unsigned i = 0; i < found.n; i++) {
        const member *m = &team->members[found.index[i]];
        if (found.reason == FCL_LEAVE_TOO_SLOW)
            fcl_log(
                FCL_LOG_WARNING,
                "the device '%s' is left out: %.2f of a batch's %u samples would be its part, which is less than one",
                name_of(m), found.share[i], team->batch);
        else
            fcl_log(FCL_LOG_WARNING,
                    "the device '%s' is left out: together a step takes %.4g s, and '%s' alone would take %.4g s",
                    name_of(m), found.step_seconds, name_of(&team->members[found.fastest]), found.alone_seconds);
        fcl_balance_drop(&team->balance, found.index[i]);
    }
    return use_shares(team, team->balance.samples, first_step);
}

/* What a member needs a sample, all at once, as in a step. */
typedef struct measurement {
    fcl_team *team;
    fcl_task task;
    fcl_batch batch;
    double seconds[FCL_MAX_REPLICAS]; /* (members) a sample; 0: not known */
} measurement;

/* Forward, loss and backward of the share, twice: the first time may compile and fill caches. What it leaves on the device the
 * step that follows overwrites. */
static fcl_status measure(void *context, fcl_replica *replica, fcl_share share) {
    enum { ROUNDS = 2 };
    fcl_status status = FCL_OK;
    measurement *m = context;
    fcl_task task = m->task;
    unsigned index = 0;
    while (&m->team->members[index].replica != replica) index++;
    task.share = share;
    for (int round = 0; round < ROUNDS; round++) {
        const double began = fcl_clock_seconds();
        FCL_TRY(fcl_replica_gradients(replica, &task, NULL));
        FCL_TRY(fcl_device_finish(replica->device));
        FCL_TRY(fcl_replica_rest(replica));
        if (share.n > 0) m->seconds[index] = (fcl_clock_seconds() - began) / (double)share.n;
    }
done:
    return status;
}

/* A number of each member, of all ranks: every rank gives its own. */
static fcl_status gather_times(double *all, const fcl_team *team, const double *own) {
    return fcl_ranks_gather_parts(all, team->rank_bytes, own);
}

/* Members that a small batch had no sample for count as the mean of the others. */
static void guess_missing(double *seconds, unsigned n) {
    double sum = 0.0;
    unsigned n_known = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!(seconds[i] > 0.0) || !isfinite(seconds[i])) continue;
        sum += seconds[i];
        n_known++;
    }
    for (unsigned i = 0; i < n; i++)
        if (seconds[i] == 0.0) seconds[i] = sum / (double)n_known;
}

/* The shares to begin with: equal ones for a measurement, then what that says. */
static fcl_status find_shares(fcl_team *team, const fcl_task *task) {
    fcl_status status;
    int left;
    double equal[FCL_MAX_REPLICAS], all[FCL_MAX_REPLICAS];
    measurement *m;
    if ((status = FCL_NEW(&m, 1, what)) != FCL_OK) return status;
    m->team = team;
    m->task = *task;
    m->batch = *task->batch;
    m->task.batch = &m->batch;
    for (unsigned i = 0; i < team->n_all; i++) equal[i] = 1.0;
    for (unsigned i = 0; i < team->n; i++) equal[team->first + i] = team->members[i].is_live;
    fcl_shares_divide(team->samples, equal, team->n_all, team->batch);
    FCL_TRY(fcl_team_run(team, task->batch->n, measure, m));
    for (unsigned i = 0; i < team->n; i++)
        if (!team->members[i].is_live) m->seconds[i] = (double)INFINITY;
    FCL_TRY(gather_times(all, team, m->seconds));
    guess_missing(all, team->n_all);
    fcl_balance_begin(&team->balance, team->n_all, team->batch, all);
    FCL_TRY(use_shares(team, team->balance.samples, task->step));
    FCL_TRY(leave_out_slow(&left, team, 0.0, task->step));
    report_shares(team, task->step);
done:
    if (!fcl_team_has_lost(team)) free(m); /* one that was given up may still write there */
    return status;
}

/* Of the records that were given, the last that is due at a step. */
static void apply_records(fcl_team *team, uint64_t step) {
    const size_t before = team->next_record;
    while (team->next_record < team->n_given && team->records[team->next_record].first_step <= step)
        team->next_record++;
    if (team->next_record == before) return;
    memcpy(team->samples, team->records[team->next_record - 1].samples, team->n_all * sizeof *team->samples);
    team->has_shares = 1;
    team->version++;
    leave_out(team);
    forget_times(team);
}

static fcl_status prepare_shares(fcl_team *team, const fcl_task *task) {
    const int had_shares = team->has_shares;
    if (team->n_all == 1) return FCL_OK;
    apply_records(team, task->step);
    if (!team->has_shares) return find_shares(team, task);
    if (!had_shares && team->mode == FCL_SHARES_AUTO) {
        double seconds[FCL_MAX_REPLICAS];
        for (unsigned i = 0; i < team->n_all; i++) seconds[i] = 1.0 / (double)team->samples[i]; /* INFINITY of 0 */
        fcl_balance_begin(&team->balance, team->n_all, team->batch, seconds);
    }
    return FCL_OK;
}

/* Adds a step that all who are there took together. */
static void count_times(fcl_team *team, const fcl_task *task) {
    double last_ready = 0.0;
    if (!has_exchange(team)) return;
    for (unsigned i = 0; i < team->n; i++)
        if (team->members[i].is_live) last_ready = fmax(last_ready, team->members[i].outcome.exchanged.ready_at);
    for (unsigned i = 0; i < team->n; i++) {
        member *m = &team->members[i];
        const fcl_exchanged *seen = &m->outcome.exchanged;
        if (!m->is_live) continue;
        m->times.busy += seen->ready_at - m->outcome.began;
        m->times.waiting += last_ready - seen->ready_at;
        m->times.exchange += seen->idle - (last_ready - seen->ready_at);
        m->times.n_samples += fcl_team_share(team, task->batch->n, i).n;
        m->times.n_steps++;
    }
}

/* What the step says of the members' speeds, and shares that follow from it for the next. */
static fcl_status adapt(fcl_team *team, const fcl_task *task, double step_seconds) {
    fcl_status status;
    int left;
    double own[FCL_MAX_REPLICAS], all[FCL_MAX_REPLICAS];
    if (team->mode != FCL_SHARES_AUTO || !has_exchange(team)) return FCL_OK;
    const int is_whole = task->batch->n == team->batch;
    for (unsigned i = 0; i < team->n; i++) {
        const outcome *o = &team->members[i].outcome;
        own[i] = o->exchanged.ready_at - o->began;
    }
    FCL_TRY(gather_times(all, team, own));
    for (unsigned i = 0; i < team->n_all; i++) {
        const size_t n = fcl_share_by_weights((fcl_share){0, task->batch->n}, team->samples, team->n_all, i).n;
        if (team->samples[i] > 0) fcl_balance_note(&team->balance, i, (unsigned)n, all[i]);
    }
    FCL_TRY(leave_out_slow(&left, team, is_whole ? step_seconds : 0.0, task->step + 1));
    if (!left && fcl_balance_adapt(&team->balance, task->step))
        FCL_TRY(use_shares(team, team->balance.samples, task->step + 1));
done:
    return status;
}

/* A rank that is asked to end asks all: they end after the same step. */
static fcl_status exchange_votes(fcl_team *team) {
    double votes = fcl_interrupt_requested() != 0;
    if (!has_ranks(team)) return FCL_OK;
    fcl_status status = fcl_ranks_sum(&votes, 1);
    if (status == FCL_OK) team->stop_requested = votes > 0.0;
    return status;
}

int fcl_team_stop_requested(const fcl_team *team) {
    return has_ranks(team) ? team->stop_requested : fcl_interrupt_requested() != 0;
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
    const job j = {.n = batch->n, .task = task, .batch = *batch, .adam = *adam};
    int repeat;
    FCL_TRY(prepare_shares(team, &task));
    do {
        const unsigned n_before = team->n_live;
        const double began = fcl_clock_seconds();
        if (team->exchange) begin_exchange(team, &task);
        FCL_TRY(run(&repeat, team, &j));
        if (team->n_live < n_before) {
            FCL_TRY(share_anew(team, repeat ? step_number : step_number + 1));
        } else {
            count_times(team, &task);
            FCL_TRY(adapt(team, &task, fcl_clock_seconds() - began));
        }
    } while (repeat);
    FCL_TRY(exchange_votes(team));
    team->next_step = step_number + 1;
    /* What was exchanged had been computed, so that uploads are long over. A batch that a lost device may still read from is
     * never given to another step, so that no more of them may be held. */
    *done = has_exchange(team) || fcl_team_has_lost(team);
    if (*done && !has_exchange(team)) FCL_TRY(fcl_team_land_all(team));
done:
    return status;
}

fcl_status fcl_team_run(fcl_team *team, size_t n, fcl_team_work work, void *context) {
    fcl_status status;
    const job j = {.n = n, .work = work, .context = context};
    int repeat;
    do {
        FCL_TRY(run(&repeat, team, &j));
        if (repeat) FCL_TRY(share_anew(team, team->next_step));
    } while (repeat);
    forget_times(team); /* what was between two steps belongs to none */
done:
    return status;
}

fcl_status fcl_team_land_all(fcl_team *team) {
    fcl_status status = FCL_OK;
    for (unsigned i = 0; i < team->n; i++) {
        member *m = &team->members[i];
        if (!m->is_live) continue;
        fcl_status one = fcl_replica_land_all(&m->replica);
        if (status == FCL_OK) status = one;
    }
    return status;
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
            member *m = &team->members[i];
            int differ = 0;
            if (!m->is_live || &m->replica == first) continue;
            FCL_TRY(level_arena(&differ, &m->replica, levelled[a], &firsts, &scratch));
            if (!differ || m->was_levelled) continue;
            m->was_levelled = 1;
            fcl_log(FCL_LOG_INFO, "'%s' rounds otherwise than '%s': it gets the weights of that one now and then",
                    name_of(m), fcl_device_facts(first->device)->name);
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
    if (status != FCL_OK || !has_ranks(team)) return status;
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
    if (!has_ranks(team)) return FCL_OK;
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

fcl_share fcl_team_window(const fcl_team *team) {
    return (fcl_share){team->first, team->n};
}

const unsigned *fcl_team_samples(unsigned *n, uint64_t *version, const fcl_team *team) {
    *n = team->n_all;
    *version = team->version;
    return team->has_shares ? team->samples : NULL;
}
