/* Guidance: see guidance.h. */
#include "engine/guidance.h"

#include <stdlib.h>

#include "base/mem.h"
#include "engine/cut.h"
#include "engine/cutouts.h"
#include "engine/losses.h"

/* A sum that begins empty. */
static th_tensor *add_to(th_scope *s, th_tensor *sum, th_tensor *term)
{
    return sum ? th_add(s, sum, term) : term;
}

/* ---- CLIP -------------------------------------------------------------- */

/* f(b) of every image, side by side along `dim`. */
struct each {
    const nj_guide_clip *clip;
    const th_tensor *of; /* what each takes its part of */
    th_tensor *(*f)(th_scope *s, const struct each *e, int64_t b);
};

/* Image by image, so that how many parts a neighbour's prompt has does not
 * change the order of a sum. */
static th_tensor *each_image(th_scope *s, const struct each *e, size_t images,
                             int dim)
{
    const th_tensor **parts = nj_calloc(images, sizeof(*parts));
    th_tensor *all = NULL;

    if (!parts)
        th_scope_fail(s, NJ_E_MEMORY, "no memory for losses");
    for (size_t b = 0; parts && b < images; b++)
        parts[b] = e->f(s, e, (int64_t)b);
    if (parts)
        all = th_cat(s, parts, images, dim);
    free(parts);
    return all;
}

/* Embeddings [N,B,D] -> what each cut of image b is away from it: [N,1] */
static th_tensor *sums_of(th_scope *s, const struct each *e, int64_t b)
{
    const nj_target *target = &e->clip->targets[b];
    const th_tensor *one = th_select(s, e->of, 1, b); /* [N,D] */

    return nj_clip_sums(s, nj_clip_distances(s, one, target->embeddings),
                        target->weights, 1);
}

/* [N,B] -> the mean over the cuts of image b: [1] */
static th_tensor *mean_of(th_scope *s, const struct each *e, int64_t b)
{
    const int cuts[1] = {0};

    return th_mean_dims(s, th_contiguous(s, th_narrow(s, e->of, 1, b, 1)), 1,
                        cuts, false);
}

struct term {
    th_tensor *loss;     /* [B] unscaled */
    th_tensor *gradient; /* of scale * loss, by what the loss looks at */
};

/* One slice of the cutouts [n*B,3,S,S], forward and backward in a scope of its
 * own, so that only one slice's activations are in memory. `scale` is that of
 * one cut's distance in the whole loss, so that slices change no number.
 * -> distances [n,B] and the gradient by the cutouts. */
static struct term one_slice(th_scope *outer, const nj_guidance *g,
                             const nj_guide_clip *clip, const th_tensor *cuts,
                             double scale)
{
    th_scope *s = th_scope_new(outer);
    th_tensor *leaf = th_leaf(s, cuts, true);
    th_tensor *e = nj_clip_encode_image(s, clip->clip, leaf, NULL);
    const int64_t by_image[3] = {-1, (int64_t)g->images, th_size(e, 1)};
    const struct each each = {clip, th_reshape(s, e, 3, by_image), sums_of};
    th_tensor *sums = each_image(s, &each, g->images, 1);
    const int64_t shape[2] = {th_size(sums, 0), th_size(sums, 1)};
    struct term out = {.loss = th_leaf(outer, sums, false)};

    nj_clock_part(g->clock, NJ_PART_CLIP_FORWARD);
    out.gradient = th_keep(
        outer,
        th_grad(s, sums, th_full(s, NJ_F32, th_where(sums), 2, shape, scale),
                leaf));
    nj_clock_part(g->clock, NJ_PART_CLIP_BACKWARD);
    th_scope_free(s);
    return out;
}

/* All slices: the loss [B] and its gradient by the cutouts [N*B,3,S,S]. A slice
 * is a row of cuts with all their images. */
static struct term all_slices(th_scope *s, const nj_guidance *g,
                              const nj_guide_clip *clip, const th_tensor *cuts,
                              double scale)
{
    const int64_t cutn = nj_cut_count(g->settings);
    const int64_t slices = nj_cut_slices(g->settings);
    const int64_t images = (int64_t)g->images;
    const th_tensor **parts = nj_calloc(2 * (size_t)slices, sizeof(*parts));
    struct each each = {clip, NULL, mean_of};
    struct term all = {NULL, NULL};

    if (!parts)
        th_scope_fail(s, NJ_E_MEMORY, "no memory for slices");
    for (int64_t i = 0; parts && i < slices; i++) {
        const int64_t first = i * cutn / slices;
        const int64_t count = (i + 1) * cutn / slices - first;
        const th_tensor *rows =
            th_narrow(s, cuts, 0, first * images, count * images);
        struct term one =
            one_slice(s, g, clip, rows, (double)((float)scale / (float)cutn));

        parts[i] = one.gradient;
        parts[slices + i] = one.loss;
    }
    if (parts) {
        all.gradient = th_cat(s, parts, (size_t)slices, 0);
        each.of = th_cat(s, parts + slices, (size_t)slices, 0); /* [N,B] */
        all.loss = each_image(s, &each, g->images, 0);
    }
    free(parts);
    return all;
}

/* One batch of cutouts through one CLIP, forward and backward. Cutouts are made
 * once, and their gradient goes back to the blend in one pass. */
static struct term cut_and_look(th_scope *outer, const nj_guidance *g,
                                const nj_guide_clip *clip,
                                const nj_cutting *cutting,
                                const th_tensor *blend, double scale)
{
    th_scope *s = th_scope_new(outer);
    th_tensor *leaf = th_leaf(s, blend, true);
    th_tensor *cuts;
    struct term by_cuts;
    struct term out;

    nj_clock_start(g->clock);
    cuts = nj_cut(s, cutting, nj_to_unit(s, leaf));
    nj_clock_part(g->clock, NJ_PART_CUTOUTS);
    by_cuts = all_slices(s, g, clip, cuts, scale);
    out.gradient = th_keep(outer, th_grad(s, cuts, by_cuts.gradient, leaf));
    out.loss = th_leaf(outer, by_cuts.loss, false);
    nj_clock_part(g->clock, NJ_PART_CUTOUTS);
    th_scope_free(s);
    return out;
}

static struct term clip_batch(th_scope *s, const nj_guidance *g,
                              const nj_guide_clip *clip, const th_tensor *blend,
                              const nj_cut_draw *draw, double scale)
{
    nj_cutting *cutting =
        nj_cutting_new(g->settings, nj_clip_shape(clip->clip)->image_size,
                       (int)th_size(blend, 3), (int)th_size(blend, 2), draw);
    struct term out = {NULL, NULL};

    if (cutting)
        out = cut_and_look(s, g, clip, cutting, blend, scale);
    else
        th_scope_fail(s, NJ_E_MEMORY, "no memory for cutouts");
    nj_cutting_free(cutting);
    return out;
}

/* The sum over CLIPs of the mean over batches of cutouts. */
static struct term clip_term(th_scope *s, const nj_guidance *g,
                             const th_tensor *blend, uint32_t iteration)
{
    int batches = g->settings->cutn_batches;
    struct term sum = {NULL, NULL};

    for (size_t i = 0; i < g->count; i++) {
        double share = g->clips[i].weight / batches;

        for (int batch = 0; batch < batches; batch++) {
            const nj_cut_draw draw = {
                .seeds = g->seeds,
                .images = g->images,
                .iteration = iteration,
                .draw = (uint32_t)i * (uint32_t)batches + (uint32_t)batch,
            };
            double scale = g->settings->clip_guidance_scale * share;
            struct term one =
                clip_batch(s, g, &g->clips[i], blend, &draw, scale);

            sum.loss = add_to(s, sum.loss, th_mul_scalar(s, one.loss, share));
            sum.gradient = add_to(s, sum.gradient, one.gradient);
        }
    }
    return sum;
}

/* ---- pixel terms ------------------------------------------------------- */

static struct term
pixel_term(th_scope *outer, const th_tensor *x,
           th_tensor *(*loss_of)(th_scope *s, const th_tensor *x), double scale)
{
    th_scope *s = th_scope_new(outer);
    th_tensor *leaf = th_leaf(s, x, true);
    th_tensor *loss = loss_of(s, leaf);
    struct term out = {.loss = th_leaf(outer, loss, false)};

    if (scale != 0) {
        th_tensor *total = th_mul_scalar(s, th_sum(s, loss), scale);

        out.gradient = th_keep(outer, th_grad(s, total, NULL, leaf));
    }
    th_scope_free(s);
    return out;
}

/* LPIPS distance to the start picture, of an image each. */
static struct term start_term(th_scope *outer, const nj_guide_start *start,
                              const th_tensor *x, double scale)
{
    const int layers[1] = {1};
    th_scope *s = th_scope_new(outer);
    th_tensor *leaf = th_leaf(s, x, true);
    nj_lpips_features f = nj_lpips_look(s, start->lpips, leaf, NULL);
    th_tensor *loss =
        th_sum_dims(s, nj_lpips_distances(s, start->lpips, &f, &start->picture),
                    1, layers, false);
    th_tensor *total = th_mul_scalar(s, th_sum(s, loss), scale);
    struct term out = {
        .gradient = th_keep(outer, th_grad(s, total, NULL, leaf)),
        .loss = th_leaf(outer, loss, false),
    };

    th_scope_free(s);
    return out;
}

/* ---- all terms --------------------------------------------------------- */

/* Taken to the blend the range loss has no gradient: x0 comes before it. */
static bool range_counts(const nj_settings *t)
{
    return t->gradient == NJ_GRADIENT_X && !nj_settings_have_quirks(t);
}

bool nj_guidance_is_on(const nj_guidance *g)
{
    const nj_settings *t = g->settings;

    return (t->clip_guidance_scale != 0 && g->count > 0) || t->tv_scale != 0 ||
           t->sat_scale != 0 || (t->init_scale != 0 && g->start) ||
           (t->range_scale != 0 && range_counts(t));
}

/* Gradients by the blend and, for the range loss, by x0. */
struct gradients {
    th_tensor *blend; /* or NULL */
    th_tensor *x0;    /* or NULL */
};

/* x_in = share x0 + (1 - share) x: what the losses look at. */
static double share_of_x0(const nj_guidance *g, const nj_look *look)
{
    return g->settings->blend == NJ_BLEND_NONE ? 1 : look->step->sigma;
}

static struct gradients all_terms(th_scope *s, const nj_guidance *g,
                                  const nj_look *look, uint32_t iteration,
                                  th_tensor *terms[NJ_LOSSES])
{
    const nj_settings *t = g->settings;
    const th_tensor *blend =
        nj_blend(s, look->x0, look->x, share_of_x0(g, look));
    struct gradients sum = {NULL, NULL};
    struct term one;

    if ((t->clip_guidance_scale != 0 || g->all_terms) && g->count > 0) {
        one = clip_term(s, g, blend, iteration);
        terms[NJ_LOSS_CLIP] = one.loss;
        sum.blend = one.gradient;
    }
    if (t->tv_scale != 0 || g->all_terms) {
        one = pixel_term(s, blend, nj_tv_loss, t->tv_scale);
        terms[NJ_LOSS_TV] = one.loss;
        if (one.gradient)
            sum.blend = add_to(s, sum.blend, one.gradient);
    }
    if (t->sat_scale != 0 || g->all_terms) {
        one = pixel_term(s, blend, nj_saturation_loss, t->sat_scale);
        terms[NJ_LOSS_SAT] = one.loss;
        if (one.gradient)
            sum.blend = add_to(s, sum.blend, one.gradient);
    }
    if (t->init_scale != 0 && g->start) {
        one = start_term(s, g->start, blend, t->init_scale);
        terms[NJ_LOSS_INIT] = one.loss;
        sum.blend = add_to(s, sum.blend, one.gradient);
    }
    if (t->range_scale != 0 || g->all_terms) {
        one = pixel_term(s, look->x0, nj_range_loss, t->range_scale);
        terms[NJ_LOSS_RANGE] = one.loss;
        if (range_counts(t))
            sum.x0 = one.gradient;
    }
    return sum;
}

/* From the blend, share x0 + (1 - share) x, and from x0 itself, to x: the part
 * through x0 goes back through the network in one pass. */
static th_tensor *pull_back(th_scope *s, const nj_look *look, double share,
                            struct gradients by)
{
    th_tensor *through = by.blend ? th_mul_scalar(s, by.blend, share) : NULL;
    th_tensor *by_x;

    if (by.x0)
        through = add_to(s, through, by.x0);
    by_x = th_grad(s, look->x0, through, look->x);
    if (!by.blend || share == 1)
        return by_x;
    return th_add(s, by_x, th_mul_scalar(s, by.blend, 1 - share));
}

static th_tensor *clamp(th_scope *s, const nj_settings *t, th_tensor *g)
{
    if (t->clamp_max <= 0)
        return g;
    return t->compat == NJ_COMPAT_NOTEBOOK
               ? nj_rms_clamp_batch(s, g, t->clamp_max)
               : nj_rms_clamp(s, g, t->clamp_max);
}

/* Disco's notebook goes on without guidance for a step whose gradient has a
 * NaN in it, for the whole batch. */
static bool gives_up(th_scope *s, const nj_settings *t, struct gradients by)
{
    return t->compat == NJ_COMPAT_NOTEBOOK && t->cutouts == NJ_CUTOUTS_DISCO &&
           by.blend && !th_all_finite(s, by.blend);
}

nj_guided_loss nj_guidance_gradient(th_scope *s, const nj_guidance *g,
                                    const nj_look *look, uint32_t iteration)
{
    nj_guided_loss out = {{NULL}, NULL, NULL};
    struct gradients by = all_terms(s, g, look, iteration, out.terms);
    bool grad = th_enable_grad(false);

    nj_clock_start(g->clock);
    if (gives_up(s, g->settings, by)) {
        const int64_t shape[4] = {th_size(look->x, 0), th_size(look->x, 1),
                                  th_size(look->x, 2), th_size(look->x, 3)};

        out.gradient =
            th_zeros(s, th_dtype(look->x), th_where(look->x), 4, shape);
        out.clamped = out.gradient;
    } else {
        out.gradient = th_neg(s, pull_back(s, look, share_of_x0(g, look), by));
        nj_clock_part(g->clock, NJ_PART_UNET_BACKWARD);
        out.clamped = clamp(s, g->settings, out.gradient);
    }
    th_enable_grad(grad);
    return out;
}
