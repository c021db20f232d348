#include "train/schedule.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

/* A short training is not to be all warm-up. */
enum { MIN_STEPS_A_WARMUP_STEP = 10 };

const char *fcl_schedule_name(fcl_schedule schedule) {
    return schedule == FCL_COSINE ? "cosine" : "constant";
}

fcl_status fcl_schedule_parse(fcl_schedule *out, const char *name) {
    if (strcmp(name, "constant") == 0)
        *out = FCL_CONSTANT;
    else if (strcmp(name, "cosine") == 0)
        *out = FCL_COSINE;
    else
        return fcl_fail(FCL_E_USAGE, "'%s' is no schedule of the learning rate: constant and cosine are", name);
    return FCL_OK;
}

double fcl_learning_rate(const fcl_recipe *recipe, uint64_t step, uint64_t total) {
    const double pi = 3.14159265358979323846;
    double rate = recipe->learning_rate;
    if (recipe->schedule == FCL_COSINE && total > 0) {
        double done = (double)(step - 1) / (double)total;
        rate *= done < 1.0 ? 0.5 * (1.0 + cos(pi * done)) : 0.0;
    }
    uint64_t longest = total / MIN_STEPS_A_WARMUP_STEP;
    uint64_t warmup = recipe->warmup_steps < longest ? recipe->warmup_steps : longest;
    if (step < warmup) rate *= (double)step / (double)warmup;
    return rate;
}
