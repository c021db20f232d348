#include "bench/probe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bench/statistics.h"
#include "device/kernel.h"

enum {
    /* Independent chains: two multiply-adds a cycle that take four cycles each need 8, and 12 vectors fit into 16 registers
     * with a and b. */
    CHAINS = 12,
    UNROLL = 8, /* of cl/bench.cl */
    CPU_ITEMS_PER_UNIT = 4,
    GPU_ITEMS_PER_UNIT = 2048,
    GPU_GROUP = 256,
    MAX_STEPS = 100000000,
    FIRST_STEPS = 500,                /* of a first, short run */
    MIN_STEPS = 64,                   /* until x, which halves its distance in each, is at its limit */
    BYTES_A_LAUNCH = 64 << 20,        /* small working sets are gone through several times in a launch */
    SMALLEST_LARGE_BYTES = 256 << 20, /* well beyond the last cache of most CPUs */
    LARGE_IN_CACHES = 8,              /* times the cache that the device reports */
    MEMORY_SHARE = 8,                 /* of the device's memory, for one buffer */
    TRANSFER_BYTES = 64 << 20,
    LAUNCHES = 400,
};
static const int widths[] = {16, 8, 4, 1};
static const double run_seconds = 20e-3;
/* A narrower vector must be faster by more than noise, so that every run on a device calibrates with the same. */
static const double clearly = 1.15;
/* x = x * a + b goes to b / (1 - a), exactly. */
static const float a = 0.5f, b = 1.0f, limit = 2.0f;

struct fcl_probe {
    fcl_device *device;
    int vector;
    int is_gpu;
    size_t items, local;
    int steps; /* of a run of multiply-adds */
    fcl_kernel *fma, *read, *copy, *count;
    fcl_buffer *result, *counter;
    fcl_buffer *data[2]; /* source, and target of the copy; grown when a larger set is asked for */
    float *host;         /* for transfers, and to look at results */
};

void fcl_probe_free(fcl_probe *probe) {
    if (!probe) return;
    fcl_kernel_free(probe->fma);
    fcl_kernel_free(probe->read);
    fcl_kernel_free(probe->copy);
    fcl_kernel_free(probe->count);
    fcl_buffer_free(probe->result);
    fcl_buffer_free(probe->counter);
    for (int i = 0; i < 2; i++) fcl_buffer_free(probe->data[i]);
    free(probe->host);
    free(probe);
}

void fcl_probe_describe(int *vector, int *chains, size_t *items, const fcl_probe *probe) {
    *vector = probe->vector;
    *chains = CHAINS;
    *items = probe->items;
}

static fcl_status create_kernel(fcl_kernel **out, const fcl_probe *probe, const char *name, int vector) {
    char options[64];
    snprintf(options, sizeof options, "-DVECTOR=%d -DCHAINS=%d", vector, CHAINS);
    return fcl_kernel_create(out, probe->device, "bench.cl", name, options);
}

static fcl_range range_of(const fcl_probe *probe, size_t items) {
    size_t local = probe->local < items ? probe->local : 1;
    return (fcl_range){.n_dimensions = 1, .global = {items / local * local}, .local = {local}};
}

static fcl_status run_fma(double *seconds, const fcl_probe *probe, fcl_kernel *kernel, int steps) {
    fcl_status status;
    const fcl_range range = range_of(probe, probe->items);
    FCL_TRY(fcl_device_finish(probe->device));
    double begin = fcl_clock_seconds();
    FCL_TRY(FCL_LAUNCH(kernel, &range, fcl_arg_int(steps), fcl_arg_float(a), fcl_arg_float(b),
                       fcl_arg_buffer(probe->result)));
    FCL_TRY(fcl_device_finish(probe->device));
    *seconds = fcl_clock_seconds() - begin;
done:
    return status;
}

static double fma_flop(const fcl_probe *probe, int vector, int steps) {
    return 2.0 * CHAINS * vector * steps * (double)probe->items;
}

/* A kernel of one width and how many steps make a run of run_seconds; the first run may compile. */
typedef struct candidate {
    fcl_kernel *kernel;
    int steps;
    double speed; /* the best so far */
} candidate;

static fcl_status begin_candidate(candidate *c, const fcl_probe *probe, int width) {
    enum { TRIES = 3, GROWTH = 4 };
    fcl_status status;
    double seconds, best = 0.0;
    FCL_TRY(create_kernel(&c->kernel, probe, "bench_fma", width));
    FCL_TRY(run_fma(&seconds, probe, c->kernel, 1));
    /* Longer and longer until launching does not count; the best of a few, in case something else runs. */
    for (c->steps = FIRST_STEPS; best < run_seconds / GROWTH && c->steps < MAX_STEPS; c->steps *= GROWTH) {
        best = (double)INFINITY;
        for (int i = 0; i < TRIES; i++) {
            FCL_TRY(run_fma(&seconds, probe, c->kernel, c->steps));
            best = fmin(best, seconds);
        }
    }
    c->steps = (int)fmax(MIN_STEPS, c->steps / GROWTH * run_seconds / best);
done:
    return status;
}

/* In turn, and the best of many short runs each, of which some are undisturbed on a machine that others use too. */
static fcl_status choose_width(fcl_probe *probe, int wanted) {
    enum { N_WIDTHS = sizeof widths / sizeof *widths, ROUNDS = 20, SHORTER = 5 };
    fcl_status status = FCL_OK;
    const int *list = widths;
    int n = N_WIDTHS;
    candidate candidates[N_WIDTHS] = {{0}};
    int best = 0;
    for (int i = 0; i < N_WIDTHS; i++)
        if (widths[i] == wanted) {
            list = &widths[i];
            n = 1;
        }
    for (int i = 0; i < n; i++) FCL_TRY(begin_candidate(&candidates[i], probe, list[i]));
    for (int round = 0; n > 1 && round < ROUNDS; round++)
        for (int i = 0; i < n; i++) {
            double seconds;
            const int steps = candidates[i].steps / SHORTER + 1;
            FCL_TRY(run_fma(&seconds, probe, candidates[i].kernel, steps));
            candidates[i].speed = fmax(candidates[i].speed, fma_flop(probe, list[i], steps) / seconds);
        }
    for (int i = 1; i < n; i++)
        if (candidates[i].speed > clearly * candidates[best].speed) best = i;
    probe->vector = list[best];
    probe->steps = candidates[best].steps;
    probe->fma = candidates[best].kernel;
    candidates[best].kernel = NULL;
done:
    for (int i = 0; i < N_WIDTHS; i++) fcl_kernel_free(candidates[i].kernel);
    return status;
}

fcl_status fcl_probe_create(fcl_probe **out, fcl_device *device, int vector) {
    fcl_status status;
    fcl_probe *probe = NULL;
    const fcl_device_info *facts = fcl_device_facts(device);
    FCL_TRY(FCL_NEW(&probe, 1, "a probe"));
    probe->device = device;
    probe->is_gpu = facts->kind == FCL_DEVICE_GPU;
    probe->local = probe->is_gpu ? GPU_GROUP : 1;
    while (probe->local > facts->max_work_group_size) probe->local /= 2;
    probe->items = facts->compute_units * (size_t)(probe->is_gpu ? GPU_ITEMS_PER_UNIT : CPU_ITEMS_PER_UNIT);
    FCL_TRY(fcl_buffer_create(&probe->result, device, probe->items * sizeof(float), "results of a probe"));
    FCL_TRY(fcl_buffer_create(&probe->counter, device, sizeof(int32_t), "the counter of a probe"));
    FCL_TRY(FCL_NEW(&probe->host, TRANSFER_BYTES / sizeof(float), "a transfer"));
    FCL_TRY(choose_width(probe, vector));
    FCL_TRY(create_kernel(&probe->read, probe, "bench_read", probe->vector));
    FCL_TRY(create_kernel(&probe->copy, probe, "bench_copy", probe->vector));
    FCL_TRY(create_kernel(&probe->count, probe, "bench_count", probe->vector));
    *out = probe;
    probe = NULL;
done:
    fcl_probe_free(probe);
    return status;
}

/* The largest relative difference of the first n results from `wanted`. */
static fcl_status compare_results(double *error, fcl_probe *probe, size_t n, double wanted) {
    fcl_status status;
    float *got = NULL;
    double worst = 0.0;
    FCL_TRY(FCL_NEW(&got, n, "results of a probe"));
    FCL_TRY(fcl_buffer_read(got, probe->result, 0, n * sizeof *got));
    for (size_t i = 0; i < n; i++) worst = fcl_worse(worst, fabs((double)got[i] - wanted) / wanted);
    *error = worst;
done:
    free(got);
    return status;
}

fcl_status fcl_probe_multiply(double *gflop_per_second, double *error, fcl_probe *probe) {
    fcl_status status;
    double seconds;
    FCL_TRY(fcl_buffer_zero(probe->result));
    FCL_TRY(run_fma(&seconds, probe, probe->fma, probe->steps));
    FCL_TRY(
        compare_results(error, probe, range_of(probe, probe->items).global[0], (double)limit * CHAINS * probe->vector));
    *gflop_per_second = fma_flop(probe, probe->vector, probe->steps) / seconds * 1e-9;
done:
    return status;
}

fcl_status fcl_probe_calibrate(double *gflop_per_second, fcl_probe *probe) {
    enum { SHORTER = 4 };
    const int steps = probe->steps / SHORTER + 1;
    double fastest = (double)INFINITY;
    for (int i = 0; i < FCL_PROBE_CALIBRATIONS; i++) {
        double seconds;
        fcl_status status = run_fma(&seconds, probe, probe->fma, steps);
        if (status != FCL_OK) return status;
        fastest = fmin(fastest, seconds);
    }
    *gflop_per_second = fma_flop(probe, probe->vector, steps) / fastest * 1e-9;
    return FCL_OK;
}

fcl_status fcl_probe_calibrate_again(double *around, double *latest, fcl_probe *probe) {
    const double before = *latest;
    const fcl_status status = fcl_probe_calibrate(latest, probe);
    /* One that was disturbed shows a machine slower than it was. */
    if (status == FCL_OK) *around = fmax(before, *latest);
    return status;
}

/* How a working set is divided among items. */
typedef struct division {
    fcl_range range;
    size_t items;
    int n, step, stride, repeats;
    double floats; /* read in a launch */
} division;

static division divide(const fcl_probe *probe, size_t bytes) {
    division d = {.items = probe->items};
    size_t vectors = bytes / sizeof(float) / (size_t)probe->vector;
    if (d.items * UNROLL > vectors) d.items = vectors / UNROLL > 0 ? vectors / UNROLL : 1;
    d.range = range_of(probe, d.items);
    d.items = d.range.global[0];
    d.n = (int)(vectors / d.items / UNROLL * UNROLL);
    d.step = probe->is_gpu ? 1 : d.n;
    d.stride = probe->is_gpu ? (int)d.items : 1;
    d.repeats = bytes < BYTES_A_LAUNCH ? (int)(BYTES_A_LAUNCH / bytes) : 1;
    d.floats = (double)d.repeats * d.n * probe->vector * (double)d.items;
    return d;
}

/* Both buffers hold at least `bytes`; the source is all ones. */
static fcl_status need(fcl_probe *probe, int index, size_t bytes) {
    enum { BLOCK = TRANSFER_BYTES };
    fcl_status status = FCL_OK;
    if (probe->data[index] && fcl_buffer_bytes(probe->data[index]) >= bytes) return FCL_OK;
    fcl_buffer_free(probe->data[index]);
    probe->data[index] = NULL;
    FCL_TRY(fcl_buffer_create(&probe->data[index], probe->device, bytes, "the memory of a probe"));
    if (index == 0) {
        for (size_t i = 0; i < BLOCK / sizeof(float); i++) probe->host[i] = 1.0f;
        for (size_t at = 0; at < bytes; at += BLOCK)
            FCL_TRY(fcl_buffer_write(probe->data[0], at, probe->host, bytes - at < BLOCK ? bytes - at : BLOCK));
    }
done:
    return status;
}

static fcl_status run_access(double *seconds, fcl_probe *probe, fcl_kernel *kernel, const division *d,
                             const fcl_buffer *from, const fcl_buffer *to) {
    fcl_status status;
    FCL_TRY(fcl_device_finish(probe->device));
    double begin = fcl_clock_seconds();
    FCL_TRY(FCL_LAUNCH(kernel, &d->range, fcl_arg_int(d->n), fcl_arg_int(d->step), fcl_arg_int(d->stride),
                       fcl_arg_int(d->repeats), fcl_arg_buffer(from), fcl_arg_buffer(to)));
    FCL_TRY(fcl_device_finish(probe->device));
    *seconds = fcl_clock_seconds() - begin;
done:
    return status;
}

fcl_status fcl_probe_memory(double *gb_per_second, double *error, fcl_probe *probe, fcl_probe_access access,
                            size_t bytes) {
    fcl_status status;
    const int is_copy = access == FCL_PROBE_COPY;
    const size_t half = is_copy ? bytes / 2 : bytes;
    division d = divide(probe, half);
    double seconds, read_seconds;
    FCL_TRY(need(probe, 0, half));
    if (is_copy) {
        FCL_TRY(need(probe, 1, half));
        FCL_TRY(fcl_buffer_zero(probe->data[1]));
        FCL_TRY(run_access(&seconds, probe, probe->copy, &d, probe->data[0], probe->data[1]));
        *gb_per_second = 2.0 * d.floats * sizeof(float) / seconds * 1e-9;
    }
    /* Adding up the copy shows whether it is one. */
    if (is_copy) d.floats /= d.repeats, d.repeats = 1;
    FCL_TRY(run_access(&read_seconds, probe, probe->read, &d, probe->data[is_copy], probe->result));
    if (!is_copy) *gb_per_second = d.floats * sizeof(float) / read_seconds * 1e-9;
    FCL_TRY(compare_results(error, probe, d.items, d.floats / (double)d.items));
done:
    return status;
}

fcl_status fcl_probe_launch(double *seconds, double *error, fcl_probe *probe) {
    fcl_status status;
    const fcl_range range = {.n_dimensions = 1, .global = {1}, .local = {1}};
    int32_t counted;
    FCL_TRY(fcl_buffer_zero(probe->counter));
    FCL_TRY(fcl_device_finish(probe->device));
    double begin = fcl_clock_seconds();
    for (int i = 0; i < LAUNCHES; i++) FCL_TRY(FCL_LAUNCH(probe->count, &range, fcl_arg_buffer(probe->counter)));
    FCL_TRY(fcl_device_finish(probe->device));
    *seconds = (fcl_clock_seconds() - begin) / LAUNCHES;
    FCL_TRY(fcl_buffer_read(&counted, probe->counter, 0, sizeof counted));
    *error = fabs((double)counted - LAUNCHES) / LAUNCHES;
done:
    return status;
}

fcl_status fcl_probe_transfer(double *gb_per_second, double *error, fcl_probe *probe, int to_device) {
    fcl_status status;
    const size_t n = TRANSFER_BYTES / sizeof(float);
    size_t n_wrong = 0;
    /* The probe's source stays all ones. */
    FCL_TRY(need(probe, 1, TRANSFER_BYTES));
    for (size_t i = 0; i < n; i++) probe->host[i] = (float)(i % TRANSFER_BYTES);
    double begin = fcl_clock_seconds();
    FCL_TRY(fcl_buffer_write(probe->data[1], 0, probe->host, TRANSFER_BYTES));
    double written = fcl_clock_seconds();
    memset(probe->host, 0, TRANSFER_BYTES);
    double again = fcl_clock_seconds();
    FCL_TRY(fcl_buffer_read(probe->host, probe->data[1], 0, TRANSFER_BYTES));
    double end = fcl_clock_seconds();
    for (size_t i = 0; i < n; i++) n_wrong += probe->host[i] != (float)(i % TRANSFER_BYTES);
    *error = (double)n_wrong;
    *gb_per_second = TRANSFER_BYTES / (to_device ? written - begin : end - again) * 1e-9;
done:
    return status;
}

size_t fcl_probe_large_bytes(const fcl_probe *probe) {
    const fcl_device_info *facts = fcl_device_facts(probe->device);
    double wanted = fmax(SMALLEST_LARGE_BYTES, (double)LARGE_IN_CACHES * (double)facts->global_cache_bytes);
    double most = fmin((double)facts->max_allocation_bytes, (double)facts->global_memory_bytes / MEMORY_SHARE);
    /* Kernels count floats with int. */
    return (size_t)fmin(fmin(wanted, most), 0x40000000);
}

size_t fcl_probe_transfer_bytes(void) {
    return TRANSFER_BYTES;
}
