#include "bench/solvers.h"

#include <float.h>
#include <string.h>

#include "ops/conv_shape.h"
#include "ops/selection.h"
#include "ops/solvers.h"

static const fcl_solver *solver_at(const fcl_network *network, unsigned index) {
    const char *description, *name;
    fcl_network_operation(&description, &name, network, index);
    return fcl_solver_find(fcl_network_operation_desc(network, index)->kind, name);
}

static int is_tuned(const fcl_solver_cache *cache, const fcl_op_desc *desc, const char *solver) {
    char description[256];
    fcl_op_describe(description, desc);
    const fcl_solver *tuned = fcl_solver_cache_tuned(cache, description, fcl_solvers_of(desc->kind));
    return tuned && strcmp(tuned->name, solver) == 0;
}

fcl_status fcl_operation_origin(fcl_solver_origin *out, const fcl_bench *bench, fcl_device *device,
                                const fcl_op_desc *desc, const char *solver) {
    fcl_solver_cache *cache;
    fcl_status status = fcl_solver_cache_open(&cache, device);
    if (status != FCL_OK) return status;
    *out = !bench->options.as_shipped && is_tuned(cache, desc, solver) ? FCL_TUNED : FCL_AS_SHIPPED;
    fcl_solver_cache_free(cache);
    return FCL_OK;
}

fcl_status fcl_result_set_solvers(fcl_result *result, fcl_network *network, const fcl_bench *bench) {
    fcl_status status;
    fcl_solver_cache *cache = NULL;
    json_t *solvers = NULL;
    unsigned n = fcl_network_n_operations(network), n_tuned = 0;
    FCL_TRY(fcl_solver_cache_open(&cache, fcl_buffer_device(fcl_network_input(network))));
    if (!(solvers = json_object())) {
        status = fcl_fail_memory("a result", 0);
        goto done;
    }
    for (unsigned i = 0; i < n; i++) {
        const char *description, *name;
        fcl_network_operation(&description, &name, network, i);
        json_object_set_new(solvers, description, json_string(name));
        n_tuned += is_tuned(cache, fcl_network_operation_desc(network, i), name);
    }
    json_object_set(result->details, "solvers", solvers);
    json_object_set_new(result->details, "operations", json_integer(n));
    json_object_set_new(result->details, "tuned_operations", json_integer(n_tuned));
    result->solvers = n_tuned > 0 && !bench->options.as_shipped ? FCL_TUNED : FCL_AS_SHIPPED;
done:
    json_decref(solvers);
    fcl_solver_cache_free(cache);
    return status;
}

/* How welcome a solver is as the other one: 0 is best, -1 not at all. One that computes element by element is the most
 * independent, but at most so much of it is bearable; libraries take seconds to compile. */
static int rank(const fcl_solver *solver, const fcl_solver *own, const fcl_op_desc *desc, const fcl_device *device) {
    static const double bearable_flop = 1e9;
    enum { MADE_FOR, PLAIN, DETOUR, VARIANT };
    if (solver == own) return -1;
    if (fcl_solver_is_variant_of(solver, own)) return VARIANT;
    if (!solver->likely_speed || solver->likely_speed(desc, device) > fcl_speed_of_detour(desc, device))
        return MADE_FOR;
    if (solver->likely_speed(desc, device) > fcl_speed_of_last_resort(desc, device)) return DETOUR;
    return fcl_op_flop(desc, desc->batch) <= bearable_flop ? PLAIN : -1;
}

static const fcl_solver *find_other(fcl_device *device, const fcl_op_desc *desc, const fcl_solver *own,
                                    fcl_solver_cache *cache, const char *description) {
    enum { N_RANKS = 4 };
    for (int wanted = 0; wanted < N_RANKS; wanted++)
        for (const fcl_solver *const *s = fcl_solvers_of(desc->kind); *s; s++) {
            fcl_solver_record record;
            char fault[256];
            if (!fcl_solver_suits(*s, device) || !fcl_solver_applies(*s, desc, device)) continue;
            if (rank(*s, own, desc, device) != wanted) continue;
            if (fcl_judge(&record, fault, device, desc, *s, cache, description) == FCL_OK && record.passed) return *s;
        }
    return NULL;
}

fcl_status fcl_other_solvers(fcl_choice **out, unsigned *n_other, const fcl_network *network, fcl_device *device) {
    fcl_status status;
    fcl_choice *choice = NULL;
    fcl_solver_cache *cache = NULL;
    unsigned n = 0;
    FCL_TRY(fcl_choice_create(&choice));
    FCL_TRY(fcl_solver_cache_open(&cache, device));
    for (unsigned i = 0; i < fcl_network_n_operations(network); i++) {
        const char *description, *name;
        const fcl_op_desc *desc = fcl_network_operation_desc(network, i);
        fcl_network_operation(&description, &name, network, i);
        const fcl_solver *other = find_other(device, desc, solver_at(network, i), cache, description);
        n += other != NULL;
        FCL_TRY(fcl_choice_record(choice, description, other ? other->name : name));
    }
    fcl_solver_cache_save(cache);
    *out = choice;
    *n_other = n;
    choice = NULL;
done:
    fcl_solver_cache_free(cache);
    fcl_choice_free(choice);
    return status;
}

double fcl_network_rounding(const fcl_network *network) {
    double sum = 0.0;
    for (unsigned i = 0; i < fcl_network_n_operations(network); i++)
        sum += solver_at(network, i)->error_factor * (double)FLT_EPSILON;
    return sum;
}

double fcl_network_step_flop(const fcl_network *network) {
    double flop = 0.0;
    for (unsigned i = 0; i < fcl_network_n_operations(network); i++) {
        const fcl_op_desc *desc = fcl_network_operation_desc(network, i);
        flop += fcl_op_flop(desc, desc->batch);
    }
    return flop;
}
