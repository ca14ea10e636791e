/* Guidance: the gradient that pulls a noisy picture towards its prompt.
 *
 * x and the predicted x0 are blended (what CLIP sees is clean where noise is
 * strong and honest where it is not), cut, embedded and compared with the
 * prompt's targets; the loss goes back through CLIP, cutouts and UNet to x.
 * After the public notebooks of Katherine Crowson and Daniel Russell.
 *
 * The loss is taken to the blend first and to x afterwards, by the chain rule
 * through x0: each CLIP batch has one forward and one backward pass of its own
 * and the UNet one backward pass, whatever the number of batches. */
#ifndef NJ_ENGINE_GUIDANCE_H
#define NJ_ENGINE_GUIDANCE_H

#include <stddef.h>
#include <stdint.h>

#include "diffusion/settings.h"
#include "engine/parts.h"
#include "engine/sampler.h"
#include "engine/targets.h"
#include "engine/watch.h"
#include "model/lpips_vgg.h"
#include "torch/th.h"

/* One CLIP and what each image is pulled to in its space. */
typedef struct nj_guide_clip {
    const nj_clip *clip;
    double weight;            /* of its loss in the sum over CLIPs */
    const nj_target *targets; /* [images] */
} nj_guide_clip;

/* What the init loss compares with. */
typedef struct nj_guide_start {
    const nj_lpips *lpips;
    nj_lpips_features picture; /* of each image's start, B or 1 */
} nj_guide_start;

typedef struct nj_guidance {
    const nj_settings *settings; /* that hold at this step */
    const nj_guide_clip *clips;
    size_t count;                /* CLIPs */
    const uint64_t *seeds;       /* [images] */
    size_t images;               /* B */
    const nj_guide_start *start; /* NULL: no init loss */
    nj_clock *clock;             /* or NULL */
    bool all_terms; /* work out terms whose scale is 0 too, for a watch */
} nj_guidance;

/* What guidance found out about a look. `clamped` is what is added: under
 * compat a gradient that is not finite becomes 0 with Disco's cutouts, and the
 * clamp takes the whole batch at once. */
typedef struct nj_guided_loss {
    th_tensor *terms[NJ_LOSSES]; /* [B] unscaled; NULL: the term is off */
    th_tensor *gradient;         /* [B,3,H,W] -d loss / d x */
    th_tensor *clamped;          /* the same, its RMS clamped */
} nj_guided_loss;

/* Whether any term has a scale; without one no gradient is needed. */
bool nj_guidance_is_on(const nj_guidance *g);

/* look->x must be a leaf that gradients are taken by and look->x0 a function
 * of it, by whichever network guidance goes through. `iteration` says which
 * random numbers cut. Results live in s. */
nj_guided_loss nj_guidance_gradient(th_scope *s, const nj_guidance *g,
                                    const nj_look *look, uint32_t iteration);

#endif
