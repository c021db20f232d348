/* Running gnuplot: what all kinds of figures share. */
#ifndef FCL_PLOT_GNUPLOT_H
#define FCL_PLOT_GNUPLOT_H

#include "base/text.h"
#include "plot/figure.h"

/* Draws `script` (data blocks, settings and plot commands) as STEM.svg and STEM.png, each whole or not at
 * all. */
fcl_status fcl_gnuplot_draw(const char *stem, const char *script, unsigned width, unsigned height);
/* STEM.csv, whole or not at all. */
fcl_status fcl_figure_csv(const char *stem, const fcl_text *csv);
/* A string in gnuplot's quotes. */
void fcl_gnuplot_quote(fcl_text *text, const char *string);
/* Colours that people with colour blindness can tell apart (Okabe and Ito 2008). */
const char *fcl_plot_colour(size_t index);

#endif
