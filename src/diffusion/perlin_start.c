/* Perlin starts: see perlin_start.h. */
#include "diffusion/perlin_start.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "diffusion/draws.h"
#include "diffusion/perlin.h"

#define LAYERS 2

static const struct {
    int octaves;
    int cells; /* of the first octave, a side */
} layers[LAYERS] = {{12, 1}, {8, 4}};

struct layer {
    uint64_t seed;
    int index;
    int width;
    int height;
    bool gray;
    float *lattices; /* of all octaves of one channel */
    float *resized;  /* [height,width] */
    uint8_t *rgb;    /* [3,height,width] */
};

static size_t points_of(int index, int octave)
{
    const size_t side = ((size_t)layers[index].cells << octave) + 1;

    return side * side;
}

/* Numbers that a layer's lattices take, room to begin inside a block
 * included. */
static size_t room_of(int index)
{
    size_t room = 0;

    for (int o = 0; o < layers[index].octaves; o++)
        room += 2 * points_of(index, o) + 2;
    return room;
}

static nj_status make_channel(struct layer *l, int channel, nj_err *err)
{
    const int octaves = layers[l->index].octaves;
    const size_t pixels = (size_t)l->width * (size_t)l->height;
    const float *gradients[NJ_PERLIN_OCTAVES_MAX];
    double amplitudes[NJ_PERLIN_OCTAVES_MAX];
    const nj_perlin_field field = {layers[l->index].cells,
                                   layers[l->index].cells, octaves, amplitudes,
                                   gradients};
    float *at = l->lattices;
    nj_status status;

    for (int o = 0; o < octaves; o++) {
        const nj_source from = nj_perlin_source(l->seed, l->index, o);
        const size_t points = points_of(l->index, o);

        gradients[o] = nj_draw_perlin_channel(&from, channel, points, at);
        amplitudes[o] = pow(1.5, -o) * .5;
        at += 2 * points + 2;
    }
    status =
        nj_perlin_resized(&field, l->width, l->height, false, l->resized, err);
    if (status == NJ_OK)
        nj_perlin_rgb8(l->resized, pixels, l->rgb + (size_t)channel * pixels);
    return status;
}

static nj_status make_layer(struct layer *l, nj_err *err)
{
    const size_t pixels = (size_t)l->width * (size_t)l->height;
    nj_status status = NJ_OK;

    l->lattices = nj_calloc(room_of(l->index), sizeof(*l->lattices));
    l->resized = nj_calloc(pixels, sizeof(*l->resized));
    l->rgb = nj_calloc(pixels, 3);
    if (!l->lattices || !l->resized || !l->rgb)
        return nj_fail(err, NJ_E_MEMORY, "no memory for perlin noise");
    for (int i = 0; i < 3 && status == NJ_OK; i++) {
        if (l->gray && i > 0)
            memcpy(l->rgb + (size_t)i * pixels, l->rgb, pixels);
        else
            status = make_channel(l, i, err);
    }
    for (int i = 0; i < 3 && status == NJ_OK; i++)
        nj_autocontrast(l->rgb + (size_t)i * pixels, pixels);
    return status;
}

static void release_layer(struct layer *l)
{
    free(l->lattices);
    free(l->resized);
    free(l->rgb);
}

nj_status nj_perlin_start(uint64_t seed, nj_perlin_mode mode, int width,
                          int height, float *out, nj_err *err)
{
    struct layer all[LAYERS];
    nj_status status = NJ_OK;

    for (int i = 0; i < LAYERS; i++) {
        all[i] = (struct layer){
            .seed = seed,
            .index = i,
            .width = width,
            .height = height,
            .gray = mode == NJ_PERLIN_GRAY || (mode == NJ_PERLIN_MIXED && i),
        };
        if (status == NJ_OK)
            status = make_layer(&all[i], err);
    }
    if (status == NJ_OK)
        nj_perlin_init(all[0].rgb, all[1].rgb,
                       3 * (size_t)width * (size_t)height, out);
    for (int i = 0; i < LAYERS; i++)
        release_layer(&all[i]);
    return status;
}
