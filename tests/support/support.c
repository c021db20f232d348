#include "support/support.h"

#include "base/file.h"
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int test_contains(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

const char test_small_model[] = "layers = (\n"
                                "  { type = \"average_pool\"; window = 4; },\n"
                                "  { type = \"conv\"; filters = 16; kernel = 3; activation = \"relu\"; },\n"
                                "  { type = \"max_pool\"; window = 2; },\n"
                                "  { type = \"flatten\"; },\n"
                                "  { type = \"dropout\"; rate = 0.25; },\n"
                                "  { type = \"dense\"; units = 30; }\n"
                                ");\n";

char *test_folder_create(void) {
    const char *base = getenv("TMPDIR");
    char *path = fcl_format("%s/fiducl-test-XXXXXX", base && *base ? base : "/tmp");
    ck_assert_ptr_nonnull(path);
    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

void test_folder_remove(char *folder) {
    ck_ok(fcl_folder_remove(folder));
    free(folder);
}

void test_write(const char *folder, const char *name, const void *bytes, size_t n) {
    char *path = fcl_path_join(folder, name);
    ck_ok(fcl_file_write(path, bytes, n));
    free(path);
}

size_t test_count_files(const char *folder) {
    char **names;
    size_t n;
    ck_ok(fcl_folder_list(&names, &n, folder));
    fcl_names_free(names, n);
    return n;
}

void test_write_text(const char *folder, const char *name, const char *text) {
    test_write(folder, name, text, strlen(text));
}

double test_normalised_error(const float *got, const float *wanted, size_t n) {
    double error = 0.0, norm = 0.0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)got[i] - wanted[i];
        if (!isfinite(d)) return INFINITY;
        error += d * d;
        norm += (double)wanted[i] * wanted[i];
    }
    if (norm == 0.0) return error == 0.0 ? 0.0 : INFINITY;
    return error / norm;
}

FCL_PRINTF(2, 0) static void say(const char *outcome, const char *format, va_list arguments) {
    printf("%s: ", outcome);
    vprintf(format, arguments);
    printf("\n");
}

void test_not_supported(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("not supported", format, arguments);
    va_end(arguments);
}

void test_left_out(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("left out", format, arguments);
    va_end(arguments);
}

int test_is_too_much(void) {
    if (!getenv("FIDUCL_TEST_REDUCED")) return 0;
    test_not_supported("too much to compute for a simulated or very slow device");
    return 1;
}

static void (*at_end)(void);

void test_at_end(void (*close)(void)) {
    at_end = close;
}

int test_run(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (at_end) at_end();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
