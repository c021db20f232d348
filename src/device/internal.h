/* What the files of this layer share: the objects behind the handles. Nothing outside src/device and its
 * tests includes this. */
#ifndef FCL_DEVICE_INTERNAL_H
#define FCL_DEVICE_INTERNAL_H

#include "base/error.h"
#include "device/kernel.h"
#include "device/queue.h"

struct fcl_device_list {
    fcl_device_info *infos;    /* (count) */
    cl_device_id *ids;         /* (count) */
    cl_platform_id *platforms; /* (count) */
    unsigned count;
};

/* What a selector means. */
typedef struct fcl_selection {
    unsigned index; /* in the list */
    unsigned cores; /* so many of its compute units; 0: the whole device */
    unsigned first; /* from this one on */
    int is_placed;  /* `first` was asked for */
} fcl_selection;

/* A built program; the device owns it until it closes. */
typedef struct fcl_program {
    char *file, *options;
    cl_program program;
    struct fcl_program *next;
} fcl_program;

/* Where programs came from since the device was opened. */
typedef struct fcl_program_counts {
    unsigned n_built, n_cached;
} fcl_program_counts;

/* Programs that will be needed (ahead.h). */
typedef struct fcl_notes fcl_notes;

/* Kernels are few, so that a list per name that is searched in order does. */
typedef struct fcl_profile {
    fcl_profile_row *rows; /* (n_rows) */
    size_t n_rows, rows_capacity;
    struct fcl_pending_event {
        cl_event event;
        size_t row;
    } * pending; /* (n_pending), launches whose time was not read yet */
    size_t n_pending, pending_capacity;
} fcl_profile;

struct fcl_device {
    fcl_device_list *list; /* holds the strings of *info */
    const fcl_device_info *info;
    cl_device_id id;
    cl_device_id part;         /* NULL: it is a whole device; else what `id` is, and */
    fcl_device_info part_info; /* what `info` is */
    cl_context context;
    cl_command_queue queue;
    cl_command_queue transfers; /* transfer.c's; NULL until there is one */
    char *identity;
    size_t alignment; /* of windows, bytes */
    fcl_memory_use memory;
    uint64_t memory_limit; /* 0: none */
    int sleeps;            /* instead of waiting as the driver does */
    unsigned n_unflushed;  /* launches since the last flush */
    unsigned launches_per_flush;
    size_t n_launches, n_launches_done; /* enqueued, and known to be done */
    double busy_since;                  /* when the first of the others began, on the clock */
    double launch_seconds;              /* what one takes on average */
    int may_freeze_display;             /* and that was not said yet */
    fcl_program *programs;
    fcl_program_counts program_counts;
    fcl_notes *notes; /* NULL but while programs are noted */
    void (*before_free)(void);
    int profiling;
    fcl_profile profile;
};

struct fcl_buffer {
    fcl_device *device;
    cl_mem memory; /* NULL: reserved only */
    size_t n_bytes;
    fcl_buffer *parent; /* of a window, else NULL */
    size_t offset_bytes;
    char *label;
};

/* platforms.c: sets each device's ordinal. */
void fcl_device_list_count_names(fcl_device_list *list);

/* platforms.c: sets each device's `hardware`. `processor` is the name of the host's, "" when unknown. What cannot be told
 * to be the same counts as different. */
void fcl_device_list_match_hardware(fcl_device_list *list, const char *processor);

/* platforms.c: fills *info but its index, ordinal and hardware; the strings are allocated. */
fcl_status fcl_device_info_query(fcl_device_info *info, cl_platform_id platform, cl_device_id id);
void fcl_device_info_dispose(fcl_device_info *info);

/* select.c: as fcl_device_select(), with the part that is asked for. */
fcl_status fcl_device_find(fcl_selection *out, const fcl_device_list *list, const char *selector);
/* fcl_device_selector() of a part of a device in the list, or of all of it; for free(), NULL when memory is out. */
char *fcl_device_selector_at(const fcl_device_info *info, unsigned cores, unsigned first);
/* Whether they are the same, in upper or lower case. */
int fcl_selector_equals(const char *text, const char *other);
/* $FIDUCL_DEVICE, or NULL. */
const char *fcl_default_selector(void);

/* several.c: the end of a list's first element: its comma, or the end of the text. */
const char *fcl_selectors_end(const char *selectors);
/* "all", "all-gpus", or more than one element. */
int fcl_selectors_are_several(const char *selectors);

/* part.c: FCL_E_NO_DEVICE when so many cores of a device (1 or more) from the one `first` on cannot be had; and the sub-device,
 * for clReleaseDevice(), of fewer cores than the device has. */
fcl_status fcl_part_check(const fcl_device_info *whole, unsigned cores, unsigned first);
fcl_status fcl_part_create(cl_device_id *out, cl_device_id whole, const fcl_device_info *facts, unsigned cores,
                           unsigned first);

/* pocl.c: to be called before the first OpenCL call of the process. */
void fcl_pocl_prepare(void);

/* buffer.c: what clEnqueueMapBuffer() gave. */
fcl_status fcl_check_mapped(const void *mapped, cl_int error, const fcl_buffer *buffer);

/* source.c: the text of cl/FILE with its includes put in, for free(). */
fcl_status fcl_source_load(char **out, const char *file);

/* ahead.c: notes a program that is not in the cache; and releases the list. */
fcl_status fcl_notes_add(fcl_device *device, const char *file, const char *options);
void fcl_notes_free(fcl_notes *notes);

/* program.c: what decides whether a cached binary is the program of (file, options) on this device; for free(). */
fcl_status fcl_program_key(char **out, const fcl_device *device, const char *file, const char *options);
/* The shared program of (file, options), built or taken from the cache; lends. */
fcl_status fcl_program_get(cl_program *out, fcl_device *device, const char *file, const char *options);
void fcl_programs_free(fcl_program *first);
fcl_program_counts fcl_device_program_counts(const fcl_device *device);

/* program_cache.c. Nothing here is an error to the caller: without a usable cache, programs are built. `key`
 * is the whole text that decides whether a binary may be used. */
/* Whether there is a folder for it, which is created. */
int fcl_program_cache_is_usable(void);
/* Whether there is an entry; it may be damaged. */
int fcl_program_cache_has(const char *key);
/* The binary for free(), or NULL. */
unsigned char *fcl_program_cache_load(size_t *n_bytes, const char *key);
/* Also removes what was not used for longest when the cache has become too large. */
void fcl_program_cache_store(const char *key, const unsigned char *binary, size_t n_bytes);
/* The key that is in a file of the cache, for free(); NULL when the file is damaged. */
char *fcl_program_cache_key(const char *path);

/* profile.c */
void fcl_profile_dispose(fcl_profile *profile);

/* queue.c */
void fcl_queue_init(fcl_device *device);
/* Waits for an event, asleep where the driver would not be. */
fcl_status fcl_event_wait(fcl_device *device, cl_event event);
/* Whether the driver tells of what is done while nobody waits in it; the queue is empty. */
int fcl_queue_can_sleep(fcl_device *device);
/* Before what would wait as the driver does, where that may keep a processor busy. */
fcl_status fcl_device_sleep_until_idle(fcl_device *device);
/* Counts a launch, and flushes when many are waiting, or few that take long. */
fcl_status fcl_device_note_launch(fcl_device *device);

#endif
