#include "plot/gnuplot.h"

enum { PANEL_PIXELS = 230, ONLY_PANEL_PIXELS = 480, CAPTION_PIXELS = 26, TITLE_PIXELS = 44 };
static const int markers[] = {7, 2, 6, 5};

static void append_image(fcl_text *script, const fcl_panel *panel, size_t index, unsigned width, unsigned height) {
    fcl_text_appendf(script, "$image%zu << END\n", index);
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) fcl_text_appendf(script, "%.4g ", (double)panel->image[y * width + x]);
        fcl_text_append(script, "\n");
    }
    fcl_text_append(script, "END\n");
}

static void append_points(fcl_text *script, fcl_text *csv, const fcl_panel *panel, size_t index) {
    for (size_t s = 0; s < panel->n_sets; s++) {
        const fcl_point_set *set = &panel->sets[s];
        fcl_text_appendf(script, "$points%zu_%zu << END\nNaN NaN\n", index, s);
        for (size_t i = 0; i < set->n; i++) {
            if (set->mask && !set->mask[i]) continue;
            fcl_text_appendf(script, "%.5g %.5g\n", (double)set->xy[2 * i], (double)set->xy[2 * i + 1]);
            fcl_text_appendf(csv, "%zu,%s,%zu,%.5g,%.5g\n", index, set->name, i, (double)set->xy[2 * i],
                             (double)set->xy[2 * i + 1]);
        }
        fcl_text_append(script, "END\n");
    }
}

fcl_status fcl_figure_panels(const char *stem, const char *title, const fcl_panel *panels, size_t n_panels,
                             unsigned columns, unsigned width, unsigned height) {
    fcl_status status;
    fcl_text script = FCL_TEXT_EMPTY, csv = FCL_TEXT_EMPTY;
    if (columns > n_panels) columns = (unsigned)n_panels;
    unsigned rows = ((unsigned)n_panels + columns - 1) / columns;
    const unsigned side = n_panels == 1 ? ONLY_PANEL_PIXELS : PANEL_PIXELS;
    fcl_text_append(&csv, "panel,set,point,x,y\n");
    for (size_t i = 0; i < n_panels; i++) {
        append_image(&script, &panels[i], i, width, height);
        append_points(&script, &csv, &panels[i], i);
    }
    /* Places are shares of the whole figure: gnuplot's own layout lets titles of rows and of the figure meet. */
    const double total_h = rows * (side + CAPTION_PIXELS) + TITLE_PIXELS, gap = 4.0 / side;
    fcl_text_append(&script, "set multiplot\nset label 1 ");
    fcl_gnuplot_quote(&script, title);
    fcl_text_appendf(&script,
                     " at screen 0.5,%.6f center\nunset tics\nunset border\nunset grid\nunset colorbox\n"
                     "set palette gray\nset cbrange [0:255]\nset xrange [-0.5:%u.5]\nset yrange [%u.5:-0.5]\n",
                     1.0 - TITLE_PIXELS / 2.0 / total_h, width - 1, height - 1);
    for (size_t i = 0; i < n_panels; i++) {
        double left = (double)(i % columns) / columns, right = left + 1.0 / columns;
        double bottom = (double)(rows - 1 - i / columns) * (side + CAPTION_PIXELS) / total_h;
        fcl_text_appendf(&script,
                         "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
                         "set bmargin at screen %.6f\nset tmargin at screen %.6f\n",
                         left + gap / columns, right - gap / columns, bottom + gap * side / total_h,
                         bottom + (1.0 - gap) * side / total_h);
        fcl_text_append(&script, "set title offset 0,-0.6 ");
        fcl_gnuplot_quote(&script, panels[i].caption ? panels[i].caption : "");
        /* The legend stands in the first panel only. */
        fcl_text_append(&script,
                        i == 0 ? "\nset key top left opaque samplen 0.5 width -1 font ',8'\n" : "\nunset key\n");
        fcl_text_appendf(&script, "plot $image%zu matrix with image notitle", i);
        for (size_t s = 0; s < panels[i].n_sets; s++) {
            const fcl_point_set *set = &panels[i].sets[s];
            fcl_text_appendf(&script, ", $points%zu_%zu using 1:2 with points pt %d ps %s lw 1.5 lc rgb '%s' title ", i,
                             s, markers[(unsigned)set->style % (sizeof markers / sizeof markers[0])],
                             set->n > 100 ? "0.15" : "0.7", fcl_plot_colour((size_t)set->style + 1));
            fcl_gnuplot_quote(&script, set->name);
        }
        fcl_text_append(&script, "\nunset label 1\n");
    }
    fcl_text_append(&script, "unset multiplot\n");
    FCL_TRY(fcl_figure_csv(stem, &csv));
    FCL_TRY(fcl_text_status(&script));
    FCL_TRY(fcl_gnuplot_draw(stem, script.data, columns * side, (unsigned)total_h));
done:
    fcl_text_dispose(&script);
    fcl_text_dispose(&csv);
    return status;
}
