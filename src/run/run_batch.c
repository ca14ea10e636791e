/* Batches: which pictures come next. A picture is claimed before its file is
 * looked for, so that what is seen cannot change until the claim is given
 * back. */
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "job/target.h"
#include "run/run_parts.h"

static int last_iteration(const nj_runner *r, size_t number)
{
    const nj_image *image = nj_runner_image(r, number);

    return nj_plan_group(r->config->job, image)->iterations - 1;
}

static bool in_batch(const nj_runner *r, const char *name)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->slots[i].name, name) == 0)
            return true;
    }
    return false;
}

static nj_status settle_skipped(nj_runner *r, const nj_slot *slot,
                                const char *path, nj_err *err)
{
    nj_entry entry = nj_runner_entry(r, slot);
    nj_status status;

    entry.file = nj_path_name(path);
    status = nj_journal_found(r->journal, &entry, err);
    if (status != NJ_OK)
        return status;
    r->settled[slot->number] = true;
    r->tally->skipped++;
    nj_runner_tell(
        r, (nj_event){.kind = NJ_EVENT_SKIPPED,
                      .image = entry.image,
                      .number = slot->number,
                      .path = path,
                      .how = nj_journal_made_elsewhere(r->journal, entry.file)
                                 ? "was made by another process"
                                 : "is there already"});
    return NJ_OK;
}

/* Whether the pictures that --save-every asks for are there, but for the last.
 */
static nj_status has_saved(const nj_runner *r, size_t number, bool *there,
                           nj_err *err)
{
    const nj_image *image = nj_runner_image(r, number);
    const nj_group *g = nj_plan_group(r->config->job, image);
    int every = g->options.settings.save_every;
    nj_status status = NJ_OK;

    *there = true;
    for (int k = 0; k < g->iterations - 1 && *there; k++) {
        nj_target target;

        if (!nj_is_every(every, k))
            continue;
        status = nj_target_find(&r->source, image, k, &target, err);
        if (status != NJ_OK)
            return status;
        *there = target.done;
        nj_target_release(&target);
    }
    return NJ_OK;
}

/* Whether a picture that is ours has still to be made. */
static nj_status is_open(nj_runner *r, const nj_slot *slot, bool *open,
                         nj_err *err)
{
    const nj_image *image = nj_runner_image(r, slot->number);
    nj_target target;
    nj_status status = nj_target_find(
        &r->source, image, last_iteration(r, slot->number), &target, err);

    if (status != NJ_OK)
        return status;
    *open = !target.done || !nj_runner_has_video(r, target.path);
    if (!*open) {
        bool there;

        status = has_saved(r, slot->number, &there, err);
        *open = !there;
    }
    if (!*open && status == NJ_OK)
        status = settle_skipped(r, slot, target.path, err);
    nj_target_release(&target);
    if (!*open || status != NJ_OK)
        return status;
    status = nj_journal_refresh(r->journal, err);
    /* Another process of this night could not make it: nor can we. */
    if (status == NJ_OK && nj_journal_gave_up(r->journal, slot->name)) {
        *open = false;
        r->settled[slot->number] = true;
        r->tally->failed++;
    }
    return status;
}

static void hold_back(nj_runner *r, size_t number)
{
    if (r->held++ == 0)
        r->held_first = number;
}

/* Claims a picture and puts it into the batch when it has to be made. */
static nj_status consider(nj_runner *r, size_t number, nj_err *err)
{
    const nj_image *image = nj_runner_image(r, number);
    nj_slot slot = {.number = number};
    bool open = false;
    nj_status status =
        nj_target_name(r->config->job, image, last_iteration(r, number), NULL,
                       &slot.name, err);

    if (status != NJ_OK)
        return status;
    if (in_batch(r, slot.name)) {
        free(slot.name);
        return NJ_OK;
    }
    if (!nj_claims_take(&r->claims, slot.name)) {
        hold_back(r, number);
        free(slot.name);
        return NJ_OK;
    }
    status = is_open(r, &slot, &open, err);
    if (status == NJ_OK && open) {
        const nj_entry entry = nj_runner_entry(r, &slot);

        r->slots[r->count++] = slot;
        return nj_journal_take(r->journal, &entry, err);
    }
    nj_claims_give(&r->claims, slot.name);
    free(slot.name);
    return status;
}

nj_status nj_batch_collect(nj_runner *r, nj_err *err)
{
    const nj_plan *plan = r->config->plan;
    size_t room = 1;
    nj_status status = NJ_OK;

    r->count = 0;
    r->held = 0;
    while (r->first_open < plan->count && r->settled[r->first_open])
        r->first_open++;
    for (size_t i = r->first_open;
         i < plan->count && r->count < room && status == NJ_OK; i++) {
        const nj_image *image = nj_runner_image(r, i);
        const nj_group *g = nj_plan_group(r->config->job, image);

        if (r->settled[i] ||
            (r->count &&
             image->group != nj_runner_image(r, r->slots[0].number)->group))
            continue;
        status = consider(r, i, err);
        if (r->count == 1)
            room = (size_t)g->options.settings.batch_size;
    }
    return status;
}

void nj_batch_release(nj_runner *r)
{
    for (size_t i = 0; i < r->count; i++) {
        nj_claims_give(&r->claims, r->slots[i].name);
        free(r->slots[i].name);
    }
    r->count = 0;
}
