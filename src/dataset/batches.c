#include "dataset/batches.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "base/thread.h"
#include "dataset/augment.h"

enum { N_SLOTS = 4, PIXELS = FCL_IMAGE_SIDE * FCL_IMAGE_SIDE };

typedef enum slot_state { FREE, READY, LENT } slot_state;

typedef struct slot {
    slot_state state;
    fcl_batch batch;
    float *images, *targets, *mask;
    uint32_t *samples;
} slot;

struct fcl_batches {
    const fcl_dataset *dataset;
    fcl_batch_options options;
    float *keypoints; /* filled targets in pixels, and their mask */
    uint8_t *mask;
    uint32_t *kept, *order; /* samples that have a label, and their order in this epoch */
    size_t n_kept;
    slot slots[N_SLOTS];
    float *scratch;
    uint32_t epoch;
    size_t next_made, next_taken; /* indices of batches */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    int running, stop;
};

size_t fcl_batches_n_samples(const fcl_batches *b) {
    return b->n_kept;
}

size_t fcl_batches_per_epoch(const fcl_batches *b) {
    return (b->n_kept + b->options.batch - 1) / b->options.batch;
}

unsigned fcl_batches_n_slots(void) {
    return N_SLOTS;
}

/* The batch of an index into a slot; depends on the epoch's order and numbers alone. */
static void make(fcl_batches *b, slot *s, size_t index) {
    const float half_side = FCL_IMAGE_SIDE / 2.0f;
    size_t first = index * b->options.batch,
           n = b->n_kept - first < b->options.batch ? b->n_kept - first : b->options.batch;
    size_t n_labelled = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t sample = b->order[first + i];
        float *image = s->images + i * PIXELS, points[FCL_N_COORDINATES];
        uint8_t mask[FCL_N_COORDINATES];
        fcl_dataset_image(image, b->dataset, sample);
        for (int p = 0; p < PIXELS; p++) image[p] /= 255.0f;
        memcpy(points, b->keypoints + (size_t)sample * FCL_N_COORDINATES, sizeof points);
        memcpy(mask, b->mask + (size_t)sample * FCL_N_COORDINATES, sizeof mask);
        if (b->options.augmentation.enabled)
            fcl_augment(image, points, mask, b->scratch, &b->options.augmentation, b->options.seed, b->epoch,
                        sample);
        for (int c = 0; c < FCL_N_COORDINATES; c++) {
            s->mask[i * FCL_N_COORDINATES + (size_t)c] = mask[c];
            s->targets[i * FCL_N_COORDINATES + (size_t)c] =
                mask[c] ? (points[c] - half_side) / half_side : 0.0f;
            n_labelled += mask[c];
        }
        s->samples[i] = sample;
    }
    s->batch = (fcl_batch){.n = n,
                           .index = index,
                           .images = s->images,
                           .targets = s->targets,
                           .mask = s->mask,
                           .n_labelled = n_labelled,
                           .samples = s->samples,
                           .slot = (unsigned)(s - b->slots)};
}

static void *work(void *argument) {
    fcl_batches *b = argument;
    pthread_mutex_lock(&b->lock);
    while (!b->stop && b->next_made < fcl_batches_per_epoch(b)) {
        slot *s = &b->slots[b->next_made % N_SLOTS];
        if (s->state != FREE) {
            pthread_cond_wait(&b->changed, &b->lock);
            continue;
        }
        pthread_mutex_unlock(&b->lock);
        make(b, s, b->next_made); /* the slot is nobody else's while it is free */
        pthread_mutex_lock(&b->lock);
        s->state = READY;
        b->next_made++;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

static void stop(fcl_batches *b) {
    if (!b->running) return;
    pthread_mutex_lock(&b->lock);
    b->stop = 1;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    b->running = 0;
}

static int has_label(const uint8_t *mask, size_t sample) {
    return memchr(mask + sample * FCL_N_COORDINATES, 1, FCL_N_COORDINATES) != NULL;
}

fcl_status fcl_batches_create(fcl_batches **out, const fcl_dataset *dataset,
                              const fcl_batch_options *options) {
    fcl_status status;
    fcl_batches *b = NULL;
    FCL_TRY(FCL_NEW(&b, 1, "batches"));
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    b->dataset = dataset;
    b->options = *options;
    FCL_TRY(fcl_fill_targets(&b->keypoints, &b->mask, dataset, options->fill));
    FCL_TRY(FCL_NEW(&b->kept, dataset->n, "batches"));
    FCL_TRY(FCL_NEW(&b->order, dataset->n, "batches"));
    FCL_TRY(FCL_NEW(&b->scratch, PIXELS, "batches"));
    for (size_t i = 0; i < dataset->n; i++)
        if (!options->drop_unlabelled || has_label(b->mask, i)) b->kept[b->n_kept++] = (uint32_t)i;
    if (b->n_kept == 0) {
        status = fcl_fail(FCL_E_INPUT, "%s: no training sample has a label%s",
                          dataset->source ? dataset->source : "data",
                          options->fill == FCL_FILL_DROP ? " after dropping incomplete rows" : "");
        goto done;
    }
    for (int i = 0; i < N_SLOTS; i++) {
        slot *s = &b->slots[i];
        FCL_TRY(FCL_NEW(&s->images, options->batch * PIXELS, "a batch"));
        FCL_TRY(FCL_NEW(&s->targets, options->batch * FCL_N_COORDINATES, "a batch"));
        FCL_TRY(FCL_NEW(&s->mask, options->batch * FCL_N_COORDINATES, "a batch"));
        FCL_TRY(FCL_NEW(&s->samples, options->batch, "a batch"));
    }
    *out = b;
    b = NULL;
done:
    fcl_batches_free(b);
    return status;
}

void fcl_batches_free(fcl_batches *b) {
    if (!b) return;
    stop(b);
    for (int i = 0; i < N_SLOTS; i++) {
        free(b->slots[i].images);
        free(b->slots[i].targets);
        free(b->slots[i].mask);
        free(b->slots[i].samples);
    }
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    free(b->keypoints);
    free(b->mask);
    free(b->kept);
    free(b->order);
    free(b->scratch);
    free(b);
}

fcl_status fcl_batches_start(fcl_batches *b, uint32_t epoch, size_t first) {
    stop(b);
    if (b->options.shuffle) {
        fcl_random_permutation(b->order, b->n_kept, b->options.seed, FCL_RANDOM_SHUFFLE, epoch);
        for (size_t i = 0; i < b->n_kept; i++) b->order[i] = b->kept[b->order[i]];
    } else {
        memcpy(b->order, b->kept, b->n_kept * sizeof *b->order);
    }
    b->epoch = epoch;
    b->next_made = b->next_taken = first;
    b->stop = 0;
    for (int i = 0; i < N_SLOTS; i++) b->slots[i].state = FREE;
    fcl_status status = fcl_thread_start(&b->thread, work, b);
    b->running = status == FCL_OK;
    return status;
}

fcl_status fcl_batches_next(fcl_batch *out, int *more, fcl_batches *b) {
    if (b->next_taken >= fcl_batches_per_epoch(b)) {
        *more = 0;
        *out = (fcl_batch){0};
        return FCL_OK;
    }
    slot *s = &b->slots[b->next_taken % N_SLOTS];
    pthread_mutex_lock(&b->lock);
    while (s->state != READY) pthread_cond_wait(&b->changed, &b->lock);
    s->state = LENT;
    *out = s->batch;
    b->next_taken++;
    pthread_mutex_unlock(&b->lock);
    *more = 1;
    return FCL_OK;
}

void fcl_batches_release(fcl_batches *b, unsigned index) {
    pthread_mutex_lock(&b->lock);
    b->slots[index].state = FREE;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}
