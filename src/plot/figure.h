/*
 * Figures through gnuplot, run as a program. A figure is written as STEM.svg, STEM.png and STEM.csv (what is drawn).
 * Everything is drawn in one look: colours, fonts and sizes come from here.
 */
#ifndef FCL_PLOT_FIGURE_H
#define FCL_PLOT_FIGURE_H

#include <stdint.h>

#include "base/error.h"

/* FCL_E_MISSING_PROGRAM with a message that names the package when gnuplot is not installed. The figures fail with it too,
 * also when gnuplot itself fails. */
fcl_status fcl_plot_check(void);

typedef struct fcl_series {
    const char *name;
    const double *x, *y; /* lent; NaN leaves a gap */
    size_t n;
    int dashed;
    int is_points; /* markers, no line */
} fcl_series;

typedef struct fcl_axes {
    const char *title, *x_label, *y_label;
    int log_x, log_y;
    int legend_below; /* in the lower right corner, for curves that rise; else in the upper right one */
    double x_min, x_max, y_min, y_max; /* automatic where min == max */
    double x_step;                     /* of the ticks; automatic where 0 */
} fcl_axes;

/* Lines over a common axis: loss curves, cumulative errors. */
fcl_status fcl_figure_lines(const char *stem, const fcl_axes *axes, const fcl_series *series, size_t n_series);

/* Horizontal bars, one a label. */
fcl_status fcl_figure_bars(const char *stem, const fcl_axes *axes, const char *const *labels, const double *values,
                           size_t n);

/* Horizontal bars, one a label, each of parts that stand one behind the other: values (n, n_parts), 0 and more. */
fcl_status fcl_figure_stacks(const char *stem, const fcl_axes *axes, const char *const *labels, size_t n,
                             const char *const *parts, size_t n_parts, const double *values);

/* Points over a gray image. */
typedef struct fcl_point_set {
    const char *name;
    const float *xy;     /* (n, 2) pixels */
    const uint8_t *mask; /* (n), 1 = drawn; NULL draws all */
    size_t n;
    int style; /* 0, 1, ...: marker and colour */
} fcl_point_set;
typedef struct fcl_panel {
    const float *image;  /* (height, width), 0..255 */
    const char *caption; /* may be NULL */
    const fcl_point_set *sets;
    size_t n_sets;
} fcl_panel;
/* A grid of images of one size, `columns` a row; the legend (set names of the first panel) is drawn once. */
fcl_status fcl_figure_panels(const char *stem, const char *title, const fcl_panel *panels, size_t n_panels,
                             unsigned columns, unsigned width, unsigned height);

#endif
