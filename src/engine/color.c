/* Colour steps of the augmentations: cuda/color.h has their arithmetic. */
#include "engine/augment.h"

static th_tensor *one_step(th_scope *s, const th_tensor *x, th_color_kind kind,
                           double factor)
{
    const th_color_step step = {kind, factor};

    return th_color(s, x, &step, 1);
}

th_tensor *nj_augment_brightness(th_scope *s, const th_tensor *x, double factor)
{
    return one_step(s, x, TH_COLOR_BRIGHTNESS, factor);
}

th_tensor *nj_augment_contrast(th_scope *s, const th_tensor *x, double factor)
{
    return one_step(s, x, TH_COLOR_CONTRAST, factor);
}

th_tensor *nj_augment_saturation(th_scope *s, const th_tensor *x, double factor)
{
    return one_step(s, x, TH_COLOR_SATURATION, factor);
}

th_tensor *nj_augment_hue(th_scope *s, const th_tensor *x, double turns)
{
    return one_step(s, x, TH_COLOR_HUE, turns);
}

th_tensor *nj_augment_gray(th_scope *s, const th_tensor *x)
{
    return one_step(s, x, TH_COLOR_GRAY, 1);
}

th_tensor *nj_augment_jitter(th_scope *s, const th_tensor *x,
                             const nj_augmentation *draws)
{
    const th_color_step by_kind[] = {
        [NJ_JITTER_BRIGHTNESS] = {TH_COLOR_BRIGHTNESS, draws->factor[0]},
        [NJ_JITTER_CONTRAST] = {TH_COLOR_CONTRAST, draws->factor[1]},
        [NJ_JITTER_SATURATION] = {TH_COLOR_SATURATION, draws->factor[2]},
        [NJ_JITTER_HUE] = {TH_COLOR_HUE, draws->hue},
    };
    th_color_step steps[4];

    for (int i = 0; i < 4; i++)
        steps[i] = by_kind[draws->order[i]];
    return th_color(s, x, steps, 4);
}
