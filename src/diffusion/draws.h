/* Draws: what the streams decide, from random numbers to plain figures
 * (docs/randomness.md). Every function sets its stream, and the iteration
 * where that is fixed, itself; `from` says the rest. */
#ifndef NJ_DIFFUSION_DRAWS_H
#define NJ_DIFFUSION_DRAWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "diffusion/boxes.h"
#include "diffusion/random.h"
#include "diffusion/settings.h"

typedef struct nj_boxes_config {
    nj_cutouts cutouts;
    int width;      /* of the picture without a border, pixels */
    int height;     /* of the picture without a border, pixels */
    int clip_size;  /* side of CLIP's input */
    int cutn;       /* Disco: 1 for the overviews, then the inner cutouts */
    double cut_pow; /* Crowson's, and of Disco's inner cutouts */
} nj_boxes_config;

/* Pixels of zeros on each side of the picture: Russell's border, Disco's, or
 * 0. Boxes count from the border's corner. */
int nj_boxes_border(const nj_boxes_config *config);

/* All cutn boxes of one draw. */
void nj_draw_boxes(const nj_boxes_config *config, const nj_source *from,
                   nj_box *out);

/* Jitters of colours, in the order that permutations count from. */
typedef enum nj_jitter {
    NJ_JITTER_BRIGHTNESS,
    NJ_JITTER_CONTRAST,
    NJ_JITTER_SATURATION,
    NJ_JITTER_HUE
} nj_jitter;

#define NJ_JITTERS 4

/* Ranges and probabilities of augmentations. */
typedef struct nj_augment_ranges {
    double flip_p;
    double degrees;   /* largest angle of the affine map */
    double translate; /* largest shift, part of the side */
    double perspective_p;
    double distortion; /* largest displacement, part of half the side */
    double factor[3];  /* brightness, contrast, saturation: largest change */
    double hue;        /* largest change, turns */
    double gray_p;
} nj_augment_ranges;

/* The notebooks' chains of augmentations. */
typedef enum nj_chain {
    NJ_CHAIN_2021_11, /* Quick CLIP Guided Diffusion, November 2021 */
    NJ_CHAIN_2021_09, /* the same, September 2021 */
    NJ_CHAIN_DISCO    /* Disco Diffusion 5, still pictures */
} nj_chain;

/* The chain that cutouts go through; false: none. */
bool nj_chain_of(const nj_settings *settings, nj_chain *chain);

const nj_augment_ranges *nj_chain_ranges(nj_chain chain);

/* Everything that is drawn for one cutout. */
typedef struct nj_augmentation {
    bool flip;
    double angle;         /* degrees, clockwise on the screen */
    double shift[2];      /* pixels to the right, down */
    bool perspective;     /* whether corners are used */
    double corners[4][2]; /* where the corners go: top left, top right, bottom
                             right, bottom left; x, y in pixels */
    double factor[3];     /* brightness, contrast, saturation; 1: unchanged */
    double hue;           /* turns, -0.5..0.5 */
    nj_jitter order[NJ_JITTERS];
    bool gray;
} nj_augmentation;

/* Augmentations of cutout k, which is width x height pixels. */
void nj_draw_augmentation(const nj_augment_ranges *ranges,
                          const nj_source *from, int k, int width, int height,
                          nj_augmentation *out);

/* N(0,1) noise that cutout k gets the `time`-th time (0..3): n values in C,H,W
 * order at the size the cut has then. */
void nj_draw_cut_noise(const nj_source *from, int k, int time, size_t n,
                       float *out);

/* The same field's source, and the block it begins with. */
nj_source nj_cut_noise_source(const nj_source *from, int k, int time,
                              uint32_t *first);

/* The random class of a step (from->iteration), 0..classes-1. */
int64_t nj_draw_class(const nj_source *from, int64_t classes);

/* N(0,1) noise of one fuzzy copy of one part of a prompt for a CLIP: n
 * values. */
typedef struct nj_fuzzy_draw {
    uint64_t seed;
    int clip; /* from 0 */
    int part; /* of the prompt, from 0 */
    int copy; /* from 0 */
    int copies;
} nj_fuzzy_draw;

void nj_draw_fuzzy_noise(const nj_fuzzy_draw *which, size_t n, float *out);

/* Perlin gradients of one octave of one layer: `points` pairs (x, y), points
 * counted over channel, row, column. */
void nj_draw_perlin(uint64_t seed, int layer, int octave, size_t points,
                    float *out);

/* The same for the points of one channel alone, which has `points` of them.
 * `out` has room for 2 points + 2 numbers; the pairs begin where the result
 * points to. */
const float *nj_draw_perlin_channel(const nj_source *from, int channel,
                                    size_t points, float *out);

/* The stream of an octave of a layer. */
nj_source nj_perlin_source(uint64_t seed, int layer, int octave);

#endif
