/* Who computes how much of each batch: shares as recorded, as measured, and as steps say, with a record of all that there were. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/queue.h"
#include "train/team_parts.h"

static const char what[] = "the shares of devices";

fcl_share fcl_team_share(const fcl_team *team, size_t n, unsigned index) {
    return fcl_share_by_weights((fcl_share){0, n}, team->samples, team->n_all, team->first + index);
}

const fcl_share_record *fcl_team_records(size_t *n, const fcl_team *team) {
    *n = team->n_records;
    return team->records;
}

const unsigned *fcl_team_samples(unsigned *n, uint64_t *version, const fcl_team *team) {
    *n = team->n_all;
    *version = team->version;
    return team->has_shares ? team->samples : NULL;
}

/* The samples of a whole batch that a member of this rank computes. */
static unsigned share_of(const fcl_team *team, unsigned index) {
    return team->samples[team->first + index];
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

fcl_status fcl_team_begin_shares(fcl_team *team, const fcl_share_record *records, size_t n_records) {
    fcl_status status = FCL_OK;
    double even[FCL_MAX_REPLICAS];
    /* Until there are others: work may come before the first step. */
    for (unsigned i = 0; i < team->n_all; i++) even[i] = 1.0;
    fcl_shares_divide(team->samples, even, team->n_all, team->batch);
    for (size_t i = 0; i < n_records; i++) {
        memcpy(team->samples, records[i].samples, sizeof team->samples);
        FCL_TRY(add_record(team, records[i].first_step));
    }
    team->n_given = team->n_records;
    team->has_shares = team->n_all == 1;
done:
    return status;
}

void fcl_team_forget_times(fcl_team *team) {
    for (unsigned i = 0; i < team->n; i++) team->members[i].free_since = 0.0;
}

/* Those whose share is nothing take no part any more. */
static void leave_out(fcl_team *team) {
    pthread_mutex_lock(&team->lock);
    for (unsigned i = 0; i < team->n; i++) {
        fcl_member *m = &team->members[i];
        if (m->is_live && share_of(team, i) == 0) fcl_team_retire(team, m);
    }
    pthread_mutex_unlock(&team->lock);
}

/* New shares from a step on. A step that is repeated has one record. */
static fcl_status use_shares(fcl_team *team, const unsigned *samples, uint64_t first_step) {
    memmove(team->samples, samples, team->n_all * sizeof *samples);
    team->has_shares = 1;
    team->version++;
    leave_out(team);
    fcl_team_forget_times(team); /* a step with other shares is no measure for the next one's begin */
    if (team->n_records > 0 && team->records[team->n_records - 1].first_step >= first_step) team->n_records--;
    return add_record(team, first_step);
}

/* Each rank says it of its own devices. */
static void report_shares(const fcl_team *team, uint64_t step) {
    fcl_text text = FCL_TEXT_EMPTY;
    const char *before = "";
    for (unsigned i = 0; i < team->n; i++) {
        if (share_of(team, i) == 0) continue;
        fcl_text_appendf(&text, "%s%u on '%s'", before, share_of(team, i), fcl_member_name(&team->members[i]));
        before = ", ";
    }
    fcl_log(FCL_LOG_INFO, "from step %llu on, of %u samples: %s", (unsigned long long)step, team->batch,
            fcl_text_get(&text));
    fcl_text_dispose(&text);
}

fcl_status fcl_team_share_anew(fcl_team *team, uint64_t step) {
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
    if (fcl_team_has_ranks(team)) return FCL_OK; /* a rank without devices could not say anything any more */
    *any = fcl_balance_leave_out(&team->balance, step_seconds, &found);
    if (!*any) return FCL_OK;
    for (unsigned i = 0; i < found.n; i++) {
        const fcl_member *m = &team->members[found.index[i]];
        if (found.reason == FCL_LEAVE_TOO_SLOW)
            fcl_log(
                FCL_LOG_WARNING,
                "the device '%s' is left out: %.2f of a batch's %u samples would be its part, which is less than one",
                fcl_member_name(m), found.share[i], team->batch);
        else
            fcl_log(FCL_LOG_WARNING,
                    "the device '%s' is left out: together a step takes %.4g s, and '%s' alone would take %.4g s",
                    fcl_member_name(m), found.step_seconds, fcl_member_name(&team->members[found.fastest]),
                    found.alone_seconds);
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

/* Members of one driver and device, with one duty, are of a kind: the index of the first one. */
static void find_kinds(unsigned *kinds, const fcl_team *team) {
    for (unsigned i = 0; i < team->n; i++) {
        const fcl_replica *r = &team->members[i].replica;
        for (kinds[i] = 0; kinds[i] < i; kinds[i]++) {
            const fcl_replica *other = &team->members[kinds[i]].replica;
            if (r->pace.duty == other->pace.duty &&
                strcmp(fcl_device_identity(r->device), fcl_device_identity(other->device)) == 0)
                break;
        }
    }
}

/* The shares to begin with: equal ones for a measurement, then what that says. */
static fcl_status find_shares(fcl_team *team, const fcl_task *task) {
    fcl_status status;
    int left;
    double equal[FCL_MAX_REPLICAS], all[FCL_MAX_REPLICAS];
    unsigned kinds[FCL_MAX_REPLICAS];
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
    find_kinds(kinds, team);
    fcl_shares_even_out(m->seconds, kinds, team->n);
    FCL_TRY(fcl_team_gather_times(all, team, m->seconds));
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
    fcl_team_forget_times(team);
}

fcl_status fcl_team_prepare_shares(fcl_team *team, const fcl_task *task) {
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
    for (unsigned i = 0; i < team->n; i++)
        if (team->members[i].is_live) last_ready = fmax(last_ready, team->members[i].outcome.exchanged.ready_at);
    for (unsigned i = 0; i < team->n; i++) {
        fcl_member *m = &team->members[i];
        const fcl_exchanged *seen = &m->outcome.exchanged;
        if (!m->is_live) continue;
        m->times.busy += seen->ready_at - m->outcome.began;
        m->times.waiting += last_ready - seen->ready_at;
        m->times.exchange += seen->idle - (last_ready - seen->ready_at);
        m->times.n_samples += fcl_team_share(team, task->batch->n, i).n;
        m->times.n_steps++;
    }
}

fcl_status fcl_team_adapt_shares(fcl_team *team, const fcl_task *task, double step_seconds) {
    fcl_status status;
    int left;
    double own[FCL_MAX_REPLICAS], all[FCL_MAX_REPLICAS];
    if (!fcl_team_has_exchange(team)) return FCL_OK;
    count_times(team, task);
    if (team->mode != FCL_SHARES_AUTO) return FCL_OK;
    const int is_whole = task->batch->n == team->batch;
    for (unsigned i = 0; i < team->n; i++) {
        const fcl_outcome *o = &team->members[i].outcome;
        own[i] = o->exchanged.ready_at - o->began;
    }
    FCL_TRY(fcl_team_gather_times(all, team, own));
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
