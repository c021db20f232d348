#include "bench/scaling_facts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "train/run.h"

static const double milliseconds = 1e3;

static fcl_status add(json_t *details, json_t *facts) {
    if (!facts || json_object_update(details, facts) != 0) {
        json_decref(facts);
        return fcl_fail_memory("a result", 0);
    }
    json_decref(facts);
    return FCL_OK;
}

static json_t *device_facts(const fcl_bench *bench, unsigned index, double update_seconds) {
    const fcl_device_info *info = fcl_device_facts(bench->devices[index]);
    char *selector = fcl_device_selector(info);
    json_t *facts = selector ? json_pack("{s:i, s:s, s:s, s:f, s:f}", "index", (int)index, "device", selector, "driver",
                                         info->driver_version, "duty", bench->duties[index], "update_ms",
                                         update_seconds * milliseconds)
                             : NULL;
    free(selector);
    return facts;
}

fcl_status fcl_scaling_note_alone(fcl_result *result, const fcl_bench *bench, unsigned index, double update_seconds) {
    return add(result->details, device_facts(bench, index, update_seconds));
}

static json_t *per_step(double seconds, uint64_t n_steps) {
    return n_steps ? json_real(seconds / (double)n_steps * milliseconds) : json_null();
}

static json_t *devices(const fcl_bench *bench, const fcl_scaling_seen *seen) {
    json_t *list = json_array();
    for (unsigned i = 0; list && i < bench->n_devices; i++) {
        const fcl_member_times *t = &seen->times[i];
        json_t *one = device_facts(bench, i, seen->update_seconds[i]);
        json_t *rest = json_pack(
            "{s:o, s:I, s:I, s:f, s:o, s:o, s:o}", "alone_images_per_second", fcl_json_number_or_null(seen->alone[i]),
            "samples", (json_int_t)fcl_team_share(seen->team, fcl_team_batch(seen->team), i).n, "steps",
            (json_int_t)t->n_steps, "samples_a_step", t->n_steps ? (double)t->n_samples / (double)t->n_steps : 0.0,
            "busy_ms", per_step(t->busy, t->n_steps), "waiting_ms", per_step(t->waiting, t->n_steps), "exchange_ms",
            per_step(t->exchange, t->n_steps));
        const int failed = !one || !rest || json_object_update(one, rest) != 0;
        json_decref(rest);
        if (failed || json_array_append_new(list, one) != 0) {
            if (failed) json_decref(one);
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *shares(const fcl_team *team) {
    size_t n;
    const fcl_share_record *records = fcl_team_records(&n, team);
    json_t *list = json_array();
    for (size_t k = 0; list && k < n; k++) {
        if (json_array_append_new(list, fcl_share_record_to_json(&records[k], fcl_team_size(team))) == 0) continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

/* Bytes of a layer's parameters. */
static size_t layer_bytes(const fcl_model *model, const char *layer) {
    const size_t length = strlen(layer);
    size_t bytes = 0;
    for (unsigned t = 0; t < fcl_model_n_tensors(model); t++) {
        const fcl_parameter *p = fcl_model_tensor(model, t);
        if (strncmp(p->name, layer, length) == 0 && p->name[length] == '/') bytes += p->count * sizeof(float);
    }
    return bytes;
}

/* In the order in which they become complete. */
static json_t *gradients(const fcl_network *network) {
    json_t *list = json_array();
    double done = 0.0, all = 0.0;
    const unsigned n = fcl_network_n_operations(network);
    for (int pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < n; i++) {
            const char *layer, *part;
            const fcl_op_desc *desc = fcl_network_operation_desc(network, i);
            const double flop = fcl_op_flop(desc, desc->batch);
            if (pass == 0) {
                all += flop;
                continue;
            }
            done += flop;
            fcl_network_operation_place(&layer, &part, network, i);
            if (!fcl_starts_with(part, "backward_weights")) continue;
            json_array_append_new(list, json_pack("{s:s, s:I, s:f}", "layer", layer, "bytes",
                                                  (json_int_t)layer_bytes(fcl_network_model(network), layer),
                                                  "complete_at", done / all));
        }
    return list;
}

fcl_status fcl_scaling_note_together(fcl_result *result, const fcl_bench *bench, const fcl_scaling_seen *seen) {
    return add(result->details,
               json_pack("{s:i, s:o, s:o, s:o}", "batch", bench->options.batch, "devices", devices(bench, seen),
                         "shares", shares(seen->team), "gradients", gradients(seen->network)));
}
