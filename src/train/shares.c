#include "train/shares.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    MAX_TIMES = sizeof((fcl_times *)0)->seconds / sizeof(double),
    FEWEST_TIMES = 3,
    STEPS_WHILE_SETTLING = 4,
    STEPS_WHEN_SETTLED = 16,
    SETTLING_STEPS = 48,
};

/* How far towards the shares that were measured: what is left of an error is on the side where it was, and noise is damped. */
static const double way = 0.7;
/* Times this often the usual, or this small a part of it, are not of the device's making. */
static const double usual = 1.5;
/* Times are taken to scatter by so much, or by more where they do. */
static const double least_noise = 0.05;
/* A share is off when it differs from what was measured by so many standard errors; when settled, by this part of it more, which
 * may be left of the beginning. */
static const double errors_while_settling = 3.0, errors_when_settled = 5.0, left_when_settled = 0.04;
/* The part of a step's time that a change saves. */
static const double gain_while_settling = 0.001, gain_when_settled = 0.03;
/* Devices that are alike differ by so much in a short measurement. */
static const double noise_alike = 0.1;
/* Alone must be better by this much: one who is left out does not come back. */
static const double gain_alone = 0.05;
/* In samples: what is left out, and remainders that are the same but for rounding. */
static const double too_small = 0.5, least_difference = 1e-9;

void fcl_shares_divide(unsigned *samples, const double *speeds, unsigned n, unsigned batch) {
    double total = 0.0, rest[FCL_MAX_REPLICAS];
    unsigned given = 0;
    for (unsigned i = 0; i < n; i++) total += speeds[i];
    for (unsigned i = 0; i < n; i++) {
        const double exact = batch * (speeds[i] / total);
        samples[i] = (unsigned)exact;
        rest[i] = speeds[i] > 0.0 ? exact - samples[i] : -1.0;
        given += samples[i];
    }
    for (; given < batch; given++) {
        unsigned most = 0;
        for (unsigned i = 1; i < n; i++)
            if (rest[i] > rest[most] + least_difference) most = i;
        samples[most]++;
        rest[most] -= 1.0;
    }
}

void fcl_shares_even_out(double *seconds, const unsigned *kinds, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        double sum = 0.0, lowest = (double)INFINITY, highest = 0.0;
        unsigned n_alike = 0;
        for (unsigned j = 0; j < n; j++) {
            if (kinds[j] != kinds[i] || !(seconds[j] > 0.0) || isinf(seconds[j])) continue;
            sum += seconds[j];
            lowest = fmin(lowest, seconds[j]);
            highest = fmax(highest, seconds[j]);
            n_alike++;
        }
        const double mean = sum / n_alike;
        if (n_alike < 2 || highest > mean * (1.0 + noise_alike) || lowest < mean * (1.0 - noise_alike)) continue;
        for (unsigned j = 0; j < n; j++)
            if (kinds[j] == kinds[i] && seconds[j] > 0.0 && !isinf(seconds[j])) seconds[j] = mean;
    }
}

static void times_add(fcl_times *times, double seconds) {
    times->seconds[times->next] = seconds;
    times->next = (times->next + 1) % MAX_TIMES;
    if (times->n < MAX_TIMES) times->n++;
}

static double median(const fcl_times *times) {
    double sorted[MAX_TIMES] = {0};
    for (unsigned i = 0; i < times->n; i++) {
        unsigned at = i;
        for (; at > 0 && sorted[at - 1] > times->seconds[i]; at--) sorted[at] = sorted[at - 1];
        sorted[at] = times->seconds[i];
    }
    return (sorted[(times->n - 1) / 2] + sorted[times->n / 2]) / 2.0;
}

/* Of those that are usual: the mean, their number, and the sum of squares of what they differ from it, in parts of it. */
typedef struct usual_times {
    double mean, squares;
    unsigned n;
} usual_times;

static usual_times look(const fcl_times *times) {
    const double middle = median(times);
    usual_times out = {0};
    double sum = 0.0;
    for (unsigned i = 0; i < times->n; i++) {
        const double t = times->seconds[i];
        if (t > middle * usual || t < middle / usual) continue;
        sum += t;
        out.squares += t * t;
        out.n++;
    }
    out.mean = out.n ? sum / out.n : middle;
    out.squares = out.n ? fmax(out.squares / (out.mean * out.mean) - out.n, 0.0) : 0.0;
    return out;
}

static unsigned count_in(const fcl_balance *b) {
    unsigned n = 0;
    for (unsigned i = 0; i < b->n; i++) n += b->speeds[i] > 0.0;
    return n;
}

static double total_speed(const fcl_balance *b) {
    double total = 0.0;
    for (unsigned i = 0; i < b->n; i++) total += b->speeds[i];
    return total;
}

/* As fcl_shares_divide(), with one sample at least for all that are not left out, as far as the batch has them. */
static void divide(unsigned *samples, const fcl_balance *b, const double *wanted) {
    fcl_shares_divide(samples, wanted, b->n, b->batch);
    for (unsigned i = 0; i < b->n; i++) {
        unsigned most = 0;
        if (samples[i] || b->speeds[i] <= 0.0) continue;
        for (unsigned j = 1; j < b->n; j++)
            if (samples[j] > samples[most]) most = j;
        if (samples[most] < 2) return;
        samples[most]--;
        samples[i]++;
    }
}

/* Times of other shares say nothing about the new ones. */
static void set_shares(fcl_balance *b, const unsigned *samples) {
    for (unsigned i = 0; i < b->n; i++)
        if (samples[i] != b->samples[i]) b->times[i] = (fcl_times){0};
    b->steps = (fcl_times){0};
    memcpy(b->samples, samples, b->n * sizeof *samples);
}

static void begin(fcl_balance *b, unsigned n, unsigned batch) {
    assert(n >= 1 && n <= FCL_MAX_REPLICAS && batch >= 1);
    *b = (fcl_balance){.n = n, .batch = batch, .begins = 1};
}

void fcl_balance_begin(fcl_balance *b, unsigned n, unsigned batch, const double *seconds_per_sample) {
    unsigned samples[FCL_MAX_REPLICAS];
    begin(b, n, batch);
    b->adapts = 1;
    for (unsigned i = 0; i < n; i++) b->speeds[i] = 1.0 / seconds_per_sample[i];
    divide(samples, b, b->speeds);
    set_shares(b, samples);
}

void fcl_balance_fix(fcl_balance *b, unsigned n, const unsigned *samples) {
    unsigned batch = 0;
    for (unsigned i = 0; i < n; i++) batch += samples[i];
    begin(b, n, batch);
    for (unsigned i = 0; i < n; i++) b->speeds[i] = samples[i];
    set_shares(b, samples);
}

void fcl_balance_note(fcl_balance *b, unsigned index, unsigned samples, double seconds) {
    if (samples && samples == b->samples[index] && seconds > 0.0) times_add(&b->times[index], seconds);
}

/* Speeds from the latest times, and the standard error of each device's mean, in parts of it; 0 when there are too few times. */
static int measure(fcl_balance *b, double *errors) {
    double squares = 0.0;
    unsigned freedom = 0, n_usual[FCL_MAX_REPLICAS];
    for (unsigned i = 0; i < b->n; i++)
        if (b->samples[i] && b->times[i].n < FEWEST_TIMES) return 0;
    for (unsigned i = 0; i < b->n; i++) {
        if (!b->samples[i]) continue;
        const usual_times times = look(&b->times[i]);
        b->speeds[i] = b->samples[i] / times.mean;
        squares += times.squares;
        n_usual[i] = times.n ? times.n : 1;
        freedom += n_usual[i] - 1;
    }
    const double noise = fmax(freedom ? sqrt(squares / freedom) : 0.0, least_noise);
    for (unsigned i = 0; i < b->n; i++) errors[i] = b->samples[i] ? noise / sqrt(n_usual[i]) : 0.0;
    return 1;
}

static double longest(const fcl_balance *b, const unsigned *samples) {
    double seconds = 0.0;
    for (unsigned i = 0; i < b->n; i++)
        if (samples[i]) seconds = fmax(seconds, samples[i] / b->speeds[i]);
    return seconds;
}

int fcl_balance_adapt(fcl_balance *b, uint64_t step) {
    double errors[FCL_MAX_REPLICAS] = {0}, wanted[FCL_MAX_REPLICAS] = {0};
    unsigned samples[FCL_MAX_REPLICAS];
    int is_off = 0;
    if (!b->adapts) return 0;
    if (b->begins) {
        b->begins = 0;
        b->looked = step ? step - 1 : 0;
        b->settled = b->looked + SETTLING_STEPS;
    }
    const int settles = step <= b->settled;
    if (step - b->looked < (settles ? STEPS_WHILE_SETTLING : STEPS_WHEN_SETTLED) || !measure(b, errors)) return 0;
    b->looked = step;
    b->measured = 1;
    const double total = total_speed(b), allowed = settles ? errors_while_settling : errors_when_settled,
                 left = settles ? 0.0 : left_when_settled;
    for (unsigned i = 0; i < b->n; i++)
        wanted[i] = b->samples[i] + way * (b->batch * (b->speeds[i] / total) - b->samples[i]);
    divide(samples, b, wanted);
    for (unsigned i = 0; i < b->n; i++) {
        const double even = b->batch * (b->speeds[i] / total);
        is_off |= samples[i] != b->samples[i] && fabs(b->samples[i] - even) > (left + allowed * errors[i]) * even;
    }
    const double before = longest(b, b->samples), gain = (before - longest(b, samples)) / before;
    if (!is_off || gain < (settles ? gain_while_settling : gain_when_settled)) return 0;
    set_shares(b, samples);
    if (!settles) b->settled = step + SETTLING_STEPS;
    return 1;
}

/* The slowest ones, as long as their part is too small; when it has gone the others' parts are larger. */
static int find_too_slow(const fcl_balance *b, fcl_leave_out *out) {
    double total = total_speed(b);
    int is_left[FCL_MAX_REPLICAS] = {0};
    out->n = 0;
    for (unsigned n_in = count_in(b); n_in > 1; n_in--) {
        unsigned slowest = b->n;
        for (unsigned i = 0; i < b->n; i++)
            if (b->speeds[i] > 0.0 && !is_left[i] && (slowest == b->n || b->speeds[i] <= b->speeds[slowest]))
                slowest = i;
        const double share = b->batch * (b->speeds[slowest] / total);
        /* While shares move, or when something else was in its way for a few steps, that is not certain. */
        const int is_certain = !b->measured || (b->samples[slowest] <= 1 && b->times[slowest].n == MAX_TIMES);
        if ((share >= too_small && n_in <= b->batch) || !is_certain) break;
        is_left[slowest] = 1;
        out->index[out->n] = slowest;
        out->share[out->n++] = share;
        total -= b->speeds[slowest];
    }
    out->reason = FCL_LEAVE_TOO_SLOW;
    return out->n > 0;
}

static int find_faster_alone(const fcl_balance *b, fcl_leave_out *out) {
    const double total = total_speed(b);
    if (b->steps.n < MAX_TIMES) return 0;
    *out = (fcl_leave_out){.reason = FCL_LEAVE_FASTER_ALONE, .fastest = b->n};
    for (unsigned i = 0; i < b->n; i++) {
        if (b->samples[i] && b->times[i].n < MAX_TIMES) return 0;
        if (b->speeds[i] > 0.0 && (out->fastest == b->n || b->speeds[i] > b->speeds[out->fastest])) out->fastest = i;
    }
    out->alone_seconds = b->batch / b->speeds[out->fastest];
    out->step_seconds = median(&b->steps);
    if (out->alone_seconds > out->step_seconds * (1.0 - gain_alone)) return 0;
    for (unsigned i = 0; i < b->n; i++) {
        if (b->speeds[i] <= 0.0 || i == out->fastest) continue;
        out->index[out->n] = i;
        out->share[out->n++] = b->batch * (b->speeds[i] / total);
    }
    return out->n > 0;
}

int fcl_balance_leave_out(fcl_balance *b, double step_seconds, fcl_leave_out *out) {
    fcl_leave_out found = {0};
    if (!b->adapts || count_in(b) < 2) return 0;
    if (step_seconds > 0.0) times_add(&b->steps, step_seconds);
    if (!find_too_slow(b, &found) && !find_faster_alone(b, &found)) return 0;
    *out = found;
    return 1;
}

void fcl_balance_drop(fcl_balance *b, unsigned index) {
    unsigned samples[FCL_MAX_REPLICAS];
    b->speeds[index] = 0.0;
    assert(count_in(b) > 0);
    divide(samples, b, b->speeds);
    set_shares(b, samples);
    b->begins = 1;
}
