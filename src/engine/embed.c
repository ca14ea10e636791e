/* CLIP by itself: see embed.h. */
#include "engine/embed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "diffusion/pixels.h"
#include "engine/cutouts.h"
#include "engine/machine.h"
#include "image/resize.h"
#include "text/tokenizer.h"

struct nj_embedder {
    nj_clip *clip;
    nj_tokenizer *tokenizer;
    th_device device;
    char device_name[32];
    nj_embedder_facts facts;
};

/* ---- opening ----------------------------------------------------------- */

static nj_status load(nj_embedder *e, const char *clip_path,
                      const char *vocabulary, const nj_engine_machine *machine,
                      nj_err *err)
{
    const nj_clip_config *shape;
    nj_status status =
        nj_machine_device(machine->device, machine->device_index, &e->device,
                          e->device_name, sizeof(e->device_name), err);

    if (status != NJ_OK)
        return status;
    nj_machine_threads(machine->threads);
    status = nj_machine_clip(clip_path, NJ_F32, e->device, &e->clip, err);
    if (status != NJ_OK)
        return status;
    shape = nj_clip_shape(e->clip);
    e->facts = (nj_embedder_facts){.width = shape->embed,
                                   .image_size = shape->image_size,
                                   .device = e->device_name};
    return nj_tokenizer_open(vocabulary, (size_t)shape->vocabulary,
                             &e->tokenizer, err);
}

nj_status nj_embedder_open(const char *clip_path, const char *vocabulary,
                           const nj_engine_machine *machine, nj_embedder **out,
                           nj_err *err)
{
    nj_embedder *e = nj_calloc(1, sizeof(*e));
    nj_status status;

    if (!e)
        return nj_fail(err, NJ_E_MEMORY, "no memory for a CLIP");
    status = load(e, clip_path, vocabulary, machine, err);
    if (status == NJ_OK)
        *out = e;
    else
        nj_embedder_close(e);
    return status;
}

void nj_embedder_close(nj_embedder *e)
{
    if (!e)
        return;
    nj_clip_free(e->clip);
    nj_tokenizer_free(e->tokenizer);
    free(e);
}

const nj_embedder_facts *nj_embedder_facts_of(const nj_embedder *e)
{
    return &e->facts;
}

/* ---- embedding --------------------------------------------------------- */

/* Each row of [count,width] to length 1. */
static nj_status make_unit(float *rows, size_t count, size_t width, nj_err *err)
{
    for (size_t i = 0; i < count; i++) {
        float *row = rows + i * width;
        double sum = 0;

        for (size_t k = 0; k < width; k++)
            sum += (double)row[k] * row[k];
        if (!isfinite(sum) || sum == 0)
            return nj_fail(err, NJ_E_NUMERIC,
                           "CLIP's embedding is not finite, or zero");
        for (size_t k = 0; k < width; k++)
            row[k] = (float)(row[k] / sqrt(sum));
    }
    return NJ_OK;
}

/* Reads [count,width] to the host and ends the scope. */
static nj_status finish(nj_embedder *e, th_scope *s, const th_tensor *t,
                        size_t count, float *out, nj_err *err)
{
    size_t width = (size_t)e->facts.width;
    nj_status status;

    th_read_f32(s, t, out, count * width);
    status = th_scope_check(s, err);
    th_scope_free(s);
    return status == NJ_OK ? make_unit(out, count, width, err) : status;
}

/* One picture as CLIP sees it -> values [3,size,size] in [0,1]. */
static nj_status show(const nj_engine_rgb *rgb, int size, float *values,
                      nj_err *err)
{
    const nj_picture p = {rgb->width, rgb->height, 3,
                          (uint8_t *)(uintptr_t)rgb->rgb};
    nj_picture square;
    nj_status status = nj_picture_square(&p, size, &square, err);

    if (status == NJ_OK)
        nj_pixels_to_unit(square.pixels, size, size, values);
    nj_picture_release(&square);
    return status;
}

nj_status nj_embed_pictures(nj_embedder *e, const nj_engine_rgb *pictures,
                            size_t count, float *out, nj_err *err)
{
    int size = e->facts.image_size;
    size_t numbers = 3 * (size_t)size * (size_t)size;
    const int64_t shape[4] = {(int64_t)count, 3, size, size};
    float *values = nj_calloc(count, numbers * sizeof(*values));
    th_scope *s;
    th_tensor *x;
    nj_status status = NJ_OK;

    if (!values)
        return nj_fail(err, NJ_E_MEMORY, "no memory for pictures");
    for (size_t i = 0; i < count && status == NJ_OK; i++)
        status = show(&pictures[i], size, values + i * numbers, err);
    if (status == NJ_OK) {
        s = th_scope_new(NULL);
        x = th_to(s, th_from_data(s, NJ_F32, 4, shape, values), NJ_F32,
                  e->device);
        x = nj_clip_encode_image(s, e->clip, nj_clip_normalise(s, x), NULL);
        status = finish(e, s, x, count, out, err);
    }
    free(values);
    return status;
}

nj_status nj_embed_texts(nj_embedder *e, const char *const *texts, size_t count,
                         float *out, nj_err *err)
{
    size_t context = (size_t)nj_clip_shape(e->clip)->context;
    int64_t *ids = nj_calloc(count, context * sizeof(*ids));
    th_scope *s;
    nj_status status = NJ_OK;

    if (!ids)
        return nj_fail(err, NJ_E_MEMORY, "no memory for texts");
    for (size_t i = 0; i < count && status == NJ_OK; i++)
        status = nj_tokenizer_row(e->tokenizer, texts[i], strlen(texts[i]),
                                  true, context, ids + i * context, err);
    if (status == NJ_OK) {
        s = th_scope_new(NULL);
        status = finish(e, s, nj_clip_encode_text(s, e->clip, ids, count, NULL),
                        count, out, err);
    }
    free(ids);
    return status;
}
