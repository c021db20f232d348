#include "plot/axes.h"

enum { WIDTH = 860, HEIGHT_OF_A_BAR = 24, HEIGHT_OF_THE_REST = 110 };

fcl_status fcl_figure_bars(const char *stem, const fcl_axes *axes, const char *const *labels, const double *values,
                           size_t n) {
    fcl_status status;
    fcl_text script = FCL_TEXT_EMPTY, csv = FCL_TEXT_EMPTY;
    fcl_text_append(&csv, "label,value\n");
    fcl_text_append(&script, "$bars << END\n");
    for (size_t i = 0; i < n; i++) {
        fcl_text_appendf(&script, "%.9g %zu\n", values[i], i);
        fcl_text_appendf(&csv, "%s,%.9g\n", labels[i], values[i]);
    }
    fcl_text_append(&script, "END\n");
    fcl_axes_append(&script, axes);
    fcl_text_append(&script, "set ytics (");
    for (size_t i = 0; i < n; i++) {
        if (i) fcl_text_append(&script, ", ");
        fcl_gnuplot_quote(&script, labels[i]);
        fcl_text_appendf(&script, " %zu", i);
    }
    fcl_text_appendf(&script,
                     ")\nset yrange [%zu.5:-0.5]\nset xrange [0:*]\nunset key\nset style fill solid 0.85 noborder\n"
                     "plot $bars using (0):2:(0):1:($2-0.38):($2+0.38) with boxxyerror lc rgb '%s'",
                     n - 1, fcl_plot_colour(0));
    FCL_TRY(fcl_figure_csv(stem, &csv));
    FCL_TRY(fcl_text_status(&script));
    FCL_TRY(fcl_gnuplot_draw(stem, script.data, WIDTH, HEIGHT_OF_THE_REST + (unsigned)n * HEIGHT_OF_A_BAR));
done:
    fcl_text_dispose(&script);
    fcl_text_dispose(&csv);
    return status;
}
