/* Selectors, over devices that are made up. */
#include "base/text.h"
#include "device/internal.h"
#include "device/selector.h"
#include "support/support.h"

#include <stdlib.h>

#define POCL "Portable Computing Language"

static const fcl_device_info infos[] = {
    {.index = 0, .kind = FCL_DEVICE_CPU, .platform = POCL, .name = "pthread-Ryzen 7", .unusable = NULL},
    {.index = 1,
     .kind = FCL_DEVICE_GPU,
     .platform = "Old GPUs",
     .name = "Radeon 9700",
     .unusable = "it has not OpenCL 1.2"},
    {.index = 2, .kind = FCL_DEVICE_GPU, .platform = "NVIDIA CUDA", .name = "GeForce RTX 3090"},
    {.index = 3, .kind = FCL_DEVICE_GPU, .platform = "rusticl", .name = "AMD Radeon RX 6800"},
    {.index = 4,
     .kind = FCL_DEVICE_GPU,
     .platform = "AMD Accelerated Parallel Processing",
     .name = "AMD Radeon RX 6800"},
    {.index = 5, .kind = FCL_DEVICE_CPU, .platform = "Intel(R) OpenCL", .name = "pthread-Ryzen 7 Pro"},
    {.index = 6, .kind = FCL_DEVICE_OTHER, .platform = "FPGA SDK", .name = "Board"},
};

static fcl_device_list list_of(const fcl_device_info *first, unsigned n) {
    return (fcl_device_list){.infos = (fcl_device_info *)first, .count = n};
}

static const struct {
    const char *selector;
    unsigned index;
} good[] = {
    {"auto", 2},
    {"GPU", 2}, /* the first one that can be used */
    {"cpu", 0},
    {"0", 0},
    {"4", 4},
    {"3090", 2}, /* no index, so a part of a name */
    {"geforce", 2},
    {"RUSTICL:amd", 3},
    {"accelerated:6800", 4}, /* a part of each side */
    {"pthread-ryzen 7", 0},  /* the whole name of one, a part of another */
    {POCL ":pthread-Ryzen 7", 0},
    {"intel", 5},
    {"Board", 6},
};

START_TEST(finds) {
    fcl_device_list list = list_of(infos, sizeof infos / sizeof infos[0]);
    unsigned index = 99;
    ck_ok(fcl_device_select(&index, &list, good[_i].selector));
    ck_assert_msg(index == good[_i].index, "'%s': got %u", good[_i].selector, index);
}
END_TEST

static const struct {
    const char *selector, *message, *also, *without;
} bad[] = {
    {"6800", "matches several", "3: rusticl:AMD Radeon RX 6800 (GPU)", "GeForce"},
    {"pthread", "matches several", "5: Intel(R) OpenCL", "GeForce"},
    {"1", "it has not OpenCL 1.2", "Radeon 9700", "GeForce"},
    {"9700", "it has not OpenCL 1.2", "Radeon 9700", "GeForce"},
    {"voodoo", "no device matches 'voodoo'", "2: NVIDIA CUDA:GeForce RTX 3090 (GPU)", "several"},
    {"99", "no device matches '99'", "0: Portable", "several"},
    {"-1", "no device matches '-1'", "0: Portable", "several"},
    {"nvidia:radeon", "no device matches", "unusable: it has not OpenCL 1.2", "several"},
    {"", "empty", "0: Portable", "several"},
};

START_TEST(refuses) {
    fcl_device_list list = list_of(infos, sizeof infos / sizeof infos[0]);
    unsigned index = 99;
    fcl_status status = fcl_device_select(&index, &list, bad[_i].selector);
    const char *message = fcl_error_message();
    ck_assert_int_eq(status, FCL_E_NO_DEVICE);
    ck_assert_msg(test_contains(message, bad[_i].message), "%s", message);
    ck_assert_msg(test_contains(message, bad[_i].also), "%s", message);
    ck_assert_msg(!test_contains(message, bad[_i].without), "%s", message);
    ck_assert_uint_eq(index, 99);
}
END_TEST

START_TEST(equal_devices_are_numbered) {
    fcl_device_info cards[] = {{.index = 0, .kind = FCL_DEVICE_GPU, .platform = "CUDA", .name = "RTX 3090"},
                               {.index = 1, .kind = FCL_DEVICE_CPU, .platform = POCL, .name = "RTX 3090"},
                               {.index = 2, .kind = FCL_DEVICE_GPU, .platform = "CUDA", .name = "RTX 3090"}};
    const unsigned ordinals[] = {1, 0, 2};
    fcl_device_list list = list_of(cards, 3);
    unsigned index = 99;
    fcl_device_list_count_names(&list);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(cards[i].ordinal, ordinals[i]);
        char *selector = fcl_device_selector(&cards[i]);
        ck_ok(fcl_device_select(&index, &list, selector));
        ck_assert_uint_eq(index, i);
        free(selector);
    }
    ck_ok(fcl_device_select(&index, &list, "3090#2"));
    ck_assert_uint_eq(index, 2);
    ck_fails(fcl_device_select(&index, &list, "CUDA:RTX 3090"), FCL_E_NO_DEVICE, "2: CUDA:RTX 3090#2 (GPU)");
    ck_fails(fcl_device_select(&index, &list, "3090#3"), FCL_E_NO_DEVICE, "no device matches");
}
END_TEST

START_TEST(auto_takes_what_there_is) {
    unsigned index = 99;
    fcl_device_list list = list_of(&infos[0], 2); /* a CPU, and a GPU that cannot be used */
    ck_ok(fcl_device_select(&index, &list, "auto"));
    ck_assert_uint_eq(index, 0);
    ck_fails(fcl_device_select(&index, &list, "gpu"), FCL_E_NO_DEVICE, "no OpenCL GPU can be used");
    list = list_of(&infos[6], 1);
    ck_ok(fcl_device_select(&index, &list, "auto"));
    ck_assert_uint_eq(index, 0);
    ck_fails(fcl_device_select(&index, &list, "cpu"), FCL_E_NO_DEVICE, "FPGA SDK:Board");
    list = list_of(&infos[1], 1);
    ck_fails(fcl_device_select(&index, &list, "auto"), FCL_E_NO_DEVICE, "it has not OpenCL 1.2");
    list.count = 0;
    ck_fails(fcl_device_select(&index, &list, "auto"), FCL_E_NO_DEVICE, "apt install pocl-opencl-icd");
}
END_TEST

START_TEST(environment_is_the_default) {
    fcl_device_list list = list_of(infos, sizeof infos / sizeof infos[0]);
    unsigned index = 99;
    ck_assert_int_eq(setenv("FIDUCL_DEVICE", "intel", 1), 0);
    ck_ok(fcl_device_select(&index, &list, NULL));
    ck_assert_uint_eq(index, 5);
    ck_ok(fcl_device_select(&index, &list, "cpu"));
    ck_assert_uint_eq(index, 0);
    ck_assert_int_eq(setenv("FIDUCL_DEVICE", "", 1), 0);
    ck_ok(fcl_device_select(&index, &list, NULL));
    ck_assert_uint_eq(index, 2);
}
END_TEST

/* A CPU with 8 cores, one that makes equal parts only, and a GPU that cannot be divided. */
static const fcl_device_info divisible[] = {
    {.index = 0,
     .kind = FCL_DEVICE_CPU,
     .platform = POCL,
     .name = "Ryzen:7",
     .compute_units = 8,
     .divides_by_counts = 1,
     .divides_equally = 1},
    {.index = 1,
     .kind = FCL_DEVICE_CPU,
     .platform = "Equal",
     .name = "Cell",
     .ordinal = 2,
     .compute_units = 6,
     .divides_equally = 1},
    {.index = 2, .kind = FCL_DEVICE_GPU, .platform = "CUDA", .name = "RTX 3090", .compute_units = 82},
};

static const struct {
    const char *selector;
    unsigned index, cores, first;
} parts[] = {
    {"cpu", 0, 0, 0},
    {"cpu:1core", 0, 1, 0},
    {"CPU:1Cores", 0, 1, 0}, /* whether one or several are written makes no difference */
    {"0:7cores", 0, 7, 0},
    {"cpu:8cores", 0, 0, 0}, /* that is the whole device */
    {"ryzen:7", 0, 0, 0},
    {"ryzen:7:2cores", 0, 2, 0},
    {"equal:cell:5core", 1, 5, 0},
    {"auto:82cores", 2, 0, 0}, /* the first GPU, whole */
    {"cpu:2cores@6", 0, 2, 6},
    {"RYZEN:7:1Core@0", 0, 1, 0},
    {"cell:3cores@3", 1, 3, 3},
};

START_TEST(finds_parts) {
    fcl_device_list list = list_of(divisible, 3);
    fcl_selection found = {99, 99, 99, 99};
    ck_ok(fcl_device_find(&found, &list, parts[_i].selector));
    ck_assert_msg(found.index == parts[_i].index && found.cores == parts[_i].cores && found.first == parts[_i].first,
                  "'%s': got %u, %u cores from %u on", parts[_i].selector, found.index, found.cores, found.first);
    ck_assert_uint_eq(fcl_selector_cores("cpu:3cores"), 3);
    ck_assert_uint_eq(fcl_selector_cores("cpu"), 0);
}
END_TEST

static const struct {
    const char *selector, *message, *also;
} no_parts[] = {
    {"cpu:9cores", "9 cores of the device 0 (" POCL ":Ryzen:7)", "it has 8"},
    {"cpu:99999999999999999999cores", "cores of the device 0", "it has 8"},
    {"cpu:0cores", "'cpu:0cores'", "one core at least"},
    {"gpu:1core", "the device 2 (CUDA:RTX 3090) with 82 cores cannot be divided", "':1core'"},
    {"rtx:2cores", "neither by counts nor of equal size", "':2cores'"},
    {"voodoo:1core", "no device matches 'voodoo'", "0: " POCL},
    {":1core", "empty", "2: CUDA"},
    {"cpu:core", "no device matches 'cpu:core'", ":2cores"},
    {"cpu:2coresx", "no device matches 'cpu:2coresx'", ":2cores"},
    {"cpu:2cores@7", "2 cores of the device 0 (" POCL ":Ryzen:7) from core 7 on", "it has 8"},
    {"cpu:8cores@1", "from core 1 on", "it has 8"},
    {"cell:2cores@3", "only parts of equal size", "0, 2, 4, ..., not at 3"},
    {"cpu:1core@", "no device matches 'cpu:1core@'", ":2cores"},
    {"cpu:1core@x", "no device matches 'cpu:1core@x'", ":2cores"},
    {"auto:1core@1", "'auto:1core@1'", "no cores can be named"},
    {"cpu,gpu", "'cpu,gpu' stands for several devices", "0: " POCL},
    {"all-gpus", "'all-gpus' stands for several devices", "0: " POCL},
};

START_TEST(refuses_parts) {
    fcl_device_list list = list_of(divisible, 3);
    unsigned index = 99;
    ck_fails(fcl_device_select(&index, &list, no_parts[_i].selector), FCL_E_NO_DEVICE, no_parts[_i].message);
    ck_assert_msg(test_contains(fcl_error_message(), no_parts[_i].also), "%s", fcl_error_message());
    ck_assert_uint_eq(index, 99);
}
END_TEST

/* The selector of a part leads to it again, and its identity is neither that of the whole nor of another part. */
START_TEST(parts_have_names) {
    fcl_device_list list = list_of(divisible, 3);
    fcl_device_info part = divisible[1];
    fcl_selection found;
    part.compute_units = 3;
    part.part_of_units = 6;
    char *selector = fcl_device_selector(&part), *of_whole = fcl_device_selector_of(&divisible[1], 3);
    ck_assert_str_eq(selector, "Equal:Cell#2:3cores");
    ck_assert_str_eq(of_whole, selector);
    ck_ok(fcl_device_find(&found, &list, selector));
    ck_assert_uint_eq(found.index, 1);
    ck_assert_uint_eq(found.cores, 3);
    char *whole = fcl_device_identity_of(&divisible[1]), *three = fcl_device_identity_of(&part);
    part.part_of_units = 0;
    char *small = fcl_device_identity_of(&part);
    ck_assert_str_ne(whole, three);
    ck_assert_str_ne(three, small);
    ck_assert_str_ne(whole, small);
    free(selector), free(of_whole), free(whole), free(small);
    /* Which cores they are is in the selector, and makes no other device for what is kept. */
    part.part_of_units = 6;
    part.part_first = 3;
    selector = fcl_device_selector(&part);
    char *later = fcl_device_identity_of(&part);
    ck_assert_str_eq(selector, "Equal:Cell#2:3cores@3");
    ck_ok(fcl_device_find(&found, &list, selector));
    ck_assert_uint_eq(found.first, 3);
    ck_assert_str_eq(later, three);
    free(selector), free(later), free(three);
}
END_TEST

START_TEST(auto_is_told_from_names) {
    static const struct {
        const char *selector;
        int is_auto;
    } rows[] = {{"auto", 1},     {"AUTO:2cores", 1}, {"auto:0cores", 0},  {"automatic", 0},
                {"auto:cpu", 0}, {"cpu", 0},         {"auto:1core@1", 0}, {"auto,cpu", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(fcl_selector_is_auto(rows[i].selector) == rows[i].is_auto, "%s", rows[i].selector);
    ck_assert_int_eq(unsetenv("FIDUCL_DEVICE"), 0);
    ck_assert_int_eq(fcl_selector_is_auto(NULL), 0);
    ck_assert_int_eq(setenv("FIDUCL_DEVICE", "auto:2cores", 1), 0);
    ck_assert_int_eq(fcl_selector_is_auto(NULL), 1);
    ck_assert_uint_eq(fcl_selector_cores(NULL), 2);
    ck_assert_int_eq(fcl_selector_is_auto("cpu"), 0);
}
END_TEST

/* Two platforms offer one CPU and one of two GPUs. Equal names alone say nothing, nor does a processor of another name. */
START_TEST(same_hardware_is_found) {
    static const struct {
        const char *platform, *name, *pci_address;
        fcl_device_kind kind;
        unsigned hardware;
    } cases[] = {
        {POCL, "cpu-haswell-Ryzen 7", NULL, FCL_DEVICE_CPU, 0},
        {"rusticl", "Radeon", "0000:03:00.0", FCL_DEVICE_GPU, 1},
        {"rusticl", "Radeon", "0000:04:00.0", FCL_DEVICE_GPU, 2},
        {"ROCm", "gfx1030", "0000:04:00.0", FCL_DEVICE_GPU, 2},
        {"ROCm", "Radeon", NULL, FCL_DEVICE_GPU, 4},
        {"Intel", "Ryzen 7", NULL, FCL_DEVICE_CPU, 0},
        {"Simulator", "Simulated CPU", NULL, FCL_DEVICE_CPU, 6},
        {"Other", "Simulated CPU", NULL, FCL_DEVICE_CPU, 7},
        {"Intel", "Ryzen 7", NULL, FCL_DEVICE_CPU, 0},
        {"Other", "Ryzen 7", NULL, FCL_DEVICE_GPU, 9},
    };
    enum { N = sizeof cases / sizeof cases[0] };
    fcl_device_info made_up[N];
    for (unsigned i = 0; i < N; i++)
        made_up[i] = (fcl_device_info){.index = i,
                                       .kind = cases[i].kind,
                                       .platform = cases[i].platform,
                                       .name = cases[i].name,
                                       .pci_address = cases[i].pci_address};
    fcl_device_list list = list_of(made_up, N);
    fcl_device_list_match_hardware(&list, "Ryzen 7");
    for (unsigned i = 0; i < N; i++)
        ck_assert_msg(made_up[i].hardware == cases[i].hardware, "device %u: got %u", i, made_up[i].hardware);
    fcl_device_list_match_hardware(&list, "");
    for (unsigned i = 0; i < N; i++)
        if (cases[i].kind == FCL_DEVICE_CPU) ck_assert_uint_eq(made_up[i].hardware, i);
}
END_TEST

/* One CPU through three platforms, of which one makes equal parts only and one none; two GPUs, of which one is there twice
 * and the other cannot be used through the platform that comes first. */
static const fcl_device_info machine[] = {
    {.index = 0,
     .hardware = 0,
     .kind = FCL_DEVICE_CPU,
     .platform = "PoCL",
     .name = "Ryzen",
     .compute_units = 6,
     .divides_by_counts = 1},
    {.index = 1, .hardware = 1, .kind = FCL_DEVICE_GPU, .platform = "Old", .name = "A", .unusable = "it is old"},
    {.index = 2, .hardware = 2, .kind = FCL_DEVICE_GPU, .platform = "Old", .name = "B"},
    {.index = 3, .hardware = 1, .kind = FCL_DEVICE_GPU, .platform = "New", .name = "A (LLVM 15, 256 bits)"},
    {.index = 4, .hardware = 2, .kind = FCL_DEVICE_GPU, .platform = "New", .name = "B"},
    {.index = 5,
     .hardware = 0,
     .kind = FCL_DEVICE_CPU,
     .platform = "Equal",
     .name = "Ryzen",
     .compute_units = 6,
     .divides_equally = 1},
    {.index = 6, .hardware = 0, .kind = FCL_DEVICE_CPU, .platform = "Whole", .name = "Ryzen", .compute_units = 6},
    {.index = 7, .hardware = 7, .kind = FCL_DEVICE_OTHER, .platform = "FPGA", .name = "Board"},
};
enum { N_MACHINE = sizeof machine / sizeof machine[0] };

static const struct {
    const char *selectors, *expected; /* joined with ';' */
} lists[] = {
    {"cpu", "PoCL:Ryzen"},
    {"auto", "Old:B"},
    {" cpu ,\tnew:b", "PoCL:Ryzen;New:B"},
    {"new:b,cpu,board", "New:B;PoCL:Ryzen;FPGA:Board"},
    {"all-gpus", "Old:B;New:A (LLVM 15, 256 bits)"},
    {"ALL", "PoCL:Ryzen;Old:B;New:A (LLVM 15, 256 bits);FPGA:Board"},
    {"all-gpus,cpu:2cores", "Old:B;New:A (LLVM 15, 256 bits);PoCL:Ryzen:2cores"},
    {"New:A (LLVM 15, 256 bits),cpu", "New:A (LLVM 15, 256 bits);PoCL:Ryzen"},
    {"cpu:1core,cpu:1core", "PoCL:Ryzen:1core;PoCL:Ryzen:1core@1"},
    {"cpu:1core,pocl:2cores,0:3cores", "PoCL:Ryzen:1core;PoCL:Ryzen:2cores@1;PoCL:Ryzen:3cores@3"},
    {"cpu:1core@1,cpu:1core,cpu:1core", "PoCL:Ryzen:1core@1;PoCL:Ryzen:1core;PoCL:Ryzen:1core@2"},
    {"cpu:1core@1,cpu:2cores", "PoCL:Ryzen:1core@1;PoCL:Ryzen:2cores@2"},
    {"equal:2cores,equal:2cores", "Equal:Ryzen:2cores;Equal:Ryzen:2cores@2"},
    {"pocl:1core,equal:1core", "PoCL:Ryzen:1core;Equal:Ryzen:1core@1"},
    {"pocl:1core,equal:2cores,pocl:1core", "PoCL:Ryzen:1core;Equal:Ryzen:2cores@2;PoCL:Ryzen:1core@1"},
};

START_TEST(lists_are_taken_apart) {
    fcl_device_list list = list_of(machine, N_MACHINE);
    fcl_text joined = FCL_TEXT_EMPTY, again = FCL_TEXT_EMPTY;
    char **names = NULL, **names_again = NULL;
    unsigned n = 0, n_again = 0;
    ck_ok(fcl_device_select_several(&names, &n, &list, lists[_i].selectors));
    for (unsigned i = 0; i < n; i++) fcl_text_appendf(&joined, "%s%s", i ? ";" : "", names[i]);
    ck_assert_str_eq(fcl_text_get(&joined), lists[_i].expected);
    /* What a run records means the same again. */
    for (unsigned i = 0; i < n; i++) fcl_text_appendf(&again, "%s%s", i ? "," : "", names[i]);
    ck_ok(fcl_device_select_several(&names_again, &n_again, &list, fcl_text_get(&again)));
    ck_assert_uint_eq(n_again, n);
    for (unsigned i = 0; i < n; i++) ck_assert_str_eq(names_again[i], names[i]);
    fcl_device_selectors_free(names, n);
    fcl_device_selectors_free(names_again, n_again);
    fcl_text_dispose(&joined);
    fcl_text_dispose(&again);
}
END_TEST

static const struct {
    const char *selectors, *message, *also;
} no_lists[] = {
    {"", "the device selector is empty", "0: PoCL"},
    {"cpu,,board", "empty element", "comma"},
    {"cpu, ", "empty element", "comma"},
    {",cpu", "empty element", "comma"},
    {"auto,cpu", "'auto'", "cannot stand in a list"},
    {"cpu,auto:2cores", "'auto:2cores'", "cannot stand in a list"},
    {"cpu,voodoo", "no device matches 'voodoo'", "0: PoCL"},
    {"cpu,cpu", "same hardware twice: 'PoCL:Ryzen' and 'PoCL:Ryzen'", "6 cores"},
    {"old:b,new:b", "same hardware twice: 'Old:B' and 'New:B'", ""},
    {"all-gpus,new:b", "same hardware twice: 'Old:B' and 'New:B'", ""},
    {"cpu,equal:1core", "same hardware twice: 'PoCL:Ryzen' and 'Equal:Ryzen:1core'", ""},
    {"cpu:1core,whole", "same hardware twice: 'PoCL:Ryzen:1core' and 'Whole:Ryzen'", ""},
    {"cpu:1core,cpu:1core@0", "of 'PoCL:Ryzen:1core' some belong to 'PoCL:Ryzen:1core'", "cores twice"},
    {"cpu:2cores@2,cpu:2cores@3", "of 'PoCL:Ryzen:2cores@3' some belong to 'PoCL:Ryzen:2cores@2'", "cores twice"},
    {"cpu:4cores,cpu:3cores", "more cores than there are", "has 6"},
    {"cpu:1core@2,equal:3cores,cpu:2cores,cpu:1core", "more cores than there are", "no 1 side by side"},
    {"cpu:1core,whole:1core", "cannot be divided", "Whole:Ryzen"},
};

START_TEST(lists_are_refused) {
    fcl_device_list list = list_of(machine, N_MACHINE);
    char **names = NULL;
    unsigned n = 99;
    ck_fails(fcl_device_select_several(&names, &n, &list, no_lists[_i].selectors), FCL_E_NO_DEVICE,
             no_lists[_i].message);
    ck_assert_msg(test_contains(fcl_error_message(), no_lists[_i].also), "%s", fcl_error_message());
    ck_assert_ptr_null(names);
    ck_assert_uint_eq(n, 99);
}
END_TEST

START_TEST(a_list_may_come_from_the_environment) {
    fcl_device_list list = list_of(machine, N_MACHINE), no_gpus = list_of(machine, 2);
    char **names;
    unsigned n;
    ck_assert_int_eq(setenv("FIDUCL_DEVICE", "all-gpus", 1), 0);
    ck_ok(fcl_device_select_several(&names, &n, &list, NULL));
    ck_assert_uint_eq(n, 2);
    fcl_device_selectors_free(names, n);
    ck_fails(fcl_device_select_several(&names, &n, &no_gpus, NULL), FCL_E_NO_DEVICE, "no OpenCL GPU can be used");
    ck_assert_int_eq(unsetenv("FIDUCL_DEVICE"), 0);
    ck_ok(fcl_device_select_several(&names, &n, &no_gpus, NULL));
    ck_assert_str_eq(names[0], "PoCL:Ryzen");
    fcl_device_selectors_free(names, n);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("device selection");
    TCase *tests = tcase_create("select");
    tcase_add_loop_test(tests, finds, 0, (int)(sizeof good / sizeof good[0]));
    tcase_add_loop_test(tests, refuses, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_loop_test(tests, finds_parts, 0, (int)(sizeof parts / sizeof parts[0]));
    tcase_add_loop_test(tests, refuses_parts, 0, (int)(sizeof no_parts / sizeof no_parts[0]));
    tcase_add_test(tests, parts_have_names);
    tcase_add_loop_test(tests, lists_are_taken_apart, 0, (int)(sizeof lists / sizeof lists[0]));
    tcase_add_loop_test(tests, lists_are_refused, 0, (int)(sizeof no_lists / sizeof no_lists[0]));
    tcase_add_test(tests, a_list_may_come_from_the_environment);
    tcase_add_test(tests, auto_is_told_from_names);
    tcase_add_test(tests, equal_devices_are_numbered);
    tcase_add_test(tests, same_hardware_is_found);
    tcase_add_test(tests, auto_takes_what_there_is);
    tcase_add_test(tests, environment_is_the_default);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
