#include "ops/gemm.h"

#include <assert.h>
#include <clblast_c.h>

#include "device/queue.h"

/* CLBlast keeps compiled programs by context, and a later context may get the same address. */
static void forget_programs(void) {
    CLBlastClearCache();
}

static CLBlastTranspose transpose(fcl_matrix matrix) {
    return matrix.transposed ? CLBlastTransposeYes : CLBlastTransposeNo;
}

fcl_status fcl_gemm(fcl_device *device, size_t m, size_t n, size_t k, fcl_matrix a, fcl_matrix b, fcl_matrix c,
                    int accumulate) {
    assert(!c.transposed);
    cl_command_queue queue = fcl_device_cl_queue(device);
    cl_event event = NULL;
    int profiling = fcl_device_is_profiling(device);
    fcl_device_before_free(device, forget_programs);
    CLBlastStatusCode code =
        CLBlastSgemm(CLBlastLayoutRowMajor, transpose(a), transpose(b), m, n, k, 1.0f, fcl_buffer_cl_mem(a.buffer),
                     a.offset, a.stride, fcl_buffer_cl_mem(b.buffer), b.offset, b.stride, accumulate ? 1.0f : 0.0f,
                     fcl_buffer_cl_mem(c.buffer), c.offset, c.stride, &queue, profiling ? &event : NULL);
    /* Codes of its own lie below all of OpenCL's. */
    enum { FIRST_OWN_CODE = -1000 };
    if (code != CLBlastSuccess && (int)code > FIRST_OWN_CODE)
        return fcl_fail_cl((cl_int)code, "CLBlastSgemm", "m=%zu n=%zu k=%zu on the device '%s'", m, n, k,
                           fcl_device_facts(device)->name);
    if (code != CLBlastSuccess)
        return fcl_fail(FCL_E_DEVICE, "CLBlastSgemm failed with its code %d: m=%zu n=%zu k=%zu on the device '%s'",
                        (int)code, m, n, k, fcl_device_facts(device)->name);
    return event ? fcl_device_profile_event(device, "CLBlastSgemm", event) : FCL_OK;
}
