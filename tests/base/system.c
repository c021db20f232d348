/* Facts of the machine, from a proc and a sysfs that are made up. */
#include "base/system.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "support/support.h"

static char *root, *proc, *sysfs;
static fcl_system_roots roots;

static void set_up(void) {
    root = test_folder_create();
    proc = fcl_path_join(root, "proc");
    sysfs = fcl_path_join(root, "sys");
    ck_ok(fcl_folder_create(proc));
    ck_ok(fcl_folder_create(sysfs));
    roots = (fcl_system_roots){proc, sysfs};
}

static void tear_down(void) {
    free(proc);
    free(sysfs);
    test_folder_remove(root);
}

/* The file `name` in a folder below sysfs. */
static void add(const char *place, const char *name, const char *text) {
    char *folder = fcl_path_join(sysfs, place);
    ck_ok(fcl_folder_create(folder));
    test_write_text(folder, name, text);
    free(folder);
}

START_TEST(what_is_not_there_is_unknown) {
    fcl_system_facts facts;
    fcl_energy_meter meter;
    fcl_system_facts_read(&facts, &roots);
    ck_assert_str_eq(facts.cpu, "");
    ck_assert_str_eq(facts.governor, "");
    ck_assert_str_eq(facts.power_source, "");
    ck_assert(facts.memory_bytes == 0 && facts.cpus > 0);
    ck_assert(*facts.os && *facts.machine);
    ck_assert(isnan(fcl_system_load(&roots)));
    ck_assert(fcl_peak_memory_bytes(&roots) == 0);
    ck_assert(!fcl_peak_memory_reset(&roots));
    fcl_energy_meter_start(&meter, &roots);
    ck_assert(isnan(fcl_energy_meter_read(&meter)));
}
END_TEST

START_TEST(processor_and_memory) {
    fcl_system_facts facts;
    test_write_text(proc, "cpuinfo",
                    "processor\t: 0\nmodel\t\t: 26\nmodel name\t: A processor of 3 GHz\nflags\t\t: fpu\n\n"
                    "processor\t: 1\nmodel name\t: Another\n");
    test_write_text(proc, "meminfo", "MemTotal:        8388608 kB\nMemFree:         1 kB\n");
    test_write_text(proc, "loadavg", "1.25 0.50 0.10 2/345 678\n");
    fcl_system_facts_read(&facts, &roots);
    ck_assert_str_eq(facts.cpu, "A processor of 3 GHz");
    ck_assert(facts.memory_bytes == 8589934592u);
    ck_assert(fcl_system_load(&roots) == 1.25);
}
END_TEST

/* What is free, or in a container what is left of its share, where files' copies do not count. */
START_TEST(memory_available) {
    uint64_t bytes = 7;
    ck_assert(!fcl_system_memory_available(&bytes, &roots) && bytes == 7);
    test_write_text(proc, "meminfo", "MemTotal: 4096 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n");
    ck_assert(fcl_system_memory_available(&bytes, &roots) && bytes == 2097152);
    add("fs/cgroup", "memory.max", "max\n");
    add("fs/cgroup", "memory.current", "1000000\n");
    ck_assert(fcl_system_memory_available(&bytes, &roots) && bytes == 2097152);
    add("fs/cgroup", "memory.max", "1500000\n");
    ck_assert(fcl_system_memory_available(&bytes, &roots) && bytes == 500000);
    add("fs/cgroup", "memory.stat", "anon 700000\ninactive_file 300000\nactive_file 7\n");
    ck_assert(fcl_system_memory_available(&bytes, &roots) && bytes == 800000);
    add("fs/cgroup", "memory.current", "2000000\n");
    ck_assert(fcl_system_memory_available(&bytes, &roots) && bytes == 0);
}
END_TEST

START_TEST(governors) {
    fcl_system_facts facts;
    add("devices/system/cpu/cpu0/cpufreq", "scaling_governor", "performance\n");
    add("devices/system/cpu/cpu1/cpufreq", "scaling_governor", "performance\n");
    fcl_system_facts_read(&facts, &roots);
    ck_assert_str_eq(facts.governor, "performance");
    add("devices/system/cpu/cpu2/cpufreq", "scaling_governor", "powersave\n");
    fcl_system_facts_read(&facts, &roots);
    ck_assert_str_eq(facts.governor, "mixed");
}
END_TEST

START_TEST(power_sources) {
    fcl_system_facts facts;
    add("class/power_supply/hid-mouse-battery", "type", "Battery\n");
    add("class/power_supply/hid-mouse-battery", "scope", "Device\n");
    add("class/power_supply/hid-mouse-battery", "status", "Discharging\n");
    fcl_system_facts_read(&facts, &roots);
    ck_assert_str_eq(facts.power_source, "");
    add("class/power_supply/BAT0", "type", "Battery\n");
    add("class/power_supply/BAT0", "status", "Discharging\n");
    add("class/power_supply/AC", "type", "Mains\n");
    add("class/power_supply/AC", "online", "0\n");
    fcl_system_facts_read(&facts, &roots);
    ck_assert_str_eq(facts.power_source, "battery");
    add("class/power_supply/AC", "online", "1\n");
    add("class/power_supply/BAT0", "status", "Charging\n");
    fcl_system_facts_read(&facts, &roots);
    ck_assert_str_eq(facts.power_source, "mains");
}
END_TEST

START_TEST(energy_of_all_packages_and_around_the_range) {
    fcl_energy_meter meter;
    add("class/powercap/intel-rapl:0", "energy_uj", "9000000\n");
    add("class/powercap/intel-rapl:0", "max_energy_range_uj", "10000000\n");
    add("class/powercap/intel-rapl:1", "energy_uj", "500000\n");
    add("class/powercap/intel-rapl:1", "max_energy_range_uj", "10000000\n");
    add("class/powercap/intel-rapl:0", "name", "package-0\n");
    add("class/powercap/intel-rapl:1", "name", "package-1\n");
    /* The platform has both packages in it. */
    add("class/powercap/intel-rapl:2", "name", "psys\n");
    add("class/powercap/intel-rapl:2", "energy_uj", "7\n");
    add("class/powercap/intel-rapl:2", "max_energy_range_uj", "10000000\n");
    /* A part of package 0, which is counted there. */
    add("class/powercap/intel-rapl:0:0", "energy_uj", "1\n");
    fcl_energy_meter_start(&meter, &roots);
    ck_assert(fcl_energy_meter_read(&meter) == 0.0);
    add("class/powercap/intel-rapl:0", "energy_uj", "2000000\n");
    add("class/powercap/intel-rapl:1", "energy_uj", "1500000\n");
    add("class/powercap/intel-rapl:0:0", "energy_uj", "9999999\n");
    add("class/powercap/intel-rapl:2", "energy_uj", "8000000\n");
    ck_assert_double_eq_tol(fcl_energy_meter_read(&meter), 3.0 + 1.0, 1e-9);
    add("class/powercap/intel-rapl:1", "energy_uj", "2500000\n");
    ck_assert_double_eq_tol(fcl_energy_meter_read(&meter), 5.0, 1e-9);
}
END_TEST

/* 64 MiB that are written and released stay in the peak until it is reset. */
START_TEST(peak_memory_of_this_process) {
    enum { MEBIBYTE = 1 << 20, N_BYTES = 64 * MEBIBYTE, PAGE = 4096 };
    const fcl_system_roots real = FCL_SYSTEM_ROOTS;
    if (fcl_peak_memory_bytes(&real) == 0 || !fcl_peak_memory_reset(&real)) return;
    uint64_t before = fcl_peak_memory_bytes(&real);
    char *block = malloc(N_BYTES);
    ck_assert_ptr_nonnull(block);
    /* What nobody reads, a compiler need not write. */
    for (volatile char *byte = block; byte < block + N_BYTES; byte += PAGE) *byte = 1;
    free(block);
    uint64_t most = fcl_peak_memory_bytes(&real);
    ck_assert(most >= before + N_BYTES - MEBIBYTE);
    ck_assert(fcl_peak_memory_reset(&real));
    ck_assert(fcl_peak_memory_bytes(&real) < most);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base: the system");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_not_there_is_unknown);
    tcase_add_test(tests, processor_and_memory);
    tcase_add_test(tests, memory_available);
    tcase_add_test(tests, governors);
    tcase_add_test(tests, power_sources);
    tcase_add_test(tests, energy_of_all_packages_and_around_the_range);
    tcase_add_test(tests, peak_memory_of_this_process);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
