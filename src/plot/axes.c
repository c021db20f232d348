/* Axes, which lines and bars share. */
#include "plot/axes.h"

static void range(fcl_text *text, const char *axis, double low, double high) {
    if (low != high) fcl_text_appendf(text, "set %srange [%.9g:%.9g]\n", axis, low, high);
}

void fcl_axes_append(fcl_text *text, const fcl_axes *axes) {
    fcl_text_append(text, "set title ");
    fcl_gnuplot_quote(text, axes->title ? axes->title : "");
    fcl_text_append(text, "\nset xlabel ");
    fcl_gnuplot_quote(text, axes->x_label ? axes->x_label : "");
    fcl_text_append(text, "\nset ylabel ");
    fcl_gnuplot_quote(text, axes->y_label ? axes->y_label : "");
    fcl_text_append(text, "\n");
    if (axes->log_x) fcl_text_append(text, "set logscale x\n");
    if (axes->log_y) fcl_text_append(text, "set logscale y\n");
    if (axes->legend_below) fcl_text_append(text, "set key bottom right\n");
    if (axes->x_step > 0.0) fcl_text_appendf(text, "set xtics %.9g\n", axes->x_step);
    range(text, "x", axes->x_min, axes->x_max);
    range(text, "y", axes->y_min, axes->y_max);
}
