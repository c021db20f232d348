#include "ops/inspect.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/thread.h"

enum { BLOCK = 8 };
static const uint64_t sample_seed = 0x696e7370656374u;
/* Kernels scale and add terms on their way to a sum, Winograd's transforms by some hundreds: far beyond this none of them
 * overflows while the sum of all absolute values does not. */
static const double largest_sum = (double)FLT_MAX / (1 << 20);

typedef struct elements {
    const fcl_output *output;
    size_t n, *index;
    double *wanted, *magnitude;
} elements;

static void compute_block(void *context, size_t block) {
    const elements *e = context;
    const fcl_output *o = e->output;
    for (size_t i = block * BLOCK; i < (block + 1) * BLOCK && i < e->n; i++)
        e->wanted[i] =
            fcl_reference_element(&e->magnitude[i], o->desc, o->args, o->n, o->operands, o->role, e->index[i]);
}

/* Up to half of them from those that are not finite, evenly; and one random place in each of equal parts. */
static void pick(elements *e, size_t max_elements) {
    const fcl_output *o = e->output;
    const size_t end = o->first + o->count, half = max_elements / 2;
    size_t n_bad = 0, seen = 0;
    for (size_t i = o->first; i < end; i++) n_bad += !isfinite(o->result[i]);
    size_t wanted_bad = n_bad < half ? n_bad : half;
    for (size_t i = o->first; i < end && e->n < wanted_bad; i++)
        if (!isfinite(o->result[i]) && seen++ >= e->n * n_bad / wanted_bad) e->index[e->n++] = i;
    const size_t n_parts = o->count < max_elements - e->n ? o->count : max_elements - e->n;
    fcl_random_stream stream = fcl_random_stream_make(sample_seed, FCL_RANDOM_TEST, (uint32_t)o->role);
    for (size_t i = 0; i < n_parts; i++) {
        size_t begin = o->count * i / n_parts, size = o->count * (i + 1) / n_parts - begin;
        e->index[e->n++] = o->first + begin + (size_t)fcl_random_below(&stream, size);
    }
}

static fcl_inspection judge(const elements *e) {
    fcl_inspection found = {.ratio = -1.0};
    for (size_t i = 0; i < e->n; i++)
        if (!(e->magnitude[i] <= found.magnitude)) found.magnitude = e->magnitude[i];
    found.overflows = !(found.magnitude <= largest_sum);
    const double bound = e->output->solver->error_factor * (double)FLT_EPSILON * found.magnitude + (double)FLT_MIN;
    for (size_t i = 0; i < e->n; i++) {
        double got = (double)e->output->result[e->index[i]], ratio = fabs(got - e->wanted[i]) / bound;
        if (!isfinite(ratio)) ratio = (double)INFINITY;
        if (ratio <= found.ratio) continue;
        found.index = e->index[i];
        found.got = got;
        found.wanted = e->wanted[i];
        found.ratio = ratio;
    }
    return found;
}

fcl_status fcl_inspect(fcl_inspection *out, const fcl_output *output, size_t max_elements) {
    static const char what[] = "elements to inspect";
    fcl_status status;
    elements e = {.output = output};
    FCL_TRY(FCL_NEW(&e.index, max_elements, what));
    FCL_TRY(FCL_NEW(&e.wanted, max_elements, what));
    FCL_TRY(FCL_NEW(&e.magnitude, max_elements, what));
    pick(&e, max_elements);
    fcl_parallel_for((e.n + BLOCK - 1) / BLOCK, compute_block, &e);
    *out = judge(&e);
done:
    free(e.index);
    free(e.wanted);
    free(e.magnitude);
    return status;
}
