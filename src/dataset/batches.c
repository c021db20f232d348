#include "dataset/batches.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/thread.h"
#include "dataset/augment.h"
#include "dataset/dataset.h"
#include "net/share.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { N_SLOTS = 4, COORDINATES = FCL_N_COORDINATES, PIXELS = FCL_IMAGE_PIXELS };

/* FREE -> (a thread fills it) BEING_MADE -> READY -> LENT -> FREE. A slot belongs to that thread while it is BEING_MADE
 * and to the caller while it is LENT; its state changes under the lock. */
typedef enum slot_state { FREE, BEING_MADE, READY, LENT } slot_state;

typedef struct slot {
    slot_state state;
    fcl_batch batch;
    fcl_batch_memory memory, own; /* memory: of the next batch; own: NULL until it is needed */
    uint32_t *samples;
} slot;

/* What one thread works with. It needs no memory and reads no file once it runs, so that nothing in it can fail. */
typedef struct worker {
    fcl_batches *batches;
    float *scratch;
    pthread_t thread;
} worker;

struct fcl_batches {
    const fcl_dataset *dataset;
    fcl_batch_options options;
    float *keypoints;       /* training targets, filled, in pixels */
    uint8_t *mask;          /* of training targets */
    uint32_t *kept;         /* samples that take part */
    uint32_t *order;        /* the samples of this epoch in order */
    size_t n_kept, largest; /* samples: of an epoch, of a batch at most */
    unsigned *weights;      /* of the window; NULL where all is made */
    fcl_batches_window window;
    slot slots[N_SLOTS];
    worker workers[N_SLOTS];

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a slot's state, or what the threads are to do */
    unsigned n_workers;     /* that run */
    int has_lock;
    int stopping;
    uint32_t epoch;
    size_t next_made, next_taken; /* indices in the epoch; both at its end before the first start */
};

size_t fcl_batches_n_samples(const fcl_batches *b) {
    return b->n_kept;
}

const fcl_dataset *fcl_batches_dataset(const fcl_batches *b) {
    return b->dataset;
}

size_t fcl_batches_per_epoch(const fcl_batches *b) {
    return (b->n_kept + b->options.batch - 1) / b->options.batch;
}

size_t fcl_batches_largest(const fcl_batches *b) {
    return b->largest;
}

unsigned fcl_batches_n_slots(void) {
    return N_SLOTS;
}

size_t fcl_batches_bytes(size_t batch) {
    return N_SLOTS * batch * (PIXELS + 2 * COORDINATES) * sizeof(float);
}

static void make_sample(const fcl_batches *b, const slot *s, size_t i, uint32_t sample, float *scratch) {
    const float half_side = FCL_IMAGE_SIDE / 2.0f, white = 255.0f;
    float *image = s->memory.images + i * PIXELS, *targets = s->memory.targets + i * COORDINATES,
          *mask = s->memory.mask + i * COORDINATES;
    float points[COORDINATES];
    uint8_t labelled[COORDINATES];
    fcl_dataset_image(image, b->dataset, sample);
    for (size_t p = 0; p < PIXELS; p++) image[p] /= white;
    memcpy(points, b->keypoints + (size_t)sample * COORDINATES, sizeof points);
    memcpy(labelled, b->mask + (size_t)sample * COORDINATES, sizeof labelled);
    if (b->options.augmentation.enabled) {
        fcl_change change = fcl_change_draw(&b->options.augmentation, b->options.seed, b->epoch, sample);
        fcl_augment(image, points, labelled, scratch, &change);
    }
    for (size_t c = 0; c < COORDINATES; c++) {
        mask[c] = labelled[c];
        targets[c] = labelled[c] ? (points[c] - half_side) / half_side : 0.0f;
    }
}

/* What of a batch is made. */
static fcl_share window_of(const fcl_batches *b, size_t batch) {
    const fcl_batches_window *w = &b->window;
    const fcl_share whole = {.first = 0, .n = batch};
    if (!b->weights) return whole;
    const fcl_share first = fcl_share_by_weights(whole, w->weights, w->n_weights, w->first);
    const fcl_share last = fcl_share_by_weights(whole, w->weights, w->n_weights, w->first + w->n - 1);
    return (fcl_share){.first = first.first, .n = last.first + last.n - first.first};
}

static void make_batch(const fcl_batches *b, slot *s, size_t index, float *scratch) {
    const size_t first = index * b->options.batch, left = b->n_kept - first;
    const size_t n = left < b->options.batch ? left : b->options.batch;
    const fcl_share window = window_of(b, n);
    s->batch = (fcl_batch){.n = n,
                           .index = index,
                           .images = s->memory.images,
                           .targets = s->memory.targets,
                           .mask = s->memory.mask,
                           .samples = s->samples,
                           .slot = (unsigned)(s - b->slots),
                           .window_first = window.first,
                           .window_n = window.n};
    for (size_t i = 0; i < n; i++) {
        const uint32_t sample = s->samples[i] = b->order[first + i];
        for (size_t c = 0; c < COORDINATES; c++) s->batch.n_labelled += b->mask[(size_t)sample * COORDINATES + c];
        /* Of memory that is never written the system gives none. */
        if (i >= window.first && i < window.first + window.n) make_sample(b, s, i, sample, scratch);
    }
}

static slot *find_slot(fcl_batches *b, slot_state state) {
    for (int i = 0; i < N_SLOTS; i++)
        if (b->slots[i].state == state) return &b->slots[i];
    return NULL;
}

static void *work(void *argument) {
    const worker *self = argument;
    fcl_batches *b = self->batches;
    pthread_mutex_lock(&b->lock);
    while (!b->stopping) {
        slot *s = b->next_made < fcl_batches_per_epoch(b) ? find_slot(b, FREE) : NULL;
        if (!s) {
            pthread_cond_wait(&b->changed, &b->lock);
            continue;
        }
        size_t index = b->next_made++;
        s->state = BEING_MADE;
        pthread_mutex_unlock(&b->lock);
        make_batch(b, s, index, self->scratch);
        pthread_mutex_lock(&b->lock);
        s->state = READY;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* The samples that take part: with --fill drop only complete rows have a mask left. */
static fcl_status choose_samples(fcl_batches *b) {
    const fcl_dataset *d = b->dataset;
    int drop = b->options.drop_unlabelled || b->options.fill == FCL_FILL_DROP;
    for (size_t i = 0; i < d->n; i++)
        if (!drop || memchr(b->mask + i * COORDINATES, 1, COORDINATES)) b->kept[b->n_kept++] = (uint32_t)i;
    if (b->n_kept > 0) return FCL_OK;
    if (b->options.fill == FCL_FILL_DROP)
        return fcl_fail(FCL_E_INPUT, "'%s': no training row has all labels, so that --fill drop leaves nothing",
                        d->source);
    return fcl_fail(FCL_E_INPUT, "'%s': no training row has a label", d->source);
}

/* A slot that was given none makes its batches in memory of its own. */
static fcl_status use_own_memory(slot *s, size_t batch) {
    fcl_status status = FCL_OK;
    fcl_batch_memory *own = &s->own;
    if (s->memory.mask) return FCL_OK;
    if (!own->images) FCL_TRY(FCL_NEW(&own->images, batch * PIXELS, "the images of a batch"));
    if (!own->targets) FCL_TRY(FCL_NEW(&own->targets, batch * COORDINATES, "the targets of a batch"));
    if (!own->mask) FCL_TRY(FCL_NEW(&own->mask, batch * COORDINATES, "the mask of a batch"));
    s->memory = *own;
done:
    return status;
}

/* The lock is held. */
static fcl_status allocate(fcl_batches *b) {
    fcl_status status = FCL_OK;
    for (int i = 0; i < N_SLOTS; i++) FCL_TRY(use_own_memory(&b->slots[i], b->largest));
done:
    return status;
}

/* Results do not depend on how many there are: a batch is made by one thread, from numbers that its index decides. */
static fcl_status start_workers(fcl_batches *b) {
    fcl_status status = FCL_OK;
    const unsigned wanted = fcl_threads(1);
    while (b->n_workers < wanted && b->n_workers < N_SLOTS) {
        worker *w = &b->workers[b->n_workers];
        w->batches = b;
        FCL_TRY(FCL_NEW(&w->scratch, FCL_AUGMENT_SCRATCH_VALUES, "a batch"));
        FCL_TRY(fcl_thread_start(&w->thread, work, w));
        b->n_workers++;
    }
done:
    return status;
}

fcl_status fcl_batches_create(fcl_batches **out, const fcl_dataset *dataset, const fcl_batch_options *options) {
    fcl_status status;
    fcl_batches *b = NULL;
    if (options->batch == 0) return fcl_fail(FCL_E_USAGE, "a batch of 0 images; at least 1 is needed");
    FCL_TRY(FCL_NEW(&b, 1, "batches"));
    b->dataset = dataset;
    b->options = *options;
    FCL_TRY(fcl_fill_targets(&b->keypoints, &b->mask, dataset, options->fill));
    FCL_TRY(FCL_NEW(&b->kept, dataset->n, "the order of samples"));
    FCL_TRY(FCL_NEW(&b->order, dataset->n, "the order of samples"));
    FCL_TRY(choose_samples(b));
    /* A batch larger than the data would only take memory. */
    b->largest = options->batch < b->n_kept ? options->batch : b->n_kept;
    for (int i = 0; i < N_SLOTS; i++) FCL_TRY(FCL_NEW(&b->slots[i].samples, b->largest, "the samples of a batch"));
    b->next_made = b->next_taken = fcl_batches_per_epoch(b);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    b->has_lock = 1;
    FCL_TRY(start_workers(b));
    *out = b;
    b = NULL;
done:
    fcl_batches_free(b);
    return status;
}

void fcl_batches_free(fcl_batches *b) {
    if (!b) return;
    if (b->has_lock) {
        pthread_mutex_lock(&b->lock);
        b->stopping = 1;
        pthread_cond_broadcast(&b->changed);
        pthread_mutex_unlock(&b->lock);
        for (unsigned i = 0; i < b->n_workers; i++) pthread_join(b->workers[i].thread, NULL);
        pthread_cond_destroy(&b->changed);
        pthread_mutex_destroy(&b->lock);
    }
    for (int i = 0; i < N_SLOTS; i++) {
        free(b->slots[i].own.images);
        free(b->slots[i].own.targets);
        free(b->slots[i].own.mask);
        free(b->slots[i].samples);
        free(b->workers[i].scratch);
    }
    free(b->keypoints);
    free(b->mask);
    free(b->kept);
    free(b->order);
    free(b->weights);
    free(b);
}

static void order_epoch(fcl_batches *b, uint32_t epoch) {
    b->epoch = epoch;
    if (!b->options.shuffle) {
        memcpy(b->order, b->kept, b->n_kept * sizeof *b->order);
        return;
    }
    fcl_random_permutation(b->order, b->n_kept, b->options.seed, FCL_RANDOM_SHUFFLE, epoch);
    for (size_t i = 0; i < b->n_kept; i++) b->order[i] = b->kept[b->order[i]];
}

/* The threads take up nothing new of the epoch under way, if there is one, and what they read is the caller's until the lock is
 * released. */
static void end_epoch(fcl_batches *b) {
    b->next_made = b->next_taken = fcl_batches_per_epoch(b);
    while (find_slot(b, BEING_MADE)) pthread_cond_wait(&b->changed, &b->lock);
    for (int i = 0; i < N_SLOTS; i++)
        if (b->slots[i].state == READY) b->slots[i].state = FREE;
}

fcl_status fcl_batches_set_window(fcl_batches *b, const fcl_batches_window *window) {
    fcl_status status = FCL_OK;
    unsigned *weights = NULL;
    if (window) {
        assert(window->n > 0 && window->first + window->n <= window->n_weights);
        FCL_TRY(FCL_NEW(&weights, window->n_weights, "the shares of a batch"));
        memcpy(weights, window->weights, window->n_weights * sizeof *weights);
    }
    pthread_mutex_lock(&b->lock);
    end_epoch(b);
    free(b->weights);
    b->weights = weights;
    b->window = window ? *window : (fcl_batches_window){0};
    b->window.weights = weights;
    pthread_mutex_unlock(&b->lock);
done:
    return status;
}

void fcl_batches_set_memory(fcl_batches *b, unsigned index, const fcl_batch_memory *memory) {
    assert(index < N_SLOTS);
    slot *s = &b->slots[index];
    pthread_mutex_lock(&b->lock);
    assert(memory ? s->state == FREE || s->state == LENT : b->next_made == fcl_batches_per_epoch(b));
    s->memory = memory ? *memory : s->own;
    pthread_mutex_unlock(&b->lock);
}

fcl_status fcl_batches_allocate(fcl_batches *b) {
    pthread_mutex_lock(&b->lock);
    fcl_status status = allocate(b);
    pthread_mutex_unlock(&b->lock);
    return status;
}

fcl_status fcl_batches_start(fcl_batches *b, uint32_t epoch, size_t first) {
    fcl_status status = FCL_OK;
    const size_t n = fcl_batches_per_epoch(b);
    if (first > n) return fcl_fail(FCL_E_INPUT, "an epoch has %zu batches; it cannot start at number %zu", n, first);
    pthread_mutex_lock(&b->lock);
    end_epoch(b);
    FCL_TRY(allocate(b));
    order_epoch(b, epoch);
    b->next_made = b->next_taken = first;
    pthread_cond_broadcast(&b->changed);
done:
    pthread_mutex_unlock(&b->lock);
    return status;
}

void fcl_batches_stop(fcl_batches *b) {
    pthread_mutex_lock(&b->lock);
    end_epoch(b);
    pthread_mutex_unlock(&b->lock);
}

static slot *find_ready(fcl_batches *b, size_t index) {
    for (int i = 0; i < N_SLOTS; i++)
        if (b->slots[i].state == READY && b->slots[i].batch.index == index) return &b->slots[i];
    return NULL;
}

fcl_status fcl_batches_next(fcl_batch *out, int *more, fcl_batches *b) {
    fcl_status status = FCL_OK;
    pthread_mutex_lock(&b->lock);
    if (b->next_taken >= fcl_batches_per_epoch(b)) {
        *out = (fcl_batch){.n = 0};
        *more = 0;
        goto done;
    }
    size_t n_lent = 0;
    for (int i = 0; i < N_SLOTS; i++) n_lent += b->slots[i].state == LENT;
    if (n_lent == N_SLOTS) {
        status = fcl_fail(FCL_E_INTERNAL, "all %d batches are lent; one must be released first", N_SLOTS);
        goto done;
    }
    slot *s;
    while (!(s = find_ready(b, b->next_taken))) pthread_cond_wait(&b->changed, &b->lock);
    s->state = LENT;
    b->next_taken++;
    *out = s->batch;
    *more = 1;
done:
    pthread_mutex_unlock(&b->lock);
    return status;
}

void fcl_batches_release(fcl_batches *b, unsigned index) {
    assert(index < N_SLOTS);
    pthread_mutex_lock(&b->lock);
    assert(b->slots[index].state == LENT);
    b->slots[index].state = FREE;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}
