#include <math.h>

#include "plot/axes.h"

enum { WIDTH = 860, HEIGHT = 520 };

static void append_point(fcl_text *text, double x, double y, const char *separator) {
    fcl_text_appendf(text, "%.9g%s", x, separator);
    if (isnan(y))
        fcl_text_append(text, separator[0] == ',' ? "\n" : "NaN\n");
    else
        fcl_text_appendf(text, "%.9g\n", y);
}

fcl_status fcl_figure_lines(const char *stem, const fcl_axes *axes, const fcl_series *series, size_t n_series) {
    fcl_status status;
    fcl_text script = FCL_TEXT_EMPTY, csv = FCL_TEXT_EMPTY;
    fcl_text_append(&csv, "series,x,y\n");
    for (size_t s = 0; s < n_series; s++) {
        fcl_text_appendf(&script, "$s%zu << END\n", s);
        for (size_t i = 0; i < series[s].n; i++) {
            append_point(&script, series[s].x[i], series[s].y[i], " ");
            fcl_text_appendf(&csv, "%s,", series[s].name);
            append_point(&csv, series[s].x[i], series[s].y[i], ",");
        }
        fcl_text_append(&script, "END\n");
    }
    fcl_axes_append(&script, axes);
    fcl_text_append(&script, "plot ");
    for (size_t s = 0; s < n_series; s++) {
        /* One value is no line. */
        const int is_line = !series[s].is_points && series[s].n > 1;
        fcl_text_appendf(&script, "%s$s%zu using 1:2 with %s lw 2 lc rgb '%s'%s title ", s ? ", " : "", s,
                         is_line ? "lines" : "points pt 7", fcl_plot_colour(s),
                         is_line && series[s].dashed ? " dt 2" : "");
        fcl_gnuplot_quote(&script, series[s].name);
    }
    FCL_TRY(fcl_figure_csv(stem, &csv));
    FCL_TRY(fcl_text_status(&script));
    FCL_TRY(fcl_gnuplot_draw(stem, script.data, WIDTH, HEIGHT));
done:
    fcl_text_dispose(&script);
    fcl_text_dispose(&csv);
    return status;
}
