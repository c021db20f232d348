#include "train/crew.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const char small_text[] = "layers = (\n"
                                 "  { type = \"average_pool\"; window = 8; },\n"
                                 "  { type = \"conv\"; filters = 4; kernel = 3; activation = \"relu\"; },\n"
                                 "  { type = \"max_pool\"; window = 2; },\n"
                                 "  { type = \"flatten\"; },\n"
                                 "  { type = \"dropout\"; rate = 0.3; },\n"
                                 "  { type = \"dense\"; units = 30; }\n"
                                 ");\n";

const double crew_tolerance = 1e-6;

fcl_batch make_batch(size_t n) {
    fcl_dataset *faces;
    float *images, *targets, *mask;
    fcl_batch batch = {.n = n};
    ck_ok(fcl_synth_dataset(&faces, &(fcl_synth_options){.count = n, .seed = 7}));
    ck_ok(FCL_NEW(&images, n * CREW_PIXELS, "images"));
    ck_ok(FCL_NEW(&targets, n * CREW_LABELS, "targets"));
    ck_ok(FCL_NEW(&mask, n * CREW_LABELS, "mask"));
    for (size_t i = 0; i < n * CREW_PIXELS; i++) images[i] = (float)faces->pixels[i] / 255.0f;
    for (size_t i = 0; i < n * CREW_LABELS; i++) {
        const float half = FCL_IMAGE_SIDE / 2.0f;
        mask[i] = faces->mask[i];
        targets[i] = mask[i] * (faces->keypoints[i] - half) / half;
        batch.n_labelled += faces->mask[i];
    }
    fcl_dataset_free(faces);
    batch.images = images;
    batch.targets = targets;
    batch.mask = mask;
    return batch;
}

void dispose_batch(fcl_batch *batch) {
    free((void *)batch->images);
    free((void *)batch->targets);
    free((void *)batch->mask);
}

void begin_anew(const crew *c, int zero) {
    fcl_tensors weights;
    ck_ok(fcl_tensors_init(&weights, c->model));
    if (!zero) fcl_tensors_initialize(&weights, 5);
    ck_ok(fcl_team_write(c->team, FCL_PARAMETERS, &weights));
    ck_ok(fcl_team_reset_optimizer(c->team));
    fcl_tensors_dispose(&weights);
}

crew make_crew_on(const char *const *selectors, const char *model, const fcl_share_record *records, size_t n_records,
                  unsigned n) {
    crew c = {.n = n};
    fcl_team_member members[CREW_MAX_MEMBERS];
    if (strcmp(model, "small") == 0)
        ck_ok(fcl_model_parse(&c.model, model, small_text));
    else
        ck_ok(fcl_model_load(&c.model, model));
    for (unsigned i = 0; i < n; i++) {
        ck_ok(fcl_device_open(&c.devices[i], selectors ? selectors[i] : NULL, 0));
        /* Without measurements all take the same solvers, whatever their shares are. */
        ck_ok(fcl_network_create(&c.networks[i], c.devices[i], c.model,
                                 &(fcl_network_options){.batch = CREW_BATCH, .training = 1, .measure = 0, .seed = 3}));
        members[i] = (fcl_team_member){.device = c.devices[i], .network = c.networks[i], .duty = 1.0};
    }
    ck_ok(fcl_team_create(&c.team, &(fcl_team_setup){.members = members,
                                                     .n = n,
                                                     .batch = CREW_BATCH,
                                                     .mode = n_records ? FCL_SHARES_FIXED : FCL_SHARES_AUTO,
                                                     .records = records,
                                                     .n_records = n_records}));
    begin_anew(&c, 0);
    return c;
}

crew make_crew(const char *model, const fcl_share_record *records, size_t n_records, unsigned n) {
    return make_crew_on(NULL, model, records, n_records, n);
}

void free_crew(crew *c) {
    fcl_team_free(c->team);
    for (unsigned i = 0; i < c->n; i++) {
        fcl_network_free(c->networks[i]);
        fcl_device_free(c->devices[i]);
    }
    fcl_model_free(c->model);
}

fcl_tensors read_arena(const crew *c, unsigned member, fcl_arena arena) {
    fcl_tensors tensors;
    ck_ok(fcl_tensors_init(&tensors, c->model));
    ck_ok(fcl_network_read(&tensors, c->networks[member], arena));
    return tensors;
}

void read_losses(double out[2], const crew *c, unsigned member, uint64_t step) {
    float stats[FCL_STATS_SLOTS][2];
    ck_ok(fcl_buffer_read(stats, fcl_network_stats(c->networks[member]), 0, sizeof stats));
    for (int i = 0; i < 2; i++) out[i] = (double)stats[(step - 1) % FCL_STATS_SLOTS][i];
}

void check_equal(const crew *a, unsigned member_of_a, const crew *b, unsigned member_of_b, fcl_arena arena) {
    fcl_tensors x = read_arena(a, member_of_a, arena), y = read_arena(b, member_of_b, arena);
    ck_assert_msg(fcl_tensors_are_equal(&x, &y), "arena %d of members %u and %u differs", (int)arena, member_of_a,
                  member_of_b);
    fcl_tensors_dispose(&x);
    fcl_tensors_dispose(&y);
}

void check_gradients(const fcl_tensors *got, const fcl_tensors *wanted, const char *who) {
    for (unsigned t = 0; t < fcl_model_n_tensors(got->model); t++) {
        const fcl_parameter *p = fcl_model_tensor(got->model, t);
        const double error = test_normalised_error(fcl_tensors_at(got, t), fcl_tensors_at(wanted, t), p->count);
        ck_assert_msg(error <= crew_tolerance * crew_tolerance, "%s: the gradient of %s is off by %g of its norm", who,
                      p->name, sqrt(error));
    }
}

void check_all_alike(const crew *c, uint64_t step) {
    double first[2], other[2];
    read_losses(first, c, 0, step);
    for (unsigned i = 1; i < c->n; i++) {
        check_equal(c, 0, c, i, FCL_GRADIENTS);
        check_equal(c, 0, c, i, FCL_PARAMETERS);
        check_equal(c, 0, c, i, FCL_MOMENT2);
        read_losses(other, c, i, step);
        ck_assert(first[0] == other[0] && first[1] == other[1]);
    }
}

int has_one_thread_only(void) {
    fcl_device *device;
    if (fcl_device_open(&device, NULL, 0) != FCL_OK) return 0; /* the tests say why */
    /* What it does with two queues at once is not guarded by locks: it ends in an assertion of its own, or crashes. */
    const int is_oclgrind = strcmp(fcl_device_facts(device)->platform, "Oclgrind") == 0;
    fcl_device_free(device);
    if (is_oclgrind) test_not_supported("Oclgrind cannot be called by several threads at once");
    return is_oclgrind;
}
