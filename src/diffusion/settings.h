/* Settings: everything that decides how one picture is made, apart from its
 * prompt and seed. Plain values; the option table in job/options.c says their
 * names, ranges and defaults once. */
#ifndef NJ_DIFFUSION_SETTINGS_H
#define NJ_DIFFUSION_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum nj_sampler { NJ_DDPM, NJ_DDIM, NJ_PLMS } nj_sampler;
typedef enum nj_cutouts { NJ_CUTOUTS_CROWSON, NJ_CUTOUTS_RUSSELL } nj_cutouts;
typedef enum nj_gradient { NJ_GRADIENT_X, NJ_GRADIENT_X_IN } nj_gradient;
typedef enum nj_precision {
    NJ_PRECISION_AUTO,
    NJ_PRECISION_FP32,
    NJ_PRECISION_BF16,
    NJ_PRECISION_FP16
} nj_precision;

#define NJ_CLASS_NONE   (-1)
#define NJ_CLASS_RANDOM (-2) /* a new one for every image and step */

typedef struct nj_settings {
    int width;  /* pixels, a multiple of the network's factor */
    int height; /* pixels */
    char timestep_respacing[128];
    nj_sampler sampler;
    int plms_order; /* 1..4 */
    double eta;     /* DDIM only; 0..1 */
    int skip_timesteps;
    double clip_guidance_scale;
    double tv_scale;
    double range_scale;
    double sat_scale;
    int cutn;
    int cutn_batches;
    double cut_pow;
    nj_cutouts cutouts;
    nj_gradient gradient;
    bool skip_augs;
    double clamp_max; /* RMS limit of an image's gradient; 0: none */
    bool clip_denoised;
    int class_id;    /* 0.., or NJ_CLASS_NONE, NJ_CLASS_RANDOM */
    int batch_size;  /* images that run together; part of the record */
    int clip_slices; /* parts in which CLIP sees a step's cutouts; likewise */
    int save_every; /* also the x0 of iterations K-1, 2K-1..; 0: only the end */
} nj_settings;

#endif
