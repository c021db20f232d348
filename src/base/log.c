#include "base/log.h"

#include "base/thread.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static fcl_log_sink *log_sink;
static void *log_user;
static fcl_progress_sink *progress_sink;
static void *progress_user;

void fcl_log_set_sink(fcl_log_sink *sink, void *user) {
    pthread_mutex_lock(&lock);
    log_sink = sink;
    log_user = user;
    pthread_mutex_unlock(&lock);
}

void fcl_progress_set_sink(fcl_progress_sink *sink, void *user) {
    pthread_mutex_lock(&lock);
    progress_sink = sink;
    progress_user = user;
    pthread_mutex_unlock(&lock);
}

void fcl_log(fcl_log_level level, const char *format, ...) {
    char line[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&lock);
    if (log_sink) log_sink(log_user, level, line);
    pthread_mutex_unlock(&lock);
}

void fcl_log_lines(fcl_log_level level, const char *text) {
    for (size_t n; *text; text += n + (text[n] == '\n')) {
        n = strcspn(text, "\n");
        if (n > 0) fcl_log(level, "%.*s", (int)n, text);
    }
}

void fcl_progress_report(const fcl_progress *progress) {
    pthread_mutex_lock(&lock);
    if (progress_sink) progress_sink(progress_user, progress);
    pthread_mutex_unlock(&lock);
}
