#include "base/process.h"

#include "base/file.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

char *fcl_process_find(const char *program) {
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t n = strcspn(path, ":");
        char *candidate = fcl_format("%.*s/%s", (int)n, path, program);
        if (!candidate) return NULL;
        if (access(candidate, X_OK) == 0 && !fcl_path_is_folder(candidate)) return candidate;
        free(candidate);
        path += n + (path[n] == ':');
    }
    return NULL;
}

void fcl_environment_set(const char *name, const char *value) {
    /* Fails only for lack of memory, and what it is used for are hints. */
    (void)setenv(name, value, 1);
}

/* The input goes through an unlinked temporary file rather than a pipe, so that a child that writes before it has read
 * everything cannot block both sides. */
static FILE *input_file(const void *input, size_t n_bytes) {
    FILE *stream = tmpfile();
    if (!stream) return NULL;
    if ((n_bytes > 0 && fwrite(input, 1, n_bytes, stream) != n_bytes) || fflush(stream) != 0) {
        fclose(stream);
        return NULL;
    }
    rewind(stream);
    return stream;
}

fcl_status fcl_process_run(char **output, const char *const arguments[], const char *input, size_t n_input_bytes) {
    fcl_status status = FCL_OK;
    fcl_text text = FCL_TEXT_EMPTY;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int ends[2] = {-1, -1};
    pid_t child;
    FILE *stream = input_file(input, n_input_bytes);
    if (!stream) return fcl_fail_errno("write the input of", arguments[0]);
    if (pipe(ends) != 0) {
        status = fcl_fail_errno("open a pipe to", arguments[0]);
        fclose(stream);
        return status;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(stream), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    /* Ctrl-C in the terminal is for this program, which decides what to do with it; the child draws to its end. */
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    /* posix_spawn takes char *const[] for historical reasons and does not write to it. */
    int error = posix_spawn(&child, arguments[0], &actions, &attributes, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(ends[1]);
    fclose(stream);
    if (error) {
        close(ends[0]);
        errno = error;
        return fcl_fail_errno("start", arguments[0]);
    }
    char chunk[4096];
    for (;;) {
        ssize_t n = read(ends[0], chunk, sizeof chunk);
        if (n > 0)
            fcl_text_append_bytes(&text, chunk, (size_t)n);
        else if (n == 0 || errno != EINTR)
            break;
    }
    close(ends[0]);
    int result = 0;
    while (waitpid(child, &result, 0) < 0 && errno == EINTR) continue;
    if (!WIFEXITED(result) || WEXITSTATUS(result) != 0)
        status =
            fcl_fail(FCL_E_IO, "%s ended with %s %d: %s", arguments[0], WIFEXITED(result) ? "exit status" : "signal",
                     WIFEXITED(result) ? WEXITSTATUS(result) : WTERMSIG(result), fcl_text_get(&text));
    if (output) *output = fcl_duplicate(fcl_text_get(&text));
    fcl_text_dispose(&text);
    return status;
}

/* Hands over what comes until all have closed their end; after a signal they are ended, and what they wrote before is the last
 * that comes. */
static fcl_status watch(int output, const pid_t *children, unsigned n,
                        void (*on_output)(void *user, const char *bytes, size_t n), void *user) {
    enum { LOOK_MILLISECONDS = 100 };
    fcl_status status = FCL_OK;
    char chunk[4096];
    for (;;) {
        struct pollfd ready = {.fd = output, .events = POLLIN};
        const int n_ready = poll(&ready, 1, LOOK_MILLISECONDS);
        if (status == FCL_OK && fcl_interrupt_requested()) {
            status = fcl_fail(FCL_E_INTERRUPTED, "interrupted");
            /* The other one: where all of a process group got it, a second would find the default action (interrupt.c). */
            const int signal_number = fcl_interrupt_requested() == SIGTERM ? SIGINT : SIGTERM;
            for (unsigned i = 0; i < n; i++) {
                kill(children[i], signal_number);
                kill(children[i], SIGCONT); /* one that was stopped would not notice */
            }
        }
        if (n_ready <= 0) continue;
        const ssize_t n_bytes = read(output, chunk, sizeof chunk);
        if (n_bytes > 0)
            on_output(user, chunk, (size_t)n_bytes);
        else if (n_bytes == 0 || errno != EINTR)
            return status;
    }
}

/* The input is one open file, so that its position is common to all. */
fcl_status fcl_process_share(const char *const arguments[], unsigned n, const void *input, size_t n_input_bytes,
                             void (*on_output)(void *user, const char *bytes, size_t n), void *user) {
    fcl_status status;
    posix_spawn_file_actions_t actions;
    int ends[2] = {-1, -1}, error = 0;
    unsigned n_started = 0;
    pid_t *children = NULL;
    FILE *stream = NULL;
    FCL_TRY(FCL_NEW(&children, n, arguments[0]));
    if (!(stream = input_file(input, n_input_bytes)) || pipe(ends) != 0) {
        status = fcl_fail_errno("write the input of", arguments[0]);
        goto done;
    }
    /* Else a child that another thread starts meanwhile would keep the pipe open. */
    for (int i = 0; i < 2; i++) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(stream), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    while (n_started < n && (error = posix_spawn(&children[n_started], arguments[0], &actions, NULL,
                                                 (char *const *)arguments, environ)) == 0)
        n_started++;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (n_started > 0) {
        status = watch(ends[0], children, n_started, on_output, user);
    } else {
        errno = error;
        status = fcl_fail_errno("start", arguments[0]);
    }
    close(ends[0]);
    for (unsigned i = 0; i < n_started; i++)
        while (waitpid(children[i], NULL, 0) < 0 && errno == EINTR) continue;
done:
    if (stream) fclose(stream);
    free(children);
    return status;
}

static void append_output(void *user, const char *bytes, size_t n) {
    fcl_text_append_bytes(user, bytes, n);
}

fcl_status fcl_process_follow(char **output, int *exit_code, const char *const arguments[]) {
    fcl_status status;
    fcl_text text = FCL_TEXT_EMPTY;
    posix_spawn_file_actions_t actions;
    int ends[2], result = 0;
    pid_t child;
    if (pipe(ends) != 0) return fcl_fail_errno("open a pipe to", arguments[0]);
    for (int i = 0; i < 2; i++) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    const int error = posix_spawn(&child, arguments[0], &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        errno = error;
        return fcl_fail_errno("start", arguments[0]);
    }
    /* How it ended says whether the signal was in time. */
    (void)watch(ends[0], &child, 1, append_output, &text);
    close(ends[0]);
    while (waitpid(child, &result, 0) < 0 && errno == EINTR) continue;
    FCL_TRY(WIFEXITED(result) ? fcl_text_status(&text)
                              : fcl_fail(FCL_E_IO, "%s ended with signal %d", arguments[0], WTERMSIG(result)));
    if (!(*output = fcl_duplicate(fcl_text_get(&text)))) FCL_TRY(FCL_E_MEMORY);
    *exit_code = WEXITSTATUS(result);
done:
    fcl_text_dispose(&text);
    return status;
}

int fcl_process_take(void *record, size_t n_bytes) {
    ssize_t n;
    while ((n = read(STDIN_FILENO, record, n_bytes)) < 0 && errno == EINTR) continue;
    return n == (ssize_t)n_bytes;
}

char *fcl_process_own_program(void) {
    char *path;
    return fcl_path_absolute(&path, "/proc/self/exe") == FCL_OK ? path : NULL;
}
