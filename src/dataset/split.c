#include "dataset/split.h"

#include "base/memory.h"
#include "base/random.h"
#include "dataset/groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { UNASSIGNED = -1 };

void fcl_row_split_dispose(fcl_row_split *split) {
    for (int s = 0; s < FCL_N_SPLITS; s++) free(split->samples[s]);
    *split = (fcl_row_split){.n_groups = 0};
}

static fcl_status counts_from_shares(size_t asked[FCL_N_SPLITS], size_t n, const double shares[FCL_N_SPLITS]) {
    const double tolerance = 1e-6; /* of decimal fractions that a person typed */
    double sum = 0.0;
    for (int s = 0; s < FCL_N_SPLITS; s++) {
        if (!(shares[s] >= 0.0 && shares[s] <= 1.0))
            return fcl_fail(FCL_E_USAGE, "a split with a share of %g; shares are between 0 and 1", shares[s]);
        sum += shares[s];
    }
    if (fabs(sum - 1.0) > tolerance) return fcl_fail(FCL_E_USAGE, "the shares of a split sum to %g, not to 1", sum);
    asked[FCL_VALIDATION] = (size_t)((double)n * shares[FCL_VALIDATION] + 0.5);
    asked[FCL_TEST] = (size_t)((double)n * shares[FCL_TEST] + 0.5);
    size_t others = asked[FCL_VALIDATION] + asked[FCL_TEST];
    asked[FCL_TRAIN] = others < n ? n - others : 0;
    return FCL_OK;
}

static fcl_status find_counts(size_t asked[FCL_N_SPLITS], const fcl_dataset *dataset, const fcl_prepare_options *o) {
    const size_t n = dataset->n;
    size_t sum = 0;
    int given = 0;
    for (int s = 0; s < FCL_N_SPLITS; s++) {
        given |= o->counts[s] > 0;
        if (o->counts[s] > n - sum)
            return fcl_fail(FCL_E_USAGE, "a split into %zu, %zu and %zu rows; '%s' has %zu", o->counts[0], o->counts[1],
                            o->counts[2], dataset->source, n);
        sum += o->counts[s];
    }
    fcl_status status = FCL_OK;
    if (given)
        memcpy(asked, o->counts, sizeof o->counts);
    else
        status = counts_from_shares(asked, n, o->shares);
    for (int s = 0; status == FCL_OK && s < FCL_N_SPLITS; s++)
        if (asked[s] == 0)
            status =
                fcl_fail(FCL_E_USAGE, "the split leaves no row of %zu for %s; each of the three needs at least one", n,
                         fcl_split_name((fcl_split)s));
    return status;
}

/* Groups in the order in which they are taken. */
typedef struct assignment {
    const uint32_t *order;
    const size_t *sizes;
    int *split_of;
    size_t n;
} assignment;

/* Gives `split` every group, in order, that still fits into `asked` rows; then the smallest one left if that comes nearer
 * to `asked`. */
static void take(assignment *a, fcl_split split, size_t asked) {
    size_t lacking = asked, smallest = a->n;
    for (size_t i = 0; i < a->n; i++) {
        uint32_t g = a->order[i];
        if (a->split_of[g] != UNASSIGNED) continue;
        if (a->sizes[g] <= lacking) {
            a->split_of[g] = (int)split;
            lacking -= a->sizes[g];
        } else if (smallest == a->n || a->sizes[g] < a->sizes[smallest]) {
            smallest = g;
        }
    }
    if (smallest < a->n && lacking > 0 && a->sizes[smallest] < 2 * lacking) a->split_of[smallest] = (int)split;
}

static void take_rest(assignment *a, fcl_split split) {
    for (size_t g = 0; g < a->n; g++)
        if (a->split_of[g] == UNASSIGNED) a->split_of[g] = (int)split;
}

static fcl_status collect(fcl_row_split *out, const assignment *a, const uint32_t *group, size_t n) {
    out->left_out = n;
    for (int s = 0; s < FCL_N_SPLITS; s++) {
        fcl_status status = FCL_NEW(&out->samples[s], n, "a split");
        if (status != FCL_OK) return status;
        for (size_t i = 0; i < n; i++)
            if (a->split_of[group[i]] == s) out->samples[s][out->n[s]++] = (uint32_t)i;
        if (out->n[s] == 0)
            return fcl_fail(FCL_E_INPUT,
                            "with %zu groups of rows, none is left for %s: use smaller groups or other counts", a->n,
                            fcl_split_name((fcl_split)s));
        out->left_out -= out->n[s];
    }
    return FCL_OK;
}

fcl_status fcl_row_split_make(fcl_row_split *out, const fcl_dataset *dataset, const fcl_prepare_options *options) {
    fcl_status status;
    const size_t n = dataset->n;
    fcl_row_split split = {.n_groups = 0};
    uint32_t *group = NULL, *order = NULL;
    size_t *sizes = NULL, n_groups = n;
    int *split_of = NULL;
    FCL_TRY(find_counts(split.asked, dataset, options));
    if (options->group_file) {
        FCL_TRY(fcl_groups_read(&group, &n_groups, dataset, options->group_file, options->group_column));
        split.n_groups = n_groups;
    } else {
        FCL_TRY(FCL_NEW(&group, n, "a split"));
        for (size_t i = 0; i < n; i++) group[i] = (uint32_t)i;
    }
    FCL_TRY(FCL_NEW(&order, n_groups, "a split"));
    FCL_TRY(FCL_NEW(&sizes, n_groups, "a split"));
    FCL_TRY(FCL_NEW(&split_of, n_groups, "a split"));
    for (size_t i = 0; i < n; i++) sizes[group[i]]++;
    for (size_t g = 0; g < n_groups; g++) split_of[g] = UNASSIGNED;
    fcl_random_permutation(order, n_groups, options->seed, FCL_RANDOM_SPLIT, 0);
    assignment a = {.order = order, .sizes = sizes, .split_of = split_of, .n = n_groups};
    take(&a, FCL_TEST, split.asked[FCL_TEST]);
    take(&a, FCL_VALIDATION, split.asked[FCL_VALIDATION]);
    if (split.asked[FCL_TRAIN] + split.asked[FCL_VALIDATION] + split.asked[FCL_TEST] == n)
        take_rest(&a, FCL_TRAIN);
    else
        take(&a, FCL_TRAIN, split.asked[FCL_TRAIN]);
    FCL_TRY(collect(&split, &a, group, n));
    *out = split;
    split = (fcl_row_split){.n_groups = 0};
done:
    fcl_row_split_dispose(&split);
    free(group);
    free(order);
    free(sizes);
    free(split_of);
    return status;
}
