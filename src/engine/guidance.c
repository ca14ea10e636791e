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

/* embeddings [N*B,D] -> loss [B]: mean over cuts of the weighted distances.
 * Image by image, so that how many parts a neighbour's prompt has does not
 * change the order of a sum. */
static th_tensor *clip_loss(th_scope *s, const nj_guide_clip *clip,
                            const th_tensor *embeddings, size_t images)
{
    const int64_t split[3] = {-1, (int64_t)images, th_size(embeddings, 1)};
    const th_tensor *by_image = th_reshape(s, embeddings, 3, split);
    const th_tensor **losses = nj_calloc(images, sizeof(*losses));
    th_tensor *all = NULL;

    if (!losses)
        th_scope_fail(s, NJ_E_MEMORY, "no memory for losses");
    for (size_t b = 0; losses && b < images; b++) {
        const nj_target *target = &clip->targets[b];
        const th_tensor *one =
            th_select(s, by_image, 1, (int64_t)b); /* [N,D] */

        losses[b] =
            nj_clip_loss(s, nj_clip_distances(s, one, target->embeddings),
                         target->weights, 1);
    }
    if (losses)
        all = th_cat(s, losses, images, 0);
    free(losses);
    return all;
}

struct term {
    th_tensor *loss;     /* [B] unscaled */
    th_tensor *gradient; /* of scale * loss, by what the loss looks at */
};

/* The mean over all cuts, of those that a slice holds. */
static th_tensor *slice_loss(th_scope *s, const nj_guidance *g,
                             const nj_guide_clip *clip, th_tensor *cuts,
                             double share)
{
    th_tensor *embeddings = nj_clip_encode_image(s, clip->clip, cuts, NULL);
    th_tensor *loss = clip_loss(s, clip, embeddings, g->images);

    return share == 1 ? loss : th_mul_scalar(s, loss, share);
}

/* One slice of the cutouts, forward and backward in a scope of its own, so that
 * only one slice's activations are in memory: the loss's share [B] and its
 * gradient by the cutouts. */
static struct term one_slice(th_scope *outer, const nj_guidance *g,
                             const nj_guide_clip *clip, const th_tensor *cuts,
                             double share, double scale)
{
    th_scope *s = th_scope_new(outer);
    th_tensor *leaf = th_leaf(s, cuts, true);
    th_tensor *loss = slice_loss(s, g, clip, leaf, share);
    th_tensor *total = th_mul_scalar(s, th_sum(s, loss), scale);
    struct term out = {.loss = th_leaf(outer, loss, false)};

    nj_clock_part(g->clock, NJ_PART_CLIP_FORWARD);
    out.gradient = th_keep(outer, th_grad(s, total, NULL, leaf));
    nj_clock_part(g->clock, NJ_PART_CLIP_BACKWARD);
    th_scope_free(s);
    return out;
}

/* Settings that come from elsewhere than the option table may leave it 0. */
static int64_t slices_of(const nj_settings *t)
{
    int slices = t->clip_slices > 1 ? t->clip_slices : 1;

    return slices < nj_cut_count(t) ? slices : nj_cut_count(t);
}

/* All slices: the loss [B] and its gradient by the cutouts [N*B,3,S,S]. A slice
 * is a row of cuts with all their images. */
static struct term all_slices(th_scope *s, const nj_guidance *g,
                              const nj_guide_clip *clip, const th_tensor *cuts,
                              double scale)
{
    const int64_t cutn = nj_cut_count(g->settings);
    const int64_t slices = slices_of(g->settings);
    const int64_t images = (int64_t)g->images;
    const th_tensor **parts = nj_calloc((size_t)slices, sizeof(*parts));
    struct term sum = {NULL, NULL};

    if (!parts)
        th_scope_fail(s, NJ_E_MEMORY, "no memory for slices");
    for (int64_t i = 0; parts && i < slices; i++) {
        const int64_t first = i * cutn / slices;
        const int64_t count = (i + 1) * cutn / slices - first;
        const th_tensor *rows =
            th_narrow(s, cuts, 0, first * images, count * images);
        struct term one =
            one_slice(s, g, clip, rows, (double)count / (double)cutn, scale);

        sum.loss = add_to(s, sum.loss, one.loss);
        parts[i] = one.gradient;
    }
    if (parts)
        sum.gradient = th_cat(s, parts, (size_t)slices, 0);
    free(parts);
    return sum;
}

/* One batch of cutouts through one CLIP, forward and backward. Cutouts are made
 * once, and their gradient goes back to the blend in one pass. */
static struct term clip_batch(th_scope *outer, const nj_guidance *g,
                              const nj_guide_clip *clip, const th_tensor *blend,
                              const nj_cut_draw *draw, double scale)
{
    int size = nj_clip_shape(clip->clip)->image_size;
    th_scope *s = th_scope_new(outer);
    th_tensor *leaf = th_leaf(s, blend, true);
    th_tensor *cuts;
    struct term by_cuts;
    struct term out;

    nj_clock_start(g->clock);
    cuts = nj_cut(s, g->settings, size, nj_to_unit(s, leaf), draw);
    nj_clock_part(g->clock, NJ_PART_CUTOUTS);
    by_cuts = all_slices(s, g, clip, cuts, scale);
    out.gradient = th_keep(outer, th_grad(s, cuts, by_cuts.gradient, leaf));
    out.loss = th_leaf(outer, by_cuts.loss, false);
    nj_clock_part(g->clock, NJ_PART_CUTOUTS);
    th_scope_free(s);
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
