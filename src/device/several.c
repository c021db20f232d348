/* From a list of selectors to several devices, none of which is there twice. */
#include "base/memory.h"
#include "base/text.h"
#include "device/internal.h"

/* Devices and their parts in the order of the list. */
typedef struct choices {
    fcl_selection *rows; /* (n) */
    size_t n, capacity;
} choices;

const char *fcl_selectors_end(const char *selectors) {
    unsigned depth = 0;
    const char *at = selectors;
    for (; *at && (*at != ',' || depth); at++) {
        if (*at == '(') depth++;
        if (*at == ')' && depth) depth--;
    }
    return at;
}

static int is_blank(char c) {
    return c == ' ' || c == '\t';
}

int fcl_selectors_are_several(const char *selectors) {
    return *fcl_selectors_end(selectors) || fcl_selector_equals(selectors, "all") ||
           fcl_selector_equals(selectors, "all-gpus");
}

static unsigned end_of(const fcl_selection *part) {
    return part->first + part->cores;
}

/* The one of the choices that has some of its units; NULL: none. A whole device has all, however many its platform counts. */
static const fcl_selection *find_overlap(const choices *taken, const fcl_selection *wanted,
                                         const fcl_device_list *list) {
    for (size_t i = 0; i < taken->n; i++) {
        const fcl_selection *other = &taken->rows[i];
        if (list->infos[other->index].hardware != list->infos[wanted->index].hardware) continue;
        if (!other->cores || !wanted->cores || (wanted->first < end_of(other) && other->first < end_of(wanted)))
            return other;
    }
    return NULL;
}

static fcl_status fail_twice(const fcl_selection *wanted, const fcl_selection *other, const fcl_device_list *list) {
    const fcl_device_info *info = &list->infos[wanted->index];
    char *a = fcl_device_selector_at(&list->infos[other->index], other->cores, other->first);
    char *b = fcl_device_selector_at(info, wanted->cores, wanted->first);
    fcl_status status = FCL_E_MEMORY;
    if (a && b && wanted->cores && other->cores)
        status =
            fcl_fail(FCL_E_NO_DEVICE, "the list of devices has cores twice: of '%s' some belong to '%s' already", b, a);
    else if (a && b)
        status = fcl_fail(FCL_E_NO_DEVICE,
                          "the list of devices has the same hardware twice: '%s' and '%s'. Parts of it can stand side "
                          "by side where it can be divided: ':1core' and ':1core' of its %u cores",
                          a, b, info->compute_units);
    free(a);
    free(b);
    return status;
}

/* The first cores that nobody has. */
static fcl_status place(fcl_selection *wanted, const choices *taken, const fcl_device_list *list) {
    const fcl_device_info *info = &list->infos[wanted->index];
    const fcl_selection *other;
    while ((other = find_overlap(taken, wanted, list)) && other->cores) {
        const unsigned step = info->divides_by_counts ? 1 : wanted->cores;
        wanted->first = (end_of(other) + step - 1) / step * step;
        if (wanted->first > info->compute_units - wanted->cores)
            return fcl_fail(FCL_E_NO_DEVICE,
                            "the list of devices takes more cores than there are: the device %u (%s:%s) has %u, of "
                            "which no %u side by side are left",
                            info->index, info->platform, info->name, info->compute_units, wanted->cores);
    }
    return FCL_OK;
}

static fcl_status add(choices *taken, fcl_selection wanted, const fcl_device_list *list) {
    fcl_status status;
    if (wanted.cores && !wanted.is_placed) FCL_TRY(place(&wanted, taken, list));
    const fcl_selection *other = find_overlap(taken, &wanted, list);
    if (other) return fail_twice(&wanted, other, list);
    FCL_TRY(
        fcl_grow((void **)&taken->rows, &taken->capacity, taken->n + 1, sizeof *taken->rows, "the choice of devices"));
    taken->rows[taken->n++] = wanted;
done:
    return status;
}

/* Whether a device before it is the same hardware, and can be used. */
static int is_offered_before(const fcl_device_list *list, unsigned index) {
    for (unsigned i = 0; i < index; i++)
        if (list->infos[i].hardware == list->infos[index].hardware && !list->infos[i].unusable) return 1;
    return 0;
}

static fcl_status add_all(choices *taken, const fcl_device_list *list, int only_gpus, const char *element) {
    fcl_status status = FCL_OK;
    unsigned n = 0;
    for (unsigned i = 0; i < list->count; i++) {
        const fcl_device_info *info = &list->infos[i];
        if (info->unusable || (only_gpus && info->kind != FCL_DEVICE_GPU) || is_offered_before(list, i)) continue;
        FCL_TRY(add(taken, (fcl_selection){.index = i}, list));
        n++;
    }
    if (!n)
        status = fcl_fail(FCL_E_NO_DEVICE, "'%s': no OpenCL %s can be used (`fiducl devices` says why)", element,
                          only_gpus ? "GPU" : "device");
done:
    return status;
}

static fcl_status add_element(choices *taken, const fcl_device_list *list, const char *element, int is_alone) {
    fcl_selection found;
    fcl_status status;
    if (fcl_selector_equals(element, "all")) return add_all(taken, list, 0, element);
    if (fcl_selector_equals(element, "all-gpus")) return add_all(taken, list, 1, element);
    if (!is_alone && !*element)
        return fcl_fail(FCL_E_NO_DEVICE, "the list of devices has an empty element: a comma too many");
    if (!is_alone && fcl_selector_is_auto(element))
        return fcl_fail(FCL_E_NO_DEVICE, "'%s' chooses one device and cannot stand in a list; 'all' takes every device",
                        element);
    FCL_TRY(fcl_device_find(&found, list, element));
    FCL_TRY(add(taken, found, list));
done:
    return status;
}

static fcl_status add_list(choices *taken, const fcl_device_list *list, const char *selectors) {
    fcl_status status;
    const int is_alone = !*fcl_selectors_end(selectors);
    for (const char *from = selectors;; from++) {
        const char *end = fcl_selectors_end(from), *to = end;
        while (from < to && is_blank(*from)) from++;
        while (from < to && is_blank(to[-1])) to--;
        char *element = fcl_format("%.*s", (int)(to - from), from);
        if (!element) return FCL_E_MEMORY;
        status = add_element(taken, list, element, is_alone);
        free(element);
        if (status != FCL_OK || !*end) return status;
        from = end;
    }
}

fcl_status fcl_device_select_several(char ***out, unsigned *n, const fcl_device_list *list, const char *selectors) {
    fcl_status status;
    choices taken = {0};
    char **names = NULL;
    if (!selectors && !(selectors = fcl_default_selector())) selectors = "auto";
    FCL_TRY(add_list(&taken, list, selectors));
    FCL_TRY(FCL_NEW(&names, taken.n, "the choice of devices"));
    for (size_t i = 0; i < taken.n; i++) {
        const fcl_selection *s = &taken.rows[i];
        if (!(names[i] = fcl_device_selector_at(&list->infos[s->index], s->cores, s->first))) {
            status = FCL_E_MEMORY;
            goto done;
        }
    }
    *out = names;
    *n = (unsigned)taken.n;
    names = NULL;
done:
    fcl_device_selectors_free(names, (unsigned)taken.n);
    free(taken.rows);
    return status;
}

void fcl_device_selectors_free(char **selectors, unsigned n) {
    for (unsigned i = 0; selectors && i < n; i++) free(selectors[i]);
    free(selectors);
}

fcl_status fcl_device_open_several(fcl_device ***out, unsigned *n, const char *selectors, int profiling) {
    fcl_status status;
    fcl_device_list *list = NULL;
    char **names = NULL;
    fcl_device **devices = NULL;
    unsigned n_names = 0;
    FCL_TRY(fcl_device_list_create(&list));
    FCL_TRY(fcl_device_select_several(&names, &n_names, list, selectors));
    FCL_TRY(FCL_NEW(&devices, n_names, "the devices"));
    /* What was chosen for lack of a name is opened without one, which says so. */
    const int is_chosen = fcl_selector_is_auto(selectors) || (!selectors && !fcl_default_selector());
    for (unsigned i = 0; i < n_names; i++)
        FCL_TRY(fcl_device_open(&devices[i], is_chosen ? selectors : names[i], profiling));
    *out = devices;
    *n = n_names;
    devices = NULL;
done:
    fcl_device_free_several(devices, n_names);
    fcl_device_selectors_free(names, n_names);
    fcl_device_list_free(list);
    return status;
}

void fcl_device_free_several(fcl_device **devices, unsigned n) {
    for (unsigned i = 0; devices && i < n; i++) fcl_device_free(devices[i]);
    free(devices);
}
