#include "ops/reference.h"

#include <assert.h>
#include <math.h>

#include "base/random.h"

double fcl_activation_apply(fcl_activation activation, double z) {
    /* As on the device: what is not <= 0 passes, NaN with it. */
    switch (activation.kind) {
    case FCL_RELU: return z <= 0.0 ? 0.0 : z;
    case FCL_LEAKY_RELU: return z <= 0.0 ? (double)activation.alpha * z : z;
    case FCL_ELU: return z <= 0.0 ? (double)activation.alpha * expm1(z) : z;
    default: return z;
    }
}

double fcl_activation_derivative(fcl_activation activation, double y) {
    switch (activation.kind) {
    case FCL_RELU: return y > 0.0 ? 1.0 : 0.0;
    case FCL_LEAKY_RELU: return y > 0.0 ? 1.0 : (double)activation.alpha;
    case FCL_ELU: return y > 0.0 ? 1.0 : y + (double)activation.alpha;
    default: return 1.0;
    }
}

/* A sum that is being built, with the sum of its absolute values. */
typedef struct sum {
    double value, magnitude;
} sum;

static void add(sum *total, double term) {
    total->value += term;
    total->magnitude += fabs(term);
}

/* How much an activation can enlarge an error of its argument. */
static double steepness(fcl_activation activation) {
    int below_zero = activation.kind == FCL_LEAKY_RELU || activation.kind == FCL_ELU;
    return below_zero ? fmax(1.0, fabs((double)activation.alpha)) : 1.0;
}

static sum activated(fcl_activation activation, sum z) {
    return (sum){fcl_activation_apply(activation, z.value), z.magnitude * steepness(activation)};
}

typedef struct context {
    const fcl_op_desc *desc;
    const fcl_op_args *args;
    int n;
    const fcl_host_operands *operands;
} context;

static const float *floats(const context *c, fcl_role role) {
    assert(c->operands->data[role]);
    return c->operands->data[role];
}

/* What every DX is made of: the gradient times the derivative of the activation that made x, and what was
 * there. */
static sum finished_dx(const context *c, sum gradient, size_t index) {
    if (c->desc->x_activation.kind != FCL_LINEAR) {
        double derivative = fcl_activation_derivative(c->desc->x_activation, floats(c, FCL_X)[index]);
        gradient.value *= derivative;
        gradient.magnitude *= fabs(derivative);
    }
    if (c->args->accumulate && fcl_op_accumulates(c->desc, FCL_DX)) add(&gradient, floats(c, FCL_DX)[index]);
    return gradient;
}

/* Position of an element in a tensor (batch, h, w, c). */
typedef struct place {
    int sample, y, x, channel;
} place;

static place place_of(size_t index, int height, int width, int channels) {
    size_t h = (size_t)height, w = (size_t)width, c = (size_t)channels;
    return (place){(int)(index / c / w / h), (int)(index / c / w % h), (int)(index / c % w), (int)(index % c)};
}

static size_t index_at(int sample, int y, int x, int channel, int height, int width, int channels) {
    return (((size_t)sample * (size_t)height + (size_t)y) * (size_t)width + (size_t)x) * (size_t)channels +
           (size_t)channel;
}

static sum conv_pixel(const context *c, place out) {
    const fcl_conv_shape *s = &c->desc->conv;
    const float *x = floats(c, FCL_X), *w = floats(c, FCL_W);
    sum total = {0};
    for (int ky = 0; ky < s->kernel_h; ky++) {
        for (int kx = 0; kx < s->kernel_w; kx++) {
            int iy = out.y * s->stride_h - s->pad_top + ky, ix = out.x * s->stride_w - s->pad_left + kx;
            if (iy < 0 || iy >= s->in_h || ix < 0 || ix >= s->in_w) continue;
            const float *pixel = x + index_at(out.sample, iy, ix, 0, s->in_h, s->in_w, s->in_c);
            for (int ic = 0; ic < s->in_c; ic++)
                add(&total, (double)pixel[ic] * w[index_at(ky, kx, ic, out.channel, s->kernel_w, s->in_c, s->out_c)]);
        }
    }
    add(&total, floats(c, FCL_B)[out.channel]);
    return activated(c->desc->activation, total);
}

/* The pixel of the convolution's own output, 0..3, of an element of the pooled one. */
static place pixel_of(const fcl_conv_shape *s, size_t index, int pixel) {
    place out = place_of(index, s->out_h / 2, s->out_w / 2, s->out_c);
    return (place){out.sample, 2 * out.y + pixel / 2, 2 * out.x + pixel % 2, out.channel};
}

/* An error of any pixel may become that of the maximum. */
static sum pooled_maximum(int *first, const context *c, size_t index) {
    enum { PIXELS = 4 };
    sum best = {0};
    for (int pixel = 0; pixel < PIXELS; pixel++) {
        const sum z = conv_pixel(c, pixel_of(&c->desc->conv, index, pixel));
        best.magnitude = fmax(best.magnitude, z.magnitude);
        if (pixel > 0 && (isnan(best.value) || (!isnan(z.value) && z.value <= best.value))) continue;
        best.value = z.value;
        *first = pixel;
    }
    return best;
}

static sum conv_forward(const context *c, fcl_role role, size_t index) {
    const fcl_conv_shape *s = &c->desc->conv;
    int first = 0;
    if (!c->desc->fused_pool) return conv_pixel(c, place_of(index, s->out_h, s->out_w, s->out_c));
    const sum best = pooled_maximum(&first, c, index);
    return role == FCL_PLACE ? (sum){.value = first} : best;
}

/* Adds the gradient of the convolution's own output at a pixel times a factor. A cell's gradient counts in full for the
 * magnitude at each of its pixels: solvers that mix neighbours, as Winograd's do, err by a part of what is beside a zero. */
static void add_gradient(sum *total, const context *c, int sample, int oy, int ox, int channel, double factor) {
    const fcl_conv_shape *s = &c->desc->conv;
    const float *dy = floats(c, FCL_DY);
    if (!c->desc->fused_pool) {
        add(total, dy[index_at(sample, oy, ox, channel, s->out_h, s->out_w, s->out_c)] * factor);
        return;
    }
    if (oy / 2 >= s->out_h / 2 || ox / 2 >= s->out_w / 2) return;
    const unsigned char *places = c->operands->data[FCL_PLACE];
    const size_t cell = index_at(sample, oy / 2, ox / 2, channel, s->out_h / 2, s->out_w / 2, s->out_c);
    const double term = dy[cell] * factor;
    if (places[cell] == oy % 2 * 2 + ox % 2)
        add(total, term);
    else
        total->magnitude += fabs(term);
}

/* The output row or column that reads input position `in` at offset `k` of the window; -1 if none does. */
static int reader(int in, int pad, int k, int stride, int n_out) {
    int scaled = in + pad - k;
    if (scaled < 0 || scaled % stride != 0 || scaled / stride >= n_out) return -1;
    return scaled / stride;
}

static sum conv_backward_data(const context *c, size_t index) {
    const fcl_conv_shape *s = &c->desc->conv;
    const float *w = floats(c, FCL_W);
    place in = place_of(index, s->in_h, s->in_w, s->in_c);
    sum total = {0};
    for (int ky = 0; ky < s->kernel_h; ky++) {
        int oy = reader(in.y, s->pad_top, ky, s->stride_h, s->out_h);
        for (int kx = 0; kx < s->kernel_w && oy >= 0; kx++) {
            int ox = reader(in.x, s->pad_left, kx, s->stride_w, s->out_w);
            if (ox < 0) continue;
            for (int oc = 0; oc < s->out_c; oc++)
                add_gradient(&total, c, in.sample, oy, ox, oc,
                             w[index_at(ky, kx, in.channel, oc, s->kernel_w, s->in_c, s->out_c)]);
        }
    }
    return finished_dx(c, total, index);
}

static sum conv_backward_weights(const context *c, fcl_role role, size_t index) {
    const fcl_conv_shape *s = &c->desc->conv;
    const float *x = floats(c, FCL_X);
    place weight = role == FCL_DW ? place_of(index, s->kernel_w, s->in_c, s->out_c) : (place){0, 0, 0, (int)index};
    sum total = {0};
    for (int sample = 0; sample < c->n; sample++) {
        for (int oy = 0; oy < s->out_h; oy++) {
            for (int ox = 0; ox < s->out_w; ox++) {
                if (role == FCL_DB) {
                    add_gradient(&total, c, sample, oy, ox, weight.channel, 1.0);
                    continue;
                }
                /* place_of() named the weight's four axes: sample is ky, y is kx, x is the input channel. */
                int iy = oy * s->stride_h - s->pad_top + weight.sample, ix = ox * s->stride_w - s->pad_left + weight.y;
                if (iy < 0 || iy >= s->in_h || ix < 0 || ix >= s->in_w) continue;
                add_gradient(&total, c, sample, oy, ox, weight.channel,
                             x[index_at(sample, iy, ix, weight.x, s->in_h, s->in_w, s->in_c)]);
            }
        }
    }
    if (c->args->accumulate) add(&total, floats(c, role)[index]);
    return total;
}

static sum dense_forward(const context *c, size_t index) {
    size_t n_in = (size_t)c->desc->dense.in, n_out = (size_t)c->desc->dense.out, sample = index / n_out,
           o = index % n_out;
    const float *x = floats(c, FCL_X), *w = floats(c, FCL_W);
    sum total = {0};
    for (size_t i = 0; i < n_in; i++) add(&total, (double)x[sample * n_in + i] * w[i * n_out + o]);
    add(&total, floats(c, FCL_B)[o]);
    return activated(c->desc->activation, total);
}

static sum dense_backward_data(const context *c, size_t index) {
    size_t n_in = (size_t)c->desc->dense.in, n_out = (size_t)c->desc->dense.out, sample = index / n_in,
           i = index % n_in;
    const float *dy = floats(c, FCL_DY), *w = floats(c, FCL_W);
    sum total = {0};
    for (size_t o = 0; o < n_out; o++) add(&total, (double)dy[sample * n_out + o] * w[i * n_out + o]);
    return finished_dx(c, total, index);
}

static sum dense_backward_weights(const context *c, fcl_role role, size_t index) {
    size_t n_in = (size_t)c->desc->dense.in, n_out = (size_t)c->desc->dense.out, o = index % n_out, i = index / n_out;
    const float *x = floats(c, FCL_X), *dy = floats(c, FCL_DY);
    sum total = {0};
    for (size_t sample = 0; sample < (size_t)c->n; sample++)
        add(&total, dy[sample * n_out + o] * (role == FCL_DW ? (double)x[sample * n_in + i] : 1.0));
    if (c->args->accumulate) add(&total, floats(c, role)[index]);
    return total;
}

/* The part of a window that is not padding: rows top..bottom-1, columns left..right-1 of the input. */
typedef struct window {
    int top, bottom, left, right;
} window;

static window window_of(const fcl_pool_shape *s, int oy, int ox) {
    int top = oy * s->stride_h - s->pad_top, left = ox * s->stride_w - s->pad_left;
    window inside = {top, top + s->window_h, left, left + s->window_w};
    if (inside.top < 0) inside.top = 0;
    if (inside.left < 0) inside.left = 0;
    if (inside.bottom > s->in_h) inside.bottom = s->in_h;
    if (inside.right > s->in_w) inside.right = s->in_w;
    return inside;
}

/* Where the maximum is: the first NaN if there is one, else the first of the greatest. The value in *value.
 */
static size_t maximum(double *value, const context *c, int sample, int oy, int ox, int channel) {
    const fcl_pool_shape *s = &c->desc->pool;
    const float *x = floats(c, FCL_X);
    window inside = window_of(s, oy, ox);
    size_t best = SIZE_MAX;
    *value = -INFINITY;
    for (int y = inside.top; y < inside.bottom; y++) {
        for (int column = inside.left; column < inside.right; column++) {
            size_t index = index_at(sample, y, column, channel, s->in_h, s->in_w, s->channels);
            double candidate = x[index];
            if (best != SIZE_MAX && (isnan(*value) || (!isnan(candidate) && candidate <= *value))) continue;
            best = index;
            *value = candidate;
        }
    }
    return best;
}

static sum pool_forward(const context *c, size_t index) {
    const fcl_pool_shape *s = &c->desc->pool;
    place out = place_of(index, s->out_h, s->out_w, s->channels);
    sum total = {0};
    if (s->kind == FCL_MAX_POOL) {
        (void)maximum(&total.value, c, out.sample, out.y, out.x, out.channel);
        total.magnitude = fabs(total.value);
    } else {
        const float *x = floats(c, FCL_X);
        window inside = window_of(s, out.y, out.x);
        double share = 1.0 / ((double)(inside.bottom - inside.top) * (inside.right - inside.left));
        for (int y = inside.top; y < inside.bottom; y++)
            for (int column = inside.left; column < inside.right; column++)
                add(&total, share * x[index_at(out.sample, y, column, out.channel, s->in_h, s->in_w, s->channels)]);
    }
    return activated(c->desc->activation, total);
}

static sum pool_backward(const context *c, size_t index) {
    const fcl_pool_shape *s = &c->desc->pool;
    const float *dy = floats(c, FCL_DY);
    place in = place_of(index, s->in_h, s->in_w, s->channels);
    sum total = {0};
    for (int ky = 0; ky < s->window_h; ky++) {
        int oy = reader(in.y, s->pad_top, ky, s->stride_h, s->out_h);
        for (int kx = 0; kx < s->window_w && oy >= 0; kx++) {
            int ox = reader(in.x, s->pad_left, kx, s->stride_w, s->out_w);
            if (ox < 0) continue;
            double gradient = dy[index_at(in.sample, oy, ox, in.channel, s->out_h, s->out_w, s->channels)], ignored;
            if (s->kind == FCL_MAX_POOL) {
                if (maximum(&ignored, c, in.sample, oy, ox, in.channel) == index) add(&total, gradient);
            } else {
                window inside = window_of(s, oy, ox);
                add(&total, gradient / ((double)(inside.bottom - inside.top) * (inside.right - inside.left)));
            }
        }
    }
    return finished_dx(c, total, index);
}

/* What dropout multiplies element `index` of this part of the batch with. */
static double dropout_factor(const context *c, size_t index) {
    uint64_t element = (uint64_t)c->args->first_sample * c->desc->flat.count + index;
    uint32_t words[4];
    fcl_random_block(words, c->args->seed, c->args->purpose, c->args->step, element / 4);
    return fcl_random_unit(words[element % 4]) >= c->desc->rate ? 1.0 / (1.0 - (double)c->desc->rate) : 0.0;
}

static sum single(double term) {
    return (sum){term, fabs(term)};
}

static sum loss_element(const context *c, fcl_role role, size_t index) {
    const float *x = floats(c, FCL_X), *target = floats(c, FCL_TARGET), *mask = floats(c, FCL_MASK);
    double scale = c->args->inverse_count;
    if (role == FCL_DX) {
        double difference = (double)x[index] - target[index], factor = 2.0 * mask[index] * scale;
        /* Whatever x is. */
        if (scale == 0.0) return single(0.0);
        /* The two numbers are exact; their difference is rounded relative to itself. */
        return finished_dx(c, single(difference * factor), index);
    }
    double before = floats(c, FCL_STATS)[index];
    if (index / 2 != c->args->slot) return single(before);
    sum total = {0};
    for (size_t i = 0; i < (size_t)c->n * c->desc->flat.count && scale != 0.0; i++) {
        double difference = (double)x[i] - target[i];
        add(&total, (index % 2 == 0 ? difference * difference : fabs(difference)) * mask[i] * scale);
    }
    if (c->args->accumulate) add(&total, before);
    return total;
}

static sum finite_check_element(const context *c, size_t index) {
    const int32_t *flag = c->operands->data[FCL_FLAG];
    const float *x = floats(c, FCL_X), *stats = floats(c, FCL_STATS) + 2 * (size_t)c->args->slot;
    int found = !isfinite(stats[0]) || !isfinite(stats[1]) ? 1 : 0;
    for (size_t i = 0; i < c->desc->flat.count; i++) {
        if (isfinite(x[i])) continue;
        found |= 2;
        break;
    }
    int keeps = flag[0] != 0 || !found;
    return single(keeps ? flag[index] : index == 0 ? (double)c->args->step : found);
}

static sum adam_element(const context *c, fcl_role role, size_t i) {
    const int32_t *flag = c->operands->data[FCL_FLAG];
    if (flag[0] != 0) return single(floats(c, role)[i]);
    const fcl_op_args *a = c->args;
    double g = floats(c, FCL_DW)[i];
    sum m = {0}, v = {0}, w = {0};
    add(&m, (double)a->beta1 * floats(c, FCL_M)[i]);
    add(&m, (1.0 - (double)a->beta1) * g);
    if (role == FCL_M) return m;
    add(&v, (double)a->beta2 * floats(c, FCL_V)[i]);
    add(&v, (1.0 - (double)a->beta2) * g * g);
    if (role == FCL_V) return v;
    double denominator = sqrt(v.value) * a->inverse_sqrt_correction + a->epsilon;
    add(&w, floats(c, FCL_W)[i]);
    add(&w, -(double)a->step_size * m.value / denominator);
    w.magnitude += (double)a->step_size * (m.magnitude - fabs(m.value)) / denominator; /* cancellation in m */
    return w;
}

double fcl_reference_pixel(double *magnitude, const fcl_op_desc *desc, int n, const fcl_host_operands *operands,
                           size_t index, int pixel) {
    const context c = {desc, NULL, n, operands};
    const sum z = conv_pixel(&c, pixel_of(&desc->conv, index, pixel));
    *magnitude = z.magnitude;
    return z.value;
}

double fcl_reference_element(double *magnitude, const fcl_op_desc *desc, const fcl_op_args *args, int n,
                             const fcl_host_operands *operands, fcl_role role, size_t index) {
    const context c = {desc, args, n, operands};
    sum result = {0};
    switch (desc->kind) {
    case FCL_CONV_FORWARD: result = conv_forward(&c, role, index); break;
    case FCL_CONV_BACKWARD_DATA: result = conv_backward_data(&c, index); break;
    case FCL_CONV_BACKWARD_WEIGHTS: result = conv_backward_weights(&c, role, index); break;
    case FCL_DENSE_FORWARD: result = dense_forward(&c, index); break;
    case FCL_DENSE_BACKWARD_DATA: result = dense_backward_data(&c, index); break;
    case FCL_DENSE_BACKWARD_WEIGHTS: result = dense_backward_weights(&c, role, index); break;
    case FCL_POOL_FORWARD: result = pool_forward(&c, index); break;
    case FCL_POOL_BACKWARD: result = pool_backward(&c, index); break;
    case FCL_ACTIVATION_FORWARD: result = activated(desc->activation, single(floats(&c, FCL_X)[index])); break;
    case FCL_ACTIVATION_BACKWARD: result = finished_dx(&c, single(floats(&c, FCL_DY)[index]), index); break;
    case FCL_DROPOUT_FORWARD:
        result = activated(desc->activation, single(floats(&c, FCL_X)[index] * dropout_factor(&c, index)));
        break;
    case FCL_DROPOUT_BACKWARD:
        result = finished_dx(&c, single(floats(&c, FCL_DY)[index] * dropout_factor(&c, index)), index);
        break;
    case FCL_ADD:
        add(&result, floats(&c, FCL_X)[index]);
        add(&result, floats(&c, FCL_X2)[index]);
        result = activated(desc->activation, result);
        break;
    case FCL_LOSS_MSE: result = loss_element(&c, role, index); break;
    case FCL_FINITE_CHECK: result = finite_check_element(&c, index); break;
    case FCL_ADAM: result = adam_element(&c, role, index); break;
    case FCL_N_OP_KINDS: assert(0);
    }
    *magnitude = result.magnitude;
    return result.value;
}
