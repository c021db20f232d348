/* Folders: creating, listing, removing; the rules of the one a command writes into. */
#include "base/file.h"
#include "base/text.h"
#include "support/support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *root, *target;

static void set_up(void) {
    root = test_folder_create();
    target = fcl_path_join(root, "out");
}

static void tear_down(void) {
    free(target);
    test_folder_remove(root);
}

static int exists_in(const char *folder, const char *name) {
    char *path = fcl_path_join(folder, name);
    int exists = fcl_path_exists(path);
    free(path);
    return exists;
}

START_TEST(paths_join) {
    const char *rows[][3] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *joined = fcl_path_join(rows[i][0], rows[i][1]);
        ck_assert_str_eq(joined, rows[i][2]);
        free(joined);
    }
}
END_TEST

START_TEST(folders_are_created_with_parents) {
    char *deep = fcl_path_join(target, "b//c/"), *file = fcl_path_join(root, "file");
    ck_ok(fcl_folder_create(deep));
    ck_assert(fcl_path_is_folder(deep));
    ck_ok(fcl_folder_create(deep));
    ck_ok(fcl_folder_create("/"));
    test_write_text(root, "file", "x");
    ck_assert(fcl_path_exists(file) && !fcl_path_is_folder(file));
    ck_fails(fcl_folder_create(file), FCL_E_IO, file);
    char *below = fcl_path_join(file, "c");
    ck_fails(fcl_folder_create(below), FCL_E_IO, "file");
    free(below);
    free(deep);
    free(file);
}
END_TEST

START_TEST(an_empty_name_is_no_folder) {
    ck_fails(fcl_folder_create(""), FCL_E_IO, "''");
}
END_TEST

START_TEST(names_come_sorted) {
    char **names;
    size_t n;
    int empty = 0;
    ck_ok(fcl_folder_is_empty(&empty, root));
    ck_assert(empty);
    const char *made[] = {"b", ".hidden", "a", "B"};
    const char *wanted[] = {".hidden", "B", "a", "b"};
    for (int i = 0; i < 4; i++) test_write_text(root, made[i], "");
    ck_ok(fcl_folder_list(&names, &n, root));
    ck_assert_uint_eq(n, 4);
    for (size_t i = 0; i < n; i++) ck_assert_str_eq(names[i], wanted[i]);
    fcl_names_free(names, n);
    ck_ok(fcl_folder_is_empty(&empty, root));
    ck_assert(!empty);
    ck_fails(fcl_folder_list(&names, &n, target), FCL_E_IO, target);
}
END_TEST

START_TEST(removing_does_not_follow_links) {
    char *kept = fcl_path_join(root, "kept"), *link = fcl_path_join(target, "link"),
         *deep = fcl_path_join(target, "a/b");
    ck_ok(fcl_folder_create(kept));
    test_write_text(kept, "precious", "x");
    ck_ok(fcl_folder_create(deep));
    test_write_text(deep, "file", "x");
    ck_assert_int_eq(symlink(kept, link), 0);
    ck_ok(fcl_folder_remove(target));
    ck_assert(!fcl_path_exists(target));
    ck_assert(exists_in(kept, "precious"));
    ck_fails(fcl_folder_remove(target), FCL_E_IO, target);
    free(kept);
    free(link);
    free(deep);
}
END_TEST

/* What stands in the folder before, and whether a claim as "run" succeeds without and with force. */
static const struct {
    const char *name;
    int exists;
    const char *marker; /* NULL: none */
    const char *file;   /* NULL: none */
    fcl_status plain, forced;
} claim_rows[] = {
    {"missing", 0, NULL, NULL, FCL_OK, FCL_OK},
    {"empty", 1, NULL, NULL, FCL_OK, FCL_OK},
    {"own", 1, "run\n", "weights", FCL_E_EXISTS, FCL_OK},
    {"own, with Windows line end", 1, "run\r\n", "weights", FCL_E_EXISTS, FCL_OK},
    {"own, marker only", 1, "run\n", NULL, FCL_E_EXISTS, FCL_OK},
    {"of another kind", 1, "prepared\n", "images", FCL_E_EXISTS, FCL_E_EXISTS},
    {"of a longer kind", 1, "runs\n", "x", FCL_E_EXISTS, FCL_E_EXISTS},
    {"of a shorter kind", 1, "ru\n", "x", FCL_E_EXISTS, FCL_E_EXISTS},
    {"empty marker", 1, "", "x", FCL_E_EXISTS, FCL_E_EXISTS},
    {"somebody's", 1, NULL, "thesis.tex", FCL_E_EXISTS, FCL_E_EXISTS},
};

static void lay_out(int row) {
    if (!claim_rows[row].exists) return;
    ck_ok(fcl_folder_create(target));
    if (claim_rows[row].marker) test_write_text(target, FCL_FOLDER_MARKER, claim_rows[row].marker);
    if (claim_rows[row].file) test_write_text(target, claim_rows[row].file, "x");
}

START_TEST(claims_follow_the_rules) {
    for (int force = 0; force <= 1; force++) {
        if (force && fcl_path_exists(target)) ck_ok(fcl_folder_remove(target));
        lay_out(_i);
        const char *name = claim_rows[_i].name, *file = claim_rows[_i].file;
        fcl_status wanted = force ? claim_rows[_i].forced : claim_rows[_i].plain, got;
        got = fcl_folder_claim(target, "run", force);
        ck_assert_msg(got == wanted, "%s, force %d: %s", name, force, fcl_status_name(got));
        if (got == FCL_OK) {
            char *marker = fcl_path_join(target, FCL_FOLDER_MARKER), *text;
            size_t n;
            ck_ok(fcl_file_read(&text, &n, marker));
            ck_assert_str_eq(text, "run\n");
            if (file) ck_assert_msg(!exists_in(target, file), "%s: '%s' is still there", name, file);
            free(text);
            free(marker);
        } else {
            ck_assert(test_contains(fcl_error_message(), target));
            if (file) ck_assert_msg(exists_in(target, file), "%s: '%s' is gone", name, file);
            /* --force is offered only where it would help. */
            ck_assert_int_eq(test_contains(fcl_error_message(), "give --force"), claim_rows[_i].forced == FCL_OK);
        }
    }
}
END_TEST

START_TEST(a_claimed_folder_belongs_to_its_kind) {
    ck_ok(fcl_folder_claim(target, "run", 0));
    test_write_text(target, "weights", "x");
    ck_fails(fcl_folder_claim(target, "run", 0), FCL_E_EXISTS, "--force");
    ck_fails(fcl_folder_claim(target, "prepared", 1), FCL_E_EXISTS, target);
    ck_assert(exists_in(target, "weights"));
    ck_ok(fcl_folder_claim(target, "run", 1));
    ck_assert(!exists_in(target, "weights"));
}
END_TEST

START_TEST(a_file_cannot_be_claimed) {
    test_write_text(root, "out", "x");
    ck_fails(fcl_folder_claim(target, "run", 1), FCL_E_IO, target);
    ck_assert(exists_in(root, "out"));
}
END_TEST

START_TEST(the_size_counts_files_below) {
    char *below = fcl_path_join(root, "below/deeper"), *link = fcl_path_join(root, "below/link");
    uint64_t size;
    ck_ok(fcl_folder_create(below));
    test_write_text(root, "three", "123");
    test_write_text(below, "four", "1234");
    ck_assert_int_eq(symlink(root, link), 0);
    ck_ok(fcl_folder_size(&size, root));
    ck_assert_uint_eq(size, 7);
    ck_fails(fcl_folder_size(&size, target), FCL_E_IO, target);
    free(below);
    free(link);
}
END_TEST

START_TEST(temporary_folders_are_new) {
    char *first, *second;
    setenv("TMPDIR", root, 1);
    ck_ok(fcl_folder_temporary(&first));
    ck_ok(fcl_folder_temporary(&second));
    ck_assert_str_ne(first, second);
    ck_assert(fcl_path_is_folder(first) && fcl_path_is_folder(second) && fcl_starts_with(first, root));
    free(first);
    free(second);
    setenv("TMPDIR", target, 1);
    ck_fails(fcl_folder_temporary(&first), FCL_E_IO, target);
}
END_TEST

START_TEST(absolute_paths_resolve_links) {
    char *link = fcl_path_join(root, "link"), *around = fcl_path_join(link, "../out/."), *absolute, *wanted;
    ck_fails(fcl_path_absolute(&absolute, target), FCL_E_IO, target);
    ck_ok(fcl_folder_create(target));
    ck_assert_int_eq(symlink(target, link), 0);
    ck_ok(fcl_path_absolute(&wanted, target));
    ck_assert_int_eq(wanted[0], '/');
    const char *names[] = {link, around};
    for (int i = 0; i < 2; i++) {
        ck_ok(fcl_path_absolute(&absolute, names[i]));
        ck_assert_str_eq(absolute, wanted);
        free(absolute);
    }
    free(wanted);
    free(link);
    free(around);
}
END_TEST

START_TEST(permissions) {
    ck_assert(!fcl_path_is_readable(target) && !fcl_path_is_writable(target));
    test_write_text(root, "out", "x");
    ck_assert(fcl_path_is_readable(target) && fcl_path_is_writable(target) && fcl_path_is_writable(root));
    if (geteuid() == 0) return; /* who may do everything */
    ck_assert_int_eq(chmod(target, 0400), 0);
    ck_assert(fcl_path_is_readable(target) && !fcl_path_is_writable(target));
    ck_assert_int_eq(chmod(target, 0200), 0);
    ck_assert(!fcl_path_is_readable(target) && fcl_path_is_writable(target));
}
END_TEST

START_TEST(folders_of_paths) {
    const char *rows[][2] = {{"a/b/c", "a/b"}, {"c", "."}, {"/c", "/"}, {"./c", "."}, {"a//b", "a/"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *folder = fcl_folder_of(rows[i][0]);
        ck_assert_str_eq(folder, rows[i][1]);
        free(folder);
    }
}
END_TEST

START_TEST(names_and_paths_differ) {
    ck_assert(!fcl_is_path("base_model") && fcl_is_path("mine.cfg") && fcl_is_path("./base_model"));
}
END_TEST

START_TEST(inputs_inside_an_output_are_seen) {
    char *file = fcl_path_join(target, "input"), *beside = fcl_path_join(root, "out_beside"),
         *link = fcl_path_join(root, "link");
    ck_ok(fcl_folder_check_outside(target, file)); /* neither exists */
    ck_ok(fcl_folder_create(target));
    ck_ok(fcl_folder_check_outside(target, file));
    ck_ok(fcl_folder_check_outside(target, NULL));
    test_write_text(target, "input", "x");
    test_write_text(root, "out_beside", "x");
    ck_assert_int_eq(symlink(target, link), 0);
    ck_fails(fcl_folder_check_outside(target, file), FCL_E_USAGE, file);
    ck_fails(fcl_folder_check_outside(target, target), FCL_E_USAGE, target);
    ck_fails(fcl_folder_check_outside(link, file), FCL_E_USAGE, file);
    ck_fails(fcl_folder_check_outside("/", beside), FCL_E_USAGE, beside);
    ck_ok(fcl_folder_check_outside(target, beside));
    ck_ok(fcl_folder_check_outside(target, root));
    free(file);
    free(beside);
    free(link);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base: folders");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, paths_join);
    tcase_add_test(tests, folders_are_created_with_parents);
    tcase_add_test(tests, an_empty_name_is_no_folder);
    tcase_add_test(tests, names_come_sorted);
    tcase_add_test(tests, removing_does_not_follow_links);
    tcase_add_loop_test(tests, claims_follow_the_rules, 0, sizeof claim_rows / sizeof *claim_rows);
    tcase_add_test(tests, a_claimed_folder_belongs_to_its_kind);
    tcase_add_test(tests, a_file_cannot_be_claimed);
    tcase_add_test(tests, the_size_counts_files_below);
    tcase_add_test(tests, temporary_folders_are_new);
    tcase_add_test(tests, absolute_paths_resolve_links);
    tcase_add_test(tests, permissions);
    tcase_add_test(tests, folders_of_paths);
    tcase_add_test(tests, names_and_paths_differ);
    tcase_add_test(tests, inputs_inside_an_output_are_seen);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
