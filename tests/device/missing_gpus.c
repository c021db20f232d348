/* GPUs without a platform, in a sysfs that is made up. */
#define _XOPEN_SOURCE 700 /* setreuid */
#include "base/file.h"
#include "base/text.h"
#include "device/internal.h"
#include "support/support.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CAPACITY = 8, NOBODY = 65534 };

static char *root, *sysfs, *dev;

static void setup(void) {
    root = test_folder_create();
    sysfs = fcl_path_join(root, "sys");
    dev = fcl_path_join(root, "dev");
    ck_ok(fcl_folder_create(sysfs));
    ck_ok(fcl_folder_create(dev));
}

static void teardown(void) {
    free(dev);
    free(sysfs);
    test_folder_remove(root);
}

/* A PCI device as sysfs shows it: `place` is its folder below sysfs. */
static void add_device(const char *place, const char *class_code, const char *vendor, const char *device, int driver,
                       const char *node) {
    char *folder = fcl_path_join(sysfs, place);
    ck_ok(fcl_folder_create(folder));
    test_write_text(folder, "class", class_code);
    test_write_text(folder, "vendor", vendor);
    test_write_text(folder, "device", device);
    if (driver) {
        char *path = fcl_path_join(folder, "driver");
        ck_ok(fcl_folder_create(path));
        free(path);
    }
    if (node) {
        char *path = fcl_format("%s/drm/%s", folder, node);
        ck_ok(fcl_folder_create(path));
        free(path);
    }
    free(folder);
}

static void add_node(const char *node, mode_t mode) {
    char *folder = fcl_path_join(dev, "dri"), *path = fcl_format("%s/%s", folder, node);
    ck_ok(fcl_folder_create(folder));
    test_write_text(folder, node, "");
    ck_assert_int_eq(chmod(path, mode), 0);
    free(path);
    free(folder);
}

/* Asks with `n_devices` OpenCL devices and wants `n_wanted` GPUs. */
static void ask(fcl_missing_gpu out[CAPACITY], const fcl_device_info *devices, unsigned n_devices, unsigned n_wanted) {
    fcl_device_list list = {.infos = (fcl_device_info *)devices, .count = n_devices};
    unsigned n = 99;
    ck_ok(fcl_missing_gpus(out, &n, CAPACITY, &list, sysfs, dev));
    ck_assert_uint_eq(n, n_wanted);
}

#define ck_has(text, part) ck_assert_msg(test_contains((text), (part)), "'%s' does not have '%s'", (text), (part))

START_TEST(says_what_to_install) {
    fcl_missing_gpu gpus[CAPACITY];
    ask(gpus, NULL, 0, 0);
    add_device("bus/pci/devices/0000:00:02.0", "0x030000\n", "0x8086\n", "0x9a49\n", 1, "renderD128");
    add_device("bus/pci/devices/0000:00:1f.3", "0x040300\n", "0x8086\n", "0xa0c8\n", 1, NULL); /* sound */
    add_device("bus/pci/devices/0000:01:00.0", "0x030200\n", "0x10de\n", "0x2335\n", 1, NULL);
    add_device("bus/pci/devices/0000:03:00.0", "0x038000\n", "0x1002\n", "0x73bf\n", 1, "renderD129");
    add_device("bus/pci/devices/0000:04:00.0", "0x030000\n", "0x1a03\n", "0x2000\n", 1, NULL);
    add_device("bus/pci/devices/0000:05:00.0", "0x030000\n", "0x1002\n", "0x744c\n", 0, NULL);
    add_node("renderD128", 0666);
    add_node("renderD129", 0666);
    ask(gpus, NULL, 0, 5);
    ck_assert_str_eq(gpus[0].name, "Intel GPU 8086:9a49 at 0000:00:02.0");
    ck_has(gpus[0].reason, "apt install intel-opencl-icd");
    ck_assert_str_eq(gpus[1].name, "NVIDIA GPU 10de:2335 at 0000:01:00.0");
    ck_has(gpus[1].reason, "apt install nvidia-opencl-icd");
    ck_assert_str_eq(gpus[2].name, "AMD GPU 1002:73bf at 0000:03:00.0");
    ck_has(gpus[2].reason, "apt install mesa-opencl-icd");
    ck_assert_str_eq(gpus[3].name, "GPU 1a03:2000 at 0000:04:00.0");
    ck_has(gpus[3].reason, "no OpenCL platform for GPUs of this vendor");
    ck_has(gpus[4].reason, "no kernel driver has it");
    /* More than there is room for are counted. */
    fcl_device_list none = {.count = 0};
    unsigned n = 99;
    ck_ok(fcl_missing_gpus(gpus, &n, 2, &none, sysfs, dev));
    ck_assert_uint_eq(n, 5);
}
END_TEST

START_TEST(leaves_out_what_is_offered) {
    fcl_missing_gpu gpus[CAPACITY];
    add_device("bus/pci/devices/0000:03:00.0", "0x030000\n", "0x1002\n", "0x73bf\n", 1, NULL);
    add_device("bus/pci/devices/0000:04:00.0", "0x030000\n", "0x1002\n", "0x73bf\n", 1, NULL);
    const fcl_device_info devices[] = {
        {.kind = FCL_DEVICE_GPU, .platform = "rusticl", .vendor_id = 0x1002},
        {.kind = FCL_DEVICE_GPU, .platform = "ROCm", .vendor_id = 0x1002}, /* the same one again */
        {.kind = FCL_DEVICE_CPU, .platform = "ROCm", .vendor_id = 0x1002},
        {.kind = FCL_DEVICE_GPU, .platform = "ROCm", .vendor_id = 0x1002, .pci_address = "0000:03:00.0"},
        {.kind = FCL_DEVICE_GPU, .platform = "ROCm", .vendor_id = 0x1002, .pci_address = "0000:04:00.0"},
    };
    ask(gpus, &devices[2], 1, 2); /* a CPU of the vendor offers no GPU */
    ask(gpus, devices, 3, 1);
    ck_has(gpus[0].name, "0000:04:00.0");
    ck_has(gpus[0].reason, "OpenCL offers 1 other GPU(s) of AMD");
    ask(gpus, &devices[4], 1, 1); /* the address says which */
    ck_has(gpus[0].name, "0000:03:00.0");
    ask(gpus, &devices[3], 2, 0);
    const fcl_device_info two[] = {devices[1], devices[1]};
    ask(gpus, two, 2, 0);
}
END_TEST

START_TEST(says_when_the_render_node_is_closed) {
    fcl_missing_gpu gpus[CAPACITY];
    add_device("bus/pci/devices/0000:00:02.0", "0x030000\n", "0x8086\n", "0x9a49\n", 1, "renderD128");
    ask(gpus, NULL, 0, 1);
    ck_has(gpus[0].reason, "dri/renderD128 is missing");
    add_node("renderD128", 0000);
    /* Nothing is closed to root. */
    int is_root = getuid() == 0;
    ck_assert_int_eq(chmod(root, 0755), 0);
    if (is_root) ck_assert_int_eq(setreuid(NOBODY, (uid_t)-1), 0);
    ask(gpus, NULL, 0, 1);
    if (is_root) ck_assert_int_eq(setreuid(0, (uid_t)-1), 0);
    ck_has(gpus[0].reason, "dri/renderD128: add the user to group render");
}
END_TEST

START_TEST(finds_them_without_a_pci_bus_folder) {
    fcl_missing_gpu gpus[CAPACITY];
    add_device("class/drm/card0/device", "0x030000\n", "0x8086\n", "0x9a49\n", 1, NULL);
    add_device("class/drm/card0-HDMI-A-1/device", "0x030000\n", "0x8086\n", "0x9a49\n", 1, NULL);
    ask(gpus, NULL, 0, 1);
    ck_assert_str_eq(gpus[0].name, "Intel GPU 8086:9a49 at card0");
}
END_TEST

START_TEST(passes_over_damaged_entries) {
    fcl_missing_gpu gpus[CAPACITY];
    add_device("bus/pci/devices/0000:00:02.0", "nonsense", "0x8086\n", "0x9a49\n", 1, NULL);
    add_device("bus/pci/devices/0000:00:03.0", "0x030000", "", "0x9a49\n", 1, NULL);
    char *empty = fcl_path_join(sysfs, "bus/pci/devices/0000:00:04.0");
    ck_ok(fcl_folder_create(empty));
    free(empty);
    ask(gpus, NULL, 0, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("missing GPUs");
    TCase *tests = tcase_create("sysfs");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, says_what_to_install);
    tcase_add_test(tests, leaves_out_what_is_offered);
    tcase_add_test(tests, says_when_the_render_node_is_closed);
    tcase_add_test(tests, finds_them_without_a_pci_bus_folder);
    tcase_add_test(tests, passes_over_damaged_entries);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
