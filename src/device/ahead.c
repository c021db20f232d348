#include "device/ahead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "base/thread.h"
#include "device/internal.h"

/* More than this are of no use to the models that there are: the program that takes longest decides then. */
enum { MAX_PROCESSES = 8 };

/* What a process takes of the list. The hash of the cache's key tells it that it would make the same. */
typedef struct note {
    char key[FCL_HASH_TEXT_BYTES], file[96], options[895];
} note;

struct fcl_notes {
    note *list; /* (n) */
    size_t n, capacity;
};

static char *compiler; /* the path of a `fiducl`, or NULL */

void fcl_device_compile_with(const char *fiducl) {
    free(compiler);
    compiler = fiducl ? fcl_duplicate(fiducl) : NULL;
}

static unsigned n_processes(void) {
    const unsigned n = fcl_threads(fcl_thread_processors());
    return n < MAX_PROCESSES ? n : MAX_PROCESSES;
}

int fcl_ahead_note(fcl_device *device) {
    return compiler && n_processes() > 1 && fcl_program_cache_is_usable() &&
           FCL_NEW(&device->notes, 1, "a list of programs") == FCL_OK;
}

int fcl_ahead_is_noting(const fcl_device *device) {
    return device->notes != NULL;
}

fcl_status fcl_notes_add(fcl_device *device, const char *file, const char *options) {
    fcl_status status;
    fcl_notes *notes = device->notes;
    char *key = NULL;
    note added = {0};
    FCL_TRY(fcl_program_key(&key, device, file, options));
    fcl_hash_bytes(added.key, key, strlen(key));
    for (size_t i = 0; i < notes->n; i++)
        if (strcmp(notes->list[i].key, added.key) == 0) goto done;
    if (fcl_program_cache_has(key) || strlen(file) >= sizeof added.file || strlen(options) >= sizeof added.options)
        goto done;
    strcpy(added.file, file);
    strcpy(added.options, options);
    FCL_TRY(fcl_grow((void **)&notes->list, &notes->capacity, notes->n + 1, sizeof added, "a list of programs"));
    notes->list[notes->n++] = added;
done:
    free(key);
    return status;
}

void fcl_notes_free(fcl_notes *notes) {
    if (notes) free(notes->list);
    free(notes);
}

/* A byte for each program. */
static void report(void *user, const char *bytes, size_t n) {
    fcl_progress *progress = user;
    (void)bytes;
    progress->done += n;
    fcl_progress_report(progress);
}

static fcl_status compile(const fcl_device *device, const fcl_notes *notes) {
    const double start = fcl_clock_seconds();
    const unsigned most = n_processes(), n = notes->n < most ? (unsigned)notes->n : most;
    fcl_progress progress = {.task = "compiling kernels", .total = notes->n, .unit = "programs"};
    char *selector = fcl_device_selector(device->info);
    if (!selector) return FCL_E_MEMORY;
    fcl_progress_report(&progress);
    fcl_status status = fcl_process_share((const char *const[]){compiler, FCL_AHEAD_COMMAND, selector, NULL}, n,
                                          notes->list, notes->n * sizeof *notes->list, report, &progress);
    free(selector);
    if (status == FCL_OK)
        fcl_log(FCL_LOG_DEBUG, "%u processes compiled %zu of %zu programs in %.2f s", n, progress.done, notes->n,
                fcl_clock_seconds() - start);
    else if (status == FCL_E_INTERRUPTED)
        status = fcl_fail(status, "interrupted while kernels were compiled");
    return status;
}

fcl_status fcl_ahead_compile(fcl_device *device) {
    fcl_notes *notes = device->notes;
    device->notes = NULL;
    fcl_status status = notes->n > 1 ? compile(device, notes) : FCL_OK;
    fcl_notes_free(notes);
    if (status == FCL_OK || status == FCL_E_INTERRUPTED) return status;
    fcl_log(FCL_LOG_DEBUG, "kernels are not compiled ahead: %s", fcl_error_message());
    return FCL_OK;
}

fcl_status fcl_ahead_run(const char *selector) {
    fcl_status status;
    fcl_device *device = NULL;
    char *key = NULL;
    note wanted;
    FCL_TRY(fcl_device_open(&device, selector, 0));
    while (fcl_process_take(&wanted, sizeof wanted)) {
        char hash[FCL_HASH_TEXT_BYTES];
        cl_program program;
        wanted.file[sizeof wanted.file - 1] = wanted.options[sizeof wanted.options - 1] = '\0';
        FCL_TRY(fcl_program_key(&key, device, wanted.file, wanted.options));
        fcl_hash_bytes(hash, key, strlen(key));
        if (memcmp(hash, wanted.key, sizeof hash) != 0) {
            status = fcl_fail(FCL_E_USAGE, "cl/%s is wanted for another device or by another version", wanted.file);
            goto done;
        }
        if (fcl_program_get(&program, device, wanted.file, wanted.options) == FCL_OK && !fcl_program_cache_has(key)) {
            status = fcl_fail(FCL_E_DEVICE, "cl/%s cannot be kept in the cache", wanted.file);
            goto done;
        }
        free(key);
        key = NULL;
        if (putchar('.') == EOF || fflush(stdout) != 0) break; /* nobody waits for it any more */
    }
done:
    free(key);
    fcl_device_free(device);
    return status;
}
