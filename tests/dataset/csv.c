/* CSV files: what is fine, and what is an error at which line and column. */
#include "dataset/csv.h"

#include "dataset/fixture.h"

#include <stdint.h>
#include <string.h>

static fcl_status read_all(size_t *n, const char *path) {
    fcl_csv *csv;
    fcl_status status = fcl_csv_open(&csv, path);
    if (status != FCL_OK) return status;
    size_t rows = 0;
    for (int more; (status = fcl_csv_next(&more, csv)) == FCL_OK && more;) rows++;
    fcl_csv_close(csv);
    *n = rows;
    return status;
}

START_TEST(fine) {
    static const struct {
        const char *text;
        size_t rows;
    } cases[] = {
        {"a,b\n1,2\n", 1},
        {"a,b\n1,2", 1},
        {"a,b\r\n1,2\r\n3,4\r\n", 2},
        {"a,b\r\n1,2\r\n3,4", 2},
        {"\xEF\xBB\xBF"
         "a,b\n1,2\n",
         1},
        {"\"a\",\"b\"\n\"1\",\"2\"\n", 1},
        {"a,b\n,\n1,2\n\n\n", 2},
        {"a , b\n 1, 2 \n", 1},
        {"a,b\n", 0},
        {"a,b\n\"1,5\",\"say \"\"x\"\"\"\n", 1},
    };
    char *folder = test_folder_create();
    const char *path = in_folder(folder, "t.csv");
    size_t n;
    test_write_text(folder, "t.csv", cases[_i].text);
    ck_ok(read_all(&n, path));
    ck_assert_uint_eq(n, cases[_i].rows);
    fcl_csv *csv;
    ck_ok(fcl_csv_open(&csv, path));
    ck_assert_uint_eq(fcl_csv_n_columns(csv), 2);
    ck_assert_str_eq(fcl_csv_column_name(csv, 0), "a");
    ck_assert_uint_eq(fcl_csv_find(csv, "b"), 1);
    ck_assert_uint_eq(fcl_csv_find(csv, "c"), SIZE_MAX);
    fcl_csv_close(csv);
    test_folder_remove(folder);
}
END_TEST

START_TEST(fields) {
    char *folder = test_folder_create();
    test_write_text(folder, "t.csv", "a,b,c\n\"1,5\",\"say \"\"x\"\"\",\n 7 ,8.5e1,-0\n");
    fcl_csv *csv;
    int more;
    double value;
    ck_ok(fcl_csv_open(&csv, in_folder(folder, "t.csv")));
    ck_ok(fcl_csv_next(&more, csv));
    ck_assert_str_eq(fcl_csv_field(csv, 0), "1,5");
    ck_assert_str_eq(fcl_csv_field(csv, 1), "say \"x\"");
    ck_assert_str_eq(fcl_csv_field(csv, 2), "");
    ck_ok(fcl_csv_next(&more, csv));
    ck_assert_str_eq(fcl_csv_field(csv, 0), "7");
    ck_ok(fcl_csv_number(&value, csv, 1));
    ck_assert_double_eq(value, 85.0);
    fcl_csv_close(csv);
    test_folder_remove(folder);
}
END_TEST

static const struct {
    const char *text;
    size_t n; /* bytes, 0 for the whole text */
    const char *message;
} bad[] = {
    {"", 0, "the file is empty"},
    {"\n1,2\n", 0, "t.csv:1:1: the first line is blank"},
    {"a,b,a\n1,2,3\n", 0, "t.csv:1:5: column 'a': this name occurs twice"},
    {"a,b\n1,2\n1\n", 0, "t.csv:3:2: the row has 1 fields, the header has 2"},
    {"a,b\r\n1,2\r\n1\r\n", 0, "t.csv:3:2: the row has 1 fields"},
    {"a,b\n1,2,3\n", 0, "t.csv:2:5: the row has 3 fields"},
    {"a,b\n\"1\",\"2\",\"3\"\n", 0, "t.csv:2:9: the row has 3 fields"},
    {"a,b\n1,2\n\n3,4\n", 0, "t.csv:3:1: a blank line between rows"},
    {"a,b\n1,\"2\n3,4\n", 0, "t.csv:2:3: a quotation mark that is not closed"},
    {"a,b\n1,2\n1,\"2", 0, "t.csv:3:3: a quotation mark that is not closed"},
    {"a,b\n1,2\"3\n", 0, "t.csv:2:4: a quotation mark within a field"},
    {"a,b\n\"1\"x,2\n", 0, "t.csv:2:4: a quotation mark within a field"},
    {"a,b\n1,\0002\n", 9, "t.csv:2:3: a NUL byte"},
    {"a,b\r1,2\r", 0, "t.csv:1:4: a carriage return within a line"},
    {"\xFF\xFE"
     "a\0,\0b\0\n\0",
     10, "UTF-16"},
    {"\xC3\xA9,b\n\xC3\xA9,\"2\n", 0, "t.csv:2:3: a quotation mark that is not closed"},
};

START_TEST(errors) {
    char *folder = test_folder_create();
    size_t n;
    test_write(folder, "t.csv", bad[_i].text, bad[_i].n ? bad[_i].n : strlen(bad[_i].text));
    ck_fails(read_all(&n, in_folder(folder, "t.csv")), FCL_E_INPUT, bad[_i].message);
    test_folder_remove(folder);
}
END_TEST

START_TEST(numbers) {
    static const char *const words[] = {"nan", "inf", "1px", "0x10", "1 2", "1,5", "--1", "1e999", "."};
    char *folder = test_folder_create(), text[64], message[64];
    snprintf(text, sizeof text, "a,b\n1,\"%s\"\n", words[_i]);
    snprintf(message, sizeof message, "t.csv:2:3: column 'b': '%s' is not a number", words[_i]);
    test_write_text(folder, "t.csv", text);
    fcl_csv *csv;
    int more;
    double value;
    ck_ok(fcl_csv_open(&csv, in_folder(folder, "t.csv")));
    ck_ok(fcl_csv_next(&more, csv));
    ck_fails(fcl_csv_number(&value, csv, 1), FCL_E_INPUT, message);
    fcl_csv_close(csv);
    test_folder_remove(folder);
}
END_TEST

START_TEST(files_that_are_none) {
    size_t n;
    char *folder = test_folder_create();
    ck_fails(read_all(&n, in_folder(folder, "t.csv")), FCL_E_IO, "t.csv");
    ck_fails(read_all(&n, folder), FCL_E_IO, "is a folder");
    static char line[(1 << 20) + 10];
    memset(line, '1', sizeof line);
    test_write(folder, "t.csv", line, sizeof line);
    ck_fails(read_all(&n, in_folder(folder, "t.csv")), FCL_E_INPUT, "a line of more than");
    test_folder_remove(folder);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("csv");
    TCase *t = tcase_create("csv");
    tcase_add_loop_test(t, fine, 0, 10);
    tcase_add_test(t, fields);
    tcase_add_loop_test(t, errors, 0, sizeof bad / sizeof *bad);
    tcase_add_loop_test(t, numbers, 0, 9);
    tcase_add_test(t, files_that_are_none);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
