#include "cli/command.h"

#include <assert.h>
#include <popt.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static const fcl_option common_options[] = {
    {"threads", 0, FCL_OPTION_TEXT, "N",
     "at most N threads for each piece of the host's work, such as preparing batches"},
    {"quiet", 'q', FCL_OPTION_FLAG, NULL, "no progress and no log on stderr, warnings excepted; stdout is as ever"},
    {"help", 'h', FCL_OPTION_FLAG, NULL, "show this help"},
    {0},
};

/* The values that an option was given, in order. */
typedef struct given {
    char **values; /* NULL-ended */
    size_t n, capacity;
} given;

struct fcl_arguments {
    const fcl_command *command;
    given *given; /* the command's options, then the common ones */
    char **operands;
    size_t n_operands;
};

static size_t count_options(const fcl_option *options) {
    size_t n = 0;
    while (options[n].name) n++;
    return n;
}

static size_t count_all(const fcl_command *command) {
    return count_options(command->options) + count_options(common_options);
}

static const fcl_option *option_at(const fcl_command *command, size_t i) {
    size_t own = count_options(command->options);
    return i < own ? &command->options[i] : &common_options[i - own];
}

static struct poptOption popt_row(const fcl_option *option, size_t index) {
    return (struct poptOption){.longName = option->name,
                               .shortName = option->letter,
                               .argInfo = option->kind == FCL_OPTION_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
                               .val = (int)index + 1,
                               .descrip = option->help,
                               .argDescrip = option->value};
}

/* popt's table for a command, for free(). */
static fcl_status popt_table(struct poptOption **out, const fcl_command *command) {
    size_t n = count_all(command);
    fcl_status status = FCL_NEW(out, n + 1, "options");
    for (size_t i = 0; status == FCL_OK && i < n; i++) (*out)[i] = popt_row(option_at(command, i), i);
    return status;
}

static fcl_status remember(given *g, const char *value) {
    void *values = g->values;
    fcl_status status = fcl_grow(&values, &g->capacity, g->n + 2, sizeof *g->values, "an option");
    if (status != FCL_OK) return status;
    g->values = values;
    if (!(g->values[g->n] = fcl_duplicate(value))) return FCL_E_MEMORY;
    g->values[++g->n] = NULL;
    return FCL_OK;
}

static fcl_status parse_options(fcl_arguments *arguments, poptContext context) {
    int code;
    while ((code = poptGetNextOpt(context)) > 0) {
        given *g = &arguments->given[code - 1];
        const fcl_option *option = option_at(arguments->command, (size_t)code - 1);
        if (g->n && option->kind == FCL_OPTION_TEXT) return fcl_fail(FCL_E_USAGE, "--%s is given twice", option->name);
        char *value = poptGetOptArg(context);
        fcl_status status = remember(g, value ? value : "");
        free(value);
        if (status != FCL_OK) return status;
    }
    if (code < -1) {
        const char *option = poptBadOption(context, POPT_BADOPTION_NOALIAS);
        if (code == POPT_ERROR_BADOPT) return fcl_fail(FCL_E_USAGE, "unknown option '%s'", option);
        return fcl_fail(FCL_E_USAGE, "%s: %s", option, poptStrerror(code));
    }
    return FCL_OK;
}

static fcl_status parse_operands(fcl_arguments *arguments, poptContext context) {
    const char **left = poptGetArgs(context);
    size_t n = 0;
    while (left && left[n]) n++;
    if (n > arguments->command->max_operands)
        return fcl_fail(FCL_E_USAGE, "unexpected argument '%s'", left[arguments->command->max_operands]);
    fcl_status status = FCL_NEW(&arguments->operands, n, "arguments");
    for (size_t i = 0; status == FCL_OK && i < n; i++) {
        if (!(arguments->operands[i] = fcl_duplicate(left[i]))) status = FCL_E_MEMORY;
        arguments->n_operands = i + 1;
    }
    return status;
}

fcl_status fcl_arguments_parse(fcl_arguments **out, const fcl_command *command, int argc, const char **argv) {
    fcl_status status;
    fcl_arguments *arguments = NULL;
    struct poptOption *table = NULL;
    poptContext context = NULL;
    FCL_TRY(popt_table(&table, command));
    FCL_TRY(FCL_NEW(&arguments, 1, "arguments"));
    arguments->command = command;
    FCL_TRY(FCL_NEW(&arguments->given, count_all(command), "arguments"));
    context = poptGetContext(NULL, argc, argv, table, 0);
    if (!context) {
        status = fcl_fail_memory("options", 0);
        goto done;
    }
    FCL_TRY(parse_options(arguments, context));
    /* Whoever asks for help need not have the rest right. */
    if (!fcl_argument_flag(arguments, "help")) FCL_TRY(parse_operands(arguments, context));
    *out = arguments;
    arguments = NULL;
done:
    if (context) poptFreeContext(context);
    free(table);
    fcl_arguments_free(arguments);
    return status;
}

void fcl_arguments_free(fcl_arguments *arguments) {
    if (!arguments) return;
    for (size_t i = 0; arguments->given && i < count_all(arguments->command); i++) {
        for (size_t v = 0; v < arguments->given[i].n; v++) free(arguments->given[i].values[v]);
        free(arguments->given[i].values);
    }
    free(arguments->given);
    for (size_t i = 0; i < arguments->n_operands; i++) free(arguments->operands[i]);
    free(arguments->operands);
    free(arguments);
}

static void print_status(FILE *stream, fcl_status status) {
    fprintf(stream, "  %2d  %s\n", fcl_status_exit_code(status), fcl_status_meaning(status));
}

void fcl_command_help(FILE *stream, const fcl_command *command) {
    static const fcl_status common[] = {FCL_E_INTERNAL, FCL_E_USAGE, FCL_E_INPUT, FCL_E_IO, FCL_E_MEMORY};
    struct poptOption *table;
    char *name = fcl_format("fiducl %s", command->name), *usage = fcl_format("[OPTION...] %s", command->operands);
    fprintf(stream, "fiducl %s: %s\n\n%s\n", command->name, command->summary, command->description);
    if (name && usage && popt_table(&table, command) == FCL_OK) {
        const char *argv[] = {name, NULL};
        poptContext context = poptGetContext(NULL, 1, argv, table, 0);
        poptSetOtherOptionHelp(context, usage);
        poptPrintHelp(context, stream, 0);
        poptFreeContext(context);
        free(table);
    }
    free(name);
    free(usage);
    fprintf(stream, "\nExamples:\n%s\nExit codes:\n", command->examples);
    /* In the order of the codes. */
    for (fcl_status s = FCL_OK; s < FCL_N_STATUS; s++) {
        int shown = s == FCL_OK;
        for (size_t i = 0; i < sizeof common / sizeof *common; i++) shown |= s == common[i];
        for (const fcl_status *own = command->statuses; *own != FCL_OK; own++) shown |= s == *own;
        if (shown) print_status(stream, s);
    }
}

static const given *find(const fcl_arguments *arguments, const char *name) {
    size_t n = count_all(arguments->command), i = 0;
    while (i < n && strcmp(option_at(arguments->command, i)->name, name) != 0) i++;
    assert(i < n);
    return &arguments->given[i];
}

int fcl_argument_flag(const fcl_arguments *arguments, const char *name) {
    return find(arguments, name)->n > 0;
}

const char *fcl_argument_text(const fcl_arguments *arguments, const char *name) {
    const given *g = find(arguments, name);
    return g->n ? g->values[0] : NULL;
}

const char *const *fcl_argument_list(const fcl_arguments *arguments, const char *name) {
    const given *g = find(arguments, name);
    return g->n ? (const char *const *)g->values : NULL;
}

const char *fcl_argument_operand(const fcl_arguments *arguments, unsigned index) {
    return index < arguments->n_operands ? arguments->operands[index] : NULL;
}

fcl_status fcl_argument_need_operand(const char **out, const fcl_arguments *arguments, unsigned index,
                                     const char *name) {
    const char *operand = fcl_argument_operand(arguments, index);
    if (!operand) return fcl_fail(FCL_E_USAGE, "%s is missing", name);
    *out = operand;
    return FCL_OK;
}

fcl_status fcl_argument_need_text(const char **out, const fcl_arguments *arguments, const char *name) {
    const char *text = fcl_argument_text(arguments, name);
    if (!text) return fcl_fail(FCL_E_USAGE, "--%s is missing", name);
    *out = text;
    return FCL_OK;
}

fcl_status fcl_argument_whole(size_t *out, const fcl_arguments *arguments, const char *name, size_t min, size_t max) {
    const char *text = fcl_argument_text(arguments, name);
    if (!text) return FCL_OK;
    size_t value;
    if (!fcl_parse_size(&value, text) || value < min || value > max)
        return fcl_fail(FCL_E_USAGE, "--%s: '%s' is not a whole number from %zu to %zu", name, text, min, max);
    *out = value;
    return FCL_OK;
}

fcl_status fcl_argument_positive(double *out, const fcl_arguments *arguments, const char *name) {
    const char *text = fcl_argument_text(arguments, name);
    if (!text) return FCL_OK;
    double value;
    if (!fcl_parse_double(&value, text) || value <= 0.0)
        return fcl_fail(FCL_E_USAGE, "--%s: '%s' is not a number above 0", name, text);
    *out = value;
    return FCL_OK;
}

fcl_status fcl_arguments_allow(const fcl_arguments *arguments, const char *const *allowed, const char *reason) {
    for (const fcl_option *o = arguments->command->options; o->name; o++) {
        const char *const *a = allowed;
        while (*a && strcmp(*a, o->name) != 0) a++;
        if (!*a && fcl_argument_flag(arguments, o->name))
            return fcl_fail(FCL_E_USAGE, "--%s cannot be given with %s", o->name, reason);
    }
    return FCL_OK;
}

const fcl_option *fcl_arguments_options(const fcl_arguments *arguments) {
    return arguments->command->options;
}
