/* The prepared folder: the same bytes again, what it gives back, what the report says, and changes by hand. */
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "dataset/batches.h"
#include "dataset/fixture.h"
#include "dataset/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 20 };

static const fcl_prepare_options options = {.counts = {12, 4, 4}, .seed = 3};

static void prepare(const fcl_dataset *d, const char *folder) {
    ck_ok(fcl_prepare(d, &options, folder));
}

START_TEST(gives_back_what_was_put_in) {
    char *folder = test_folder_create();
    const char *out = in_folder(folder, "out");
    fcl_dataset *d = made_dataset(N);
    unlabel(d, 7, 4);
    unlabel(d, 7, 5);
    prepare(d, out);
    ck_assert_int_eq(fcl_path_is_prepared(out), 1);
    ck_assert_int_eq(fcl_path_is_prepared(folder), 0);
    fcl_prepared *p;
    ck_ok(fcl_prepared_open(&p, out));
    int seen[N] = {0};
    static const size_t wanted[] = {12, 4, 4};
    for (int s = 0; s < FCL_N_SPLITS; s++) {
        const fcl_dataset *got, *again;
        ck_ok(fcl_prepared_split(&got, p, (fcl_split)s));
        ck_ok(fcl_prepared_split(&again, p, (fcl_split)s));
        ck_assert_ptr_eq(got, again);
        ck_assert_uint_eq(got->n, wanted[s]);
        for (size_t i = 0; i < got->n; i++) {
            uint32_t row = got->rows[i];
            seen[row]++;
            ck_assert_mem_eq(got->pixels + i * FCL_IMAGE_PIXELS, d->pixels + row * FCL_IMAGE_PIXELS, FCL_IMAGE_PIXELS);
            ck_assert_mem_eq(got->keypoints + i * 30, d->keypoints + row * 30, 30 * sizeof(float));
            ck_assert_mem_eq(got->mask + i * 30, d->mask + row * 30, 30);
        }
    }
    for (int i = 0; i < N; i++) ck_assert_int_eq(seen[i], 1);
    fcl_prepared_free(p);
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

START_TEST(missing_labels_are_nan_on_disk) {
    char *folder = test_folder_create();
    const char *out = in_folder(folder, "out");
    fcl_dataset *d = made_dataset(N);
    for (size_t i = 0; i < N; i++) unlabel(d, i, 11);
    prepare(d, out);
    fcl_array a;
    ck_ok(fcl_npy_read(&a, in_folder(out, "train_keypoints.npy"), FCL_FLOAT32, 2));
    for (size_t i = 0; i < 12 * 30; i++) ck_assert_int_eq(isnan(((float *)a.data)[i]) != 0, i % 30 == 11);
    free(a.data);
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

START_TEST(same_arguments_same_bytes) {
    char *folder = test_folder_create(), **names, *a, *b;
    char *first = fcl_path_join(folder, "a"), *second = fcl_path_join(folder, "b");
    size_t n_names, n_a, n_b;
    fcl_dataset *d = made_dataset(N);
    prepare(d, first);
    prepare(d, second);
    ck_ok(fcl_folder_list(&names, &n_names, first));
    ck_assert_uint_eq(n_names, 12 + 3); /* manifest, report, marker */
    for (size_t i = 0; i < n_names; i++) {
        ck_ok(fcl_file_read(&a, &n_a, in_folder(first, names[i])));
        ck_ok(fcl_file_read(&b, &n_b, in_folder(second, names[i])));
        ck_assert_uint_eq(n_a, n_b);
        ck_assert_mem_eq(a, b, n_a);
        free(a);
        free(b);
    }
    fcl_names_free(names, n_names);
    fcl_prepared *p, *q;
    ck_ok(fcl_prepared_open(&p, first));
    ck_ok(fcl_prepared_open(&q, second));
    ck_assert_str_eq(fcl_prepared_hash(p), fcl_prepared_hash(q));
    fcl_prepared_free(p);
    fcl_prepared_free(q);
    fcl_dataset_free(d);
    free(first);
    free(second);
    test_folder_remove(folder);
}
END_TEST

START_TEST(fractions) {
    char *folder = test_folder_create();
    const char *out = in_folder(folder, "out");
    fcl_dataset *d = made_dataset(N);
    d->pixels_f = malloc(N * FCL_IMAGE_PIXELS * sizeof(float));
    ck_assert_ptr_nonnull(d->pixels_f);
    for (size_t i = 0; i < N * FCL_IMAGE_PIXELS; i++) d->pixels_f[i] = (float)d->pixels[i] * 0.5f;
    free(d->pixels);
    d->pixels = NULL;
    prepare(d, out);
    fcl_prepared *p;
    const fcl_dataset *got;
    ck_ok(fcl_prepared_open(&p, out));
    ck_ok(fcl_prepared_split(&got, p, FCL_TEST));
    ck_assert_ptr_null(got->pixels);
    ck_assert_mem_eq(got->pixels_f, d->pixels_f + got->rows[0] * FCL_IMAGE_PIXELS, FCL_IMAGE_PIXELS * sizeof(float));
    fcl_prepared_free(p);
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

START_TEST(changes_by_hand) {
    static const struct {
        const char *file;
        const char *bytes; /* NULL: the file is removed */
        const char *message;
    } cases[] = {
        {"test_keypoints.npy", "x", "test_keypoints.npy' was changed after it was prepared"},
        {"train_images.npy", NULL, "train_images.npy' is missing"},
        {"manifest.json", "{", "manifest.json:1:"},
        {"manifest.json", "{}", "'format' is missing"},
        {"manifest.json", "{\"format\": \"fiducl prepared 999\"}", "the format is 'fiducl prepared 999'"},
        {"manifest.json", "{\"format\": \"fiducl prepared 1\", \"files\": {}}", "no entry of 'train_images.npy'"},
        {"manifest.json", NULL, "is not a prepared folder"},
    };
    char *folder = test_folder_create();
    const char *out = in_folder(folder, "out"), *path = in_folder(out, cases[_i].file);
    fcl_dataset *d = made_dataset(N);
    prepare(d, out);
    if (cases[_i].bytes)
        test_write_text(out, cases[_i].file, cases[_i].bytes);
    else
        ck_ok(fcl_file_remove(path));
    fcl_prepared *p;
    ck_fails(fcl_prepared_open(&p, out), FCL_E_INPUT, cases[_i].message);
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

/* Any value of the manifest, also one that no array depends on. */
START_TEST(an_edited_manifest) {
    char *folder = test_folder_create();
    const char *out = in_folder(folder, "out"), *path = in_folder(out, "manifest.json");
    fcl_dataset *d = made_dataset(N);
    fcl_prepared *p;
    json_t *manifest;
    prepare(d, out);
    ck_ok(fcl_json_read(&manifest, path));
    ck_assert_int_eq(json_object_set_new(manifest, "seed", json_string("77")), 0);
    ck_ok(fcl_json_write(path, manifest));
    ck_fails(fcl_prepared_open(&p, out), FCL_E_INPUT, "manifest.json' was edited after it was written");
    json_decref(manifest);
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

START_TEST(one_changed_byte) {
    char *folder = test_folder_create(), *bytes;
    const char *out = in_folder(folder, "out"), *path = in_folder(out, "train_images.npy");
    size_t n;
    fcl_dataset *d = made_dataset(N);
    fcl_prepared *p;
    prepare(d, out);
    ck_ok(fcl_file_read(&bytes, &n, path));
    bytes[n - 1] ^= 1;
    ck_ok(fcl_file_write(path, bytes, n));
    ck_fails(fcl_prepared_open(&p, out), FCL_E_INPUT, path);
    free(bytes);
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

START_TEST(refusals) {
    char *folder = test_folder_create();
    const char *out = in_folder(folder, "out"), *foreign = in_folder(folder, "foreign");
    fcl_dataset *d = made_dataset(N);
    prepare(d, out);
    ck_fails(fcl_prepare(d, &options, out), FCL_E_EXISTS, "--force");
    fcl_prepare_options force = options;
    force.force = 1;
    ck_ok(fcl_prepare(d, &force, out));
    ck_ok(fcl_folder_create(foreign));
    test_write_text(foreign, "mine.txt", "mine");
    ck_fails(fcl_prepare(d, &force, foreign), FCL_E_EXISTS, foreign);
    ck_assert_int_eq(fcl_path_exists(in_folder(foreign, "mine.txt")), 1);
    force.group_file = in_folder(folder, "none.csv");
    ck_fails(fcl_prepare(d, &force, in_folder(folder, "new")), FCL_E_USAGE, "FILE:COLUMN");
    force.group_column = "person";
    ck_fails(fcl_prepare(d, &force, in_folder(folder, "new")), FCL_E_IO, "none.csv");
    ck_assert_int_eq(fcl_path_exists(in_folder(folder, "new")), 0);
    d->has_keypoints = 0;
    ck_fails(fcl_prepare(d, &options, in_folder(folder, "new")), FCL_E_INPUT, "has no keypoints");
    fcl_dataset *raw;
    ck_fails(fcl_dataset_load(&raw, &(fcl_data_paths){.folder = out}), FCL_E_INPUT, "holds prepared data");
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

static long long number(const json_t *report, const char *section, const char *entry, const char *key) {
    const json_t *value = json_object_get(json_object_get(json_object_get(report, section), entry), key);
    ck_assert_msg(json_is_integer(value), "%s.%s.%s", section, entry, key);
    return json_integer_value(value);
}

START_TEST(report) {
    char *folder = test_folder_create();
    const char *out = in_folder(folder, "out");
    fcl_dataset *d = made_dataset(N);
    for (unsigned c = 0; c < 30; c++) unlabel(d, 0, c);
    unlabel(d, 1, 20);
    unlabel(d, 1, 21);
    /* In made_dataset every left point is left of its partner: all six pairs of the 19 rows with labels. */
    for (size_t i = 0; i < N; i++)
        for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++)
            d->keypoints[i * 30 + 2 * k] = d->mask[i * 30 + 2 * k] ? 90.0f - 5.0f * (float)k : 0.0f;
    d->keypoints[2 * 30] = 10.0f;       /* row 2: left eye center right of the right one's 85 */
    d->keypoints[3 * 30 + 21] = 95.75f; /* row 3: below the frame, which ends at 95.5 */
    d->keypoints[4 * 30 + 20] = -0.5f;  /* row 4: on the border */
    memset(d->pixels + 5 * FCL_IMAGE_PIXELS, 9, FCL_IMAGE_PIXELS);
    for (int i = 6; i < 20; i++)
        memcpy(d->pixels + i * FCL_IMAGE_PIXELS, d->pixels + 6 * FCL_IMAGE_PIXELS, i < 12 ? FCL_IMAGE_PIXELS : 0);
    prepare(d, out);
    json_t *r;
    ck_ok(fcl_json_read(&r, in_folder(out, "validation.json")));
    ck_assert_int_eq(number(r, "coordinates", "nose_tip_x", "missing"), 2);
    ck_assert_int_eq(number(r, "coordinates", "nose_tip_x", "labelled"), 18);
    long long rows = 0, complete = 0, unlabelled = 0;
    for (int s = 0; s < FCL_N_SPLITS; s++) {
        rows += number(r, "splits", fcl_split_name((fcl_split)s), "rows");
        complete += number(r, "splits", fcl_split_name((fcl_split)s), "complete_rows");
        unlabelled += number(r, "splits", fcl_split_name((fcl_split)s), "unlabelled_rows");
    }
    ck_assert_int_eq(rows, 20);
    ck_assert_int_eq(complete, 18);
    ck_assert_int_eq(unlabelled, 1);
    const json_t *outside = json_object_get(r, "outside_the_frame");
    ck_assert_uint_eq(json_array_size(outside), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(outside, 0), "row")), 3);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(outside, 0), "keypoint")), "nose_tip");
    const json_t *swapped = json_object_get(r, "left_right_swapped");
    ck_assert_uint_eq(json_array_size(swapped), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(swapped, 0), "row")), 2);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(swapped, 0), "left")), "left_eye_center");
    const json_t *constant = json_object_get(r, "constant_images");
    ck_assert_uint_eq(json_array_size(constant), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(constant, 0), "row")), 5);
    const json_t *duplicates = json_object_get(r, "duplicate_images");
    ck_assert_uint_eq(json_array_size(duplicates), 1);
    const json_t *equal = json_object_get(json_array_get(duplicates, 0), "rows");
    ck_assert_uint_eq(json_array_size(equal), 6);
    for (size_t i = 0; i < 6; i++) ck_assert_int_eq(json_integer_value(json_array_get(equal, i)), (long long)i + 6);
    size_t n_splits = json_array_size(json_object_get(json_array_get(duplicates, 0), "splits"));
    ck_assert_int_eq(json_integer_value(json_object_get(r, "duplicates_across_splits")), n_splits > 1);
    json_decref(r);
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

/* Everything that training takes from a folder: batches over two epochs, with each way to fill. */
static void take_all(fcl_text *out, const char *folder, fcl_fill fill) {
    fcl_prepared *p;
    const fcl_dataset *train;
    fcl_batches *b;
    ck_ok(fcl_prepared_open(&p, folder));
    ck_ok(fcl_prepared_split(&train, p, FCL_TRAIN));
    fcl_batch_options o = {.batch = 5, .shuffle = 1, .seed = 1, .fill = fill, .drop_unlabelled = 1};
    ck_ok(fcl_batches_create(&b, train, &o));
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        ck_ok(fcl_batches_start(b, epoch, 0));
        for (;;) {
            fcl_batch batch;
            int more;
            ck_ok(fcl_batches_next(&batch, &more, b));
            if (!more) break;
            fcl_text_append_bytes(out, batch.images, batch.n * FCL_IMAGE_PIXELS * sizeof(float));
            fcl_text_append_bytes(out, batch.targets, batch.n * 30 * sizeof(float));
            fcl_text_append_bytes(out, batch.mask, batch.n * 30 * sizeof(float));
            fcl_batches_release(b, batch.slot);
        }
    }
    fcl_batches_free(b);
    fcl_prepared_free(p);
}

START_TEST(test_labels_do_not_reach_training) {
    char *folder = test_folder_create();
    const char *first = in_folder(folder, "a"), *second = in_folder(folder, "b");
    fcl_dataset *d = made_dataset(N);
    fcl_prepared *p;
    const fcl_dataset *test;
    for (size_t i = 0; i < N; i += 3) unlabel(d, i, (unsigned)i);
    prepare(d, first);
    ck_ok(fcl_prepared_open(&p, first));
    ck_ok(fcl_prepared_split(&test, p, FCL_TEST));
    for (size_t i = 0; i < test->n; i++)
        for (unsigned c = 0; c < 30; c++) d->keypoints[test->rows[i] * 30 + c] += 7.0f;
    unlabel(d, test->rows[0], 3);
    fcl_prepared_free(p);
    prepare(d, second);
    for (int fill = 0; fill < FCL_N_FILLS; fill++) {
        fcl_text a = FCL_TEXT_EMPTY, b = FCL_TEXT_EMPTY;
        take_all(&a, first, (fcl_fill)fill);
        take_all(&b, second, (fcl_fill)fill);
        ck_ok(fcl_text_status(&a));
        ck_assert_uint_eq(a.length, b.length);
        ck_assert_mem_eq(a.data, b.data, a.length);
        fcl_text_dispose(&a);
        fcl_text_dispose(&b);
    }
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("prepare");
    TCase *t = tcase_create("prepare");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, gives_back_what_was_put_in);
    tcase_add_test(t, missing_labels_are_nan_on_disk);
    tcase_add_test(t, same_arguments_same_bytes);
    tcase_add_test(t, fractions);
    tcase_add_loop_test(t, changes_by_hand, 0, 7);
    tcase_add_test(t, an_edited_manifest);
    tcase_add_test(t, one_changed_byte);
    tcase_add_test(t, refusals);
    tcase_add_test(t, report);
    tcase_add_test(t, test_labels_do_not_reach_training);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
