#include "cli/pipeline_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#define RECORD_FORMAT "fiducl pipeline 1"

/* How an option's value is made independent of the current folder. */
typedef enum value_kind { PLAIN, PATH, GROUP, NAME_OR_PATH, NAMES_OR_PATHS } value_kind;

static value_kind kind_of(const char *option) {
    static const struct {
        const char *option;
        value_kind kind;
    } rows[] = {
        {"images", PATH},         {"keypoints", PATH},        {"group-by", GROUP},
        {"recipe", NAME_OR_PATH}, {"models", NAMES_OR_PATHS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].option, option) == 0) return rows[i].kind;
    return PLAIN;
}

static int is_among(const char *option, const char *const *options) {
    while (*options && strcmp(*options, option) != 0) options++;
    return *options != NULL;
}

/* Not options that say how to start, but what to compute. */
static int is_recorded(const char *option) {
    return !is_among(option, (const char *const[]){"out", "resume", "force", NULL});
}

/* Where it is computed, when the pipeline goes on. */
static int may_change(const char *option) {
    return is_among(option, (const char *const[]){"device", "memory-limit", "duty", NULL});
}

static fcl_status append_absolute(fcl_text *out, const char *path) {
    char *absolute;
    fcl_status status = fcl_path_absolute(&absolute, path);
    if (status != FCL_OK) return status;
    fcl_text_append(out, absolute);
    free(absolute);
    return FCL_OK;
}

static fcl_status append_name_or_path(fcl_text *out, const char *value) {
    if (fcl_is_path(value)) return append_absolute(out, value);
    fcl_text_append(out, value);
    return FCL_OK;
}

/* The value without reference to the current folder; for free(). */
static fcl_status normalise(char **out, const char *option, const char *value) {
    fcl_status status = FCL_OK;
    fcl_text text = FCL_TEXT_EMPTY;
    char *copy = fcl_duplicate(value);
    if (!copy) return FCL_E_MEMORY;
    switch (kind_of(option)) {
    case PLAIN: fcl_text_append(&text, value); break;
    case PATH: FCL_TRY(append_absolute(&text, value)); break;
    case NAME_OR_PATH: FCL_TRY(append_name_or_path(&text, value)); break;
    case GROUP: {
        char *colon = strrchr(copy, ':');
        if (colon) *colon = '\0';
        FCL_TRY(append_absolute(&text, copy));
        if (colon) fcl_text_appendf(&text, ":%s", colon + 1);
        break;
    }
    case NAMES_OR_PATHS:
        for (char *name = copy, *comma; name; name = comma) {
            if ((comma = strchr(name, ','))) *comma++ = '\0';
            FCL_TRY(append_name_or_path(&text, name));
            if (comma) fcl_text_append(&text, ",");
        }
        break;
    }
    FCL_TRY(fcl_text_status(&text));
    *out = text.data ? text.data : fcl_duplicate("");
    if (!*out) status = FCL_E_MEMORY;
    text = FCL_TEXT_EMPTY;
done:
    fcl_text_dispose(&text);
    free(copy);
    return status;
}

static fcl_status append_string(json_t *list, const char *string) {
    fcl_status status = fcl_json_check_text(string);
    if (status != FCL_OK) return status;
    return json_array_append_new(list, json_string(string)) == 0 ? FCL_OK
                                                                 : fcl_fail_memory(FCL_PIPELINE_RECORD, strlen(string));
}

/* The given arguments as a command line. */
static fcl_status command_line(json_t **out, const fcl_arguments *given) {
    fcl_status status = FCL_OK;
    char *text = NULL;
    json_t *list = json_array();
    if (!list) return fcl_fail_memory(FCL_PIPELINE_RECORD, 0);
    for (const fcl_option *option = fcl_arguments_options(given); option->name; option++) {
        const char *const *value = is_recorded(option->name) ? fcl_argument_list(given, option->name) : NULL;
        for (; value && *value; value++) {
            free(text);
            if (!(text = fcl_format("--%s", option->name))) {
                status = FCL_E_MEMORY;
                goto done;
            }
            FCL_TRY(append_string(list, text));
            if (option->kind == FCL_OPTION_FLAG) continue;
            free(text);
            text = NULL;
            FCL_TRY(normalise(&text, option->name, *value));
            FCL_TRY(append_string(list, text));
        }
    }
    const char *data = fcl_argument_operand(given, 0);
    if (data) {
        free(text);
        text = NULL;
        FCL_TRY(fcl_path_absolute(&text, data));
        FCL_TRY(append_string(list, text));
    }
    *out = list;
    list = NULL;
done:
    free(text);
    json_decref(list);
    return status;
}

static fcl_status parse_command_line(fcl_arguments **out, const fcl_command *command, const json_t *list,
                                     const char *path) {
    fcl_status status;
    size_t n = json_array_size(list);
    const char **argv = NULL;
    FCL_TRY(FCL_NEW(&argv, n + 2, "arguments"));
    argv[0] = command->name;
    for (size_t i = 0; i < n; i++) {
        if (!(argv[i + 1] = json_string_value(json_array_get(list, i)))) {
            status = fcl_fail(FCL_E_INPUT, "%s: an argument is not a string", path);
            goto done;
        }
    }
    status = fcl_arguments_parse(out, command, (int)n + 1, argv);
    if (status == FCL_E_USAGE)
        status = fcl_fail(FCL_E_INPUT, "%s: the recorded arguments are damaged: %s", path, fcl_error_message());
done:
    free(argv);
    return status;
}

fcl_status fcl_pipeline_record_create(fcl_pipeline_record *out, const char *folder, const fcl_command *command,
                                      const fcl_arguments *given) {
    fcl_status status;
    fcl_pipeline_record record = {.path = fcl_path_join(folder, FCL_PIPELINE_RECORD)};
    json_t *list = NULL;
    char now[FCL_TIMESTAMP_BYTES];
    if (!record.path) return FCL_E_MEMORY;
    FCL_TRY(command_line(&list, given));
    FCL_TRY(parse_command_line(&record.arguments, command, list, record.path));
    fcl_clock_timestamp(now);
    record.json = json_pack("{s:s, s:s, s:s, s:O, s:[]}", "format", RECORD_FORMAT, "fiducl_version", fcl_version(),
                            "created", now, "arguments", list, "stages_done");
    if (!record.json) {
        status = fcl_fail_memory(FCL_PIPELINE_RECORD, 0);
        goto done;
    }
    *out = record;
    record = (fcl_pipeline_record){0};
done:
    json_decref(list);
    fcl_pipeline_record_dispose(&record);
    return status;
}

static int same_values(const char *const *a, const char *const *b) {
    if (!a || !b) return a == b;
    for (; *a && *b; a++, b++)
        if (strcmp(*a, *b) != 0) return 0;
    return !*a && !*b;
}

/* Whatever was given again is what was recorded. */
static fcl_status compare(const fcl_pipeline_record *record, const fcl_arguments *given) {
    for (const fcl_option *option = fcl_arguments_options(given); option->name; option++) {
        const char *const *now = fcl_argument_list(given, option->name);
        const char *const *then = fcl_argument_list(record->arguments, option->name);
        if (!now || may_change(option->name) || same_values(now, then)) continue;
        return fcl_fail(FCL_E_USAGE,
                        "--%s%s%s differs from what %s records (%s); leave it out, or begin anew in another folder",
                        option->name, **now ? " " : "", *now, record->path, then ? *then : "not given");
    }
    const char *now = fcl_argument_operand(given, 0), *then = fcl_argument_operand(record->arguments, 0);
    if (now && (!then || strcmp(now, then) != 0))
        return fcl_fail(FCL_E_USAGE,
                        "'%s' differs from what %s records ('%s'); leave it out, or begin anew in another folder", now,
                        record->path, then ? then : "not given");
    return FCL_OK;
}

fcl_status fcl_pipeline_record_open(fcl_pipeline_record *out, const char *folder, const fcl_command *command,
                                    const fcl_arguments *given) {
    fcl_status status;
    fcl_pipeline_record record = {.path = fcl_path_join(folder, FCL_PIPELINE_RECORD)};
    fcl_arguments *normalised = NULL;
    json_t *list = NULL;
    const char *format;
    if (!record.path) return FCL_E_MEMORY;
    FCL_TRY(fcl_json_read(&record.json, record.path));
    FCL_TRY(fcl_json_string(&format, record.json, "format", record.path));
    if (strcmp(format, RECORD_FORMAT) != 0 || !json_is_array(json_object_get(record.json, "stages_done"))) {
        status = fcl_fail(FCL_E_INPUT, "%s: not a record of format '%s'", record.path, RECORD_FORMAT);
        goto done;
    }
    FCL_TRY(parse_command_line(&record.arguments, command, json_object_get(record.json, "arguments"), record.path));
    FCL_TRY(command_line(&list, given));
    FCL_TRY(parse_command_line(&normalised, command, list, record.path));
    FCL_TRY(compare(&record, normalised));
    *out = record;
    record = (fcl_pipeline_record){0};
done:
    json_decref(list);
    fcl_arguments_free(normalised);
    fcl_pipeline_record_dispose(&record);
    return status;
}

void fcl_pipeline_record_dispose(fcl_pipeline_record *record) {
    free(record->path);
    json_decref(record->json);
    fcl_arguments_free(record->arguments);
    *record = (fcl_pipeline_record){0};
}

fcl_status fcl_pipeline_record_save(const fcl_pipeline_record *record) {
    return fcl_json_write(record->path, record->json);
}

int fcl_pipeline_is_done(const fcl_pipeline_record *record, const char *stage) {
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(record->json, "stages_done"), i, name) {
        if (json_is_string(name) && strcmp(json_string_value(name), stage) == 0) return 1;
    }
    return 0;
}

fcl_status fcl_pipeline_set_done(fcl_pipeline_record *record, const char *stage) {
    fcl_status status = append_string(json_object_get(record->json, "stages_done"), stage);
    return status == FCL_OK ? fcl_pipeline_record_save(record) : status;
}
