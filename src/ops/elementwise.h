/* What solvers share that go over their operands element by element or row by row: options for the compiler,
 * and how the work is spread over a device. */
#ifndef FCL_OPS_ELEMENTWISE_H
#define FCL_OPS_ELEMENTWISE_H

#include "base/text.h"
#include "ops/solver.h"

/* Elements that kernels count with int, some room left for the last item's rounding up. */
#define FCL_MAX_ELEMENTS ((size_t)0x7fff0000)
/* Whether X and Y of the whole batch have at most that many. */
int fcl_fits_int(const fcl_op_desc *desc);

/* " -DACTIVATION=1 -DACTIVATION_ALPHA=0.1f", or X_ACTIVATION; common.h explains them. */
void fcl_options_activation(fcl_text *options, const char *macro, fcl_activation activation);

/* A CPU runs one work-item a group over many contiguous vectors; a GPU one vector an item, neighbours side by
 * side. */
typedef struct fcl_spread {
    int vector;   /* floats a vector: 1, 2, 4, 8 or 16 */
    int per_item; /* vectors an item */
    size_t local; /* work-items a group */
} fcl_spread;

/* For tensors whose size, or number of channels, is a multiple of `multiple`. */
fcl_spread fcl_spread_of(const fcl_device *device, size_t multiple);
/* " -DVECTOR=16 -DPER_ITEM=512" */
void fcl_options_spread(fcl_text *options, const fcl_spread *spread);
/* Enough items for `n_items`, in whole groups; kernels leave out what is too much. */
fcl_range fcl_range_of(size_t n_items, size_t local);
/* The same for n elements that `spread` divides among items. */
fcl_range fcl_spread_range(const fcl_spread *spread, size_t n_elements);

/* Creates a kernel from options that were built with fcl_text, and disposes of them. */
fcl_status fcl_kernel_from_text(fcl_kernel **out, fcl_device *device, const char *file, const char *name,
                                fcl_text *options);

#endif
