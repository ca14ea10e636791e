/* Settings: everything that decides how one picture is made, apart from its
 * prompt and seed. Plain values; the option table in job/options.c says their
 * names, ranges and defaults once. */
#ifndef NJ_DIFFUSION_SETTINGS_H
#define NJ_DIFFUSION_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "diffusion/curve.h"
#include "diffusion/schedule.h"

typedef enum nj_sampler { NJ_DDPM, NJ_DDIM, NJ_PLMS } nj_sampler;
typedef enum nj_cutouts {
    NJ_CUTOUTS_CROWSON,
    NJ_CUTOUTS_RUSSELL,
    NJ_CUTOUTS_DISCO
} nj_cutouts;
/* What is done to cutouts before CLIP sees them. */
typedef enum nj_augmentations {
    NJ_AUGMENT_AUTO, /* as the cutouts' notebook: crowson none, russell that of
                        2021-11, disco its own */
    NJ_AUGMENT_NONE,
    NJ_AUGMENT_2021_09, /* Russell's */
    NJ_AUGMENT_2021_11
} nj_augmentations;
typedef enum nj_blending {
    NJ_BLEND_SIGMA, /* sigma x0 + (1 - sigma) x */
    NJ_BLEND_NONE   /* x0 */
} nj_blending;
typedef enum nj_perlin_mode {
    NJ_PERLIN_MIXED, /* a layer in colour, one in grey */
    NJ_PERLIN_COLOR,
    NJ_PERLIN_GRAY
} nj_perlin_mode;
/* Bits. */
typedef enum nj_symmetry {
    NJ_SYMMETRY_NONE = 0,
    NJ_SYMMETRY_HORIZONTAL = 1, /* the right half mirrors the left one */
    NJ_SYMMETRY_VERTICAL = 2,   /* the lower half mirrors the upper one */
    NJ_SYMMETRY_BOTH = 3
} nj_symmetry;
typedef enum nj_compat {
    NJ_COMPAT_NONE,
    NJ_COMPAT_NOTEBOOK /* with the notebooks' quirks: docs/presets.md */
} nj_compat;
typedef enum nj_gradient { NJ_GRADIENT_X, NJ_GRADIENT_X_IN } nj_gradient;
typedef enum nj_precision {
    NJ_PRECISION_AUTO,
    NJ_PRECISION_FP32,
    NJ_PRECISION_BF16,
    NJ_PRECISION_FP16
} nj_precision;

/* As options and records spell it; static storage. */
const char *nj_precision_name(nj_precision p);

/* What is done to need less memory; pictures are the same. */
typedef enum nj_memory {
    NJ_MEMORY_AUTO, /* the quickest that fits into what is free */
    NJ_MEMORY_FAST, /* nothing */
    NJ_MEMORY_SMALL /* all there is */
} nj_memory;

#define NJ_CLASS_NONE   (-1)
#define NJ_CLASS_RANDOM (-2) /* a new one for every image and step */

/* Settings that may follow a curve. */
typedef enum nj_curved {
    NJ_CURVED_ETA,
    NJ_CURVED_CLIP_GUIDANCE_SCALE,
    NJ_CURVED_TV_SCALE,
    NJ_CURVED_RANGE_SCALE,
    NJ_CURVED_SAT_SCALE,
    NJ_CURVED_INIT_SCALE,
    NJ_CURVED_CLAMP_MAX,
    NJ_CURVED_CUTN,
    NJ_CURVED_CUT_OVERVIEW,
    NJ_CURVED_CUT_INNERCUT,
    NJ_CURVED_CUT_IC_POW,
    NJ_CURVED_CUT_ICGRAY_P,
    NJ_CURVED_COUNT
} nj_curved;

/* Times of a run at which symmetry is imposed. */
#define NJ_TRANSFORMATIONS_MAX 8

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
    int cut_overview;    /* disco: whole pictures */
    int cut_innercut;    /* disco: cutouts within the picture */
    double cut_ic_pow;   /* disco: size of those, as cut_pow */
    double cut_icgray_p; /* disco: part of those that is grey, 0..1 */
    nj_gradient gradient;
    nj_blending blend; /* what the losses look at */
    nj_augmentations augmentations;
    bool skip_augs;    /* no augmentations, whatever they are */
    double init_scale; /* LPIPS distance to the start picture */
    bool fuzzy_prompt;
    double rand_mag; /* of fuzzy prompts */
    bool perlin_init;
    nj_perlin_mode perlin_mode;
    nj_symmetry symmetry;
    char transformation_percent[64]; /* when: ".09" or ".09,.2" */
    double clamp_max; /* RMS limit of an image's gradient; 0: none */
    bool clip_denoised;
    int class_id;    /* 0.., or NJ_CLASS_NONE, NJ_CLASS_RANDOM */
    int batch_size;  /* images that run together; part of the record */
    int clip_slices; /* parts in which CLIP sees a step's cutouts; likewise */
    int save_every; /* also the x0 of iterations K-1, 2K-1..; 0: only the end */
    nj_compat compat;

    /* Where one is set, its field above holds its largest value, and
     * nj_settings_at gives that of a step. */
    nj_curve curves[NJ_CURVED_COUNT];
} nj_settings;

/* Whether the quirks of Russell's and Disco's notebooks hold: compat, with
 * their cutouts. Crowson's notebooks do not have them. */
bool nj_settings_have_quirks(const nj_settings *s);

/* Gives a setting a curve, or, when that is a number, the number. Whole
 * settings take the whole part of a value. */
void nj_settings_set_curve(nj_settings *s, nj_curved which, const nj_curve *c);

/* The curve of a setting, a number where it has none. */
nj_curve nj_settings_curve(const nj_settings *s, nj_curved which);

/* The settings that hold at a place of a run, without curves. */
nj_settings nj_settings_at(const nj_settings *s, const nj_curve_place *place);

/* eta of each index of a chain of `base_steps` base steps, as the steps that
 * are run meet it; those that are skipped get 0. out [schedule->count]. */
void nj_settings_etas(const nj_settings *s, const nj_schedule *schedule,
                      int base_steps, double *out);

/* Reads transformation_percent: `count` parts of a run, each 0..1. */
nj_status nj_transformations_parse(const char *text,
                                   double out[NJ_TRANSFORMATIONS_MAX],
                                   size_t *count, nj_err *err) NJ_MUST_USE;

#endif
