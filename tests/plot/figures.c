/* Figures: files of both formats that open, the table of what is drawn, and what happens without gnuplot. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "plot/figure.h"
#include "support/support.h"

static char *folder, *stem;

static void set_up(void) {
    folder = test_folder_create();
    stem = fcl_path_join(folder, "it's a figure");
}

static void tear_down(void) {
    free(stem);
    test_folder_remove(folder);
}

static char *read_format(const char *format, size_t *n) {
    char *path = fcl_format("%s.%s", stem, format), *text;
    ck_ok(fcl_file_read(&text, n, path));
    free(path);
    return text;
}

/* The width and height that the PNG's header says. */
static void check_files(unsigned width, unsigned height, const char *title) {
    size_t n;
    char *png = read_format("png", &n), *svg = read_format("svg", &n);
    const unsigned char *at = (const unsigned char *)png;
    ck_assert_mem_eq(png, "\x89PNG\r\n\x1a\n", 8);
    ck_assert_uint_eq((at[18] * 256u) + at[19], width);
    ck_assert_uint_eq((at[22] * 256u) + at[23], height);
    ck_assert(test_contains(svg, title));
    ck_assert(test_contains(svg, "</svg>"));
    free(png);
    free(svg);
    char **names;
    size_t n_names;
    ck_ok(fcl_folder_list(&names, &n_names, folder));
    ck_assert_uint_eq(n_names, 3); /* nothing temporary is left */
    fcl_names_free(names, n_names);
}

static void has_table(const char *text) {
    size_t n;
    char *csv = read_format("csv", &n);
    ck_assert_msg(strcmp(csv, text) == 0, "the table is\n%s", csv);
    free(csv);
}

static int without_gnuplot(void) {
    return fcl_plot_check() != FCL_OK;
}

START_TEST(panels) {
    if (without_gnuplot()) return;
    static const float image[6] = {0, 50, 100, 150, 200, 255};
    static const float xy[4] = {1, 0.5f, 2, 1};
    static const uint8_t mask[2] = {1, 0};
    fcl_point_set set = {.name = "truth", .xy = xy, .mask = mask, .n = 2};
    fcl_panel some[3] = {
        {.image = image, .caption = "first", .sets = &set, .n_sets = 1}, {.image = image}, {.image = image}};
    ck_ok(fcl_figure_panels(stem, "Bob's faces", some, 3, 2, 3, 2));
    has_table("panel,set,point,x,y\n0,truth,0,1,0.5\n");
    check_files(2 * 230, 2 * (230 + 26) + 44, "Bob's faces");
}
END_TEST

START_TEST(lines_and_bars) {
    if (without_gnuplot()) return;
    static const double x[3] = {1, 2, 3}, y[3] = {0.5, NAN, 0.25};
    fcl_series series = {.name = "loss", .x = x, .y = y, .n = 3};
    fcl_axes axes = {.title = "Loss & more", .x_label = "epoch", .y_label = "loss", .log_y = 1};
    ck_ok(fcl_figure_lines(stem, &axes, &series, 1));
    size_t n;
    char *csv = read_format("csv", &n);
    ck_assert(test_contains(csv, "loss,1,0.5\n"));
    ck_assert(test_contains(csv, "loss,3,0.25\n"));
    free(csv);
    static const char *const labels[2] = {"nose_tip", "mouth"};
    static const double values[2] = {12.5, 70};
    ck_ok(fcl_figure_bars(stem, &(fcl_axes){.title = "Missing"}, labels, values, 2));
    has_table("label,value\nnose_tip,12.5\nmouth,70\n");
}
END_TEST

START_TEST(stacks) {
    if (without_gnuplot()) return;
    static const char *const labels[2] = {"alone", "together"}, *const parts[2] = {"gpu", "cpu"};
    static const double values[4] = {100, 20, 90.5, 18};
    ck_ok(fcl_figure_stacks(stem, &(fcl_axes){.title = "Speeds", .x_label = "images/s"}, labels, 2, parts, 2, values));
    has_table("label,part,value\nalone,gpu,100\nalone,cpu,20\ntogether,gpu,90.5\ntogether,cpu,18\n");
    check_files(860, 120 + 2 * 34 + 2 * 18, "Speeds");
}
END_TEST

START_TEST(no_gnuplot) {
    char *path = fcl_duplicate(getenv("PATH"));
    ck_assert_int_eq(setenv("PATH", folder, 1), 0);
    static const char *const labels[1] = {"a"};
    static const double values[1] = {1};
    ck_fails(fcl_plot_check(), FCL_E_MISSING_PROGRAM, "gnuplot-nox");
    ck_fails(fcl_figure_bars(stem, &(fcl_axes){.title = "t"}, labels, values, 1), FCL_E_MISSING_PROGRAM, "gnuplot-nox");
    /* One that fails is told with what it said. */
    test_write_text(folder, "gnuplot", "#!/bin/sh\necho this build has no terminal\nexit 3\n");
    char *program = fcl_path_join(folder, "gnuplot"), *command = fcl_format("/bin/chmod +x '%s'", program);
    ck_assert_int_eq(system(command), 0);
    ck_fails(fcl_figure_bars(stem, &(fcl_axes){.title = "t"}, labels, values, 1), FCL_E_MISSING_PROGRAM, "no terminal");
    setenv("PATH", path, 1);
    free(command);
    free(program);
    free(path);
}
END_TEST

START_TEST(unwritable) {
    if (without_gnuplot()) return;
    char *nowhere = fcl_path_join(folder, "missing/figure");
    static const char *const labels[1] = {"a"};
    static const double values[1] = {1};
    ck_fails(fcl_figure_bars(nowhere, &(fcl_axes){.title = "t"}, labels, values, 1), FCL_E_IO, "missing");
    free(nowhere);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("figures");
    TCase *t = tcase_create("figures");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, panels);
    tcase_add_test(t, lines_and_bars);
    tcase_add_test(t, stacks);
    tcase_add_test(t, no_gnuplot);
    tcase_add_test(t, unwritable);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
