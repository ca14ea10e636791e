/* Checks of a batch against the engine that is to run it. What a job can know
 * beforehand it refused earlier (job/check.h); callers of the engine alone get
 * the same answers here. */
#include "engine/engine_internal.h"

static nj_status check_class(const nj_engine *e, const nj_work *work,
                             nj_err *err)
{
    int classes = nj_unet_flags(e->unet)->num_classes;
    int id = work->settings->class_id;

    if (classes == 0 && id >= 0)
        return nj_fail(err, NJ_E_USAGE,
                       "class %d: the network is not class-conditional", id);
    if (classes > 0 && id == NJ_CLASS_NONE)
        return nj_fail(err, NJ_E_USAGE,
                       "the network is class-conditional: it needs a class of "
                       "0 to %d or random ones",
                       classes - 1);
    if (classes > 0 && id >= classes)
        return nj_fail(err, NJ_E_USAGE, "class %d: the network has 0 to %d", id,
                       classes - 1);
    return NJ_OK;
}

nj_status nj_run_check(const nj_engine *e, const nj_work *work, nj_err *err)
{
    const nj_settings *s = work->settings;
    int factor = nj_unet_card_factor(nj_unet_flags(e->unet));

    if (s->width < 1 || s->height < 1 || s->width % factor ||
        s->height % factor)
        return nj_fail(err, NJ_E_USAGE,
                       "size %d x %d: the network needs multiples of %d",
                       s->width, s->height, factor);
    if (s->batch_size < 1 || work->images < 1 ||
        work->images > (size_t)s->batch_size)
        return nj_fail(err, NJ_E_INTERNAL, "%zu images in a batch of %d",
                       work->images, s->batch_size);
    if (s->cutn < 1 || s->cutn_batches < 1)
        return nj_fail(err, NJ_E_USAGE, "%d cutouts in %d batches: at least 1",
                       s->cutn, s->cutn_batches);
    if (s->sampler == NJ_PLMS &&
        (s->plms_order < 1 || s->plms_order > NJ_PLMS_ORDER_MAX))
        return nj_fail(err, NJ_E_USAGE, "PLMS order %d, not 1 to %d",
                       s->plms_order, NJ_PLMS_ORDER_MAX);
    if (e->secondary &&
        (s->width % NJ_SECONDARY_FACTOR || s->height % NJ_SECONDARY_FACTOR))
        return nj_fail(err, NJ_E_USAGE,
                       "size %d x %d: the secondary model needs multiples of "
                       "%d",
                       s->width, s->height, NJ_SECONDARY_FACTOR);
    if (s->clip_guidance_scale != 0 && e->clip_count == 0)
        return nj_fail(err, NJ_E_USAGE, "CLIP guidance without a CLIP network");
    return check_class(e, work, err);
}
