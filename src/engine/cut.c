/* Cut: see cut.h. Crowson's and Russell's cutouts are each for itself; Disco's
 * are a stack of overviews and inner cuts that is augmented as one. */
#include "engine/cut.h"

#include <stdlib.h>

#include "base/mem.h"
#include "diffusion/draws.h"
#include "engine/augment.h"
#include "engine/cutouts.h"

static const double noise_scale = .01;

/* More overviews than this are all plain copies. */
#define OVERVIEW_KINDS 4

static nj_source source_of(const nj_settings *settings, const nj_cut_draw *draw,
                           size_t image, nj_stream stream)
{
    bool shared =
        settings->compat == NJ_COMPAT_NOTEBOOK && stream != NJ_STREAM_CUT_NOISE;

    return (nj_source){draw->seeds[shared ? 0 : image], draw->iteration, stream,
                       draw->draw};
}

int nj_cut_slices(const nj_settings *settings)
{
    int cuts = nj_cut_count(settings);

    if (settings->clip_slices > cuts)
        return cuts > 0 ? cuts : 1;
    return settings->clip_slices > 1 ? settings->clip_slices : 1;
}

int nj_cut_count(const nj_settings *settings)
{
    return settings->cutouts == NJ_CUTOUTS_DISCO
               ? settings->cut_overview + settings->cut_innercut
               : settings->cutn;
}

/* Boxes of an image: one serves all overviews. */
static int box_count(const nj_settings *settings)
{
    return settings->cutouts == NJ_CUTOUTS_DISCO ? 1 + settings->cut_innercut
                                                 : settings->cutn;
}

static nj_boxes_config boxes_of(const nj_settings *settings, int clip_size,
                                int width, int height)
{
    bool disco = settings->cutouts == NJ_CUTOUTS_DISCO;

    return (nj_boxes_config){
        .cutouts = settings->cutouts,
        .width = width,
        .height = height,
        .clip_size = clip_size,
        .cutn = box_count(settings),
        .cut_pow = disco ? settings->cut_ic_pow : settings->cut_pow,
    };
}

nj_box *nj_cut_boxes(const nj_settings *settings, int clip_size, int width,
                     int height, const nj_cut_draw *draw)
{
    const nj_boxes_config config = boxes_of(settings, clip_size, width, height);
    size_t count = (size_t)config.cutn;
    nj_box *boxes = nj_calloc(draw->images * count, sizeof(*boxes));

    for (size_t b = 0; boxes && b < draw->images; b++) {
        nj_source from = source_of(settings, draw, b, NJ_STREAM_BOXES);

        nj_draw_boxes(&config, &from, boxes + b * count);
    }
    return boxes;
}

/* ---- a draw -------------------------------------------------------------- */

struct nj_cutting {
    const nj_settings *settings;
    const nj_cut_draw *draw;
    nj_cutout_plan plan;
    bool augmented;
    nj_augment_plan augments;
    /* What the plans point at. */
    nj_box *boxes;
    nj_augmentation *draws;
    nj_source *noise;
    nj_augment_part *again;
};

static bool is_disco(const nj_cutting *c)
{
    return c->settings->cutouts == NJ_CUTOUTS_DISCO;
}

/* Cuts of an image that have augmentations of their own: Disco's share one's,
 * and so its size. */
static void draw_image(const nj_cutting *c, size_t b)
{
    const nj_augment_ranges *ranges = nj_chain_ranges(c->augments.chain);
    nj_source from = source_of(c->settings, c->draw, b, NJ_STREAM_AUGMENT);

    c->noise[b] = source_of(c->settings, c->draw, b, NJ_STREAM_CUT_NOISE);
    if (is_disco(c)) {
        nj_draw_augmentation(ranges, &from, 0, c->plan.size, c->plan.size,
                             &c->draws[b]);
        return;
    }
    for (size_t k = 0; k < c->plan.cutn; k++) {
        const size_t i = b * c->plan.cutn + k;
        const nj_box *box = &c->boxes[i];

        nj_draw_augmentation(ranges, &from, (int)k, box->w, box->h,
                             &c->draws[i]);
    }
}

/* Whether it is worth while to make copies again instead of keeping them for
 * the backward pass: a jitter keeps what it gets, in the window's size, hardly
 * anything else does; Disco's have CLIP's size. */
static bool keeps_much(nj_chain chain)
{
    return chain == NJ_CHAIN_2021_11;
}

/* False: no memory. */
static bool draw_augmentations(nj_cutting *c)
{
    const size_t images = c->plan.images;
    const size_t cuts = (size_t)nj_cut_count(c->settings);
    const size_t slices = (size_t)nj_cut_slices(c->settings);
    const size_t rows = images * (cuts > 0 ? cuts : 1);
    const bool again = slices > 1 && keeps_much(c->augments.chain);

    c->draws = nj_calloc(rows, sizeof(*c->draws));
    c->noise = nj_calloc(images, sizeof(*c->noise));
    if (again)
        c->again = nj_calloc(rows, sizeof(*c->again));
    if (!c->draws || !c->noise || (again && !c->again))
        return false;
    for (size_t b = 0; b < images; b++)
        draw_image(c, b);
    c->augments.draws = c->draws;
    c->augments.noise = c->noise;
    c->augments.noise_scale = noise_scale;
    c->augments.again = c->again;
    return true;
}

/* ---- Disco's stack ----------------------------------------------------- */

/* Plain, grey, mirrored, grey and mirrored; more than four: plain ones. */
static size_t add_overviews(th_scope *s, const th_tensor *whole, int count,
                            const th_tensor **list)
{
    bool plain = count > OVERVIEW_KINDS;

    for (int i = 0; i < count; i++) {
        const th_tensor *x = whole;

        if (!plain && i >= 2)
            x = nj_augment_hflip(s, x);
        list[i] = !plain && i % 2 ? nj_augment_gray(s, x) : x;
    }
    return (size_t)count;
}

/* The first floor(p N) + 1 of N inner cuts are grey, so that one is even at
 * p = 0. */
static size_t add_inner(th_scope *s, const th_tensor *cuts, size_t images,
                        const nj_settings *settings, const th_tensor **list)
{
    int64_t n = settings->cut_innercut;
    int64_t gray = (int64_t)(settings->cut_icgray_p * (double)n) + 1;
    int64_t rows = (int64_t)images;
    size_t count = 0;

    if (gray > n)
        gray = n;
    if (gray > 0)
        list[count++] =
            nj_augment_gray(s, th_narrow(s, cuts, 0, rows, gray * rows));
    if (gray < n)
        list[count++] =
            th_narrow(s, cuts, 0, (gray + 1) * rows, (n - gray) * rows);
    return count;
}

/* The box of the whole picture and those of inner cuts -> [N*B,3,S,S]. */
static th_tensor *stack_of(th_scope *s, const th_tensor *x, const nj_cutting *c)
{
    const nj_settings *t = c->settings;
    const th_tensor **list =
        nj_calloc((size_t)t->cut_overview + 2, sizeof(*list));
    const th_tensor *cuts = nj_plain_cutouts(s, x, &c->plan);
    int64_t rows = (int64_t)c->plan.images;
    th_tensor *all = NULL;
    size_t count;

    if (list) {
        count = add_overviews(s, th_narrow(s, cuts, 0, 0, rows),
                              t->cut_overview, list);
        count += add_inner(s, cuts, c->plan.images, t, list + count);
        all = th_cat(s, list, count, 0);
    } else {
        th_scope_fail(s, NJ_E_MEMORY, "no memory for a list of cutouts");
    }
    free(list);
    return all;
}

/* Stack by stack: [N,B,3,S,S] is taken apart by image and put together. */
static th_tensor *augment_stacks(th_scope *s, const th_tensor *cuts,
                                 const nj_cutting *c)
{
    const size_t images = c->plan.images;
    const int size = c->plan.size;
    const int64_t apart[5] = {-1, (int64_t)images, 3, size, size};
    const int64_t together[4] = {-1, 3, size, size};
    const th_tensor *by_image = th_reshape(s, cuts, 5, apart);
    const th_tensor **list = nj_calloc(images, sizeof(*list));
    th_tensor *all = NULL;

    for (size_t b = 0; list && b < images; b++)
        list[b] = nj_augmented_stack(s, th_select(s, by_image, 1, (int64_t)b),
                                     &c->augments, b);
    if (list)
        all = th_reshape(s, th_stack(s, list, images, 1), 4, together);
    else
        th_scope_fail(s, NJ_E_MEMORY, "no memory for a list of cutouts");
    free(list);
    return all;
}

static th_tensor *cut_disco(th_scope *s, const th_tensor *x,
                            const nj_cutting *c)
{
    th_tensor *cuts;

    if (nj_cut_count(c->settings) < 1) {
        th_scope_fail(s, NJ_E_USAGE, "a step without cutouts");
        return NULL;
    }
    cuts = stack_of(s, x, c);
    return c->augmented ? augment_stacks(s, cuts, c) : cuts;
}

/* ---- all of them ------------------------------------------------------- */

static nj_cut_filter filter_of(const nj_settings *settings)
{
    static const nj_cut_filter filters[] = {
        [NJ_CUTOUTS_CROWSON] = NJ_CUT_POOL,
        [NJ_CUTOUTS_RUSSELL] = NJ_CUT_LANCZOS,
        [NJ_CUTOUTS_DISCO] = NJ_CUT_CUBIC,
    };

    return filters[settings->cutouts];
}

nj_cutting *nj_cutting_new(const nj_settings *settings, int clip_size,
                           int width, int height, const nj_cut_draw *draw)
{
    const nj_boxes_config config = boxes_of(settings, clip_size, width, height);
    nj_cutting *c = nj_calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->settings = settings;
    c->draw = draw;
    c->boxes = nj_cut_boxes(settings, clip_size, width, height, draw);
    c->plan = (nj_cutout_plan){.filter = filter_of(settings),
                               .size = clip_size,
                               .border = nj_boxes_border(&config),
                               .images = draw->images,
                               .cutn = (size_t)config.cutn,
                               .boxes = c->boxes};
    c->augmented = nj_chain_of(settings, &c->augments.chain);
    if (!c->boxes || (c->augmented && !draw_augmentations(c))) {
        nj_cutting_free(c);
        return NULL;
    }
    return c;
}

void nj_cutting_free(nj_cutting *c)
{
    if (!c)
        return;
    free(c->boxes);
    free(c->draws);
    free(c->noise);
    free(c->again);
    free(c);
}

th_tensor *nj_cut(th_scope *s, const nj_cutting *c, const th_tensor *x)
{
    th_tensor *cuts;

    if (is_disco(c))
        cuts = cut_disco(s, x, c);
    else if (c->augmented)
        cuts = nj_augmented_cutouts(s, x, &c->plan, &c->augments);
    else
        cuts = nj_plain_cutouts(s, x, &c->plan);
    return nj_clip_normalise(s, cuts);
}

th_tensor *nj_cut_once(th_scope *s, const nj_settings *settings, int clip_size,
                       const th_tensor *x, const nj_cut_draw *draw)
{
    nj_cutting *c = nj_cutting_new(settings, clip_size, (int)th_size(x, 3),
                                   (int)th_size(x, 2), draw);
    th_tensor *cuts = NULL;

    if (c)
        cuts = nj_cut(s, c, x);
    else
        th_scope_fail(s, NJ_E_MEMORY, "no memory for cutouts");
    nj_cutting_free(c);
    return cuts;
}
