/* fiducl without MPI: one rank that does everything itself, and that refuses to be one of several. */
#include "ranks/ranks.h"

#include <stdlib.h>
#include <string.h>

#include "ranks/launch.h"
#include "support/support.h"

static void clear_environment(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "PMIX_RANK",
                                        "SLURM_STEP_NUM_TASKS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
}

START_TEST(how_it_was_started) {
    static const struct {
        const char *names[2], *values[2];
        const char *variable;
        unsigned n;
    } cases[] = {
        {{"HOME"}, {"/"}, NULL, 1},
        {{"OMPI_COMM_WORLD_SIZE"}, {"4"}, "OMPI_COMM_WORLD_SIZE", 4},
        {{"OMPI_COMM_WORLD_SIZE"}, {"1"}, "OMPI_COMM_WORLD_SIZE", 1},
        {{"PMI_SIZE"}, {"2"}, "PMI_SIZE", 2},
        {{"MV2_COMM_WORLD_SIZE"}, {"3"}, "MV2_COMM_WORLD_SIZE", 3},
        {{"PMIX_RANK"}, {"0"}, "PMIX_RANK", 0},
        {{"PMIX_RANK", "SLURM_STEP_NUM_TASKS"}, {"1", "5"}, "PMIX_RANK", 5},
        {{"SLURM_STEP_NUM_TASKS"}, {"5"}, NULL, 1}, /* of a shell in a job */
        {{"PMIX_RANK", "OMPI_COMM_WORLD_SIZE"}, {"1", "2"}, "OMPI_COMM_WORLD_SIZE", 2},
        {{"PMI_SIZE"}, {"many"}, NULL, 1},
    };
    clear_environment();
    for (int i = 0; i < 2 && cases[_i].names[i]; i++) setenv(cases[_i].names[i], cases[_i].values[i], 1);
    fcl_launch launch = fcl_launch_read();
    ck_assert_pstr_eq(launch.variable, cases[_i].variable);
    ck_assert_uint_eq(launch.n_processes, cases[_i].n);
    if (cases[_i].n == 1) {
        ck_ok(fcl_ranks_init());
        fcl_ranks_finalize();
    } else {
        ck_fails(fcl_ranks_init(), FCL_E_USAGE, "built without MPI");
        ck_assert(test_contains(fcl_error_message(), cases[_i].variable));
        ck_assert(test_contains(fcl_error_message(), "-DFIDUCL_MPI=ON"));
    }
}
END_TEST

START_TEST(one_rank) {
    char bytes[4] = "abc", all[4] = "";
    const size_t n = 3;
    double losses[2] = {1.5, -2.0};
    float values[3] = {1.0f, 2.0f, 3.0f};
    fcl_rank_sum *sum;
    clear_environment();
    ck_ok(fcl_ranks_init());
    ck_assert_uint_eq(fcl_ranks_count(), 1);
    ck_assert_uint_eq(fcl_ranks_index(), 0);
    ck_assert_str_eq(fcl_ranks_host(0), "localhost");
    ck_ok(fcl_ranks_broadcast(bytes, 4));
    ck_assert_str_eq(bytes, "abc");
    ck_ok(fcl_ranks_gather(all, bytes, 2));
    ck_assert_str_eq(all, "ab");
    ck_ok(fcl_ranks_gather_parts(all, &n, bytes));
    ck_assert_str_eq(all, "abc");
    ck_ok(fcl_ranks_gather_parts(all, &n, all));
    ck_assert_str_eq(all, "abc");
    ck_ok(fcl_ranks_sum(losses, 2));
    ck_assert(losses[0] == 1.5 && losses[1] == -2.0);
    ck_ok(fcl_ranks_compare((const fcl_rank_fact[]){{"data", "x"}, {"build", ""}}, 2));
    ck_ok(fcl_ranks_compare(NULL, 0));
    for (int order = 0; order < 2; order++) {
        ck_ok(fcl_rank_sum_create(&sum, 3, (fcl_rank_order)order));
        for (size_t i = 0; i < 4; i++) {
            ck_ok(fcl_rank_sum_begin(sum, values, i));
            ck_ok(fcl_rank_sum_finish(sum));
        }
        ck_assert(values[0] == 1.0f && values[1] == 2.0f && values[2] == 3.0f);
        fcl_rank_sum_free(sum);
    }
    fcl_rank_sum_free(NULL);
    fcl_ranks_abort(3); /* comes back */
    fcl_ranks_finalize();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("alone");
    TCase *t = tcase_create("alone");
    tcase_add_loop_test(t, how_it_was_started, 0, 10);
    tcase_add_test(t, one_rank);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
