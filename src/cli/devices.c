#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/options.h"

enum { MAX_MISSING = 16 };

/* What is shown: the devices and the GPUs that should be among them. */
typedef struct inventory {
    fcl_device_list *list;
    fcl_missing_gpu missing[MAX_MISSING];
    unsigned n_missing;
    int chosen; /* the device that no selector means, or -1 */
} inventory;

static const char *kind_name(fcl_device_kind kind) {
    return kind == FCL_DEVICE_CPU ? "cpu" : kind == FCL_DEVICE_GPU ? "gpu" : "other";
}

static fcl_status take(inventory *out) {
    fcl_status status;
    unsigned chosen, n;
    FCL_TRY(fcl_device_list_create(&out->list));
    FCL_TRY(fcl_missing_gpus(out->missing, &n, MAX_MISSING, out->list, "/sys", "/dev"));
    out->n_missing = n < MAX_MISSING ? n : MAX_MISSING;
    /* A selector in the environment that fits nothing must not keep the table from whoever looks for the
     * right one. */
    out->chosen = fcl_device_select(&chosen, out->list, NULL) == FCL_OK ? (int)chosen : -1;
done:
    return status;
}

static void print_table(const inventory *machine) {
    const fcl_device_list *list = machine->list;
    int name_width = (int)strlen("device"), platform_width = (int)strlen("platform");
    for (unsigned i = 0; i < fcl_device_list_count(list); i++) {
        const fcl_device_info *d = fcl_device_list_at(list, i);
        if ((int)strlen(d->name) > name_width) name_width = (int)strlen(d->name);
        if ((int)strlen(d->platform) > platform_width) platform_width = (int)strlen(d->platform);
    }
    printf("  index  kind   %-*s  %-*s  units   MHz      memory\n", name_width, "device", platform_width, "platform");
    for (unsigned i = 0; i < fcl_device_list_count(list); i++) {
        const fcl_device_info *d = fcl_device_list_at(list, i);
        printf("%c %5u  %-5s  %-*s  %-*s  %5u %5u %7.0f MiB\n", (int)i == machine->chosen ? '*' : ' ', d->index,
               kind_name(d->kind), name_width, d->name, platform_width, d->platform, d->compute_units, d->clock_mhz,
               fcl_mebibytes(d->global_memory_bytes));
        if (d->ordinal)
            printf("         one of several of this name: select it by its index or as '%s#%u'\n", d->name, d->ordinal);
        if (d->hardware != d->index) printf("         the same hardware as %u, through another driver\n", d->hardware);
        if (d->compute_units > 1 && (d->divides_by_counts || d->divides_equally))
            printf("         can be divided: --device %u:1core computes on one of its %u cores\n", d->index,
                   d->compute_units);
        if (d->unusable) printf("         cannot be used: %s\n", d->unusable);
    }
    printf("\nSelect with --device INDEX, cpu, gpu, part of platform:device or auto, or with FIDUCL_DEVICE.");
    if (machine->chosen >= 0) printf(" * is what is used otherwise.");
    printf("\n");
}

static void print_missing(const inventory *machine) {
    for (unsigned i = 0; i < machine->n_missing; i++)
        printf("\n%s: no OpenCL platform offers it\n  %s\n", machine->missing[i].name, machine->missing[i].reason);
}

/* Every fact of a device, in one place for people and programs. */
static json_t *facts(const fcl_device_info *d) {
    json_t *o = json_object();
    json_object_set_new(o, "index", json_integer(d->index));
    char *selector = fcl_device_selector(d);
    json_object_set_new(o, "selector", selector ? json_string(selector) : json_null());
    free(selector);
    json_object_set_new(o, "kind", json_string(kind_name(d->kind)));
    json_object_set_new(o, "name", json_string(d->name));
    json_object_set_new(o, "platform", json_string(d->platform));
    json_object_set_new(o, "vendor", json_string(d->vendor));
    json_object_set_new(o, "vendor_id", json_integer(d->vendor_id));
    json_object_set_new(o, "pci_address", d->pci_address ? json_string(d->pci_address) : json_null());
    json_object_set_new(o, "same_hardware_as", d->hardware != d->index ? json_integer(d->hardware) : json_null());
    json_object_set_new(o, "version", json_string(d->version));
    json_object_set_new(o, "platform_version", json_string(d->platform_version));
    json_object_set_new(o, "driver_version", json_string(d->driver_version));
    json_object_set_new(o, "compute_units", json_integer(d->compute_units));
    json_object_set_new(o, "divides_by_counts", json_boolean(d->divides_by_counts));
    json_object_set_new(o, "divides_equally", json_boolean(d->divides_equally));
    json_object_set_new(o, "clock_mhz", json_integer(d->clock_mhz));
    json_object_set_new(o, "pointer_bits", json_integer(d->pointer_bits));
    json_object_set_new(o, "base_address_align_bits", json_integer(d->base_address_align_bits));
    json_object_set_new(o, "preferred_vector_width_float", json_integer(d->preferred_vector_width_float));
    json_object_set_new(o, "native_vector_width_float", json_integer(d->native_vector_width_float));
    json_object_set_new(o, "global_memory_bytes", json_integer((json_int_t)d->global_memory_bytes));
    json_object_set_new(o, "max_allocation_bytes", json_integer((json_int_t)d->max_allocation_bytes));
    json_object_set_new(o, "global_cache_bytes", json_integer((json_int_t)d->global_cache_bytes));
    json_object_set_new(o, "local_memory_bytes", json_integer((json_int_t)d->local_memory_bytes));
    json_object_set_new(o, "local_memory_is_dedicated", json_boolean(d->local_memory_is_dedicated));
    json_object_set_new(o, "max_work_group_size", json_integer((json_int_t)d->max_work_group_size));
    json_t *sizes = json_array();
    for (unsigned i = 0; i < sizeof d->max_work_item_sizes / sizeof *d->max_work_item_sizes; i++)
        json_array_append_new(sizes, json_integer((json_int_t)d->max_work_item_sizes[i]));
    json_object_set_new(o, "max_work_item_sizes", sizes);
    json_object_set_new(o, "host_unified_memory", json_boolean(d->host_unified_memory));
    json_object_set_new(o, "has_double", json_boolean(d->has_double));
    json_object_set_new(o, "compiler_available", json_boolean(d->compiler_available));
    json_object_set_new(o, "unusable", d->unusable ? json_string(d->unusable) : json_null());
    json_object_set_new(o, "extensions", json_string(d->extensions));
    return o;
}

static void print_facts(const fcl_device_list *list) {
    for (unsigned i = 0; i < fcl_device_list_count(list); i++) {
        json_t *o = facts(fcl_device_list_at(list, i)), *value;
        const char *key;
        printf("\n");
        json_object_foreach(o, key, value) {
            char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
            printf("%-29s %s\n", key, json_is_string(value) ? json_string_value(value) : text ? text : "");
            free(text);
        }
        json_decref(o);
    }
}

static fcl_status print_json(const inventory *machine) {
    json_t *devices = json_array(), *missing = json_array();
    for (unsigned i = 0; i < fcl_device_list_count(machine->list); i++)
        json_array_append_new(devices, facts(fcl_device_list_at(machine->list, i)));
    for (unsigned i = 0; i < machine->n_missing; i++)
        json_array_append_new(
            missing, json_pack("{s:s, s:s}", "name", machine->missing[i].name, "reason", machine->missing[i].reason));
    json_t *all = json_pack("{s:o, s:o?, s:o}", "devices", devices, "default",
                            machine->chosen >= 0 ? json_integer(machine->chosen) : NULL, "missing_gpus", missing);
    char *text = json_dumps(all, JSON_INDENT(2));
    json_decref(all);
    if (!text) return fcl_fail_memory("the list of devices", 0);
    printf("%s\n", text);
    free(text);
    return FCL_OK;
}

static fcl_status run(const fcl_arguments *arguments) {
    fcl_status status;
    inventory machine = {0};
    FCL_TRY(take(&machine));
    unsigned n = fcl_device_list_count(machine.list);
    if (fcl_argument_flag(arguments, "json")) {
        FCL_TRY(print_json(&machine));
    } else {
        if (n) print_table(&machine);
        if (fcl_argument_flag(arguments, "verbose")) print_facts(machine.list);
        print_missing(&machine);
    }
    /* What selecting says names the remedy. */
    unsigned chosen;
    if (n == 0) status = fcl_device_select(&chosen, machine.list, "auto");
done:
    fcl_device_list_free(machine.list);
    return status;
}

static const fcl_option options[] = {
    {"verbose", 'v', FCL_OPTION_FLAG, NULL, "all facts of each device"},
    {"json", 0, FCL_OPTION_FLAG, NULL, "all facts as JSON"},
    {0},
};

const fcl_command fcl_command_devices = {
    .name = "devices",
    .summary = "list OpenCL devices, how to select one, and GPUs that lack a platform",
    .operands = "",
    .description =
        "Lists every device of every OpenCL platform, and the GPUs of this machine that no platform offers,\n"
        "with the reason as far as it can be told.\n",
    .examples = "  fiducl devices\n"
                "  fiducl devices -v\n"
                "  fiducl devices --json\n",
    .options = options,
    .statuses = (const fcl_status[]){FCL_E_NO_DEVICE, FCL_E_DEVICE, FCL_OK},
    .run = run,
};
