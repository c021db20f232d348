#include "bench/roofline.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/statistics.h"
#include "plot/figure.h"

enum { RUNS = 10, SMALLEST_BYTES = 1 << 20, STEP = 4 };

fcl_status fcl_roofline_measure(fcl_roofline *out, fcl_probe *probe) {
    fcl_status status = FCL_OK;
    fcl_roofline roof = {.launch_seconds = (double)INFINITY};
    double speed, error, worst = 0.0;
    for (int i = 0; i < FCL_N_BANDWIDTHS; i++) {
        size_t bytes = i == 0 ? SMALLEST_BYTES : roof.bandwidths[i - 1].bytes * STEP,
               most = fcl_probe_large_bytes(probe);
        roof.bandwidths[i].bytes = bytes < most ? bytes : most;
    }
    for (int run = 0; run < RUNS; run++) {
        FCL_TRY(fcl_probe_multiply(&speed, &error, probe));
        roof.gflop_per_second = fmax(roof.gflop_per_second, speed);
        worst = fcl_worse(worst, error);
        for (int i = 0; i < FCL_N_BANDWIDTHS; i++)
            for (int access = FCL_PROBE_READ; access <= FCL_PROBE_COPY; access++) {
                FCL_TRY(fcl_probe_memory(&speed, &error, probe, (fcl_probe_access)access, roof.bandwidths[i].bytes));
                roof.bandwidths[i].gb_per_second = fmax(roof.bandwidths[i].gb_per_second, speed);
                worst = fcl_worse(worst, error);
            }
        FCL_TRY(fcl_probe_launch(&speed, &error, probe));
        roof.launch_seconds = fmin(roof.launch_seconds, speed);
        worst = fcl_worse(worst, error);
    }
    if (!(worst <= FCL_PROBE_BOUND)) {
        status = fcl_fail(FCL_E_WRONG_RESULT, "the kernels of cl/bench.cl compute wrong results on this device");
        goto done;
    }
    *out = roof;
done:
    return status;
}

const fcl_bandwidth *fcl_roofline_bandwidth(const fcl_roofline *roof, double bytes) {
    int i = FCL_N_BANDWIDTHS - 1;
    while (i > 0 && (double)roof->bandwidths[i].bytes > bytes) i--;
    return &roof->bandwidths[i];
}

/* Points of one part of the operations: intensity (FLOP a byte) and speed, both of the solver. */
typedef struct cloud {
    const char *part;
    double *x, *y;
    size_t n;
} cloud;

static fcl_status fill(cloud *c, const fcl_result *results, size_t n_results) {
    fcl_status status;
    FCL_TRY(FCL_NEW(&c->x, n_results, "a figure"));
    FCL_TRY(FCL_NEW(&c->y, n_results, "a figure"));
    for (size_t i = 0; i < n_results; i++) {
        const json_t *d = results[i].details;
        const double gflop = json_number_value(json_object_get(d, "solver_gflop")),
                     bytes = json_number_value(json_object_get(d, "solver_bytes"));
        if (!results[i].check.passed || gflop <= 0.0 || bytes <= 0.0 ||
            strcmp(json_string_value(json_object_get(d, "part")), c->part) != 0)
            continue;
        c->x[c->n] = gflop * 1e9 / bytes;
        c->y[c->n++] = json_number_value(json_object_get(d, "solver_gflop_per_second"));
    }
done:
    return status;
}

fcl_status fcl_roofline_draw(const char *stem, const char *model, const fcl_roofline *roof, const fcl_result *results,
                             size_t n_results) {
    enum { N_CLOUDS = 3, N_ROOFS = 2, CORNERS = 3 };
    fcl_status status;
    cloud clouds[N_CLOUDS] = {{.part = "forward"}, {.part = "backward_data"}, {.part = "backward_weights"}};
    fcl_series series[N_ROOFS + N_CLOUDS];
    double roof_x[N_ROOFS][CORNERS], roof_y[N_ROOFS][CORNERS], low = (double)INFINITY, high = 1.0;
    char roof_names[N_ROOFS][64];
    char *path = fcl_format("%s_roofline_%s", stem, model),
         *title = fcl_format("Operations of %s under the roofline", model);
    if (!path || !title) {
        status = FCL_E_MEMORY;
        goto done;
    }
    if (fcl_plot_check() != FCL_OK) {
        fcl_log(FCL_LOG_WARNING, "%s; there is no roofline figure", fcl_error_message());
        status = FCL_OK;
        goto done;
    }
    for (int i = 0; i < N_CLOUDS; i++) {
        FCL_TRY(fill(&clouds[i], results, n_results));
        for (size_t k = 0; k < clouds[i].n; k++) {
            low = fmin(low, clouds[i].x[k]);
            high = fmax(high, clouds[i].x[k]);
        }
        series[N_ROOFS + i] =
            (fcl_series){.name = clouds[i].part, .x = clouds[i].x, .y = clouds[i].y, .n = clouds[i].n, .is_points = 1};
    }
    for (int i = 0; i < N_ROOFS; i++) {
        /* Of the largest working set, which is the memory's, and of the smallest. */
        const fcl_bandwidth *b = &roof->bandwidths[i == 0 ? FCL_N_BANDWIDTHS - 1 : 0];
        const double ridge = roof->gflop_per_second / b->gb_per_second;
        roof_x[i][0] = fmin(low, ridge) / 2.0;
        roof_x[i][1] = ridge;
        roof_x[i][2] = fmax(high, ridge) * 2.0;
        for (int k = 0; k < CORNERS; k++) roof_y[i][k] = fmin(roof->gflop_per_second, roof_x[i][k] * b->gb_per_second);
        snprintf(roof_names[i], sizeof roof_names[i], "%.0f GFLOP/s, %.0f GB/s (%zu MiB)", roof->gflop_per_second,
                 b->gb_per_second, b->bytes >> 20);
        series[i] = (fcl_series){.name = roof_names[i], .x = roof_x[i], .y = roof_y[i], .n = CORNERS, .dashed = i > 0};
    }
    const fcl_axes axes = {.title = title,
                           .x_label = "FLOP a byte, as the solver computes",
                           .y_label = "GFLOP/s, as the solver computes",
                           .log_x = 1,
                           .log_y = 1,
                           .legend_below = 1};
    FCL_TRY(fcl_figure_lines(path, &axes, series, N_ROOFS + N_CLOUDS));
done:
    for (int i = 0; i < N_CLOUDS; i++) {
        free(clouds[i].x);
        free(clouds[i].y);
    }
    free(path);
    free(title);
    return status;
}
