/*
 * OpenCL devices: what there is, how one is selected, and opening it.
 *
 * A selector is "auto", "cpu", "gpu", an index as fcl_device_list() orders devices and `fiducl devices` prints, or part
 * of "platform:device" (upper and lower case are the same), which ends in "#1", "#2", ... where a platform has several
 * devices of one name. Several matches of a part are an error that lists them. Each of these may end in ":1core", ":2cores",
 * ...: then only so many of the device's compute units are used, the first ones, or with ":1core@2" those from the third on (the
 * first is 0). "auto" is the first GPU, else the first CPU, else the first
 * device, here where there is no model to measure with; fcl_auto_choose() (auto.h) measures.
 */
#ifndef FIDUCL_DEVICE_H
#define FIDUCL_DEVICE_H

#include <stdint.h>

#include "fiducl/status.h"

typedef enum fcl_device_kind { FCL_DEVICE_CPU, FCL_DEVICE_GPU, FCL_DEVICE_OTHER } fcl_device_kind;

/* Facts of one device; strings belong to the list. */
typedef struct fcl_device_info {
    unsigned index;
    unsigned ordinal; /* 1, 2, ... among the devices of the platform with this name; 0 when it is the only one */
    unsigned
        hardware; /* the index of the first device that is the same piece of hardware; its own when it is the first */
    fcl_device_kind kind;
    const char *platform;         /* CL_PLATFORM_NAME */
    const char *platform_version; /* CL_PLATFORM_VERSION */
    const char *name;             /* CL_DEVICE_NAME, spaces at the ends removed */
    const char *vendor;
    const char *version;        /* CL_DEVICE_VERSION */
    const char *driver_version; /* CL_DRIVER_VERSION */
    const char *extensions;
    const char *pci_address; /* "0000:03:00.0", or NULL where the platform does not say */
    unsigned vendor_id;
    unsigned compute_units;
    unsigned part_of_units; /* of an opened part of a device: the compute units of the whole; else 0 */
    unsigned part_first;    /* and the first one that belongs to it, from 0 */
    /* How it can be divided: into parts of any numbers of compute units, into equal parts. */
    int divides_by_counts, divides_equally;
    unsigned clock_mhz;
    unsigned pointer_bits;
    unsigned base_address_align_bits; /* CL_DEVICE_MEM_BASE_ADDR_ALIGN */
    unsigned preferred_vector_width_float;
    unsigned native_vector_width_float;
    uint64_t global_memory_bytes;
    uint64_t max_allocation_bytes;
    uint64_t local_memory_bytes;
    int local_memory_is_dedicated; /* CL_LOCAL as opposed to CL_GLOBAL */
    uint64_t max_work_group_size;
    uint64_t max_work_item_sizes[3];
    uint64_t global_cache_bytes;
    int host_unified_memory;
    int has_double;
    int compiler_available;
    const char *unusable; /* NULL, or why fiducl cannot use it (no compiler, not OpenCL 1.2, not available) */
} fcl_device_info;

typedef struct fcl_device_list fcl_device_list;

/* Every device of every platform, platforms in the loader's order. An empty list is success. */
FCL_API fcl_status fcl_device_list_create(fcl_device_list **out);
FCL_API void fcl_device_list_free(fcl_device_list *list);
FCL_API unsigned fcl_device_list_count(const fcl_device_list *list);
/* Lends; index < count. */
FCL_API const fcl_device_info *fcl_device_list_at(const fcl_device_list *list, unsigned index);
/* "platform:device", "platform:device#2", "platform:device:1core", "platform:device:1core@1": the selector that still fits when
 * others come and go; for free(), NULL when memory is out. */
FCL_API char *fcl_device_selector(const fcl_device_info *info);
/* Resolves a selector; NULL means $FIDUCL_DEVICE if set, else "auto". FCL_E_NO_DEVICE says what there is, or why the part
 * that is asked for cannot be had; *out is the device that it is a part of. */
FCL_API fcl_status fcl_device_select(unsigned *out, const fcl_device_list *list, const char *selector);
/*
 * Several devices: selectors as above separated by commas (one within parentheses separates nothing), "auto" only alone; "all-gpus"
 * is every usable GPU and "all" every usable device, each piece of hardware once, through the platform that comes first. NULL is
 * as above. *out is an array of *n selectors as fcl_device_selector() writes them, one a device.
 *
 * What is the same hardware cannot be there twice, except in parts: each part without "@" takes the first cores that those before it
 * left, so that "cpu:1core,cpu:1core" are two different cores. FCL_E_NO_DEVICE says which devices collide, or how many cores there
 * are.
 */
FCL_API fcl_status fcl_device_select_several(char ***out, unsigned *n, const fcl_device_list *list,
                                             const char *selectors);
FCL_API void fcl_device_selectors_free(char **selectors, unsigned n);
/* Whether a selector (NULL as above, but only where $FIDUCL_DEVICE is set) is "auto", or a part of it: "auto:2cores". */
FCL_API int fcl_selector_is_auto(const char *selector);

/* A GPU the system has (from sysfs) that no OpenCL platform offers. */
typedef struct fcl_missing_gpu {
    char name[96];    /* "AMD GPU 1002:73bf at 0000:03:00.0" */
    char reason[256]; /* why as far as can be told, and what to install or do */
} fcl_missing_gpu;
/* At most `capacity` of them; *n is set to how many there are. `sysfs` and `dev` are "/sys" and "/dev" but in tests. */
FCL_API fcl_status fcl_missing_gpus(fcl_missing_gpu *out, unsigned *n, unsigned capacity, const fcl_device_list *list,
                                    const char *sysfs, const char *dev);

/* An opened device: a context and an in-order queue. One thread uses it at a time. */
typedef struct fcl_device fcl_device;

/* `selector` as above. With `profiling` each kernel's time is measured (see fcl_device_profile in the private
 * headers), which costs some speed. */
FCL_API fcl_status fcl_device_open(fcl_device **out, const char *selector, int profiling);
FCL_API void fcl_device_free(fcl_device *device);
/* Opens all of fcl_device_select_several(), in its order. */
FCL_API fcl_status fcl_device_open_several(fcl_device ***out, unsigned *n, const char *selectors, int profiling);
FCL_API void fcl_device_free_several(fcl_device **devices, unsigned n);
/* `fiducl` is the path of that program, of this version; NULL, as at the start, takes it back. Kernels that are new to a device
 * are then compiled by several processes of it, which where a driver compiles one at a time saves most of a first start. As
 * many as there are processors, at most 8. The program itself does this. For the start of a program. */
FCL_API void fcl_device_compile_with(const char *fiducl);
/* Lends; valid as long as the device. */
FCL_API const fcl_device_info *fcl_device_facts(const fcl_device *device);

#endif
