/* Buffers that the host has while the device goes on. */
#include "device/transfer.h"

#include "base/clock.h"
#include "device/queue.h"
#include "support/support.h"

enum { N = 4096, ROUNDS = 20 };
#define BYTES ((size_t)N * sizeof(float))

static fcl_device *device;

/* Two windows of one parent: one is with the host, the device writes the other; again and again. What the device does before it
 * gives a window is in it, and what it does after it got it back sees what the host wrote. */
START_TEST(there_and_back) {
    fcl_buffer *parent, *windows[2], *source, *result;
    fcl_transfer *transfer;
    static float values[N], read[N];
    const size_t stride =
        (BYTES + fcl_buffer_alignment(device) - 1) / fcl_buffer_alignment(device) * fcl_buffer_alignment(device);
    ck_ok(fcl_buffer_create(&parent, device, 2 * stride, "parent"));
    for (int i = 0; i < 2; i++)
        ck_ok(fcl_buffer_create_window(&windows[i], parent, (size_t)i * stride, BYTES, "window"));
    ck_ok(fcl_buffer_create(&source, device, BYTES, "source"));
    ck_ok(fcl_buffer_create(&result, device, BYTES, "result"));
    ck_ok(fcl_transfer_create(&transfer, device, windows, 1));
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < N; i++) values[i] = (float)(i + 7 * round);
        ck_ok(fcl_buffer_write(source, 0, values, BYTES));
        const double before = fcl_clock_seconds();
        ck_ok(fcl_buffer_copy(windows[0], 0, source, 0, BYTES));
        ck_ok(fcl_transfer_begin(transfer));
        ck_ok(fcl_buffer_zero(windows[1]));
        ck_ok(fcl_transfer_wait(transfer));
        ck_assert_double_ge(fcl_transfer_ready_at(transfer), before);
        ck_assert_double_le(fcl_transfer_ready_at(transfer), fcl_clock_seconds());
        float *bytes = fcl_transfer_bytes(transfer, 0);
        for (int i = 0; i < N; i++) {
            ck_assert_float_eq(bytes[i], values[i]);
            bytes[i] *= -2.0f;
        }
        ck_ok(fcl_transfer_end(transfer));
        ck_ok(fcl_buffer_copy(result, 0, windows[0], 0, BYTES));
        ck_ok(fcl_buffer_read(read, result, 0, BYTES));
        for (int i = 0; i < N; i++) ck_assert_float_eq(read[i], -2.0f * values[i]);
        ck_ok(fcl_buffer_read(read, windows[1], 0, BYTES));
        for (int i = 0; i < N; i++) ck_assert_float_eq(read[i], 0.0f);
    }
    /* One that was begun may be given back without a wait, as after a failure elsewhere. */
    ck_ok(fcl_transfer_begin(transfer));
    ck_ok(fcl_transfer_end(transfer));
    ck_ok(fcl_buffer_read(read, windows[0], 0, BYTES));
    ck_assert_float_eq(read[N - 1], -2.0f * values[N - 1]);
    fcl_transfer_free(transfer);
    fcl_buffer_free(result);
    fcl_buffer_free(source);
    for (int i = 0; i < 2; i++) fcl_buffer_free(windows[i]);
    fcl_buffer_free(parent);
}
END_TEST

static void set_up(void) {
    ck_ok(fcl_device_open(&device, NULL, 0));
}

static void tear_down(void) {
    fcl_device_free(device);
}

int main(void) {
    Suite *suite = suite_create("device: transfers");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, there_and_back);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
