#include "cli/options.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "eval/label.h"

enum { MAX_EPOCHS = 1000000, MAX_BATCH = 65536 };

fcl_status fcl_arguments_data(fcl_data_paths *out, const fcl_arguments *arguments) {
    fcl_data_paths paths = {.folder = fcl_argument_operand(arguments, 0),
                            .images = fcl_argument_text(arguments, "images"),
                            .keypoints = fcl_argument_text(arguments, "keypoints")};
    if (paths.folder && (paths.images || paths.keypoints))
        return fcl_fail(FCL_E_USAGE, "give either the folder DATA or --images and --keypoints, not both");
    if (!paths.folder && !paths.images && !paths.keypoints)
        return fcl_fail(FCL_E_USAGE, "DATA is missing: give a folder, or --images and --keypoints");
    *out = paths;
    return FCL_OK;
}

static fcl_status parse_split(fcl_prepare_options *options, const char *text) {
    static const double tolerance = 1e-6;
    fcl_status status = FCL_OK;
    char *copy = fcl_duplicate(text);
    if (!copy) return FCL_E_MEMORY;
    double shares[FCL_N_SPLITS], sum = 0.0;
    size_t counts[FCL_N_SPLITS];
    int all_counts = 1, valid = 1;
    char *part = copy;
    for (unsigned i = 0; i < FCL_N_SPLITS && valid; i++) {
        char *comma = strchr(part, ',');
        int last = i == FCL_N_SPLITS - 1;
        valid = (comma != NULL) != last;
        if (!valid) break;
        if (comma) *comma = '\0';
        valid = fcl_parse_double(&shares[i], part) && shares[i] >= 0.0;
        all_counts = all_counts && fcl_parse_size(&counts[i], part);
        sum += shares[i];
        if (comma) part = comma + 1;
    }
    if (valid && all_counts && sum > 0.0)
        memcpy(options->counts, counts, sizeof counts);
    else if (valid && !all_counts && fabs(sum - 1.0) <= tolerance) {
        memset(options->counts, 0, sizeof options->counts);
        memcpy(options->shares, shares, sizeof shares);
    } else
        status = fcl_fail(FCL_E_USAGE, "--split: '%s' is neither three counts nor three shares that sum to 1", text);
    free(copy);
    return status;
}

fcl_status fcl_arguments_prepare(fcl_prepare_arguments *out, const fcl_arguments *arguments) {
    fcl_status status;
    fcl_prepare_arguments prepare = {.options = fcl_prepare_defaults()};
    const char *split = fcl_argument_text(arguments, "split"), *group_by = fcl_argument_text(arguments, "group-by");
    size_t seed = prepare.options.seed;
    FCL_TRY(fcl_argument_whole(&seed, arguments, "seed", 0, SIZE_MAX));
    prepare.options.seed = seed;
    prepare.options.force = fcl_argument_flag(arguments, "force");
    if (split) FCL_TRY(parse_split(&prepare.options, split));
    if (group_by) {
        const char *colon = strrchr(group_by, ':');
        if (!colon || colon == group_by || !colon[1]) {
            status = fcl_fail(FCL_E_USAGE, "--group-by: '%s' is not FILE:COLUMN", group_by);
            goto done;
        }
        if (!(prepare.group_file = fcl_format("%.*s", (int)(colon - group_by), group_by))) {
            status = FCL_E_MEMORY;
            goto done;
        }
        prepare.options.group_file = prepare.group_file;
        prepare.options.group_column = colon + 1;
    }
    *out = prepare;
    prepare.group_file = NULL;
done:
    fcl_prepare_arguments_dispose(&prepare);
    return status;
}

void fcl_prepare_arguments_dispose(fcl_prepare_arguments *prepare) {
    free(prepare->group_file);
    prepare->group_file = NULL;
}

static fcl_status whole(unsigned *out, const fcl_arguments *arguments, const char *name, size_t min, size_t max) {
    size_t value = *out;
    fcl_status status = fcl_argument_whole(&value, arguments, name, min, max);
    if (status == FCL_OK) *out = (unsigned)value;
    return status;
}

fcl_status fcl_arguments_recipe(fcl_recipe *out, const fcl_arguments *arguments, const char *model) {
    fcl_status status;
    fcl_recipe recipe;
    char *label = NULL;
    const char *name = fcl_argument_text(arguments, "recipe"), *schedule = fcl_argument_text(arguments, "schedule"),
               *fill = fcl_argument_text(arguments, "fill");
    FCL_TRY(fcl_model_label(&label, model));
    FCL_TRY(fcl_recipe_load(&recipe, name ? name : "standard", label));
    FCL_TRY(whole(&recipe.epochs, arguments, "epochs", 1, MAX_EPOCHS));
    FCL_TRY(whole(&recipe.batch, arguments, "batch-size", 1, MAX_BATCH));
    FCL_TRY(whole(&recipe.patience, arguments, "patience", 0, MAX_EPOCHS));
    FCL_TRY(fcl_argument_positive(&recipe.learning_rate, arguments, "lr"));
    size_t seed = recipe.seed;
    FCL_TRY(fcl_argument_whole(&seed, arguments, "seed", 0, SIZE_MAX));
    recipe.seed = seed;
    if (schedule) FCL_TRY(fcl_schedule_parse(&recipe.schedule, schedule));
    if (fill) FCL_TRY(fcl_fill_parse(&recipe.fill, fill));
    if (fcl_argument_flag(arguments, "no-shuffle")) recipe.shuffle = 0;
    if (fcl_argument_flag(arguments, "no-dropout")) recipe.dropout = 0;
    if (fcl_argument_flag(arguments, "augment") && fcl_argument_flag(arguments, "no-augment")) {
        status = fcl_fail(FCL_E_USAGE, "--augment and --no-augment contradict each other");
        goto done;
    }
    if (fcl_argument_flag(arguments, "augment")) recipe.augment = 1;
    if (fcl_argument_flag(arguments, "no-augment")) recipe.augment = 0;
    *out = recipe;
done:
    free(label);
    return status;
}

fcl_status fcl_arguments_memory_limit(uint64_t *out, const fcl_arguments *arguments) {
    const char *text = fcl_argument_text(arguments, "memory-limit");
    uint64_t limit = 0;
    if (text && (!fcl_parse_bytes(&limit, text) || limit == 0))
        return fcl_fail(FCL_E_USAGE, "--memory-limit: '%s' is not a size such as 512M or 2G", text);
    *out = limit;
    return FCL_OK;
}

fcl_status fcl_recipe_line(char **out, const fcl_recipe *recipe, const char *model) {
    char *line = fcl_format(
        "recipe %s for %s: %u epochs, batch %u, learning rate %g (%s), labels filled: %s, augmentation "
        "%s, seed %llu",
        recipe->name, model, recipe->epochs, recipe->batch, recipe->learning_rate, fcl_schedule_name(recipe->schedule),
        fcl_fill_name(recipe->fill), recipe->augment ? "on" : "off", (unsigned long long)recipe->seed);
    if (!line) return FCL_E_MEMORY;
    *out = line;
    return FCL_OK;
}

/* Calls parse(out, element, i) for each of the elements of "a,b,c". */
static fcl_status parse_list(void *out, unsigned *n, const char *text,
                             fcl_status (*parse)(void *out, char *element, unsigned i)) {
    fcl_status status = FCL_OK;
    char *copy = fcl_duplicate(text), *element = copy;
    unsigned count = 0;
    if (!copy) return FCL_E_MEMORY;
    while (element) {
        char *end = strchr(element, ',');
        if (end) *end++ = '\0';
        FCL_TRY(parse(out, element, count++));
        element = end;
    }
    *n = count;
done:
    free(copy);
    return status;
}

/* At most so many elements has a list. */
static unsigned count_elements(const char *text) {
    unsigned n = 1;
    for (; *text; text++) n += *text == ',';
    return n;
}

static fcl_status parse_duty(void *out, char *element, unsigned i) {
    static const double percent = 100.0;
    const size_t n = strlen(element);
    const int has_sign = n && element[n - 1] == '%';
    double value, *duties = out;
    if (has_sign) element[n - 1] = '\0';
    if (!fcl_parse_double(&value, element) || !(value >= 1.0 && value <= percent))
        return fcl_fail(FCL_E_USAGE, "--duty: '%s%s' is not from 1%% to 100%%", element, has_sign ? "%" : "");
    duties[i] = value / percent;
    return FCL_OK;
}

fcl_status fcl_arguments_duties(double **out, unsigned *n, const fcl_arguments *arguments) {
    const char *text = fcl_argument_text(arguments, "duty");
    double *duties = NULL;
    unsigned count = 0;
    fcl_status status = FCL_OK;
    if (text) {
        FCL_TRY(FCL_NEW(&duties, count_elements(text), "duties"));
        FCL_TRY(parse_list(duties, &count, text, parse_duty));
    }
    *out = duties;
    *n = count;
    duties = NULL;
done:
    free(duties);
    return status;
}

enum { MAX_SHARE = 1000000 };

static fcl_status parse_share(void *out, char *element, unsigned i) {
    size_t value;
    unsigned *shares = out;
    if (!fcl_parse_size(&value, element) || value < 1 || value > MAX_SHARE)
        return fcl_fail(FCL_E_USAGE, "--shares: '%s' is not a whole number from 1 to %d", element, MAX_SHARE);
    shares[i] = (unsigned)value;
    return FCL_OK;
}

fcl_status fcl_arguments_shares(unsigned **out, unsigned *n, const fcl_arguments *arguments) {
    const char *text = fcl_argument_text(arguments, "shares");
    unsigned *shares = NULL, count = 0;
    fcl_status status = FCL_OK;
    if (text && strcmp(text, "auto") != 0) {
        FCL_TRY(FCL_NEW(&shares, count_elements(text), "shares"));
        FCL_TRY(parse_list(shares, &count, text, parse_share));
    }
    *out = shares;
    *n = count;
    shares = NULL;
done:
    free(shares);
    return status;
}

static fcl_status parse_split_name(fcl_split *out, const char *name) {
    for (fcl_split split = 0; split < FCL_N_SPLITS; split++) {
        if (strcmp(name, fcl_split_name(split)) != 0) continue;
        *out = split;
        return FCL_OK;
    }
    return fcl_fail(FCL_E_USAGE, "--split: '%s' is none of train, validation, test", name);
}

fcl_status fcl_arguments_eval(const fcl_arguments *arguments, fcl_status (*act)(const fcl_eval_options *options)) {
    fcl_status status;
    char *device = NULL;
    int is_over;
    const char *split = fcl_argument_text(arguments, "split");
    fcl_eval_options options = {.data = fcl_argument_text(arguments, "data"),
                                .images = fcl_argument_text(arguments, "images"),
                                .keypoints = fcl_argument_text(arguments, "keypoints"),
                                .split = FCL_TEST,
                                .out = fcl_argument_text(arguments, "out")};
    FCL_TRY(fcl_argument_need_operand(&options.run, arguments, 0, "RUN"));
    if (options.data && (options.images || options.keypoints)) {
        status = fcl_fail(FCL_E_USAGE, "give either --data or --images and --keypoints, not both");
        goto done;
    }
    if (split) FCL_TRY(parse_split_name(&options.split, split));
    const char *raw = options.images ? options.images : options.keypoints ? options.keypoints : options.data;
    if (split && raw && !fcl_path_is_prepared(raw)) {
        status = fcl_fail(FCL_E_USAGE,
                          "--split is for prepared data, and '%s' is none: of raw data all images are taken", raw);
        goto done;
    }
    FCL_TRY(fcl_arguments_run_device(&device, &is_over, arguments, options.run));
    options.device = device;
    if (!is_over) status = act(&options);
done:
    free(device);
    return status;
}

const char *fcl_eval_folder(const fcl_eval_options *options) {
    return options->out ? options->out : options->run;
}
