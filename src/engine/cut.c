/* Cut: see cut.h. */
#include "engine/cut.h"

#include <stdlib.h>

#include "base/mem.h"
#include "diffusion/draws.h"
#include "engine/augment.h"
#include "engine/cutouts.h"

/* Russell's chain of 2021-11-12. */
static const nj_augment_ranges russell_ranges = {
    .flip_p = .5,
    .degrees = 15,
    .translate = .1,
    .perspective_p = .7,
    .distortion = .4,
    .factor = {.1, .1, .1},
    .hue = .1,
    .gray_p = .35,
};
static const double russell_noise = .01;

static nj_source source_of(const nj_cut_draw *draw, size_t image,
                           nj_stream stream)
{
    return (nj_source){draw->seeds[image], draw->iteration, stream, draw->draw};
}

nj_box *nj_cut_boxes(const nj_settings *settings, int clip_size, int width,
                     int height, const nj_cut_draw *draw)
{
    const nj_boxes_config config = {
        .cutouts = settings->cutouts,
        .width = width,
        .height = height,
        .clip_size = clip_size,
        .cutn = settings->cutn,
        .cut_pow = settings->cut_pow,
    };
    size_t cutn = (size_t)settings->cutn;
    nj_box *boxes = nj_calloc(draw->images * cutn, sizeof(*boxes));

    for (size_t b = 0; boxes && b < draw->images; b++) {
        nj_source from = source_of(draw, b, NJ_STREAM_BOXES);

        nj_draw_boxes(&config, &from, boxes + b * cutn);
    }
    return boxes;
}

/* ---- augmented --------------------------------------------------------- */

static void draw_augmentations(const nj_cutout_plan *plan,
                               const nj_cut_draw *draw, nj_augmentation *out,
                               nj_source *noise)
{
    for (size_t b = 0; b < plan->images; b++) {
        nj_source from = source_of(draw, b, NJ_STREAM_AUGMENT);

        noise[b] = source_of(draw, b, NJ_STREAM_CUT_NOISE);
        for (size_t k = 0; k < plan->cutn; k++) {
            const nj_box *box = &plan->boxes[b * plan->cutn + k];

            nj_draw_augmentation(&russell_ranges, &from, (int)k, box->w, box->h,
                                 &out[b * plan->cutn + k]);
        }
    }
}

static th_tensor *cut_augmented(th_scope *s, const th_tensor *x,
                                const nj_cutout_plan *plan,
                                const nj_cut_draw *draw)
{
    nj_augmentation *draws =
        nj_calloc(plan->images * plan->cutn, sizeof(*draws));
    nj_source *noise = nj_calloc(plan->images, sizeof(*noise));
    th_tensor *cuts = NULL;

    if (draws && noise) {
        const nj_augment_plan augments = {draws, noise, russell_noise};

        draw_augmentations(plan, draw, draws, noise);
        cuts = nj_augmented_cutouts(s, x, plan, &augments);
    } else {
        th_scope_fail(s, NJ_E_MEMORY, "no memory for augmentations");
    }
    free(draws);
    free(noise);
    return cuts;
}

/* ---- all of them ------------------------------------------------------- */

th_tensor *nj_cut(th_scope *s, const nj_settings *settings, int clip_size,
                  const th_tensor *x, const nj_cut_draw *draw)
{
    bool russell = settings->cutouts == NJ_CUTOUTS_RUSSELL;
    int height = (int)th_size(x, 2);
    nj_box *boxes =
        nj_cut_boxes(settings, clip_size, (int)th_size(x, 3), height, draw);
    const nj_cutout_plan plan = {
        .filter = russell ? NJ_CUT_LANCZOS : NJ_CUT_POOL,
        .size = clip_size,
        .border = russell ? nj_russell_border(height) : 0,
        .images = draw->images,
        .cutn = (size_t)settings->cutn,
        .boxes = boxes,
    };
    th_tensor *cuts;

    if (!boxes) {
        th_scope_fail(s, NJ_E_MEMORY, "no memory for cutout boxes");
        return NULL;
    }
    if (russell && !settings->skip_augs)
        cuts = cut_augmented(s, x, &plan, draw);
    else
        cuts = nj_plain_cutouts(s, x, &plan);
    free(boxes);
    return nj_clip_normalise(s, cuts);
}
