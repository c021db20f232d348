/* Which solver an operation gets, and what is remembered of it. With solvers made here that add two tensors
 * on the host, some of them wrong, slow (made_clock.c) or failing. */
#include "ops/check_solver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "ops/operation.h"

struct fcl_plan {
    fcl_op_desc desc;
};

enum { SLOW, FAST, WRONG, FAILING, N_MADE };
static int n_runs[N_MADE];
static const double slowness = 2e-3;

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    (void)desc;
    (void)device;
    return 1;
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status;
    (void)device;
    FCL_TRY(FCL_NEW(out, 1, "a plan"));
    (*out)->desc = *desc;
done:
    return status;
}

static void dispose(fcl_plan *plan) {
    free(plan);
}

static fcl_status add_on_host(fcl_plan *plan, int n, const fcl_operands *operands, int made) {
    size_t count = (size_t)n * plan->desc.flat.count, n_bytes = count * sizeof(float);
    float *x = calloc(count, sizeof *x), *x2 = calloc(count, sizeof *x2);
    n_runs[made]++;
    ck_ok(fcl_buffer_read(x, operands->buffer[FCL_X], 0, n_bytes));
    ck_ok(fcl_buffer_read(x2, operands->buffer[FCL_X2], 0, n_bytes));
    for (size_t i = 0; i < count; i++) x[i] += x2[i];
    if (made == WRONG) x[count / 2] += 1.0f;
    ck_ok(fcl_buffer_write(operands->buffer[FCL_Y], 0, x, n_bytes));
    free(x), free(x2);
    return FCL_OK;
}

static fcl_status run_slow(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    fcl_clock_sleep(slowness);
    return add_on_host(plan, n, operands, SLOW);
}

static fcl_status run_fast(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    return add_on_host(plan, n, operands, FAST);
}

static fcl_status run_wrong(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    return add_on_host(plan, n, operands, WRONG);
}

static fcl_status run_failing(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)plan, (void)n, (void)operands, (void)args;
    n_runs[FAILING]++;
    return fcl_fail(FCL_E_DEVICE, "the device is on strike");
}

#define MADE(solver_name, solver_run)                                                                                  \
    {                                                                                                                  \
        .name = solver_name, .kind = FCL_ADD, .files = "activation.cl", .error_factor = 4, .applies = applies,         \
        .prepare = prepare, .run = solver_run, .dispose = dispose                                                      \
    }
static const fcl_solver made[N_MADE] = {MADE("slow", run_slow), MADE("fast", run_fast), MADE("wrong", run_wrong),
                                        MADE("failing", run_failing)};

/* Two solvers with variants. */
static const fcl_solver variants[] = {MADE("tiled:large", run_slow), MADE("tiled:small", run_fast),
                                      MADE("odd:large", run_wrong), MADE("odd:small", run_slow)};

static const fcl_op_desc desc = {.kind = FCL_ADD, .batch = 4, .flat = {15}};
static const fcl_op_desc overlapping = {
    .kind = FCL_POOL_BACKWARD, .batch = 2, .pool = {FCL_MAX_POOL, 7, 7, 4, 3, 3, 3, 3, 2, 2, 0, 0}};
static const fcl_op_desc apart = {
    .kind = FCL_POOL_BACKWARD, .batch = 2, .pool = {FCL_MAX_POOL, 6, 6, 4, 3, 3, 2, 2, 2, 2, 0, 0}};

static char *folder;
static fcl_text logged;

static void keep_log(void *user, fcl_log_level level, const char *line) {
    (void)user;
    if (level == FCL_LOG_WARNING) fcl_text_appendf(&logged, "%s\n", line);
}

static void set_up(void) {
    folder = test_folder_create();
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", folder, 1), 0);
    memset(n_runs, 0, sizeof n_runs);
    fcl_log_set_sink(keep_log, NULL);
}

static void tear_down(void) {
    fcl_log_set_sink(NULL, NULL);
    fcl_text_dispose(&logged);
    test_folder_remove(folder);
}

/* The name of the solver that is chosen among `solvers`. */
static const char *chosen(const fcl_solver *const *solvers, const fcl_choice *choice, int measure) {
    fcl_operation *operation;
    ck_ok(fcl_operation_create_from(&operation, test_device(), &desc, choice, measure, solvers));
    const char *name = fcl_operation_solver(operation)->name;
    fcl_operation_free(operation);
    return name;
}

/* The only file in the cache's folder of solvers, for free(). */
static char *cache_file(void) {
    char *solvers = fcl_path_join(folder, "solvers"), **names;
    size_t n;
    ck_ok(fcl_folder_list(&names, &n, solvers));
    ck_assert_uint_eq(n, 1);
    char *path = fcl_path_join(solvers, names[0]);
    fcl_names_free(names, n);
    free(solvers);
    return path;
}

START_TEST(the_fastest_when_measured_else_the_first) {
    const fcl_solver *const solvers[] = {&made[SLOW], &made[FAST], NULL};
    ck_assert_str_eq(chosen(solvers, NULL, 0), "slow");
    ck_assert_int_eq(n_runs[FAST], 0);
    ck_assert_str_eq(chosen(solvers, NULL, 1), "fast");
    /* All of it is remembered, verdicts and times. */
    int slow = n_runs[SLOW], fast = n_runs[FAST];
    ck_assert_str_eq(chosen(solvers, NULL, 1), "fast");
    ck_assert_int_eq(n_runs[SLOW], slow);
    ck_assert_int_eq(n_runs[FAST], fast);
}
END_TEST

#define SPEED(name, speed)                                                                                             \
    static double name(const fcl_op_desc *op, const fcl_device *device) {                                              \
        (void)op;                                                                                                      \
        (void)device;                                                                                                  \
        return speed;                                                                                                  \
    }
SPEED(twice, 2.0)
SPEED(near, 0.75)
SPEED(unlikely, 0.5)

static fcl_solver with_speed(int which, double (*speed)(const fcl_op_desc *, const fcl_device *)) {
    fcl_solver solver = made[which];
    solver.likely_speed = speed;
    return solver;
}

/* Where one is likely to be far faster, nothing else is even compiled; where two are near each other they are measured. */
START_TEST(the_likeliest_first) {
    const fcl_solver likely_slow = with_speed(SLOW, twice), near_fast = with_speed(FAST, near),
                     unlikely_fast = with_speed(FAST, unlikely), likely_wrong = with_speed(WRONG, twice);
    const fcl_solver *const clear[] = {&made[FAST], &likely_slow, NULL},
                            *const close[] = {&made[SLOW], &near_fast, NULL},
                            *const faulty[] = {&unlikely_fast, &likely_wrong, NULL};
    ck_assert_str_eq(chosen(clear, NULL, 0), "slow");
    ck_assert_str_eq(chosen(clear, NULL, 1), "slow");
    ck_assert_str_eq(chosen((const fcl_solver *const[]){&unlikely_fast, &made[SLOW], NULL}, NULL, 1), "slow");
    ck_assert_int_eq(n_runs[FAST], 0);
    ck_assert_str_eq(chosen(close, NULL, 0), "slow");
    ck_assert_str_eq(chosen(close, NULL, 1), "fast");
    /* However unlikely, the next one is taken when the likeliest is wrong. */
    ck_assert_str_eq(chosen(faulty, NULL, 1), "fast");
    ck_assert(test_contains(fcl_text_get(&logged), "wrong: y["));
}
END_TEST

START_TEST(at_most_three_are_measured) {
    fcl_solver slow[3];
    for (int i = 0; i < 3; i++) slow[i] = made[SLOW];
    slow[1].name = "slow_2", slow[2].name = "slow_3";
    const fcl_solver *const solvers[] = {&slow[0], &slow[1], &slow[2], &made[FAST], NULL};
    ck_assert(fcl_starts_with(chosen(solvers, NULL, 1), "slow"));
    ck_assert_int_eq(n_runs[FAST], 0);
    ck_assert_str_eq(chosen(&solvers[1], NULL, 1), "fast"); /* all but the first are three */
}
END_TEST

/* Without tuning the default variant stands for all, unless it cannot be used. */
START_TEST(the_first_variant_that_is_right) {
    const fcl_solver *const first[] = {&variants[0], &variants[1], NULL},
                            *const second[] = {&variants[2], &variants[3], NULL},
                            *const both[] = {&variants[2], &variants[3], &variants[0], &variants[1], NULL};
    ck_assert_str_eq(chosen(first, NULL, 1), "tiled:large");
    ck_assert_int_eq(n_runs[FAST], 0);
    ck_assert_str_eq(chosen(second, NULL, 1), "odd:small");
    chosen(both, NULL, 1);
    ck_assert_int_eq(n_runs[FAST], 0);
    ck_assert(fcl_solver_is_variant_of(&variants[0], &variants[1]));
    ck_assert(!fcl_solver_is_variant_of(&variants[0], &variants[2]));
    ck_assert(fcl_solver_is_variant_of(&made[SLOW], &made[SLOW]));
}
END_TEST

START_TEST(not_on_a_cpu_unless_asked_for) {
    fcl_solver for_gpu = made[FAST];
    for_gpu.not_on_cpu = 1;
    const fcl_solver *const solvers[] = {&for_gpu, &made[SLOW], NULL};
    int is_cpu = fcl_device_facts(test_device())->kind == FCL_DEVICE_CPU;
    ck_assert_int_eq(fcl_solver_suits(&for_gpu, test_device()), !is_cpu);
    ck_assert_str_eq(chosen(solvers, NULL, 1), is_cpu ? "slow" : "fast");
    ck_assert_int_eq(n_runs[FAST] > 0, !is_cpu);
}
END_TEST

START_TEST(a_wrong_solver_is_named_and_skipped) {
    const fcl_solver *const solvers[] = {&made[WRONG], &made[FAILING], &made[SLOW], NULL};
    ck_assert_str_eq(chosen(solvers, NULL, 0), "slow");
    const char *warnings = fcl_text_get(&logged);
    ck_assert_msg(test_contains(warnings, "wrong: y["), "%s", warnings);
    ck_assert_msg(test_contains(warnings, "times the bound"), "%s", warnings);
    ck_assert_msg(test_contains(warnings, "failing is not used: the device is on strike"), "%s", warnings);
    /* Remembered as a failure, and named again the next time. */
    char *path = cache_file(), *text;
    size_t n_bytes;
    ck_ok(fcl_file_read(&text, &n_bytes, path));
    ck_assert_msg(test_contains(text, "\tfail\t") && test_contains(text, "\twrong\tadd count=15"), "%s", text);
    free(text);
    free(path);
    fcl_text_dispose(&logged);
    ck_assert_str_eq(chosen(solvers, NULL, 1), "slow");
    ck_assert(test_contains(fcl_text_get(&logged), "wrong: y["));
}
END_TEST

START_TEST(no_solver_left_is_an_error) {
    const fcl_solver *const wrong[] = {&made[WRONG], NULL}, *const failing[] = {&made[FAILING], NULL},
                            *const none[] = {NULL};
    fcl_operation *operation = NULL;
    ck_fails(fcl_operation_create_from(&operation, test_device(), &desc, NULL, 1, wrong), FCL_E_WRONG_RESULT,
             "add count=15");
    ck_fails(fcl_operation_create_from(&operation, test_device(), &desc, NULL, 1, failing), FCL_E_DEVICE, "on strike");
    ck_fails(fcl_operation_create_from(&operation, test_device(), &desc, NULL, 1, none), FCL_E_USAGE, "no solver");
    ck_assert_ptr_null(operation);
}
END_TEST

/* Puts `text` in the place of a file. */
static void replace(const char *path, const char *text, size_t n_bytes) {
    char *changed = fcl_path_join(folder, "changed");
    test_write(folder, "changed", text, n_bytes);
    ck_assert_int_eq(rename(changed, path), 0);
    free(changed);
}

/* What was damaged is not believed, and is written anew. */
START_TEST(damaged_files_are_ignored) {
    const fcl_solver *const solvers[] = {&made[FAST], NULL};
    char *good, *now;
    size_t n_good, n_now;
    ck_assert_str_eq(chosen(solvers, NULL, 0), "fast");
    char *path = cache_file();
    ck_ok(fcl_file_read(&good, &n_good, path));
    ck_assert_msg(fcl_starts_with(good, "# fiducl solvers, version 3\n"), "%s", good);
    char *row = strstr(good, "\tpass\t"), *end = strstr(good, "\nend 1\n");
    ck_assert(row && end && end[7] == '\0');
    for (int damage = 0; damage < 8; damage++) {
        int runs = n_runs[FAST];
        char *bad = malloc(n_good + 64);
        memcpy(bad, good, n_good + 1);
        switch (damage) {
        case 0: bad[0] = '\0'; break;                                 /* empty */
        case 1: bad[n_good / 2] = '\0'; break;                        /* cut within a line */
        case 2: bad[end - good + 1] = '\0'; break;                    /* cut between lines */
        case 3: bad[row - good + 1] = 'P'; break;                     /* no such verdict */
        case 4: *strstr(bad, "version 3") = 'V'; break;               /* another format */
        case 5: bad[row - good] = ' '; break;                         /* a field less */
        case 6: strcpy(strstr(bad, "\nend 1\n"), "\nend 2\n"); break; /* a line less than it says */
        case 7: *strstr(bad, "-\tfast\t") = '+'; break;               /* no such choice */
        }
        replace(path, bad, strlen(bad));
        free(bad);
        ck_assert_str_eq(chosen(solvers, NULL, 0), "fast");
        ck_assert_msg(n_runs[FAST] > runs, "damage %d was believed", damage);
        ck_ok(fcl_file_read(&now, &n_now, path));
        ck_assert_msg(n_now == n_good && memcmp(now, good, n_now) == 0, "damage %d: %s", damage, now);
        free(now);
    }
    /* Another kernel source than the one that was checked. */
    int runs = n_runs[FAST];
    fcl_solver other = made[FAST];
    other.files = "activation.cl adam.cl";
    ck_assert_str_eq(chosen((const fcl_solver *const[]){&other, NULL}, NULL, 0), "fast");
    ck_assert_int_gt(n_runs[FAST], runs);
    free(good);
    free(path);
}
END_TEST

/* Wherever a bit is flipped, no solver that was not checked, or failed, is taken for a right one: not even if its name
 * differs in that bit only. */
START_TEST(a_flipped_bit_makes_no_solver_right) {
    fcl_solver right = made[FAST], wrong = made[WRONG], failed = made[WRONG];
    right.name = "right:1", wrong.name = "right:3", failed.name = "right:5";
    const fcl_solver *const known[] = {&failed, &right, NULL}, *const all[] = {&wrong, &failed, &right, NULL};
    char *text;
    size_t n;
    ck_assert_str_eq(chosen(known, NULL, 0), "right:1");
    char *path = cache_file();
    ck_ok(fcl_file_read(&text, &n, path));
    ck_assert(strstr(text, "\tpass\t"));
    for (char *byte = strstr(text, "\tfail\t"); byte < text + n; byte++) {
        *byte ^= 2; /* '1' becomes '3' */
        replace(path, text, n);
        ck_assert_str_eq(chosen(all, NULL, 0), "right:1");
        *byte ^= 2;
    }
    free(text);
    free(path);
}
END_TEST

START_TEST(a_full_disk_is_no_error) {
    const fcl_solver *const solvers[] = {&made[FAST], NULL};
    ck_assert_str_eq(chosen(solvers, NULL, 0), "fast");
    char *path = cache_file(), *temporary = fcl_format("%s" FCL_FILE_TEMPORARY "%ld", path, (long)getpid());
    ck_ok(fcl_file_remove(path));
    ck_assert_int_eq(symlink("/dev/full", temporary), 0);
    ck_assert_str_eq(chosen(solvers, NULL, 0), "fast");
    ck_assert(!fcl_path_exists(path) && !fcl_path_exists(temporary));
    ck_assert_str_eq(chosen(solvers, NULL, 0), "fast");
    ck_assert(fcl_path_exists(path));
    free(temporary);
    free(path);
}
END_TEST

START_TEST(a_cache_that_cannot_be_written_is_no_error) {
    const fcl_solver *const solvers[] = {&made[SLOW], &made[FAST], NULL};
    test_write_text(folder, "file", "in the way");
    char *below = fcl_path_join(folder, "file/cache");
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", below, 1), 0);
    ck_assert_str_eq(chosen(solvers, NULL, 1), "fast");
    int runs = n_runs[FAST];
    ck_assert_str_eq(chosen(solvers, NULL, 1), "fast");
    ck_assert_int_gt(n_runs[FAST], runs);
    free(below);
}
END_TEST

START_TEST(forced_solvers) {
    fcl_choice *choice;
    fcl_operation *operation;
    ck_ok(fcl_choice_create(&choice));
    ck_ok(fcl_choice_force(choice, "pool=pool_gather")); /* the kinds that begin with "pool" and have it */
    ck_ok(fcl_operation_create(&operation, test_device(), &apart, choice, 1));
    ck_assert_str_eq(fcl_operation_solver(operation)->name, "pool_gather");
    fcl_operation_free(operation);
    ck_ok(fcl_choice_force(choice, "pool_backward=pool_blocks"));
    ck_ok(fcl_operation_create(&operation, test_device(), &apart, choice, 0));
    ck_assert_str_eq(fcl_operation_solver(operation)->name, "pool_blocks");
    fcl_operation_free(operation);
    ck_fails(fcl_operation_create(&operation, test_device(), &overlapping, choice, 1), FCL_E_USAGE,
             "solver pool_blocks cannot compute pool_backward max in=7x7x4");
    ck_ok(fcl_choice_force(choice, "pool=pool_blocks")); /* a prefix asks for it where it applies */
    ck_ok(fcl_operation_create(&operation, test_device(), &overlapping, choice, 0));
    ck_assert_str_eq(fcl_operation_solver(operation)->name, "pool_gather");
    fcl_operation_free(operation);
    ck_fails(fcl_choice_force(choice, "pool_backward=nothing"), FCL_E_USAGE, "pool_blocks|pool_gather");
    ck_fails(fcl_choice_force(choice, "pools=pool_gather"), FCL_E_USAGE, "pool_backward=pool_blocks|pool_gather");
    ck_fails(fcl_choice_force(choice, "pool_gather"), FCL_E_USAGE, "'pool_gather' is not OPERATION=SOLVER");
    ck_fails(fcl_choice_force(choice, "=pool_gather"), FCL_E_USAGE, "is not OPERATION=SOLVER");
    fcl_choice_free(choice);
    fcl_choice_free(NULL);
}
END_TEST

START_TEST(recorded_solvers) {
    fcl_choice *choice;
    fcl_operation *operation;
    char description[256];
    fcl_op_describe(description, &apart);
    ck_ok(fcl_choice_create(&choice));
    ck_ok(fcl_choice_record(choice, "pool_backward of something else", "pool_blocks"));
    ck_ok(fcl_choice_record(choice, description, "pool_gather"));
    ck_ok(fcl_operation_create(&operation, test_device(), &apart, choice, 1));
    ck_assert_str_eq(fcl_operation_solver(operation)->name, "pool_gather");
    fcl_operation_free(operation);
    ck_ok(fcl_choice_force(choice, "pool_backward=pool_blocks")); /* what is forced comes first */
    ck_ok(fcl_operation_create(&operation, test_device(), &apart, choice, 1));
    ck_assert_str_eq(fcl_operation_solver(operation)->name, "pool_blocks");
    fcl_operation_free(operation);
    fcl_op_describe(description, &overlapping);
    fcl_choice_free(choice);
    ck_ok(fcl_choice_create(&choice));
    ck_ok(fcl_choice_record(choice, description, "of_an_older_version"));
    ck_fails(fcl_operation_create(&operation, test_device(), &overlapping, choice, 1), FCL_E_USAGE,
             "'of_an_older_version' recorded for pool_backward max in=7x7x4");
    fcl_choice_free(choice);
}
END_TEST

/* An operation runs what it chose, and says who it was when that fails. */
START_TEST(runs_and_failures) {
    enum { COUNT = 15, N = 3 };
    fcl_operation *operation;
    fcl_operands operands = {0};
    const fcl_op_args args = {0};
    float x[N * COUNT], y[N * COUNT];
    for (int i = 0; i < N * COUNT; i++) x[i] = (float)i;
    ck_ok(fcl_operation_create(&operation, test_device(), &desc, NULL, 1));
    ck_assert_int_eq(fcl_operation_desc(operation)->batch, 4);
    ck_assert_uint_eq(fcl_operation_workspace_bytes(operation), 0);
    for (int role = FCL_X; role <= FCL_Y; role++)
        ck_ok(fcl_buffer_create(&operands.buffer[role], test_device(), sizeof x, "an operand"));
    ck_ok(fcl_buffer_write(operands.buffer[FCL_X], 0, x, sizeof x));
    ck_ok(fcl_buffer_write(operands.buffer[FCL_X2], 0, x, sizeof x));
    ck_ok(fcl_operation_run(operation, N, &operands, &args));
    ck_ok(fcl_buffer_read(y, operands.buffer[FCL_Y], 0, sizeof y));
    for (int i = 0; i < N * COUNT; i++) ck_assert_float_eq(y[i], 2.0f * (float)i);
    ck_fails(fcl_operation_run(operation, 5, &operands, &args), FCL_E_INTERNAL, "cannot run with 5 samples");
    ck_fails(fcl_operation_run(operation, 0, &operands, &args), FCL_E_INTERNAL, "cannot run with 0 samples");
    fcl_operation_free(operation);
    /* One whose verdict is remembered, and that fails later. */
    const fcl_solver *const passing[] = {&made[FAST], NULL};
    ck_assert_str_eq(chosen(passing, NULL, 0), "fast");
    fcl_solver turned = made[FAST];
    turned.run = run_failing;
    ck_ok(fcl_operation_create_from(&operation, test_device(), &desc, NULL, 0,
                                    (const fcl_solver *const[]){&turned, NULL}));
    ck_fails(fcl_operation_run(operation, N, &operands, &args), FCL_E_DEVICE,
             "add count=15 activation=linear batch=4 with solver fast: the device is on strike");
    fcl_operation_free(operation);
    fcl_operation_free(NULL);
    for (int role = FCL_X; role <= FCL_Y; role++) fcl_buffer_free(operands.buffer[role]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ops_choice");
    TCase *tests = tcase_create("choice");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_fastest_when_measured_else_the_first);
    tcase_add_test(tests, the_likeliest_first);
    tcase_add_test(tests, at_most_three_are_measured);
    tcase_add_test(tests, the_first_variant_that_is_right);
    tcase_add_test(tests, not_on_a_cpu_unless_asked_for);
    tcase_add_test(tests, a_wrong_solver_is_named_and_skipped);
    tcase_add_test(tests, no_solver_left_is_an_error);
    tcase_add_test(tests, damaged_files_are_ignored);
    tcase_add_test(tests, a_flipped_bit_makes_no_solver_right);
    tcase_add_test(tests, a_full_disk_is_no_error);
    tcase_add_test(tests, a_cache_that_cannot_be_written_is_no_error);
    tcase_add_test(tests, forced_solvers);
    tcase_add_test(tests, recorded_solvers);
    tcase_add_test(tests, runs_and_failures);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
