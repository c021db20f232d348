/* Shares of a batch by weights: values by hand, and what holds for all of them. */
#include "net/share.h"

#include <stdint.h>

#include "support/support.h"

enum { MAX_WEIGHTS = 5 };

START_TEST(by_hand) {
    static const struct {
        size_t n, n_weights;
        unsigned weights[MAX_WEIGHTS];
        size_t counts[MAX_WEIGHTS];
    } cases[] = {
        {64, 2, {48, 16}, {48, 16}},
        {63, 2, {48, 16}, {47, 16}},                       /* 47.25, 15.75 */
        {10, 2, {48, 16}, {8, 2}},                         /* 7.5, 2.5: the first of equal remainders */
        {10, 2, {16, 48}, {3, 7}},                         /* likewise */
        {1, 2, {48, 16}, {1, 0}},                          /* 0.75, 0.25 */
        {0, 2, {48, 16}, {0, 0}},                          /* nothing to share */
        {7, 3, {1, 1, 1}, {3, 2, 2}},                      /* 2.33 each */
        {8, 3, {1, 1, 1}, {3, 3, 2}},                      /* 2.67 each */
        {2, 5, {1, 1, 1, 1, 1}, {1, 1}},                   /* fewer than there are weights */
        {7, 4, {0, 1, 0, 1}, {0, 4, 0, 3}},                /* nothing for 0 */
        {5, 4, {0, 0, 3, 0}, {0, 0, 5, 0}},                /* all for one */
        {10, 3, {6, 3, 4}, {5, 2, 3}},                     /* 4.62, 2.31, 3.08: one left */
        {64, 3, {UINT32_MAX, UINT32_MAX, 2}, {32, 32, 0}}, /* no overflow; 31.999..., 31.999..., 0.00000001 */
        {9, 1, {3}, {9}},
    };
    size_t first = 100;
    for (size_t i = 0; i < cases[_i].n_weights; i++) {
        fcl_share share =
            fcl_share_by_weights((fcl_share){100, cases[_i].n}, cases[_i].weights, cases[_i].n_weights, i);
        ck_assert_uint_eq(share.first, first);
        ck_assert_uint_eq(share.n, cases[_i].counts[i]);
        first += cases[_i].counts[i];
    }
}
END_TEST

/* One after the other they make up the batch, and each is less than a sample from its proportion. */
START_TEST(whatever_the_weights) {
    unsigned weights[MAX_WEIGHTS];
    for (unsigned code = 1; code < 4 * 4 * 4 * 4 * 4; code++) {
        unsigned sum = 0, rest = code;
        for (size_t i = 0; i < MAX_WEIGHTS; i++, rest /= 4) sum += weights[i] = rest % 4;
        for (size_t n = 0; n < 12; n++) {
            size_t next = 3;
            for (size_t i = 0; i < MAX_WEIGHTS; i++) {
                const fcl_share share = fcl_share_by_weights((fcl_share){3, n}, weights, MAX_WEIGHTS, i);
                ck_assert_uint_eq(share.first, next);
                const long apart = (long)(share.n * sum) - (long)(n * weights[i]);
                ck_assert(apart < (long)sum && -apart < (long)sum);
                if (weights[i] == 0) ck_assert_uint_eq(share.n, 0);
                next += share.n;
            }
            ck_assert_uint_eq(next, 3 + n);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("share");
    TCase *t = tcase_create("share");
    tcase_add_loop_test(t, by_hand, 0, 14);
    tcase_add_test(t, whatever_the_weights);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
