/* Draws: see draws.h. Which block and lane decides what is fixed here once;
 * changing it changes what every seed means. */
#include "diffusion/draws.h"

#include <math.h>

enum { BLOCKS_PER_CUT = 8, NOISES_PER_CUT = 4, NOISE_BLOCK_BITS = 20 };

static nj_source with_stream(const nj_source *from, nj_stream stream)
{
    nj_source source = *from;

    source.stream = stream;
    return source;
}

int nj_boxes_border(const nj_boxes_config *config)
{
    switch (config->cutouts) {
    case NJ_CUTOUTS_RUSSELL:
        return nj_russell_border(config->height);
    case NJ_CUTOUTS_DISCO:
        return nj_disco_border(config->width, config->height);
    case NJ_CUTOUTS_CROWSON:
        break;
    }
    return 0;
}

static nj_box draw_box(const nj_boxes_config *config, const nj_canvas *canvas,
                       int k, const double u[4])
{
    if (config->cutouts == NJ_CUTOUTS_CROWSON)
        return nj_box_crowson(canvas, config->cut_pow, u);
    if (nj_russell_whole(config->cutn, k))
        return (nj_box){0, 0, canvas->width, canvas->height};
    return nj_box_russell(canvas, nj_random_normal(u[0], u[1]), u + 2);
}

/* The whole picture, then inner cutouts, of which number i takes block i. */
static void draw_disco(const nj_boxes_config *config, const nj_source *from,
                       nj_box *out)
{
    const nj_canvas canvas = {config->width, config->height, config->clip_size};
    const int border = nj_boxes_border(config);
    double u[4];

    out[0] = nj_disco_square(config->width, config->height);
    for (int i = 0; i + 1 < config->cutn; i++) {
        nj_box *box = &out[i + 1];

        nj_random_uniforms(from, (uint32_t)i, u);
        *box = nj_box_crowson(&canvas, config->cut_pow, u);
        box->x += border;
        box->y += border;
    }
}

void nj_draw_boxes(const nj_boxes_config *config, const nj_source *from,
                   nj_box *out)
{
    const nj_source source = with_stream(from, NJ_STREAM_BOXES);
    const int border = nj_boxes_border(config);
    const nj_canvas canvas = {config->width + 2 * border,
                              config->height + 2 * border, config->clip_size};
    double u[4];

    if (config->cutouts == NJ_CUTOUTS_DISCO) {
        draw_disco(config, &source, out);
        return;
    }
    for (int k = 0; k < config->cutn; k++) {
        nj_random_uniforms(&source, (uint32_t)k, u);
        out[k] = draw_box(config, &canvas, k, u);
    }
}

bool nj_chain_of(const nj_settings *settings, nj_chain *chain)
{
    if (settings->skip_augs)
        return false;
    if (settings->cutouts == NJ_CUTOUTS_DISCO) {
        *chain = NJ_CHAIN_DISCO;
        return settings->augmentations == NJ_AUGMENT_AUTO;
    }
    *chain = settings->augmentations == NJ_AUGMENT_2021_09 ? NJ_CHAIN_2021_09
                                                           : NJ_CHAIN_2021_11;
    return settings->augmentations == NJ_AUGMENT_AUTO
               ? settings->cutouts == NJ_CUTOUTS_RUSSELL
               : settings->augmentations != NJ_AUGMENT_NONE;
}

const nj_augment_ranges *nj_chain_ranges(nj_chain chain)
{
    static const nj_augment_ranges ranges[] = {
        [NJ_CHAIN_2021_09] = {.flip_p = .5,
                              .degrees = 15,
                              .translate = .1,
                              .perspective_p = .7,
                              .distortion = .4,
                              .gray_p = .15},
        [NJ_CHAIN_2021_11] = {.flip_p = .5,
                              .degrees = 15,
                              .translate = .1,
                              .perspective_p = .7,
                              .distortion = .4,
                              .factor = {.1, .1, .1},
                              .hue = .1,
                              .gray_p = .35},
        [NJ_CHAIN_DISCO] = {.flip_p = .5,
                            .degrees = 10,
                            .translate = .05,
                            .factor = {.1, .1, .1},
                            .hue = .1,
                            .gray_p = .1},
    };

    return &ranges[chain];
}

static double symmetric(double u, double limit)
{
    return (2 * u - 1) * limit;
}

/* Permutation `number` (0..23) of the jitters in lexicographic order. */
static void permutation(int number, nj_jitter out[NJ_JITTERS])
{
    static const int block[NJ_JITTERS] = {6, 2, 1, 1};
    int left[NJ_JITTERS] = {0, 1, 2, 3};

    for (int i = 0; i < NJ_JITTERS; i++) {
        int pick = number / block[i];

        out[i] = (nj_jitter)left[pick];
        for (int j = pick; j + 1 < NJ_JITTERS - i; j++)
            left[j] = left[j + 1];
        number %= block[i];
    }
}

/* Corners move inwards by whole pixels, at most by `distortion` of half the
 * side, which is rounded down before it is scaled. */
static void draw_corners(const nj_source *from, uint32_t block,
                         double distortion, const int side[2], double out[4][2])
{
    static const bool far[4][2] = {
        {false, false}, {true, false}, {true, true}, {false, true}};
    double u[8];

    nj_random_uniforms(from, block, u);
    nj_random_uniforms(from, block + 1, u + 4);
    for (int corner = 0; corner < 4; corner++)
        for (int axis = 0; axis < 2; axis++) {
            int half = side[axis] / 2;
            double most = floor(distortion * half);
            double move = floor(u[2 * corner + axis] * (most + 1));

            out[corner][axis] =
                far[corner][axis] ? side[axis] - 1 - move : move;
        }
}

void nj_draw_augmentation(const nj_augment_ranges *ranges,
                          const nj_source *from, int k, int width, int height,
                          nj_augmentation *out)
{
    const nj_source source = with_stream(from, NJ_STREAM_AUGMENT);
    const uint32_t block = BLOCKS_PER_CUT * (uint32_t)k;
    const int side[2] = {width, height};
    double u[4];

    nj_random_uniforms(&source, block, u);
    out->flip = u[0] < ranges->flip_p;
    out->angle = symmetric(u[1], ranges->degrees);
    for (int axis = 0; axis < 2; axis++)
        out->shift[axis] =
            rint(symmetric(u[2 + axis], ranges->translate) * side[axis]);
    nj_random_uniforms(&source, block + 1, u);
    out->perspective = u[0] < ranges->perspective_p;
    for (int i = 0; i < 3; i++)
        out->factor[i] = 1 + symmetric(u[1 + i], ranges->factor[i]);
    nj_random_uniforms(&source, block + 2, u);
    out->hue = symmetric(u[0], ranges->hue);
    out->gray = u[1] < ranges->gray_p;
    permutation((int)nj_random_integer(u[2], 24), out->order);
    draw_corners(&source, block + 3, ranges->distortion, side, out->corners);
}

nj_source nj_cut_noise_source(const nj_source *from, int k, int time,
                              uint32_t *first)
{
    uint32_t place = (uint32_t)k * NOISES_PER_CUT + (uint32_t)time;

    *first = place << NOISE_BLOCK_BITS;
    return with_stream(from, NJ_STREAM_CUT_NOISE);
}

void nj_draw_cut_noise(const nj_source *from, int k, int time, size_t n,
                       float *out)
{
    uint32_t first;
    const nj_source source = nj_cut_noise_source(from, k, time, &first);

    nj_random_field(&source, first, n, out);
}

int64_t nj_draw_class(const nj_source *from, int64_t classes)
{
    const nj_source source = with_stream(from, NJ_STREAM_CLASS);
    double u[4];

    nj_random_uniforms(&source, 0, u);
    return nj_random_integer(u[0], classes);
}

void nj_draw_fuzzy_noise(const nj_fuzzy_draw *which, size_t n, float *out)
{
    const nj_source source = {which->seed, (uint32_t)which->clip,
                              NJ_STREAM_FUZZY,
                              (uint32_t)which->copies * (uint32_t)which->part +
                                  (uint32_t)which->copy};

    nj_random_field(&source, 0, n, out);
}

void nj_draw_perlin(uint64_t seed, int layer, int octave, size_t points,
                    float *out)
{
    const nj_source source = nj_perlin_source(seed, layer, octave);

    nj_random_field(&source, 0, 2 * points, out);
}

nj_source nj_perlin_source(uint64_t seed, int layer, int octave)
{
    return (nj_source){seed, 0, NJ_STREAM_PERLIN,
                       16 * (uint32_t)layer + (uint32_t)octave};
}

const float *nj_draw_perlin_channel(const nj_source *from, int channel,
                                    size_t points, float *out)
{
    const size_t first = 2 * points * (size_t)channel;
    const size_t before = first % 4;

    nj_random_field(from, (uint32_t)(first / 4), before + 2 * points, out);
    return out + before;
}
