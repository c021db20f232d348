#include "base/process.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
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
static FILE *input_file(const char *input, size_t n_bytes) {
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
