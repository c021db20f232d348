/* The threads of a team's members, the jobs that they are given, and members that fail at one or do not answer any more. */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "device/queue.h"
#include "train/fault.h"
#include "train/team_parts.h"

/* How long a team waits while nothing happens before it gives a device up: for what was not done before, and otherwise as many
 * times what the longest took, at least as long as a system under load may stall. */
static const double first_patience = 300.0, least_patience = 10.0, patience_factor = 20.0;
/* It looks so often. Moments are counted, not the clock's seconds: a process that was stopped waits for nobody. */
static const double tick_seconds = 0.1;

/* A step of one member. */
static fcl_status step(fcl_member *m, const fcl_job *j) {
    fcl_status status;
    fcl_team *team = m->team;
    fcl_replica *r = &m->replica;
    const fcl_task *task = &j->task;
    fcl_outcome *o = &m->outcome;
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

static void do_job(fcl_member *m, fcl_job *j) {
    m->outcome = (fcl_outcome){0};
    j->task.batch = &j->batch;
    m->outcome.status = j->work ? j->work(j->context, &m->replica, j->task.share) : step(m, j);
    if (m->outcome.status == FCL_OK) return;
    /* The message is this thread's own. */
    m->outcome.message = fcl_duplicate(fcl_error_message());
    if (m->team->exchange && !j->work) fcl_exchange_abort(m->team->exchange);
}

/* A member's part. One that was given up must not look at the team again, whose shares change. */
static fcl_job job_of(const fcl_member *m, const fcl_job *all) {
    fcl_job own = *all;
    own.exchanges = fcl_team_has_exchange(m->team);
    own.task.share = fcl_team_share(m->team, all->n, m->index);
    return own;
}

static void *work_for_team(void *argument) {
    fcl_member *m = argument;
    fcl_team *team = m->team;
    pthread_mutex_lock(&team->lock);
    for (;;) {
        while (!team->stopping && !m->is_lost && !m->has_job) pthread_cond_wait(&team->changed, &team->lock);
        if (team->stopping || m->is_lost) break;
        fcl_job j = job_of(m, &team->job);
        pthread_mutex_unlock(&team->lock);
        if (j.settles)
            fcl_device_finish(m->replica.device);
        else
            do_job(m, &j);
        pthread_mutex_lock(&team->lock);
        m->has_job = 0;
        pthread_cond_broadcast(&team->changed);
    }
    pthread_mutex_unlock(&team->lock);
    return NULL;
}

fcl_status fcl_team_start_threads(fcl_team *team) {
    fcl_status status = FCL_OK;
    for (unsigned i = 0; i < team->n; i++) {
        fcl_member *m = &team->members[i];
        FCL_TRY(fcl_thread_start(&m->thread, work_for_team, m));
        m->has_thread = 1;
    }
done:
    return status;
}

void fcl_team_end_threads(fcl_team *team) {
    pthread_mutex_lock(&team->lock);
    team->stopping = 1;
    pthread_cond_broadcast(&team->changed);
    pthread_mutex_unlock(&team->lock);
    for (unsigned i = 0; i < team->n; i++) {
        const fcl_member *m = &team->members[i];
        if (m->has_thread && !m->is_lost) pthread_join(m->thread, NULL);
    }
}

static int is_done(const fcl_member *m) {
    return m->is_lost || !m->has_job;
}

void fcl_team_retire(fcl_team *team, fcl_member *m) {
    if (m->is_live) team->n_live--;
    m->is_live = 0;
}

/* Those that have neither ended the job nor wait for others are the ones that all wait for. */
static void give_up(fcl_team *team) {
    for (unsigned i = 0; i < team->n; i++) {
        fcl_member *m = &team->members[i];
        if (is_done(m) || fcl_exchange_is_waiting(team->exchange, i)) continue;
        m->is_lost = 1;
        fcl_team_retire(team, m);
        fcl_log(FCL_LOG_WARNING, "the device '%s' does not answer any more: %s", fcl_member_name(m),
                team->job.settles ? "it is left alone" : "training goes on without it");
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
        fcl_member *m = &team->members[i];
        if (!m->is_live || m->outcome.status == FCL_OK) continue;
        fcl_team_retire(team, m);
        if (team->n > 1)
            fcl_log(FCL_LOG_WARNING, "the device '%s' failed and is dropped: %s", fcl_member_name(m),
                    m->outcome.message ? m->outcome.message : fcl_status_meaning(m->outcome.status));
    }
}

/* What the first member that failed says; NULL: those that are missing do not answer. */
static const fcl_outcome *first_failure(const fcl_team *team) {
    for (unsigned i = 0; i < team->n; i++) {
        const fcl_outcome *o = &team->members[i].outcome;
        if (!team->members[i].is_lost && o->status != FCL_OK && o->message) return o;
    }
    return NULL;
}

static fcl_status fail_without_devices(const fcl_team *team) {
    const fcl_outcome *failure = first_failure(team);
    return failure ? fcl_fail(failure->status, "no device is left: %s", failure->message)
                   : fcl_fail(FCL_E_DEVICE, "no device is left: none answers any more");
}

static fcl_status fail_in_ranks(const fcl_team *team) {
    const fcl_outcome *failure = first_failure(team);
    return failure ? fcl_fail(failure->status, "%s", failure->message)
                   : fcl_fail(FCL_E_DEVICE, "a device does not answer any more");
}

fcl_status fcl_team_do(int *repeat, fcl_team *team, const fcl_job *j) {
    *repeat = 0;
    if (team->n == 1) {
        fcl_member *only = &team->members[0];
        fcl_job own = job_of(only, j);
        do_job(only, &own);
        free(only->outcome.message);
        only->outcome.message = NULL;
        return only->outcome.status;
    }
    const unsigned n_before = team->n_live;
    const double began = fcl_clock_seconds();
    pthread_mutex_lock(&team->lock);
    for (unsigned i = 0; i < team->n; i++) {
        fcl_member *m = &team->members[i];
        if (!m->is_live) continue;
        free(m->outcome.message);
        m->outcome = (fcl_outcome){0};
        m->has_job = 1;
    }
    team->job = *j;
    pthread_cond_broadcast(&team->changed);
    wait_for_members(team);
    drop_failed(team);
    pthread_mutex_unlock(&team->lock);
    /* The others have gone on, or wait for what will not come. */
    if (fcl_team_has_ranks(team) && team->n_live < n_before) return fail_in_ranks(team);
    for (unsigned i = 0; i < team->n; i++)
        if (team->members[i].is_live)
            *repeat |= team->members[i].outcome.aborted || (j->work && team->n_live < n_before);
    if (team->n_live == n_before) {
        const double seconds = fcl_clock_seconds() - began;
        if (seconds > team->longest_job) team->longest_job = seconds;
    }
    return team->n_live > 0 ? FCL_OK : fail_without_devices(team);
}

/* Of the only member, which has no thread: nobody could go on without it. */
static void finish_only(const fcl_member *only) {
    char *first = fcl_error_keep();
    fcl_device_finish(only->replica.device);
    fcl_error_restore(first);
}

int fcl_team_settle(fcl_team *team) {
    if (!team) return 0;
    if (team->n == 1) {
        finish_only(&team->members[0]);
        return 0;
    }
    pthread_mutex_lock(&team->lock);
    /* Those that were dropped have their threads still. */
    for (unsigned i = 0; i < team->n; i++) team->members[i].has_job |= team->members[i].has_thread;
    team->job = (fcl_job){.settles = 1};
    pthread_cond_broadcast(&team->changed);
    wait_for_members(team);
    pthread_mutex_unlock(&team->lock);
    return fcl_team_has_lost(team);
}
