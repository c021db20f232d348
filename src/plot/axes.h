#ifndef FCL_PLOT_AXES_H
#define FCL_PLOT_AXES_H

#include "plot/gnuplot.h"

/* Title, labels, scale and ranges. */
void fcl_axes_append(fcl_text *text, const fcl_axes *axes);

#endif
