/* Kernel sources and their includes. */
#include "base/embedded.h"
#include "base/hash.h"
#include "device/internal.h"
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

extern const fcl_embedded fcl_kernel_sources[];

static char *folder;

static void setup(void) {
    folder = test_folder_create();
    ck_assert_int_eq(setenv("FIDUCL_KERNEL_DIR", folder, 1), 0);
}

static void teardown(void) {
    test_folder_remove(folder);
}

START_TEST(includes_are_put_in_once) {
    test_write_text(folder, "a.cl",
                    "#include \"h.h\"\nint a;\n  #  include\t\"g.h\" /* why */\n#include \"h.h\"\nint b;");
    test_write_text(folder, "h.h", "#include \"g.h\"\nint h;\n");
    test_write_text(folder, "g.h", "int g;\n#include <not_ours.h>\n");
    char *text;
    ck_ok(fcl_source_load(&text, "a.cl"));
    ck_assert_str_eq(text, "#line 1 \"a.cl\"\n#line 1 \"h.h\"\n#line 1 \"g.h\"\nint g;\n#include <not_ours.h>\n"
                           "#line 2 \"h.h\"\nint h;\n#line 2 \"a.cl\"\nint a;\n\n\nint b;\n");
    free(text);
}
END_TEST

START_TEST(headers_in_a_circle_end) {
    test_write_text(folder, "a.cl", "#include \"h.h\"\n");
    test_write_text(folder, "h.h", "#include \"a.cl\"\n#include \"h.h\"\nint h;\n");
    char *text;
    ck_ok(fcl_source_load(&text, "a.cl"));
    ck_assert_ptr_nonnull(strstr(text, "int h;"));
    free(text);
}
END_TEST

START_TEST(missing_files_are_named) {
    char *text;
    ck_fails(fcl_source_load(&text, "activation.cl"), FCL_E_IO, "activation.cl");
    test_write_text(folder, "a.cl", "int a;\n#include \"gone.h\"\n");
    ck_fails(fcl_source_load(&text, "a.cl"), FCL_E_IO, "a.cl:2: cannot include \"gone.h\"");
    ck_assert_int_eq(unsetenv("FIDUCL_KERNEL_DIR"), 0);
    ck_fails(fcl_source_load(&text, "a.cl"), FCL_E_INTERNAL, "'a.cl'");
}
END_TEST

START_TEST(hash_follows_the_headers) {
    char first[FCL_HASH_TEXT_BYTES], second[FCL_HASH_TEXT_BYTES];
    test_write_text(folder, "a.cl", "#include \"h.h\"\nint a;\n");
    test_write_text(folder, "h.h", "int h;\n");
    ck_ok(fcl_kernel_source_hash(first, "a.cl"));
    ck_ok(fcl_kernel_source_hash(second, "a.cl"));
    ck_assert_str_eq(first, second);
    test_write_text(folder, "h.h", "int k;\n");
    ck_ok(fcl_kernel_source_hash(second, "a.cl"));
    ck_assert_str_ne(first, second);
}
END_TEST

START_TEST(every_embedded_file_is_whole) {
    ck_assert_int_eq(unsetenv("FIDUCL_KERNEL_DIR"), 0);
    unsigned n = 0;
    for (const fcl_embedded *file = fcl_kernel_sources; file->name; file++, n++) {
        char *text;
        ck_ok(fcl_source_load(&text, file->name));
        ck_assert_msg(!strstr(text, "include \""), "%s", file->name);
        free(text);
    }
    ck_assert_uint_gt(n, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("kernel sources");
    TCase *tests = tcase_create("source");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, includes_are_put_in_once);
    tcase_add_test(tests, headers_in_a_circle_end);
    tcase_add_test(tests, missing_files_are_named);
    tcase_add_test(tests, hash_follows_the_headers);
    tcase_add_test(tests, every_embedded_file_is_whole);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
