#include "plot/axes.h"

enum { WIDTH = 860, HEIGHT_OF_A_BAR = 34, HEIGHT_OF_A_NAME = 18, HEIGHT_OF_THE_REST = 120, LINES_OF_THE_AXIS = 4 };

static void append_part(fcl_text *script, size_t n, size_t n_parts, size_t part, const double *values) {
    fcl_text_appendf(script, "$part%zu << END\n", part);
    for (size_t i = 0; i < n; i++) {
        double begin = 0.0;
        for (size_t k = 0; k < part; k++) begin += values[i * n_parts + k];
        fcl_text_appendf(script, "%.9g %.9g %zu\n", begin, begin + values[i * n_parts + part], i);
    }
    fcl_text_append(script, "END\n");
}

fcl_status fcl_figure_stacks(const char *stem, const fcl_axes *axes, const char *const *labels, size_t n,
                             const char *const *parts, size_t n_parts, const double *values) {
    fcl_status status;
    fcl_text script = FCL_TEXT_EMPTY, csv = FCL_TEXT_EMPTY;
    fcl_text_append(&csv, "label,part,value\n");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n_parts; k++)
            fcl_text_appendf(&csv, "%s,%s,%.9g\n", labels[i], parts[k], values[i * n_parts + k]);
    for (size_t k = 0; k < n_parts; k++) append_part(&script, n, n_parts, k, values);
    fcl_axes_append(&script, axes);
    fcl_text_append(&script, "set ytics (");
    for (size_t i = 0; i < n; i++) {
        if (i) fcl_text_append(&script, ", ");
        fcl_gnuplot_quote(&script, labels[i]);
        fcl_text_appendf(&script, " %zu", i);
    }
    fcl_text_appendf(
        &script,
        ")\nset yrange [%zu.5:-0.5]\nset xrange [0:*]\nset key at screen 0.99,0.02 bottom maxcols 1\nset bmargin %zu\n"
        "set style fill solid 0.85 noborder\nplot ",
        n - 1, n_parts + LINES_OF_THE_AXIS);
    for (size_t k = 0; k < n_parts; k++) {
        fcl_text_appendf(&script, "%s$part%zu using 1:3:1:2:($3-0.36):($3+0.36) with boxxyerror lc rgb '%s' title ",
                         k ? ", " : "", k, fcl_plot_colour(k));
        fcl_gnuplot_quote(&script, parts[k]);
    }
    FCL_TRY(fcl_figure_csv(stem, &csv));
    FCL_TRY(fcl_text_status(&script));
    FCL_TRY(fcl_gnuplot_draw(stem, script.data, WIDTH,
                             HEIGHT_OF_THE_REST + (unsigned)(n * HEIGHT_OF_A_BAR + n_parts * HEIGHT_OF_A_NAME)));
done:
    fcl_text_dispose(&script);
    fcl_text_dispose(&csv);
    return status;
}
