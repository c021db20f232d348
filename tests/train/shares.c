/* Shares of a batch, with devices that are made up: what they take is a formula, with noise from seeds. */
#include "train/shares.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/support.h"

static const struct {
    unsigned n, batch;
    double speeds[5];
    unsigned samples[5];
} divisions[] = {
    {1, 32, {0.25}, {32}},
    {2, 32, {3, 1}, {24, 8}},
    {2, 32, {0, 7}, {0, 32}},
    {3, 4, {1, 1, 1}, {2, 1, 1}},             /* 1.33 each, the rest to the first */
    {3, 5, {1, 1, 1}, {2, 2, 1}},             /* 1.67 each */
    {2, 6, {0.3, 0.1}, {5, 1}},               /* 4.5 and 1.5, which rounding makes a little more */
    {2, 2, {0.1, 0.3}, {1, 1}},               /* 0.5 and 1.5: the same remainder */
    {3, 10, {1, 2, 3}, {2, 3, 5}},            /* 1.67, 3.33, 5 */
    {4, 1, {1, 1, 1, 1.5}, {0, 0, 0, 1}},     /* 0.22, 0.22, 0.22, 0.33 */
    {5, 7, {0, 5, 0, 9, 0}, {0, 3, 0, 4, 0}}, /* 2.5, 4.5 */
    {2, 1000000, {1e-9, 3e-9}, {250000, 750000}},
};

START_TEST(a_batch_is_divided_by_largest_remainder) {
    unsigned samples[5];
    fcl_shares_divide(samples, divisions[_i].speeds, divisions[_i].n, divisions[_i].batch);
    for (unsigned i = 0; i < divisions[_i].n; i++)
        ck_assert_msg(samples[i] == divisions[_i].samples[i], "device %u: got %u", i, samples[i]);
}
END_TEST

/* The sum is the batch, and nobody is off by a sample or more. */
START_TEST(divisions_are_exact) {
    fcl_random_stream random = fcl_random_stream_make(1, FCL_RANDOM_TEST, 0);
    for (int round = 0; round < 2000; round++) {
        const unsigned n = 1 + (unsigned)fcl_random_below(&random, FCL_MAX_REPLICAS);
        const unsigned batch = 1 + (unsigned)fcl_random_below(&random, 5000);
        double speeds[FCL_MAX_REPLICAS], total = 0.0;
        unsigned samples[FCL_MAX_REPLICAS], sum = 0;
        for (unsigned i = 0; i < n; i++) speeds[i] = exp(fcl_random_uniform(&random, -7.0, 7.0));
        for (unsigned i = 1; i < n; i++)
            if (fcl_random_below(&random, 4) == 0) speeds[i] = 0.0;
        for (unsigned i = 0; i < n; i++) total += speeds[i];
        fcl_shares_divide(samples, speeds, n, batch);
        for (unsigned i = 0; i < n; i++) {
            sum += samples[i];
            ck_assert_double_lt(fabs(samples[i] - batch * speeds[i] / total), 1.0);
            if (speeds[i] <= 0.0) ck_assert_uint_eq(samples[i], 0);
        }
        ck_assert_uint_eq(sum, batch);
    }
}
END_TEST

/* By hand: mean of a kind where all are within 10 % of it. */
static const struct {
    unsigned kinds[5];
    double before[5], after[5];
} evenings[] = {
    {{0, 0, 2, 2, 4}, {1.0, 1.1, 3.0, 2.9, 7.0}, {1.05, 1.05, 2.95, 2.95, 7.0}},
    {{0, 0, 0, 3, 4}, {1.0, 1.0, 1.3, 2.0, 2.0}, {1.0, 1.0, 1.3, 2.0, 2.0}}, /* 1.3 is 18 % above 1.1 */
    {{0, 0, 0, 0, 0}, {1.0, 0.0, INFINITY, 1.0, 0.91}, {0.97, 0.0, INFINITY, 0.97, 0.97}},
    {{0, 1, 0, 1, 0}, {2.0, 0.0, 2.2, 5.0, 2.1}, {2.1, 0.0, 2.1, 5.0, 2.1}},
};
enum { N_EVENINGS = sizeof evenings / sizeof *evenings };

START_TEST(devices_that_are_alike_begin_alike) {
    double seconds[5];
    memcpy(seconds, evenings[_i].before, sizeof seconds);
    fcl_shares_even_out(seconds, evenings[_i].kinds, 5);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_msg(seconds[i] == evenings[_i].after[i] || fabs(seconds[i] - evenings[_i].after[i]) < 1e-12,
                      "device %u: got %g", i, seconds[i]);
}
END_TEST

/* Devices that take fixed + per_sample * samples seconds, give or take `noise` of it. */
typedef struct machine {
    unsigned n;
    double fixed[FCL_MAX_REPLICAS], per_sample[FCL_MAX_REPLICAS], noise;
    fcl_random_stream random;
} machine;

/* Without noise. */
static double seconds_of(const machine *m, unsigned i, unsigned samples) {
    return m->fixed[i] + m->per_sample[i] * samples;
}

/* Steps first..last; returns how often the shares changed. Shares stay whole, and of the whole batch. */
static unsigned run_steps(fcl_balance *b, machine *m, unsigned first, unsigned last) {
    unsigned n_changes = 0;
    for (unsigned step = first; step <= last; step++) {
        unsigned sum = 0;
        for (unsigned i = 0; i < m->n; i++)
            if (b->samples[i])
                fcl_balance_note(b, i, b->samples[i],
                                 seconds_of(m, i, b->samples[i]) * (1.0 + m->noise * fcl_random_normal(&m->random)));
        n_changes += (unsigned)fcl_balance_adapt(b, step);
        for (unsigned i = 0; i < m->n; i++) {
            ck_assert_uint_ge(b->samples[i], 1);
            sum += b->samples[i];
        }
        ck_assert_uint_eq(sum, b->batch);
    }
    return n_changes;
}

/* Each share is within `part` of the formula's, or the next whole sample to it. */
static void check_proportional(const fcl_balance *b, const machine *m, double part) {
    double total = 0.0;
    for (unsigned i = 0; i < m->n; i++) total += 1.0 / m->per_sample[i];
    for (unsigned i = 0; i < m->n; i++) {
        const double even = b->batch / m->per_sample[i] / total;
        ck_assert_msg(fabs(b->samples[i] - even) <= fmax(part * even, 1.0), "device %u of %u has %u, not %g", i, m->n,
                      b->samples[i], even);
    }
}

static machine machine_of(unsigned n, const double *per_sample, double noise, unsigned seed) {
    machine m = {.n = n, .noise = noise, .random = fcl_random_stream_make(seed, FCL_RANDOM_TEST, 1)};
    for (unsigned i = 0; i < n; i++) m.per_sample[i] = per_sample[i];
    return m;
}

static const struct {
    unsigned n, batch;
    double per_sample[4], believed[4];
} beginnings[] = {
    {2, 32, {1, 1}, {1, 1}},
    {2, 32, {31, 1}, {1, 31}}, /* the wrong way round */
    {2, 1024, {31, 1}, {1, 31}},
    {2, 1024, {1, 31}, {1, 1023}},
    {2, 256, {1, 1}, {1, 31}},
    {3, 512, {1, 2, 4}, {4, 2, 1}},
    {4, 128, {1, 1, 1, 8}, {8, 1, 1, 1}},
};
enum { N_BEGINNINGS = sizeof beginnings / sizeof beginnings[0], N_SEEDS = 10 };

/* Constant speeds, times with a standard deviation of 5 %: 50 steps are enough, and then it is quiet. */
START_TEST(shares_settle) {
    for (unsigned seed = 0; seed < N_SEEDS; seed++) {
        const unsigned n = beginnings[_i].n;
        machine m = machine_of(n, beginnings[_i].per_sample, 0.05, seed);
        fcl_balance b;
        fcl_balance_begin(&b, n, beginnings[_i].batch, beginnings[_i].believed);
        run_steps(&b, &m, 1, 50);
        check_proportional(&b, &m, 0.05);
        ck_assert_uint_eq(run_steps(&b, &m, 51, 2000), 0);
    }
}
END_TEST

/* A device falls to a third of its speed at some step from 500 on and comes back at step 1500. */
START_TEST(a_change_of_speed_is_followed) {
    static const double equal[] = {1, 1, 1};
    for (unsigned seed = 0; seed < N_SEEDS; seed++) {
        machine m = machine_of(2 + seed % 2, equal, 0.05, seed);
        const unsigned slow = 500 + 17 * seed;
        fcl_balance b;
        fcl_balance_begin(&b, m.n, 240, equal);
        run_steps(&b, &m, 1, slow - 1);
        m.per_sample[1] = 3.0;
        ck_assert_uint_ge(run_steps(&b, &m, slow, slow + 49), 1);
        check_proportional(&b, &m, 0.08);
        run_steps(&b, &m, slow + 50, slow + 99);
        check_proportional(&b, &m, 0.05);
        ck_assert_uint_eq(run_steps(&b, &m, slow + 100, 1499), 0);
        m.per_sample[1] = 1.0;
        run_steps(&b, &m, 1500, 1599);
        check_proportional(&b, &m, 0.05);
    }
}
END_TEST

/* Every seventh step of a device takes 20 times as long, for reasons of its own. */
START_TEST(outliers_count_for_nothing) {
    static const double two[] = {1, 3}, wrong[] = {3, 1};
    fcl_balance b;
    machine m = machine_of(2, two, 0.05, 3);
    fcl_balance_begin(&b, 2, 256, wrong);
    for (unsigned step = 1; step <= 1000; step++) {
        m.per_sample[0] = step % 7 == 0 ? 20.0 : 1.0;
        run_steps(&b, &m, step, step);
    }
    m.per_sample[0] = 1.0;
    check_proportional(&b, &m, 0.05);
}
END_TEST

/* Where a part of the time does not depend on the share, proportion to samples / seconds, measured again and again, leads to equal
 * times: fixed[0] + per_sample[0] * s = fixed[1] + per_sample[1] * (batch - s) has one solution. */
START_TEST(fixed_costs_come_to_equal_times) {
    static const double per_sample[] = {1, 4}, wrong[] = {8, 1}, fixed[][2] = {{0, 0}, {100, 0}, {0, 100}, {80, 200}};
    const double noise = _i % 2 ? 0.05 : 0.0;
    machine m = machine_of(2, per_sample, noise, 5);
    fcl_balance b;
    for (unsigned i = 0; i < 2; i++) m.fixed[i] = fixed[_i / 2][i];
    fcl_balance_begin(&b, 2, 500, wrong);
    run_steps(&b, &m, 1, 200);
    const double even = (m.fixed[1] + 4.0 * 500 - m.fixed[0]) / 5.0, least = m.fixed[0] + even;
    const double longest = fmax(seconds_of(&m, 0, b.samples[0]), seconds_of(&m, 1, b.samples[1]));
    ck_assert_msg(longest <= least * 1.04, "%u and %u samples take %g, %g is possible", b.samples[0], b.samples[1],
                  longest, least);
    ck_assert_uint_eq(run_steps(&b, &m, 201, 2000), 0);
}
END_TEST

START_TEST(fixed_shares_stay) {
    static const unsigned three_to_one[] = {24, 8};
    static const double two[] = {1, 1};
    fcl_balance b;
    fcl_leave_out left;
    machine m = machine_of(2, two, 0.05, 1);
    fcl_balance_fix(&b, 2, three_to_one);
    ck_assert_uint_eq(b.batch, 32);
    ck_assert_uint_eq(run_steps(&b, &m, 1, 300), 0);
    for (unsigned i = 0; i < 40; i++) ck_assert_int_eq(fcl_balance_leave_out(&b, 1000.0, &left), 0);
    ck_assert_uint_eq(b.samples[0], 24);
    ck_assert_uint_eq(b.samples[1], 8);
}
END_TEST

/* Times of another number of samples, as of an epoch's last batch, are passed over: here they would say ten times as slow. */
START_TEST(other_batches_say_nothing) {
    static const double two[] = {1, 1};
    fcl_balance b;
    machine m = machine_of(2, two, 0.0, 1);
    fcl_balance_begin(&b, 2, 64, two);
    for (unsigned step = 1; step <= 400; step++) {
        run_steps(&b, &m, step, step);
        for (unsigned i = 0; i < 20; i++) fcl_balance_note(&b, 0, 5, 50.0);
    }
    ck_assert_uint_eq(b.samples[0], 32);
}
END_TEST

/* Shares that a run recorded come again. */
START_TEST(known_shares_come_again) {
    for (unsigned s = 1; s < 1024; s++) {
        const double seconds[] = {1.0 / s, INFINITY, 1.0 / (1024 - s)};
        fcl_balance b;
        fcl_balance_begin(&b, 3, 1024, seconds);
        ck_assert_uint_eq(b.samples[0], s);
        ck_assert_uint_eq(b.samples[1], 0);
        ck_assert_uint_eq(b.samples[2], 1024 - s);
    }
}
END_TEST

/* 32 samples, speeds 1, 1/40 and 1/100: 0.77 samples are enough, 0.31 are not; and what another does not do the rest does. */
START_TEST(what_is_too_slow_is_named) {
    static const double seconds[] = {1, 100, 40};
    fcl_balance b;
    fcl_leave_out left = {0};
    fcl_balance_begin(&b, 3, 32, seconds);
    ck_assert_int_eq(fcl_balance_leave_out(&b, 0.0, &left), 1);
    ck_assert_int_eq(left.reason, FCL_LEAVE_TOO_SLOW);
    ck_assert_uint_eq(left.n, 1);
    ck_assert_uint_eq(left.index[0], 1);
    ck_assert_double_eq_tol(left.share[0], 32 * 0.01 / 1.035, 1e-12);
    fcl_balance_drop(&b, 1);
    ck_assert_uint_eq(b.samples[0], 31);
    ck_assert_uint_eq(b.samples[1], 0);
    ck_assert_uint_eq(b.samples[2], 1);
    ck_assert_int_eq(fcl_balance_leave_out(&b, 0.0, &left), 0);

    /* Of 64 equal ones 16 samples are enough for 16. */
    double equal[FCL_MAX_REPLICAS];
    for (unsigned i = 0; i < FCL_MAX_REPLICAS; i++) equal[i] = 1.0;
    fcl_balance_begin(&b, FCL_MAX_REPLICAS, 16, equal);
    ck_assert_int_eq(fcl_balance_leave_out(&b, 0.0, &left), 1);
    ck_assert_uint_eq(left.n, 48);
    for (unsigned i = 0; i < left.n; i++) fcl_balance_drop(&b, left.index[i]);
    for (unsigned i = 0; i < FCL_MAX_REPLICAS; i++) ck_assert_uint_eq(b.samples[i], i < 16);
}
END_TEST

/* A device that becomes 200 times slower is named when it has one sample and took 16 steps with it, not before. */
START_TEST(what_becomes_too_slow_is_named) {
    static const double two[] = {1, 1};
    fcl_balance b;
    fcl_leave_out left = {0};
    machine m = machine_of(2, two, 0.05, 1);
    unsigned step = 1, with_one = 0;
    fcl_balance_begin(&b, 2, 32, two);
    for (; step <= 100; step++) {
        run_steps(&b, &m, step, step);
        ck_assert_int_eq(fcl_balance_leave_out(&b, 0.0, &left), 0);
    }
    m.per_sample[0] = 200.0;
    for (; step <= 300; step++) {
        with_one += b.samples[0] == 1;
        run_steps(&b, &m, step, step);
        if (fcl_balance_leave_out(&b, 0.0, &left)) break;
    }
    ck_assert_uint_eq(with_one, 16);
    ck_assert_uint_eq(left.index[0], 0);
    ck_assert_double_eq_tol(left.share[0], 32.0 / 201.0, 0.02);
    fcl_balance_drop(&b, 0);
    ck_assert_uint_eq(b.samples[1], 32);
}
END_TEST

/* Speeds 1 and 1/3 at 40 samples: alone the first takes 40 s, together 30 s and what the exchange takes. */
START_TEST(who_is_faster_alone_stays_alone) {
    static const double two[] = {3, 1};
    const double exchange = _i ? 15.0 : 5.0;
    fcl_balance b;
    fcl_leave_out left = {0};
    machine m = machine_of(2, two, 0.0, 1);
    unsigned n_asked = 0;
    fcl_balance_begin(&b, 2, 40, two);
    ck_assert_uint_eq(b.samples[1], 30);
    for (unsigned step = 1; step <= 100 && !left.n; step++) {
        run_steps(&b, &m, step, step);
        fcl_balance_leave_out(&b, step % 5 == 0 ? 1000.0 : 30.0 + exchange, &left);
        n_asked++;
    }
    if (!_i) {
        ck_assert_uint_eq(left.n, 0);
        return;
    }
    ck_assert_uint_eq(n_asked, 16);
    ck_assert_int_eq(left.reason, FCL_LEAVE_FASTER_ALONE);
    ck_assert_uint_eq(left.fastest, 1);
    ck_assert_uint_eq(left.n, 1);
    ck_assert_uint_eq(left.index[0], 0);
    ck_assert_double_eq_tol(left.share[0], 10.0, 1e-9);
    ck_assert_double_eq_tol(left.alone_seconds, 40.0, 1e-9);
    ck_assert_double_eq_tol(left.step_seconds, 45.0, 1e-9);
    fcl_balance_drop(&b, 0);
    ck_assert_uint_eq(b.samples[1], 40);
    ck_assert_int_eq(fcl_balance_leave_out(&b, 45.0, &left), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("shares of a batch");
    TCase *tests = tcase_create("shares");
    tcase_add_loop_test(tests, a_batch_is_divided_by_largest_remainder, 0,
                        (int)(sizeof divisions / sizeof divisions[0]));
    tcase_add_test(tests, divisions_are_exact);
    tcase_add_loop_test(tests, devices_that_are_alike_begin_alike, 0, N_EVENINGS);
    tcase_add_loop_test(tests, shares_settle, 0, N_BEGINNINGS);
    tcase_add_test(tests, a_change_of_speed_is_followed);
    tcase_add_test(tests, outliers_count_for_nothing);
    tcase_add_loop_test(tests, fixed_costs_come_to_equal_times, 0, 8);
    tcase_add_test(tests, fixed_shares_stay);
    tcase_add_test(tests, other_batches_say_nothing);
    tcase_add_test(tests, known_shares_come_again);
    tcase_add_test(tests, what_is_too_slow_is_named);
    tcase_add_test(tests, what_becomes_too_slow_is_named);
    tcase_add_loop_test(tests, who_is_faster_alone_stays_alone, 0, 2);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
