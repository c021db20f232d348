#include "train/limit.h"

#include "net/memory_plan.h"
#include "support/support.h"

uint64_t limit_for_parts(const fcl_train_options *options, unsigned n_parts) {
    fcl_memory_request request = {.batch = options->recipe.batch};
    fcl_model *model;
    fcl_choice *choice;
    fcl_memory_plan plan;
    ck_ok(fcl_device_open(&request.device, options->device, 0));
    ck_ok(fcl_model_load(&model, options->model));
    ck_ok(fcl_choice_create(&choice));
    for (const char *const *solver = options->solvers; solver && *solver; solver++)
        ck_ok(fcl_choice_force(choice, *solver));
    ck_ok(fcl_memory_plan_make(&plan, model, &request, choice, n_parts));
    ck_assert_uint_eq(plan.n_parts, n_parts);
    fcl_choice_free(choice);
    fcl_model_free(model);
    fcl_device_free(request.device);
    return fcl_memory_plan_bytes(&plan);
}
