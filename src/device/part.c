/* A part of a device: some of its compute units as a device of its own, so that the rest stays free for others. */
#include "base/memory.h"
#include "device/internal.h"

fcl_status fcl_part_check(const fcl_device_info *whole, unsigned cores, unsigned first) {
    if (cores > whole->compute_units)
        return fcl_fail(FCL_E_NO_DEVICE, "%u cores of the device %u (%s:%s) were asked for, and it has %u", cores,
                        whole->index, whole->platform, whole->name, whole->compute_units);
    if (first > whole->compute_units - cores)
        return fcl_fail(
            FCL_E_NO_DEVICE,
            "%u core%s of the device %u (%s:%s) from core %u on (the first is 0) were asked for, and it has "
            "%u",
            cores, cores == 1 ? "" : "s", whole->index, whole->platform, whole->name, first, whole->compute_units);
    if (cores == whole->compute_units) return FCL_OK;
    if (!whole->divides_by_counts && !whole->divides_equally)
        return fcl_fail(FCL_E_NO_DEVICE,
                        "the device %u (%s:%s) with %u cores cannot be divided: its driver makes parts neither by "
                        "counts nor of equal size. Leave ':%ucore%s' out, or choose a device of which `fiducl devices` "
                        "says that it can be divided",
                        whole->index, whole->platform, whole->name, whole->compute_units, cores, cores == 1 ? "" : "s");
    if (!whole->divides_by_counts && first % cores)
        return fcl_fail(
            FCL_E_NO_DEVICE,
            "the driver of the device %u (%s:%s) makes only parts of equal size: %u cores can begin at core "
            "0, %u, %u, ..., not at %u",
            whole->index, whole->platform, whole->name, cores, cores, 2 * cores, first);
    return FCL_OK;
}

/* All parts that `how` makes; the one `kept` stays. */
static cl_int create_parts(cl_device_id *out, cl_device_id whole, const cl_device_partition_property *how,
                           cl_uint n_parts, cl_uint kept) {
    cl_device_id *parts = fcl_calloc(n_parts, sizeof *parts);
    if (!parts) return CL_OUT_OF_HOST_MEMORY;
    cl_int error = clCreateSubDevices(whole, how, n_parts, parts, &n_parts);
    for (cl_uint i = 0; error == CL_SUCCESS && i < n_parts; i++)
        if (i != kept) clReleaseDevice(parts[i]);
    if (error == CL_SUCCESS) *out = parts[kept];
    free(parts);
    return error;
}

fcl_status fcl_part_create(cl_device_id *out, cl_device_id whole, const fcl_device_info *facts, unsigned cores,
                           unsigned first) {
    const cl_device_partition_property n = (cl_device_partition_property)cores;
    const cl_device_partition_property equally[] = {CL_DEVICE_PARTITION_EQUALLY, n, 0},
                                       counts[] = {CL_DEVICE_PARTITION_BY_COUNTS, n,
                                                   CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0},
                                       later[] = {CL_DEVICE_PARTITION_BY_COUNTS, (cl_device_partition_property)first, n,
                                                  CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_device_id part = NULL;
    cl_int error = !facts->divides_by_counts
                       ? create_parts(&part, whole, equally, facts->compute_units / cores, first / cores)
                   : first ? create_parts(&part, whole, later, 2, 1)
                           : create_parts(&part, whole, counts, 1, 0);
    if (error != CL_SUCCESS)
        return fcl_fail_cl(error, "clCreateSubDevices", "cannot take %u of the %u cores of the device '%s'", cores,
                           facts->compute_units, facts->name);
    *out = part;
    return FCL_OK;
}
