#include "dataset/synth_face.h"

#include <math.h>

#include "base/random.h"

enum { SIDE = FCL_IMAGE_SIDE };
/* Of the eyes and of the mouth: how far a turn of the head moves them, the nose tip being 1. */
static const double eye_depth = 0.12, mouth_depth = 0.4;

/* Streams: an identity's numbers and a face's own never meet. */
static const uint32_t IDENTITY_STREAM = 0x80000000u;

/* A face in its own coordinates: origin between the eyes, x to the subject's left, y down, the eyes'
 * distance 1. */
typedef struct build {
    double eye_w, eye_h, brow_y, brow_tilt, nose_y, mouth_y, mouth_w, lip, head_w, chin_y, hair_y;
    double skin, hair, iris, lips;
    int has_glasses;
} build;

typedef struct pose {
    double x, y, scale, c, s, yaw, pitch; /* place of the origin, size of 1, roll, shifts by depth */
    double light_x, light_y, smile, open, background[3], blur, noise;
    int has_occluder;   /* something before the face: a hand, a cup */
    double occluder[5]; /* center, radii, tone */
} pose;

typedef struct point {
    double x, y;
} point;

static double soft(double distance) {
    /* Coverage from a signed distance in pixels, below zero inside. */
    return distance <= -0.7 ? 1.0 : distance >= 0.7 ? 0.0 : (0.7 - distance) / 1.4;
}

static double ellipse(double x, double y, double cx, double cy, double rx, double ry) {
    double dx = (x - cx) / rx, dy = (y - cy) / ry;
    return (sqrt(dx * dx + dy * dy) - 1.0) * (rx < ry ? rx : ry);
}

/* Distance to the segment from (ax, ay) to (bx, by), less half its thickness. */
static double stroke(double x, double y, double ax, double ay, double bx, double by, double half) {
    double dx = bx - ax, dy = by - ay, t = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy);
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    dx = x - ax - t * dx;
    dy = y - ay - t * dy;
    return sqrt(dx * dx + dy * dy) - half;
}

/* One statement a number: the order in which an initializer draws them is the compiler's. */
static build make_build(fcl_random_stream *r) {
    build b = {0};
    b.eye_w = fcl_random_uniform(r, 0.17, 0.22);
    b.eye_h = fcl_random_uniform(r, 0.07, 0.11);
    b.brow_y = fcl_random_uniform(r, -0.32, -0.18);
    b.brow_tilt = fcl_random_uniform(r, -0.09, 0.05);
    b.nose_y = fcl_random_uniform(r, 0.58, 0.82);
    b.mouth_y = fcl_random_uniform(r, 0.97, 1.15);
    b.mouth_w = fcl_random_uniform(r, 0.34, 0.48);
    b.lip = fcl_random_uniform(r, 0.05, 0.09);
    b.head_w = fcl_random_uniform(r, 0.98, 1.18);
    b.chin_y = fcl_random_uniform(r, 1.5, 1.75);
    b.hair_y = fcl_random_uniform(r, -0.95, -0.65);
    b.skin = fcl_random_uniform(r, 90, 205);
    b.hair = fcl_random_uniform(r, 15, 150);
    b.iris = fcl_random_uniform(r, 20, 80);
    b.lips = fcl_random_uniform(r, 0.55, 0.85);
    b.has_glasses = fcl_random_uniform(r, 0, 1) < 0.15;
    return b;
}

static pose make_pose(fcl_random_stream *r) {
    double roll = fcl_random_normal(r) * 0.07;
    pose p = {.c = cos(roll), .s = sin(roll)};
    p.x = 48.3 + fcl_random_normal(r) * 2.4;
    p.y = 37.8 + fcl_random_normal(r) * 2.4;
    p.scale = 36.1 + fcl_random_normal(r) * 2.6;
    p.yaw = fcl_random_normal(r) * 0.10;
    p.pitch = fcl_random_normal(r) * 0.11;
    p.light_x = fcl_random_uniform(r, -0.3, 0.3);
    p.light_y = fcl_random_uniform(r, -0.25, 0.1);
    p.smile = fcl_random_uniform(r, -0.03, 0.05);
    p.open = fcl_random_uniform(r, 0.0, 0.05);
    p.background[0] = fcl_random_uniform(r, 20, 230);
    p.background[1] = fcl_random_uniform(r, -0.6, 0.6);
    p.background[2] = fcl_random_uniform(r, -0.6, 0.6);
    p.blur = fcl_random_uniform(r, 0, 0.25);
    p.noise = fcl_random_uniform(r, 1, 8);
    p.has_occluder = fcl_random_uniform(r, 0, 1) < 0.08;
    const double low[5] = {-1.0, 0.3, 0.15, 0.15, 20}, high[5] = {1.0, 1.6, 0.4, 0.4, 220};
    for (int i = 0; i < 5; i++) p.occluder[i] = fcl_random_uniform(r, low[i], high[i]);
    return p;
}

/* A point of the face at a depth (1: the nose tip, 0: the eyes' plane) on the image. */
static point place(const pose *p, double x, double y, double depth) {
    x += p->yaw * depth;
    y += p->pitch * depth;
    return (point){p->x + p->scale * (p->c * x - p->s * y), p->y + p->scale * (p->s * x + p->c * y)};
}

static void blend(double *tone, double value, double coverage) {
    *tone += (value - *tone) * coverage;
}

/* The gray tone at (x, y) of the face's own coordinates; `px` is a pixel's size there. */
static double tone_at(const build *b, const pose *p, double x, double y, double background, double px) {
    double tone = background, k = 1.0 / px;
    double shade = b->skin * (1.0 + p->light_x * x * 0.8 + p->light_y * (y - 0.4) * 0.6);
    double middle = (b->chin_y + b->hair_y) / 2, half = (b->chin_y - b->hair_y) / 2;
    blend(&tone, b->hair, soft(k * ellipse(x, y, 0, b->hair_y + 0.55, b->head_w * 1.1, 1.0)));
    blend(&tone, shade * 0.8, soft(k * stroke(x, y, 0, 1.2, 0, 2.6, b->head_w * 0.5)));
    blend(&tone, shade, soft(k * ellipse(x, y, 0, middle + 0.1, b->head_w * 0.88, half * 0.98)));
    double fringe = ellipse(x, y, 0, b->hair_y - 0.05, b->head_w * 0.8, 0.32);
    blend(&tone, b->hair, soft(k * fringe));
    for (int side = -1; side <= 1; side += 2) {
        double ex = 0.5 * side + p->yaw * eye_depth, ey = 0, slant = b->brow_tilt;
        blend(&tone, shade * 0.82, soft(k * (ellipse(x, y, ex, ey, b->eye_w * 1.5, b->eye_h * 2.2))) * 0.6);
        double eye = ellipse(x, y, ex, ey, b->eye_w, b->eye_h);
        double inside = soft(k * eye);
        blend(&tone, 215, inside);
        blend(&tone, b->iris,
              inside * soft(k * ellipse(x, y, ex + p->yaw * 0.15, ey, b->eye_h * 1.05, b->eye_h * 1.05)));
        blend(&tone, shade * 0.4, soft(k * (fabs(eye) - 0.018)) * (y < ey ? 0.9 : 0.35));
        blend(&tone, b->hair * 0.8,
              soft(k * stroke(x, y, 0.23 * side, b->brow_y + 0.02, 0.87 * side, b->brow_y + 0.02 - slant, 0.045)));
    }
    double nx = p->yaw, ny = b->nose_y + p->pitch;
    blend(&tone, shade * (p->light_x > 0 ? 0.82 : 1.12),
          soft(k * stroke(x, y, 0.05, 0.05, nx + 0.1, ny - 0.05, 0.05)) * 0.6);
    blend(&tone, shade * 1.15, soft(k * ellipse(x, y, nx, ny, 0.13, 0.10)) * 0.7);
    for (int side = -1; side <= 1; side += 2)
        blend(&tone, shade * 0.45, soft(k * ellipse(x, y, nx + 0.09 * side, ny + 0.09, 0.045, 0.028)));
    double mx = p->yaw * mouth_depth, my = b->mouth_y + p->pitch * mouth_depth;
    double curve = p->smile * 4 * (x - mx) * (x - mx) / (b->mouth_w * b->mouth_w);
    double lips = ellipse(x, y + curve - p->smile, mx, my, b->mouth_w, b->lip + p->open);
    blend(&tone, shade * b->lips, soft(k * lips));
    blend(&tone, shade * 0.25,
          soft(k * ellipse(x, y + curve - p->smile, mx, my, b->mouth_w * 0.92, 0.015 + p->open * 0.7)));
    if (b->has_glasses)
        for (int side = -1; side <= 1; side += 2) {
            double rim = fabs(ellipse(x, y, 0.5 * side, 0.03, 0.34, 0.25)) - 0.02;
            blend(&tone, 25, soft(k * rim));
        }
    const double *o = p->occluder;
    if (p->has_occluder) blend(&tone, o[4], soft(k * ellipse(x, y, o[0], o[1], o[2], o[3])));
    return tone;
}

static void set_point(float *keypoints, unsigned k, point at) {
    keypoints[2 * k] = (float)at.x;
    keypoints[2 * k + 1] = (float)at.y;
}

/* Kaggle's order; the subject's left has the larger x. */
static void set_keypoints(float *keypoints, const build *b, const pose *p) {
    for (int side = 1; side >= -1; side -= 2) {
        unsigned other = side == 1 ? 0 : 1;
        set_point(keypoints, other, place(p, 0.5 * side, 0, eye_depth));
        set_point(keypoints, 2 + 2 * other, place(p, 0.5 * side - b->eye_w * side, 0, eye_depth));
        set_point(keypoints, 3 + 2 * other, place(p, 0.5 * side + b->eye_w * side, 0, eye_depth));
        set_point(keypoints, 6 + 2 * other, place(p, 0.23 * side, b->brow_y + 0.02, 0));
        set_point(keypoints, 7 + 2 * other, place(p, 0.87 * side, b->brow_y + 0.02 - b->brow_tilt, 0));
        set_point(keypoints, 11 + other, place(p, b->mouth_w * side, b->mouth_y - 3 * p->smile, mouth_depth));
    }
    set_point(keypoints, 10, place(p, 0, b->nose_y, 1));
    set_point(keypoints, 13, place(p, 0, b->mouth_y - b->lip - p->open + p->smile, mouth_depth));
    set_point(keypoints, 14, place(p, 0, b->mouth_y + b->lip + p->open + p->smile, mouth_depth));
    /* The eyes' shift is sideways only, see tone_at. */
    for (unsigned k = 0; k < 6; k++) {
        keypoints[2 * k] += (float)(p->scale * p->s * p->pitch * eye_depth);
        keypoints[2 * k + 1] -= (float)(p->scale * p->c * p->pitch * eye_depth);
    }
}

/* [blur, 1 - 2 blur, blur] along rows or columns; the border's pixels repeat outside. */
static void blur(double *tones, double weight, int step, int other_step) {
    for (int line = 0; line < SIDE; line++) {
        double *at = tones + line * other_step, before = at[0];
        for (int i = 0; i < SIDE; i++) {
            double here = at[i * step], after = at[(i + 1 < SIDE ? i + 1 : i) * step];
            at[i * step] = here + weight * (before - 2 * here + after);
            before = here;
        }
    }
}

void fcl_synth_face(uint8_t *pixels, float *keypoints, uint64_t seed, uint32_t identity, uint32_t index) {
    fcl_random_stream own = fcl_random_stream_make(seed, FCL_RANDOM_SYNTH, index);
    fcl_random_stream shared = fcl_random_stream_make(seed, FCL_RANDOM_SYNTH, IDENTITY_STREAM | identity);
    build b = make_build(&shared);
    pose p = make_pose(&own);
    double tones[SIDE * SIDE];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double u = (x - p.x) / p.scale, v = (y - p.y) / p.scale;
            double background = p.background[0] * (1.0 + p.background[1] * ((double)x / SIDE - 0.5) +
                                                   p.background[2] * ((double)y / SIDE - 0.5));
            tones[y * SIDE + x] = tone_at(&b, &p, p.c * u + p.s * v, -p.s * u + p.c * v, background, 1.0 / p.scale);
        }
    blur(tones, p.blur, 1, SIDE);
    blur(tones, p.blur, SIDE, 1);
    for (int i = 0; i < SIDE * SIDE; i++) {
        double tone = tones[i] + p.noise * fcl_random_normal(&own);
        pixels[i] = (uint8_t)(tone < 0 ? 0 : tone > 255 ? 255 : tone + 0.5);
    }
    set_keypoints(keypoints, &b, &p);
}
