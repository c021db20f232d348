/* Which devices there are, and their facts. */
#include "base/log.h"
#include "base/memory.h"
#include "base/system.h"
#include "base/text.h"
#include "device/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Of cl_khr_icd: the loader found no platform at all. */
#define PLATFORM_NOT_FOUND_KHR (-1001)
/* Of cl_khr_pci_bus_info. */
#define DEVICE_PCI_BUS_INFO_KHR 0x410F

typedef struct pci_bus_info {
    cl_uint domain, bus, device, function;
} pci_bus_info;

/* Removes spaces at both ends, in place. */
static void trim(char *text) {
    size_t start = 0, length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1])) length--;
    while (start < length && isspace((unsigned char)text[start])) start++;
    memmove(text, text + start, length - start);
    text[length - start] = '\0';
}

/* One string of a platform (id NULL) or a device. What a driver cannot say is "". */
static fcl_status query_string(const char **out, cl_platform_id platform, cl_device_id id, cl_uint what) {
    size_t n = 0;
    cl_int error = id ? clGetDeviceInfo(id, what, 0, NULL, &n) : clGetPlatformInfo(platform, what, 0, NULL, &n);
    if (error != CL_SUCCESS) n = 0;
    char *text = fcl_calloc(n + 1, 1);
    if (!text) return fcl_fail_memory("the facts of a device", n + 1);
    if (n) error = id ? clGetDeviceInfo(id, what, n, text, NULL) : clGetPlatformInfo(platform, what, n, text, NULL);
    if (error != CL_SUCCESS) text[0] = '\0';
    trim(text);
    *out = text;
    return FCL_OK;
}

/* Leaves *out as it is, which is zero, when the driver does not know. */
static void query_value(void *out, size_t n_bytes, cl_device_id id, cl_device_info what) {
    unsigned char value[sizeof(pci_bus_info)];
    if (clGetDeviceInfo(id, what, n_bytes, value, NULL) == CL_SUCCESS) memcpy(out, value, n_bytes);
}

static unsigned query_uint(cl_device_id id, cl_device_info what) {
    cl_uint value = 0;
    query_value(&value, sizeof value, id, what);
    return value;
}

static uint64_t query_ulong(cl_device_id id, cl_device_info what) {
    cl_ulong value = 0;
    query_value(&value, sizeof value, id, what);
    return value;
}

static size_t query_size(cl_device_id id, cl_device_info what) {
    size_t value = 0;
    query_value(&value, sizeof value, id, what);
    return value;
}

/* "OpenCL 1.2 vendor's text" */
static int is_at_least_1_2(const char *version) {
    unsigned major, minor;
    return sscanf(version, "OpenCL %u.%u", &major, &minor) == 2 && (major > 1 || (major == 1 && minor >= 2));
}

static fcl_status query_pci_address(fcl_device_info *info, cl_device_id id) {
    pci_bus_info pci;
    if (!strstr(info->extensions, "cl_khr_pci_bus_info") ||
        clGetDeviceInfo(id, DEVICE_PCI_BUS_INFO_KHR, sizeof pci, &pci, NULL) != CL_SUCCESS)
        return FCL_OK;
    info->pci_address = fcl_format("%04x:%02x:%02x.%x", pci.domain, pci.bus, pci.device, pci.function);
    return info->pci_address ? FCL_OK : FCL_E_MEMORY;
}

static void query_division(fcl_device_info *info, cl_device_id id) {
    enum { MAX_KINDS = 16 };
    cl_device_partition_property kinds[MAX_KINDS];
    size_t n_bytes = 0;
    if (clGetDeviceInfo(id, CL_DEVICE_PARTITION_PROPERTIES, sizeof kinds, kinds, &n_bytes) != CL_SUCCESS) return;
    for (size_t i = 0; i < n_bytes / sizeof *kinds; i++) {
        info->divides_by_counts |= kinds[i] == CL_DEVICE_PARTITION_BY_COUNTS;
        info->divides_equally |= kinds[i] == CL_DEVICE_PARTITION_EQUALLY;
    }
}

fcl_status fcl_device_info_query(fcl_device_info *info, cl_platform_id platform, cl_device_id id) {
    fcl_status status;
    FCL_TRY(query_string(&info->platform, platform, NULL, CL_PLATFORM_NAME));
    FCL_TRY(query_string(&info->platform_version, platform, NULL, CL_PLATFORM_VERSION));
    FCL_TRY(query_string(&info->name, NULL, id, CL_DEVICE_NAME));
    FCL_TRY(query_string(&info->vendor, NULL, id, CL_DEVICE_VENDOR));
    FCL_TRY(query_string(&info->version, NULL, id, CL_DEVICE_VERSION));
    FCL_TRY(query_string(&info->driver_version, NULL, id, CL_DRIVER_VERSION));
    FCL_TRY(query_string(&info->extensions, NULL, id, CL_DEVICE_EXTENSIONS));
    FCL_TRY(query_pci_address(info, id));

    cl_device_type type = query_ulong(id, CL_DEVICE_TYPE);
    info->kind = type & CL_DEVICE_TYPE_GPU   ? FCL_DEVICE_GPU
                 : type & CL_DEVICE_TYPE_CPU ? FCL_DEVICE_CPU
                                             : FCL_DEVICE_OTHER;
    info->vendor_id = query_uint(id, CL_DEVICE_VENDOR_ID);
    info->compute_units = query_uint(id, CL_DEVICE_MAX_COMPUTE_UNITS);
    query_division(info, id);
    info->clock_mhz = query_uint(id, CL_DEVICE_MAX_CLOCK_FREQUENCY);
    info->pointer_bits = query_uint(id, CL_DEVICE_ADDRESS_BITS);
    info->base_address_align_bits = query_uint(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN);
    info->preferred_vector_width_float = query_uint(id, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT);
    info->native_vector_width_float = query_uint(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    info->global_memory_bytes = query_ulong(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->max_allocation_bytes = query_ulong(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    info->local_memory_bytes = query_ulong(id, CL_DEVICE_LOCAL_MEM_SIZE);
    info->local_memory_is_dedicated = query_uint(id, CL_DEVICE_LOCAL_MEM_TYPE) == CL_LOCAL;
    info->max_work_group_size = query_size(id, CL_DEVICE_MAX_WORK_GROUP_SIZE);
    size_t item_sizes[3] = {0, 0, 0};
    clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof item_sizes, item_sizes, NULL);
    for (int d = 0; d < 3; d++) info->max_work_item_sizes[d] = item_sizes[d];
    info->global_cache_bytes = query_ulong(id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE);
    info->host_unified_memory = query_uint(id, CL_DEVICE_HOST_UNIFIED_MEMORY) != CL_FALSE;
    info->has_double = query_ulong(id, CL_DEVICE_DOUBLE_FP_CONFIG) != 0;
    info->compiler_available = query_uint(id, CL_DEVICE_COMPILER_AVAILABLE) != CL_FALSE;
    if (!query_uint(id, CL_DEVICE_AVAILABLE))
        info->unusable = "the driver says that it is not available";
    else if (!is_at_least_1_2(info->version))
        info->unusable = "it has not OpenCL 1.2";
    else if (!info->compiler_available)
        info->unusable = "its driver has no compiler for kernels";
done:
    return status;
}

void fcl_device_info_dispose(fcl_device_info *info) {
    free((char *)info->platform);
    free((char *)info->platform_version);
    free((char *)info->name);
    free((char *)info->vendor);
    free((char *)info->version);
    free((char *)info->driver_version);
    free((char *)info->extensions);
    free((char *)info->pci_address);
}

static fcl_status list_add(fcl_device_list *list, cl_platform_id platform, const cl_device_id *ids, cl_uint n) {
    size_t room = (size_t)list->count + n;
    fcl_status status = FCL_OK;
    fcl_device_info *infos = NULL;
    cl_device_id *all_ids = NULL;
    cl_platform_id *platforms = NULL;
    FCL_TRY(FCL_NEW(&infos, room, "the list of devices"));
    FCL_TRY(FCL_NEW(&all_ids, room, "the list of devices"));
    FCL_TRY(FCL_NEW(&platforms, room, "the list of devices"));
    if (list->count) {
        memcpy(infos, list->infos, list->count * sizeof *infos);
        memcpy(all_ids, list->ids, list->count * sizeof *all_ids);
        memcpy(platforms, list->platforms, list->count * sizeof *platforms);
    }
    free(list->infos);
    free(list->ids);
    free(list->platforms);
    list->infos = infos;
    list->ids = all_ids;
    list->platforms = platforms;
    for (cl_uint i = 0; i < n; i++) {
        /* Counted first, so that what a failure leaves is released with the list. */
        unsigned index = list->count++;
        infos[index].index = index;
        all_ids[index] = ids[i];
        platforms[index] = platform;
        status = fcl_device_info_query(&infos[index], platform, ids[i]);
        if (status != FCL_OK) return status;
    }
    return FCL_OK;
done:
    free(infos);
    free(all_ids);
    free(platforms);
    return status;
}

static fcl_status list_add_platform(fcl_device_list *list, cl_platform_id platform) {
    cl_uint n = 0;
    cl_device_id *ids = NULL;
    fcl_status status = FCL_OK;
    cl_int error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &n);
    if (error == CL_SUCCESS && n) {
        FCL_TRY(FCL_NEW(&ids, n, "the list of devices"));
        error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, n, ids, NULL);
        if (error == CL_SUCCESS) FCL_TRY(list_add(list, platform, ids, n));
    }
    /* A platform without a device says so by this error; one that is broken must not hide the others. */
    if (error != CL_SUCCESS && error != CL_DEVICE_NOT_FOUND) {
        const char *name = NULL;
        FCL_TRY(query_string(&name, platform, NULL, CL_PLATFORM_NAME));
        fcl_log(FCL_LOG_WARNING, "the OpenCL platform '%s' cannot list its devices: %s (%d)", name,
                fcl_cl_error_name(error), (int)error);
        free((char *)name);
    }
done:
    free(ids);
    return status;
}

void fcl_device_list_count_names(fcl_device_list *list) {
    for (unsigned i = 0; i < list->count; i++) {
        unsigned before = 0, others = 0;
        for (unsigned j = 0; j < list->count; j++) {
            if (j == i || strcmp(list->infos[i].name, list->infos[j].name) != 0 ||
                strcmp(list->infos[i].platform, list->infos[j].platform) != 0)
                continue;
            others++;
            if (j < i) before++;
        }
        list->infos[i].ordinal = others ? before + 1 : 0;
    }
}

/* A CPU has no PCI address, but platforms put the name of the processor into that of the device. Two CPU devices of one
 * platform may be two sockets, and are left apart. */
static int is_same_hardware(const fcl_device_info *a, const fcl_device_info *b, const char *processor) {
    if (a->pci_address && b->pci_address) return strcmp(a->pci_address, b->pci_address) == 0;
    return a->kind == FCL_DEVICE_CPU && b->kind == FCL_DEVICE_CPU && strcmp(a->platform, b->platform) != 0 &&
           *processor && strstr(a->name, processor) && strstr(b->name, processor);
}

void fcl_device_list_match_hardware(fcl_device_list *list, const char *processor) {
    for (unsigned i = 0; i < list->count; i++) {
        unsigned first = 0;
        while (first < i && !is_same_hardware(&list->infos[first], &list->infos[i], processor)) first++;
        list->infos[i].hardware = first;
    }
}

fcl_status fcl_device_list_create(fcl_device_list **out) {
    fcl_pocl_prepare();
    fcl_device_list *list = NULL;
    cl_platform_id *platforms = NULL;
    cl_uint n = 0;
    fcl_status status;
    FCL_TRY(FCL_NEW(&list, 1, "the list of devices"));
    cl_int error = clGetPlatformIDs(0, NULL, &n);
    if (error == PLATFORM_NOT_FOUND_KHR) {
        n = 0;
    } else if (error != CL_SUCCESS) {
        status = fcl_fail_cl(error, "clGetPlatformIDs", "the OpenCL loader cannot list its platforms");
        goto done;
    }
    if (n) {
        FCL_TRY(FCL_NEW(&platforms, n, "the list of platforms"));
        error = clGetPlatformIDs(n, platforms, NULL);
        if (error != CL_SUCCESS) {
            status = fcl_fail_cl(error, "clGetPlatformIDs", "the OpenCL loader cannot list its platforms");
            goto done;
        }
        for (cl_uint i = 0; i < n; i++) FCL_TRY(list_add_platform(list, platforms[i]));
    }
    fcl_device_list_count_names(list);
    fcl_system_facts host;
    fcl_system_facts_read(&host, &FCL_SYSTEM_ROOTS);
    fcl_device_list_match_hardware(list, host.cpu);
    *out = list;
    list = NULL;
done:
    free(platforms);
    fcl_device_list_free(list);
    return status;
}

void fcl_device_list_free(fcl_device_list *list) {
    if (!list) return;
    for (unsigned i = 0; i < list->count; i++) fcl_device_info_dispose(&list->infos[i]);
    free(list->infos);
    free(list->ids);
    free(list->platforms);
    free(list);
}

unsigned fcl_device_list_count(const fcl_device_list *list) {
    return list->count;
}

const fcl_device_info *fcl_device_list_at(const fcl_device_list *list, unsigned index) {
    return index < list->count ? &list->infos[index] : NULL;
}
