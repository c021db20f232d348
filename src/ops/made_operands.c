#include "ops/made_operands.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/thread.h"

enum {
    BLOCK_FLOATS = 1 << 16, /* what one turn of the parallel loop makes, and what is copied at a time */
    REPEATED = 1000003, /* a prime: after so many floats of an operand the same values come again, which saves time */
    FOUR_PLACES = 0x03030303, /* the bits of four places */
    TIE_STEPS = 8,            /* values for maxima are multiples of 1/8, so that ties happen in most windows */
    X_STEPS = 4,              /* of sums that tie: X are multiples of 1/4, weights of 1/2, */
    WEIGHT_STEPS = 2,
    SUM_STEPS = X_STEPS * WEIGHT_STEPS, /* and what they add up to of 1/8 */
    TIE_PERIOD = 4,                     /* channels */
};

static const uint64_t value_seed = 0x6f70657261746f72u;
static const double labelled_share = 0.7;

/* The value of an operand made from u, uniform in [-1, 1). */
static float made_value(const fcl_op_desc *desc, fcl_role role, float u) {
    int is_pool = desc->kind == FCL_POOL_FORWARD || desc->kind == FCL_POOL_BACKWARD;
    switch (role) {
    case FCL_X: {
        double x = is_pool && desc->pool.kind == FCL_MAX_POOL ? round((double)u * TIE_STEPS) / TIE_STEPS : (double)u;
        fcl_operand operands[FCL_N_ROLES];
        int n = fcl_op_operands(operands, desc), has_dx = 0;
        for (int i = 0; i < n; i++) has_dx |= operands[i].role == FCL_DX;
        /* What an activation made lies in its range. */
        return (float)(has_dx ? fcl_activation_apply(desc->x_activation, x) : x);
    }
    case FCL_MASK: return (double)u < 2.0 * labelled_share - 1.0 ? 1.0f : 0.0f;
    case FCL_V: return fabsf(u);
    default: return u;
    }
}

typedef struct maker {
    const fcl_op_desc *desc;
    fcl_role role;
    float *values;
    size_t count;
} maker;

static void make_block(void *context, size_t index) {
    const maker *m = context;
    size_t begin = index * BLOCK_FLOATS, end = begin + BLOCK_FLOATS < m->count ? begin + BLOCK_FLOATS : m->count;
    for (size_t i = begin; i < end; i += 4) {
        uint32_t words[4];
        fcl_random_block(words, value_seed, FCL_RANDOM_TEST, (uint32_t)m->role, i / 4);
        for (size_t k = 0; k < 4 && i + k < end; k++)
            if (m->role == FCL_PLACE)
                memcpy(&m->values[i + k], &(uint32_t){words[k] & FOUR_PLACES}, sizeof(uint32_t));
            else
                m->values[i + k] = made_value(m->desc, m->role, 2.0f * fcl_random_unit(words[k]) - 1.0f);
    }
}

static void make_values(const fcl_op_desc *desc, fcl_role role, float *values, size_t count) {
    maker m = {desc, role, values, count < REPEATED ? count : REPEATED};
    fcl_parallel_for((m.count + BLOCK_FLOATS - 1) / BLOCK_FLOATS, make_block, &m);
    for (size_t done = REPEATED; done < count; done += REPEATED)
        memcpy(values + done, values, (count - done < REPEATED ? count - done : REPEATED) * sizeof(float));
}

static void poison(void *values, size_t count, uint32_t kind) {
    uint32_t *words = values;
    for (size_t i = 0; i < count; i++) words[i] = kind;
}

static void plant_in_finite_check(const fcl_op_args *args, fcl_role role, void *values, size_t count) {
    float *x = values, *stats = (float *)values + 2 * (role == FCL_STATS ? args->slot : 0);
    int32_t *flag = values;
    if (role == FCL_X) x[0] = FLT_MAX; /* is finite */
    switch (args->seed) {
    case FCL_PLANTED_IN_X:
        if (role == FCL_X) x[count - 1] = -INFINITY;
        break;
    case FCL_PLANTED_IN_STATS:
        if (role == FCL_STATS) stats[1] = NAN;
        break;
    case FCL_PLANTED_IN_BOTH:
        if (role == FCL_X) x[count / 2] = NAN;
        if (role == FCL_STATS) stats[0] = INFINITY;
        break;
    case FCL_PLANTED_BEFORE:
        if (role == FCL_X) x[0] = NAN;
        if (role == FCL_FLAG) flag[0] = 1, flag[1] = 1;
        break;
    default: break;
    }
}

static void plant_in_adam(const fcl_op_args *args, fcl_role role, void *values, size_t count) {
    enum { GAP = 1, SMALL = 3, PERIOD = 4 };
    static const float small = 1e-7f;
    float *elements = values;
    if (role == FCL_FLAG) {
        ((int32_t *)values)[0] = args->seed % 2 == 1;
        return;
    }
    for (size_t i = 0; i < count && role != FCL_W; i++) {
        if (i % PERIOD == GAP) elements[i] = 0.0f;
        if (i % PERIOD == SMALL) elements[i] *= role == FCL_V ? small * small : small;
    }
}

/* Whether each element of the result depends on so few of this operand that a NaN in it goes where the reference says. */
static int passes_nan(fcl_op_kind kind, fcl_role role) {
    switch (kind) {
    case FCL_POOL_FORWARD:
    case FCL_POOL_BACKWARD:
    case FCL_ACTIVATION_FORWARD:
    case FCL_ACTIVATION_BACKWARD:
    case FCL_DROPOUT_FORWARD:
    case FCL_DROPOUT_BACKWARD:
    case FCL_ADD: return role == FCL_X || role == FCL_X2 || role == FCL_DY;
    default: return 0;
    }
}

static int has_places(const fcl_op_desc *desc) {
    return desc->kind == FCL_CONV_FORWARD && desc->fused_pool == FCL_POOL_2X2_PLACES;
}

fcl_ties fcl_made_ties(const fcl_op_desc *desc, size_t channel) {
    /* First, middle and last channels, which are looked at most, have random weights where there are a multiple of 4. */
    static const fcl_ties ties[TIE_PERIOD] = {FCL_TIES_NONE, FCL_TIES_OF_EXACT_SUMS, FCL_TIES_OF_ALL, FCL_TIES_NONE};
    return has_places(desc) ? ties[channel % TIE_PERIOD] : FCL_TIES_NONE;
}

static float rounded(float value, int steps) {
    return rintf(value * (float)steps) / (float)steps;
}

static void plant_ties(const fcl_op_desc *desc, fcl_role role, void *values, size_t count) {
    float *elements = values;
    const size_t channels = (size_t)desc->conv.out_c;
    for (size_t i = 0; i < count && role == FCL_X; i++) elements[i] = rounded(elements[i], X_STEPS);
    for (size_t i = 0; i < count && (role == FCL_W || role == FCL_B); i++) {
        const fcl_ties ties = fcl_made_ties(desc, i % channels);
        if (ties == FCL_TIES_OF_EXACT_SUMS)
            elements[i] = rounded(elements[i], role == FCL_W ? WEIGHT_STEPS : SUM_STEPS);
        if (ties == FCL_TIES_OF_ALL && role == FCL_W) elements[i] = 0.0f;
    }
}

/* What there is beyond random values. */
static void plant(const fcl_op_desc *desc, const fcl_op_args *args, fcl_role role, void *values, size_t count) {
    static const float nan_from = 0.8f; /* a tenth of all */
    float *elements = values;
    if (role == FCL_FLAG) memset(values, 0, count * sizeof(int32_t));
    if (desc->kind == FCL_FINITE_CHECK) plant_in_finite_check(args, role, values, count);
    if (desc->kind == FCL_ADAM) plant_in_adam(args, role, values, count);
    if (has_places(desc)) plant_ties(desc, role, values, count);
    const int is_all_nan = desc->kind == FCL_LOSS_MSE && role == FCL_X && args->inverse_count == 0.0f;
    if (!is_all_nan && !passes_nan(desc->kind, role)) return;
    for (size_t i = 0; i < count; i++)
        if (is_all_nan || elements[i] > nan_from) elements[i] = NAN;
}

fcl_status fcl_buffer_poison(fcl_buffer *buffer) {
    fcl_status status = FCL_OK;
    size_t n_bytes = fcl_buffer_bytes(buffer), piece_bytes = (size_t)BLOCK_FLOATS * sizeof(float);
    if (piece_bytes > n_bytes) piece_bytes = n_bytes;
    uint32_t *piece = NULL;
    FCL_TRY(FCL_NEW(&piece, BLOCK_FLOATS, "a block of NaN"));
    poison(piece, BLOCK_FLOATS, FCL_POISON_UNREADABLE);
    for (size_t offset = 0; offset < n_bytes; offset += piece_bytes) {
        size_t left = n_bytes - offset;
        FCL_TRY(fcl_buffer_write(buffer, offset, piece, left < piece_bytes ? left : piece_bytes));
    }
done:
    free(piece);
    return status;
}

void fcl_made_operands_free(fcl_made_operands *made) {
    if (!made) return;
    for (int role = 0; role < FCL_N_ROLES; role++) {
        free(made->bytes[role]);
        fcl_buffer_free(made->device.buffer[role]);
    }
    free(made);
}

/* The list of operands with counts of n samples. */
static void list_operands(fcl_made_operands *made, const fcl_op_desc *desc, int n) {
    assert(1 <= n && n <= desc->batch);
    fcl_op_desc part = *desc;
    part.batch = n;
    made->n_operands = fcl_op_operands(made->list, &part);
}

fcl_status fcl_made_operands_create(fcl_made_operands **out, fcl_device *device, const fcl_op_desc *desc, int n,
                                    const fcl_op_args *args) {
    fcl_status status;
    fcl_made_operands *made = NULL;
    FCL_TRY(FCL_NEW(&made, 1, "operands of a check"));
    list_operands(made, desc, n);
    for (int i = 0; i < made->n_operands; i++) {
        fcl_operand operand = made->list[i];
        size_t n_bytes = operand.count * sizeof(float);
        float *values = NULL;
        FCL_TRY(FCL_NEW(&values, operand.count + FCL_GUARD_FLOATS, "operands of a check"));
        made->bytes[operand.role] = values;
        made->host.data[operand.role] = values;
        poison(values, operand.count + FCL_GUARD_FLOATS,
               operand.is_output ? FCL_POISON_UNWRITTEN : FCL_POISON_UNREADABLE);
        if (operand.is_input || (args->accumulate && fcl_op_accumulates(desc, operand.role))) {
            make_values(desc, operand.role, values, operand.count);
            plant(desc, args, operand.role, values, operand.count);
        }
        fcl_buffer **buffer = &made->device.buffer[operand.role];
        n_bytes += FCL_GUARD_FLOATS * sizeof(float);
        FCL_TRY(fcl_buffer_create(buffer, device, n_bytes, "an operand of a check"));
        FCL_TRY(fcl_buffer_write(*buffer, 0, values, n_bytes));
    }
    *out = made;
    made = NULL;
done:
    fcl_made_operands_free(made);
    return status;
}

/* One operand for whichever of the operations have it, with values as the first of them wants. */
static fcl_status make_shared(fcl_made_operands *made, fcl_device *device, fcl_role role, const fcl_op_desc *descs,
                              size_t n_descs, float *block) {
    fcl_status status = FCL_OK;
    const fcl_op_args no_args = {0};
    const fcl_op_desc *first = NULL;
    size_t count = 0;
    for (size_t d = n_descs; d-- > 0;) {
        fcl_operand operands[FCL_N_ROLES];
        int n = fcl_op_operands(operands, &descs[d]);
        for (int i = 0; i < n; i++) {
            if (operands[i].role != role) continue;
            first = &descs[d];
            if (operands[i].count > count) count = operands[i].count;
        }
    }
    if (!first) return FCL_OK;
    fcl_buffer **buffer = &made->device.buffer[role];
    FCL_TRY(fcl_buffer_create(buffer, device, count * sizeof(float), "an operand of a measurement"));
    make_values(first, role, block, count < BLOCK_FLOATS ? count : BLOCK_FLOATS);
    if (role == FCL_FLAG) plant(first, &no_args, FCL_FLAG, block, count);
    for (size_t done = 0; done < count; done += BLOCK_FLOATS) {
        size_t left = count - done, piece = left < BLOCK_FLOATS ? left : BLOCK_FLOATS;
        FCL_TRY(fcl_buffer_write(*buffer, done * sizeof(float), block, piece * sizeof(float)));
    }
done:
    return status;
}

fcl_status fcl_made_operands_create_for_timing(fcl_made_operands **out, fcl_device *device, const fcl_op_desc *descs,
                                               size_t n_descs) {
    fcl_status status;
    fcl_made_operands *made = NULL;
    float *block = NULL;
    FCL_TRY(FCL_NEW(&made, 1, "operands of a measurement"));
    FCL_TRY(FCL_NEW(&block, BLOCK_FLOATS, "operands of a measurement"));
    for (int role = 0; role < FCL_N_ROLES; role++)
        FCL_TRY(make_shared(made, device, (fcl_role)role, descs, n_descs, block));
    *out = made;
    made = NULL;
done:
    free(block);
    fcl_made_operands_free(made);
    return status;
}
