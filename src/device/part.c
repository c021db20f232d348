/* A part of a device: some of its compute units as a device of its own, so that the rest stays free for others. */
#include "base/memory.h"
#include "device/internal.h"

fcl_status fcl_part_check(const fcl_device_info *whole, unsigned cores) {
    if (cores == whole->compute_units) return FCL_OK;
    if (cores > whole->compute_units)
        return fcl_fail(FCL_E_NO_DEVICE, "%u cores of the device %u (%s:%s) were asked for, and it has %u", cores,
                        whole->index, whole->platform, whole->name, whole->compute_units);
    if (whole->divides_by_counts || whole->divides_equally) return FCL_OK;
    return fcl_fail(FCL_E_NO_DEVICE,
                    "the device %u (%s:%s) with %u cores cannot be divided: its driver makes parts neither by counts "
                    "nor of equal size. Leave ':%ucore%s' out, or choose a device of which `fiducl devices` says that "
                    "it can be divided",
                    whole->index, whole->platform, whole->name, whole->compute_units, cores, cores == 1 ? "" : "s");
}

/* All parts of equal size; the first one is kept. */
static cl_int create_equal(cl_device_id *out, cl_device_id whole, cl_uint n_parts, unsigned cores) {
    const cl_device_partition_property equally[] = {CL_DEVICE_PARTITION_EQUALLY, (cl_device_partition_property)cores,
                                                    0};
    cl_device_id *parts = fcl_calloc(n_parts, sizeof *parts);
    if (!parts) return CL_OUT_OF_HOST_MEMORY;
    cl_int error = clCreateSubDevices(whole, equally, n_parts, parts, &n_parts);
    for (cl_uint i = 1; error == CL_SUCCESS && i < n_parts; i++) clReleaseDevice(parts[i]);
    if (error == CL_SUCCESS) *out = parts[0];
    free(parts);
    return error;
}

fcl_status fcl_part_create(cl_device_id *out, cl_device_id whole, const fcl_device_info *facts, unsigned cores) {
    const cl_device_partition_property by_counts[] = {
        CL_DEVICE_PARTITION_BY_COUNTS, (cl_device_partition_property)cores, CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_device_id part = NULL;
    cl_int error = facts->divides_by_counts ? clCreateSubDevices(whole, by_counts, 1, &part, NULL)
                                            : create_equal(&part, whole, facts->compute_units / cores, cores);
    if (error != CL_SUCCESS)
        return fcl_fail_cl(error, "clCreateSubDevices", "cannot take %u of the %u cores of the device '%s'", cores,
                           facts->compute_units, facts->name);
    *out = part;
    return FCL_OK;
}
