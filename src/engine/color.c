/* Colour steps of the augmentations, in torchvision's order of operations, so
 * that values at the ends of [0,1] are clamped by the same rounding. */
#include "engine/augment.h"

static th_tensor *channel(th_scope *s, const th_tensor *x, int c)
{
    return th_narrow(s, x, 1, c, 1);
}

/* [B,3,H,W] -> [B,1,H,W] */
static th_tensor *gray_of(th_scope *s, const th_tensor *x)
{
    const th_tensor *r = th_mul_scalar(s, channel(s, x, 0), .2989);
    const th_tensor *g = th_mul_scalar(s, channel(s, x, 1), .587);
    const th_tensor *b = th_mul_scalar(s, channel(s, x, 2), .114);

    return th_add(s, th_add(s, r, g), b);
}

static th_tensor *mix(th_scope *s, const th_tensor *x, const th_tensor *other,
                      double factor)
{
    const th_tensor *sum = th_add(s, th_mul_scalar(s, x, factor),
                                  th_mul_scalar(s, other, 1 - factor));

    return th_clamp(s, sum, 0, 1);
}

th_tensor *nj_augment_brightness(th_scope *s, const th_tensor *x, double factor)
{
    return th_clamp(s, th_mul_scalar(s, x, factor), 0, 1);
}

th_tensor *nj_augment_contrast(th_scope *s, const th_tensor *x, double factor)
{
    const int dims[3] = {1, 2, 3};
    const int64_t all[4] = {-1, 3, th_size(x, 2), th_size(x, 3)};
    const th_tensor *mean = th_mean_dims(s, gray_of(s, x), 3, dims, true);

    return mix(s, x, th_expand(s, mean, 4, all), factor);
}

th_tensor *nj_augment_saturation(th_scope *s, const th_tensor *x, double factor)
{
    return mix(s, x, gray_of(s, x), factor);
}

th_tensor *nj_augment_gray(th_scope *s, const th_tensor *x)
{
    const int64_t shape[4] = {-1, 3, -1, -1};

    return th_expand(s, gray_of(s, x), 4, shape);
}

/* ---- hue --------------------------------------------------------------- */

/* a where a < b, else b; of equals the gradient goes to b alone. */
static th_tensor *pick_less(th_scope *s, const th_tensor *a, const th_tensor *b)
{
    return th_where_self(s, th_lt_scalar(s, th_sub(s, a, b), 0), a, b);
}

static th_tensor *pick_greater(th_scope *s, const th_tensor *a,
                               const th_tensor *b)
{
    return th_where_self(s, th_lt_scalar(s, th_sub(s, b, a), 0), a, b);
}

struct hsv {
    const th_tensor *h; /* turns */
    const th_tensor *s;
    const th_tensor *v;
};

/* Where the hue lies between the channels: h6 in -1..5 sixths of a turn. */
static th_tensor *sixths(th_scope *s, const th_tensor *const rgb[3],
                         const th_tensor *max, const th_tensor *range)
{
    const th_tensor *c[3]; /* (max - channel) / range */
    const th_tensor *red, *green, *blue;

    for (int i = 0; i < 3; i++)
        c[i] = th_div(s, th_sub(s, max, rgb[i]), range);
    red = th_sub(s, c[2], c[1]);
    green = th_sub(s, th_add_scalar(s, c[0], 2), c[2]);
    blue = th_sub(s, th_add_scalar(s, c[1], 4), c[0]);
    green = th_where_self(s, th_eq(s, max, rgb[1]), green, blue);
    return th_where_self(s, th_eq(s, max, rgb[0]), red, green);
}

static struct hsv to_hsv(th_scope *s, const th_tensor *x)
{
    const th_tensor *rgb[3] = {channel(s, x, 0), channel(s, x, 1),
                               channel(s, x, 2)};
    /* Of equal channels the first takes the gradient, as in torch.max. */
    const th_tensor *max =
        pick_greater(s, rgb[2], pick_greater(s, rgb[1], rgb[0]));
    const th_tensor *min = pick_less(s, rgb[2], pick_less(s, rgb[1], rgb[0]));
    const th_tensor *range = th_sub(s, max, min);
    const th_tensor *flat = th_eq(s, max, min);
    const th_tensor *one = th_add_scalar(s, th_mul_scalar(s, max, 0), 1);
    const th_tensor *h =
        sixths(s, rgb, max, th_where_self(s, flat, one, range));
    const th_tensor *turns = th_add_scalar(s, th_mul_scalar(s, h, 1 / 6.0), 1);

    return (struct hsv){.h = th_fmod_scalar(s, turns, 1),
                        .s = th_div(s, range, th_where_self(s, flat, one, max)),
                        .v = max};
}

/* Of six, the one that the sector (0..5) of each pixel names. */
static th_tensor *by_sector(th_scope *s, const th_tensor *const sector[6],
                            const th_tensor *const choice[6])
{
    th_tensor *y = th_where_self(s, sector[4], choice[4], choice[5]);

    for (int i = 3; i >= 0; i--)
        y = th_where_self(s, sector[i], choice[i], y);
    return y;
}

static th_tensor *to_rgb(th_scope *s, const struct hsv *in)
{
    const th_tensor *h6 = th_mul_scalar(s, in->h, 6);
    const th_tensor *i = th_floor(s, h6);
    const th_tensor *sf = th_mul(s, in->s, th_sub(s, h6, i));
    const th_tensor *less = th_add_scalar(s, th_neg(s, in->s), 1);
    const th_tensor *q = th_add_scalar(s, th_neg(s, sf), 1);
    const th_tensor *v = in->v;
    const th_tensor *p = th_clamp(s, th_mul(s, less, v), 0, 1);
    const th_tensor *t = th_clamp(s, th_mul(s, th_add(s, sf, less), v), 0, 1);
    const th_tensor *sector[6];
    const th_tensor *rgb[3];

    q = th_clamp(s, th_mul(s, q, v), 0, 1);
    i = th_remainder_scalar(s, i, 6);
    for (int k = 0; k < 6; k++)
        sector[k] = th_eq_scalar(s, i, k);
    rgb[0] = by_sector(s, sector, (const th_tensor *[]){v, q, p, p, t, v});
    rgb[1] = by_sector(s, sector, (const th_tensor *[]){t, v, v, q, p, p});
    rgb[2] = by_sector(s, sector, (const th_tensor *[]){p, p, t, v, v, q});
    return th_cat(s, rgb, 3, 1);
}

th_tensor *nj_augment_hue(th_scope *s, const th_tensor *x, double turns)
{
    struct hsv c = to_hsv(s, x);

    c.h = th_remainder_scalar(s, th_add_scalar(s, c.h, turns), 1);
    return to_rgb(s, &c);
}

th_tensor *nj_augment_jitter(th_scope *s, const th_tensor *x,
                             const nj_augmentation *draws)
{
    th_tensor *y = th_keep(s, x);

    for (int i = 0; i < 4; i++) {
        switch (draws->order[i]) {
        case NJ_JITTER_BRIGHTNESS:
            y = nj_augment_brightness(s, y, draws->factor[0]);
            break;
        case NJ_JITTER_CONTRAST:
            y = nj_augment_contrast(s, y, draws->factor[1]);
            break;
        case NJ_JITTER_SATURATION:
            y = nj_augment_saturation(s, y, draws->factor[2]);
            break;
        case NJ_JITTER_HUE:
            y = nj_augment_hue(s, y, draws->hue);
            break;
        }
    }
    return y;
}
