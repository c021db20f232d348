/* Choosing a device by measuring, with devices that are made up: which are measured, which one it is, what is kept. */
#include "bench/auto.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "support/support.h"

static const char model_text[] = "layers = (\n"
                                 "  { type = \"flatten\"; },\n"
                                 "  { type = \"dense\"; units = 30; }\n"
                                 ");\n";
/* Of a forward pass: 2 for each of 96 * 96 * 30 weights. */
static const double model_flop = 2.0 * 96 * 96 * 30;
enum { BATCH = 8 };

/* What a made-up device does; its selector is its place in the list. */
typedef struct made_up {
    double flop_per_second, seconds;
    const char *open_fault, *fault;
} made_up;

static made_up devices[3];
static int n_opened, n_measured, n_open;
static double fastest_told; /* to the last one that was measured */
static char *folder;
static fcl_model *model;

static fcl_status open_made_up(void **device, double *flop_per_second, const char *selector) {
    made_up *d = &devices[atoi(selector)];
    n_opened++;
    if (d->open_fault) return fcl_fail(FCL_E_DEVICE, "%s", d->open_fault);
    n_open++;
    *device = d;
    *flop_per_second = d->flop_per_second;
    return FCL_OK;
}

static fcl_status measure_made_up(double *seconds, void *device, const fcl_model *measured, unsigned batch,
                                  double fastest) {
    const made_up *d = device;
    ck_assert_ptr_eq(measured, model);
    ck_assert_uint_gt(batch, 0);
    n_measured++;
    fastest_told = fastest;
    if (d->fault) return fcl_fail(FCL_E_WRONG_RESULT, "%s", d->fault);
    if (d->seconds < 0.0) {
        fcl_interrupt_set(SIGINT);
        return fcl_fail(FCL_E_INTERRUPTED, "interrupted");
    }
    *seconds = d->seconds;
    return FCL_OK;
}

static void close_made_up(void *device) {
    ck_assert_ptr_nonnull(device);
    n_open--;
}

static const fcl_auto_ways ways = {open_made_up, measure_made_up, close_made_up};

static fcl_auto_candidate candidates[3];

static void set_up(void) {
    folder = test_folder_create();
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", folder, 1), 0);
    ck_ok(fcl_model_parse(&model, "small", model_text));
    for (int i = 0; i < 3; i++) devices[i] = (made_up){.flop_per_second = 1e9, .seconds = 1e-2 * (i + 2)};
    candidates[0] = (fcl_auto_candidate){.device = "0", .identity = "CPU | driver 1"};
    candidates[1] = (fcl_auto_candidate){.device = "1", .identity = "GPU | driver 1"};
    candidates[2] = (fcl_auto_candidate){.device = "2", .identity = "GPU | driver 2"};
    n_opened = n_measured = n_open = 0;
}

static void tear_down(void) {
    ck_assert_int_eq(n_open, 0);
    fcl_interrupt_set(0);
    fcl_model_free(model);
    test_folder_remove(folder);
}

static fcl_auto_choice *choose(size_t n) {
    fcl_auto_choice *choice;
    n_opened = n_measured = 0;
    ck_ok(fcl_auto_choose_among(&choice, candidates, n, model, BATCH, "build 1", &ways));
    ck_assert_uint_eq(choice->n, n);
    return choice;
}

/* Chooses, and says which one it was. */
static size_t chosen(size_t n) {
    fcl_auto_choice *choice = choose(n);
    size_t index = choice->chosen;
    fcl_auto_choice_free(choice);
    return index;
}

static void table_has(const fcl_auto_choice *choice, const char *part) {
    char *table;
    ck_ok(fcl_auto_table(&table, choice));
    ck_assert_msg(test_contains(table, part), "no '%s' in:\n%s", part, table);
    free(table);
}

START_TEST(the_fastest_is_chosen) {
    devices[1].seconds = 1e-2;
    fcl_auto_choice *choice = choose(3);
    ck_assert_uint_eq(choice->chosen, 1);
    ck_assert_int_eq(n_measured, 3);
    ck_assert_int_eq(choice->is_remembered, 0);
    ck_assert_str_eq(choice->candidates[1].device, "1");
    ck_assert_double_eq(choice->candidates[0].seconds_a_step, 2e-2);
    /* 10 ms for 8 images; the next one takes twice as long. */
    table_has(choice, "*     10.00       800  1\n");
    table_has(choice, "      20.00       400  0\n");
    table_has(choice, "2.00 times as fast as the next one");
    fcl_auto_choice_free(choice);
}
END_TEST

START_TEST(a_single_one_is_not_measured) {
    fcl_auto_choice *choice = choose(1);
    ck_assert_int_eq(n_opened, 0);
    ck_assert_uint_eq(choice->chosen, 0);
    table_has(choice, "the only device");
    fcl_auto_choice_free(choice);
    fcl_cache_file *files;
    size_t n;
    ck_ok(fcl_cache_list(&files, &n, &fcl_cached_choices));
    ck_assert_uint_eq(n, 0);
    fcl_cache_files_free(files, n);
}
END_TEST

/* The message's first line is the reason. */
START_TEST(what_fails_is_left_out) {
    devices[0].open_fault = "its driver is asleep\nand snores";
    devices[1].fault = "a kernel is wrong";
    fcl_auto_choice *choice = choose(3);
    ck_assert_uint_eq(choice->chosen, 2);
    ck_assert_str_eq(choice->candidates[0].problem, "its driver is asleep");
    ck_assert_double_eq(choice->candidates[1].seconds_a_step, 0.0);
    table_has(choice, "0, left out: its driver is asleep\n");
    table_has(choice, "1, left out: a kernel is wrong\n");
    table_has(choice, "no other one is left");
    fcl_auto_choice_free(choice);
    /* It is kept with its problems. */
    choice = choose(3);
    ck_assert_int_eq(choice->is_remembered, 1);
    ck_assert_uint_eq(choice->chosen, 2);
    ck_assert_str_eq(choice->candidates[1].problem, "a kernel is wrong");
    fcl_auto_choice_free(choice);
}
END_TEST

START_TEST(when_all_fail_nothing_is_kept) {
    fcl_auto_choice *choice = NULL;
    devices[0].open_fault = "no power";
    devices[1].fault = "no light";
    ck_fails(fcl_auto_choose_among(&choice, candidates, 2, model, BATCH, "build 1", &ways), FCL_E_NO_DEVICE,
             "small trains on none of the devices:\n  0: no power\n  1: no light");
    ck_assert_ptr_null(choice);
    devices[1].fault = NULL;
    ck_assert_uint_eq(chosen(2), 1);
}
END_TEST

/* The bound is a hundred times the fastest step: 1 s for the forward pass of the batch. */
START_TEST(a_hopeless_one_is_not_measured) {
    devices[0].flop_per_second = model_flop * BATCH / 1.25;
    devices[1].flop_per_second = model_flop * BATCH / 0.95;
    devices[2].seconds = 1e-2;
    fcl_auto_choice *choice = choose(3);
    ck_assert_uint_eq(choice->chosen, 2);
    ck_assert_int_eq(n_measured, 2);
    ck_assert_ptr_nonnull(choice->candidates[0].problem);
    ck_assert_msg(test_contains(choice->candidates[0].problem, "too slow: multiply-adds alone would take 1.25 s"), "%s",
                  choice->candidates[0].problem);
    ck_assert_ptr_null(choice->candidates[1].problem);
    ck_assert_double_eq(fastest_told, 1e-2);
    fcl_auto_choice_free(choice);
}
END_TEST

START_TEST(an_interrupt_ends_it) {
    fcl_auto_choice *choice = NULL;
    devices[1].seconds = -1.0;
    ck_fails(fcl_auto_choose_among(&choice, candidates, 3, model, BATCH, "build 1", &ways), FCL_E_INTERRUPTED, "");
    ck_assert_int_eq(n_measured, 2);
    ck_assert_int_eq(n_open, 0);
    /* Also one that comes between two measurements. */
    n_opened = 0;
    ck_fails(fcl_auto_choose_among(&choice, candidates, 3, model, BATCH, "build 1", &ways), FCL_E_INTERRUPTED, "");
    ck_assert_int_eq(n_opened, 0);
    fcl_interrupt_set(0);
    devices[1].seconds = 1.0;
    ck_assert_uint_eq(chosen(3), 0);
    ck_assert_int_eq(n_measured, 3);
}
END_TEST

START_TEST(the_choice_is_kept) {
    ck_assert_uint_eq(chosen(3), 0);
    /* What would be measured now is not looked at. */
    devices[2].seconds = 1e-6;
    fcl_auto_choice *choice = choose(3);
    ck_assert_int_eq(choice->is_remembered, 1);
    ck_assert_int_eq(n_opened, 0);
    ck_assert_uint_eq(choice->chosen, 0);
    ck_assert_double_eq(choice->candidates[2].seconds_a_step, 4e-2);
    table_has(choice, "from the cache");
    char *line;
    ck_ok(fcl_auto_line(&line, choice));
    ck_assert_msg(test_contains(line, "auto: 0, 20.00 ms a step, the fastest of 3 devices"), "%s", line);
    free(line);
    fcl_auto_choice_free(choice);
}
END_TEST

/* Driver, devices, model, batch, build: each by itself is measured anew, and what was there before is still known. */
START_TEST(another_situation_is_measured) {
    fcl_auto_choice *choice;
    fcl_model *other;
    ck_assert_uint_eq(chosen(3), 0);
    candidates[1].identity = "GPU | driver 3";
    chosen(3);
    ck_assert_int_eq(n_measured, 3);
    candidates[1].identity = "GPU | driver 1";
    chosen(3);
    ck_assert_int_eq(n_measured, 0);
    chosen(2);
    ck_assert_int_eq(n_measured, 2);
    ck_ok(fcl_auto_choose_among(&choice, candidates, 3, model, BATCH + 1, "build 1", &ways));
    ck_assert_int_eq(choice->is_remembered, 0);
    fcl_auto_choice_free(choice);
    ck_ok(fcl_auto_choose_among(&choice, candidates, 3, model, BATCH, "build 2", &ways));
    ck_assert_int_eq(choice->is_remembered, 0);
    fcl_auto_choice_free(choice);
    fcl_model *known = model;
    char *text = fcl_format("# a comment\n%s", model_text);
    ck_ok(fcl_model_parse(&other, "small", text));
    model = other;
    chosen(3);
    ck_assert_int_eq(n_measured, 3);
    model = known;
    fcl_model_free(other);
    free(text);
}
END_TEST

/* Replaces the text of the only file that is kept. */
static void spoil(const char *text, const char *replacement) {
    fcl_cache_file *files;
    size_t n, n_bytes;
    char *content;
    ck_ok(fcl_cache_list(&files, &n, &fcl_cached_choices));
    ck_assert_uint_eq(n, 1);
    ck_assert(fcl_cached_choice_is_whole(files[0].path));
    ck_ok(fcl_file_read(&content, &n_bytes, files[0].path));
    char *place = strstr(content, text);
    ck_assert_msg(place != NULL, "no '%s' in %s", text, content);
    char *spoilt = fcl_format("%.*s%s%s", (int)(place - content), content, replacement, place + strlen(text));
    ck_ok(fcl_file_write(files[0].path, spoilt, strlen(spoilt)));
    ck_assert(!fcl_cached_choice_is_whole(files[0].path));
    free(spoilt);
    free(content);
    fcl_cache_files_free(files, n);
}

static const struct {
    const char *text, *replacement;
} damages[] = {
    {"fiducl auto 1", "fiducl auto 2"},
    {"\"key\"", "\"kez\""},
    {"}", ""},
    {"\"seconds_a_step\": ", "\"seconds_a_step\": -"},
    {"\"candidates\"", "\"kandidates\""},
};

START_TEST(a_damaged_file_is_measured_anew) {
    chosen(3);
    spoil(damages[_i].text, damages[_i].replacement);
    chosen(3);
    ck_assert_int_eq(n_measured, 3);
    chosen(3);
    ck_assert_int_eq(n_measured, 0);
}
END_TEST

START_TEST(without_a_cache_it_is_measured_each_time) {
    test_write_text(folder, "file", "not a folder");
    char *path = fcl_path_join(folder, "file");
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", path, 1), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(chosen(3), 0);
        ck_assert_int_eq(n_measured, 3);
    }
    free(path);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("choosing a device");
    TCase *tests = tcase_create("auto");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_fastest_is_chosen);
    tcase_add_test(tests, a_single_one_is_not_measured);
    tcase_add_test(tests, what_fails_is_left_out);
    tcase_add_test(tests, when_all_fail_nothing_is_kept);
    tcase_add_test(tests, a_hopeless_one_is_not_measured);
    tcase_add_test(tests, an_interrupt_ends_it);
    tcase_add_test(tests, the_choice_is_kept);
    tcase_add_test(tests, another_situation_is_measured);
    tcase_add_loop_test(tests, a_damaged_file_is_measured_anew, 0, (int)(sizeof damages / sizeof damages[0]));
    tcase_add_test(tests, without_a_cache_it_is_measured_each_time);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
