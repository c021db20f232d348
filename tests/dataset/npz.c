/* Archives: what is written, and hostile ones. */
#include "dataset/npz.h"

#include "base/file.h"
#include "base/memory.h"
#include "dataset/fixture.h"
#include "dataset/images.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

enum { SIDE = FCL_IMAGE_SIDE, PIXELS = FCL_IMAGE_PIXELS };

/* An archive with one member of raw bytes; `password` encrypts it. */
static void write_zip(const char *path, const char *member, const void *bytes, size_t n, int method,
                      const char *password) {
    int error;
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &error);
    ck_assert_ptr_nonnull(archive);
    zip_source_t *source = zip_source_buffer(archive, bytes, n, 0);
    ck_assert_ptr_nonnull(source);
    zip_int64_t index = zip_file_add(archive, member, source, 0);
    ck_assert_int_ge(index, 0);
    ck_assert_int_eq(zip_set_file_compression(archive, (zip_uint64_t)index, method, 0), 0);
    if (password) ck_assert_int_eq(zip_file_set_encryption(archive, (zip_uint64_t)index, ZIP_EM_AES_256, password), 0);
    ck_assert_int_eq(zip_close(archive), 0);
}

/* The bytes of an .npy file: a header for (96, 96, n) and as many zero bytes as asked for. */
static char *npy_bytes(size_t *n_bytes, size_t n, size_t n_data) {
    const size_t shape[] = {SIDE, SIDE, n};
    char *header, *bytes;
    size_t n_header;
    ck_ok(fcl_npy_header_make(&header, &n_header, FCL_UINT8, shape, 3));
    ck_ok(FCL_NEW(&bytes, n_header + n_data, "a test array"));
    memcpy(bytes, header, n_header);
    free(header);
    *n_bytes = n_header + n_data;
    return bytes;
}

static void fails(const char *path, const char *message) {
    fcl_images images;
    ck_fails(fcl_images_load(&images, path, NULL, 0), FCL_E_INPUT, message);
    ck_assert(test_contains(fcl_error_message(), path));
}

START_TEST(written_archives_are_read_and_repeat) {
    const size_t shape[] = {SIDE, SIDE, 2};
    static uint8_t values[2 * PIXELS];
    for (size_t i = 0; i < 2 * PIXELS; i++) values[i] = (uint8_t)made_pixel(i % 2, i / 2 / SIDE, i / 2 % SIDE);
    char *folder = test_folder_create(), *a, *b;
    size_t n_a, n_b;
    const char *first = in_folder(folder, "a.npz"), *second = in_folder(folder, "b.npz");
    ck_ok(fcl_npz_write(first, FCL_IMAGES_KEY, FCL_UINT8, shape, 3, values));
    ck_ok(fcl_npz_write(second, FCL_IMAGES_KEY, FCL_UINT8, shape, 3, values));
    fcl_images images;
    ck_ok(fcl_images_load(&images, first, NULL, 0));
    for (size_t i = 0; i < 2 * PIXELS; i++)
        ck_assert_uint_eq(images.pixels[i], made_pixel(i / PIXELS, i % PIXELS / SIDE, i % SIDE));
    free(images.pixels);
    ck_ok(fcl_file_read(&a, &n_a, first));
    ck_ok(fcl_file_read(&b, &n_b, second));
    ck_assert_uint_eq(n_a, n_b);
    ck_assert_mem_eq(a, b, n_a);
    ck_assert_uint_lt(n_a, sizeof values / 4); /* compressed */
    free(a);
    free(b);
    test_folder_remove(folder);
}
END_TEST

START_TEST(wrong_keys) {
    char *folder = test_folder_create(), *bytes;
    const char *path = in_folder(folder, "a.npz");
    size_t n;
    bytes = npy_bytes(&n, 1, PIXELS);
    write_zip(path, "images.npy", bytes, n, ZIP_CM_STORE, NULL);
    fails(path, "there is no array 'face_images'; the archive has 'images'");
    write_zip(path, "face_images_2.npy", bytes, n, ZIP_CM_STORE, NULL);
    fails(path, "the archive has 'face_images_2'");
    free(bytes);
    test_folder_remove(folder);
}
END_TEST

START_TEST(encrypted) {
    char *folder = test_folder_create(), *bytes;
    const char *path = in_folder(folder, "a.npz");
    size_t n;
    bytes = npy_bytes(&n, 1, PIXELS);
    write_zip(path, "face_images.npy", bytes, n, ZIP_CM_DEFLATE, "secret");
    fails(path, "encrypted");
    free(bytes);
    test_folder_remove(folder);
}
END_TEST

/* 64 MiB of zeros and more in 70 KB: refused before the images' memory is taken. */
START_TEST(bomb) {
    char *folder = test_folder_create(), *bytes;
    const char *path = in_folder(folder, "a.npz");
    const size_t n_images = (64 << 20) / PIXELS + 1;
    size_t n;
    bytes = npy_bytes(&n, n_images, n_images * PIXELS);
    write_zip(path, "face_images.npy", bytes, n, ZIP_CM_DEFLATE, NULL);
    fails(path, "claims to expand");
    free(bytes);
    test_folder_remove(folder);
}
END_TEST

START_TEST(header_that_lies) {
    char *folder = test_folder_create(), *bytes;
    const char *path = in_folder(folder, "a.npz");
    size_t n;
    bytes = npy_bytes(&n, 900000, PIXELS);
    write_zip(path, "face_images.npy", bytes, n, ZIP_CM_DEFLATE, NULL);
    fails(path, "but the data end at byte 9344");
    free(bytes);
    test_folder_remove(folder);
}
END_TEST

START_TEST(damaged_archive) {
    char *folder = test_folder_create(), *bytes, *whole;
    const char *path = in_folder(folder, "a.npz"), *damaged = in_folder(folder, "b.npz");
    size_t n, n_whole;
    bytes = npy_bytes(&n, 1, PIXELS);
    write_zip(path, "face_images.npy", bytes, n, ZIP_CM_STORE, NULL);
    ck_ok(fcl_file_read(&whole, &n_whole, path));
    whole[5000] ^= 1; /* one bit of a pixel: only the checksum knows */
    ck_ok(fcl_file_write(damaged, whole, n_whole));
    fails(damaged, "CRC");
    for (size_t cut = 0; cut < n_whole; cut += n_whole / 7) {
        ck_ok(fcl_file_write(damaged, whole, cut));
        fcl_images images;
        ck_assert_int_eq(fcl_images_load(&images, damaged, NULL, 0), FCL_E_INPUT);
    }
    ck_ok(fcl_file_write(damaged, "GIF89a", 6));
    fails(damaged, "neither an .npz archive nor an .npy array");
    free(whole);
    free(bytes);
    test_folder_remove(folder);
}
END_TEST

/* Deflated data of which one byte was changed: an error, never wrong pixels. */
START_TEST(damaged_stream) {
    /* The local header, 30 bytes, name and extra field, repeats what the table of contents says. */
    const size_t begin = 30 + strlen("face_images.npy") + 20;
    char *folder = test_folder_create(), *whole;
    const char *damaged = in_folder(folder, "b.npz");
    size_t n;
    ck_ok(fcl_file_read(&whole, &n, golden_image("uint8_c.npz")));
    for (size_t at = begin; at < n - 200; at += 97) {
        whole[at] ^= 0x10;
        ck_ok(fcl_file_write(damaged, whole, n));
        whole[at] ^= 0x10;
        fcl_images images;
        ck_assert_int_eq(fcl_images_load(&images, damaged, NULL, 0), FCL_E_INPUT);
    }
    free(whole);
    test_folder_remove(folder);
}
END_TEST

START_TEST(missing_file) {
    fcl_images images;
    ck_fails(fcl_images_load(&images, "/nowhere/a.npz", NULL, 0), FCL_E_IO, "/nowhere/a.npz");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("npz");
    TCase *t = tcase_create("npz");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, written_archives_are_read_and_repeat);
    tcase_add_test(t, wrong_keys);
    tcase_add_test(t, encrypted);
    tcase_add_test(t, bomb);
    tcase_add_test(t, header_that_lies);
    tcase_add_test(t, damaged_archive);
    tcase_add_test(t, damaged_stream);
    tcase_add_test(t, missing_file);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
