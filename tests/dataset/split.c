/* Splits by rows and by groups: counts, repetition, no group in two splits. */
#include "dataset/split.h"

#include "base/text.h"
#include "dataset/fixture.h"

#include <stdlib.h>
#include <string.h>

/* A data set of rows alone. */
static fcl_dataset *made_rows(size_t n) {
    fcl_dataset *d;
    ck_ok(fcl_dataset_create(&d, n, "rows"));
    return d;
}

/* The split that a sample is in, FCL_N_SPLITS when it is in none; in two is a failure. */
static int split_of(const fcl_row_split *split, uint32_t sample) {
    int found = FCL_N_SPLITS;
    for (int s = 0; s < FCL_N_SPLITS; s++)
        for (size_t i = 0; i < split->n[s]; i++)
            if (split->samples[s][i] == sample) {
                ck_assert_int_eq(found, FCL_N_SPLITS);
                found = s;
            }
    return found;
}

START_TEST(by_rows) {
    static const struct {
        size_t n, counts[3];
        double shares[3];
        size_t wanted[3], left_out;
    } cases[] = {
        {7049, {0}, {.8, .1, .1}, {5639, 705, 705}, 0}, {7049, {5639, 705, 705}, {0}, {5639, 705, 705}, 0},
        {100, {10, 20, 30}, {0}, {10, 20, 30}, 40},     {3, {1, 1, 1}, {0}, {1, 1, 1}, 0},
        {10, {0}, {.5, .25, .25}, {4, 3, 3}, 0},
    };
    fcl_dataset *d = made_rows(cases[_i].n);
    fcl_prepare_options o = {.seed = 5};
    memcpy(o.counts, cases[_i].counts, sizeof o.counts);
    memcpy(o.shares, cases[_i].shares, sizeof o.shares);
    fcl_row_split split, again, other;
    ck_ok(fcl_row_split_make(&split, d, &o));
    ck_ok(fcl_row_split_make(&again, d, &o));
    o.seed = 6;
    ck_ok(fcl_row_split_make(&other, d, &o));
    int differs = 0;
    size_t left_out = 0;
    for (int s = 0; s < FCL_N_SPLITS; s++) {
        ck_assert_uint_eq(split.n[s], cases[_i].wanted[s]);
        ck_assert_uint_eq(split.asked[s], cases[_i].wanted[s]);
        ck_assert_mem_eq(split.samples[s], again.samples[s], split.n[s] * sizeof(uint32_t));
        differs |= memcmp(split.samples[s], other.samples[s], split.n[s] * sizeof(uint32_t)) != 0;
        for (size_t i = 1; i < split.n[s]; i++) ck_assert_uint_lt(split.samples[s][i - 1], split.samples[s][i]);
    }
    if (cases[_i].n > 3) ck_assert_int_eq(differs, 1);
    for (uint32_t i = 0; i < cases[_i].n && cases[_i].n <= 100; i++) left_out += split_of(&split, i) == FCL_N_SPLITS;
    ck_assert_uint_eq(split.left_out, cases[_i].left_out);
    if (cases[_i].n <= 100) ck_assert_uint_eq(left_out, cases[_i].left_out);
    fcl_row_split_dispose(&split);
    fcl_row_split_dispose(&again);
    fcl_row_split_dispose(&other);
    fcl_dataset_free(d);
}
END_TEST

START_TEST(impossible_counts) {
    static const struct {
        size_t counts[3];
        double shares[3];
        const char *message;
    } cases[] = {
        {{8, 2, 1}, {0}, "a split into 8, 2 and 1 rows; 'rows' has 10"},
        {{SIZE_MAX, 2, 1}, {0}, "'rows' has 10"},
        {{8, 2, 0}, {0}, "leaves no row of 10 for test"},
        {{0}, {.9, .2, .1}, "sum to 1.2"},
        {{0}, {1.1, -.2, .1}, "a share of 1.1"},
        {{0}, {1, 0, 0}, "for validation"},
    };
    fcl_dataset *d = made_rows(10);
    fcl_prepare_options o = {.seed = 0};
    memcpy(o.counts, cases[_i].counts, sizeof o.counts);
    memcpy(o.shares, cases[_i].shares, sizeof o.shares);
    fcl_row_split split;
    ck_fails(fcl_row_split_make(&split, d, &o), FCL_E_USAGE, cases[_i].message);
    fcl_dataset_free(d);
}
END_TEST

/* 100 rows in groups of 1 to 7 rows that lie apart; written in reverse when `with_rows`. */
static void write_groups(const char *folder, int with_rows) {
    fcl_text csv = FCL_TEXT_EMPTY;
    fcl_text_append(&csv, with_rows ? "person,film,row\n" : "person,film\n");
    for (unsigned i = 0; i < 100; i++) {
        unsigned row = with_rows ? 99 - i : i;
        fcl_text_appendf(&csv, "p%u,x", row * row % 28);
        if (with_rows) fcl_text_appendf(&csv, ",%u", row);
        fcl_text_append(&csv, "\n");
    }
    ck_ok(fcl_text_status(&csv));
    test_write_text(folder, with_rows ? "rows.csv" : "groups.csv", csv.data);
    fcl_text_dispose(&csv);
}

START_TEST(by_groups) {
    char *folder = test_folder_create();
    write_groups(folder, 0);
    write_groups(folder, 1);
    fcl_dataset *d = made_rows(100);
    fcl_prepare_options o = {
        .counts = {60, 20, 20}, .group_file = in_folder(folder, "groups.csv"), .group_column = "person"};
    fcl_row_split split, from_rows;
    ck_ok(fcl_row_split_make(&split, d, &o));
    /* 0, 1, 4, 8, 9, 16, 21 and 25 are the squares modulo 28. */
    ck_assert_uint_eq(split.n_groups, 8);
    ck_assert_uint_eq(split.left_out, 0);
    int place[28];
    for (int g = 0; g < 28; g++) place[g] = -1;
    for (uint32_t row = 0; row < 100; row++) {
        int *p = &place[row * row % 28], s = split_of(&split, row);
        ck_assert_int_ne(s, FCL_N_SPLITS);
        if (*p < 0) *p = s;
        ck_assert_int_eq(*p, s);
    }
    o.group_file = in_folder(folder, "rows.csv");
    ck_ok(fcl_row_split_make(&from_rows, d, &o));
    for (uint32_t row = 0; row < 100; row++) ck_assert_int_eq(split_of(&split, row), split_of(&from_rows, row));
    fcl_row_split_dispose(&split);
    fcl_row_split_dispose(&from_rows);
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

/* Groups of 10, 10, 10, 10, 30 and 30 rows: 80/10/10 can be met exactly, 75/15/10 not; 10 and 20 are as near as 15. */
START_TEST(nearest_counts) {
    static const unsigned sizes[] = {10, 30, 10, 10, 30, 10};
    char *folder = test_folder_create();
    fcl_text csv = FCL_TEXT_EMPTY;
    fcl_text_append(&csv, "g\n");
    for (unsigned g = 0; g < 6; g++)
        for (unsigned i = 0; i < sizes[g]; i++) fcl_text_appendf(&csv, "%u\n", g);
    test_write_text(folder, "g.csv", fcl_text_get(&csv));
    fcl_text_dispose(&csv);
    fcl_dataset *d = made_rows(100);
    fcl_row_split split;
    for (uint64_t seed = 0; seed < 20; seed++) {
        fcl_prepare_options o = {
            .counts = {80, 10, 10}, .group_file = in_folder(folder, "g.csv"), .group_column = "g", .seed = seed};
        ck_ok(fcl_row_split_make(&split, d, &o));
        ck_assert_uint_eq(split.n[FCL_TEST], 10);
        ck_assert_uint_eq(split.n[FCL_VALIDATION], 10);
        ck_assert_uint_eq(split.n[FCL_TRAIN], 80);
        fcl_row_split_dispose(&split);
        /* 18 is nearer to 20 than to 10: the group that does not fit is taken. */
        o.counts[FCL_TRAIN] = 72;
        o.counts[FCL_TEST] = 18;
        ck_ok(fcl_row_split_make(&split, d, &o));
        ck_assert_uint_eq(split.n[FCL_TEST], 20);
        ck_assert_uint_eq(split.asked[FCL_TEST], 18);
        fcl_row_split_dispose(&split);
    }
    fcl_prepare_options o = {.counts = {98, 1, 1}, .group_file = in_folder(folder, "g.csv"), .group_column = "g"};
    ck_fails(fcl_row_split_make(&split, d, &o), FCL_E_INPUT, "with 6 groups of rows, none is left for validation");
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

START_TEST(bad_group_files) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a\nx\ny\nz\n", "the column 'g' is missing; the file has: a"},
        {"g\nx\ny\n", "2 rows, but the data have 3"},
        {"g\nx\ny\nz\nz\n", "g.csv:5:1: column 'g': one row more than the data have (3)"},
        {"g,row\nx,0\ny,1\nz,1\n", "g.csv:4:3: column 'row': row 1 was named before"},
        {"g,row\nx,0\ny,1\nz,3\n", "g.csv:4:3: column 'row': the data have no row 3"},
        {"g,row\nx,0\ny,1.5\nz,2\n", "the data have no row 1.5"},
        {"g,row\nx,0\ny,one\nz,2\n", "'one' is not a number"},
        {"g,row\nx,0\n,1\nz,2\n", "g.csv:3:1: column 'g': empty"},
    };
    char *folder = test_folder_create();
    test_write_text(folder, "g.csv", cases[_i].text);
    fcl_dataset *d = made_rows(3);
    fcl_prepare_options o = {.counts = {1, 1, 1}, .group_file = in_folder(folder, "g.csv"), .group_column = "g"};
    fcl_row_split split;
    ck_fails(fcl_row_split_make(&split, d, &o), FCL_E_INPUT, cases[_i].message);
    fcl_dataset_free(d);
    test_folder_remove(folder);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("split");
    TCase *t = tcase_create("split");
    tcase_add_loop_test(t, by_rows, 0, 5);
    tcase_add_loop_test(t, impossible_counts, 0, 6);
    tcase_add_test(t, by_groups);
    tcase_add_test(t, nearest_counts);
    tcase_add_loop_test(t, bad_group_files, 0, 8);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
