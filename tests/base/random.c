/* Random numbers and checksums against the values that their authors publish. */
#include "base/random.h"
#include "base/file.h"
#include "base/hash.h"
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, result. */
static const struct {
    uint32_t counter[4], key[2], result[4];
} philox_rows[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

START_TEST(philox_gives_the_known_answers) {
    for (size_t row = 0; row < sizeof philox_rows / sizeof *philox_rows; row++) {
        const uint32_t *c = philox_rows[row].counter, *k = philox_rows[row].key;
        uint32_t block[4];
        fcl_random_block(block, (uint64_t)k[1] << 32 | k[0], c[3], c[2], (uint64_t)c[1] << 32 | c[0]);
        for (int i = 0; i < 4; i++) ck_assert_uint_eq(block[i], philox_rows[row].result[i]);
    }
}
END_TEST

START_TEST(unit_is_the_top_24_bits) {
    ck_assert(fcl_random_unit(0) == 0.0f);
    ck_assert(fcl_random_unit(0xff) == 0.0f);
    ck_assert(fcl_random_unit(0x80000000u) == 0.5f);
    ck_assert(fcl_random_unit(0x100) == 0x1p-24f);
    ck_assert(fcl_random_unit(UINT32_MAX) == 1.0f - 0x1p-24f);
}
END_TEST

START_TEST(stream_is_blocks_in_turn) {
    /* The first word of a uniform number is its high half; position counts blocks. */
    fcl_random_stream stream = fcl_random_stream_make(99, FCL_RANDOM_TEST, 7);
    for (uint64_t position = 0; position < 3; position++) {
        uint32_t block[4];
        fcl_random_block(block, 99, FCL_RANDOM_TEST, 7, position);
        for (int i = 0; i < 4; i += 2) {
            uint64_t bits = ((uint64_t)block[i] << 32 | block[i + 1]) >> 11;
            ck_assert(fcl_random_uniform(&stream, -1.0, 3.0) == -1.0 + 4.0 * (double)bits / 9007199254740992.0);
        }
    }
}
END_TEST

START_TEST(normal_has_its_moments) {
    enum { N = 200000 };
    fcl_random_stream stream = fcl_random_stream_make(5, FCL_RANDOM_TEST, 0);
    double moment[5] = {0};
    for (int i = 0; i < N; i++) {
        double x = fcl_random_normal(&stream);
        ck_assert(isfinite(x));
        for (int k = 1; k <= 4; k++) moment[k] += pow(x, k) / N;
    }
    /* Six standard errors: sqrt(var(x^k) / N) with var 1, 2, 15, 96. */
    ck_assert_double_eq_tol(moment[1], 0.0, 6 * sqrt(1.0 / N));
    ck_assert_double_eq_tol(moment[2], 1.0, 6 * sqrt(2.0 / N));
    ck_assert_double_eq_tol(moment[3], 0.0, 6 * sqrt(15.0 / N));
    ck_assert_double_eq_tol(moment[4], 3.0, 6 * sqrt(96.0 / N));
}
END_TEST

START_TEST(below_is_uniform) {
    enum { N = 70000, SIDES = 7 };
    fcl_random_stream stream = fcl_random_stream_make(6, FCL_RANDOM_TEST, 0);
    int seen[SIDES] = {0};
    for (int i = 0; i < N; i++) {
        uint64_t side = fcl_random_below(&stream, SIDES);
        ck_assert_uint_lt(side, SIDES);
        seen[side]++;
    }
    double chi = 0.0, expected = (double)N / SIDES;
    for (int i = 0; i < SIDES; i++) chi += (seen[i] - expected) * (seen[i] - expected) / expected;
    /* The 99.99 % point of chi squared with 6 degrees of freedom. */
    ck_assert_double_lt(chi, 27.9);
    ck_assert_uint_eq(fcl_random_below(&stream, 1), 0);
    /* Where a plain remainder would favour the lower half three to one. */
    uint64_t n = 3ull << 62;
    int low = 0;
    for (int i = 0; i < 1000; i++) low += fcl_random_below(&stream, n) < n / 3;
    ck_assert_int_ge(low, 1000 / 3 - 90);
    ck_assert_int_le(low, 1000 / 3 + 90);
}
END_TEST

START_TEST(permutation_is_one_and_every_order_comes) {
    enum { N = 1000 };
    uint32_t order[N], again[N], other[N];
    fcl_random_permutation(order, N, 1, FCL_RANDOM_SHUFFLE, 1);
    fcl_random_permutation(again, N, 1, FCL_RANDOM_SHUFFLE, 1);
    fcl_random_permutation(other, N, 1, FCL_RANDOM_SHUFFLE, 2);
    ck_assert_mem_eq(order, again, sizeof order);
    ck_assert_mem_ne(order, other, sizeof order);
    char seen[N] = {0};
    for (int i = 0; i < N; i++) {
        ck_assert_uint_lt(order[i], N);
        ck_assert_int_eq(seen[order[i]]++, 0);
    }
    int orders[6] = {0};
    for (uint32_t step = 0; step < 6000; step++) {
        uint32_t p[3];
        fcl_random_permutation(p, 3, 2, FCL_RANDOM_TEST, step);
        orders[p[0] * 2 + (p[1] > p[2])]++;
    }
    for (int i = 0; i < 6; i++) {
        ck_assert_int_gt(orders[i], 1000 - 6 * 29); /* six standard deviations of a sixth of 6000 */
        ck_assert_int_lt(orders[i], 1000 + 6 * 29);
    }
    fcl_random_permutation(order, 0, 1, FCL_RANDOM_TEST, 0);
    fcl_random_permutation(order, 1, 1, FCL_RANDOM_TEST, 0);
    ck_assert_uint_eq(order[0], 0);
}
END_TEST

/* XXH3, 128 bits, seed 0: what xxhsum -H2 prints. */
static const struct {
    const char *text, *hash;
} hash_rows[] = {
    {"", "99aa06d3014798d86001c324468d497f"},
    {"a", "a96faf705af16834e6c632b61e964e1f"},
    {"abc", "06b05ab6733a618578af5f94892f3950"},
};

START_TEST(hash_gives_the_known_answers) {
    char got[FCL_HASH_TEXT_BYTES], *folder = test_folder_create(), *path = fcl_path_join(folder, "file");
    for (size_t row = 0; row < sizeof hash_rows / sizeof *hash_rows; row++) {
        const char *text = hash_rows[row].text;
        fcl_hash_bytes(got, text, strlen(text));
        ck_assert_str_eq(got, hash_rows[row].hash);
        fcl_hash *hash;
        ck_ok(fcl_hash_create(&hash));
        for (const char *c = text; *c; c++) fcl_hash_add(hash, c, 1);
        fcl_hash_finish(hash, got);
        fcl_hash_free(hash);
        ck_assert_str_eq(got, hash_rows[row].hash);
        ck_ok(fcl_file_write(path, text, strlen(text)));
        ck_ok(fcl_hash_file(got, path));
        ck_assert_str_eq(got, hash_rows[row].hash);
    }
    ck_fails(fcl_hash_file(got, folder), FCL_E_IO, folder);
    ck_ok(fcl_file_remove(path));
    ck_fails(fcl_hash_file(got, path), FCL_E_IO, path);
    free(path);
    test_folder_remove(folder);
}
END_TEST

START_TEST(hashed_strings_do_not_run_together) {
    const char *pairs[2][2] = {{"ab", "c"}, {"a", "bc"}};
    char got[2][FCL_HASH_TEXT_BYTES];
    for (int i = 0; i < 2; i++) {
        fcl_hash *hash;
        ck_ok(fcl_hash_create(&hash));
        for (int k = 0; k < 2; k++) fcl_hash_add_string(hash, pairs[i][k]);
        fcl_hash_finish(hash, got[i]);
        fcl_hash_free(hash);
    }
    ck_assert_str_ne(got[0], got[1]);
    fcl_hash_free(NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base: random numbers and checksums");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, philox_gives_the_known_answers);
    tcase_add_test(tests, unit_is_the_top_24_bits);
    tcase_add_test(tests, stream_is_blocks_in_turn);
    tcase_add_test(tests, normal_has_its_moments);
    tcase_add_test(tests, below_is_uniform);
    tcase_add_test(tests, permutation_is_one_and_every_order_comes);
    tcase_add_test(tests, hash_gives_the_known_answers);
    tcase_add_test(tests, hashed_strings_do_not_run_together);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
