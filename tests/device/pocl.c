/* A process that can write no home: PoCL must still offer its devices. In a program of its own, because PoCL
 * looks at its environment once. */
#include "base/file.h"
#include "device/fixture.h"

#include <stdlib.h>
#include <string.h>

START_TEST(pocl_gets_a_folder_it_can_write) {
    char *cache = test_folder_create(), *wanted = fcl_path_join(cache, "pocl");
    fcl_device_list *list;
    ck_assert_int_eq(unsetenv("POCL_CACHE_DIR"), 0);
    ck_assert_int_eq(unsetenv("XDG_CACHE_HOME"), 0);
    /* A folder that can be made is left to PoCL. */
    ck_assert_int_eq(setenv("HOME", cache, 1), 0);
    fcl_pocl_prepare();
    ck_assert_ptr_null(getenv("POCL_CACHE_DIR"));

    ck_assert_int_eq(setenv("HOME", "/dev/null", 1), 0);
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", cache, 1), 0);
    ck_ok(fcl_device_list_create(&list));
    ck_assert_ptr_nonnull(getenv("POCL_CACHE_DIR"));
    ck_assert_str_eq(getenv("POCL_CACHE_DIR"), wanted);
    ck_assert(fcl_path_is_folder(wanted));
    ck_assert_uint_gt(fcl_device_list_count(list), 0);
    fcl_device_list_free(list);

    /* What the user chose stays. */
    ck_assert_int_eq(setenv("POCL_CACHE_DIR", "/dev/null/chosen", 1), 0);
    fcl_pocl_prepare();
    ck_assert_str_eq(getenv("POCL_CACHE_DIR"), "/dev/null/chosen");

    /* Without any cache folder it is a temporary one. */
    ck_assert_int_eq(unsetenv("POCL_CACHE_DIR"), 0);
    ck_assert_int_eq(setenv("XDG_CACHE_HOME", "/dev/null", 1), 0);
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", "/dev/null", 1), 0);
    ck_assert_int_eq(setenv("TMPDIR", cache, 1), 0);
    fcl_pocl_prepare();
    ck_assert_ptr_nonnull(getenv("POCL_CACHE_DIR"));
    ck_assert(strncmp(getenv("POCL_CACHE_DIR"), cache, strlen(cache)) == 0);
    ck_assert(fcl_path_is_folder(getenv("POCL_CACHE_DIR")));
    free(wanted);
    test_folder_remove(cache);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("PoCL");
    TCase *tests = tcase_create("pocl");
    tcase_add_test(tests, pocl_gets_a_folder_it_can_write);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
