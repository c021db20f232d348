/*
 * Ranks under mpirun, as many as $FIDUCL_TEST_RANKS says. Tests do what they have to do with the others first and look at
 * the results last, so that a rank that fails leaves none waiting.
 *
 * usage: test_ranks          the tests
 *        test_ranks abort    the last rank ends them all with exit code 7
 *        test_ranks foreign  started by an mpirun that MPI knows nothing of
 */
#include "ranks/ranks.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/support.h"

enum { MAX_RANKS = 4 };
static unsigned n_ranks, own;

START_TEST(all_are_there) {
    unsigned indices[MAX_RANKS];
    ck_ok(fcl_ranks_gather(indices, &own, sizeof own));
    ck_assert_uint_eq(n_ranks, (unsigned)atoi(getenv("FIDUCL_TEST_RANKS")));
    for (unsigned r = 0; r < n_ranks; r++) {
        ck_assert_uint_eq(indices[r], r);
        ck_assert_str_eq(fcl_ranks_host(r), fcl_ranks_host(0)); /* here they run on one machine */
    }
    ck_assert_str_ne(fcl_ranks_host(0), "");
}
END_TEST

START_TEST(bytes_travel) {
    enum { N = 100003 };
    static unsigned char sent[N], parts[1 + 2 + 3 + 4], in_place[sizeof parts];
    const unsigned char tens[3] = {(unsigned char)(10 * own), (unsigned char)(10 * own + 1),
                                   (unsigned char)(10 * own + 2)};
    unsigned char all[3 * MAX_RANKS], mine[MAX_RANKS];
    size_t n_bytes[MAX_RANKS], first = 0;
    for (size_t i = 0; i < N; i++) sent[i] = own == 0 ? (unsigned char)(i % 251 + 1) : 0;
    ck_ok(fcl_ranks_broadcast(sent, N));
    ck_ok(fcl_ranks_broadcast(NULL, 0));
    ck_ok(fcl_ranks_gather(all, tens, 3));
    /* The second rank has none, the others one more than their index. */
    for (unsigned r = 0; r < n_ranks; r++) n_bytes[r] = r == 1 ? 0 : r + 1;
    for (unsigned r = 0; r < own; r++) first += n_bytes[r];
    memset(mine, (int)own + 'a', sizeof mine);
    memset(in_place + first, (int)own + 'a', n_bytes[own]);
    ck_ok(fcl_ranks_gather_parts(parts, n_bytes, mine));
    ck_ok(fcl_ranks_gather_parts(in_place, n_bytes, in_place + first));
    size_t n_wrong = 0;
    for (size_t i = 0; i < N; i++) n_wrong += sent[i] != i % 251 + 1;
    ck_assert_uint_eq(n_wrong, 0);
    for (unsigned i = 0; i < 3 * n_ranks; i++) ck_assert_uint_eq(all[i], 10 * (i / 3) + i % 3);
    static const size_t n_together[MAX_RANKS + 1] = {0, 1, 1, 4, 8};
    ck_assert_mem_eq(parts, "acccdddd", n_together[n_ranks]);
    ck_assert_mem_eq(in_place, "acccdddd", n_together[n_ranks]);
    ck_assert_uint_eq(parts[n_together[n_ranks]], 0);
}
END_TEST

/* 1e16 + 1 is 1e16: ((1e16 + 1) - 1e16) + 1 is 1, and 0 or 2 in other orders. */
START_TEST(doubles_in_the_order_of_ranks) {
    static const double terms[MAX_RANKS] = {1e16, 1.0, -1e16, 1.0}, sums[MAX_RANKS + 1] = {0.0, 1e16, 1e16, 0.0, 1.0};
    double values[3] = {terms[own], own + 0.5, -0.0};
    ck_ok(fcl_ranks_sum(values, 3));
    ck_ok(fcl_ranks_sum(NULL, 0));
    ck_assert_double_eq(values[0], sums[n_ranks]);
    ck_assert_double_eq(values[1], n_ranks * n_ranks / 2.0);
    ck_assert(values[2] == 0.0 && signbit(values[2]));
}
END_TEST

/* Of either sign and between 2^-8 and 2^8, so that the order of a sum shows. */
static float term(unsigned rank, size_t index, unsigned salt) {
    unsigned x = (unsigned)index * 2654435761u + rank * 40503u + salt * 97u + 1u;
    for (int i = 0; i < 3; i++) x = (x ^ (x >> 15)) * 2246822519u;
    return ldexpf((float)(int)(x >> 8) / 8388608.0f - 1.0f, (int)(x % 17) - 8);
}

static void set_terms(float *values, size_t n, unsigned salt) {
    for (size_t i = 0; i < n; i++) values[i] = term(own, i, salt);
}

static float in_order(size_t index, unsigned salt) {
    float sum = term(0, index, salt);
    for (unsigned r = 1; r < n_ranks; r++) sum += term(r, index, salt);
    return sum;
}

/* Any order of n - 1 additions errs by at most (n - 1) 2^-24 / (1 - n 2^-24) times the sum of magnitudes (Higham, Accuracy and
 * Stability of Numerical Algorithms, 4.2). */
static void check_sums(const float *values, size_t n, unsigned salt, fcl_rank_order order) {
    size_t n_wrong = 0; /* one check for all: Check takes its time for each */
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0, magnitudes = 0.0;
        for (unsigned r = 0; r < n_ranks; r++) {
            sum += term(r, i, salt);
            magnitudes += fabs(term(r, i, salt));
        }
        const int is_in_order = values[i] == in_order(i, salt);
        const int is_near = fabs(values[i] - sum) <= (n_ranks - 1) * 0x1.00001p-24 * magnitudes;
        n_wrong += !is_near || (order == FCL_RANK_ORDER_FIXED && !is_in_order);
    }
    ck_assert_uint_eq(n_wrong, 0);
}

/* That the tests see an order: with the terms above another one gives other bits. */
START_TEST(the_order_shows) {
    size_t n_different = 0;
    for (size_t i = 0; i < 1000; i++) {
        float sum = term(n_ranks - 1, i, 0);
        for (unsigned r = n_ranks - 1; r-- > 0;) sum += term(r, i, 0);
        n_different += sum != in_order(i, 0);
    }
    if (n_ranks > 2) ck_assert_uint_gt(n_different, 100);
}
END_TEST

static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 7, 13, 101, 4099, 1000003};
enum { N_SIZES = sizeof sizes / sizeof *sizes, LARGEST = 1000003 };

START_TEST(sums_of_any_size) {
    static float values[N_SIZES][LARGEST + 1];
    const fcl_rank_order order = (fcl_rank_order)_i;
    fcl_rank_sum *sum;
    ck_ok(fcl_rank_sum_create(&sum, LARGEST, order));
    for (int s = 0; s < N_SIZES; s++) {
        set_terms(values[s], sizes[s], (unsigned)s);
        values[s][sizes[s]] = 17.0f;
        ck_ok(fcl_rank_sum_begin(sum, values[s], sizes[s]));
        ck_ok(fcl_rank_sum_finish(sum));
    }
    fcl_rank_sum_free(sum);
    for (int s = 0; s < N_SIZES; s++) {
        check_sums(values[s], sizes[s], (unsigned)s, order);
        ck_assert_float_eq(values[s][sizes[s]], 17.0f);
    }
}
END_TEST

/* By hand: 1 + 2 + ... + n_ranks, and -0 that stays. */
START_TEST(sums_by_hand) {
    static const float totals[MAX_RANKS + 1] = {0, 1, 3, 6, 10};
    float values[6] = {own + 1.0f, 10.0f * (own + 1.0f), -0.0f, -0.0f, -0.0f, -0.0f};
    fcl_rank_sum *sum;
    ck_ok(fcl_rank_sum_create(&sum, 6, FCL_RANK_ORDER_FIXED));
    ck_ok(fcl_rank_sum_begin(sum, values, 6));
    ck_ok(fcl_rank_sum_finish(sum));
    fcl_rank_sum_free(sum);
    ck_assert_float_eq(values[0], totals[n_ranks]);
    ck_assert_float_eq(values[1], 10.0f * totals[n_ranks]);
    for (int i = 2; i < 6; i++) ck_assert(values[i] == 0.0f && signbit(values[i]));
}
END_TEST

/* As training does it: one object a bucket, used again in every step; ranks are late in turn, and finish in their own order,
 * with other things between. */
START_TEST(several_under_way) {
    enum { N_SUMS = 6, N_STEPS = 4 };
    static const size_t n[N_SUMS] = {70001, 1, 0, 300007, 2, 50000};
    static float values[N_STEPS][N_SUMS][300007];
    fcl_rank_sum *sums[N_SUMS];
    double votes[N_STEPS];
    for (int s = 0; s < N_SUMS; s++) ck_ok(fcl_rank_sum_create(&sums[s], n[s], (fcl_rank_order)(s % 3 == 2)));
    for (int step = 0; step < N_STEPS; step++) {
        for (int s = 0; s < N_SUMS; s++) {
            if (own == (unsigned)(step + s) % n_ranks) fcl_clock_sleep(0.005);
            set_terms(values[step][s], n[s], (unsigned)(step * N_SUMS + s));
            ck_ok(fcl_rank_sum_begin(sums[s], values[step][s], n[s]));
        }
        votes[step] = own == (unsigned)step % n_ranks;
        ck_ok(fcl_ranks_sum(&votes[step], 1));
        for (int s = 0; s < N_SUMS; s++) ck_ok(fcl_rank_sum_finish(sums[own % 2 ? N_SUMS - 1 - s : s]));
    }
    for (int s = 0; s < N_SUMS; s++) fcl_rank_sum_free(sums[s]);
    for (int step = 0; step < N_STEPS; step++) {
        ck_assert_double_eq(votes[step], 1.0);
        for (int s = 0; s < N_SUMS; s++)
            check_sums(values[step][s], n[s], (unsigned)(step * N_SUMS + s), (fcl_rank_order)(s % 3 == 2));
    }
}
END_TEST

/* More sums than there are tags. */
START_TEST(very_many_sums) {
    fcl_rank_sum *sum;
    size_t n_wrong = 0;
    ck_ok(fcl_rank_sum_create(&sum, 3, FCL_RANK_ORDER_FIXED));
    for (unsigned i = 0; i < 9000; i++) {
        float values[3] = {(float)i, (float)own, 1.0f};
        ck_ok(fcl_rank_sum_begin(sum, values, 3));
        ck_ok(fcl_rank_sum_finish(sum));
        n_wrong += values[0] != (float)(n_ranks * i) || values[1] != (float)(n_ranks * (n_ranks - 1) / 2) ||
                   values[2] != (float)n_ranks;
    }
    fcl_rank_sum_free(sum);
    ck_assert_uint_eq(n_wrong, 0);
}
END_TEST

START_TEST(the_odd_rank_is_named) {
    char message[MAX_RANKS][1000] = {""};
    const int is_last = own == n_ranks - 1;
    const fcl_rank_fact same[] = {{"build", "0.1"}, {"data", ""}, {"model", "0123"}},
                        odd[] = {{"build", "0.1"}, {"data", is_last ? "4567" : "0123"}, {"model", is_last ? "a" : "b"}},
                        each[] = {{"seed", (const char *[]){"a", "b", "c", "d"}[own]}},
                        none[] = {{"split", own == 0 ? "" : "even"}};
    const fcl_status statuses[] = {fcl_ranks_compare(same, 3), fcl_ranks_compare(NULL, 0)};
    const fcl_rank_fact *different[] = {odd, each, none};
    fcl_status failed[3];
    for (int i = 0; i < 3; i++) {
        failed[i] = fcl_ranks_compare(different[i], i == 0 ? 3 : 1);
        snprintf(message[i], sizeof message[i], "%s", fcl_error_message());
    }
    ck_assert_int_eq(statuses[0], FCL_OK);
    ck_assert_int_eq(statuses[1], FCL_OK);
    const char *host = fcl_ranks_host(0);
    char wanted[1000];
    for (int i = 0; i < 3; i++) ck_assert_int_eq(failed[i], n_ranks == 1 ? FCL_OK : FCL_E_INPUT);
    if (n_ranks == 1) return;
    snprintf(wanted, sizeof wanted,
             "the data must be the same on all ranks; %u of %u have '0123' as rank 0 on %s, rank %u on %s has '4567'",
             n_ranks - 1, n_ranks, host, n_ranks - 1, host);
    ck_assert_str_eq(message[0], wanted);
    ck_assert(test_contains(message[1], "the seed must"));
    snprintf(wanted, sizeof wanted, "1 of %u have 'a' as rank 0 on %s, rank 1 on %s has 'b'", n_ranks, host, host);
    ck_assert(test_contains(message[1], wanted));
    ck_assert_int_eq(test_contains(message[1], "has 'd'"), n_ranks == 4);
    ck_assert(test_contains(message[2], n_ranks == 2 ? "rank 1 on" : "rank 0 on"));
}
END_TEST

START_TEST(what_mpi_cannot_count) {
    fcl_rank_sum *sum;
    ck_fails(fcl_rank_sum_create(&sum, (size_t)INT_MAX + 1, FCL_RANK_ORDER_FIXED), FCL_E_INTERNAL, "MPI counts to");
    if (n_ranks > 1) ck_fails(fcl_ranks_gather(NULL, NULL, (size_t)INT_MAX + 1), FCL_E_INTERNAL, "MPI counts to");
}
END_TEST

static int run_tests(void) {
    Suite *suite = suite_create("ranks");
    TCase *t = tcase_create("ranks");
    tcase_add_test(t, all_are_there);
    tcase_add_test(t, bytes_travel);
    tcase_add_test(t, doubles_in_the_order_of_ranks);
    tcase_add_test(t, the_order_shows);
    tcase_add_loop_test(t, sums_of_any_size, 0, 2);
    tcase_add_test(t, sums_by_hand);
    tcase_add_test(t, several_under_way);
    tcase_add_test(t, very_many_sums);
    tcase_add_test(t, the_odd_rank_is_named);
    tcase_add_test(t, what_mpi_cannot_count);
    suite_add_tcase(suite, t);
    return test_run(suite);
}

START_TEST(another_mpirun_is_refused) {
    setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
    ck_fails(fcl_ranks_init(), FCL_E_USAGE, "one of 3 processes ($OMPI_COMM_WORLD_SIZE), but MPI sees 1");
    ck_assert_uint_eq(fcl_ranks_count(), 1);
}
END_TEST

static int run_foreign(void) {
    Suite *suite = suite_create("foreign");
    TCase *t = tcase_create("foreign");
    tcase_add_test(t, another_mpirun_is_refused);
    suite_add_tcase(suite, t);
    return test_run(suite);
}

int main(int n_arguments, char **arguments) {
    const char *mode = n_arguments > 1 ? arguments[1] : "";
    if (strcmp(mode, "foreign") == 0) return run_foreign();
    if (fcl_ranks_init() != FCL_OK) {
        fprintf(stderr, "%s\n", fcl_error_message());
        return EXIT_FAILURE;
    }
    n_ranks = fcl_ranks_count();
    own = fcl_ranks_index();
    if (strcmp(mode, "abort") == 0) {
        if (own == n_ranks - 1) fcl_ranks_abort(7);
        double vote = 0.0;
        return fcl_ranks_sum(&vote, 1) == FCL_OK ? EXIT_SUCCESS : EXIT_FAILURE; /* waits for the last rank for ever */
    }
    const int code = run_tests();
    fcl_ranks_finalize();
    return code;
}
