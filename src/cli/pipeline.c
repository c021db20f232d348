#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/options.h"
#include "cli/pipeline_record.h"
#include "cli/terminal.h"
#include "eval/label.h"

static const char default_models[] = "base_model,model_v1";

/* What each model goes through. */
typedef enum model_stage { TRAIN, EVALUATE, PLOT, N_MODEL_STAGES } model_stage;
static const char *const model_stage_names[N_MODEL_STAGES] = {"train", "evaluate", "plot"};

typedef struct planned_model {
    char *name, *label, *run; /* name or file; what it is called; its folder */
    fcl_recipe recipe;
    char *device; /* the plan's, or where that is auto the one that was chosen for this model */
} planned_model;

typedef struct plan {
    const char *folder;
    int resumed;
    fcl_pipeline_record record;
    const fcl_arguments *arguments;          /* the record's */
    const char *device;                      /* of trainings that begin; NULL: the default */
    int has_new_device;                      /* it is also for trainings that go on; else theirs */
    uint64_t memory_limit, new_memory_limit; /* likewise; 0: none, theirs */
    double *duties;                          /* (n_duties) of trainings; none: not given */
    unsigned *shares;                        /* (n_shares) likewise */
    unsigned n_duties, n_shares;
    fcl_data_paths data;
    fcl_prepare_arguments prepare;
    char *analysis, *prepared, *comparison;
    fcl_dataset *dataset; /* loaded when a stage needs it */
    planned_model *models;
    size_t n_models;
} plan;

static void dispose(plan *p) {
    for (size_t i = 0; i < p->n_models; i++) {
        free(p->models[i].name);
        free(p->models[i].label);
        free(p->models[i].run);
        free(p->models[i].device);
    }
    free(p->models);
    free(p->analysis);
    free(p->prepared);
    free(p->comparison);
    free(p->duties);
    free(p->shares);
    fcl_dataset_free(p->dataset);
    fcl_prepare_arguments_dispose(&p->prepare);
    fcl_pipeline_record_dispose(&p->record);
}

static fcl_status join(char **out, const char *folder, const char *name) {
    char *path = fcl_path_join(folder, name);
    if (!path) return FCL_E_MEMORY;
    *out = path;
    return FCL_OK;
}

static fcl_status add_model(plan *p, size_t *capacity, const char *name) {
    fcl_status status;
    void *models = p->models;
    FCL_TRY(fcl_grow(&models, capacity, p->n_models + 1, sizeof *p->models, "models"));
    p->models = models;
    planned_model *m = &p->models[p->n_models++];
    *m = (planned_model){.name = fcl_duplicate(name)};
    if (!m->name) {
        status = FCL_E_MEMORY;
        goto done;
    }
    FCL_TRY(fcl_model_label(&m->label, name));
    FCL_TRY(join(&m->run, p->folder, m->label));
    int taken = strcmp(m->run, p->analysis) == 0 || strcmp(m->run, p->prepared) == 0;
    for (size_t i = 0; i + 1 < p->n_models; i++) taken |= strcmp(m->run, p->models[i].run) == 0;
    if (taken || !*m->label) {
        status = fcl_fail(FCL_E_USAGE, "--models: '%s' cannot have a folder of its own in '%s'", name, p->folder);
        goto done;
    }
    FCL_TRY(fcl_arguments_recipe(&m->recipe, p->arguments, name));
done:
    return status;
}

static fcl_status add_models(plan *p, const char *names) {
    fcl_status status = FCL_OK;
    size_t capacity = 0;
    char *copy = fcl_duplicate(names);
    if (!copy) return FCL_E_MEMORY;
    for (char *name = copy, *comma; name; name = comma) {
        if ((comma = strchr(name, ','))) *comma++ = '\0';
        FCL_TRY(add_model(p, &capacity, name));
    }
done:
    free(copy);
    return status;
}

static fcl_status load_data(plan *p) {
    return p->dataset ? FCL_OK : fcl_dataset_load(&p->dataset, &p->data);
}

static int is_done(const plan *p, const planned_model *m, model_stage stage) {
    char *name = fcl_format("%s %s", model_stage_names[stage], m->label);
    int done = name && fcl_pipeline_is_done(&p->record, name);
    free(name);
    return done;
}

static fcl_status set_done(plan *p, const planned_model *m, model_stage stage) {
    char *name = fcl_format("%s %s", model_stage_names[stage], m->label);
    if (!name) return FCL_E_MEMORY;
    fcl_status status = fcl_pipeline_set_done(&p->record, name);
    free(name);
    return status;
}

static int model_is_done(const plan *p, const planned_model *m) {
    int done = 1;
    for (model_stage s = 0; s < N_MODEL_STAGES; s++) done = done && is_done(p, m, s);
    return done;
}

static int all_done(const plan *p) {
    int done = fcl_pipeline_is_done(&p->record, "analysis") && fcl_pipeline_is_done(&p->record, "prepared");
    for (size_t i = 0; i < p->n_models; i++) done = done && model_is_done(p, &p->models[i]);
    return done;
}

static fcl_train_options train_options(const plan *p, const planned_model *m) {
    return (fcl_train_options){.prepared = p->prepared,
                               .model = m->name,
                               .out = m->run,
                               .recipe = m->recipe,
                               .device = m->device,
                               .solvers = fcl_argument_list(p->arguments, "solver"),
                               .duties = p->duties,
                               .n_duties = p->n_duties,
                               .shares = p->shares,
                               .n_shares = p->n_shares,
                               .recheck_seconds = FCL_RECHECK_MINUTES * FCL_SECONDS_A_MINUTE,
                               .memory_limit = p->memory_limit,
                               /* What a training left that was ended before its first checkpoint is of no use. */
                               .force = p->resumed};
}

/* A selector that fits no device is found now and not after the analysis. */
static fcl_status check_device(const char *selectors) {
    fcl_device_list *list;
    char **names = NULL;
    unsigned n = 0;
    fcl_status status = fcl_device_list_create(&list);
    if (status != FCL_OK) return status;
    status = fcl_device_select_several(&names, &n, list, selectors);
    fcl_device_selectors_free(names, n);
    fcl_device_list_free(list);
    return status;
}

/* What the stages would find wrong with their arguments, and inputs that lie in the folder. */
static fcl_status check_stages(plan *p) {
    fcl_status status;
    FCL_TRY(load_data(p));
    FCL_TRY(fcl_prepare_check(p->dataset, &p->prepare.options, p->folder));
    for (size_t i = 0; i < p->n_models; i++) {
        const fcl_train_options options = train_options(p, &p->models[i]);
        FCL_TRY(fcl_train_check(&options));
        if (fcl_is_path(options.model)) FCL_TRY(fcl_folder_check_outside(p->folder, options.model));
    }
    const char *recipe = fcl_argument_text(p->arguments, "recipe");
    if (recipe && fcl_is_path(recipe)) FCL_TRY(fcl_folder_check_outside(p->folder, recipe));
    FCL_TRY(check_device(p->device));
done:
    return status;
}

/* Everything that can be wrong with the arguments shows here, before anything is written or removed. */
static fcl_status make_plan(plan *p, const fcl_arguments *given) {
    fcl_status status;
    char *record = NULL;
    int resume = fcl_argument_flag(given, "resume"), force = fcl_argument_flag(given, "force");
    FCL_TRY(fcl_argument_need_text(&p->folder, given, "out"));
    if (resume && force) {
        status = fcl_fail(FCL_E_USAGE, "--resume keeps what --force removes: give one of them");
        goto done;
    }
    FCL_TRY(join(&record, p->folder, FCL_PIPELINE_RECORD));
    FCL_TRY(join(&p->analysis, p->folder, "analysis"));
    FCL_TRY(join(&p->prepared, p->folder, "prepared"));
    FCL_TRY(join(&p->comparison, p->folder, "comparison.csv"));
    p->resumed = resume && fcl_path_exists(record);
    if (p->resumed)
        FCL_TRY(fcl_pipeline_record_open(&p->record, p->folder, &fcl_command_pipeline, given));
    else
        FCL_TRY(fcl_pipeline_record_create(&p->record, p->folder, &fcl_command_pipeline, given));
    p->arguments = p->record.arguments;
    const char *new_device = fcl_argument_text(given, "device");
    p->has_new_device = new_device != NULL;
    p->device = new_device ? new_device : fcl_argument_text(p->arguments, "device");
    FCL_TRY(fcl_arguments_memory_limit(&p->new_memory_limit, given));
    FCL_TRY(fcl_arguments_memory_limit(&p->memory_limit, p->new_memory_limit ? given : p->arguments));
    FCL_TRY(fcl_arguments_duties(&p->duties, &p->n_duties, fcl_argument_text(given, "duty") ? given : p->arguments));
    FCL_TRY(fcl_arguments_shares(&p->shares, &p->n_shares, p->arguments));
    FCL_TRY(fcl_arguments_data(&p->data, p->arguments));
    FCL_TRY(fcl_arguments_prepare(&p->prepare, p->arguments));
    p->prepare.options.force = p->resumed;
    const char *models = fcl_argument_text(p->arguments, "models");
    FCL_TRY(add_models(p, models ? models : default_models));
    if (!p->resumed) {
        FCL_TRY(check_stages(p));
        FCL_TRY(fcl_folder_claim(p->folder, "pipeline", force));
        FCL_TRY(fcl_pipeline_record_save(&p->record));
    }
done:
    free(record);
    return status;
}

static fcl_status check_interrupt(void) {
    return fcl_interrupt_requested() ? fcl_fail(FCL_E_INTERRUPTED, "interrupted") : FCL_OK;
}

static fcl_status analyze(plan *p) {
    fcl_status status;
    int figures;
    if (fcl_pipeline_is_done(&p->record, "analysis")) return FCL_OK;
    fcl_log(FCL_LOG_INFO, "== analysis");
    FCL_TRY(load_data(p));
    FCL_TRY(fcl_analyze(p->dataset, p->analysis, &figures));
    /* Without figures the stage stays open, as plots do. */
    if (figures) FCL_TRY(fcl_pipeline_set_done(&p->record, "analysis"));
    FCL_TRY(check_interrupt());
done:
    return status;
}

static fcl_status prepare(plan *p) {
    fcl_status status;
    if (fcl_pipeline_is_done(&p->record, "prepared")) return FCL_OK;
    fcl_log(FCL_LOG_INFO, "== prepare");
    FCL_TRY(load_data(p));
    FCL_TRY(fcl_prepare(p->dataset, &p->prepare.options, p->prepared));
    FCL_TRY(fcl_pipeline_set_done(&p->record, "prepared"));
    FCL_TRY(check_interrupt());
done:
    return status;
}

/* Nothing is measured for a model that is done. */
static fcl_status choose_device(const plan *p, planned_model *m) {
    return model_is_done(p, m) ? FCL_OK : fcl_choose_device(&m->device, p->device, m->name, m->recipe.batch);
}

/* The device that a run is to go on with; NULL: its own. */
static const char *new_device_of(const plan *p, const planned_model *m) {
    return p->has_new_device ? m->device : NULL;
}

static fcl_status train(plan *p, const planned_model *m) {
    fcl_status status;
    fcl_train_result result;
    char *checkpoint = NULL;
    if (is_done(p, m, TRAIN)) return FCL_OK;
    fcl_log(FCL_LOG_INFO, "== train %s", m->label);
    FCL_TRY(join(&checkpoint, m->run, "checkpoint.safetensors"));
    if (fcl_path_exists(checkpoint)) {
        const fcl_resume_options changes = {.device = new_device_of(p, m),
                                            .memory_limit = p->new_memory_limit,
                                            .duties = p->duties,
                                            .n_duties = p->n_duties};
        FCL_TRY(fcl_train_resume(&result, m->run, &changes));
    } else {
        const fcl_train_options options = train_options(p, m);
        FCL_TRY(fcl_train(&result, &options));
    }
    FCL_TRY(set_done(p, m, TRAIN));
    FCL_TRY(check_interrupt());
done:
    free(checkpoint);
    return status;
}

static fcl_status evaluate(plan *p, const planned_model *m) {
    fcl_status status;
    char *table = NULL;
    const fcl_eval_options options = {.run = m->run, .split = FCL_TEST, .device = new_device_of(p, m)};
    if (!is_done(p, m, EVALUATE)) {
        fcl_log(FCL_LOG_INFO, "== evaluate %s", m->label);
        FCL_TRY(fcl_evaluate(&table, &options));
        FCL_TRY(set_done(p, m, EVALUATE));
    }
    if (!is_done(p, m, PLOT)) {
        fcl_log(FCL_LOG_INFO, "== plot %s", m->label);
        status = fcl_plot_run(&options);
        /* Without gnuplot the stage stays open: resuming draws the figures once there is one. */
        if (status == FCL_E_MISSING_PROGRAM)
            fcl_log(FCL_LOG_WARNING, "%s; %s has no figures", fcl_error_message(), m->run);
        else if (status == FCL_OK)
            FCL_TRY(set_done(p, m, PLOT));
        else
            goto done;
    }
    status = check_interrupt();
done:
    free(table);
    return status;
}

static fcl_status compare(const plan *p) {
    fcl_status status;
    char *table = NULL;
    const char **runs = NULL;
    FCL_TRY(FCL_NEW(&runs, p->n_models, "runs"));
    for (size_t i = 0; i < p->n_models; i++) runs[i] = p->models[i].run;
    FCL_TRY(fcl_compare(&table, runs, p->n_models, p->comparison));
    fcl_terminal_clear();
    printf("\n%s\nThe table is in %s; each model's figures are in its folder beside it.\n", table, p->comparison);
done:
    free(runs);
    free(table);
    return status;
}

static fcl_status print_recipes(const plan *p) {
    fcl_status status = FCL_OK;
    for (size_t i = 0; i < p->n_models && status == FCL_OK; i++) {
        char *line;
        status = fcl_recipe_line(&line, &p->models[i].recipe, p->models[i].label);
        if (status != FCL_OK) break;
        printf("%s\n", line);
        free(line);
    }
    fflush(stdout);
    return status;
}

static fcl_status run(const fcl_arguments *arguments) {
    fcl_status status;
    plan p = {0};
    FCL_TRY(make_plan(&p, arguments));
    if (p.resumed && all_done(&p))
        printf("%s is finished\n", p.folder);
    else
        FCL_TRY(print_recipes(&p));
    FCL_TRY(analyze(&p));
    FCL_TRY(prepare(&p));
    for (size_t i = 0; i < p.n_models; i++) {
        FCL_TRY(choose_device(&p, &p.models[i]));
        FCL_TRY(train(&p, &p.models[i]));
        FCL_TRY(evaluate(&p, &p.models[i]));
    }
    FCL_TRY(compare(&p));
done:
    if (status == FCL_E_INTERRUPTED)
        status = fcl_fail(status, "interrupted; go on with: fiducl pipeline --resume --out %s", p.folder);
    dispose(&p);
    return status;
}

static const fcl_option options[] = {
    {"out", 'o', FCL_OPTION_TEXT, "FOLDER", "where everything goes"},
    {"resume", 'r', FCL_OPTION_FLAG, NULL, "go on with the pipeline in the folder, as it was begun"},
    FCL_OPTION_FORCE,
    {"models", 0, FCL_OPTION_TEXT, "A,B", "names or files (default: base_model,model_v1)"},
    FCL_OPTIONS_DATA,
    FCL_OPTIONS_SPLIT,
    FCL_OPTION_DEVICES,
    FCL_OPTION_MEMORY_LIMIT,
    FCL_OPTIONS_RECIPE,
    FCL_OPTION_DUTY,
    FCL_OPTION_SHARES,
    FCL_OPTION_SEED("(default: 0 for the split, the recipe's for training)"),
    {0},
};

const fcl_command fcl_command_pipeline = {
    .name = "pipeline",
    .summary = "analyze, prepare, train, evaluate, plot and compare, for several models",
    .operands = "DATA --out FOLDER | --resume --out FOLDER",
    .description = "Goes from raw data to trained, evaluated and plotted models. FOLDER gets analysis, "
                   "prepared, a run folder\n"
                   "for each model, and comparison.csv. --resume skips what is done and goes on with an "
                   "unfinished training;\n"
                   "what is given again must be as it was, but for --device, --memory-limit and --duty.\n",
    .examples = "  fiducl pipeline faces --out result\n"
                "  fiducl pipeline faces --out result --split 5639,705,705 --models base_model --epochs 5\n"
                "  fiducl pipeline --resume --out result\n",
    .options = options,
    .max_operands = 1,
    .statuses = (const fcl_status[]){FCL_STATUSES_DEVICE, FCL_E_EXISTS, FCL_E_NOT_FINITE, FCL_E_INTERRUPTED, FCL_OK},
    .interruptible = 1,
    .run = run,
};
