/* Recipes, the learning rate, the history: what needs no device. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "fiducl/train.h"
#include "support/support.h"
#include "train/history.h"
#include "train/pace.h"
#include "train/recipe.h"
#include "train/schedule.h"

static char *folder;

static void set_up(void) {
    folder = test_folder_create();
}

static void tear_down(void) {
    test_folder_remove(folder);
}

START_TEST(the_original_recipe_is_the_notebooks) {
    fcl_recipe r;
    ck_ok(fcl_recipe_load(&r, "original", "base_model"));
    ck_assert_str_eq(r.name, "original");
    ck_assert_uint_eq(r.epochs, 200);
    ck_assert_uint_eq(r.batch, 32);
    ck_assert_double_eq(r.learning_rate, 1e-5);
    ck_assert_int_eq(r.schedule, FCL_CONSTANT);
    ck_assert_int_ne(r.fill, FCL_FILL_NONE);
    ck_assert_uint_gt(r.patience, 0);
    ck_assert_int_eq(r.augment, 0);
}
END_TEST

START_TEST(a_models_section_overrides) {
    test_write_text(folder, "r.cfg",
                    "epochs = 7; batch_size = 4; learning_rate = 1; schedule = \"cosine\"; warmup_steps = 2;\n"
                    "beta1 = 0.5; beta2 = 0.75; epsilon = 1.0e-8; patience = 3; min_delta = 0.25; seed = 5000000000L;\n"
                    "fill = \"median\"; shuffle = false; dropout = true; augment = true; flip = 0.25;\n"
                    "max_shift = 1; max_rotation = 2; max_scale = 0.1; max_brightness = 3; max_contrast = 0.1;\n"
                    "models = { small = { epochs = 9; }; };\n");
    char *path = fcl_path_join(folder, "r.cfg");
    fcl_recipe r;
    ck_ok(fcl_recipe_load(&r, path, "other"));
    ck_assert_uint_eq(r.epochs, 7);
    ck_assert_double_eq(r.learning_rate, 1.0);
    ck_assert_int_eq(r.fill, FCL_FILL_MEDIAN);
    ck_assert_uint_eq(r.seed, 5000000000u);
    ck_assert_double_eq(r.flip, 0.25);
    ck_ok(fcl_recipe_load(&r, path, "small"));
    ck_assert_uint_eq(r.epochs, 9);
    ck_assert_str_eq(r.name, "r");

    json_t *json = fcl_recipe_to_json(&r);
    fcl_recipe again;
    ck_ok(fcl_recipe_from_json(&again, json, "config.json"));
    ck_assert_uint_eq(again.epochs, 9);
    ck_assert_uint_eq(again.seed, 5000000000u);
    ck_assert_int_eq(again.fill, FCL_FILL_MEDIAN);
    ck_assert_int_eq(again.schedule, FCL_COSINE);
    ck_assert_int_eq(again.shuffle, 0);
    ck_assert_int_eq(again.dropout, 1);
    ck_assert_double_eq(again.min_delta, 0.25);
    /* Edited by hand. */
    json_object_set_new(json, "epochs", json_integer(-1));
    ck_fails(fcl_recipe_from_json(&again, json, "config.json"), FCL_E_INPUT, "config.json: 'epochs'");
    json_object_set_new(json, "epochs", json_integer(0));
    ck_fails(fcl_recipe_from_json(&again, json, "config.json"), FCL_E_INPUT, "'epochs' is 0");
    json_object_set_new(json, "epochs", json_integer(9));
    json_object_set_new(json, "schedule", json_string("linear"));
    ck_fails(fcl_recipe_from_json(&again, json, "config.json"), FCL_E_INPUT, "'schedule'");
    json_object_set_new(json, "schedule", json_string("cosine"));
    json_object_del(json, "beta1");
    ck_fails(fcl_recipe_from_json(&again, json, "config.json"), FCL_E_INPUT, "beta1");
    json_decref(json);
    free(path);
}
END_TEST

static const struct bad_recipe {
    const char *text, *part;
    fcl_status status;
} bad_recipes[] = {
    {"epochs = 0;", ":1: 'epochs' must be a whole number from 1", FCL_E_INPUT},
    {"\nepochs = 1.5;", ":2: 'epochs'", FCL_E_INPUT},
    {"\n\nspeed = 3;", ":3: unknown key 'speed'", FCL_E_INPUT},
    {"shuffle = 1;", "'shuffle' must be true or false", FCL_E_INPUT},
    {"schedule = \"linear\";", "\"constant\" or \"cosine\"", FCL_E_INPUT},
    {"fill = \"zero\";", "\"none\"", FCL_E_INPUT},
    {"beta1 = 1.0;", "'beta1'", FCL_E_INPUT},
    {"learning_rate = -1.0;", "'learning_rate'", FCL_E_INPUT},
    {"models = { m = { epoch = 3; }; };", "unknown key 'epoch'", FCL_E_INPUT},
    {"models = 3;", "'models'", FCL_E_INPUT},
    {"epochs = ;", ":1: syntax error", FCL_E_INPUT},
    {"epochs = 3;", "is missing", FCL_E_INPUT},
};

START_TEST(a_bad_recipe_is_an_error_with_its_line) {
    const struct bad_recipe *bad = &bad_recipes[_i];
    test_write_text(folder, "bad.cfg", bad->text);
    char *path = fcl_path_join(folder, "bad.cfg");
    fcl_recipe r;
    ck_fails(fcl_recipe_load(&r, path, "m"), bad->status, bad->part);
    ck_assert_msg(test_contains(fcl_error_message(), "bad.cfg"), "no file in '%s'", fcl_error_message());
    free(path);
}
END_TEST

START_TEST(an_unknown_recipe_lists_those_that_ship) {
    fcl_recipe r;
    ck_fails(fcl_recipe_load(&r, "orignal", "m"), FCL_E_USAGE, "original, quick, standard");
    ck_fails(fcl_recipe_load(&r, "./none.cfg", "m"), FCL_E_IO, "none.cfg");
}
END_TEST

START_TEST(the_learning_rate_follows_its_formula) {
    fcl_recipe r = {.learning_rate = 2.0, .schedule = FCL_CONSTANT};
    ck_assert_double_eq(fcl_learning_rate(&r, 1, 10), 2.0);
    ck_assert_double_eq(fcl_learning_rate(&r, 1000, 10), 2.0);
    r.schedule = FCL_COSINE;
    ck_assert_double_eq(fcl_learning_rate(&r, 1, 8), 2.0);
    ck_assert_double_eq_tol(fcl_learning_rate(&r, 5, 8), 1.0, 1e-15);             /* half way */
    ck_assert_double_eq_tol(fcl_learning_rate(&r, 3, 8), 1.0 + sqrt(0.5), 1e-15); /* a quarter */
    ck_assert_double_eq(fcl_learning_rate(&r, 9, 8), 0.0);
    r.warmup_steps = 4;
    ck_assert_double_eq(fcl_learning_rate(&r, 1, 80), 0.5);
    ck_assert_double_eq_tol(fcl_learning_rate(&r, 41, 80), 1.0, 1e-15);
    r.schedule = FCL_CONSTANT;
    ck_assert_double_eq(fcl_learning_rate(&r, 3, 80), 1.5);
    ck_assert_double_eq(fcl_learning_rate(&r, 4, 80), 2.0);
    /* Of 20 steps two may warm up, of 9 none. */
    ck_assert_double_eq(fcl_learning_rate(&r, 1, 20), 1.0);
    ck_assert_double_eq(fcl_learning_rate(&r, 2, 20), 2.0);
    ck_assert_double_eq(fcl_learning_rate(&r, 1, 9), 2.0);
}
END_TEST

START_TEST(the_history_comes_back_and_damage_shows) {
    char *path = fcl_path_join(folder, "history.csv");
    fcl_history history = {0}, again = {0};
    for (unsigned i = 1; i <= 3; i++)
        ck_ok(fcl_history_add(&history, &(fcl_history_row){i, 0.5 / i, 3.0, 0.25 / i, 2.0, 1e-5, 1.5, 100.0}));
    ck_ok(fcl_history_write(&history, path));
    ck_ok(fcl_history_read(&again, path, 2));
    ck_assert_uint_eq(again.n, 2);
    ck_assert_double_eq(again.rows[1].train_loss, 0.25);
    ck_assert_double_eq(again.rows[1].val_loss, 0.125);
    ck_assert_double_eq(again.rows[1].learning_rate, 1e-5);
    fcl_history_dispose(&again);
    ck_fails(fcl_history_read(&again, path, 4), FCL_E_INPUT, "history.csv:5: the row of epoch 4");

    char *text;
    size_t n;
    ck_ok(fcl_file_read(&text, &n, path));
    ck_assert_msg(
        fcl_starts_with(text, "epoch,train_loss,train_mae,val_loss,val_mae,learning_rate,seconds,images_per_second\n"),
        "header: %s", text);
    char *second = strchr(strchr(text, '\n') + 1, '\n') + 1;
    second[0] = '7';
    ck_ok(fcl_file_write(path, text, n));
    ck_fails(fcl_history_read(&again, path, 3), FCL_E_INPUT, "epoch 7 stands where 2 should");
    text[0] = 'E';
    ck_ok(fcl_file_write(path, text, n));
    ck_fails(fcl_history_read(&again, path, 1), FCL_E_INPUT, "header");
    free(text);
    free(path);
    fcl_history_dispose(&history);
}
END_TEST

/* A clock that only work and sleep move, and whose sleeps take longer than they were asked to. */
static struct { double now, rested, too_long, interrupt_at; } made;

static double made_now(void) {
    return made.now;
}

static void made_sleep(double seconds) {
    made.now += seconds + made.too_long;
    made.rested += seconds + made.too_long;
    if (made.interrupt_at > 0.0 && made.now >= made.interrupt_at) fcl_interrupt_set(SIGINT);
}

static const fcl_pace_clock made_clock = {made_now, made_sleep};

static double work(fcl_pace *pace, double seconds) {
    made.now += seconds;
    fcl_pace_rest(pace);
    return seconds;
}

/* Of all the time work is the share that was asked for, however long steps take and however badly the system sleeps. */
START_TEST(a_duty_is_a_share_of_the_time) {
    static const double duties[] = {0.01, 0.25, 0.6, 0.99};
    static const double steps[] = {0.002, 0.03, 0.5, 7.0, 0.0};
    made.now = 1000.0;
    made.rested = 0.0;
    made.too_long = _i % 2 ? 0.003 : 0.0;
    made.interrupt_at = 0.0;
    fcl_pace pace;
    double worked = 0.0;
    fcl_pace_begin(&pace, duties[_i / 2], &made_clock);
    ck_assert_int_eq(fcl_pace_has_rests(&pace), 1);
    for (int i = 0; i < 2000; i++) worked += work(&pace, steps[i % 5] * duties[_i / 2]);
    ck_assert_double_eq_tol(worked / (worked + made.rested), duties[_i / 2], 1e-3);
}
END_TEST

START_TEST(a_full_duty_never_rests) {
    fcl_pace pace;
    made.now = made.rested = made.too_long = made.interrupt_at = 0.0;
    fcl_pace_begin(&pace, 1.0, &made_clock);
    ck_assert_int_eq(fcl_pace_has_rests(&pace), 0);
    for (int i = 0; i < 100; i++) work(&pace, 1.0);
    ck_assert_double_eq(made.rested, 0.0);
}
END_TEST

/* 3 s of which the device was idle for 2 are 1 s of work. */
START_TEST(idle_time_is_no_work) {
    fcl_pace pace;
    made.now = made.rested = made.too_long = made.interrupt_at = 0.0;
    fcl_pace_begin(&pace, 0.25, &made_clock);
    fcl_pace_note_idle(&pace, 2.0);
    work(&pace, 3.0);
    ck_assert_double_eq_tol(made.rested, 3.0, 1e-6);
}
END_TEST

/* 10 s of work at a half are 10 s of rest; a signal after one second ends it within the 20 ms of one sleep, and what was not
 * rested is forgotten. An hour that the process did not see is not an hour of work. */
START_TEST(a_rest_ends_with_an_interrupt_and_has_a_bound) {
    fcl_pace pace;
    made.now = made.rested = made.too_long = 0.0;
    made.interrupt_at = 11.0;
    fcl_pace_begin(&pace, 0.5, &made_clock);
    work(&pace, 10.0);
    ck_assert_double_ge(made.rested, 1.0 - 1e-9);
    ck_assert_double_le(made.rested, 1.02 + 1e-9);
    fcl_interrupt_set(0);
    made.rested = made.interrupt_at = 0.0;
    work(&pace, 2.0);
    ck_assert_double_eq_tol(made.rested, 2.0, 1e-6);
    made.rested = 0.0;
    work(&pace, 3600.0);
    ck_assert_double_le(made.rested, 60.1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train_host");
    TCase *tests = tcase_create("host");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_original_recipe_is_the_notebooks);
    tcase_add_test(tests, a_models_section_overrides);
    tcase_add_loop_test(tests, a_bad_recipe_is_an_error_with_its_line, 0, sizeof bad_recipes / sizeof bad_recipes[0]);
    tcase_add_test(tests, an_unknown_recipe_lists_those_that_ship);
    tcase_add_test(tests, the_learning_rate_follows_its_formula);
    tcase_add_test(tests, the_history_comes_back_and_damage_shows);
    tcase_add_loop_test(tests, a_duty_is_a_share_of_the_time, 0, 8);
    tcase_add_test(tests, a_full_duty_never_rests);
    tcase_add_test(tests, idle_time_is_no_work);
    tcase_add_test(tests, a_rest_ends_with_an_interrupt_and_has_a_bound);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
