#include "dataset/augment.h"

#include "base/random.h"
#include "dataset/dataset.h"

#include <math.h>
#include <string.h>

enum {
    SIDE = FCL_IMAGE_SIDE,
    PADDED = SIDE + 1,
    POSITIONS_PER_SAMPLE = 1 << 8 /* of the random stream; more than any sample draws */
};
static const double center = (FCL_IMAGE_SIDE - 1) / 2.0;

fcl_change fcl_change_draw(const fcl_augmentation *a, uint64_t seed, uint32_t epoch, uint32_t sample) {
    const double radians = 3.14159265358979323846 / 180.0, gray_levels = 255.0;
    fcl_random_stream random = fcl_random_stream_make(seed, FCL_RANDOM_AUGMENT, epoch);
    random.position = (uint64_t)sample * POSITIONS_PER_SAMPLE;
    fcl_change c;
    c.mirrored = fcl_random_uniform(&random, 0.0, 1.0) < a->flip;
    c.shift[0] = fcl_random_uniform(&random, -1.0, 1.0) * a->max_shift;
    c.shift[1] = fcl_random_uniform(&random, -1.0, 1.0) * a->max_shift;
    c.rotation = fcl_random_uniform(&random, -1.0, 1.0) * a->max_rotation * radians;
    c.scale = pow(1.0 + a->max_scale, fcl_random_uniform(&random, -1.0, 1.0));
    c.brightness = fcl_random_uniform(&random, -1.0, 1.0) * a->max_brightness / gray_levels;
    c.contrast = pow(1.0 + a->max_contrast, fcl_random_uniform(&random, -1.0, 1.0));
    return c;
}

static void mirror(float *image, float *keypoints, uint8_t *mask) {
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < SIDE / 2; x++) {
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

static float clamp(float value) {
    const float last = SIDE - 1;
    return value < 0.0f ? 0.0f : value > last ? last : value;
}

/* out(p) = image(center + inverse * (p - center - shift)), bilinear. The image is copied with its last row and column
 * doubled, so that the inner loop has no case for the border. */
static void warp(float *image, float *scratch, const double inverse[4], const double shift[2]) {
    for (size_t y = 0; y < PADDED; y++) {
        const float *row = image + (y < SIDE ? y : SIDE - 1) * SIDE;
        memcpy(scratch + y * PADDED, row, SIDE * sizeof *row);
        scratch[y * PADDED + SIDE] = row[SIDE - 1];
    }
    const float step_x = (float)inverse[0], step_y = (float)inverse[2];
    for (size_t y = 0; y < SIDE; y++) {
        double dx = -center - shift[0], dy = (double)y - center - shift[1];
        const float begin_x = (float)(center + inverse[0] * dx + inverse[1] * dy);
        const float begin_y = (float)(center + inverse[2] * dx + inverse[3] * dy);
        for (int x = 0; x < SIDE; x++) {
            float from_x = clamp(begin_x + step_x * (float)x), from_y = clamp(begin_y + step_y * (float)x);
            int column = (int)from_x, row = (int)from_y;
            float fx = from_x - (float)column, fy = from_y - (float)row;
            const float *p = scratch + row * PADDED + column;
            float upper = p[0] + fx * (p[1] - p[0]), lower = p[PADDED] + fx * (p[PADDED + 1] - p[PADDED]);
            image[y * SIDE + (size_t)x] = upper + fy * (lower - upper);
        }
    }
}

static void move_image(float *image, float *keypoints, float *scratch, const fcl_change *change) {
    const double c = cos(change->rotation), s = sin(change->rotation), scale = change->scale;
    const double inverse[4] = {c / scale, s / scale, -s / scale, c / scale};
    warp(image, scratch, inverse, change->shift);
    for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++) {
        double x = keypoints[2 * k] - center, y = keypoints[2 * k + 1] - center;
        keypoints[2 * k] = (float)(center + change->shift[0] + scale * (c * x - s * y));
        keypoints[2 * k + 1] = (float)(center + change->shift[1] + scale * (s * x + c * y));
    }
}

static void change_tones(float *image, double brightness, double contrast) {
    double sum = 0.0;
    for (size_t i = 0; i < FCL_IMAGE_PIXELS; i++) sum += image[i];
    const double mean = sum / FCL_IMAGE_PIXELS;
    const float factor = (float)contrast, added = (float)(mean - mean * contrast + brightness);
    for (size_t i = 0; i < FCL_IMAGE_PIXELS; i++) {
        float value = image[i] * factor + added;
        image[i] = value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value;
    }
}

void fcl_augment(float *image, float *keypoints, uint8_t *mask, float *scratch, const fcl_change *c) {
    if (c->mirrored) mirror(image, keypoints, mask);
    if (c->shift[0] != 0.0 || c->shift[1] != 0.0 || c->rotation != 0.0 || c->scale != 1.0)
        move_image(image, keypoints, scratch, c);
    if (c->brightness != 0.0 || c->contrast != 1.0) change_tones(image, c->brightness, c->contrast);
}
