/* Stand-ins for CLIP and the upscaler: see fake_morning.h. */
#include "fake/fake_morning.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fake/fake_engine.h"

enum { WIDTH = 4, SCALE = 4 };

static nj_embedder *const the_embedder = (nj_embedder *)&fake_plan;
static nj_upscaler *const the_upscaler = (nj_upscaler *)&fake_plan;

nj_status fake_embedder_open(const char *clip_path, const char *vocabulary,
                             const nj_engine_machine *machine,
                             nj_embedder **out, nj_err *err)
{
    (void)clip_path;
    (void)vocabulary;
    (void)machine;
    if (fake_plan.open_fails != NJ_OK)
        return nj_fail(err, fake_plan.open_fails, "fake: cannot open");
    fake_log.opened++;
    *out = the_embedder;
    return NJ_OK;
}

void fake_embedder_close(nj_embedder *e)
{
    (void)e;
    fake_log.closed++;
}

const nj_embedder_facts *fake_embedder_facts(const nj_embedder *e)
{
    static const nj_embedder_facts facts = {WIDTH, 32, "cpu"};

    (void)e;
    return &facts;
}

static void to_unit(float *v)
{
    float sum = 0;

    for (int k = 0; k < WIDTH; k++)
        sum += v[k] * v[k];
    for (int k = 0; k < WIDTH; k++)
        v[k] /= sqrtf(sum);
}

nj_status fake_embed_pictures(nj_embedder *e, const nj_engine_rgb *pictures,
                              size_t count, float *out, nj_err *err)
{
    (void)e;
    (void)err;
    if (fake_plan.on_embed)
        fake_plan.on_embed(fake_log.pictures_embedded);
    memset(out, 0, count * WIDTH * sizeof(*out));
    for (size_t i = 0; i < count; i++) {
        size_t n = (size_t)pictures[i].width * (size_t)pictures[i].height;
        float *v = out + i * WIDTH;

        for (size_t p = 0; p < 3 * n; p++)
            v[p % 3] += (float)pictures[i].rgb[p] / (255.0F * (float)n);
        v[3] = 0.1F;
        to_unit(v);
    }
    fake_log.pictures_embedded += (int)count;
    return NJ_OK;
}

nj_status fake_embed_texts(nj_embedder *e, const char *const *texts,
                           size_t count, float *out, nj_err *err)
{
    static const char *const colours[3] = {"red", "green", "blue"};

    (void)e;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        float *v = out + i * WIDTH;

        for (int c = 0; c < 3; c++)
            v[c] = strstr(texts[i], colours[c]) ? 1 : 0;
        v[3] = 0.1F;
        to_unit(v);
    }
    fake_log.texts_embedded += (int)count;
    return NJ_OK;
}

nj_status fake_upscaler_open(const char *path, const nj_engine_machine *machine,
                             nj_upscaler **out, nj_err *err)
{
    (void)path;
    (void)machine;
    if (fake_plan.open_fails != NJ_OK)
        return nj_fail(err, fake_plan.open_fails, "fake: cannot open");
    fake_log.opened++;
    *out = the_upscaler;
    return NJ_OK;
}

void fake_upscaler_close(nj_upscaler *u)
{
    (void)u;
    fake_log.closed++;
}

const nj_upscaler_facts *fake_upscaler_facts(const nj_upscaler *u)
{
    static const nj_upscaler_facts facts = {
        .scale = SCALE,
        .device = "cpu",
        .libtorch = "0.0-fake",
        .precision = NJ_PRECISION_FP32,
    };

    (void)u;
    return &facts;
}

nj_status fake_upscale(nj_upscaler *u, const nj_engine_tiling *tiling,
                       const nj_engine_pixels *in, nj_engine_pixels *out,
                       nj_err *err)
{
    size_t channels = (size_t)in->channels;
    size_t width = (size_t)in->width * SCALE;
    size_t height = (size_t)in->height * SCALE;

    (void)u;
    (void)tiling;
    if (fake_plan.on_upscale)
        fake_plan.on_upscale(fake_log.upscaled);
    if (fake_plan.upscale_fails != NJ_OK)
        return nj_fail(err, fake_plan.upscale_fails, "fake: cannot upscale");
    *out = (nj_engine_pixels){(int)width, (int)height, in->channels,
                              malloc(width * height * channels)};
    if (!out->bytes)
        return nj_fail(err, NJ_E_MEMORY, "fake: no memory");
    for (size_t i = 0; i < width * height * channels; i++) {
        size_t x = i / channels % width / SCALE;
        size_t y = i / channels / width / SCALE;

        out->bytes[i] =
            in->bytes[(y * (size_t)in->width + x) * channels + i % channels];
    }
    fake_log.upscaled++;
    return NJ_OK;
}
