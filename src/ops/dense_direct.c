/* Dense layers for CPUs: cl/dense_direct.cl says how. */
#include "ops/conv_shape.h"
#include "ops/solvers.h"

#include "base/memory.h"

struct fcl_plan {
    fcl_kernel *main, *finish;
    fcl_dense_shape shape;
    fcl_activation activation; /* forward: behind the result; backward: what made x */
    size_t items;
    int samples;
};

enum {
    LANES = 16,
    MAX_PARTS = 64, /* of the inputs: enough for the cores of a CPU, few enough partial sums */
    PART = 64,      /* inputs of a part at least, so that its sums are worth storing */
};

/* How a work-item's registers are divided: forward and weights' gradient. The same for all layers of a network. */
typedef struct dense_block {
    int samples, channels, vectors;
} dense_block;

static dense_block block_of(const fcl_op_desc *desc, const fcl_device *device) {
    const int sums = fcl_register_sums(device), vectors = sums >= LANES ? 2 : 1,
              most = fcl_min_int(sums / vectors, LANES);
    return (dense_block){.samples = fcl_even_part(desc->batch, most), .channels = most, .vectors = vectors};
}

/* What a register holds. */
static int lanes_of(const fcl_device *device) {
    enum { NARROWEST = 4 };
    const int width = (int)fcl_device_facts(device)->native_vector_width_float;
    return width >= LANES ? LANES : width >= LANES / 2 ? LANES / 2 : NARROWEST;
}

static size_t parts_of(const fcl_op_desc *desc) {
    size_t parts = fcl_div_up((size_t)desc->dense.in, PART);
    return parts < MAX_PARTS ? parts : MAX_PARTS;
}

/* x, for whole blocks of samples. */
static size_t packed_floats(int in, int n, int samples) {
    return (size_t)in * fcl_div_up((size_t)n, (size_t)samples) * (size_t)samples;
}

static size_t forward_floats(const fcl_op_desc *desc, const fcl_device *device) {
    return packed_floats(desc->dense.in, desc->batch, block_of(desc, device).samples) +
           parts_of(desc) * (size_t)desc->batch * (size_t)desc->dense.out;
}

static int applies(const fcl_op_desc *desc, const fcl_device *device) {
    /* On a GPU one item a group leaves all but one lane idle. */
    if (fcl_device_facts(device)->kind == FCL_DEVICE_GPU || !fcl_conv_fits_int(desc)) return 0;
    return desc->dense.in >= LANES && desc->dense.out >= LANES && forward_floats(desc, device) <= FCL_MAX_ELEMENTS;
}

static size_t forward_workspace_bytes(const fcl_op_desc *desc, const fcl_device *device) {
    return forward_floats(desc, device) * sizeof(float);
}

static void dispose(fcl_plan *plan) {
    if (!plan) return;
    fcl_kernel_free(plan->main);
    fcl_kernel_free(plan->finish);
    free(plan);
}

static fcl_status prepare(fcl_plan **out, const fcl_op_desc *desc, fcl_device *device) {
    static const char file[] = "dense_direct.cl";
    fcl_status status;
    fcl_plan *plan = NULL;
    fcl_text options = FCL_TEXT_EMPTY;
    const dense_block block = block_of(desc, device);
    const size_t in = (size_t)desc->dense.in;
    FCL_TRY(FCL_NEW(&plan, 1, "a plan"));
    plan->shape = desc->dense;
    plan->samples = block.samples;
    if (desc->kind == FCL_DENSE_FORWARD)
        fcl_text_appendf(&options, "-DVECTORS=%d -DSAMPLES=%d", block.vectors, block.samples);
    else
        fcl_text_appendf(&options, "-DVECTORS=%d -DCHANNELS=%d -DVECTOR=%d", block.vectors, block.channels,
                         lanes_of(device));
    FCL_TRY(fcl_text_status(&options));
    switch (desc->kind) {
    case FCL_DENSE_FORWARD:
        plan->items = parts_of(desc);
        plan->activation = desc->activation;
        FCL_TRY(fcl_kernel_create(&plan->main, device, file, "dense_direct_forward", fcl_text_get(&options)));
        FCL_TRY(fcl_kernel_create(&plan->finish, device, file, "dense_direct_finish", fcl_text_get(&options)));
        break;
    case FCL_DENSE_BACKWARD_DATA:
        plan->items = fcl_div_up(in, LANES);
        plan->activation = desc->x_activation;
        FCL_TRY(fcl_kernel_create(&plan->main, device, file, "dense_direct_data", fcl_text_get(&options)));
        break;
    default:
        plan->items = fcl_div_up(in, (size_t)block.channels) + 1;
        FCL_TRY(fcl_kernel_create(&plan->main, device, file, "dense_direct_weights", fcl_text_get(&options)));
        break;
    }
    *out = plan;
    plan = NULL;
done:
    fcl_text_dispose(&options);
    dispose(plan);
    return status;
}

/* What all kernels but the last of a forward pass begin with. */
#define SIZES_ARGS(plan, n)   fcl_arg_int(n), fcl_arg_int((plan)->shape.in), fcl_arg_int((plan)->shape.out)
#define ACTIVATION_ARGS(plan) fcl_arg_int((int)(plan)->activation.kind), fcl_arg_float((plan)->activation.alpha)

static fcl_range items(size_t n) {
    return (fcl_range){.n_dimensions = 1, .global = {n}, .local = {1}};
}

static fcl_status run_forward(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    (void)args;
    fcl_status status;
    const fcl_range range = items(plan->items), finish = items((size_t)n);
    const fcl_arg workspace = fcl_arg_buffer(operands->workspace);
    /* The partial sums lie behind the packed inputs. */
    const int packed = (int)packed_floats(plan->shape.in, n, plan->samples);
    FCL_TRY(FCL_LAUNCH(plan->main, &range, SIZES_ARGS(plan, n), fcl_arg_int(packed),
                       fcl_arg_buffer(operands->buffer[FCL_X]), fcl_arg_buffer(operands->buffer[FCL_W]), workspace));
    FCL_TRY(FCL_LAUNCH(plan->finish, &finish, fcl_arg_int(n), fcl_arg_int(plan->shape.out),
                       fcl_arg_int((int)plan->items), fcl_arg_int(packed), ACTIVATION_ARGS(plan), workspace,
                       fcl_arg_buffer(operands->buffer[FCL_B]), fcl_arg_buffer(operands->buffer[FCL_Y])));
done:
    return status;
}

static fcl_status run_data(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    const fcl_range range = items(plan->items);
    return FCL_LAUNCH(plan->main, &range, SIZES_ARGS(plan, n), ACTIVATION_ARGS(plan),
                      fcl_arg_buffer(operands->buffer[FCL_DY]), fcl_arg_buffer(operands->buffer[FCL_W]),
                      fcl_arg_buffer(operands->buffer[FCL_X]), fcl_arg_buffer(operands->buffer[FCL_DX]),
                      fcl_arg_int(args->accumulate));
}

static fcl_status run_weights(fcl_plan *plan, int n, const fcl_operands *operands, const fcl_op_args *args) {
    const fcl_range range = items(plan->items);
    return FCL_LAUNCH(plan->main, &range, SIZES_ARGS(plan, n), fcl_arg_buffer(operands->buffer[FCL_X]),
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
