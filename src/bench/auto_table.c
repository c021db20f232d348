/* A measured choice of a device for people. */
#include <math.h>

#include "base/text.h"
#include "bench/auto.h"

static const double milliseconds = 1e3;

static double seconds_of(const fcl_auto_choice *choice) {
    return choice->candidates[choice->chosen].seconds_a_step;
}

/* The fastest of the others; infinity when no other was measured. */
static double next_seconds(const fcl_auto_choice *choice) {
    double next = (double)INFINITY;
    for (size_t i = 0; i < choice->n; i++)
        if (i != choice->chosen && !choice->candidates[i].problem)
            next = fmin(next, choice->candidates[i].seconds_a_step);
    return next;
}

static fcl_status take(char **out, fcl_text *text) {
    fcl_status status = fcl_text_status(text);
    if (status == FCL_OK)
        *out = text->data;
    else
        fcl_text_dispose(text);
    return status;
}

fcl_status fcl_auto_table(char **out, const fcl_auto_choice *choice) {
    fcl_text text = FCL_TEXT_EMPTY;
    const double next = next_seconds(choice);
    if (choice->n == 1) {
        fcl_text_appendf(&text, "auto: %s is the only device here that fiducl can use; nothing is measured\n",
                         choice->candidates[0].device);
        return take(out, &text);
    }
    fcl_text_appendf(&text, "auto: a training step of %s, batch %u, on each device, measured %s%s\n", choice->model,
                     choice->batch, choice->measured, choice->is_remembered ? " (from the cache)" : "");
    fcl_text_append(&text, "  ms a step  images/s  device\n");
    for (size_t i = 0; i < choice->n; i++) {
        const fcl_auto_candidate *c = &choice->candidates[i];
        if (c->problem)
            fcl_text_appendf(&text, "  %9s %9s  %s, left out: %s\n", "-", "-", c->device, c->problem);
        else
            fcl_text_appendf(&text, "%c %9.2f %9.0f  %s\n", i == choice->chosen ? '*' : ' ',
                             c->seconds_a_step * milliseconds, choice->batch / c->seconds_a_step, c->device);
    }
    if (isfinite(next))
        fcl_text_appendf(&text, "* is used: it is the fastest, %.2f times as fast as the next one.\n",
                         next / seconds_of(choice));
    else
        fcl_text_append(&text, "* is used: no other one is left.\n");
    fcl_text_append(&text,
                    "It is measured again when devices, drivers, model, batch or fiducl change, and after `fiducl "
                    "tune` and `fiducl cache --clear`.\n");
    return take(out, &text);
}

fcl_status fcl_auto_line(char **out, const fcl_auto_choice *choice) {
    if (choice->n == 1) return fcl_auto_table(out, choice);
    *out = fcl_format("auto: %s, %.2f ms a step, the fastest of %zu devices (measured %s; --explain shows all)\n",
                      choice->candidates[choice->chosen].device, seconds_of(choice) * milliseconds, choice->n,
                      choice->measured);
    return *out ? FCL_OK : FCL_E_MEMORY;
}
