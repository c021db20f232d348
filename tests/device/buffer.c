/* Memory of the device: copies, windows, zeroing, fences, accounting. */
#include "base/memory.h"
#include "device/fixture.h"

#include <stdlib.h>
#include <string.h>

static const int values[] = {11, 22, 33, 44, 55, 66, 77, 88};

enum { N = sizeof values / sizeof values[0] };

START_TEST(writes_and_reads) {
    fcl_buffer *buffer = test_ints(values, N);
    int got[N] = {0}, two[] = {-1, -2};
    test_ints_read(got, buffer, N);
    ck_assert_mem_eq(got, values, sizeof values);
    ck_ok(fcl_buffer_write(buffer, 3 * sizeof(int), two, sizeof two));
    ck_ok(fcl_buffer_read(got, buffer, 2 * sizeof(int), 4 * sizeof(int)));
    const int wanted[] = {33, -1, -2, 66};
    ck_assert_mem_eq(got, wanted, sizeof wanted);
    ck_ok(fcl_buffer_write(buffer, sizeof values, NULL, 0));
    ck_assert_uint_eq(fcl_buffer_bytes(buffer), sizeof values);
    ck_assert_str_eq(fcl_buffer_label(buffer), "ints");
    fcl_buffer_free(buffer);
}
END_TEST

START_TEST(ranges_are_checked) {
    fcl_buffer *buffer = test_ints(values, N), *other = test_ints(values, N), *window;
    int got[N];
    size_t alignment = fcl_buffer_alignment(test_device());
    ck_assert_uint_ge(alignment, 64);
    ck_fails(fcl_buffer_read(got, buffer, 4, sizeof values), FCL_E_INTERNAL,
             "32 bytes at 4 is outside of the buffer 'ints'");
    ck_fails(fcl_buffer_write(buffer, SIZE_MAX, got, 2), FCL_E_INTERNAL, "outside");
    ck_fails(fcl_buffer_write_async(buffer, 33, got, 0), FCL_E_INTERNAL, "outside");
    ck_fails(fcl_buffer_copy(buffer, 0, other, 1, sizeof values), FCL_E_INTERNAL, "outside");
    ck_fails(fcl_buffer_copy(buffer, 1, other, 0, sizeof values), FCL_E_INTERNAL, "outside");
    ck_fails(fcl_buffer_create_window(&window, buffer, 0, 33, "w"), FCL_E_INTERNAL, "outside");
    ck_fails(fcl_buffer_create_window(&window, buffer, alignment, 4, "w"), FCL_E_INTERNAL, "outside");
    ck_fails(fcl_buffer_create_window(&window, buffer, 4, 4, "w"), FCL_E_INTERNAL, "not a multiple of");
    ck_fails(fcl_buffer_create_window(&window, buffer, 0, 0, "w"), FCL_E_INTERNAL, "empty");
    fcl_buffer_free(buffer);
    fcl_buffer_free(other);
}
END_TEST

START_TEST(windows_share_their_parents_memory) {
    size_t step = fcl_buffer_alignment(test_device()), n = 3 * step / sizeof(int), middle = step / sizeof(int);
    int *host = fcl_calloc(n, sizeof *host), got[N];
    for (size_t i = 0; i < n; i++) host[i] = (int)i;
    fcl_buffer *parent = test_ints(host, n), *window, *inner;
    ck_ok(fcl_buffer_create_window(&window, parent, step, step, "the middle"));
    ck_fails(fcl_buffer_create_window(&inner, window, 0, 4, "inner"), FCL_E_INTERNAL, "a window itself");
    ck_ok(fcl_buffer_read(got, window, 0, sizeof got));
    ck_assert_mem_eq(got, host + middle, sizeof got);
    ck_ok(fcl_buffer_write(window, sizeof(int), values, sizeof(int)));
    host[middle + 1] = values[0];

    char *folder = test_kernels_create();
    fcl_kernel *kernel;
    ck_ok(fcl_kernel_create(&kernel, test_device(), "test.cl", "add_one", ""));
    fcl_range range = {.n_dimensions = 1, .global = {2}};
    ck_ok(FCL_LAUNCH(kernel, &range, fcl_arg_buffer(window)));
    host[middle]++;
    host[middle + 1]++;
    int *all = fcl_calloc(n, sizeof *all);
    test_ints_read(all, parent, n);
    ck_assert_mem_eq(all, host, n * sizeof *all);

    ck_ok(fcl_buffer_zero(window));
    memset(host + middle, 0, step);
    test_ints_read(all, parent, n);
    ck_assert_mem_eq(all, host, n * sizeof *all);
    fcl_kernel_free(kernel);
    test_kernels_remove(folder);
    fcl_buffer_free(window);
    fcl_buffer_free(parent);
    free(all);
    free(host);
}
END_TEST

START_TEST(zeroes_any_size) {
    static const size_t sizes[] = {1, 2, 7, 12, 48, 1000, 4096};
    unsigned char bytes[4096], zeros[4096] = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fcl_buffer *buffer;
        ck_ok(fcl_buffer_create(&buffer, test_device(), sizes[i], "bytes"));
        memset(bytes, 0xa5, sizes[i]);
        ck_ok(fcl_buffer_write(buffer, 0, bytes, sizes[i]));
        ck_ok(fcl_buffer_zero(buffer));
        ck_ok(fcl_buffer_read(bytes, buffer, 0, sizes[i]));
        ck_assert_mem_eq(bytes, zeros, sizes[i]);
        fcl_buffer_free(buffer);
    }
}
END_TEST

START_TEST(copies_between_buffers) {
    fcl_buffer *source = test_ints(values, N), *target = test_ints(values, N);
    ck_ok(fcl_buffer_copy(target, 5 * sizeof(int), source, sizeof(int), 2 * sizeof(int)));
    int got[N];
    const int wanted[] = {11, 22, 33, 44, 55, 22, 33, 88};
    test_ints_read(got, target, N);
    ck_assert_mem_eq(got, wanted, sizeof wanted);
    fcl_buffer_free(source);
    fcl_buffer_free(target);
}
END_TEST

START_TEST(async_writes_are_done_after_a_fence) {
    int host[N], got[N];
    memcpy(host, values, sizeof values);
    fcl_buffer *buffer = test_ints(host, N), *copy = test_ints(host, N);
    fcl_fence *fence;
    host[0] = 5;
    ck_ok(fcl_buffer_write_async(buffer, 0, host, sizeof host));
    ck_ok(fcl_buffer_copy(copy, 0, buffer, 0, sizeof host));
    ck_ok(fcl_fence_create(&fence, test_device()));
    ck_ok(fcl_fence_wait(fence));
    ck_ok(fcl_fence_wait(fence));
    fcl_fence_free(fence);
    host[0] = 6; /* is not seen any more */
    test_ints_read(got, copy, N);
    ck_assert_int_eq(got[0], 5);
    ck_assert_mem_eq(got + 1, values + 1, sizeof values - sizeof(int));
    ck_ok(fcl_device_flush(test_device()));
    ck_ok(fcl_device_finish(test_device()));
    fcl_buffer_free(buffer);
    fcl_buffer_free(copy);
}
END_TEST

/* Large enough for pages of the host's: the driver must still have them when the buffer was freed before its work was done. */
START_TEST(large_ones_outlive_their_work) {
    enum { TIMES = 8, LARGE_BYTES = 3 * FCL_HUGE_PAGE_BYTES + 20 };
    unsigned char *host = fcl_calloc(LARGE_BYTES, 1), *got = fcl_calloc(LARGE_BYTES, 1);
    ck_assert(host && got);
    for (size_t i = 0; i < LARGE_BYTES; i++) host[i] = (unsigned char)(i % 251);
    fcl_buffer *last;
    ck_ok(fcl_buffer_create(&last, test_device(), LARGE_BYTES, "the last"));
    for (int i = 0; i < TIMES; i++) {
        fcl_buffer *source;
        ck_ok(fcl_buffer_create(&source, test_device(), LARGE_BYTES, "a source"));
        ck_ok(fcl_buffer_write_async(source, 0, host, LARGE_BYTES));
        ck_ok(fcl_buffer_copy(last, 0, source, 0, LARGE_BYTES));
        fcl_buffer_free(source);
    }
    ck_ok(fcl_buffer_read(got, last, 0, LARGE_BYTES));
    ck_assert_mem_eq(got, host, LARGE_BYTES);
    fcl_buffer_free(last);
    free(got);
    free(host);
}
END_TEST

/* What the host writes into a mapped buffer is what kernels and reads find, and no copy is counted for it. */
START_TEST(mapped_memory_is_not_copied) {
    fcl_buffer *buffer = test_ints(values, N), *copy = test_ints(values, N);
    int got[N];
    void *mapped;
    const size_t before = fcl_device_memory_use(test_device()).copied_bytes;
    ck_fails(fcl_buffer_map(&mapped, buffer, sizeof values + 1), FCL_E_INTERNAL, "a mapping of 33 bytes");
    ck_ok(fcl_buffer_map(&mapped, buffer, 3 * sizeof(int)));
    for (int i = 0; i < 3; i++) ((int *)mapped)[i] = -i;
    ck_ok(fcl_buffer_unmap(buffer, mapped));
    ck_ok(fcl_buffer_copy(copy, 0, buffer, 0, sizeof values));
    ck_assert_uint_eq(fcl_device_memory_use(test_device()).copied_bytes, before);
    test_ints_read(got, copy, N);
    const int wanted[] = {0, -1, -2, 44, 55, 66, 77, 88};
    ck_assert_mem_eq(got, wanted, sizeof wanted);
    ck_assert_uint_eq(fcl_device_memory_use(test_device()).copied_bytes, before + sizeof wanted);
    fcl_buffer_free(buffer);
    fcl_buffer_free(copy);
}
END_TEST

/* What is enqueued before a swap finds the old memory, what comes after it the new one; the memory that became free is mapped behind
 * what still reads it. */
START_TEST(buffers_change_places) {
    enum { COPIES = 3 };
    const int first[N] = {1, 2, 3, 4, 5, 6, 7, 8}, second[N] = {-1, -2, -3}, third[N] = {9};
    const int *const wanted[COPIES] = {first, second, third};
    fcl_buffer *prepared = test_ints(values, N), *used = test_ints(first, N), *copies[COPIES];
    fcl_fence *fence;
    void *mapped;
    int got[N];
    for (int i = 0; i < COPIES; i++) copies[i] = test_ints(values, N);
    const size_t before = fcl_device_memory_use(test_device()).copied_bytes;
    ck_ok(fcl_buffer_map(&mapped, prepared, sizeof values));
    memcpy(mapped, second, sizeof second);
    ck_ok(fcl_buffer_copy(copies[0], 0, used, 0, sizeof values));
    ck_ok(fcl_buffer_unmap(prepared, mapped));
    fcl_buffer_swap(prepared, used);
    ck_fails(fcl_buffer_map_async(&mapped, prepared, sizeof values + 1), FCL_E_INTERNAL, "a mapping of 33 bytes");
    ck_ok(fcl_buffer_map_async(&mapped, prepared, sizeof values));
    ck_ok(fcl_buffer_copy(copies[1], 0, used, 0, sizeof values));
    ck_ok(fcl_fence_create(&fence, test_device()));
    ck_ok(fcl_fence_wait(fence));
    fcl_fence_free(fence);
    memcpy(mapped, third, sizeof third);
    ck_ok(fcl_buffer_unmap(prepared, mapped));
    ck_ok(fcl_buffer_copy(copies[2], 0, prepared, 0, sizeof values));
    ck_assert_uint_eq(fcl_device_memory_use(test_device()).copied_bytes, before);
    for (int i = 0; i < COPIES; i++) {
        test_ints_read(got, copies[i], N);
        ck_assert_mem_eq(got, wanted[i], sizeof got);
        fcl_buffer_free(copies[i]);
    }
    fcl_buffer_free(prepared);
    fcl_buffer_free(used);
}
END_TEST

START_TEST(memory_is_counted) {
    fcl_device *device;
    fcl_buffer *first, *second, *window, *large;
    ck_ok(fcl_device_open(&device, NULL, 0));
    ck_ok(fcl_buffer_create(&first, device, 1000, "first"));
    ck_ok(fcl_buffer_create(&second, device, 500, "second"));
    ck_ok(fcl_buffer_create_window(&window, first, 0, 64, "window"));
    ck_assert_uint_eq(fcl_device_memory_use(device).now_bytes, 1500);
    fcl_buffer_free(window);
    fcl_buffer_free(second);
    ck_assert_uint_eq(fcl_device_memory_use(device).now_bytes, 1000);
    ck_assert_uint_eq(fcl_device_memory_use(device).peak_bytes, 1500);
    size_t too_much = (size_t)fcl_device_facts(device)->max_allocation_bytes + 1;
    ck_fails(fcl_buffer_create(&large, device, too_much, "the gradients"), FCL_E_DEVICE_MEMORY, "the gradients needs");
    ck_assert(test_contains(fcl_error_message(), fcl_device_facts(device)->name));
    ck_assert_uint_eq(fcl_device_memory_use(device).now_bytes, 1000);
    fcl_buffer_free(first);
    fcl_buffer_free(NULL);
    /* An empty buffer is one byte. */
    ck_ok(fcl_buffer_create(&first, device, 0, "empty"));
    ck_assert_uint_eq(fcl_device_memory_use(device).now_bytes, 1);
    fcl_buffer_free(first);
    fcl_device_free(device);
}
END_TEST

/* A limit of fiducl's own counts all buffers, and those that are only reserved take nothing. */
START_TEST(limited_and_reserved) {
    fcl_device *device;
    fcl_buffer *parent, *window, *other;
    ck_ok(fcl_device_open(&device, NULL, 0));
    const size_t step = fcl_buffer_alignment(device);
    const int seven = 7;
    int got = 0;
    fcl_device_limit_memory(device, 3 * step);
    ck_ok(fcl_buffer_reserve(&parent, device, 2 * step, "parent"));
    ck_ok(fcl_buffer_create_window(&window, parent, step, sizeof(int), "window"));
    ck_assert_uint_eq(fcl_device_memory_use(device).now_bytes, 0);
    ck_ok(fcl_buffer_create(&other, device, 2 * step, "other"));
    ck_fails(fcl_buffer_allocate(parent), FCL_E_DEVICE_MEMORY, "no memory for parent on the device");
    ck_assert(test_contains(fcl_error_message(), "that it may use"));
    fcl_buffer_free(other);
    ck_ok(fcl_buffer_allocate(parent));
    ck_ok(fcl_buffer_allocate(window));
    ck_assert_uint_eq(fcl_device_memory_use(device).now_bytes, 2 * step);
    ck_ok(fcl_buffer_write(window, 0, &seven, sizeof seven));
    ck_ok(fcl_buffer_read(&got, parent, step, sizeof got));
    ck_assert_int_eq(got, 7);
    ck_ok(fcl_buffer_create(&other, device, step, "other"));
    fcl_buffer_free(other);
    ck_fails(fcl_buffer_create(&other, device, step + 1, "other"), FCL_E_DEVICE_MEMORY, "no memory for other");
    fcl_device_limit_memory(device, 0);
    ck_ok(fcl_buffer_create(&other, device, step + 1, "other"));
    fcl_buffer_free(other);
    fcl_buffer_free(window);
    fcl_buffer_free(parent);
    ck_assert_uint_eq(fcl_device_memory_use(device).now_bytes, 0);
    ck_ok(fcl_buffer_reserve(&parent, device, step, "never allocated"));
    fcl_buffer_free(parent);
    ck_assert_uint_eq(fcl_device_memory_use(device).now_bytes, 0);
    fcl_device_free(device);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("device memory");
    TCase *tests = tcase_create("buffer");
    tcase_add_test(tests, writes_and_reads);
    tcase_add_test(tests, ranges_are_checked);
    tcase_add_test(tests, windows_share_their_parents_memory);
    tcase_add_test(tests, zeroes_any_size);
    tcase_add_test(tests, copies_between_buffers);
    tcase_add_test(tests, async_writes_are_done_after_a_fence);
    tcase_add_test(tests, large_ones_outlive_their_work);
    tcase_add_test(tests, mapped_memory_is_not_copied);
    tcase_add_test(tests, buffers_change_places);
    tcase_add_test(tests, memory_is_counted);
    tcase_add_test(tests, limited_and_reserved);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
