#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "fiducl/status.h"

enum { BAR_CELLS = 10, MIN_COLUMNS = 20, NAME_BYTES = 96, LINE_BYTES = 256, USUAL_COLUMNS = 80 };
static const double redraw_seconds = 0.1, line_seconds = 5.0;
/* Before this, a rate says nothing. */
static const double rate_seconds = 0.5;

static struct {
    int is_terminal;
    int bar_shown;
    size_t columns;
    char task[NAME_BYTES];
    size_t first; /* `done` at the task's first report: a resumed task does not begin at 0 */
    double begin, last_shown;
} state;

static void clear_bar(void) {
    if (!state.bar_shown) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    state.bar_shown = 0;
}

void fcl_terminal_clear(void) {
    clear_bar();
}

static void show_log(void *user, fcl_log_level level, const char *line) {
    const int *quiet = user;
    if (level == FCL_LOG_DEBUG || (*quiet && level != FCL_LOG_WARNING)) return;
    clear_bar();
    fprintf(stderr, "%s%s\n", level == FCL_LOG_WARNING ? "fiducl: warning: " : "", line);
}

static void append_duration(fcl_text *text, double seconds) {
    enum { MINUTE = 60, HOUR = 3600 };
    unsigned long s = (unsigned long)(seconds + 0.5);
    if (s >= HOUR)
        fcl_text_appendf(text, "%lu:%02lu:%02lu", s / HOUR, s % HOUR / MINUTE, s % MINUTE);
    else
        fcl_text_appendf(text, "%lu:%02lu", s / MINUTE, s % MINUTE);
}

static void describe(fcl_text *text, const fcl_progress *p, double elapsed) {
    fcl_text_append(text, p->task);
    if (p->total) {
        size_t done = p->done < p->total ? p->done : p->total;
        double share = (double)done / (double)p->total;
        if (state.is_terminal) {
            unsigned cells = (unsigned)(share * BAR_CELLS);
            fcl_text_append(text, " [");
            for (unsigned i = 0; i < BAR_CELLS; i++) fcl_text_append(text, i < cells ? "#" : ".");
            fcl_text_append(text, "]");
        }
        fcl_text_appendf(text, " %3.0f %% %zu/%zu", 100.0 * share, done, p->total);
    } else {
        fcl_text_appendf(text, " %zu", p->done);
    }
    if (p->unit) fcl_text_appendf(text, " %s", p->unit);
    if (elapsed >= rate_seconds && p->done > state.first) {
        double rate = (double)(p->done - state.first) / elapsed;
        fcl_text_appendf(text, ", %.*f/s", rate < 10.0 ? 1 : 0, rate);
        if (p->total > p->done) {
            fcl_text_append(text, ", ");
            append_duration(text, (double)(p->total - p->done) / rate);
            fcl_text_append(text, " left");
        }
    }
    if (p->detail && *p->detail) fcl_text_appendf(text, ", %s", p->detail);
}

static void show_progress(void *user, const fcl_progress *p) {
    (void)user;
    double now = fcl_clock_seconds();
    if (strncmp(state.task, p->task, NAME_BYTES - 1) != 0 || p->done < state.first) {
        clear_bar();
        snprintf(state.task, sizeof state.task, "%s", p->task);
        state.first = p->done;
        state.begin = now;
        state.last_shown = state.is_terminal ? 0.0 : now;
    }
    int finished = p->total && p->done >= p->total;
    if (finished) {
        clear_bar();
        return;
    }
    if (now - state.last_shown < (state.is_terminal ? redraw_seconds : line_seconds)) return;
    state.last_shown = now;
    fcl_text text = FCL_TEXT_EMPTY;
    describe(&text, p, now - state.begin);
    if (state.is_terminal) {
        /* One column stays free, or some terminals begin a new line. */
        fprintf(stderr, "\r%.*s\033[K", (int)state.columns - 1, fcl_text_get(&text));
        state.bar_shown = 1;
    } else {
        fprintf(stderr, "%s\n", fcl_text_get(&text));
    }
    fflush(stderr);
    fcl_text_dispose(&text);
}

void fcl_terminal_start(int quiet) {
    static int is_quiet;
    is_quiet = quiet;
    const char *columns = getenv("COLUMNS");
    if (!columns || !fcl_parse_size(&state.columns, columns) || state.columns < MIN_COLUMNS ||
        state.columns > LINE_BYTES)
        state.columns = USUAL_COLUMNS;
    state.is_terminal = isatty(STDERR_FILENO);
    fcl_log_set_sink(show_log, &is_quiet);
    fcl_progress_set_sink(quiet ? NULL : show_progress, NULL);
}
