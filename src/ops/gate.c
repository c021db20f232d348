#include "ops/gate.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/thread.h"
#include "ops/made_operands.h"

/* docs/kernels.md: over many elements rounding is far below this, whatever the operation. */
static const double normalised_error_limit = 1e-10;
static const uint64_t sample_seed = 0x73616d706c6573u;

int fcl_gate_n_variants(const fcl_op_desc *desc) {
    switch (desc->kind) {
    case FCL_FINITE_CHECK: return FCL_N_PLANTED;
    case FCL_ADAM: return 2;
    case FCL_LOSS_MSE: return 3;
    default: break;
    }
    if (desc->weights_stay) return 2;
    fcl_operand operands[FCL_N_ROLES];
    int n = fcl_op_operands(operands, desc);
    for (int i = 0; i < n; i++)
        if (fcl_op_accumulates(desc, operands[i].role)) return 2;
    return 1;
}

fcl_op_args fcl_gate_args(const fcl_op_desc *desc, int variant) {
    enum { STEP = 3 };
    const double learning_rate = 1e-3, beta1 = 0.9f, beta2 = 0.999f;
    int picks_operands = desc->kind == FCL_FINITE_CHECK || desc->kind == FCL_ADAM;
    int is_unlabelled = desc->kind == FCL_LOSS_MSE && variant == 2;
    return (fcl_op_args){
        .seed = picks_operands ? (uint64_t)variant : 0x0123456789abcdefu, /* both words of the key are in use */
        .purpose = FCL_RANDOM_DROPOUT + 1,
        .step = STEP,
        .first_sample = 3, /* with an odd count a part begins within a block of random numbers */
        .inverse_count = is_unlabelled ? 0.0f : 0.125f,
        .weights_unchanged = desc->weights_stay && variant == 1,
        .slot = FCL_STATS_SLOTS - 2,
        .accumulate = !picks_operands && variant == 1,
        .beta1 = (float)beta1,
        .beta2 = (float)beta2,
        .epsilon = 1e-7f,
        .step_size = (float)(learning_rate / (1.0 - pow(beta1, STEP))),
        .inverse_sqrt_correction = (float)(1.0 / sqrt(1.0 - pow(beta2, STEP))),
    };
}

/* The elements of one output that are checked, and what came of it. */
typedef struct output_check {
    const fcl_solver *solver;
    const fcl_op_desc *desc;
    const fcl_op_args *args;
    int n;
    const fcl_host_operands *host;
    fcl_role role;
    const void *result;
    size_t n_picked;
    size_t *picked; /* NULL: all */
    double *got, *wanted, *magnitude;
} output_check;

enum { CHECK_BLOCK = 8 };

/* Whether pixels of this element's cell are equal on the device where they are in the reference, whose maximum is given. */
static int ties_are_exact(const output_check *check, size_t index, double maximum) {
    const fcl_ties ties = fcl_made_ties(check->desc, index % (size_t)check->desc->conv.out_c);
    /* An exponential function brings sums that differ so close together that rounding may make them equal. */
    const int is_dense = check->desc->activation.kind == FCL_ELU && maximum < 0.0;
    return ties == FCL_TIES_OF_ALL || (ties == FCL_TIES_OF_EXACT_SUMS && !check->solver->rounds_ties && !is_dense);
}

/* A place is right when it is that of the first maximum, where the pixels of operands that were made to tie are exact. Elsewhere
 * it is when the pixel that it names is a maximum within the bounds of both: where pixels are as good as equal, the device may
 * find another one than the reference. Held against each other are there the pixels' values. */
static void check_place(const output_check *check, size_t i, size_t index) {
    enum { PIXELS = 4 };
    const unsigned place = ((const unsigned char *)check->result)[index];
    double of_named = 0.0;
    check->wanted[i] =
        fcl_reference_element(&check->magnitude[i], check->desc, check->args, check->n, check->host, FCL_Y, index);
    if (ties_are_exact(check, index, check->wanted[i])) {
        check->wanted[i] = fcl_reference_element(&check->magnitude[i], check->desc, check->args, check->n, check->host,
                                                 FCL_PLACE, index);
        check->got[i] = place;
        return;
    }
    check->got[i] = place < PIXELS
                        ? fcl_reference_pixel(&of_named, check->desc, check->n, check->host, index, (int)place)
                        : (double)INFINITY;
    check->magnitude[i] += of_named;
}

static double value_at(const output_check *check, size_t index) {
    return check->role == FCL_FLAG ? (double)((const int32_t *)check->result)[index]
                                   : (double)((const float *)check->result)[index];
}

static void check_block(void *context, size_t block) {
    const output_check *check = context;
    for (size_t i = block * CHECK_BLOCK; i < (block + 1) * CHECK_BLOCK && i < check->n_picked; i++) {
        size_t index = check->picked ? check->picked[i] : i;
        if (check->role == FCL_PLACE) {
            check_place(check, i, index);
            continue;
        }
        check->got[i] = value_at(check, index);
        check->wanted[i] = fcl_reference_element(&check->magnitude[i], check->desc, check->args, check->n, check->host,
                                                 check->role, index);
    }
}

/* Height, width and channels of a tensor, for its borders; {1, 1, count} where it has no such axes. */
static void axes_of(size_t axes[3], const fcl_op_desc *desc, fcl_role role, size_t count) {
    int is_input_like = role == FCL_X || role == FCL_DX;
    int h = 1, w = 1, c = 0;
    switch (desc->kind) {
    case FCL_CONV_FORWARD:
    case FCL_CONV_BACKWARD_DATA:
        h = is_input_like ? desc->conv.in_h : desc->conv.out_h / (desc->fused_pool ? 2 : 1);
        w = is_input_like ? desc->conv.in_w : desc->conv.out_w / (desc->fused_pool ? 2 : 1);
        c = is_input_like ? desc->conv.in_c : desc->conv.out_c;
        break;
    case FCL_CONV_BACKWARD_WEIGHTS:
        if (role == FCL_DW) h = desc->conv.kernel_w, w = desc->conv.in_c, c = desc->conv.out_c;
        break;
    case FCL_POOL_FORWARD:
    case FCL_POOL_BACKWARD:
        h = is_input_like ? desc->pool.in_h : desc->pool.out_h;
        w = is_input_like ? desc->pool.in_w : desc->pool.out_w;
        c = desc->pool.channels;
        break;
    default: break;
    }
    axes[0] = (size_t)h;
    axes[1] = (size_t)w;
    axes[2] = c > 0 ? (size_t)c : count;
}

/* Where the reference is infinite or NaN, the device must be the same. */
static int are_the_same(double a, double b) {
    return isnan(a) ? isnan(b) : a == b;
}

/* Corners and middles of edges of the first and last sample, and one random place in each of equal parts. */
static fcl_status pick_elements(size_t **out, size_t *n_out, const fcl_op_desc *desc, fcl_role role, size_t count,
                                size_t max_elements) {
    enum { PER_AXIS = 3, BORDERS = 2 * PER_AXIS * PER_AXIS * PER_AXIS };
    fcl_status status;
    size_t *picked = NULL, n = 0, axes[3];
    axes_of(axes, desc, role, count);
    FCL_TRY(FCL_NEW(&picked, max_elements + BORDERS, "sampled elements"));
    size_t per_sample = axes[0] * axes[1] * axes[2], last_sample = count - per_sample;
    for (int i = 0; i < BORDERS; i++) {
        size_t first = i < BORDERS / 2 ? 0 : last_sample, at[3], code = (size_t)i % (BORDERS / 2);
        for (int axis = 0; axis < 3; axis++, code /= PER_AXIS) at[axis] = code % PER_AXIS * (axes[axis] - 1) / 2;
        picked[n++] = first + (at[0] * axes[1] + at[1]) * axes[2] + at[2];
    }
    fcl_random_stream stream = fcl_random_stream_make(sample_seed, FCL_RANDOM_TEST, (uint32_t)role);
    for (size_t i = 0; i < max_elements; i++) {
        size_t begin = (size_t)((double)i * (double)count / (double)max_elements);
        size_t end = (size_t)((double)(i + 1) * (double)count / (double)max_elements);
        picked[n++] = begin + (end > begin ? (size_t)fcl_random_below(&stream, end - begin) : 0);
    }
    *out = picked;
    *n_out = n;
done:
    return status;
}

static void blame(fcl_gate_report *report, fcl_role role, size_t index, double got, double wanted, double bound) {
    const double error = fabs(got - wanted);
    const double ratio = are_the_same(got, wanted) ? 0.0 : isfinite(error) ? error / bound : (double)INFINITY;
    if (report->worst_ratio >= ratio) return;
    report->worst_role = role;
    report->worst_index = index;
    report->worst_got = got;
    report->worst_wanted = wanted;
    report->worst_bound = bound;
    report->worst_ratio = ratio;
}

/* What weighs more than any wrong value. */
static void find_fault(fcl_gate_report *report, fcl_role role, size_t index, const char *fault) {
    if (report->fault) return;
    report->fault = fault;
    report->worst_role = role;
    report->worst_index = index;
    report->worst_got = report->worst_wanted = report->worst_bound = 0.0;
    report->worst_ratio = (double)INFINITY;
}

static void judge(fcl_gate_report *report, const output_check *check) {
    double squared_errors = 0.0, squares = 0.0;
    for (size_t i = 0; i < check->n_picked; i++) {
        size_t index = check->picked ? check->picked[i] : i;
        double got = check->got[i], wanted = check->wanted[i], error = fabs(got - wanted);
        double bound = check->solver->error_factor * (double)FLT_EPSILON * check->magnitude[i] + (double)FLT_MIN;
        blame(report, check->role, index, got, wanted, bound);
        if (!isfinite(wanted)) continue;
        squared_errors += error * error;
        squares += wanted * wanted;
    }
    double normalised = squared_errors == 0.0 ? 0.0 : squared_errors / squares;
    if (!(normalised <= report->normalised_error)) report->normalised_error = normalised;
    report->n_checked += check->n_picked;
}

/* Whether nothing was written into what lies behind `count` elements. */
static int is_guard_intact(const uint32_t *words, size_t count, uint32_t poison) {
    for (size_t i = count; i < count + FCL_GUARD_FLOATS; i++)
        if (words[i] != poison) return 0;
    return 1;
}

static const char written_beyond[] = "was written beyond its end";

/* One output: nothing behind its end, finite where the reference is, the picked elements right. */
static fcl_status check_output(fcl_gate_report *report, output_check *check, const fcl_operand *operand,
                               size_t max_elements) {
    fcl_status status = FCL_OK;
    const float *values = check->result;
    const uint32_t *words = check->result;
    const unsigned char *places = check->result, *unwritten = (const unsigned char *)&(uint32_t){FCL_POISON_UNWRITTEN};
    const size_t count =
        operand->role == FCL_PLACE ? (size_t)check->n * fcl_op_output_count(check->desc) : operand->count;
    if (!is_guard_intact(check->result, operand->count, FCL_POISON_UNWRITTEN))
        find_fault(report, operand->role, operand->count, written_beyond);
    for (size_t i = count; operand->role == FCL_PLACE && i < operand->count * sizeof *words; i++)
        if (places[i] != unwritten[i % sizeof *words]) find_fault(report, operand->role, i, written_beyond);
    for (size_t i = 0; i < operand->count && operand->role != FCL_FLAG && operand->role != FCL_PLACE; i++) {
        if (isfinite(values[i])) continue;
        if (words[i] == FCL_POISON_UNWRITTEN) {
            find_fault(report, operand->role, i, "was not written everywhere");
            break;
        }
        double magnitude, wanted = fcl_reference_element(&magnitude, check->desc, check->args, check->n, check->host,
                                                         operand->role, i);
        if (are_the_same((double)values[i], wanted)) continue;
        blame(report, operand->role, i, (double)values[i], wanted, (double)FLT_MIN);
        break;
    }
    check->n_picked = count;
    if (max_elements > 0 && count > max_elements)
        FCL_TRY(pick_elements(&check->picked, &check->n_picked, check->desc, operand->role, count, max_elements));
    FCL_TRY(FCL_NEW(&check->got, check->n_picked, "values to check"));
    FCL_TRY(FCL_NEW(&check->wanted, check->n_picked, "reference values"));
    FCL_TRY(FCL_NEW(&check->magnitude, check->n_picked, "reference values"));
    fcl_parallel_for((check->n_picked + CHECK_BLOCK - 1) / CHECK_BLOCK, check_block, check);
    judge(report, check);
done:
    free(check->picked);
    free(check->got);
    free(check->wanted);
    free(check->magnitude);
    return status;
}

static fcl_status create_workspace(fcl_buffer **out, fcl_device *device, size_t n_bytes) {
    fcl_status status;
    FCL_TRY(fcl_buffer_create(out, device, n_bytes + FCL_GUARD_FLOATS * sizeof(float), "the workspace of a check"));
    FCL_TRY(fcl_buffer_poison(*out));
done:
    return status;
}

static fcl_status check_workspace(fcl_gate_report *report, const fcl_buffer *workspace) {
    fcl_status status;
    uint32_t guard[FCL_GUARD_FLOATS];
    FCL_TRY(fcl_buffer_read(guard, workspace, fcl_buffer_bytes(workspace) - sizeof guard, sizeof guard));
    if (!is_guard_intact(guard, 0, FCL_POISON_UNREADABLE)) find_fault(report, FCL_N_ROLES, 0, written_beyond);
done:
    return status;
}

/* Makes the workspace hold what the solver keeps of the weights, and then the outputs unwritten again. */
static fcl_status run_once_before(const fcl_solver *solver, fcl_plan *plan, int n, const fcl_operands *operands,
                                  const fcl_op_args *args, const fcl_made_operands *made) {
    fcl_status status;
    fcl_op_args first = *args;
    first.weights_unchanged = 0;
    FCL_TRY(solver->run(plan, n, operands, &first));
    for (int i = 0; i < made->n_operands; i++) {
        fcl_role role = made->list[i].role;
        if (made->list[i].is_output)
            FCL_TRY(
                fcl_buffer_write(operands->buffer[role], 0, made->bytes[role], made->list[i].count * sizeof(float)));
    }
done:
    return status;
}

fcl_status fcl_gate_check(fcl_gate_report *report, fcl_device *device, const fcl_solver *solver,
                          const fcl_op_desc *desc, int n, const fcl_op_args *args, size_t max_elements) {
    fcl_status status;
    fcl_made_operands *made = NULL;
    fcl_plan *plan = NULL;
    fcl_buffer *workspace = NULL;
    float *result = NULL;
    fcl_gate_report found = {.worst_ratio = -1.0, .n = n, .n_batch = desc->batch};
    size_t workspace_bytes = solver->workspace_bytes ? solver->workspace_bytes(desc, device) : 0;
    FCL_TRY(solver->prepare(&plan, desc, device));
    FCL_TRY(fcl_made_operands_create(&made, device, desc, n, args));
    fcl_operands operands = made->device;
    if (workspace_bytes > 0) {
        FCL_TRY(create_workspace(&workspace, device, workspace_bytes));
        operands.workspace = workspace;
    }
    if (args->weights_unchanged) FCL_TRY(run_once_before(solver, plan, n, &operands, args, made));
    FCL_TRY(solver->run(plan, n, &operands, args));
    FCL_TRY(fcl_device_finish(device));
    for (int i = 0; i < made->n_operands; i++) {
        const fcl_operand *operand = &made->list[i];
        size_t n_bytes = (operand->count + FCL_GUARD_FLOATS) * sizeof(float);
        FCL_TRY(FCL_NEW(&result, operand->count + FCL_GUARD_FLOATS, "a result"));
        FCL_TRY(fcl_buffer_read(result, made->device.buffer[operand->role], 0, n_bytes));
        if (operand->is_output) {
            output_check check = {.solver = solver,
                                  .desc = desc,
                                  .args = args,
                                  .n = n,
                                  .host = &made->host,
                                  .role = operand->role,
                                  .result = result};
            FCL_TRY(check_output(&found, &check, operand, max_elements));
        } else if (memcmp(result, made->bytes[operand->role], n_bytes) != 0) {
            find_fault(&found, operand->role, 0, "is an input and was changed");
        }
        free(result);
        result = NULL;
    }
    if (workspace) FCL_TRY(check_workspace(&found, workspace));
    found.passed = !found.fault && found.worst_ratio <= 1.0 && found.normalised_error <= normalised_error_limit;
    *report = found;
done:
    free(result);
    fcl_buffer_free(workspace);
    solver->dispose(plan);
    fcl_made_operands_free(made);
    return status;
}

void fcl_gate_describe(char out[256], const fcl_gate_report *report, const fcl_solver *solver) {
    const char *role = report->worst_role == FCL_N_ROLES ? "the workspace" : fcl_role_name(report->worst_role);
    char samples[48];
    snprintf(samples, sizeof samples, "with %d of %d samples", report->n, report->n_batch);
    if (report->fault)
        snprintf(out, 256, "%s: %s %s %s", solver->name, role, report->fault, samples);
    else if (report->worst_ratio <= 1.0 && !report->passed)
        snprintf(out, 256, "%s: the normalised error is %.3g, more than %.3g %s", solver->name,
                 report->normalised_error, normalised_error_limit, samples);
    else
        snprintf(out, 256, "%s: %s[%zu] is %.9g, should be %.9g %s (%.3g times the bound, %.3g)", solver->name, role,
                 report->worst_index, report->worst_got, report->worst_wanted, samples, report->worst_ratio,
                 report->worst_bound);
}
