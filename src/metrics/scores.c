#include "metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

const double fcl_accuracy_thresholds[FCL_N_THRESHOLDS] = {5.0, 10.0, 15.0};

enum { LEFT_EYE_CENTER, RIGHT_EYE_CENTER };

static int has_keypoint(const uint8_t *mask, unsigned k) {
    return mask[2 * k] && mask[2 * k + 1];
}

static double distance(const float *a, const float *b) {
    double dx = (double)a[0] - b[0], dy = (double)a[1] - b[1];
    return sqrt(dx * dx + dy * dy);
}

/* What normalises the errors of a sample; 0 when an eye center is not labelled or both are one point. */
static double eye_distance(const float *truth, const uint8_t *mask) {
    if (!has_keypoint(mask, LEFT_EYE_CENTER) || !has_keypoint(mask, RIGHT_EYE_CENTER)) return 0.0;
    return distance(truth + 2 * LEFT_EYE_CENTER, truth + 2 * RIGHT_EYE_CENTER);
}

static double over(double sum, size_t n) {
    return n ? sum / (double)n : NAN;
}

/* Scores of the keypoints first..last-1. */
static void compute(fcl_scores *out, const fcl_dataset *truth, const float *predictions, unsigned first,
                    unsigned last) {
    fcl_scores s = {0};
    double absolute = 0.0, squared = 0.0, errors = 0.0, normalised = 0.0;
    size_t within[FCL_N_THRESHOLDS] = {0};
    for (size_t i = 0; i < truth->n; i++) {
        const float *labels = truth->keypoints + i * FCL_N_COORDINATES, *guess = predictions + i * FCL_N_COORDINATES;
        const uint8_t *mask = truth->mask + i * FCL_N_COORDINATES;
        double eyes = eye_distance(labels, mask);
        size_t before = s.n_coordinates;
        for (unsigned k = first; k < last; k++) {
            for (unsigned c = 2 * k; c < 2 * k + 2; c++) {
                if (!mask[c]) continue;
                double d = (double)guess[c] - labels[c];
                absolute += fabs(d);
                squared += d * d;
                s.n_coordinates++;
            }
            if (!has_keypoint(mask, k)) continue;
            double error = distance(guess + 2 * (size_t)k, labels + 2 * (size_t)k);
            errors += error;
            s.n_keypoints++;
            for (unsigned t = 0; t < FCL_N_THRESHOLDS; t++) within[t] += error <= fcl_accuracy_thresholds[t];
            if (eyes > 0.0) {
                normalised += error / eyes;
                s.n_nme++;
            }
        }
        s.n_rows += s.n_coordinates > before;
    }
    s.mae = over(absolute, s.n_coordinates);
    s.rmse = sqrt(over(squared, s.n_coordinates));
    s.mean_error = over(errors, s.n_keypoints);
    s.nme = 100.0 * over(normalised, s.n_nme);
    for (unsigned t = 0; t < FCL_N_THRESHOLDS; t++) s.accuracy[t] = 100.0 * over((double)within[t], s.n_keypoints);
    *out = s;
}

void fcl_scores_compute(fcl_scores *out, const fcl_dataset *truth, const float *predictions) {
    compute(out, truth, predictions, 0, FCL_N_KEYPOINTS);
}

void fcl_scores_by_keypoint(fcl_scores out[FCL_N_KEYPOINTS], const fcl_dataset *truth, const float *predictions) {
    for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++) compute(&out[k], truth, predictions, k, k + 1);
}

void fcl_mean_keypoints(float out[FCL_N_COORDINATES], const fcl_dataset *train) {
    for (size_t c = 0; c < FCL_N_COORDINATES; c++) {
        double sum = 0.0;
        size_t n = 0;
        for (size_t i = c; i < train->n * FCL_N_COORDINATES; i += FCL_N_COORDINATES) {
            if (!train->mask[i]) continue;
            sum += train->keypoints[i];
            n++;
        }
        out[c] = n ? (float)(sum / (double)n) : FCL_IMAGE_SIDE / 2.0f;
    }
}

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

fcl_status fcl_keypoint_errors(float **out, size_t *n, const fcl_dataset *truth, const float *predictions) {
    float *errors;
    size_t count = 0;
    fcl_status status = FCL_NEW(&errors, truth->n * FCL_N_KEYPOINTS, "keypoint errors");
    if (status != FCL_OK) return status;
    for (size_t i = 0; i < truth->n; i++) {
        const size_t row = i * FCL_N_COORDINATES;
        for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++) {
            if (!has_keypoint(truth->mask + row, k)) continue;
            float error = (float)distance(predictions + row + 2 * (size_t)k, truth->keypoints + row + 2 * (size_t)k);
            /* A prediction that is not a number is as wrong as can be, and must not upset the order. */
            errors[count++] = isnan(error) ? INFINITY : error;
        }
    }
    qsort(errors, count, sizeof *errors, ascending);
    *out = errors;
    *n = count;
    return FCL_OK;
}
