#include "ops/selftest.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ops/selection.h"

const char *fcl_outcome_name(fcl_outcome outcome) {
    static const char *const names[FCL_N_OUTCOMES] = {
        [FCL_OUTCOME_PASSED] = "passed",
        [FCL_OUTCOME_WRONG] = "wrong",
        [FCL_OUTCOME_BROKEN] = "broken",
        [FCL_OUTCOME_NOT_SUPPORTED] = "not supported",
    };
    assert((unsigned)outcome < FCL_N_OUTCOMES);
    return names[outcome];
}

static const fcl_activation activations[] = {
    {FCL_LEAKY_RELU, 0.1f}, {FCL_ELU, 1.5f}, {FCL_RELU, 0.0f}, {FCL_LINEAR, 0.0f}};
enum { N_ACTIVATIONS = sizeof activations / sizeof *activations };

typedef struct conv {
    int batch, in_h, in_w, in_c, out_c, kernel_h, kernel_w, stride_h, stride_w, same;
} conv;

static const conv convs[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0},       /* nothing but one product */
    {3, 5, 7, 16, 32, 3, 3, 1, 1, 1},     /* Winograd: tiles that reach beyond both sides */
    {5, 9, 10, 16, 16, 3, 3, 1, 1, 1},    /* a last block that is not full */
    {2, 13, 6, 48, 48, 3, 3, 1, 1, 0},    /* no padding; more tiles than a block */
    {2, 11, 13, 7, 19, 3, 5, 1, 1, 1},    /* prime channels, a kernel that is no square */
    {2, 9, 8, 6, 10, 2, 3, 1, 2, 0},      /* strides and kernels that differ by direction */
    {2, 12, 9, 3, 33, 5, 3, 2, 2, 1},     /* a stride that does not divide */
    {3, 8, 8, 1, 32, 3, 3, 1, 1, 0},      /* the first layer: taps taken together */
    {2, 6, 30, 2, 17, 4, 4, 3, 3, 0},     /* columns that no tap reads */
    {2, 4, 2, 5, 16, 3, 3, 1, 1, 1},      /* narrower than the kernel */
    {2, 7, 7, 40, 24, 1, 1, 1, 1, 0},     /* a product of matrices */
    {2, 17, 10, 40, 136, 3, 3, 2, 1, 1},  /* several tiles of rows and columns; dy has gaps */
    {2, 5, 25, 32, 20, 3, 3, 1, 1, 1},    /* several blocks of a row and of channels, the last ones not full */
    {2, 7, 45, 3, 32, 3, 3, 2, 2, 1},     /* and with a stride */
    {2, 6, 27, 5, 32, 3, 3, 1, 1, 0},     /* the same without padding */
    {3, 21, 22, 16, 32, 3, 3, 1, 1, 1},   /* Winograd: few channels, so many tiles that they are done in parts */
    {2, 24, 22, 16, 1824, 3, 3, 1, 1, 1}, /* Winograd: so many channels that tiles are done in several chunks */
    {2, 29, 41, 48, 96, 3, 3, 1, 1, 1},   /* Winograd: a chunk of more tiles than the first-level cache holds */
};

/* With pooling in them. Their order gives those that are for Winograd the activations with which they share programs with the
 * above: compiling is what takes the time. */
static const conv pooled_convs[] = {
    {1, 2, 3, 1, 1, 1, 1, 1, 1, 0},       /* one cell, one channel, a place in a word of its own */
    {6, 5, 7, 16, 32, 3, 3, 1, 1, 1},     /* a row and a column are dropped, which a tile has and one has not */
    {5, 11, 10, 16, 16, 3, 3, 1, 1, 1},   /* a last block that is not full; of the last tile a quarter is left */
    {6, 11, 11, 48, 32, 3, 3, 1, 1, 0},   /* no padding: a row and a column of x are read for nothing, within tiles */
    {2, 11, 13, 7, 19, 3, 5, 1, 1, 1},    /* prime channels, a kernel that is no square */
    {3, 8, 9, 1, 32, 3, 3, 1, 1, 0},      /* the first layer: taps taken together; a column is dropped */
    {4, 12, 9, 3, 33, 5, 3, 2, 2, 1},     /* strides; several samples of an item, some of which another one has */
    {2, 5, 27, 32, 20, 3, 3, 1, 1, 1},    /* several blocks of a row, the last one shifted, and of channels, not full */
    {2, 25, 22, 16, 1824, 3, 3, 1, 1, 1}, /* several chunks; a row that is dropped, and no tile */
};

static const struct {
    int batch, in, out;
} denses[] = {{1, 1, 1}, {2, 16, 30}, {13, 67, 30}, {25, 130, 48}, {4, 17, 1}, {3, 300, 33}};

static const fcl_pool_shape pools[] = {
    {FCL_MAX_POOL, 8, 6, 32, 4, 3, 2, 2, 2, 2, 0, 0},     /* the networks' own */
    {FCL_MAX_POOL, 9, 7, 16, 4, 3, 2, 2, 2, 2, 0, 0},     /* a last row and column that no window holds */
    {FCL_MAX_POOL, 5, 5, 7, 2, 2, 2, 2, 2, 2, 0, 0},      /* prime channels */
    {FCL_MAX_POOL, 6, 9, 12, 6, 3, 1, 3, 1, 3, 0, 0},     /* windows wider than high */
    {FCL_MAX_POOL, 7, 8, 5, 3, 3, 3, 3, 2, 2, 0, 0},      /* overlapping */
    {FCL_MAX_POOL, 7, 7, 16, 4, 4, 3, 3, 2, 2, 1, 1},     /* and padded on both sides */
    {FCL_MAX_POOL, 5, 5, 8, 3, 3, 2, 2, 2, 2, 0, 0},      /* padded after the end */
    {FCL_MAX_POOL, 5, 4, 8, 3, 2, 2, 2, 2, 2, 0, 0},      /* below only */
    {FCL_MAX_POOL, 4, 5, 8, 2, 3, 2, 2, 2, 2, 0, 0},      /* on the right only */
    {FCL_MAX_POOL, 5, 5, 8, 3, 3, 2, 2, 2, 2, 1, 1},      /* before the beginning only */
    {FCL_MAX_POOL, 5, 6, 3, 3, 3, 2, 3, 2, 3, 1, 1},      /* padded, apart */
    {FCL_MAX_POOL, 8, 8, 4, 3, 4, 2, 1, 3, 2, 0, 0},      /* gaps between windows */
    {FCL_MAX_POOL, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0},      /* one pixel */
    {FCL_MAX_POOL, 6, 5, 16, 1, 1, 6, 5, 6, 5, 0, 0},     /* the whole image */
    {FCL_AVERAGE_POOL, 9, 7, 16, 4, 3, 2, 2, 2, 2, 0, 0}, /* as above */
    {FCL_AVERAGE_POOL, 7, 8, 5, 3, 3, 3, 3, 2, 2, 0, 0},  {FCL_AVERAGE_POOL, 7, 7, 16, 4, 4, 3, 3, 2, 2, 1, 1},
    {FCL_AVERAGE_POOL, 5, 6, 3, 3, 3, 2, 3, 2, 3, 1, 1},
};

/* Element-wise operations: odd, prime, one, divisible by each vector width, more than one work-item's share. */
static const struct {
    int batch;
    size_t count;
} flats[] = {{3, 5}, {1, 1}, {2, 13}, {4, 4}, {3, 24}, {2, 1024}, {3, 9999}, {3, 9984}, {18, 7}, {16, 3}};

/* Loss: more elements than its partial sums take one each. Finite check and Adam: in all. */
static const struct {
    int batch;
    size_t count;
} losses[] = {{3, 30}, {1, 1}, {7, 13}, {64, 30}, {2, 5000}};
static const size_t totals[] = {1, 13, 64, 1000, 9999, 20480, 300001};

typedef struct shapes {
    fcl_op_desc *list;
    size_t n, capacity;
} shapes;

static fcl_status add(shapes *s, const fcl_op_desc *desc) {
    fcl_status status;
    FCL_TRY(fcl_grow((void **)&s->list, &s->capacity, s->n + 1, sizeof *s->list, "shapes"));
    s->list[s->n++] = *desc;
done:
    return status;
}

/* The three directions of a convolution or dense layer. */
static fcl_status add_directions(shapes *s, fcl_op_desc desc, fcl_op_kind forward, size_t i) {
    static_assert(FCL_CONV_BACKWARD_DATA == FCL_CONV_FORWARD + 1 && FCL_CONV_BACKWARD_WEIGHTS == FCL_CONV_FORWARD + 2 &&
                      FCL_DENSE_BACKWARD_DATA == FCL_DENSE_FORWARD + 1 &&
                      FCL_DENSE_BACKWARD_WEIGHTS == FCL_DENSE_FORWARD + 2,
                  "directions follow each other");
    fcl_status status;
    desc.kind = forward;
    desc.weights_stay = desc.fused_pool != FCL_POOL_2X2_PLACES;
    desc.activation = activations[i % N_ACTIVATIONS];
    FCL_TRY(add(s, &desc));
    desc.weights_stay = 0;
    desc.activation = (fcl_activation){FCL_LINEAR, 0.0f};
    desc.kind = (fcl_op_kind)(forward + 2);
    FCL_TRY(add(s, &desc));
    desc.kind = (fcl_op_kind)(forward + 1);
    desc.x_activation = activations[(i + 1) % N_ACTIVATIONS];
    FCL_TRY(add(s, &desc));
done:
    return status;
}

static fcl_conv_shape shape_of(const conv *shape) {
    fcl_conv_shape c = {.in_h = shape->in_h,
                        .in_w = shape->in_w,
                        .in_c = shape->in_c,
                        .out_c = shape->out_c,
                        .kernel_h = shape->kernel_h,
                        .kernel_w = shape->kernel_w,
                        .stride_h = shape->stride_h,
                        .stride_w = shape->stride_w};
    c.out_h = shape->same ? (c.in_h + c.stride_h - 1) / c.stride_h : (c.in_h - c.kernel_h) / c.stride_h + 1;
    c.out_w = shape->same ? (c.in_w + c.stride_w - 1) / c.stride_w : (c.in_w - c.kernel_w) / c.stride_w + 1;
    const int rows = (c.out_h - 1) * c.stride_h + c.kernel_h - c.in_h,
              columns = (c.out_w - 1) * c.stride_w + c.kernel_w - c.in_w;
    c.pad_top = rows > 0 ? rows / 2 : 0;
    c.pad_left = columns > 0 ? columns / 2 : 0;
    return c;
}

static fcl_status add_convs(shapes *s) {
    fcl_status status = FCL_OK;
    for (size_t i = 0; i < sizeof convs / sizeof *convs; i++) {
        const fcl_op_desc desc = {.batch = convs[i].batch, .conv = shape_of(&convs[i])};
        FCL_TRY(add_directions(s, desc, FCL_CONV_FORWARD, i));
    }
done:
    return status;
}

/* As a network has them: with places in training, without for inference, for which weights stay. */
static fcl_status add_pooled_convs(shapes *s) {
    fcl_status status = FCL_OK;
    for (size_t i = 0; i < sizeof pooled_convs / sizeof *pooled_convs; i++) {
        fcl_op_desc desc = {
            .batch = pooled_convs[i].batch, .fused_pool = FCL_POOL_2X2_PLACES, .conv = shape_of(&pooled_convs[i])};
        FCL_TRY(add_directions(s, desc, FCL_CONV_FORWARD, i));
        desc.kind = FCL_CONV_FORWARD;
        desc.activation = activations[i % N_ACTIVATIONS];
        desc.fused_pool = FCL_POOL_2X2;
        desc.weights_stay = 1;
        FCL_TRY(add(s, &desc));
    }
done:
    return status;
}

static fcl_status add_denses(shapes *s) {
    fcl_status status = FCL_OK;
    for (size_t i = 0; i < sizeof denses / sizeof *denses; i++) {
        const fcl_op_desc desc = {.batch = denses[i].batch, .dense = {.in = denses[i].in, .out = denses[i].out}};
        FCL_TRY(add_directions(s, desc, FCL_DENSE_FORWARD, i));
    }
done:
    return status;
}

static fcl_status add_pools(shapes *s) {
    fcl_status status = FCL_OK;
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        fcl_op_desc desc = {
            .kind = FCL_POOL_FORWARD, .batch = 3, .activation = activations[i % N_ACTIVATIONS], .pool = pools[i]};
        FCL_TRY(add(s, &desc));
        desc.kind = FCL_POOL_BACKWARD;
        desc.activation = (fcl_activation){FCL_LINEAR, 0.0f};
        desc.x_activation = activations[(i + 1) % N_ACTIVATIONS];
        FCL_TRY(add(s, &desc));
    }
done:
    return status;
}

/* What goes over its operands element by element, and what a step of training ends with. */
static fcl_status add_flats(shapes *s) {
    static const fcl_op_kind kinds[] = {FCL_ACTIVATION_FORWARD, FCL_ACTIVATION_BACKWARD, FCL_DROPOUT_FORWARD,
                                        FCL_DROPOUT_BACKWARD, FCL_ADD};
    fcl_status status = FCL_OK;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; i < sizeof flats / sizeof *flats; i++) {
            const int is_dropout = kinds[k] == FCL_DROPOUT_FORWARD || kinds[k] == FCL_DROPOUT_BACKWARD;
            const int is_backward = kinds[k] == FCL_ACTIVATION_BACKWARD || kinds[k] == FCL_DROPOUT_BACKWARD;
            fcl_op_desc desc = {
                .kind = kinds[k], .batch = flats[i].batch, .rate = is_dropout ? 0.3f : 0.0f, .flat = {flats[i].count}};
            *(is_backward ? &desc.x_activation : &desc.activation) = activations[(i + k) % N_ACTIVATIONS];
            FCL_TRY(add(s, &desc));
        }
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        const fcl_op_desc desc = {.kind = FCL_LOSS_MSE,
                                  .batch = losses[i].batch,
                                  .x_activation = activations[(i + 3) % N_ACTIVATIONS],
                                  .flat = {losses[i].count}};
        FCL_TRY(add(s, &desc));
    }
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        fcl_op_desc desc = {.kind = FCL_FINITE_CHECK, .batch = 1, .flat = {totals[i]}};
        FCL_TRY(add(s, &desc));
        desc.kind = FCL_ADAM;
        FCL_TRY(add(s, &desc));
    }
done:
    return status;
}

fcl_status fcl_selftest_shapes(fcl_op_desc **out, size_t *n) {
    fcl_status status;
    shapes s = {0};
    FCL_TRY(add_flats(&s));
    FCL_TRY(add_pools(&s));
    FCL_TRY(add_denses(&s));
    FCL_TRY(add_pooled_convs(&s));
    FCL_TRY(add_convs(&s));
    *out = s.list;
    *n = s.n;
    s.list = NULL;
done:
    free(s.list);
    return status;
}

/* Every variant at one number of samples, into the result of those before. */
static fcl_status check_samples(fcl_selftest_result *result, fcl_device *device, const fcl_op_desc *desc,
                                const fcl_solver *solver, int n) {
    enum { SAMPLED = 500 };
    static const double max_flop = 4e7; /* for the reference to compute every element */
    fcl_status status = FCL_OK;
    const size_t max_elements = fcl_op_flop(desc, n) <= max_flop ? 0 : SAMPLED;
    for (int variant = 0; variant < fcl_gate_n_variants(desc) && result->report.passed; variant++) {
        const fcl_op_args args = fcl_gate_args(desc, variant);
        fcl_gate_report report;
        FCL_TRY(fcl_gate_check(&report, device, solver, desc, n, &args, max_elements));
        if (!report.passed || report.worst_ratio >= result->report.worst_ratio) result->report = report;
    }
done:
    return status;
}

static fcl_status check_hard_shape(fcl_selftest_result *result, fcl_device *device, const fcl_op_desc *desc,
                                   const fcl_solver *solver) {
    fcl_status status;
    const int batch = desc->batch;
    result->report = (fcl_gate_report){.passed = 1, .worst_ratio = -1.0};
    FCL_TRY(check_samples(result, device, desc, solver, batch));
    if (batch > 1 && result->report.passed) FCL_TRY(check_samples(result, device, desc, solver, 1));
    if (batch > 2 && result->report.passed) FCL_TRY(check_samples(result, device, desc, solver, batch - 1));
done:
    return status;
}

fcl_status fcl_selftest_run(fcl_selftest_result *out, fcl_device *device, const fcl_op_desc *desc,
                            const fcl_solver *solver, int thorough) {
    const double begin = fcl_clock_seconds();
    fcl_selftest_result result = {.outcome = FCL_OUTCOME_NOT_SUPPORTED};
    if (!fcl_solver_applies(solver, desc, device)) {
        const int cannot_pool = desc->fused_pool && !solver->fuses_pool;
        snprintf(result.message, sizeof result.message, "it is for %s",
                 cannot_pool     ? "convolutions without pooling in them"
                 : solver->scope ? solver->scope
                                 : "tensors of less than 2^31 elements");
        *out = result;
        return FCL_OK;
    }
    const fcl_status status = thorough ? check_hard_shape(&result, device, desc, solver)
                                       : fcl_check_solver(&result.report, device, desc, solver);
    if (status == FCL_E_MEMORY) return status;
    if (status != FCL_OK) {
        if (status != FCL_E_DEVICE_MEMORY) result.outcome = FCL_OUTCOME_BROKEN;
        snprintf(result.message, sizeof result.message, "%s", fcl_error_message());
    } else if (!result.report.passed) {
        char fault[256];
        result.outcome = FCL_OUTCOME_WRONG;
        fcl_gate_describe(fault, &result.report, solver);
        snprintf(result.message, sizeof result.message, "%s", fault);
    } else {
        result.outcome = FCL_OUTCOME_PASSED;
    }
    result.seconds = fcl_clock_seconds() - begin;
    *out = result;
    return FCL_OK;
}

/* The sum of the absolute values of an element's terms, which its bound is proportional to: reference.c. */
static const char *magnitude_of(fcl_op_kind kind) {
    static const char *const texts[FCL_N_OP_KINDS] = {
        [FCL_CONV_FORWARD] = "(sum |x w| + |b|)",
        [FCL_CONV_BACKWARD_DATA] = "|f'| sum |dy w|",
        [FCL_CONV_BACKWARD_WEIGHTS] = "sum |x dy|",
        [FCL_DENSE_FORWARD] = "(sum |x w| + |b|)",
        [FCL_DENSE_BACKWARD_DATA] = "|f'| sum |dy w|",
        [FCL_DENSE_BACKWARD_WEIGHTS] = "sum |x dy|",
        [FCL_POOL_FORWARD] = "max |x| or mean |x|",
        [FCL_POOL_BACKWARD] = "|f'| sum |dy|",
        [FCL_ACTIVATION_FORWARD] = "|x|",
        [FCL_ACTIVATION_BACKWARD] = "|f' dy|",
        [FCL_DROPOUT_FORWARD] = "|x| / (1 - rate)",
        [FCL_DROPOUT_BACKWARD] = "|f' dy| / (1 - rate)",
        [FCL_ADD] = "(|x| + |x2|)",
        [FCL_LOSS_MSE] = "sum of its terms",
        [FCL_FINITE_CHECK] = "",
        [FCL_ADAM] = "(|w| + |step|)",
    };
    return texts[kind];
}

void fcl_selftest_tolerance(char out[64], const fcl_solver *solver) {
    if (solver->error_factor == 0.0)
        snprintf(out, 64, "exact");
    else
        snprintf(out, 64, "%g eps %s", solver->error_factor, magnitude_of(solver->kind));
}
