#include "bench/first_batch.h"

#include <math.h>

#include "bench/cases.h"
#include "bench/solvers.h"
#include "bench/statistics.h"

void fcl_first_batch_dispose(fcl_first_batch *batch) {
    fcl_tensors_dispose(&batch->gradients);
    *batch = (fcl_first_batch){0};
}

/* The largest relative error of a tensor's gradient: the root of squared differences over squares. */
static double gradient_error(const fcl_tensors *got, const fcl_tensors *wanted) {
    double worst = 0.0;
    for (unsigned t = 0; t < fcl_model_n_tensors(got->model); t++) {
        const float *x = fcl_tensors_at(got, t), *y = fcl_tensors_at(wanted, t);
        double differences = 0.0, squares = 0.0;
        for (size_t i = 0; i < fcl_model_tensor(got->model, t)->count; i++) {
            double d = (double)x[i] - (double)y[i];
            differences += d * d;
            squares += (double)y[i] * (double)y[i];
        }
        worst = fcl_worse(worst, differences == 0.0 ? 0.0 : sqrt(differences / squares));
    }
    return worst;
}

/* Bounds: each of two networks rounds each operation's result by its solver's factor, and the loss is a square:
 * 4 * fcl_network_rounding(). An activation or a maximum that lies so near to a change changes a gradient's element
 * altogether; that share of the elements moves the whole by its root. */
fcl_status fcl_first_batch_compare(fcl_result *result, const fcl_first_batch *own, const fcl_first_batch *other,
                                   double rounding, const char *what) {
    fcl_status status;
    const double loss_bound = 4.0 * rounding, gradient_bound = sqrt(2.0 * rounding);
    const double loss = fabs(own->loss - other->loss) / other->loss,
                 gradient = gradient_error(&own->gradients, &other->gradients);
    const double worst = fmax(loss / loss_bound, gradient / gradient_bound);
    FCL_TRY(fcl_result_set_check(result, isfinite(loss) && isfinite(gradient) ? worst : (double)INFINITY, 1.0, what));
    json_object_update_new(result->details,
                           json_pack("{s:{s:f, s:f, s:o, s:f, s:o, s:f}}", "check", "loss",
                                     isfinite(own->loss) ? own->loss : -1.0, "loss_other",
                                     isfinite(other->loss) ? other->loss : -1.0, "loss_error",
                                     fcl_json_number_or_null(loss), "loss_bound", loss_bound, "gradient_error",
                                     fcl_json_number_or_null(gradient), "gradient_bound", gradient_bound));
done:
    return status;
}

fcl_status fcl_training_check(fcl_result *result, fcl_training *training) {
    fcl_status status;
    fcl_choice *choice = NULL;
    fcl_training other = {0};
    fcl_first_batch own_batch = {0}, other_batch = {0};
    unsigned n_other;
    FCL_TRY(fcl_other_solvers(&choice, &n_other, training->network, training->device));
    FCL_TRY(fcl_training_init(&other, training->device, training->model, &training->recipe, choice, &training->data,
                              training->data.n));
    FCL_TRY(fcl_training_first_gradients(&own_batch.loss, &own_batch.gradients, training));
    FCL_TRY(fcl_training_first_gradients(&other_batch.loss, &other_batch.gradients, &other));
    FCL_TRY(fcl_first_batch_compare(
        result, &own_batch, &other_batch, fcl_network_rounding(training->network),
        "loss and gradients of the first batch with other solvers, as shares of their bounds, and finite losses"));
    json_object_set_new(json_object_get(result->details, "check"), "operations_with_other_solver",
                        json_integer((json_int_t)n_other));
done:
    fcl_first_batch_dispose(&own_batch);
    fcl_first_batch_dispose(&other_batch);
    fcl_training_dispose(&other);
    fcl_choice_free(choice);
    return status;
}
