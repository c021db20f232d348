/* Dense layers for CPUs: cl/dense_direct.cl says how. */
#include "ops/conv_shape.h"
#include "ops/solvers.h"

#include "base/memory.h"

struct fcl_plan {
    fcl_kernel *main, *finish;
    size_t items, n_vectors;
};

enum {
    LANES = 16,
    MAX_PARTS = 64, /* of the inputs: enough for the cores of a CPU, few enough partial sums */
    PART = 64,      /* inputs of a part at least, so that its sums are worth storing */
};

/* How a work-item's registers are divided: forward and weights' gradient. */
typedef struct dense_block {
    int samples, channels, vectors;
} dense_block;

static dense_block block_of(const fcl_op_desc *desc, const fcl_device *device) {
    int sums = fcl_register_sums(device), n_vectors = (desc->dense.out + LANES - 1) / LANES;
    dense_block block = {.vectors = n_vectors % 2 == 0 && sums >= LANES ? 2 : 1};
    int most = fcl_max_int(1, sums / block.vectors);
    block.samples = fcl_even_part(desc->batch, most);
    block.channels = fcl_even_part(desc->dense.in, most);
    return block;
}

static size_t parts_of(const fcl_op_desc *desc) {
    size_t parts = fcl_div_up((size_t)desc->dense.in, PART);
    return parts < MAX_PARTS ? parts : MAX_PARTS;
}

static size_t parts_floats(const fcl_op_desc *desc) {
    return parts_of(desc) * (size_t)desc->batch * (size_t)desc->dense.out;
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    /* On a GPU one item a group leaves all but one lane idle. */
    if (fcl_device_facts(device)->kind == FCL_DEVICE_GPU || !fcl_conv_fits_int(desc)) return 0;
    return desc->dense.in >= LANES && parts_floats(desc) <= FCL_MAX_ELEMENTS;
}

static size_t forward_workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    (void)device;
    return parts_floats(desc) * sizeof(float);
}

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->main);
    fcl_kernel_free(plan->finish);
    free(plan);
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    dense_block block = block_of(desc, device);
    size_t in = (size_t)desc->dense.in;
    const char *name;
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->n_vectors = fcl_div_up((size_t)desc->dense.out, LANES);
    fcl_text_appendf(&options, "-DIN=%d -DOUT=%d -DN_PARTS=%zu -DSAMPLES=%d -DVECTORS=%d", desc->dense.in,
                     desc->dense.out, parts_of(desc), block.samples, block.vectors);
    if (desc->kind == FCL_DENSE_FORWARD) {
        name = "dense_direct_forward";
        plan->items = parts_of(desc);
        fcl_options_activation(&options, "ACTIVATION", desc->activation);
    } else if (desc->kind == FCL_DENSE_BACKWARD_DATA) {
        name = "dense_direct_data";
        plan->items = fcl_div_up(in, LANES);
        fcl_options_activation(&options, "X_ACTIVATION", desc->x_activation);
    } else {
        name = "dense_direct_weights";
        plan->items = fcl_div_up(in, (size_t)block.channels) + 1;
        fcl_text_appendf(&options, " -DCHANNELS=%d", block.channels);
    }
    FCL_TRY(fcl_text_status(&options));
    FCL_TRY(fcl_kernel_create(&plan->main, device, "dense_direct.cl", name, fcl_text_get(&options)));
    if (desc->kind == FCL_DENSE_FORWARD)
        FCL_TRY(
            fcl_kernel_create(&plan->finish, device, "dense_direct.cl", "dense_direct_finish", fcl_text_get(&options)));
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    dispose(plan);
    return status;
}

static fcl_range main_range(const fcl_plan *plan) {
    return (fcl_range){.n_dimensions = 1, .global = {plan->items}, .local = {1}};
}

static fcl_status run_forward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    fcl_status status;
    fcl_range range = main_range(plan);
    fcl_range finish = {.n_dimensions = 2, .global = {(size_t)n, plan->n_vectors}, .local = {1, 1}};
    FCL_TRY(FCL_LAUNCH(plan->main, &range, fcl_arg_int(n), fcl_arg_buffer(operands->buffer[FCL_X]),
                       fcl_arg_buffer(operands->buffer[FCL_W]), fcl_arg_buffer(operands->workspace)));
    FCL_TRY(FCL_LAUNCH(plan->finish, &finish, fcl_arg_int(n), fcl_arg_buffer(operands->workspace),
                       fcl_arg_buffer(operands->buffer[FCL_B]), fcl_arg_buffer(operands->buffer[FCL_Y])));
done:
    return status;
}

static fcl_status run_data(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_range range = main_range(plan);
    return FCL_LAUNCH(plan->main, &range, fcl_arg_int(n), fcl_arg_buffer(operands->buffer[FCL_DY]),
                      fcl_arg_buffer(operands->buffer[FCL_W]), fcl_arg_buffer(operands->buffer[FCL_X]),
                      fcl_arg_buffer(operands->buffer[FCL_DX]), fcl_arg_int(args->accumulate));
}

static fcl_status run_weights(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    fcl_range range = main_range(plan);
    return FCL_LAUNCH(plan->main, &range, fcl_arg_int(n), fcl_arg_buffer(operands->buffer[FCL_X]),
                      fcl_arg_buffer(operands->buffer[FCL_DY]), fcl_arg_buffer(operands->buffer[FCL_DW]),
                      fcl_arg_buffer(operands->buffer[FCL_DB]), fcl_arg_int(args->accumulate));
}

static const char scope[] = "CPUs, and layers of 16 or more inputs";

const fcl_solver fcl_solver_dense_direct_forward = {
    .name = "dense_direct",
    .kind = FCL_DENSE_FORWARD,
    .files = "dense_direct.cl",
    .error_factor = FCL_CONV_ERROR_FACTOR,
    .scope = scope,
    .applies = applies,
    .workspace_bytes = forward_workspace_bytes,
    .prepare = prepare,
    .run = run_forward,
    .dispose = dispose,
};

const fcl_solver fcl_solver_dense_direct_backward_data = {
    .name = "dense_direct",
    .kind = FCL_DENSE_BACKWARD_DATA,
    .files = "dense_direct.cl",
    .error_factor = FCL_CONV_ERROR_FACTOR,
    .scope = scope,
    .applies = applies,
    .prepare = prepare,
    .run = run_data,
    .dispose = dispose,
};

const fcl_solver fcl_solver_dense_direct_backward_weights = {
    .name = "dense_direct",
    .kind = FCL_DENSE_BACKWARD_WEIGHTS,
    .files = "dense_direct.cl",
    .error_factor = FCL_CONV_ERROR_FACTOR,
    .scope = scope,
    .applies = applies,
    .prepare = prepare,
    .run = run_weights,
    .dispose = dispose,
};
