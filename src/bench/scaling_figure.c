#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/scaling.h"
#include "plot/figure.h"

enum { N_SPEEDS = 2, N_TIMES = 3 };

/* What both figures need. */
typedef struct picture {
    const json_t *devices;
    size_t n;
    char **names; /* (n): "0 device:1core" */
    double *values;
} picture;

static void dispose(picture *p) {
    for (size_t i = 0; p->names && i < p->n; i++) free(p->names[i]);
    free(p->names);
    free(p->values);
}

static double number(const picture *p, size_t device, const char *key) {
    return json_number_value(json_object_get(json_array_get(p->devices, device), key));
}

static fcl_status make(picture *p, const fcl_result *together) {
    fcl_status status;
    p->devices = json_object_get(together->details, "devices");
    p->n = json_array_size(p->devices);
    FCL_TRY(FCL_NEW(&p->names, p->n, "a figure"));
    FCL_TRY(FCL_NEW(&p->values, p->n * N_TIMES, "a figure"));
    for (size_t i = 0; i < p->n; i++) {
        const char *selector = json_string_value(json_object_get(json_array_get(p->devices, i), "device"));
        const char *platform_end = strchr(selector, ':'); /* its name would leave no room */
        p->names[i] = fcl_format("%zu %s", i, platform_end ? platform_end + 1 : selector);
        if (!p->names[i]) return FCL_E_MEMORY;
    }
done:
    return status;
}

/* The speeds of each alone one behind the other, and under it those of all together, by their shares. */
static fcl_status draw_speed(const char *path, const char *title, picture *p, const fcl_result *together) {
    static const char *const labels[N_SPEEDS] = {"alone", "together"};
    double samples = 0.0;
    for (size_t i = 0; i < p->n; i++) samples += number(p, i, "samples");
    for (size_t i = 0; i < p->n; i++) {
        p->values[i] = number(p, i, "alone_images_per_second");
        p->values[p->n + i] = fcl_result_median(together) * number(p, i, "samples") / samples;
    }
    return fcl_figure_stacks(path, &(fcl_axes){.title = title, .x_label = "images/s"}, labels, N_SPEEDS,
                             (const char *const *)p->names, p->n, p->values);
}

static fcl_status draw_time(const char *path, const char *title, picture *p) {
    static const char *const parts[N_TIMES] = {"busy", "waiting for others", "exchange that nothing hides"};
    static const char *const keys[N_TIMES] = {"busy_ms", "waiting_ms", "exchange_ms"};
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < N_TIMES; k++) p->values[i * N_TIMES + k] = number(p, i, keys[k]);
    return fcl_figure_stacks(path, &(fcl_axes){.title = title, .x_label = "ms a step"}, (const char *const *)p->names,
                             p->n, parts, N_TIMES, p->values);
}

fcl_status fcl_scaling_draw(const char *stem, const char *model, const fcl_result *together) {
    fcl_status status;
    picture p = {0};
    char *speed = fcl_format("%s_speed_%s", stem, model), *time = fcl_format("%s_time_%s", stem, model);
    char *speed_title = fcl_format("Training %s on each device and on all", model),
         *time_title = fcl_format("A step of %s on all devices", model);
    if (!speed || !time || !speed_title || !time_title) {
        status = FCL_E_MEMORY;
        goto done;
    }
    if (fcl_plot_check() != FCL_OK) {
        fcl_log(FCL_LOG_WARNING, "%s; there are no figures of scaling", fcl_error_message());
        status = FCL_OK;
        goto done;
    }
    FCL_TRY(make(&p, together));
    FCL_TRY(draw_speed(speed, speed_title, &p, together));
    FCL_TRY(draw_time(time, time_title, &p));
done:
    dispose(&p);
    free(speed);
    free(time);
    free(speed_title);
    free(time_title);
    return status;
}
