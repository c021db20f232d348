#include "base/system.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "base/thread.h"

enum { MAX_PROCESSORS = 4096 };

/* The text of a file below a root for free(), NULL when it cannot be read. */
static char *read_text(const char *format, ...) FCL_PRINTF(1, 2);
static char *read_text(const char *format, ...) {
    char path[512], *text = NULL;
    size_t n;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof path || !fcl_path_is_readable(path) || fcl_path_is_folder(path) ||
        fcl_file_read(&text, &n, path) != FCL_OK)
        return NULL;
    return text;
}

/* Copies the text up to the line's end. */
static void copy_line(char *out, size_t capacity, const char *text) {
    snprintf(out, capacity, "%.*s", (int)strcspn(text, "\r\n"), text);
}

/* What follows "KEY   :" at the beginning of a line; NULL when no line has it. */
static const char *value_of(const char *text, const char *key) {
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        if (!fcl_starts_with(line, key)) continue;
        const char *value = line + strlen(key);
        value += strspn(value, " \t");
        if (*value == ':') return value + 1 + strspn(value + 1, " \t");
    }
    return NULL;
}

static void read_cpu(fcl_system_facts *facts, const fcl_system_roots *roots) {
    char *text = read_text("%s/cpuinfo", roots->proc);
    const char *name = text ? value_of(text, "model name") : NULL;
    if (text && !name) name = value_of(text, "Model"); /* of ARM boards */
    if (name) copy_line(facts->cpu, sizeof facts->cpu, name);
    free(text);
}

static uint64_t meminfo_bytes(const fcl_system_roots *roots, const char *key) {
    char *text = read_text("%s/meminfo", roots->proc);
    const char *value = text ? value_of(text, key) : NULL;
    unsigned long long kibibytes = 0;
    if (value && sscanf(value, "%llu", &kibibytes) != 1) kibibytes = 0;
    free(text);
    return (uint64_t)kibibytes * 1024;
}

/* A number in a file of the cgroup (version 2) that this process sees as the root: behind `key`, or where that is NULL at the
 * beginning. */
static int cgroup_number(uint64_t *out, const fcl_system_roots *roots, const char *file, const char *key) {
    char *text = read_text("%s/fs/cgroup/%s", roots->sysfs, file);
    const char *value = text && key ? strstr(text, key) : text;
    unsigned long long number;
    int good = value && sscanf(value + (key ? strlen(key) : 0), "%llu", &number) == 1;
    if (good) *out = number;
    free(text);
    return good;
}

int fcl_system_memory_available(uint64_t *out, const fcl_system_roots *roots) {
    uint64_t available = meminfo_bytes(roots, "MemAvailable"), most, used, files = 0;
    if (available == 0) return 0;
    if (cgroup_number(&most, roots, "memory.max", NULL) && cgroup_number(&used, roots, "memory.current", NULL)) {
        /* Copies of files that nobody used lately are dropped for whoever needs memory. */
        cgroup_number(&files, roots, "memory.stat", "inactive_file ");
        used -= files < used ? files : used;
        uint64_t left = used < most ? most - used : 0;
        if (left < available) available = left;
    }
    *out = available;
    return 1;
}

static void read_governor(fcl_system_facts *facts, const fcl_system_roots *roots) {
    for (unsigned cpu = 0; cpu < MAX_PROCESSORS; cpu++) {
        char one[sizeof facts->governor];
        char *text = read_text("%s/devices/system/cpu/cpu%u/cpufreq/scaling_governor", roots->sysfs, cpu);
        if (!text) break;
        copy_line(one, sizeof one, text);
        free(text);
        if (cpu == 0)
            memcpy(facts->governor, one, sizeof one);
        else if (strcmp(facts->governor, one) != 0)
            snprintf(facts->governor, sizeof facts->governor, "mixed");
    }
}

static int supply_is(const fcl_system_roots *roots, const char *name, const char *file, const char *wanted) {
    char *text = read_text("%s/class/power_supply/%s/%s", roots->sysfs, name, file);
    int yes = text && strcspn(text, "\r\n") == strlen(wanted) && fcl_starts_with(text, wanted);
    free(text);
    return yes;
}

/* A battery that is discharging while no mains supply is online. Batteries of devices such as mice do not count. */
static void read_power_source(fcl_system_facts *facts, const fcl_system_roots *roots) {
    char *folder = fcl_path_join(roots->sysfs, "class/power_supply"), **names = NULL;
    size_t n = 0;
    int mains = 0, battery = 0;
    if (folder && fcl_path_is_folder(folder) && fcl_folder_list(&names, &n, folder) == FCL_OK)
        for (size_t i = 0; i < n; i++) {
            if (supply_is(roots, names[i], "scope", "Device")) continue;
            if (supply_is(roots, names[i], "type", "Battery"))
                battery |= supply_is(roots, names[i], "status", "Discharging");
            else
                mains |= supply_is(roots, names[i], "online", "1");
        }
    if (mains || battery) snprintf(facts->power_source, sizeof facts->power_source, "%s", mains ? "mains" : "battery");
    fcl_names_free(names, n);
    free(folder);
}

void fcl_system_facts_read(fcl_system_facts *out, const fcl_system_roots *roots) {
    fcl_system_facts facts = {.cpus = fcl_thread_processors()};
    struct utsname name;
    if (uname(&name) == 0) {
        snprintf(facts.os, sizeof facts.os, "%.60s %.60s", name.sysname, name.release);
        snprintf(facts.machine, sizeof facts.machine, "%.31s", name.machine);
    }
    read_cpu(&facts, roots);
    facts.memory_bytes = meminfo_bytes(roots, "MemTotal");
    read_governor(&facts, roots);
    read_power_source(&facts, roots);
    *out = facts;
}

double fcl_system_load(const fcl_system_roots *roots) {
    char *text = read_text("%s/loadavg", roots->proc);
    double load = (double)NAN;
    if (text) fcl_scan(text, "%lf", &load);
    free(text);
    return load;
}

enum { MAX_PACKAGES = sizeof((fcl_energy_meter *)0)->packages / sizeof((fcl_energy_meter *)0)->packages[0] };

static int read_counter(uint64_t *out, const fcl_system_roots *roots, unsigned package, const char *file) {
    char *text = read_text("%s/class/powercap/intel-rapl:%u/%s", roots->sysfs, package, file);
    unsigned long long value;
    int good = text && sscanf(text, "%llu", &value) == 1;
    free(text);
    if (good) *out = value;
    return good;
}

/* Others of the same rank are the whole platform ("psys"), which has the packages in it. */
static int is_package(const fcl_system_roots *roots, unsigned index) {
    char *name = read_text("%s/class/powercap/intel-rapl:%u/name", roots->sysfs, index);
    int yes = name && fcl_starts_with(name, "package");
    free(name);
    return yes;
}

void fcl_energy_meter_start(fcl_energy_meter *out, const fcl_system_roots *roots) {
    fcl_energy_meter meter = {.roots = *roots};
    for (unsigned i = 0; i < MAX_PACKAGES; i++)
        if (is_package(roots, i) && read_counter(&meter.packages[i].last, roots, i, "energy_uj") &&
            read_counter(&meter.packages[i].range, roots, i, "max_energy_range_uj"))
            meter.readable = 1;
    *out = meter;
}

double fcl_energy_meter_read(fcl_energy_meter *meter) {
    static const double microjoule = 1e-6;
    if (!meter->readable) return (double)NAN;
    for (unsigned i = 0; i < MAX_PACKAGES; i++) {
        uint64_t now, last = meter->packages[i].last;
        if (meter->packages[i].range == 0 || !read_counter(&now, &meter->roots, i, "energy_uj")) continue;
        meter->joules += microjoule * (double)(now >= last ? now - last : now + meter->packages[i].range - last);
        meter->packages[i].last = now;
    }
    return meter->joules;
}

uint64_t fcl_peak_memory_bytes(const fcl_system_roots *roots) {
    char *text = read_text("%s/self/status", roots->proc);
    const char *value = text ? value_of(text, "VmHWM") : NULL;
    unsigned long long kibibytes = 0;
    if (value && sscanf(value, "%llu", &kibibytes) != 1) kibibytes = 0;
    free(text);
    return (uint64_t)kibibytes * 1024;
}

int fcl_peak_memory_reset(const fcl_system_roots *roots) {
    static const char reset_peak[] = "5"; /* proc(5): clear_refs */
    char *path = fcl_path_join(roots->proc, "self/clear_refs");
    FILE *stream = path ? fopen(path, "w") : NULL;
    int good = stream && fputs(reset_peak, stream) >= 0;
    if (stream) good &= fclose(stream) == 0;
    free(path);
    return good;
}
