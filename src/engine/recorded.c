/* What CUDA plays back of an engine's networks from one batch to the next. */
#include "engine/engine_internal.h"

static void record_all(nj_engine *e, bool on)
{
    nj_unet_record(e->unet, on);
    for (size_t i = 0; i < e->clip_count; i++)
        nj_clip_record(e->clips[i].clip, on);
}

void nj_engine_forget(nj_engine *e)
{
    record_all(e, false);
}

/* Another precision of the UNet has other products in CLIP too (TF32), and
 * another size of pictures other shapes everywhere. */
void nj_engine_record(nj_engine *e, const nj_settings *s, bool on)
{
    const nj_recorded now = {.width = s->width,
                             .height = s->height,
                             .batch = s->batch_size,
                             .precision = e->facts.precision};
    const nj_recorded *was = &e->recorded;

    if (!on || was->width != now.width || was->height != now.height ||
        was->batch != now.batch || was->precision != now.precision)
        nj_engine_forget(e);
    record_all(e, on);
    e->recorded = now;
}
