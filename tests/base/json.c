/* JSON files: errors name file, line and column, or the key. */
#include "base/json.h"
#include "base/file.h"
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

static char *folder, *path;

static void set_up(void) {
    folder = test_folder_create();
    path = fcl_path_join(folder, "config.json");
}

static void tear_down(void) {
    free(path);
    test_folder_remove(folder);
}

START_TEST(values_come_back) {
    json_t *value = json_pack("{s:s, s:I, s:f, s:[i,i]}", "name", "ba\"se\n", "seed", (json_int_t)1 << 60, "rate", 0.1,
                              "list", 1, 2);
    json_t *read;
    const char *text;
    long long integer;
    double number;
    ck_ok(fcl_json_write(path, value));
    ck_ok(fcl_json_read(&read, path));
    ck_assert(json_equal(value, read));
    ck_ok(fcl_json_string(&text, read, "name", path));
    ck_assert_str_eq(text, "ba\"se\n");
    ck_ok(fcl_json_integer(&integer, read, "seed", path));
    ck_assert_int_eq(integer, 1ll << 60);
    ck_ok(fcl_json_number(&number, read, "rate", path));
    ck_assert(number == 0.1);
    ck_ok(fcl_json_number(&number, read, "seed", path));
    ck_assert(number == 0x1p60);
    json_decref(value);
    json_decref(read);
    char *whole;
    size_t n;
    ck_ok(fcl_file_read(&whole, &n, path));
    ck_assert_int_eq(whole[n - 1], '\n');
    const char *keys[] = {"name", "seed", "rate", "list"};
    for (size_t i = 0; i + 1 < sizeof keys / sizeof *keys; i++)
        ck_assert_msg(strstr(whole, keys[i]) < strstr(whole, keys[i + 1]), "%s", whole);
    free(whole);
}
END_TEST

static const struct {
    const char *text, *message;
} bad_rows[] = {
    {"{\n  \"a\": 1,\n  \"b\" 2\n}", ":3:"},
    {"", ":1:0: not valid JSON"},
    {"{\"a\": 1", "not valid JSON"},
    {"{\"a\": 1} x", "not valid JSON"},
    {"{\"a\": 1, \"a\": 2}", "duplicate"},
    {"{\"a\": nan}", "not valid JSON"},
    {"{\"a\": 1e999}", "not valid JSON"},
    {"{\"a\": \"\xff\"}", "not valid JSON"},
    {"[1, 2]", "not an object"},
};

START_TEST(errors_name_the_place) {
    json_t *value = NULL;
    test_write_text(folder, "config.json", bad_rows[_i].text);
    ck_fails(fcl_json_read(&value, path), FCL_E_INPUT, bad_rows[_i].message);
    ck_assert(test_contains(fcl_error_message(), path));
    ck_assert_ptr_null(value);
}
END_TEST

START_TEST(a_nul_byte_does_not_end_the_text) {
    json_t *value = NULL;
    test_write(folder, "config.json", "{}\0{", 4);
    ck_fails(fcl_json_read(&value, path), FCL_E_INPUT, path);
}
END_TEST

START_TEST(members_have_types) {
    json_t *object = json_pack("{s:i, s:s, s:f, s:n}", "integer", 1, "string", "2", "real", 1.5, "null");
    const char *text = NULL;
    long long integer = 0;
    double number = 0;
    ck_fails(fcl_json_string(&text, object, "integer", path), FCL_E_INPUT, "'integer'");
    ck_assert(test_contains(fcl_error_message(), path));
    ck_fails(fcl_json_string(&text, object, "missing", path), FCL_E_INPUT, "'missing'");
    ck_fails(fcl_json_integer(&integer, object, "real", path), FCL_E_INPUT, "'real'");
    ck_fails(fcl_json_integer(&integer, object, "string", path), FCL_E_INPUT, "'string'");
    ck_fails(fcl_json_number(&number, object, "string", path), FCL_E_INPUT, "'string'");
    ck_fails(fcl_json_number(&number, object, "null", path), FCL_E_INPUT, "'null'");
    json_decref(object);
}
END_TEST

START_TEST(files_that_cannot_be_opened) {
    json_t *value = NULL, *empty = json_object();
    ck_fails(fcl_json_read(&value, path), FCL_E_IO, path);
    ck_fails(fcl_json_write("/dev/null/x.json", empty), FCL_E_IO, "/dev/null/x.json");
    json_decref(empty);
}
END_TEST

START_TEST(text_must_be_utf8) {
    ck_ok(fcl_json_check_text("gr\xc3\xbc\xc3\x9f"));
    ck_fails(fcl_json_check_text("gr\xfc\xdf"), FCL_E_USAGE, "UTF-8");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base: JSON");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, values_come_back);
    tcase_add_loop_test(tests, errors_name_the_place, 0, sizeof bad_rows / sizeof *bad_rows);
    tcase_add_test(tests, a_nul_byte_does_not_end_the_text);
    tcase_add_test(tests, members_have_types);
    tcase_add_test(tests, files_that_cannot_be_opened);
    tcase_add_test(tests, text_must_be_utf8);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
