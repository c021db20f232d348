/* .npy headers, good and hostile, and whole arrays; golden files are numpy's (tools/make-golden-images). */
#include "dataset/npy.h"
#include "base/file.h"
#include "base/memory.h"
#include "dataset/fixture.h"

#include <stdlib.h>
#include <string.h>

/* An .npy file of a version, a header text and n data bytes. */
static void write_npy(const char *path, unsigned version, const char *header, size_t n) {
    unsigned char bytes[4096] = "\x93NUMPY";
    size_t length = strlen(header), prefix = version == 1 ? 10 : 12;
    ck_assert_uint_le(prefix + length + n, sizeof bytes);
    bytes[6] = (unsigned char)version;
    bytes[8] = (unsigned char)(length & 255);
    bytes[9] = (unsigned char)(length >> 8);
    memcpy(bytes + prefix, header, length);
    ck_ok(fcl_file_write(path, bytes, prefix + length + n));
}

static fcl_status read_header(fcl_npy_header *out, const char *path) {
    fcl_byte_source source;
    fcl_status status = fcl_file_source_open(&source, path);
    ck_ok(status);
    status = fcl_npy_header_read(out, &source);
    fcl_file_source_close(&source);
    return status;
}

START_TEST(good_headers) {
    static const struct {
        unsigned version;
        const char *header;
        size_t n;
        fcl_dtype dtype;
        int swapped, fortran;
        unsigned n_dims;
        size_t shape[3];
    } cases[] = {
        {1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }\n", 6, FCL_UINT8, 0, 0, 2, {2, 3}},
        {2, "{'descr': '<f8', 'fortran_order': True, 'shape': (2,), }      \n", 16, FCL_FLOAT64, 0, 1, 1, {2}},
        {3, "{'shape': (1, 2, 3), 'descr': '>f4', 'fortran_order': False}", 24, FCL_FLOAT32, 1, 0, 3, {1, 2, 3}},
        {1, "{\"descr\": \"=i2\", \"fortran_order\": False, \"shape\": (2L, 1L)}", 4, FCL_INT16, 0, 0, 2, {2, 1}},
        {1, "{'descr': '<u4', 'fortran_order': False, 'shape': ()}", 4, FCL_UINT32, 0, 0, 0, {0}},
        {1, "{'descr': '<i8', 'fortran_order': False, 'shape': (0, 7)}", 0, FCL_INT64, 0, 0, 2, {0, 7}},
    };
    char *folder = test_folder_create();
    const char *path = in_folder(folder, "a.npy");
    fcl_npy_header h;
    write_npy(path, cases[_i].version, cases[_i].header, cases[_i].n);
    ck_ok(read_header(&h, path));
    ck_assert_int_eq(h.dtype, cases[_i].dtype);
    ck_assert_int_eq(h.swapped, cases[_i].swapped);
    ck_assert_int_eq(h.fortran_order, cases[_i].fortran);
    ck_assert_uint_eq(h.n_dims, cases[_i].n_dims);
    for (unsigned d = 0; d < h.n_dims; d++) ck_assert_uint_eq(h.shape[d], cases[_i].shape[d]);
    ck_assert_uint_eq(h.n * fcl_dtype_bytes(h.dtype), cases[_i].n);
    test_folder_remove(folder);
}
END_TEST

/* Byte positions count from the file's first; the header's text begins at byte 10. */
static const struct {
    const char *header;
    size_t n;
    const char *message;
} hostile[] = {
    {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8, "byte 20: the array holds Python objects"},
    {"{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4, "byte 20: the array has a structured type"},
    {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", 8, "byte 20: elements of type '<c8'"},
    {"{'descr': '<f2', 'fortran_order': False, 'shape': (1,)}", 2, "elements of type '<f2'"},
    {"{'descr': '<U5', 'fortran_order': False, 'shape': (1,)}", 20, "elements of type '<U5'"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}", 15, "ends at byte 81, but the data end at byte 80"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}", 17, "something follows the array"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0, "larger than any memory"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904,)}", 0, "larger than any memory"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}", 0, "a dimension too large"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}", 0, "byte 61: a dimension that is not a whole number"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (1.0,)}", 1, "a shape without its end"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 1, "more than 8 dimensions"},
    {"{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}", 1, "neither True nor False"},
    {"{'descr': '|u1', 'fortran_order': False}", 1, "descr, fortran_order or shape is missing"},
    {"{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", 1, "a key that occurs twice"},
    {"{'descr': '|u1', 'order': False, 'shape': (1,)}", 1, "byte 27: an unknown key"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,)", 1, "a dictionary without its end"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x", 1, "something after the dictionary"},
    {"{'descr': '|u1", 1, "a string without its end"},
    {"", 0, "no dictionary"},
};

START_TEST(hostile_headers) {
    char *folder = test_folder_create();
    const char *path = in_folder(folder, "a.npy");
    fcl_npy_header h;
    write_npy(path, 1, hostile[_i].header, hostile[_i].n);
    ck_fails(read_header(&h, path), FCL_E_INPUT, hostile[_i].message);
    ck_assert(test_contains(fcl_error_message(), path));
    test_folder_remove(folder);
}
END_TEST

START_TEST(hostile_prefixes) {
    static const struct {
        const char *bytes;
        size_t n;
        const char *message;
    } cases[] = {
        {"", 0, "ends at byte 0"},
        {"\x93NUM", 4, "ends at byte 4"},
        {"GIF89a....", 10, "byte 0: not an .npy array"},
        {"\x93NUMPY\x04\0\x10\0", 10, "version 4.0"},
        {"\x93NUMPY\x01\0\x10\0{'de", 14, "ends at byte 14"},
        {"\x93NUMPY\x02\0\xff\xff\xff\x7f", 12, "a header of 2147483647 bytes"},
    };
    char *folder = test_folder_create();
    fcl_npy_header h;
    test_write(folder, "a.npy", cases[_i].bytes, cases[_i].n);
    ck_fails(read_header(&h, in_folder(folder, "a.npy")), FCL_E_INPUT, cases[_i].message);
    test_folder_remove(folder);
}
END_TEST

START_TEST(writes_what_numpy_writes) {
    const float values[6] = {0, 0.25f, 0.5f, 0.75f, 1, 1.25f};
    const size_t shape[] = {2, 3};
    char *folder = test_folder_create(), *got, *wanted;
    const char *path = in_folder(folder, "small.npy");
    size_t n_got, n_wanted;
    ck_ok(fcl_npy_write(path, FCL_FLOAT32, shape, 2, values));
    ck_ok(fcl_file_read(&got, &n_got, path));
    ck_ok(fcl_file_read(&wanted, &n_wanted, golden_image("small.npy")));
    ck_assert_uint_eq(n_got, n_wanted);
    ck_assert_mem_eq(got, wanted, n_got);
    free(got);
    free(wanted);
    test_folder_remove(folder);
}
END_TEST

START_TEST(reads_big_endian_fortran_order) {
    fcl_array a;
    ck_ok(fcl_npy_read(&a, golden_image("small_fortran.npy"), FCL_FLOAT64, 3));
    for (size_t i = 0; i < 24; i++) ck_assert_double_eq(((double *)a.data)[i], (double)i);
    ck_assert_uint_eq(a.shape[0], 2);
    ck_assert_uint_eq(a.shape[2], 4);
    free(a.data);
    ck_fails(fcl_npy_read(&a, golden_image("small_fortran.npy"), FCL_FLOAT32, 3), FCL_E_INPUT,
             "holds float64 (2, 3, 4)");
    ck_fails(fcl_npy_read(&a, golden_image("small_fortran.npy"), FCL_FLOAT64, 2), FCL_E_INPUT,
             "2 dimensions is needed");
    ck_fails(fcl_npy_read(&a, "/nowhere/a.npy", FCL_FLOAT64, 2), FCL_E_IO, "/nowhere/a.npy");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("npy");
    TCase *t = tcase_create("npy");
    tcase_add_loop_test(t, good_headers, 0, 6);
    tcase_add_loop_test(t, hostile_headers, 0, sizeof hostile / sizeof *hostile);
    tcase_add_loop_test(t, hostile_prefixes, 0, 6);
    tcase_add_test(t, writes_what_numpy_writes);
    tcase_add_test(t, reads_big_endian_fortran_order);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
