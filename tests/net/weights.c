/* Weights files: read and written byte by byte as the format says, and what is refused. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "net/description.h"
#include "net/weights.h"
#include "support/support.h"

static char *folder;
static fcl_model *model;
static fcl_tensors tensors;

/* input -> pooled to 1x1 -> dense of 30: kernel (1, 30), bias (30). */
static const char text[] = "layers = ( { type = \"average_pool\"; window = 96; }, { type = \"flatten\"; }, "
                           "{ type = \"dense\"; units = 30; } );";

static void set_up(void) {
    folder = test_folder_create();
    ck_ok(fcl_model_parse(&model, "tiny", text));
    ck_ok(fcl_tensors_init(&tensors, model));
}

static void tear_down(void) {
    fcl_tensors_dispose(&tensors);
    fcl_model_free(model);
    test_folder_remove(folder);
}

/* A file of this header, and 60 floats 0.5, 1.5, ... as data, cut to `n_data` bytes. */
static char *write(const char *header, size_t n_data) {
    unsigned char bytes[2048];
    size_t n = strlen(header);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(n >> 8 * i);
    memcpy(bytes + 8, header, n);
    float data[60];
    for (int i = 0; i < 60; i++) data[i] = (float)i + 0.5f;
    memcpy(bytes + 8 + n, data, n_data);
    test_write(folder, "w.safetensors", bytes, 8 + n + n_data);
    return fcl_path_join(folder, "w.safetensors");
}

static fcl_status read(const char *path) {
    return fcl_safetensors_read(path, &(fcl_tensor_set){"", &tensors}, 1);
}

#define KERNEL "\"dense/kernel\":{\"dtype\":\"F32\",\"shape\":[1,30],\"data_offsets\":[0,120]}"
#define BIAS   "\"dense/bias\":{\"dtype\":\"F32\",\"shape\":[30],\"data_offsets\":[120,240]}"

START_TEST(reads_by_the_format) {
    /* Spaces behind the header, any order of entries, unknown metadata: all legal. */
    char *path = write("{\"__metadata__\":{\"made\":\"by hand\"}," BIAS "," KERNEL "}   ", 240), *value;
    ck_ok(read(path));
    for (unsigned i = 0; i < 30; i++) {
        ck_assert_float_eq(fcl_tensors_at(&tensors, 0)[i], (float)i + 0.5f);
        ck_assert_float_eq(fcl_tensors_at(&tensors, 1)[i], (float)i + 30.5f);
    }
    ck_ok(fcl_safetensors_metadata(&value, path, "made"));
    ck_assert_str_eq(value, "by hand");
    free(value);
    ck_ok(fcl_safetensors_metadata(&value, path, "nothing"));
    ck_assert_ptr_null(value);
    free(path);
}
END_TEST

START_TEST(refused) {
    static const struct {
        const char *header;
        size_t n_data;
        const char *part;
    } cases[] = {
        {"{" KERNEL "}", 120, "no tensor 'dense/bias'"},
        {"{" KERNEL "," BIAS ",\"more\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[240,240]}}", 240, "'more'"},
        {"{" KERNEL "," BIAS "}", 236, "of 236 bytes"},
        {"{" KERNEL "," BIAS "}", 232, "of 232 bytes"},
        {"{\"dense/kernel\":{\"dtype\":\"F32\",\"shape\":[30,1],\"data_offsets\":[0,120]}," BIAS "}", 240, "shape"},
        {"{\"dense/kernel\":{\"dtype\":\"F16\",\"shape\":[1,60],\"data_offsets\":[0,120]}," BIAS "}", 240, "F16"},
        {"{\"dense/kernel\":{\"dtype\":\"F32\",\"shape\":[1,30],\"data_offsets\":[0,116]},"
         "\"dense/bias\":{\"dtype\":\"F32\",\"shape\":[30],\"data_offsets\":[116,236]}}",
         236, "bytes"},
        {"{\"dense/kernel\":{\"dtype\":\"F32\",\"shape\":[1,30],\"data_offsets\":[0,120]},"
         "\"dense/bias\":{\"dtype\":\"F32\",\"shape\":[30],\"data_offsets\":[100,220]}}",
         220, "overlap"},
        {"{\"dense/kernel\":{\"dtype\":\"F32\",\"shape\":[1,30],\"data_offsets\":[120,0]}," BIAS "}", 240,
         "data_offsets"},
        {"{\"dense/kernel\":{\"dtype\":\"F32\",\"shape\":[1,30],\"data_offsets\":[0,9223372036854775807]}," BIAS "}",
         240, "said to be"},
        {"{\"dense/kernel\":7," BIAS "}", 240, "dense/kernel"},
        {"[]", 0, "not a JSON object"},
        {"{", 0, "not a JSON object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = write(cases[i].header, cases[i].n_data);
        fcl_status status = read(path);
        ck_assert_msg(status == FCL_E_INPUT, "case %zu: %s", i, fcl_status_name(status));
        /* Which end of the mistake is named first is free, but file and tensor are. */
        ck_assert_msg(test_contains(fcl_error_message(), "w.safetensors"), "case %zu: %s", i, fcl_error_message());
        if (i != 8)
            ck_assert_msg(test_contains(fcl_error_message(), cases[i].part), "case %zu: %s", i, fcl_error_message());
        free(path);
    }
    char *path = fcl_path_join(folder, "short.safetensors");
    test_write(folder, "short.safetensors", "\x05\0\0", 3);
    ck_fails(read(path), FCL_E_INPUT, "truncated");
    test_write(folder, "short.safetensors", "\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10);
    ck_fails(read(path), FCL_E_INPUT, "truncated");
    free(path);
}
END_TEST

/* Byte for byte what the format says: header length a multiple of 8, data where the offsets say. */
START_TEST(writes_by_the_format) {
    char *path = fcl_path_join(folder, "out.safetensors"), *bytes;
    size_t n;
    for (size_t i = 0; i < tensors.count; i++) tensors.data[i] = (float)i * 0.25f;
    const fcl_metadata metadata[] = {{"model", "tiny"}, {NULL, NULL}};
    ck_ok(fcl_safetensors_write(path, &(fcl_tensor_set){"", &tensors}, 1, metadata));
    ck_ok(fcl_file_read(&bytes, &n, path));
    uint64_t header = 0;
    for (int i = 7; i >= 0; i--) header = header << 8 | (unsigned char)bytes[i];
    ck_assert_uint_eq(header % 8, 0);
    ck_assert_uint_eq(n, 8 + header + 240);
    ck_assert_mem_eq(bytes + 8 + header, tensors.data, 240);
    bytes[8 + header] = '\0';
    ck_assert_ptr_nonnull(strstr(bytes + 8, "\"dense/kernel\""));
    ck_assert_ptr_nonnull(strstr(bytes + 8, "\"F32\""));
    free(bytes);
    memset(tensors.data, 0, 240);
    ck_ok(read(path));
    ck_assert_float_eq(tensors.data[59], 14.75f);
    free(path);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("weights files");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, reads_by_the_format);
    tcase_add_test(t, refused);
    tcase_add_test(t, writes_by_the_format);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
