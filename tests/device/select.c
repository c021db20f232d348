/* Selectors, over devices that are made up. */
#include "device/internal.h"
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

int main(void) {
    Suite *suite = suite_create("device selection");
    TCase *tests = tcase_create("select");
    tcase_add_loop_test(tests, finds, 0, (int)(sizeof good / sizeof good[0]));
    tcase_add_loop_test(tests, refuses, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(tests, equal_devices_are_numbered);
    tcase_add_test(tests, same_hardware_is_found);
    tcase_add_test(tests, auto_takes_what_there_is);
    tcase_add_test(tests, environment_is_the_default);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
