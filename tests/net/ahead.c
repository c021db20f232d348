/* A network's programs are compiled by other processes before its operations are created, which then find them all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "base/thread.h"
#include "device/ahead.h"
#include "net/network.h"
#include "support/support.h"

enum { BATCH = 8 };

/* Pooling in a convolution and on its own; with 16 channels, Winograd's and the direct convolution are about as likely to be fast
 * on a CPU, so that both are compiled and measured. */
static const char model_text[] = "layers = (\n"
                                 "  { type = \"average_pool\"; window = 4; },\n"
                                 "  { type = \"conv\"; filters = 16; kernel = 3; activation = \"relu\"; },\n"
                                 "  { type = \"conv\"; filters = 16; kernel = 3; activation = \"relu\"; },\n"
                                 "  { type = \"max_pool\"; window = 2; },\n"
                                 "  { type = \"flatten\"; },\n"
                                 "  { type = \"dropout\"; rate = 0.25; },\n"
                                 "  { type = \"dense\"; units = 30; }\n"
                                 ");\n";

static fcl_device *device;
static fcl_model *model;
static char *cache, *own;
static char complaint[512]; /* the first that was logged */
static unsigned n_built;
static size_t n_done, n_total;

static void count_built(void *user, fcl_log_level level, const char *line) {
    (void)user;
    /* Kept for the test: nothing may jump out of the log. */
    if ((level == FCL_LOG_WARNING || test_contains(line, "not compiled ahead") ||
         test_contains(line, "solvers cannot be measured")) &&
        !*complaint)
        snprintf(complaint, sizeof complaint, "%s", line);
    n_built += fcl_starts_with(line, "built cl/");
}

static void note_progress(void *user, const fcl_progress *progress) {
    (void)user;
    if (strcmp(progress->task, "compiling kernels") != 0) return;
    n_done = progress->done;
    n_total = progress->total;
}

/* With empty caches. */
static void set_up(void) {
    cache = test_folder_create();
    ck_assert_int_eq(setenv("FIDUCL_CACHE_DIR", cache, 1), 0);
    fcl_log_set_sink(count_built, NULL);
    fcl_progress_set_sink(note_progress, NULL);
    fcl_device_compile_with(own);
    fcl_threads_set(2);
    *complaint = '\0';
    n_built = 0;
    n_done = n_total = 0;
    ck_ok(fcl_device_open(&device, NULL, 0));
    ck_ok(fcl_model_parse(&model, "small", model_text));
}

static void tear_down(void) {
    fcl_model_free(model);
    fcl_device_free(device);
    fcl_log_set_sink(NULL, NULL);
    fcl_progress_set_sink(NULL, NULL);
    fcl_device_compile_with(NULL);
    ck_assert_int_eq(unsetenv("FIDUCL_CACHE_DIR"), 0);
    test_folder_remove(cache);
    ck_assert_str_eq(complaint, "");
}

static fcl_network *make(fcl_device *on, int training, int measure) {
    fcl_network *network;
    ck_ok(fcl_network_create(&network, on, model,
                             &(fcl_network_options){.batch = BATCH, .training = training, .measure = measure}));
    return network;
}

static size_t n_programs(void) {
    char *folder = fcl_path_join(cache, "programs");
    const size_t n = test_count_files(folder);
    free(folder);
    return n;
}

/* Each program is compiled once, and none by this process: neither when the network is made, nor when one like it is. */
START_TEST(all_programs_are_there) {
    const int training = _i / 2, measure = _i % 2;
    fcl_network *network = make(device, training, measure);
    ck_assert_uint_eq(n_built, 0);
    ck_assert_uint_gt(n_total, 1);
    ck_assert_uint_eq(n_done, n_total);
    ck_assert_uint_eq(n_programs(), n_total);
    n_total = 0;
    fcl_network *again = make(device, training, measure);
    ck_assert(n_built == 0 && n_total == 0);
    fcl_network_free(network);
    fcl_network_free(again);
}
END_TEST

/* Neither more programs nor others; and without a measurement, the same solvers. */
START_TEST(the_same_is_compiled_and_chosen_without) {
    const int measure = _i;
    fcl_device *alone;
    fcl_network *network = make(device, 1, measure);
    ck_ok(fcl_folder_remove(cache));
    fcl_device_compile_with(NULL);
    ck_ok(fcl_device_open(&alone, NULL, 0));
    fcl_network *other = make(alone, 1, measure);
    ck_assert_uint_eq(n_built, n_total);
    ck_assert_uint_eq(n_programs(), n_total);
    ck_assert_uint_eq(fcl_network_n_operations(network), fcl_network_n_operations(other));
    for (unsigned i = 0; i < fcl_network_n_operations(network); i++) {
        const char *descriptions[2], *solvers[2];
        fcl_network_operation(&descriptions[0], &solvers[0], network, i);
        fcl_network_operation(&descriptions[1], &solvers[1], other, i);
        ck_assert_str_eq(descriptions[0], descriptions[1]);
        if (!measure) ck_assert_str_eq(solvers[0], solvers[1]);
    }
    fcl_network_free(network);
    fcl_network_free(other);
    fcl_device_free(alone);
}
END_TEST

int main(int argc, char **argv) {
    enum { SKIPPED = 77, N_KINDS = 4 };
    if (argc == 3 && strcmp(argv[1], FCL_AHEAD_COMMAND) == 0) return fcl_ahead_run(argv[2]) != FCL_OK;
    if (test_is_too_much()) return SKIPPED;
    if (!(own = fcl_process_own_program())) return 1;
    Suite *suite = suite_create("networks whose programs are compiled ahead");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, all_programs_are_there, 0, N_KINDS);
    tcase_add_loop_test(tests, the_same_is_compiled_and_chosen_without, 0, 2);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
