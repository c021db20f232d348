/* From a selector to one device. */
#include "base/text.h"
#include "device/internal.h"
#include "device/selector.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *kind_name(fcl_device_kind kind) {
    return kind == FCL_DEVICE_CPU ? "CPU" : kind == FCL_DEVICE_GPU ? "GPU" : "other";
}

static int same_start(const char *text, const char *part, size_t n) {
    size_t i = 0;
    while (i < n && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i])) i++;
    return i == n;
}

int fcl_selector_equals(const char *text, const char *other) {
    return same_start(text, other, strlen(other) + 1);
}

/* Whether the first n characters of `part` are somewhere in `text`, in upper or lower case. */
static int contains(const char *text, const char *part, size_t n) {
    for (size_t length = strlen(text); length >= n; length--, text++)
        if (same_start(text, part, n)) return 1;
    return 0;
}

typedef enum match { NO_MATCH, PART_MATCH, WHOLE_MATCH } match;

char *fcl_device_selector_at(const fcl_device_info *info, unsigned cores, unsigned first) {
    char ordinal[16] = "", part[24] = "", place[16] = "";
    if (info->ordinal) snprintf(ordinal, sizeof ordinal, "#%u", info->ordinal);
    if (cores) snprintf(part, sizeof part, ":%ucore%s", cores, cores == 1 ? "" : "s");
    if (cores && first) snprintf(place, sizeof place, "@%u", first);
    return fcl_format("%s:%s%s%s%s", info->platform, info->name, ordinal, part, place);
}

char *fcl_device_selector_of(const fcl_device_info *info, unsigned cores) {
    return fcl_device_selector_at(info, cores, 0);
}

char *fcl_device_selector(const fcl_device_info *info) {
    return fcl_device_selector_at(info, info->part_of_units ? info->compute_units : 0, info->part_first);
}

/* The number at *text, which goes on behind it; large ones become UINT_MAX. 0 when there is none. */
static int take_number(unsigned *out, const char **text) {
    const size_t n_digits = strspn(*text, "0123456789");
    if (!n_digits) return 0;
    const unsigned long number = strtoul(*text, NULL, 10);
    *out = number < UINT_MAX ? (unsigned)number : UINT_MAX;
    *text += n_digits;
    return 1;
}

/* Whether all of `text` is "2cores" or "2cores@3". */
static int is_part(fcl_selection *out, const char *text) {
    if (!take_number(&out->cores, &text)) return 0;
    const size_t n_letters = strcspn(text, "@");
    if (!(n_letters == 4 && same_start(text, "core", 4)) && !(n_letters == 5 && same_start(text, "cores", 5))) return 0;
    text += n_letters;
    if (!*text) return 1;
    text++;
    out->is_placed = 1;
    return take_number(&out->first, &text) && !*text;
}

/* "DEVICE:2cores@3" in two: *device, for free(), and the part; or no cores without such an end. */
static fcl_status divide(char **device, fcl_selection *part, const char *selector) {
    const char *colon = strrchr(selector, ':');
    fcl_selection found = {0};
    if (!colon || !is_part(&found, colon + 1))
        found = (fcl_selection){0};
    else if (found.cores == 0)
        return fcl_fail(FCL_E_NO_DEVICE, "'%s': a part of a device has one core at least", selector);
    if (!(*device = fcl_duplicate(selector))) return FCL_E_MEMORY;
    if (found.cores) (*device)[colon - selector] = '\0';
    *part = found;
    return FCL_OK;
}

const char *fcl_default_selector(void) {
    const char *selector = getenv("FIDUCL_DEVICE");
    return selector && *selector ? selector : NULL;
}

int fcl_selector_is_auto(const char *selector) {
    char *device;
    fcl_selection part;
    if (!selector && !(selector = fcl_default_selector())) return 0;
    if (divide(&device, &part, selector) != FCL_OK) return 0;
    const int yes = fcl_selector_equals(device, "auto") && !part.is_placed;
    free(device);
    return yes;
}

unsigned fcl_selector_cores(const char *selector) {
    char *device;
    fcl_selection part;
    if (!selector && !(selector = fcl_default_selector())) return 0;
    if (divide(&device, &part, selector) != FCL_OK) return 0;
    free(device);
    return part.cores;
}

/* "a:b" is also a platform with a and a device with b. */
static match match_name(const fcl_device_info *info, const char *selector) {
    char *whole = fcl_device_selector(info);
    if (!whole) return NO_MATCH;
    match found = fcl_selector_equals(whole, selector) || fcl_selector_equals(info->name, selector) ? WHOLE_MATCH
                  : contains(whole, selector, strlen(selector))                                     ? PART_MATCH
                                                                                                    : NO_MATCH;
    free(whole);
    const char *colon = strchr(selector, ':');
    if (found == NO_MATCH && colon && contains(info->platform, selector, (size_t)(colon - selector)) &&
        contains(info->name, colon + 1, strlen(colon + 1)))
        found = PART_MATCH;
    return found;
}

static void append_line(fcl_text *text, const fcl_device_info *info) {
    char *selector = fcl_device_selector(info);
    fcl_text_appendf(text, "\n  %u: %s (%s%s%s)", info->index, selector ? selector : info->name, kind_name(info->kind),
                     info->unusable ? ", unusable: " : "", info->unusable ? info->unusable : "");
    free(selector);
}

/* FCL_E_NO_DEVICE with `what` and the devices for which keep[i], or all when keep is NULL. */
static fcl_status fail_with_list(const char *what, const fcl_device_list *list, const unsigned char *keep) {
    fcl_text lines = FCL_TEXT_EMPTY;
    for (unsigned i = 0; i < list->count; i++)
        if (!keep || keep[i]) append_line(&lines, &list->infos[i]);
    fcl_status status = fcl_fail(FCL_E_NO_DEVICE, "%s:%s", what, fcl_text_get(&lines));
    fcl_text_dispose(&lines);
    return status;
}

static fcl_status fail_unusable(const fcl_device_info *info) {
    return fcl_fail(FCL_E_NO_DEVICE, "the device %u (%s:%s) cannot be used: %s", info->index, info->platform,
                    info->name, info->unusable);
}

/* The first usable device of the kind. */
static int first_of_kind(unsigned *out, const fcl_device_list *list, fcl_device_kind kind) {
    for (unsigned i = 0; i < list->count; i++)
        if (list->infos[i].kind == kind && !list->infos[i].unusable) {
            *out = i;
            return 1;
        }
    return 0;
}

static fcl_status select_kind(unsigned *out, const fcl_device_list *list, fcl_device_kind kind) {
    if (first_of_kind(out, list, kind)) return FCL_OK;
    return fail_with_list(kind == FCL_DEVICE_CPU ? "no OpenCL CPU device can be used; there are"
                                                 : "no OpenCL GPU can be used (`fiducl devices` says why a GPU of this "
                                                   "system is missing); there are",
                          list, NULL);
}

static fcl_status select_auto(unsigned *out, const fcl_device_list *list) {
    if (first_of_kind(out, list, FCL_DEVICE_GPU) || first_of_kind(out, list, FCL_DEVICE_CPU) ||
        first_of_kind(out, list, FCL_DEVICE_OTHER))
        return FCL_OK;
    return fail_with_list("no OpenCL device can be used; there are", list, NULL);
}

static fcl_status select_name(unsigned *out, const fcl_device_list *list, const char *selector) {
    fcl_status status = FCL_OK;
    unsigned char *keep = calloc(list->count, 1);
    match *matches = calloc(list->count, sizeof *matches);
    char *what = NULL;
    unsigned n_usable = 0, n_found = 0, found = 0;
    match best = NO_MATCH;
    if (!keep || !matches) {
        status = fcl_fail_memory("the selection of a device", list->count * (1 + sizeof *matches));
        goto done;
    }
    for (unsigned i = 0; i < list->count; i++) {
        matches[i] = match_name(&list->infos[i], selector);
        if (matches[i] > best) best = matches[i];
    }
    for (unsigned i = 0; best != NO_MATCH && i < list->count; i++) {
        if (matches[i] != best) continue;
        keep[i] = 1;
        n_found++;
        if (n_usable == 0) found = i;
        if (!list->infos[i].unusable && n_usable++ == 0) found = i;
    }
    if (n_usable == 1) {
        *out = found;
    } else if (n_found == 1) {
        status = fail_unusable(&list->infos[found]);
    } else if (n_found) {
        what = fcl_format("the device selector '%s' matches several devices, choose one by its index", selector);
        status = what ? fail_with_list(what, list, keep) : FCL_E_MEMORY;
    } else {
        what = fcl_selectors_are_several(selector)
                   ? fcl_format("'%s' stands for several devices where one is asked for; there are", selector)
                   : fcl_format("no device matches '%s' (auto, cpu, gpu, a number, or part of platform:device, each "
                                "with :1core, :2cores, ... for a part of it); there are",
                                selector);
        status = what ? fail_with_list(what, list, NULL) : FCL_E_MEMORY;
    }
done:
    free(what);
    free(matches);
    free(keep);
    return status;
}

static fcl_status select_device(unsigned *out, const fcl_device_list *list, const char *selector) {
    if (!*selector) return fail_with_list("the device selector is empty; there are", list, NULL);
    if (fcl_selector_equals(selector, "auto")) return select_auto(out, list);
    if (fcl_selector_equals(selector, "cpu")) return select_kind(out, list, FCL_DEVICE_CPU);
    if (fcl_selector_equals(selector, "gpu")) return select_kind(out, list, FCL_DEVICE_GPU);
    /* A number that is no index may be a part of a name: "3090". */
    size_t index;
    if (fcl_parse_size(&index, selector) && index < list->count) {
        if (list->infos[index].unusable) return fail_unusable(&list->infos[index]);
        *out = (unsigned)index;
        return FCL_OK;
    }
    return select_name(out, list, selector);
}

fcl_status fcl_device_find(fcl_selection *out, const fcl_device_list *list, const char *selector) {
    fcl_status status;
    char *device = NULL;
    fcl_selection found;
    if (!list->count)
        return fcl_fail(FCL_E_NO_DEVICE, "there is no OpenCL device: install a GPU's platform (`fiducl devices` says "
                                         "which), or `apt install pocl-opencl-icd` to compute on the CPU");
    if (!selector && !(selector = fcl_default_selector())) selector = "auto";
    FCL_TRY(divide(&device, &found, selector));
    if (fcl_selector_equals(device, "auto") && found.is_placed) {
        status =
            fcl_fail(FCL_E_NO_DEVICE, "'%s': of a device that is chosen by 'auto' no cores can be named", selector);
        goto done;
    }
    FCL_TRY(select_device(&found.index, list, device));
    const fcl_device_info *info = &list->infos[found.index];
    if (found.cores) FCL_TRY(fcl_part_check(info, found.cores, found.first));
    if (found.cores == info->compute_units) found.cores = 0;
    *out = found;
done:
    free(device);
    return status;
}

fcl_status fcl_device_select(unsigned *out, const fcl_device_list *list, const char *selector) {
    fcl_selection found;
    fcl_status status = fcl_device_find(&found, list, selector);
    if (status == FCL_OK) *out = found.index;
    return status;
}
