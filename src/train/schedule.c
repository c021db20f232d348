#include "train/schedule.h"

#include <math.h>

double fcl_learning_rate(const fcl_recipe *recipe, uint64_t step, uint64_t total) {
    const double pi = 3.14159265358979323846;
    double rate = recipe->learning_rate;
    if (recipe->schedule == FCL_COSINE && total > 0) {
        double done = (double)(step - 1) / (double)total;
        rate *= done < 1.0 ? 0.5 * (1.0 + cos(pi * done)) : 0.0;
    }
    if (step < recipe->warmup_steps) rate *= (double)step / recipe->warmup_steps;
    return rate;
}
