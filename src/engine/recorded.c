/* What CUDA plays back of an engine's networks from one batch to the next. */
#include "engine/engine_internal.h"

/* A CLIP is done with its cutouts before the next one begins; between the
 * UNet's passes lie all of theirs. */
static void record_all(nj_engine *e, bool on)
{
    nj_unet_record(e->unet, on);
    for (size_t i = 0; i < e->clip_count; i++)
        nj_clip_record(e->clips[i].clip, on, i > 0 ? e->clips[0].clip : NULL,
                       nj_unet_recording(e->unet));
}

void nj_engine_forget(nj_engine *e)
{
    record_all(e, false);
}

/* Another precision of the UNet has other products in CLIP too (TF32), and
 * another size of pictures other shapes everywhere. */
void nj_engine_record(nj_engine *e, const nj_settings *s,
                      const nj_saving *saving)
{
    const nj_recorded now = {.width = s->width,
                             .height = s->height,
                             .batch = s->batch_size,
                             .precision = e->facts.precision,
                             .recompute = saving->recompute};
    const nj_recorded *was = &e->recorded;

    if (saving->launch || was->width != now.width ||
        was->height != now.height || was->batch != now.batch ||
        was->precision != now.precision || was->recompute != now.recompute)
        nj_engine_forget(e);
    record_all(e, !saving->launch);
    e->recorded = now;
}
