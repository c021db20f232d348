#include "train/exchange.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "device/transfer.h"
#include "ranks/ranks.h"

static const char what[] = "an exchange of gradients";

/* Tensors share a bucket until it has this size: enough that what a bucket costs of its own does not count, little enough that
 * the last one, which no computing hides, is small. */
enum { BUCKET_BYTES = 1 << 20 };

/* A stretch of tensors. The first bucket has the last tensors, and the losses. */
typedef struct bucket {
    unsigned first, n; /* tensors */
} bucket;

typedef struct participant {
    fcl_exchange *exchange;
    unsigned index;
    fcl_transfer **transfers; /* (n_buckets) */
    unsigned n_begun;         /* buckets on their way */
    unsigned n_ended;
    int takes_part, has_gradients;
    int is_waiting;
} participant;

struct fcl_exchange {
    const fcl_model *model;
    bucket *buckets;
    unsigned n_buckets, n;
    participant *participants; /* (n) */
    fcl_rank_sum **sums;       /* (tensors, and one of the losses); NULL: there is one rank only */
    uint32_t slot;
    unsigned n_live, leader; /* of those that take part: the first, whose memory the ranks' sums are made in */
    /* The meeting of all that take part, once a bucket and once at the end. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int has_lock;
    unsigned n_arrived, n_inside; /* who reads and writes the memory of others now */
    uint64_t meeting, progress;
    int is_aborted;
};

static size_t bytes_of(const fcl_model *model, unsigned tensor) {
    return fcl_model_tensor(model, tensor)->count * sizeof(float);
}

/* From the last tensor to the first; layers (a kernel and its bias) stay together, since they become complete together. */
static fcl_status make_buckets(fcl_exchange *x) {
    const unsigned n_tensors = fcl_model_n_tensors(x->model);
    fcl_status status = FCL_NEW(&x->buckets, n_tensors, what);
    size_t bytes = 0;
    for (unsigned end = n_tensors, first = end; status == FCL_OK && first > 0;) {
        bytes += bytes_of(x->model, --first);
        if (first > 0 && (bytes < BUCKET_BYTES ||
                          fcl_model_tensor(x->model, first)->layer == fcl_model_tensor(x->model, first - 1)->layer))
            continue;
        x->buckets[x->n_buckets++] = (bucket){first, end - first};
        end = first;
        bytes = 0;
    }
    return status;
}

static fcl_status make_transfers(participant *p, const fcl_exchange *x, fcl_network *network) {
    fcl_status status;
    fcl_buffer **buffers = NULL;
    FCL_TRY(FCL_NEW(&p->transfers, x->n_buckets, what));
    FCL_TRY(FCL_NEW(&buffers, fcl_model_n_tensors(x->model) + 1, what));
    for (unsigned b = 0; b < x->n_buckets; b++) {
        unsigned n = 0;
        for (unsigned i = 0; i < x->buckets[b].n; i++)
            buffers[n++] = fcl_network_tensor(network, FCL_GRADIENTS, x->buckets[b].first + i);
        if (b == 0) buffers[n++] = fcl_network_stats(network);
        FCL_TRY(fcl_transfer_create(&p->transfers[b], fcl_buffer_device(buffers[0]), buffers, n));
    }
done:
    free(buffers);
    return status;
}

static fcl_status make_sums(fcl_exchange *x) {
    enum { LOSSES = 2 };
    const unsigned n = fcl_model_n_tensors(x->model);
    fcl_status status = FCL_OK;
    if (fcl_ranks_count() == 1) return FCL_OK;
    FCL_TRY(FCL_NEW(&x->sums, n + 1, what));
    for (unsigned i = 0; i <= n; i++)
        FCL_TRY(fcl_rank_sum_create(&x->sums[i], i < n ? fcl_model_tensor(x->model, i)->count : LOSSES,
                                    FCL_RANK_ORDER_FIXED));
done:
    return status;
}

fcl_status fcl_exchange_create(fcl_exchange **out, fcl_network *const *networks, unsigned n) {
    fcl_status status;
    fcl_exchange *x = NULL;
    FCL_TRY(FCL_NEW(&x, 1, what));
    x->model = fcl_network_model(networks[0]);
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->changed, NULL);
    x->has_lock = 1;
    FCL_TRY(make_buckets(x));
    FCL_TRY(make_sums(x));
    FCL_TRY(FCL_NEW(&x->participants, n, what));
    x->n = n;
    for (unsigned i = 0; i < n; i++) {
        x->participants[i] = (participant){.exchange = x, .index = i};
        FCL_TRY(make_transfers(&x->participants[i], x, networks[i]));
    }
    *out = x;
    x = NULL;
done:
    fcl_exchange_free(x);
    return status;
}

void fcl_exchange_free(fcl_exchange *x) {
    if (!x) return;
    for (unsigned i = 0; i < x->n; i++) {
        for (unsigned b = 0; x->participants[i].transfers && b < x->n_buckets; b++)
            fcl_transfer_free(x->participants[i].transfers[b]);
        free(x->participants[i].transfers);
    }
    for (unsigned i = 0; x->sums && i <= fcl_model_n_tensors(x->model); i++) fcl_rank_sum_free(x->sums[i]);
    free(x->sums);
    if (x->has_lock) {
        pthread_cond_destroy(&x->changed);
        pthread_mutex_destroy(&x->lock);
    }
    free(x->participants);
    free(x->buckets);
    free(x);
}

void fcl_exchange_begin(fcl_exchange *x, const unsigned char *takes_part, const unsigned char *has_gradients,
                        uint32_t slot) {
    pthread_mutex_lock(&x->lock);
    x->slot = slot;
    x->n_live = x->n_arrived = 0;
    x->is_aborted = 0;
    for (unsigned i = 0; i < x->n; i++) {
        participant *p = &x->participants[i];
        p->takes_part = takes_part[i];
        p->has_gradients = has_gradients[i];
        if (takes_part[i] && x->n_live == 0) x->leader = i;
        x->n_live += takes_part[i];
    }
    pthread_mutex_unlock(&x->lock);
}

/* Buckets whose tensors are all among those from first_tensor on begin to travel. */
static fcl_status begin_complete(void *user, unsigned first_tensor) {
    fcl_status status = FCL_OK;
    participant *p = user;
    const fcl_exchange *x = p->exchange;
    while (p->n_begun < x->n_buckets && x->buckets[p->n_begun].first >= first_tensor) {
        FCL_TRY(fcl_transfer_begin(p->transfers[p->n_begun]));
        p->n_begun++;
    }
done:
    return status;
}

fcl_gradient_sink fcl_exchange_sink(fcl_exchange *x, unsigned index) {
    participant *p = &x->participants[index];
    p->n_begun = p->n_ended = 0;
    return (fcl_gradient_sink){begin_complete, p};
}

/* Waits until all that take part are here; 0 when they will not come. Everybody gets the same answer. Who `enters` uses the memory
 * of others from then on, until leave(). */
static int meet(fcl_exchange *x, participant *p, int enters) {
    pthread_mutex_lock(&x->lock);
    const uint64_t meeting = x->meeting;
    /* One that was given up is not counted, should it come after all. */
    const int counts = p->takes_part;
    x->progress++;
    if (counts && !x->is_aborted && ++x->n_arrived == x->n_live) {
        x->n_arrived = 0;
        x->meeting++;
        pthread_cond_broadcast(&x->changed);
    }
    p->is_waiting = 1;
    while (counts && x->meeting == meeting && !x->is_aborted) pthread_cond_wait(&x->changed, &x->lock);
    p->is_waiting = 0;
    const int all_here = counts && x->meeting != meeting;
    x->n_inside += (unsigned)(all_here && enters);
    pthread_mutex_unlock(&x->lock);
    return all_here;
}

static void leave(fcl_exchange *x) {
    pthread_mutex_lock(&x->lock);
    if (--x->n_inside == 0) pthread_cond_broadcast(&x->changed);
    pthread_mutex_unlock(&x->lock);
}

/* After an abort, which nobody enters any more. */
static void wait_until_all_left(fcl_exchange *x) {
    pthread_mutex_lock(&x->lock);
    while (x->n_inside > 0) pthread_cond_wait(&x->changed, &x->lock);
    pthread_mutex_unlock(&x->lock);
}

/* Whether this one is known to wait for what it cannot hasten. */
static void set_waiting(fcl_exchange *x, participant *p, int is_waiting) {
    pthread_mutex_lock(&x->lock);
    p->is_waiting = is_waiting;
    x->progress++;
    pthread_mutex_unlock(&x->lock);
}

void fcl_exchange_abort(fcl_exchange *x) {
    pthread_mutex_lock(&x->lock);
    x->is_aborted = 1;
    pthread_cond_broadcast(&x->changed);
    pthread_mutex_unlock(&x->lock);
}

int fcl_exchange_is_waiting(fcl_exchange *x, unsigned index) {
    pthread_mutex_lock(&x->lock);
    const int is_waiting = x->participants[index].is_waiting;
    pthread_mutex_unlock(&x->lock);
    return is_waiting;
}

uint64_t fcl_exchange_progress(fcl_exchange *x) {
    pthread_mutex_lock(&x->lock);
    const uint64_t progress = x->progress;
    pthread_mutex_unlock(&x->lock);
    return progress;
}

/* values[k][first .. end) of all participants become their sum over those that have gradients, in their order. */
static void sum(float *const *values, const unsigned char *has_gradients, unsigned n, size_t first, size_t end) {
    enum { BLOCK = 1024 }; /* stays in the first-level cache */
    float total[BLOCK];
    for (size_t at = first; at < end; at += BLOCK) {
        const size_t count = end - at < BLOCK ? end - at : BLOCK;
        unsigned k = 0;
        while (k < n && !has_gradients[k]) k++;
        if (k < n)
            memcpy(total, values[k] + at, count * sizeof *total);
        else
            memset(total, 0, count * sizeof *total); /* other ranks have some */
        for (k++; k < n; k++) {
            const float *from = values[k] + at;
            if (!has_gradients[k]) continue;
            for (size_t i = 0; i < count; i++) total[i] += from[i];
        }
        for (k = 0; k < n; k++) memcpy(values[k] + at, total, count * sizeof *total);
    }
}

enum { MAX_PARTICIPANTS = 64 };

/* What a bucket consists of: its tensors, and the step's pair of loss and MAE in the first. */
static unsigned n_pieces(const fcl_exchange *x, unsigned b) {
    return x->buckets[b].n + (b == 0);
}

/* A participant's memory of one of them. */
static float *piece_at(size_t *count, const fcl_exchange *x, const participant *p, unsigned b, unsigned t) {
    enum { LOSSES = 2 };
    float *bytes = fcl_transfer_bytes(p->transfers[b], t);
    const int is_tensor = t < x->buckets[b].n;
    *count = is_tensor ? fcl_model_tensor(x->model, x->buckets[b].first + t)->count : LOSSES;
    return is_tensor ? bytes : bytes + LOSSES * (size_t)x->slot;
}

/* This participant's part of a bucket: each of the n that take part sums a stretch, of all. */
static void sum_part(const fcl_exchange *x, const participant *self, unsigned b) {
    float *values[MAX_PARTICIPANTS];
    unsigned char has_gradients[MAX_PARTICIPANTS];
    for (unsigned t = 0; t < n_pieces(x, b); t++) {
        unsigned n = 0, place = 0;
        size_t count = 0;
        for (unsigned i = 0; i < x->n; i++) {
            const participant *p = &x->participants[i];
            if (!p->takes_part) continue;
            if (p == self) place = n;
            has_gradients[n] = (unsigned char)p->has_gradients;
            values[n++] = piece_at(&count, x, p, b, t);
        }
        sum(values, has_gradients, n, count * place / n, count * (place + 1) / n);
    }
}

static fcl_rank_sum *rank_sum_of(const fcl_exchange *x, unsigned b, unsigned t) {
    return x->sums[t < x->buckets[b].n ? x->buckets[b].first + t : fcl_model_n_tensors(x->model)];
}

/* The leader's: this rank's sums of a bucket set out to the other ranks. */
static fcl_status begin_rank_sums(fcl_exchange *x, participant *leader, unsigned b) {
    fcl_status status = FCL_OK;
    set_waiting(x, leader, 1);
    for (unsigned t = 0; t < n_pieces(x, b); t++) {
        size_t count;
        float *values = piece_at(&count, x, leader, b, t);
        FCL_TRY(fcl_rank_sum_begin(rank_sum_of(x, b, t), values, count));
    }
done:
    set_waiting(x, leader, 0);
    return status;
}

static fcl_status finish_rank_sums(fcl_exchange *x, participant *leader) {
    fcl_status status = FCL_OK;
    set_waiting(x, leader, 1);
    for (unsigned b = 0; b < x->n_buckets; b++)
        for (unsigned t = 0; t < n_pieces(x, b); t++) FCL_TRY(fcl_rank_sum_finish(rank_sum_of(x, b, t)));
done:
    set_waiting(x, leader, 0);
    return status;
}

/* What the ranks made of the sums, from the leader's memory. */
static void copy_from_leader(const fcl_exchange *x, const participant *self) {
    const participant *leader = &x->participants[x->leader];
    if (self == leader) return;
    for (unsigned b = 0; b < x->n_buckets; b++)
        for (unsigned t = 0; t < n_pieces(x, b); t++) {
            size_t count;
            const float *from = piece_at(&count, x, leader, b, t);
            memcpy(piece_at(&count, x, self, b, t), from, count * sizeof *from);
        }
}

/* Gives the buckets before `end` back to the device. */
static fcl_status give_back(participant *p, unsigned end) {
    fcl_status status = FCL_OK;
    while (p->n_ended < end) FCL_TRY_ALSO(fcl_transfer_end(p->transfers[p->n_ended++]));
    return status;
}

fcl_status fcl_exchange_run(fcl_exchanged *out, int *aborted, fcl_exchange *x, unsigned index) {
    fcl_status status = FCL_OK;
    participant *p = &x->participants[index];
    const int leads = x->sums && index == x->leader;
    fcl_exchanged seen = {0};
    assert(p->n_begun == x->n_buckets && x->n <= MAX_PARTICIPANTS);
    *aborted = 0;
    for (unsigned b = 0; b < x->n_buckets; b++) {
        FCL_TRY(fcl_transfer_wait(p->transfers[b]));
        if ((*aborted = !meet(x, p, 1))) goto done;
        sum_part(x, p, b);
        leave(x);
        /* Nobody sums the bucket before this one any more. */
        if (leads && b > 0) FCL_TRY(begin_rank_sums(x, p, b - 1));
        if (!x->sums) FCL_TRY(give_back(p, b));
    }
    seen.ready_at = fcl_transfer_ready_at(p->transfers[x->n_buckets - 1]);
    if ((*aborted = !meet(x, p, 0))) goto done;
    if (leads) {
        FCL_TRY(begin_rank_sums(x, p, x->n_buckets - 1));
        FCL_TRY(finish_rank_sums(x, p));
    }
    if (x->sums) {
        if ((*aborted = !meet(x, p, 1))) goto done;
        copy_from_leader(x, p);
        leave(x);
        /* The leader's memory is its device's again when all have copied. */
        if ((*aborted = !meet(x, p, 0))) goto done;
    }
    FCL_TRY(give_back(p, x->n_buckets));
    seen.idle = fcl_clock_seconds() - seen.ready_at;
    *out = seen;
done:
    if (status == FCL_OK && !*aborted) return FCL_OK;
    /* Others may be summing in this one's memory, and other ranks in the leader's, which is left to them. */
    fcl_exchange_abort(x);
    wait_until_all_left(x);
    if (!leads) give_back(p, x->n_buckets);
    return status;
}
