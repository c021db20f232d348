/* GPUs that the system has but no OpenCL platform offers, and why as far as can be told. */
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/internal.h"

#include <stdio.h>
#include <string.h>

/* PCI: the base class of display controllers, and the identifiers of vendors with OpenCL for Debian. */
enum { CLASS_DISPLAY = 0x03, CLASS_SHIFT = 16, VENDOR_AMD = 0x1002, VENDOR_NVIDIA = 0x10de, VENDOR_INTEL = 0x8086 };

typedef struct vendor_facts {
    unsigned id;
    const char *name;
    const char *install; /* what makes its GPUs OpenCL devices */
    const char *driver;  /* what is missing when no kernel driver has the GPU */
} vendor_facts;

static const vendor_facts vendors[] = {
    {VENDOR_AMD, "AMD",
     "`apt install mesa-opencl-icd` and set RUSTICL_ENABLE=radeonsi, or install AMD's ROCm "
     "(rocm-opencl-runtime of AMD's repository)",
     "no kernel driver has it: `apt install firmware-amd-graphics` and restart"},
    {VENDOR_INTEL, "Intel", "`apt install intel-opencl-icd`",
     "no kernel driver has it: it needs a Linux kernel that knows this GPU (i915 or xe)"},
    {VENDOR_NVIDIA, "NVIDIA", "`apt install nvidia-opencl-icd` (with nvidia-driver)",
     "no kernel driver has it: `apt install nvidia-driver nvidia-opencl-icd` and restart"},
};

static const vendor_facts *find_vendor(unsigned id) {
    for (size_t i = 0; i < sizeof vendors / sizeof vendors[0]; i++)
        if (vendors[i].id == id) return &vendors[i];
    return NULL;
}

typedef struct system_gpu {
    unsigned vendor, device;
    char *address; /* as sysfs names the device: "0000:03:00.0" */
    char *folder;
    int offered; /* an OpenCL device has its address */
    int assumed; /* one without an address is taken for it */
} system_gpu;

typedef struct system_gpus {
    system_gpu *gpus; /* (n) */
    size_t n, capacity;
} system_gpus;

static void dispose(system_gpus *system) {
    for (size_t i = 0; i < system->n; i++) {
        free(system->gpus[i].address);
        free(system->gpus[i].folder);
    }
    free(system->gpus);
}

/* The hexadecimal number in folder/name; false when there is none. Devices come and go: that is no error. */
static int read_hex(unsigned *out, const char *folder, const char *name) {
    char *path = fcl_path_join(folder, name), *text = NULL;
    size_t n;
    int good =
        path && fcl_path_exists(path) && fcl_file_read(&text, &n, path) == FCL_OK && sscanf(text, "%x", out) == 1;
    free(text);
    free(path);
    return good;
}

/* Adds what `folder` describes when that is a display controller. */
static fcl_status add_if_gpu(system_gpus *system, const char *folder, const char *address) {
    unsigned class_code, vendor, device;
    if (!read_hex(&class_code, folder, "class") || class_code >> CLASS_SHIFT != CLASS_DISPLAY ||
        !read_hex(&vendor, folder, "vendor") || !read_hex(&device, folder, "device"))
        return FCL_OK;
    void *grown = system->gpus;
    fcl_status status;
    FCL_TRY(fcl_grow(&grown, &system->capacity, system->n + 1, sizeof *system->gpus, "the list of GPUs"));
    system->gpus = grown;
    system_gpu gpu = {
        .vendor = vendor, .device = device, .address = fcl_duplicate(address), .folder = fcl_duplicate(folder)};
    system->gpus[system->n++] = gpu;
    if (!gpu.address || !gpu.folder) status = FCL_E_MEMORY;
done:
    return status;
}

/* One folder of sysfs with a device in each entry, or in `inner` of each entry that begins with `prefix`. */
static fcl_status scan(system_gpus *system, const char *sysfs, const char *folder, const char *prefix,
                       const char *inner) {
    char *path = fcl_path_join(sysfs, folder), *device = NULL, **names = NULL;
    size_t n = 0;
    fcl_status status = path ? FCL_OK : FCL_E_MEMORY;
    if (status != FCL_OK || !fcl_path_is_folder(path)) goto done;
    FCL_TRY(fcl_folder_list(&names, &n, path));
    for (size_t i = 0; i < n; i++) {
        /* card0, but not its connectors: card0-HDMI-A-1 */
        if (!fcl_starts_with(names[i], prefix) || (*prefix && strchr(names[i], '-'))) continue;
        free(device);
        if (!(device = fcl_format("%s/%s%s", path, names[i], inner))) {
            status = FCL_E_MEMORY;
            goto done;
        }
        FCL_TRY(add_if_gpu(system, device, names[i]));
    }
done:
    fcl_names_free(names, n);
    free(device);
    free(path);
    return status;
}

/* The OpenCL devices that are GPUs of this vendor without a PCI address of the system's: as many as the
 * platform has that offers most, since two platforms may both offer the same one. */
static unsigned count_unnamed(const fcl_device_list *list, const system_gpus *system, unsigned vendor) {
    unsigned most = 0;
    for (unsigned first = 0; first < list->count; first++) {
        unsigned n = 0;
        for (unsigned i = 0; i < list->count; i++) {
            const fcl_device_info *info = &list->infos[i];
            if (info->kind != FCL_DEVICE_GPU || info->vendor_id != vendor ||
                strcmp(info->platform, list->infos[first].platform) != 0)
                continue;
            int is_known = 0;
            for (size_t g = 0; info->pci_address && g < system->n; g++)
                is_known |= strcmp(system->gpus[g].address, info->pci_address) == 0;
            n += !is_known;
        }
        if (n > most) most = n;
    }
    return most;
}

static void mark_offered(system_gpus *system, const fcl_device_list *list) {
    for (size_t g = 0; g < system->n; g++)
        for (unsigned i = 0; i < list->count; i++) {
            const fcl_device_info *info = &list->infos[i];
            if (info->kind == FCL_DEVICE_GPU && info->pci_address &&
                strcmp(info->pci_address, system->gpus[g].address) == 0)
                system->gpus[g].offered = 1;
        }
    /* Where a platform does not say which GPU it offers, the first ones of the vendor are taken for them. */
    for (size_t g = 0; g < system->n; g++) {
        system_gpu *gpu = &system->gpus[g];
        if (gpu->offered) continue;
        unsigned n_taken = 0;
        for (size_t earlier = 0; earlier < g; earlier++)
            n_taken += system->gpus[earlier].assumed && system->gpus[earlier].vendor == gpu->vendor;
        gpu->assumed = n_taken < count_unnamed(list, system, gpu->vendor);
    }
}

/* GPUs of the vendor that OpenCL offers. */
static unsigned count_listed(const system_gpus *system, unsigned vendor) {
    unsigned n = 0;
    for (size_t g = 0; g < system->n; g++)
        n += system->gpus[g].vendor == vendor && (system->gpus[g].offered || system->gpus[g].assumed);
    return n;
}

/* The name of its render node ("renderD128") for free(); NULL when it has none. */
static char *render_node(const system_gpu *gpu) {
    char *folder = fcl_path_join(gpu->folder, "drm"), **names = NULL, *found = NULL;
    size_t n = 0;
    if (folder && fcl_path_is_folder(folder) && fcl_folder_list(&names, &n, folder) == FCL_OK)
        for (size_t i = 0; i < n && !found; i++)
            if (fcl_starts_with(names[i], "renderD")) found = fcl_duplicate(names[i]);
    fcl_names_free(names, n);
    free(folder);
    return found;
}

static int has_driver(const system_gpu *gpu) {
    char *path = fcl_path_join(gpu->folder, "driver");
    int yes = path && fcl_path_exists(path);
    free(path);
    return yes;
}

static void describe(fcl_missing_gpu *out, const system_gpu *gpu, unsigned n_offered, const char *dev) {
    const vendor_facts *vendor = find_vendor(gpu->vendor);
    snprintf(out->name, sizeof out->name, "%s%sGPU %04x:%04x at %s", vendor ? vendor->name : "", vendor ? " " : "",
             gpu->vendor, gpu->device, gpu->address);
    char *node = render_node(gpu), *path = node ? fcl_format("%s/dri/%s", dev, node) : NULL;
    if (!vendor)
        snprintf(out->reason, sizeof out->reason, "no OpenCL platform for GPUs of this vendor is known to fiducl");
    else if (!has_driver(gpu))
        snprintf(out->reason, sizeof out->reason, "%s", vendor->driver);
    else if (path && fcl_path_exists(path) && !(fcl_path_is_readable(path) && fcl_path_is_writable(path)))
        snprintf(out->reason, sizeof out->reason,
                 "no access to %s: add the user to group render (`sudo usermod -aG render $USER`) and log in "
                 "again",
                 path);
    else if (path && !fcl_path_exists(path))
        snprintf(out->reason, sizeof out->reason, "%s is missing: a container must be given /dev/dri", path);
    else if (n_offered)
        snprintf(out->reason, sizeof out->reason,
                 "OpenCL offers %u other GPU(s) of %s, but not this one: look for a variable that hides GPUs "
                 "(CUDA_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES), a container without it, or a driver too old "
                 "for it",
                 n_offered, vendor->name);
    else
        snprintf(out->reason, sizeof out->reason, "most likely its OpenCL platform is not installed: %s",
                 vendor->install);
    free(path);
    free(node);
}

fcl_status fcl_missing_gpus(fcl_missing_gpu *out, unsigned *n, unsigned capacity, const fcl_device_list *list,
                            const char *sysfs, const char *dev) {
    system_gpus system = {0};
    fcl_status status;
    FCL_TRY(scan(&system, sysfs, "bus/pci/devices", "", ""));
    if (!system.n) FCL_TRY(scan(&system, sysfs, "class/drm", "card", "/device"));
    mark_offered(&system, list);
    unsigned n_missing = 0;
    for (size_t g = 0; g < system.n; g++) {
        if (system.gpus[g].offered || system.gpus[g].assumed) continue;
        if (n_missing < capacity)
            describe(&out[n_missing], &system.gpus[g], count_listed(&system, system.gpus[g].vendor), dev);
        n_missing++;
    }
    *n = n_missing;
done:
    dispose(&system);
    return status;
}
