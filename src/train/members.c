#include "train/members.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "ranks/ranks.h"

static const char what[] = "the devices of a run";

fcl_status fcl_members_open(fcl_members *out, const fcl_members_setup *setup) {
    fcl_status status;
    fcl_members members = {0};
    FCL_TRY(fcl_device_open_several(&members.devices, &members.n, setup->devices, 0));
    double n_all = members.n;
    FCL_TRY(fcl_ranks_sum(&n_all, 1));
    members.n_all = (unsigned)n_all;
    FCL_TRY(fcl_team_check_counts(members.n, members.n_all, setup->n_duties, setup->n_shares, setup->recipe->batch));
    FCL_TRY(FCL_NEW(&members.list, members.n, what));
    for (unsigned i = 0; i < members.n; i++) members.list[i].device = members.devices[i];
    *out = members;
    members = (fcl_members){0};
done:
    fcl_members_dispose(&members);
    return status;
}

static fcl_status plan(fcl_member_parts *m, const fcl_members_setup *setup, const fcl_choice *choice,
                       unsigned n_parts) {
    const unsigned batch = setup->recipe->batch;
    const fcl_memory_request request = {
        .batch = batch, .device = m->device, .limit = setup->memory_limit, .staging_bytes = fcl_batches_bytes(batch)};
    fcl_status status = fcl_memory_plan_make(&m->plan, setup->model, &request, choice, n_parts);
    if (status != FCL_OK) return status;
    fcl_device_limit_memory(m->device, m->plan.device_limit);
    if (m->plan.n_parts > n_parts)
        fcl_log(FCL_LOG_WARNING,
                "a batch of %u in %u part%s does not fit into the memory of '%s': it is computed in %u parts, which "
                "give the same gradient but for rounding",
                batch, n_parts, n_parts == 1 ? "" : "s", fcl_device_facts(m->device)->name, m->plan.n_parts);
    return FCL_OK;
}

/* One device's part of it all. A device may come to compute any share of a batch: its network is one for the whole. */
static fcl_status build(fcl_members *members, unsigned index, const fcl_members_setup *setup) {
    fcl_status status;
    fcl_member_parts *m = &members->list[index];
    fcl_choice *choice = NULL;
    int recorded;
    unsigned n_parts = 1;
    FCL_TRY(fcl_run_choice(&choice, &recorded, setup->recorded, m->device, index));
    if (recorded) FCL_TRY(fcl_run_parts(&n_parts, setup->recorded, index));
    FCL_TRY(plan(m, setup, choice, n_parts));
    /* Nothing is recorded of smaller parts. */
    if (recorded && m->plan.n_parts != n_parts) {
        FCL_TRY(fcl_run_force_solvers(choice, setup->recorded));
        members->parts_changed = 1;
    }
    const fcl_network_options options = {.choice = choice, .measure = 1, .seed = setup->recipe->seed};
    FCL_TRY(fcl_network_create_by_plan(&m->network, &m->plan, setup->model, &options));
done:
    fcl_choice_free(choice);
    return status;
}

static void log_duty(double duty, const fcl_device *device) {
    static const double percent = 100.0;
    if (duty < 1.0)
        fcl_log(FCL_LOG_INFO, "duty %g%%: the device '%s' rests %g%% of the time", percent * duty,
                fcl_device_facts(device)->name, percent - percent * duty);
}

static fcl_status make_team(fcl_members *members, const fcl_members_setup *setup) {
    fcl_status status;
    const unsigned n = members->n;
    fcl_team_member *list = NULL;
    fcl_share_record *records = NULL;
    size_t n_records = 0;
    fcl_share_mode mode = setup->n_shares ? FCL_SHARES_FIXED : FCL_SHARES_AUTO;
    FCL_TRY(FCL_NEW(&list, n, what));
    for (unsigned i = 0; i < n; i++) {
        const fcl_member_parts *m = &members->list[i];
        list[i] = (fcl_team_member){
            .device = m->device, .network = m->network, .duty = fcl_team_duty(setup->duties, setup->n_duties, i)};
        log_duty(list[i].duty, m->device);
    }
    if (setup->n_shares) {
        double weights[FCL_MAX_REPLICAS];
        for (unsigned i = 0; i < setup->n_shares; i++) weights[i] = (double)setup->shares[i];
        FCL_TRY(FCL_NEW(&records, 1, what));
        records->first_step = 1;
        fcl_shares_divide(records->samples, weights, setup->n_shares, setup->recipe->batch);
        n_records = 1;
    } else if (members->as_recorded && members->n_all == n && n > 1) {
        FCL_TRY(fcl_run_shares(&records, &n_records, &mode, setup->recorded, n, setup->replays));
        if (setup->replays) mode = FCL_SHARES_FIXED;
    }
    FCL_TRY(fcl_team_create(&members->team, &(fcl_team_setup){.members = list,
                                                              .n = n,
                                                              .batch = setup->recipe->batch,
                                                              .mode = mode,
                                                              .records = records,
                                                              .n_records = n_records}));
done:
    free(records);
    free(list);
    return status;
}

fcl_status fcl_members_build(fcl_members *members, const fcl_members_setup *setup) {
    fcl_status status;
    members->as_recorded = setup->recorded && fcl_run_was_on(setup->recorded, members->devices, members->n);
    if (setup->replays && !members->as_recorded)
        return fcl_fail(
            FCL_E_INPUT,
            "'%s' was trained with other devices or drivers than those that are here now: its bits cannot be "
            "had again",
            setup->recorded->folder);
    for (unsigned i = 0; i < members->n; i++) FCL_TRY(build(members, i, setup));
    FCL_TRY(make_team(members, setup));
done:
    return status;
}

void fcl_members_dispose(fcl_members *members) {
    const int has_lost = fcl_team_settle(members->team);
    fcl_team_free(members->team);
    for (unsigned i = 0; members->list && i < members->n; i++)
        if (!has_lost) fcl_network_free(members->list[i].network);
    if (!has_lost) fcl_device_free_several(members->devices, members->n);
    free(members->list);
    *members = (fcl_members){0};
}

fcl_status fcl_members_log_plans(const fcl_members *members) {
    fcl_status status = FCL_OK;
    for (unsigned i = 0; i < members->n && status == FCL_OK; i++) {
        fcl_text text = FCL_TEXT_EMPTY;
        if (members->n > 1) fcl_text_appendf(&text, "'%s':\n", fcl_device_facts(members->list[i].device)->name);
        fcl_memory_plan_append(&text, &members->list[i].plan);
        status = fcl_text_status(&text);
        if (status == FCL_OK) fcl_log_lines(FCL_LOG_INFO, text.data);
        fcl_text_dispose(&text);
    }
    return status;
}

fcl_status fcl_members_record(const fcl_members *members, fcl_run *run, uint64_t first_step) {
    fcl_status status;
    for (unsigned i = 0; i < members->n; i++) {
        const fcl_member_parts *m = &members->list[i];
        FCL_TRY(fcl_run_add_device(run, m->device, m->network, i, m->plan.n_parts, first_step));
    }
    status = fcl_run_write(run);
done:
    return status;
}
