/* Tries: a batch goes through the engine as its group asks for. What fails for
 * want of memory is tried again in smaller pieces, what is not finite once in
 * full precision; what then still fails is a failed picture, and the run goes
 * on. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "run/run_parts.h"

/* After so many tries in a row without any picture the rest would fail too. */
#define FAILED_TRIES_MAX 3

/* ---- from the engine ----------------------------------------------------- */

/* What cannot be written now cannot be written later either: it ends the run.
 */
static nj_status on_picture(void *user, const nj_engine_picture *p, nj_err *err)
{
    nj_runner *r = user;
    nj_slot *slot = &r->slots[r->chosen[p->image]];
    double began = nj_steady_seconds();
    int save_every = r->settings.save_every;
    nj_status status = nj_runner_take_frame(r, slot, p, err);

    if (status == NJ_OK && (p->last || nj_is_every(save_every, p->iteration)))
        status = nj_runner_save(r, slot, p, err);
    r->callback_seconds += nj_steady_seconds() - began;
    if (status != NJ_OK) {
        r->fatal = *err;
        r->fatal.code = status;
        return status;
    }
    if (p->last) {
        slot->state = NJ_SLOT_MADE;
        r->settled[slot->number] = true;
    }
    return nj_stop_now(r->config->stop)
               ? nj_fail(err, NJ_E_INTERRUPTED, "stopped")
               : NJ_OK;
}

static void on_failed(void *user, size_t image, const nj_err *why)
{
    nj_runner *r = user;
    nj_slot *slot = &r->slots[r->chosen[image]];

    slot->state = NJ_SLOT_FAILED;
    if (why->code == NJ_E_NUMERIC && r->precision != NJ_PRECISION_FP32)
        slot->state = NJ_SLOT_NUMERIC;
    slot->why = *why;
}

static bool on_step(void *user, int iteration, int iterations)
{
    nj_runner *r = user;
    double began = nj_steady_seconds();

    nj_runner_tell(r, (nj_event){.kind = NJ_EVENT_STEP,
                                 .images = r->chosen_count,
                                 .iteration = iteration,
                                 .iterations = iterations});
    r->callback_seconds += nj_steady_seconds() - began;
    return !nj_stop_now(r->config->stop);
}

/* ---- one try ------------------------------------------------------------- */

static const nj_group *group_of(const nj_runner *r)
{
    return nj_plan_group(r->config->job,
                         nj_runner_image(r, r->slots[0].number));
}

/* The next pictures that wait, as many as a try takes. */
static bool choose(nj_runner *r)
{
    r->chosen_count = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (r->slots[i].state == NJ_SLOT_WAITS &&
            r->chosen_count < (size_t)r->effort.batch_size)
            r->chosen[r->chosen_count++] = i;
    }
    return r->chosen_count > 0;
}

static nj_status call_engine(nj_runner *r, const nj_work *work, nj_err *err)
{
    const nj_engine_callbacks callbacks = {r, on_step, on_picture, on_failed};
    double began = nj_steady_seconds();
    nj_status status;

    r->callback_seconds = 0;
    status = r->api->run(r->engine, work, &callbacks, err);
    r->tally->network_seconds +=
        nj_steady_seconds() - began - r->callback_seconds;
    return status;
}

static nj_status run_engine(nj_runner *r, nj_err *err)
{
    const nj_group *g = group_of(r);
    const nj_prompt *prompts[NJ_BATCH_MAX];
    uint64_t seeds[NJ_BATCH_MAX];
    nj_work work = {
        .settings = &r->settings,
        .images = r->chosen_count,
        .prompts = prompts,
        .seeds = seeds,
        .truncate = g->options.truncate,
        .init_rgb = g->init_rgb,
        .precision = r->precision,
        .frame_every = nj_runner_frame_every(r, g),
        .saving = r->effort.how.saving,
    };

    r->settings = g->options.settings;
    r->settings.batch_size = r->effort.batch_size;
    r->settings.clip_slices = r->effort.how.clip_slices;
    r->source.settings = &r->settings;
    for (size_t i = 0; i < r->chosen_count; i++) {
        const nj_image *image =
            nj_runner_image(r, r->slots[r->chosen[i]].number);

        prompts[i] = &nj_plan_prompt(r->config->job, image)->parsed;
        seeds[i] = image->seed;
    }
    if (r->videos)
        nj_videos_drop(r->videos); /* of a try that failed */
    nj_runner_tell(r, (nj_event){.kind = NJ_EVENT_BATCH,
                                 .images = r->chosen_count,
                                 .iterations = g->iterations});
    return call_engine(r, &work, err);
}

/* Pictures of a try that ended without them. */
static void fail_rest(nj_runner *r, const nj_err *why)
{
    for (size_t i = 0; i < r->chosen_count; i++) {
        nj_slot *slot = &r->slots[r->chosen[i]];

        if (slot->state != NJ_SLOT_WAITS)
            continue;
        slot->state = NJ_SLOT_FAILED;
        slot->why = *why;
    }
}

static nj_status note_retry(nj_runner *r, const nj_slot *slot,
                            const nj_err *why, const char *how, nj_err *err)
{
    const nj_entry entry = nj_runner_entry(r, slot);

    nj_runner_tell(r, (nj_event){.kind = NJ_EVENT_RETRY,
                                 .image = entry.image,
                                 .number = slot->number,
                                 .how = how,
                                 .why = why});
    return nj_journal_retry(r->journal, &entry, why, how, err);
}

/* ---- less memory --------------------------------------------------------- */

static bool is_memory(nj_status status)
{
    return status == NJ_E_MEMORY || status == NJ_E_DEVICE_MEMORY;
}

/* First the same once more (others may have used the memory; on a GPU without
 * the memory of graphs), then all that saves memory and CLIP in more parts,
 * then fewer pictures at once; false: nothing is left to try. */
static bool lower(nj_effort *e, int cutn)
{
    nj_thrift *how = &e->how;

    if (!e->again) {
        e->again = true;
        how->saving.launch = true;
        return true;
    }
    if (!how->saving.recompute || how->clip_slices < cutn) {
        how->saving =
            (nj_saving){.recompute = true, .drop_text = true, .launch = true};
        how->clip_slices =
            how->clip_slices * 4 < cutn ? how->clip_slices * 4 : cutn;
        return true;
    }
    if (e->batch_size > 1) {
        e->batch_size /= 2;
        return true;
    }
    return false;
}

static nj_status note_lower(nj_runner *r, const nj_err *why, nj_err *err)
{
    nj_status status = NJ_OK;
    char how[64];

    snprintf(how, sizeof(how), "batch size %d, CLIP in %d part%s%s",
             r->effort.batch_size, r->effort.how.clip_slices,
             r->effort.how.clip_slices == 1 ? "" : "s",
             r->effort.how.saving.recompute ? ", memory small" : "");
    for (size_t i = 0; i < r->chosen_count && status == NJ_OK; i++)
        status = note_retry(r, &r->slots[r->chosen[i]], why, how, err);
    return status;
}

/* ---- all tries of a batch ------------------------------------------------ */

/* What a failed try means for the run. */
static nj_status after_failure(nj_runner *r, nj_status status, nj_err *err)
{
    const nj_err why = *err;

    if (r->fatal.code != NJ_OK) {
        *err = r->fatal;
        return r->fatal.code;
    }
    if (status == NJ_E_INTERRUPTED)
        return status;
    if (is_memory(status) &&
        lower(&r->effort, group_of(r)->options.settings.cutn))
        return note_lower(r, &why, err);
    fail_rest(r, &why);
    r->failed_batches++;
    if (r->failed_batches < FAILED_TRIES_MAX && status != NJ_E_DEVICE)
        return NJ_OK;
    return nj_err_add(err, "giving up after %d failed batches",
                      r->failed_batches);
}

static nj_status try_all(nj_runner *r, nj_err *err)
{
    nj_status status = NJ_OK;

    while (status == NJ_OK && choose(r)) {
        nj_err why = {0};

        status = run_engine(r, err);
        if (status != NJ_OK) {
            status = after_failure(r, status, err);
            continue;
        }
        r->failed_batches = 0;
        nj_fail(&why, NJ_E_INTERNAL, "the engine made no picture");
        fail_rest(r, &why);
    }
    return status;
}

/* Pictures whose values were not finite, once more in full precision. */
static nj_status try_finer(nj_runner *r, nj_err *err)
{
    nj_status status = NJ_OK;
    bool any = false;

    for (size_t i = 0; i < r->count && status == NJ_OK; i++) {
        nj_slot *slot = &r->slots[i];

        if (slot->state != NJ_SLOT_NUMERIC)
            continue;
        any = true;
        slot->state = NJ_SLOT_WAITS;
        status = note_retry(r, slot, &slot->why, "fp32", err);
    }
    if (!any || status != NJ_OK)
        return status;
    r->precision = NJ_PRECISION_FP32;
    return try_all(r, err);
}

static nj_status settle_failed(nj_runner *r, const nj_slot *slot, nj_err *err)
{
    const nj_entry entry = nj_runner_entry(r, slot);

    r->settled[slot->number] = true;
    r->tally->failed++;
    nj_runner_tell(r, (nj_event){.kind = NJ_EVENT_FAILED,
                                 .image = entry.image,
                                 .number = slot->number,
                                 .why = &slot->why});
    return nj_journal_failed(r->journal, &entry, &slot->why, err);
}

static nj_status settle_all_failed(nj_runner *r, nj_err *err)
{
    nj_status status = NJ_OK;

    for (size_t i = 0; i < r->count && status == NJ_OK; i++) {
        if (r->slots[i].state == NJ_SLOT_FAILED ||
            r->slots[i].state == NJ_SLOT_NUMERIC)
            status = settle_failed(r, &r->slots[i], err);
    }
    return status;
}

/* Only a batch that went through in one try says how long one takes. */
static void note_pace(nj_runner *r)
{
    const nj_group *g = group_of(r);

    for (size_t i = 0; i < r->count; i++) {
        if (r->slots[i].state != NJ_SLOT_MADE)
            return;
    }
    if (r->effort.batch_size == g->options.settings.batch_size)
        nj_pace_add(&r->pace, g, nj_steady_seconds() - r->batch_began,
                    r->effort.batch_size);
}

nj_status nj_batch_make(nj_runner *r, nj_err *err)
{
    const nj_group *g = group_of(r);
    nj_status status;
    nj_err second = {0};

    if (r->effort.group != g)
        r->effort =
            (nj_effort){g, g->options.settings.batch_size,
                        nj_footprint_choose_for(
                            r->config->job, g, r->source.facts->cuda, &r->room),
                        false};
    /* What the engine has; AUTO is below fp32 or fp32 itself. */
    r->precision = r->source.facts->precision == NJ_PRECISION_FP32
                       ? NJ_PRECISION_FP32
                       : NJ_PRECISION_AUTO;
    r->batch_began = nj_steady_seconds();
    status = try_all(r, err);
    if (status == NJ_OK)
        status = try_finer(r, err);
    note_pace(r);
    if (settle_all_failed(r, status == NJ_OK ? err : &second) != NJ_OK &&
        status == NJ_OK)
        status = err->code;
    return status;
}
