/* Which files of a folder are read, and what is said when they are not there. */
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "dataset/fixture.h"

#include <stdlib.h>
#include <string.h>

static void copy(const char *folder, const char *name, const char *golden) {
    char *bytes;
    size_t n;
    ck_ok(fcl_file_read(&bytes, &n, golden_image(golden)));
    test_write(folder, name, bytes, n);
    free(bytes);
}

static void write_labels(const char *folder, const char *name, size_t n) {
    char *csv = made_csv(n);
    test_write_text(folder, name, csv);
    free(csv);
}

/* A competition file of one row; with the keypoints' columns or without. */
static void write_competition(const char *folder, const char *name, int labelled) {
    fcl_text csv = FCL_TEXT_EMPTY;
    for (unsigned c = 0; labelled && c < FCL_N_COORDINATES; c++) fcl_text_appendf(&csv, "%s,", fcl_coordinate_name(c));
    fcl_text_append(&csv, "Image\n");
    for (unsigned c = 0; labelled && c < FCL_N_COORDINATES; c++) fcl_text_appendf(&csv, "%u,", c);
    for (unsigned p = 0; p < FCL_IMAGE_PIXELS; p++) fcl_text_appendf(&csv, "%s%u", p ? " " : "", p % 256);
    fcl_text_append(&csv, "\n");
    ck_ok(fcl_text_status(&csv));
    test_write_text(folder, name, csv.data);
    fcl_text_dispose(&csv);
}

static fcl_status load(fcl_dataset **out, const char *folder, int labels_optional) {
    return fcl_dataset_load(out, &(fcl_data_paths){.folder = folder, .labels_optional = labels_optional});
}

START_TEST(a_folder) {
    char *folder = test_folder_create(), hash[FCL_HASH_TEXT_BYTES];
    fcl_dataset *d;
    copy(folder, "face_images.npz", "float64_f.npz");
    write_labels(folder, "facial_keypoints.csv", 3);
    test_write_text(folder, "groups.csv", "row,identity\n");
    ck_ok(load(&d, folder, 0));
    ck_assert_uint_eq(d->n, 3);
    ck_assert_int_eq(d->has_keypoints, 1);
    ck_assert_float_eq(d->keypoints[89], 50.0f);
    ck_assert_uint_eq(d->rows[2], 2);
    ck_assert_str_eq(d->source, folder);
    ck_assert_uint_eq(d->n_files, 2);
    ck_assert_str_eq(fcl_basename(d->files[1].path), "facial_keypoints.csv");
    ck_ok(fcl_hash_file(hash, in_folder(folder, "facial_keypoints.csv")));
    ck_assert_str_eq(d->files[1].hash, hash);
    float image[FCL_IMAGE_PIXELS];
    fcl_dataset_image(image, d, 2);
    ck_assert_float_eq(image[96 * 5 + 7], (float)made_pixel(2, 5, 7));
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

START_TEST(other_names) {
    char *folder = test_folder_create();
    fcl_dataset *d;
    copy(folder, "mine.npz", "uint8_c.npz");
    write_labels(folder, "training.csv", 3);
    ck_ok(load(&d, folder, 0));
    ck_assert_uint_eq(d->n, 3);
    fcl_dataset_free(d);
    copy(folder, "yours.npz", "uint8_c.npz");
    ck_fails(load(&d, folder, 0), FCL_E_INPUT, "name one with --images");
    ck_ok(fcl_dataset_load(&d, &(fcl_data_paths){.folder = folder, .images = in_folder(folder, "yours.npz")}));
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

START_TEST(named_files) {
    char *folder = test_folder_create();
    fcl_dataset *d;
    write_labels(folder, "k.csv", 3);
    ck_ok(fcl_dataset_load(
        &d, &(fcl_data_paths){.images = golden_image("uint8_f.npz"), .keypoints = in_folder(folder, "k.csv")}));
    ck_assert_int_eq(d->has_keypoints, 1);
    fcl_dataset_free(d);
    write_labels(folder, "k.csv", 4);
    ck_fails(fcl_dataset_load(
                 &d, &(fcl_data_paths){.images = golden_image("uint8_f.npz"), .keypoints = in_folder(folder, "k.csv")}),
             FCL_E_INPUT, "has 3 images but");
    ck_assert(test_contains(fcl_error_message(), "k.csv' has 4 rows"));
    test_folder_remove(folder);
}
END_TEST

START_TEST(images_alone) {
    fcl_dataset *d;
    ck_ok(fcl_dataset_load(&d, &(fcl_data_paths){.images = golden_image("uint8_f.npz"), .labels_optional = 1}));
    ck_assert_int_eq(d->has_keypoints, 0);
    for (size_t i = 0; i < 90; i++) ck_assert_uint_eq(d->mask[i], 0);
    fcl_dataset_free(d);
    ck_ok(load(&d, golden_image("uint8_f.npz"), 1)); /* a file in the folder's place */
    fcl_dataset_free(d);
    ck_fails(load(&d, golden_image("uint8_f.npz"), 0), FCL_E_USAGE, "--keypoints");
    ck_fails(fcl_dataset_load(&d, &(fcl_data_paths){.images = golden_image("uint8_f.npz")}), FCL_E_USAGE,
             "--keypoints");
    ck_fails(fcl_dataset_load(&d, &(fcl_data_paths){.labels_optional = 1}), FCL_E_USAGE, "no data named");
}
END_TEST

START_TEST(competition) {
    char *folder = test_folder_create();
    fcl_dataset *d;
    write_competition(folder, "training.csv", 1);
    write_competition(folder, "test.csv", 0);
    ck_ok(load(&d, folder, 0));
    ck_assert_uint_eq(d->n, 1);
    ck_assert_uint_eq(d->pixels[300], 300 % 256);
    ck_assert_float_eq(d->keypoints[29], 29.0f);
    fcl_dataset_free(d);
    ck_ok(load(&d, in_folder(folder, "test.csv"), 1));
    ck_assert_int_eq(d->has_keypoints, 0);
    fcl_dataset_free(d);
    ck_fails(load(&d, in_folder(folder, "test.csv"), 0), FCL_E_INPUT, "has no keypoints");
    copy(folder, "face_images.npz", "uint8_c.npz");
    ck_fails(load(&d, folder, 0), FCL_E_INPUT, "has images too");
    test_folder_remove(folder);
}
END_TEST

START_TEST(what_is_missing) {
    char *folder = test_folder_create();
    fcl_dataset *d;
    ck_fails(load(&d, in_folder(folder, "none"), 0), FCL_E_IO, "there is no folder");
    ck_fails(load(&d, folder, 0), FCL_E_INPUT, "the folder has no files");
    test_write_text(folder, "readme.txt", "");
    ck_fails(load(&d, folder, 0), FCL_E_INPUT, "looked for face_images.npz");
    ck_assert(test_contains(fcl_error_message(), "readme.txt"));
    write_labels(folder, "facial_keypoints.csv", 3);
    ck_fails(load(&d, folder, 0), FCL_E_INPUT, "has no images (no column Image)");
    ck_ok(fcl_file_remove(in_folder(folder, "facial_keypoints.csv")));
    copy(folder, "face_images.npz", "uint8_c.npz");
    ck_fails(load(&d, folder, 0), FCL_E_INPUT, "no keypoints in the folder");
    ck_ok(load(&d, folder, 1));
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("load");
    TCase *t = tcase_create("load");
    tcase_add_test(t, a_folder);
    tcase_add_test(t, other_names);
    tcase_add_test(t, named_files);
    tcase_add_test(t, images_alone);
    tcase_add_test(t, competition);
    tcase_add_test(t, what_is_missing);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
