/* The memory of training: what is planned is what is taken, and batches are divided until they fit. */
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/system.h"
#include "net/memory_plan.h"
#include "net/share.h"
#include "support/support.h"

enum { BATCH = 8 };
#define MEBIBYTE ((uint64_t)1024 * 1024)

static fcl_device *device;
static fcl_model *model;
static char warnings[8192];

/* A driver with less memory, which stands before the real one: 0 leaves it as it is. */
static struct {
    size_t total;    /* what all buffers may take together */
    cl_int creating; /* how more fails when a buffer is created; CL_SUCCESS: not yet */
    cl_int writing;  /* or when it is written to; CL_SUCCESS: never */
    cl_ulong single; /* the largest buffer, as the device says */
} driver;

static void *real(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    ck_assert_ptr_nonnull(function);
    return function;
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t n_bytes, void *host, cl_int *error) {
    cl_mem (*create)(cl_context, cl_mem_flags, size_t, void *, cl_int *);
    if (driver.creating != CL_SUCCESS && fcl_device_memory_use(device).now_bytes + n_bytes > driver.total) {
        *error = driver.creating;
        return NULL;
    }
    *(void **)&create = real("clCreateBuffer");
    return create(context, flags, n_bytes, host, error);
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t n_bytes,
                            const void *bytes, cl_uint n_waits, const cl_event *waits, cl_event *event) {
    cl_int (*write)(cl_command_queue, cl_mem, cl_bool, size_t, size_t, const void *, cl_uint, const cl_event *,
                    cl_event *);
    if (driver.writing != CL_SUCCESS && fcl_device_memory_use(device).now_bytes > driver.total) return driver.writing;
    *(void **)&write = real("clEnqueueWriteBuffer");
    return write(queue, buffer, blocking, offset, n_bytes, bytes, n_waits, waits, event);
}

cl_int clGetDeviceInfo(cl_device_id id, cl_device_info name, size_t n_bytes, void *value, size_t *n_bytes_needed) {
    cl_int (*get)(cl_device_id, cl_device_info, size_t, void *, size_t *);
    *(void **)&get = real("clGetDeviceInfo");
    cl_int error = get(id, name, n_bytes, value, n_bytes_needed);
    if (error == CL_SUCCESS && value && name == CL_DEVICE_MAX_MEM_ALLOC_SIZE && driver.single > 0)
        memcpy(value, &driver.single, sizeof driver.single);
    return error;
}

static void keep_warnings(void *user, fcl_log_level level, const char *line) {
    (void)user;
    size_t n = strlen(warnings);
    if (level == FCL_LOG_WARNING) snprintf(warnings + n, sizeof warnings - n, "%s\n", line);
}

static void set_up(void) {
    memset(&driver, 0, sizeof driver);
    ck_ok(fcl_device_open(&device, NULL, 0));
    ck_ok(fcl_model_parse(&model, "small", test_small_model));
    *warnings = '\0';
    fcl_log_set_sink(keep_warnings, NULL);
}

static void tear_down(void) {
    fcl_log_set_sink(NULL, NULL);
    fcl_model_free(model);
    fcl_device_free(device);
}

static fcl_memory_plan plan_of(unsigned batch, uint64_t limit, unsigned n_parts) {
    fcl_memory_plan plan;
    ck_ok(fcl_memory_plan_make(&plan, model, &(fcl_memory_request){.batch = batch, .device = device, .limit = limit},
                               NULL, n_parts));
    return plan;
}

START_TEST(parts_of_a_share) {
    static const size_t firsts[] = {100, 107, 114, 120, 126}, counts[] = {7, 7, 6, 6, 6};
    const fcl_share share = {100, 32};
    for (size_t i = 0; i < 5; i++) {
        const fcl_share part = fcl_share_part(share, 5, i);
        ck_assert_uint_eq(part.first, firsts[i]);
        ck_assert_uint_eq(part.n, counts[i]);
    }
    ck_assert_uint_eq(fcl_share_part(share, 1, 0).first, 100);
    ck_assert_uint_eq(fcl_share_part(share, 1, 0).n, 32);
    ck_assert_uint_eq(fcl_share_n_parts(share, 32), 1);
    ck_assert_uint_eq(fcl_share_n_parts(share, 31), 2);
    ck_assert_uint_eq(fcl_share_n_parts(share, 7), 5);
    ck_assert_uint_eq(fcl_share_n_parts(share, 1), 32);
    ck_assert_uint_eq(fcl_share_n_parts((fcl_share){0, 0}, 7), 0);
}
END_TEST

/* Tensors by hand: 3*3*1*16 + 16 and 11*11*16*30 + 30 floats. A layer's output is kept once for each image: 96*96, 24*24,
 * 22*22*16, 11*11*16 twice (dropout), 30. */
START_TEST(sizes_by_hand) {
    fcl_memory_plan plan;
    const uint64_t n_parameters = 144 + 16 + 58080 + 30, n_activations = 9216 + 576 + 7744 + 1936 + 1936 + 30;
    ck_ok(fcl_memory_plan_make(&plan, model, &(fcl_memory_request){.batch = BATCH}, NULL, 1));
    ck_assert_uint_eq(plan.n_parts, 1);
    ck_assert_uint_eq(plan.needs.parameters, 4 * n_parameters);
    ck_assert_uint_eq(plan.needs.optimizer, 3 * 4 * n_parameters);
    ck_assert_uint_eq(plan.needs.activations, 4 * BATCH * (n_activations + 60));
    ck_assert_uint_eq(plan.needs.workspace, 0);
    ck_assert_uint_eq(plan.needs.largest, 4 * BATCH * 9216);
    ck_assert_uint_eq(plan.total_limit, UINT64_MAX);
}
END_TEST

/* To the byte, whether the solvers are chosen for the first time or not; choosing takes no more either. */
START_TEST(what_is_planned_is_taken) {
    static const char *const models[] = {NULL, "base_model", "model_v1"};
    if (_i > 0 && test_is_too_much()) return;
    if (_i > 0) {
        fcl_model_free(model);
        ck_ok(fcl_model_load(&model, models[_i]));
    }
    fcl_memory_plan plan = plan_of(BATCH, 0, 1);
    const uint64_t planned = fcl_memory_plan_bytes(&plan);
    const fcl_network_options options = {.measure = 1};
    fcl_network *network;
    fcl_device_limit_memory(device, planned);
    ck_ok(fcl_network_create_by_plan(&network, &plan, model, &options));
    ck_assert_str_eq(warnings, "");
    ck_assert_uint_eq(plan.n_parts, 1);
    ck_assert_uint_eq(fcl_device_memory_use(device).now_bytes, fcl_memory_plan_bytes(&plan));
    ck_assert_uint_le(fcl_device_memory_use(device).now_bytes, planned);
    fcl_network_free(network);
    ck_assert_uint_eq(fcl_device_memory_use(device).now_bytes, 0);
}
END_TEST

/* The fewest parts that fit, one byte more or less deciding. */
START_TEST(divided_to_fit) {
    const fcl_memory_plan whole = plan_of(BATCH, 0, 1), half = plan_of(BATCH, 0, 2), third = plan_of(BATCH, 0, 3);
    ck_assert_uint_eq(half.part, 4);
    ck_assert_uint_eq(third.part, 3);
    ck_assert_uint_eq(whole.needs.parameters, third.needs.parameters);
    ck_assert_uint_eq(whole.needs.activations, 2 * half.needs.activations);
    ck_assert_uint_eq(plan_of(BATCH, fcl_memory_plan_bytes(&whole), 1).n_parts, 1);
    ck_assert_uint_eq(plan_of(BATCH, fcl_memory_plan_bytes(&whole) - 1, 1).n_parts, 2);
    ck_assert_uint_eq(plan_of(BATCH, fcl_memory_plan_bytes(&half) - 1, 1).n_parts, 3);
    /* A run that has more parts keeps them. */
    ck_assert_uint_eq(plan_of(BATCH, 0, 3).n_parts, 3);
    /* 5, 6 and 7 parts of 8 would have parts of 2 as 4 parts have. */
    ck_assert_uint_eq(plan_of(BATCH, 0, 5).n_parts, 4);
    fcl_memory_plan plan;
    const fcl_memory_plan single = plan_of(1, 0, 1);
    const fcl_memory_request too_little = {
        .batch = BATCH, .device = device, .limit = fcl_memory_plan_bytes(&single) - 1};
    ck_assert_uint_eq(plan_of(BATCH, fcl_memory_plan_bytes(&single), 1).n_parts, BATCH);
    ck_fails(fcl_memory_plan_make(&plan, model, &too_little, NULL, 1), FCL_E_DEVICE_MEMORY,
             "even with one image at a time");
    ck_assert(test_contains(fcl_error_message(), "which was asked for"));
}
END_TEST

/* Batches that leave half as much free as the device says to have: what is free then has room for them, and so have the device's
 * buffers. A limit that was asked for is one for all that is on the device. */
START_TEST(batches_that_wait_count_once) {
    const fcl_device_info *info = fcl_device_facts(device);
    const uint64_t wanted = info->global_memory_bytes / 2;
    fcl_memory_plan plan;
    uint64_t free_bytes;
    if (!info->host_unified_memory || !fcl_system_memory_available(&free_bytes, &FCL_SYSTEM_ROOTS)) {
        test_not_supported("the device has memory of its own, or free memory is not known");
        return;
    }
    fcl_memory_request request = {.batch = BATCH, .device = device};
    if (free_bytes / 10 * 9 > wanted) request.staging_bytes = free_bytes / 10 * 9 - wanted;
    ck_ok(fcl_memory_plan_make(&plan, model, &request, NULL, 1));
    ck_assert_str_eq(plan.total_limit_is, "is free in the computer now");
    const uint64_t together = plan.total_limit + request.staging_bytes;
    ck_assert_uint_eq(plan.device_limit, together < info->global_memory_bytes ? together : info->global_memory_bytes);
    request.limit = fcl_memory_plan_bytes(&plan);
    ck_ok(fcl_memory_plan_make(&plan, model, &request, NULL, 1));
    ck_assert_uint_eq(plan.total_limit, request.limit);
    ck_assert_uint_eq(plan.device_limit, request.limit);
}
END_TEST

/* No buffer may be larger than the device allocates in one piece: that of the input decides, then that of the parameters. */
START_TEST(single_allocations) {
    const fcl_memory_plan whole = plan_of(BATCH, 0, 1);
    ck_assert_uint_eq(whole.n_parts, 1);
    fcl_device_free(device);
    driver.single = whole.needs.largest - 1;
    ck_ok(fcl_device_open(&device, NULL, 0));
    ck_assert_uint_eq(plan_of(BATCH, 0, 1).n_parts, 2);
    fcl_device_free(device);
    driver.single = whole.needs.parameters - 1;
    ck_ok(fcl_device_open(&device, NULL, 0));
    fcl_memory_plan plan;
    ck_fails(fcl_memory_plan_make(&plan, model, &(fcl_memory_request){.batch = BATCH, .device = device}, NULL, 1),
             FCL_E_DEVICE_MEMORY, "in one piece, even with one image at a time");
}
END_TEST

/* What a driver does when there is not enough: it fails at once, or only when the memory is used. */
static const struct {
    cl_int creating, writing;
    const char *message;
} failures[] = {
    {CL_SUCCESS, CL_SUCCESS, "that it may use"}, /* fiducl's own limit */
    {CL_MEM_OBJECT_ALLOCATION_FAILURE, CL_SUCCESS, "(clCreateBuffer: CL_MEM_OBJECT_ALLOCATION_FAILURE)"},
    {CL_SUCCESS, CL_OUT_OF_RESOURCES, "(clEnqueueWriteBuffer: CL_OUT_OF_RESOURCES)"},
    {CL_SUCCESS, CL_MEM_OBJECT_ALLOCATION_FAILURE, "(clEnqueueWriteBuffer: CL_MEM_OBJECT_ALLOCATION_FAILURE)"},
};
enum { N_FAILURES = sizeof failures / sizeof *failures };

static void limit_memory(size_t n_bytes, int failure) {
    driver.total = n_bytes;
    driver.creating = failures[failure].creating;
    driver.writing = failures[failure].writing;
    if (failure == 0) fcl_device_limit_memory(device, n_bytes);
}

/* Allocations that fail although there should be enough lead to smaller parts, and that is said. */
START_TEST(allocation_fails) {
    fcl_memory_plan plan = plan_of(BATCH, 0, 1);
    const fcl_memory_plan third = plan_of(BATCH, 0, 3), single = plan_of(1, 0, 1);
    const fcl_network_options options = {.measure = 1};
    fcl_network *network = NULL;
    limit_memory(fcl_memory_plan_bytes(&third), _i);
    ck_ok(fcl_network_create_by_plan(&network, &plan, model, &options));
    ck_assert_uint_eq(plan.n_parts, 3);
    ck_assert_int_eq(fcl_network_batch(network), 3);
    ck_assert(test_contains(warnings, "no memory for"));
    ck_assert_msg(test_contains(warnings, failures[_i].message), "%s", warnings);
    ck_assert(test_contains(warnings, "The batch of 8 is now computed in 2 parts"));
    ck_assert(test_contains(warnings, "The batch of 8 is now computed in 3 parts"));
    fcl_network_free(network);
    limit_memory(fcl_memory_plan_bytes(&single) - 1, _i);
    ck_fails(fcl_network_create_by_plan(&network, &plan, model, &options), FCL_E_DEVICE_MEMORY, "no memory for");
    ck_assert_uint_eq(plan.n_parts, BATCH);
    ck_assert_uint_eq(fcl_device_memory_use(device).now_bytes, 0);
}
END_TEST

START_TEST(tables) {
    char *text;
    const fcl_memory_request free_request = {.batch = BATCH, .staging_bytes = 3 * MEBIBYTE / 2};
    ck_ok(fcl_model_summary(&text, model, &free_request));
    ck_assert(test_contains(text, "with a batch of 8, at most, besides the solvers' workspace:"));
    ck_assert(test_contains(text, "batches prepared on the host         1.5 MiB"));
    ck_assert(!test_contains(text, "  workspace"));
    free(text);
    const fcl_memory_plan half = plan_of(BATCH, 0, 2);
    const fcl_memory_request request = {.batch = BATCH, .device = device, .limit = fcl_memory_plan_bytes(&half)};
    ck_ok(fcl_model_summary(&text, model, &request));
    ck_assert(test_contains(text, "with a batch of 8 in 2 parts of at most 4:"));
    ck_assert(test_contains(text, "  workspace"));
    ck_assert(test_contains(text, "MiB, which was asked for; in one piece"));
    free(text);
    ck_ok(fcl_model_summary_json(&text, model, &request));
    ck_assert(test_contains(text, "\"parts\": 2"));
    ck_assert(test_contains(text, "\"largest_part\": 4"));
    free(text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("memory of training");
    TCase *tests = tcase_create("plans");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, parts_of_a_share);
    tcase_add_test(tests, sizes_by_hand);
    tcase_add_loop_test(tests, what_is_planned_is_taken, 0, 3);
    tcase_add_test(tests, divided_to_fit);
    tcase_add_test(tests, batches_that_wait_count_once);
    tcase_add_test(tests, single_allocations);
    tcase_add_loop_test(tests, allocation_fails, 0, N_FAILURES);
    tcase_add_test(tests, tables);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
