#include "dataset/augment.h"

#include <math.h>
#include <string.h>

#include "base/random.h"

enum { SIDE = FCL_IMAGE_SIDE, N_STREAM_WORDS = 1 << 16 };
static const double center = (FCL_IMAGE_SIDE - 1) / 2.0;

static void mirror(float *image, float *keypoints, uint8_t *mask) {
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE / 2; x++) {
            float *left = &image[y * SIDE + x], *right = &image[y * SIDE + SIDE - 1 - x], value = *left;
            *left = *right;
            *right = value;
        }
    float old[FCL_N_COORDINATES];
    uint8_t old_mask[FCL_N_COORDINATES];
    memcpy(old, keypoints, sizeof old);
    memcpy(old_mask, mask, sizeof old_mask);
    for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++) {
        unsigned from = fcl_keypoint_mirror(k);
        keypoints[2 * k] = (float)(SIDE - 1) - old[2 * from];
        keypoints[2 * k + 1] = old[2 * from + 1];
        mask[2 * k] = old_mask[2 * from];
        mask[2 * k + 1] = old_mask[2 * from + 1];
    }
}

static int clamp_index(int i) {
    return i < 0 ? 0 : i > SIDE - 1 ? SIDE - 1 : i;
}

/* out(p) = image(center + inverse * (p - center - shift)), bilinear, the border's pixels repeated outside. */
static void warp(float *out, const float *image, const double inverse[4], const double shift[2]) {
    for (int y = 0; y < SIDE; y++) {
        double dy = y - center - shift[1], dx = -center - shift[0];
        float sx = (float)(center + inverse[0] * dx + inverse[1] * dy),
              sy = (float)(center + inverse[2] * dx + inverse[3] * dy);
        const float step_x = (float)inverse[0], step_y = (float)inverse[2];
        for (int x = 0; x < SIDE; x++) {
            float px = sx + step_x * (float)x, py = sy + step_y * (float)x;
            int ix = (int)floorf(px), iy = (int)floorf(py);
            float fx = px - (float)ix, fy = py - (float)iy;
            const float *top = image + clamp_index(iy) * SIDE, *bottom = image + clamp_index(iy + 1) * SIDE;
            int x0 = clamp_index(ix), x1 = clamp_index(ix + 1);
            float upper = top[x0] + fx * (top[x1] - top[x0]),
                  lower = bottom[x0] + fx * (bottom[x1] - bottom[x0]);
            out[y * SIDE + x] = upper + fy * (lower - upper);
        }
    }
}

static void change_tones(float *image, double brightness, double contrast) {
    double mean = 0.0;
    for (int i = 0; i < SIDE * SIDE; i++) mean += image[i];
    mean /= SIDE * SIDE;
    for (int i = 0; i < SIDE * SIDE; i++) {
        float value = (float)(mean + (image[i] - mean) * contrast + brightness);
        image[i] = value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value;
    }
}

void fcl_augment(float *image, float *keypoints, uint8_t *mask, float *scratch, const fcl_augmentation *a,
                 uint64_t seed, uint32_t epoch, uint32_t sample) {
    const double radians = 3.14159265358979323846 / 180.0, gray_levels = 255.0;
    fcl_random_stream random = fcl_random_stream_make(seed, FCL_RANDOM_AUGMENT, epoch);
    random.position = (uint64_t)sample * N_STREAM_WORDS;
    /* All numbers are drawn whatever is enabled, so that one option does not change what another does. */
    double coin = fcl_random_uniform(&random, 0, 1);
    double shift[2] = {fcl_random_uniform(&random, -1, 1) * a->max_shift,
                       fcl_random_uniform(&random, -1, 1) * a->max_shift};
    double angle = fcl_random_uniform(&random, -1, 1) * a->max_rotation * radians;
    double scale = pow(1.0 + a->max_scale, fcl_random_uniform(&random, -1, 1));
    double brightness = fcl_random_uniform(&random, -1, 1) * a->max_brightness / gray_levels;
    double contrast = pow(1.0 + a->max_contrast, fcl_random_uniform(&random, -1, 1));
    if (coin < a->flip) mirror(image, keypoints, mask);
    if (a->max_shift > 0 || a->max_rotation > 0 || a->max_scale > 0) {
        double c = cos(angle), s = sin(angle);
        const double inverse[4] = {c / scale, s / scale, -s / scale, c / scale};
        memcpy(scratch, image, sizeof(float) * SIDE * SIDE);
        warp(image, scratch, inverse, shift);
        for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++) {
            double x = keypoints[2 * k] - center, y = keypoints[2 * k + 1] - center;
            keypoints[2 * k] = (float)(center + shift[0] + scale * (c * x - s * y));
            keypoints[2 * k + 1] = (float)(center + shift[1] + scale * (s * x + c * y));
        }
        /* A point turned about the center needs both of its coordinates. */
        for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++)
            if (!mask[2 * k] || !mask[2 * k + 1]) mask[2 * k] = mask[2 * k + 1] = 0;
    }
    if (a->max_brightness > 0 || a->max_contrast > 0) change_tones(image, brightness, contrast);
}
