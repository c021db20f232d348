/* Growing strings, names, and whole-string numbers. */
#include "base/text.h"
#include "base/clock.h"
#include "base/file.h"
#include "support/support.h"

#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(text_grows) {
    fcl_text text = FCL_TEXT_EMPTY;
    ck_assert_str_eq(fcl_text_get(&text), "");
    fcl_text_append(&text, "");
    ck_assert_str_eq(text.data, "");
    for (int i = 0; i < 1000; i++) fcl_text_appendf(&text, "%d,", i % 10);
    fcl_text_append_bytes(&text, "a\0b", 3);
    ck_ok(fcl_text_status(&text));
    ck_assert_uint_eq(text.length, 2003);
    ck_assert_int_eq(text.data[2002], 'b');
    ck_assert_int_eq(text.data[2003], '\0');
    ck_assert(strncmp(text.data, "0,1,2,3,4,5,6,7,8,9,0,", 22) == 0);
    fcl_text_dispose(&text);
    ck_assert_str_eq(fcl_text_get(&text), "");
}
END_TEST

START_TEST(a_failed_append_stays_visible) {
    fcl_text text = FCL_TEXT_EMPTY;
    fcl_text_append(&text, "kept");
    fcl_text_append_bytes(&text, "", SIZE_MAX / 2);
    fcl_text_append(&text, " and ignored");
    ck_assert_str_eq(fcl_text_get(&text), "kept");
    ck_fails(fcl_text_status(&text), FCL_E_MEMORY, "text");
    fcl_text_dispose(&text);
}
END_TEST

START_TEST(names_and_ends) {
    ck_assert_str_eq(fcl_basename("a/b/c.txt"), "c.txt");
    ck_assert_str_eq(fcl_basename("c.txt"), "c.txt");
    ck_assert_str_eq(fcl_basename("a/"), "");
    ck_assert(fcl_starts_with("conv_forward", "conv") && !fcl_starts_with("con", "conv") && fcl_starts_with("x", ""));
    ck_assert(fcl_ends_with("model.cfg", ".cfg") && !fcl_ends_with("cfg", ".cfg") && fcl_ends_with("x", ""));
    char *copy = fcl_format("%s-%03d", "run", 7);
    ck_assert_str_eq(copy, "run-007");
    free(copy);
}
END_TEST

static const struct {
    const char *text;
    int valid;
    double value;
} double_rows[] = {
    {"0", 1, 0},     {"-1.5", 1, -1.5}, {"+2", 1, 2},        {"1e-3", 1, 1e-3}, {".5", 1, 0.5}, {"5.", 1, 5},
    {"1E2", 1, 100}, {"0.1", 1, 0.1},   {"1e308", 1, 1e308}, {"1e-400", 1, 0},  {"", 0, 0},     {" 1", 0, 0},
    {"1 ", 0, 0},    {"nan", 0, 0},     {"inf", 0, 0},       {"-inf", 0, 0},    {"0x10", 0, 0}, {"1px", 0, 0},
    {"1,5", 0, 0},   {"--1", 0, 0},     {"1e", 0, 0},        {"e5", 0, 0},      {".", 0, 0},    {"1.2.3", 0, 0},
    {"1e999", 0, 0}, {"-", 0, 0},       {"infinity", 0, 0},  {"1_000", 0, 0},   {"1\n", 0, 0},
};

START_TEST(doubles) {
    for (size_t i = 0; i < sizeof double_rows / sizeof *double_rows; i++) {
        double value = 42.0;
        int valid = fcl_parse_double(&value, double_rows[i].text);
        ck_assert_msg(valid == double_rows[i].valid, "'%s'", double_rows[i].text);
        /* A denormal may come for 1e-400 on no system, but zero or the smallest number may. */
        if (valid) ck_assert_double_eq_tol(value, double_rows[i].value, 1e-300);
        if (!valid) ck_assert(value == 42.0);
    }
}
END_TEST

/* A locale with a decimal comma, made on the spot; 0 where the system cannot. */
static int set_comma_locale(const char *folder) {
    char *command = fcl_format("localedef -i de_DE -f UTF-8 %s/comma >%s/log 2>&1", folder, folder);
    int made = system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 && setlocale(LC_ALL, "comma") != NULL;
    free(command);
    return made && strcmp(localeconv()->decimal_point, ",") == 0;
}

START_TEST(numbers_have_a_point_in_any_locale) {
    char *folder = test_folder_create(), *path = fcl_path_join(folder, "numbers");
    if (set_comma_locale(folder)) {
        double parsed = 0.0, scanned = 0.0;
        char libc[8], *formatted = fcl_format("%g", 0.5);
        snprintf(libc, sizeof libc, "%g", 0.5);
        ck_assert_str_eq(libc, "0,5");
        ck_assert_str_eq(formatted, "0.5");
        ck_assert(fcl_parse_double(&parsed, "0.25") && parsed == 0.25);
        ck_assert_int_eq(fcl_scan("0.75 rest", "%lf", &scanned), 1);
        ck_assert_double_eq(scanned, 0.75);
        FILE *stream = fopen(path, "w+");
        fcl_print(stream, "%.1f", 1.5);
        rewind(stream);
        ck_assert_int_eq(fscanf(stream, "%7s", libc), 1);
        ck_assert_str_eq(libc, "1.5");
        fclose(stream);
        snprintf(libc, sizeof libc, "%g", 0.5);
        ck_assert_str_eq(libc, "0,5"); /* the program's own locale is as it was */
        free(formatted);
    } else {
        printf("skipped: localedef or its definitions are missing\n");
    }
    free(path);
    test_folder_remove(folder);
}
END_TEST

START_TEST(sizes) {
    size_t value = 7;
    char largest[32], over[32];
    snprintf(largest, sizeof largest, "%zu", SIZE_MAX);
    snprintf(over, sizeof over, "%zu0", SIZE_MAX);
    ck_assert(fcl_parse_size(&value, "0") && value == 0);
    ck_assert(fcl_parse_size(&value, "007") && value == 7);
    ck_assert(fcl_parse_size(&value, largest) && value == SIZE_MAX);
    const char *bad[] = {"", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "a", over};
    value = 42;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_assert_msg(!fcl_parse_size(&value, bad[i]), "%s", bad[i]);
    ck_assert_uint_eq(value, 42);
}
END_TEST

START_TEST(bytes) {
    static const struct {
        const char *text;
        uint64_t value; /* 0: not a size */
    } rows[] = {
        {"1048576", 1048576},
        {"1K", 1024},
        {"512M", 536870912},
        {"512m", 536870912},
        {"2G", 2147483648u},
        {"1.5G", 1610612736},
        {"0.5k", 512},
        {"1T", 1099511627776u},
        {"", 0},
        {"M", 0},
        {"-1M", 0},
        {"1MB", 0},
        {"1 M", 0},
        {"M1", 0},
        {"1e30", 0},
        {"9000000T", 0},
        {"nanM", 0},
        {"1,5G", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t value = 42;
        int valid = fcl_parse_bytes(&value, rows[i].text);
        ck_assert_msg(valid == (rows[i].value > 0), "'%s'", rows[i].text);
        ck_assert_uint_eq(value, valid ? rows[i].value : 42);
    }
    ck_assert_double_eq(fcl_mebibytes(1572864), 1.5);
}
END_TEST

START_TEST(clock_runs_forward) {
    double before = fcl_clock_seconds();
    fcl_clock_sleep(0.02);
    double passed = fcl_clock_seconds() - before;
    ck_assert_double_ge(passed, 0.02);
    ck_assert_double_lt(passed, 5.0);
    char stamp[FCL_TIMESTAMP_BYTES];
    fcl_clock_timestamp(stamp);
    int year, month, day, hour, minute, second;
    char zone;
    ck_assert_int_eq(sscanf(stamp, "%4d-%2d-%2dT%2d:%2d:%2d%c", &year, &month, &day, &hour, &minute, &second, &zone),
                     7);
    ck_assert_int_eq(zone, 'Z');
    ck_assert_int_ge(year, 2024);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base: text");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, text_grows);
    tcase_add_test(tests, a_failed_append_stays_visible);
    tcase_add_test(tests, names_and_ends);
    tcase_add_test(tests, doubles);
    tcase_add_test(tests, numbers_have_a_point_in_any_locale);
    tcase_add_test(tests, sizes);
    tcase_add_test(tests, bytes);
    tcase_add_test(tests, clock_runs_forward);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
