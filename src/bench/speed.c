/* Training and prediction of all models, in turn. */
#include "bench/speed.h"

#include <stdlib.h>

#include "base/log.h"

enum {
    FACES = 1024, /* enough that an epoch's begin and end do not count */
    FACES_SEED = 1,
    MIN_BATCHES = 4,
    N_BATCHES = sizeof((fcl_bench_options *)0)->predict_batches / sizeof(int),
};

/* All cases of the models. */
typedef struct field {
    fcl_cases cases;
    fcl_dataset *faces;
    fcl_train_case *train[FCL_BENCH_MAX_MODELS];
    size_t train_index[FCL_BENCH_MAX_MODELS]; /* of its case */
    fcl_infer_case *infer[FCL_BENCH_MAX_MODELS][N_BATCHES];
} field;

static void dispose(field *f) {
    fcl_cases_dispose(&f->cases);
    for (size_t m = 0; m < FCL_BENCH_MAX_MODELS; m++) {
        fcl_train_case_free(f->train[m]);
        for (int b = 0; b < N_BATCHES; b++) fcl_infer_case_free(f->infer[m][b]);
    }
    fcl_dataset_free(f->faces);
}

static fcl_status make_faces(fcl_dataset **out, const fcl_bench_options *options) {
    size_t n = FACES, batches[] = {(size_t)options->batch, (size_t)options->predict_batches[0],
                                   (size_t)options->predict_batches[1]};
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
        if (batches[i] * MIN_BATCHES > n) n = batches[i] * MIN_BATCHES;
    return fcl_synth_dataset(out, &(fcl_synth_options){.count = n, .seed = FACES_SEED, .complete = 1});
}

static void tell(const fcl_bench *bench, const char *what, size_t model) {
    fcl_log(FCL_LOG_INFO, "%s %s: checking and warming up", what, fcl_model_name(bench->models[model]));
}

/* Memory of all before anything else takes some. */
static fcl_status end_training(field *f, fcl_bench *bench) {
    fcl_status status = FCL_OK;
    for (size_t m = 0; m < bench->n_models; m++)
        FCL_TRY(fcl_train_case_memory(f->train[m], &f->cases.list[f->train_index[m]].result, f->cases.n));
    for (size_t m = 0; m < bench->n_models; m++) {
        fcl_result *result = &f->cases.list[f->train_index[m]].result;
        if (!result->check.passed) continue;
        if (bench->options.sustained_minutes > 0.0)
            FCL_TRY(fcl_train_case_sustain(f->train[m], bench, bench->options.sustained_minutes));
        FCL_TRY(fcl_train_case_profile(f->train[m], bench, result));
    }
done:
    return status;
}

fcl_status fcl_bench_speed(fcl_bench *bench, int train, int infer) {
    fcl_status status;
    field f = {0};
    FCL_TRY(make_faces(&f.faces, &bench->options));
    for (size_t m = 0; m < bench->n_models; m++) {
        if (train) {
            tell(bench, "train", m);
            f.train_index[m] = f.cases.n;
            FCL_TRY(fcl_train_case_begin(&f.train[m], &f.cases, bench, bench->models[m], f.faces));
        }
        if (infer) tell(bench, "infer", m);
        for (int b = 0; infer && b < N_BATCHES; b++)
            if (bench->options.predict_batches[b] > 0)
                FCL_TRY(fcl_infer_case_begin(&f.infer[m][b], &f.cases, bench, bench->models[m],
                                             bench->options.predict_batches[b], f.faces));
    }
    /* What is measured counts, even if the rest of it, or what follows, is interrupted or fails. */
    fcl_status measured = fcl_cases_run(&f.cases, bench->options.repeats, bench->probe, train ? "train" : "infer");
    if (train && measured == FCL_OK) measured = end_training(&f, bench);
    FCL_TRY(fcl_cases_report(bench->report, &f.cases));
    status = measured;
done:
    dispose(&f);
    return status;
}
