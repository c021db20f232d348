/* Batches: contents, order, and that nothing but (epoch, index) matters. */
#include "dataset/batches.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/thread.h"
#include "dataset/fixture.h"

#include <stdlib.h>
#include <string.h>

enum { N = 23, BATCH = 5, PIXELS = FCL_IMAGE_PIXELS };

static fcl_batches *create(const fcl_dataset *d, int shuffle, int augment) {
    fcl_batches *b;
    fcl_batch_options o = {.batch = BATCH,
                           .shuffle = shuffle,
                           .seed = 9,
                           .augmentation = {.enabled = augment,
                                            .flip = 0.5,
                                            .max_shift = 4,
                                            .max_rotation = 10,
                                            .max_scale = 0.1,
                                            .max_brightness = 20,
                                            .max_contrast = 0.2},
                           .drop_unlabelled = 1};
    ck_ok(fcl_batches_create(&b, d, &o));
    return b;
}

static int next(fcl_batch *out, fcl_batches *b) {
    int more;
    ck_ok(fcl_batches_next(out, &more, b));
    if (!more) ck_assert_uint_eq(out->n, 0);
    return more;
}

START_TEST(contents) {
    fcl_dataset *d = made_dataset(N);
    unlabel(d, 6, 8);
    fcl_batches *b = create(d, 0, 0);
    fcl_batch batch;
    ck_assert_uint_eq(fcl_batches_n_samples(b), N);
    ck_assert_uint_eq(fcl_batches_per_epoch(b), 5);
    ck_assert_int_eq(next(&batch, b), 0); /* not started */
    ck_ok(fcl_batches_start(b, 0, 0));
    for (size_t index = 0; next(&batch, b); index++) {
        ck_assert_uint_eq(batch.index, index);
        ck_assert_uint_eq(batch.n, index < 4 ? BATCH : 3);
        ck_assert_uint_eq(batch.n_labelled, batch.n * 30 - (index == 1));
        for (size_t i = 0; i < batch.n; i++) {
            size_t sample = index * BATCH + i;
            ck_assert_uint_eq(batch.samples[i], sample);
            for (size_t p = 0; p < PIXELS; p++)
                ck_assert_float_eq(batch.images[i * PIXELS + p], (float)made_pixel(sample, p / 96, p % 96) / 255.0f);
            for (size_t c = 0; c < 30; c++) {
                int missing = sample == 6 && c == 8;
                float target = (20.0f + (float)c + (float)sample / 4.0f - 48.0f) / 48.0f;
                ck_assert_float_eq(batch.targets[i * 30 + c], missing ? 0.0f : target);
                ck_assert_float_eq(batch.mask[i * 30 + c], missing ? 0.0f : 1.0f);
            }
        }
        fcl_batches_release(b, batch.slot);
    }
    fcl_batches_free(b);
    fcl_dataset_free(d);
}
END_TEST

/* Hash-free record of an epoch: what every sample's first row of pixels, targets and mask were. */
typedef struct record {
    size_t n;
    uint32_t samples[N];
    float images[N][PIXELS], targets[N][30], mask[N][30];
} record;

/* From batch `first` on. `lag` batches are held before the oldest is released, as a device would; `slowly` waits between
 * batches so that the thread runs ahead. */
static void take(record *out, fcl_batches *b, uint32_t epoch, size_t first, size_t lag, int slowly) {
    unsigned held[4];
    size_t n_held = 0;
    fcl_batch batch;
    memset(out, 0, sizeof *out);
    ck_ok(fcl_batches_start(b, epoch, first));
    while (next(&batch, b)) {
        for (size_t i = 0; i < batch.n; i++, out->n++) {
            out->samples[out->n] = batch.samples[i];
            memcpy(out->images[out->n], batch.images + i * PIXELS, sizeof out->images[0]);
            memcpy(out->targets[out->n], batch.targets + i * 30, sizeof out->targets[0]);
            memcpy(out->mask[out->n], batch.mask + i * 30, sizeof out->mask[0]);
        }
        held[n_held++] = batch.slot;
        if (n_held > lag) {
            fcl_batches_release(b, held[0]);
            memmove(held, held + 1, --n_held * sizeof *held);
        }
        if (slowly) fcl_clock_sleep(0.01);
    }
    while (n_held) fcl_batches_release(b, held[--n_held]);
}

static record whole, other;

START_TEST(the_same_again) {
    fcl_dataset *d = made_dataset(N);
    fcl_batches *b = create(d, 1, _i), *c = create(d, 1, _i);
    take(&whole, b, 3, 0, 0, 0);
    ck_assert_uint_eq(whole.n, N);
    /* Another object that did something else before, holds batches longer and is slower. */
    take(&other, c, 7, 2, 0, 0);
    take(&other, c, 3, 0, 3, 1);
    ck_assert_mem_eq(&whole, &other, sizeof whole);
    /* Resumed in the middle of the epoch. */
    take(&other, c, 3, 2, 1, 0);
    size_t rest = N - 2 * BATCH;
    ck_assert_uint_eq(other.n, rest);
    ck_assert_mem_eq(other.samples, whole.samples + 2 * BATCH, rest * sizeof *other.samples);
    ck_assert_mem_eq(other.images, whole.images + 2 * BATCH, rest * sizeof *other.images);
    ck_assert_mem_eq(other.targets, whole.targets + 2 * BATCH, rest * sizeof *other.targets);
    /* Another epoch is another order, and with augmentation other images. */
    take(&other, c, 4, 0, 0, 0);
    ck_assert(memcmp(other.samples, whole.samples, sizeof whole.samples) != 0);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            if (other.samples[i] == whole.samples[j])
                ck_assert_int_eq(memcmp(other.images[i], whole.images[j], sizeof whole.images[0]) != 0, _i);
    fcl_batches_free(b);
    fcl_batches_free(c);
    fcl_dataset_free(d);
}
END_TEST

/* Any number of threads makes the same batches, also of an epoch that is begun while they are at work on another. */
START_TEST(threads_change_nothing) {
    fcl_dataset *d = made_dataset(N);
    fcl_batches *b = create(d, 1, 1);
    fcl_threads_set(2 + 3 * (unsigned)_i);
    fcl_batches *c = create(d, 1, 1);
    fcl_threads_set(0);
    for (uint32_t epoch = 0; epoch < 20; epoch++) {
        take(&whole, b, epoch, 0, 0, 0);
        take(&other, c, epoch, 0, epoch % 4, 0);
        ck_assert_mem_eq(&whole, &other, sizeof whole);
        ck_ok(fcl_batches_start(c, epoch + 7, 1));
    }
    fcl_batches_free(b);
    fcl_batches_free(c);
    fcl_dataset_free(d);
}
END_TEST

START_TEST(each_sample_once_in_the_recorded_order) {
    fcl_dataset *d = made_dataset(N);
    fcl_batches *b = create(d, 1, 0);
    uint32_t order[N];
    take(&whole, b, 2, 0, 2, 0);
    fcl_random_permutation(order, N, 9, FCL_RANDOM_SHUFFLE, 2);
    ck_assert_mem_eq(whole.samples, order, sizeof order);
    fcl_batches_free(b);
    fcl_dataset_free(d);
}
END_TEST

START_TEST(samples_that_are_left_out) {
    fcl_dataset *d = made_dataset(6);
    for (unsigned c = 0; c < 30; c++) unlabel(d, 2, c);
    unlabel(d, 4, 7);
    static const struct {
        fcl_fill fill;
        int drop;
        size_t n;
    } cases[] = {{FCL_FILL_NONE, 0, 6},
                 {FCL_FILL_NONE, 1, 5},
                 {FCL_FILL_MEAN, 1, 6},
                 {FCL_FILL_DROP, 1, 4},
                 {FCL_FILL_DROP, 0, 4}};
    fcl_batch_options o = {.batch = 2, .fill = cases[_i].fill, .drop_unlabelled = cases[_i].drop};
    fcl_batches *b;
    ck_ok(fcl_batches_create(&b, d, &o));
    ck_assert_uint_eq(fcl_batches_n_samples(b), cases[_i].n);
    ck_assert_uint_eq(fcl_batches_per_epoch(b), (cases[_i].n + 1) / 2);
    ck_ok(fcl_batches_start(b, 0, 0));
    size_t labels = 0;
    for (fcl_batch batch; next(&batch, b);) {
        labels += batch.n_labelled;
        fcl_batches_release(b, batch.slot);
    }
    /* Filled targets are trained on; masked ones are not. */
    ck_assert_uint_eq(labels, cases[_i].fill == FCL_FILL_MEAN ? 180 : cases[_i].fill == FCL_FILL_DROP ? 120 : 149);
    fcl_batches_free(b);
    fcl_dataset_free(d);
}
END_TEST

START_TEST(wrong_use) {
    fcl_dataset *d = made_dataset(N);
    fcl_batches *b;
    fcl_batch batch;
    int more;
    fcl_batch_options o = {.batch = 0};
    ck_fails(fcl_batches_create(&b, d, &o), FCL_E_USAGE, "a batch of 0");
    b = create(d, 0, 0);
    ck_fails(fcl_batches_start(b, 0, 6), FCL_E_INPUT, "an epoch has 5 batches");
    ck_ok(fcl_batches_start(b, 0, 5));
    ck_assert_int_eq(next(&batch, b), 0);
    ck_ok(fcl_batches_start(b, 0, 0));
    for (unsigned i = 0; i < fcl_batches_n_slots(); i++) ck_assert_int_eq(next(&batch, b), 1);
    ck_fails(fcl_batches_next(&batch, &more, b), FCL_E_INTERNAL, "must be released");
    /* Batches that are lent survive a new start. */
    float kept = batch.images[0];
    ck_ok(fcl_batches_start(b, 1, 0));
    for (unsigned i = 1; i < fcl_batches_n_slots(); i++)
        fcl_batches_release(b, (batch.slot + i) % fcl_batches_n_slots());
    fcl_batch later;
    while (next(&later, b)) {
        ck_assert_uint_ne(later.slot, batch.slot);
        fcl_batches_release(b, later.slot);
    }
    ck_assert_float_eq(batch.images[0], kept);
    fcl_batches_free(b);
    for (size_t i = 0; i < N; i++)
        for (unsigned c = 0; c < 30; c++) unlabel(d, i, c);
    o = (fcl_batch_options){.batch = 4, .drop_unlabelled = 1};
    ck_fails(fcl_batches_create(&b, d, &o), FCL_E_INPUT, "no training row has a label");
    o = (fcl_batch_options){.batch = 4, .fill = FCL_FILL_DROP};
    ck_fails(fcl_batches_create(&b, d, &o), FCL_E_INPUT, "no training row has all labels");
    o = (fcl_batch_options){.batch = 4, .fill = FCL_FILL_MEAN};
    ck_fails(fcl_batches_create(&b, d, &o), FCL_E_INPUT, "left_eye_center_x");
    fcl_dataset_free(d);
}
END_TEST

START_TEST(ended_at_any_moment) {
    fcl_dataset *d = made_dataset(N);
    for (unsigned i = 0; i < 40; i++) {
        fcl_batches *b = create(d, 1, 1);
        fcl_batch batch;
        ck_ok(fcl_batches_start(b, i, i % 6));
        if (i % 3 == 1 && next(&batch, b)) fcl_batches_release(b, batch.slot);
        if (i % 3 == 2) ck_ok(fcl_batches_start(b, i + 1, 0));
        fcl_batches_free(b);
    }
    fcl_dataset_free(d);
    fcl_batches_free(NULL);
}
END_TEST

/* Windows of a batch of 5, and of the last one of 3, by hand. */
static const struct {
    unsigned weights[4];
    size_t n_weights, counts[4], last_counts[4];
} windows[] = {
    {{3, 2}, 2, {3, 2}, {2, 1}},                   /* of 3: 1.8, 1.2 */
    {{0, 1, 4}, 3, {0, 1, 4}, {0, 1, 2}},          /* 0, 0.6, 2.4 */
    {{1, 1, 1, 2}, 4, {1, 1, 1, 2}, {1, 1, 0, 1}}, /* 0.6 thrice, 1.2: the first two have one */
    {{0, 7}, 2, {0, 5}, {0, 3}},
};

/* What each window of the epoch holds comes to where it belongs in `out`, and what it does not hold stays 0. */
static void take_windows(record *out, fcl_batches *b, uint32_t epoch, int round, const record *wanted) {
    memset(out, 0, sizeof *out);
    for (size_t w = 0; w < windows[round].n_weights; w++) {
        fcl_batch batch;
        ck_ok(fcl_batches_set_window(b, &(fcl_batches_window){windows[round].weights, windows[round].n_weights, w, 1}));
        ck_assert_int_eq(next(&batch, b), 0); /* what was under way has ended */
        ck_ok(fcl_batches_start(b, epoch, 0));
        for (size_t at = 0; next(&batch, b); at += batch.n) {
            const size_t *counts = batch.n == BATCH ? windows[round].counts : windows[round].last_counts;
            size_t first = 0, n_labelled = 0;
            for (size_t i = 0; i < w; i++) first += counts[i];
            ck_assert_uint_eq(batch.window_n, counts[w]);
            if (counts[w]) ck_assert_uint_eq(batch.window_first, first);
            for (size_t i = 0; i < batch.n; i++) {
                ck_assert_uint_eq(batch.samples[i], wanted->samples[at + i]);
                for (size_t c = 0; c < 30; c++) n_labelled += wanted->mask[at + i][c] == 1.0f;
            }
            ck_assert_uint_eq(batch.n_labelled, n_labelled);
            for (size_t i = first; i < first + counts[w]; i++, out->n++) {
                out->samples[at + i] = batch.samples[i];
                memcpy(out->images[at + i], batch.images + i * PIXELS, sizeof out->images[0]);
                memcpy(out->targets[at + i], batch.targets + i * 30, sizeof out->targets[0]);
                memcpy(out->mask[at + i], batch.mask + i * 30, sizeof out->mask[0]);
            }
            fcl_batches_release(b, batch.slot);
        }
        ck_ok(fcl_batches_start(b, epoch, 1)); /* that the next window ends */
    }
}

/* Together they are the whole batch to the bit, with and without augmentation, also when one object makes them in turn. */
START_TEST(windows_make_up_the_batch) {
    fcl_dataset *d = made_dataset(N);
    for (size_t i = 0; i < N; i += 3) unlabel(d, i, (unsigned)i);
    fcl_batches *b = create(d, 1, _i), *c = create(d, 1, _i);
    take(&whole, b, 3, 0, 0, 0);
    for (int round = 0; round < 4; round++) {
        take_windows(&other, c, 3, round, &whole);
        ck_assert_mem_eq(&whole, &other, sizeof whole);
    }
    ck_ok(fcl_batches_set_window(c, NULL));
    take(&other, c, 3, 0, 0, 0);
    ck_assert_mem_eq(&whole, &other, sizeof whole);
    fcl_batches_free(b);
    fcl_batches_free(c);
    fcl_dataset_free(d);
}
END_TEST

/* A window of several shares; samples outside of it are not touched. */
START_TEST(only_the_window_is_made) {
    fcl_dataset *d = made_dataset(N);
    fcl_batches *b = create(d, 0, 0);
    const unsigned weights[] = {1, 1, 2, 1};
    fcl_batch batch;
    ck_ok(fcl_batches_set_window(b, &(fcl_batches_window){weights, 4, 1, 2}));
    ck_ok(fcl_batches_start(b, 0, 0));
    for (unsigned i = 0; i < fcl_batches_n_slots(); i++) {
        ck_assert_int_eq(next(&batch, b), 1);
        ck_assert_uint_eq(batch.window_first, 1);
        ck_assert_uint_eq(batch.window_n, 3);
        for (size_t s = 0; s < BATCH; s++) {
            const int inside = s >= 1 && s < 4;
            ck_assert_int_eq(batch.images[s * PIXELS + PIXELS - 1] != 0.0f, inside);
            ck_assert_int_eq(batch.mask[s * 30] != 0.0f, inside);
            ck_assert_int_eq(batch.targets[s * 30] != 0.0f, inside);
        }
    }
    fcl_batches_free(b);
    fcl_dataset_free(d);
}
END_TEST

static fcl_batch_memory make_memory(void) {
    fcl_batch_memory memory = {.images = malloc(BATCH * PIXELS * sizeof(float)),
                               .targets = malloc(BATCH * 30 * sizeof(float)),
                               .mask = malloc(BATCH * 30 * sizeof(float))};
    ck_assert(memory.images && memory.targets && memory.mask);
    return memory;
}

/* Batches are made where a slot's memory is at the time, which changes with each of them; then in their own again. */
START_TEST(memory_that_is_lent) {
    enum { SLOTS = 4, ALL = SLOTS + 1 };
    fcl_dataset *d = made_dataset(N);
    fcl_batches *b = create(d, 1, 1), *c = create(d, 1, 1);
    fcl_batch_memory all[ALL], now[SLOTS], spare;
    fcl_batch batch;
    ck_assert_uint_eq(fcl_batches_n_slots(), SLOTS);
    ck_assert_uint_eq(fcl_batches_largest(c), BATCH);
    take(&whole, b, 3, 0, 0, 0);
    for (int i = 0; i < ALL; i++) all[i] = make_memory();
    for (unsigned i = 0; i < SLOTS; i++) {
        now[i] = all[i];
        fcl_batches_set_memory(c, i, &now[i]);
    }
    spare = all[SLOTS];
    ck_ok(fcl_batches_start(c, 3, 0));
    for (size_t at = 0; next(&batch, c); at += batch.n) {
        const fcl_batch_memory used = now[batch.slot];
        ck_assert(batch.images == used.images && batch.targets == used.targets && batch.mask == used.mask);
        ck_assert_mem_eq(batch.images, whole.images + at, batch.n * sizeof whole.images[0]);
        ck_assert_mem_eq(batch.targets, whole.targets + at, batch.n * sizeof whole.targets[0]);
        ck_assert_mem_eq(batch.mask, whole.mask + at, batch.n * sizeof whole.mask[0]);
        now[batch.slot] = spare;
        fcl_batches_set_memory(c, batch.slot, &spare);
        fcl_batches_release(c, batch.slot);
        spare = used;
    }
    ck_ok(fcl_batches_start(c, 4, 0)); /* which is under way when it is stopped */
    fcl_batches_stop(c);
    ck_assert_int_eq(next(&batch, c), 0);
    for (unsigned i = 0; i < SLOTS; i++) fcl_batches_set_memory(c, i, NULL);
    for (int i = 0; i < ALL; i++) {
        free(all[i].images);
        free(all[i].targets);
        free(all[i].mask);
    }
    take(&other, c, 3, 0, 0, 0);
    ck_assert_mem_eq(&whole, &other, sizeof whole);
    fcl_batches_free(b);
    fcl_batches_free(c);
    fcl_dataset_free(d);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("batches");
    TCase *t = tcase_create("batches");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, contents);
    tcase_add_loop_test(t, the_same_again, 0, 2);
    tcase_add_loop_test(t, threads_change_nothing, 0, 2);
    tcase_add_test(t, each_sample_once_in_the_recorded_order);
    tcase_add_loop_test(t, samples_that_are_left_out, 0, 5);
    tcase_add_loop_test(t, windows_make_up_the_batch, 0, 2);
    tcase_add_test(t, only_the_window_is_made);
    tcase_add_test(t, memory_that_is_lent);
    tcase_add_test(t, wrong_use);
    tcase_add_test(t, ended_at_any_moment);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
