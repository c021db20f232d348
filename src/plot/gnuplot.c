#include "plot/gnuplot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/process.h"

static const char *const formats[] = {"svg", "png"};
static const char *const terminals[] = {"svg dynamic font 'DejaVu Sans,13'", "pngcairo font 'DejaVu Sans,10'"};
enum { N_FORMATS = 2 };

fcl_status fcl_plot_check(void) {
    char *gnuplot = fcl_process_find("gnuplot");
    if (!gnuplot) return fcl_fail(FCL_E_MISSING_PROGRAM, "gnuplot is not installed (Debian's package is gnuplot-nox)");
    free(gnuplot);
    return FCL_OK;
}

const char *fcl_plot_colour(size_t index) {
    static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"};
    return colours[index % (sizeof colours / sizeof colours[0])];
}

void fcl_gnuplot_quote(fcl_text *text, const char *string) {
    fcl_text_append(text, "'");
    for (; *string; string++) {
        if (*string == '\'') fcl_text_append(text, "'"); /* doubled inside single quotes */
        fcl_text_append_bytes(text, *string == '\n' ? " " : string, 1);
    }
    fcl_text_append(text, "'");
}

fcl_status fcl_figure_csv(const char *stem, const fcl_text *csv) {
    fcl_status status = fcl_text_status(csv);
    if (status != FCL_OK) return status;
    char *path = fcl_format("%s.csv", stem);
    if (!path) return FCL_E_MEMORY;
    status = fcl_file_write(path, fcl_text_get(csv), csv->length);
    free(path);
    return status;
}

/* One format: gnuplot writes beside the place, and what it wrote is moved there when it ended well. */
static fcl_status draw(const char *gnuplot, const char *stem, int format, const char *script, unsigned width,
                       unsigned height) {
    fcl_status status;
    fcl_text whole = FCL_TEXT_EMPTY;
    char *path = fcl_format("%s.%s", stem, formats[format]),
         *temporary = fcl_format("%s.tmp.%s", stem, formats[format]);
    char *bytes = NULL, *output = NULL;
    size_t n;
    if (!path || !temporary) {
        status = FCL_E_MEMORY;
        goto done;
    }
    fcl_text_appendf(&whole, "set terminal %s noenhanced size %u,%u background 'white'\nset output ", terminals[format],
                     width, height);
    fcl_gnuplot_quote(&whole, temporary);
    fcl_text_append(&whole, "\nset border 3 lc rgb '#555555'\nset tics nomirror out tc rgb '#333333'\n"
                            "set grid lc rgb '#dddddd' lw 0.5\nset key noenhanced\n");
    fcl_text_append(&whole, script);
    fcl_text_append(&whole, "\nunset output\n");
    FCL_TRY(fcl_text_status(&whole));
    const char *const arguments[] = {gnuplot, "-", NULL};
    status = fcl_process_run(&output, arguments, whole.data, whole.length);
    /* One that does not work (an odd version, no cairo) is as good as none; the message has its words. */
    if (status == FCL_E_IO) status = FCL_E_MISSING_PROGRAM;
    if (status != FCL_OK) goto done;
    FCL_TRY(fcl_file_read(&bytes, &n, temporary));
    if (n == 0) {
        status = fcl_fail(FCL_E_IO, "gnuplot drew nothing for '%s': %s", path, output ? output : "");
        goto done;
    }
    FCL_TRY(fcl_file_write(path, bytes, n));
done:
    if (temporary) fcl_file_remove(temporary);
    fcl_text_dispose(&whole);
    free(output);
    free(bytes);
    free(temporary);
    free(path);
    return status;
}

fcl_status fcl_gnuplot_draw(const char *stem, const char *script, unsigned width, unsigned height) {
    fcl_status status = fcl_plot_check();
    if (status != FCL_OK) return status;
    char *gnuplot = fcl_process_find("gnuplot");
    if (!gnuplot) return FCL_E_MEMORY;
    for (int format = 0; format < N_FORMATS && status == FCL_OK; format++)
        status = draw(gnuplot, stem, format, script, width, height);
    free(gnuplot);
    return status;
}
