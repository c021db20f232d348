#include "ops/elementwise.h"

enum {
    CPU_VECTOR = 16,            /* one cache line */
    GPU_VECTOR = 4,             /* the widest load of one work-item */
    CPU_FLOATS_PER_ITEM = 8192, /* 32 KB an operand: far above the cost of a work-group, small enough to balance */
    GPU_LOCAL = 64,
};

int fcl_fits_int(const fcl_op_desc *desc) {
    size_t batch = (size_t)desc->batch;
    return fcl_op_input_count(desc) <= FCL_MAX_ELEMENTS / batch &&
           fcl_op_output_count(desc) <= FCL_MAX_ELEMENTS / batch;
}

void fcl_options_activation(fcl_text *options, const char *macro, fcl_activation activation) {
    /* Nine digits give back every float; the exponent makes it a floating literal always. */
    fcl_text_appendf(options, " -D%s=%d -D%s_ALPHA=%.8ef", macro, (int)activation.kind, macro, activation.alpha);
}

fcl_spread fcl_spread_of(const fcl_device *device, size_t multiple) {
    int cpu = fcl_device_facts(device)->kind == FCL_DEVICE_CPU;
    fcl_spread spread = {.vector = cpu ? CPU_VECTOR : GPU_VECTOR, .local = cpu ? 1 : GPU_LOCAL};
    while (multiple % (size_t)spread.vector != 0) spread.vector /= 2;
    spread.per_item = cpu ? CPU_FLOATS_PER_ITEM / spread.vector : 1;
    return spread;
}

void fcl_options_spread(fcl_text *options, const fcl_spread *spread) {
    fcl_text_appendf(options, " -DVECTOR=%d -DPER_ITEM=%d", spread->vector, spread->per_item);
}

fcl_range fcl_range_of(size_t n_items, size_t local) {
    size_t groups = (n_items + local - 1) / local;
    return (fcl_range){.n_dimensions = 1, .global = {groups * local, 1, 1}, .local = {local, 1, 1}};
}

fcl_range fcl_spread_range(const fcl_spread *spread, size_t n_elements) {
    size_t per_item = (size_t)spread->vector * (size_t)spread->per_item;
    return fcl_range_of((n_elements + per_item - 1) / per_item, spread->local);
}

fcl_status fcl_kernel_from_text(fcl_kernel **out, fcl_device *device, const char *file, const char *name,
                                fcl_text *options) {
    fcl_status status;
    FCL_TRY(fcl_text_status(options));
    FCL_TRY(fcl_kernel_create(out, device, file, name, fcl_text_get(options)));
done:
    fcl_text_dispose(options);
    return status;
}
