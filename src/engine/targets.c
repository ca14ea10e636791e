/* Targets: see targets.h. Texts first, then image prompts, as in the public
 * notebooks. */
#include "engine/targets.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "diffusion/draws.h"
#include "diffusion/pixels.h"
#include "engine/cut.h"
#include "engine/losses.h"
#include "image/resize.h"

/* Image prompts are cut at iterations that no step reaches. */
static const uint32_t last_iteration = 0xFFFFFFFFU;

/* Russell's copies of a fuzzy prompt. */
#define FUZZY_COPIES 25

/* What one prompt gathers before it becomes two tensors. */
struct rows {
    const th_tensor **embeddings; /* [parts] each [n,D] */
    size_t count;                 /* entries of embeddings */
    float *weights;               /* [P] */
    size_t total;                 /* P */
};

static bool has_images(const nj_prompt *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->parts[i].image)
            return true;
    return false;
}

static bool same_texts(const nj_prompt *a, const nj_prompt *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->parts[i].weight != b->parts[i].weight ||
            strcmp(a->parts[i].text, b->parts[i].text) != 0 ||
            strcmp(a->parts[i].written, b->parts[i].written) != 0)
            return false;
    return true;
}

static size_t count_parts(const nj_prompt *p, bool image)
{
    size_t n = 0;

    for (size_t i = 0; i < p->count; i++)
        n += p->parts[i].image == image;
    return n;
}

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for the prompt's targets");
}

/* ---- fuzzy prompts ----------------------------------------------------- */

static size_t copies_of(const nj_targets_config *c)
{
    return c->settings->fuzzy_prompt ? FUZZY_COPIES : 1;
}

/* Noisy copies of the rows [n,D] of one part of image b's prompt -> entries of
 * `out`, each [n,D]. */
static nj_status add_copies(th_scope *s, const nj_targets_config *c, size_t b,
                            size_t part, const th_tensor *rows,
                            struct rows *out, nj_err *err)
{
    const size_t n = th_elements(rows);
    const int64_t shape[2] = {th_size(rows, 0), th_size(rows, 1)};
    float *noise = nj_calloc(n, sizeof(*noise));

    if (!noise)
        return no_memory(err);
    for (int copy = 0; copy < FUZZY_COPIES; copy++) {
        const nj_fuzzy_draw which = {c->seeds[b], (int)c->clip_index, (int)part,
                                     copy, FUZZY_COPIES};
        const th_tensor *field;

        nj_draw_fuzzy_noise(&which, n, noise);
        field = th_to(s, th_from_data(s, NJ_F32, 2, shape, noise), NJ_F32,
                      c->device);
        out->embeddings[out->count++] =
            nj_fuzzy_targets(s, rows, field, c->settings->rand_mag);
    }
    free(noise);
    return NJ_OK;
}

/* The rows themselves, or noisy copies of them. */
static nj_status add_rows(th_scope *s, const nj_targets_config *c, size_t b,
                          size_t part, const th_tensor *rows, struct rows *out,
                          nj_err *err)
{
    if (c->settings->fuzzy_prompt)
        return add_copies(s, c, b, part, rows, out, err);
    out->embeddings[out->count++] = rows;
    return NJ_OK;
}

/* ---- texts ------------------------------------------------------------- */

static nj_status tokenize(const nj_targets_config *c, const nj_prompt *prompt,
                          int64_t *rows, nj_err *err)
{
    size_t context = (size_t)nj_clip_shape(c->clip)->context;

    for (size_t i = 0; i < prompt->count; i++) {
        const nj_prompt_part *part = &prompt->parts[i];
        const char *text =
            nj_settings_have_quirks(c->settings) ? part->written : part->text;
        nj_status status;

        if (part->image)
            continue;
        status = nj_tokenizer_row(c->tokenizer, text, strlen(text), c->truncate,
                                  context, rows, err);
        if (status != NJ_OK)
            return status;
        rows += context;
    }
    return NJ_OK;
}

/* Rows of texts [T,D], in the order of their parts -> `out`. */
static nj_status add_texts(th_scope *s, const nj_targets_config *c, size_t b,
                           const th_tensor *rows, struct rows *out, nj_err *err)
{
    const nj_prompt *prompt = c->prompts[b];
    nj_status status = NJ_OK;
    int64_t row = 0;

    for (size_t i = 0; i < prompt->count && status == NJ_OK; i++)
        if (!prompt->parts[i].image)
            status =
                add_rows(s, c, b, i, th_narrow(s, rows, 0, row++, 1), out, err);
    return status;
}

/* All texts of a prompt in one forward pass. */
static nj_status embed_texts(th_scope *s, const nj_targets_config *c, size_t b,
                             struct rows *out, nj_err *err)
{
    const nj_prompt *prompt = c->prompts[b];
    size_t context = (size_t)nj_clip_shape(c->clip)->context;
    size_t texts = count_parts(prompt, false);
    int64_t *ids;
    nj_status status;

    if (texts == 0)
        return NJ_OK;
    ids = nj_calloc(texts * context, sizeof(*ids));
    status = ids ? tokenize(c, prompt, ids, err) : no_memory(err);
    if (status == NJ_OK) {
        status = add_texts(s, c, b,
                           nj_clip_encode_text(s, c->clip, ids, texts, NULL),
                           out, err);
        if (c->watch && c->watch->tokens)
            c->watch->tokens(c->watch->user, c->clip_index, b, ids, texts,
                             context);
    }
    free(ids);
    return status;
}

/* ---- image prompts ----------------------------------------------------- */

/* The picture of an image prompt as [1,3,h,w] in [0,1], its shorter side no
 * longer than the output's. */
static nj_status read_picture(th_scope *s, const nj_targets_config *c,
                              const char *path, th_tensor **out, nj_err *err)
{
    int width = c->settings->width;
    int height = c->settings->height;
    nj_picture rgb;
    float *values;
    nj_status status = nj_picture_read_shrunk(
        path, width < height ? width : height, &rgb, err);

    if (status != NJ_OK)
        return status;
    values =
        nj_calloc((size_t)rgb.width * (size_t)rgb.height, 3 * sizeof(*values));
    if (values) {
        const int64_t shape[4] = {1, 3, rgb.height, rgb.width};

        nj_pixels_to_unit(rgb.pixels, rgb.width, rgb.height, values);
        *out = th_to(s, th_from_data(s, NJ_F32, 4, shape, values), NJ_F32,
                     c->device);
    } else {
        status = no_memory(err);
    }
    free(values);
    nj_picture_release(&rgb);
    return status;
}

/* How pictures are cut: Disco's notebook cuts them as Russell's of September
 * 2021 did. */
static nj_settings picture_settings(const nj_settings *settings)
{
    nj_settings t = *settings;

    if (t.cutouts == NJ_CUTOUTS_DISCO) {
        t.cutouts = NJ_CUTOUTS_RUSSELL;
        if (t.augmentations == NJ_AUGMENT_AUTO)
            t.augmentations = NJ_AUGMENT_2021_09;
    }
    return t;
}

/* The cutouts of a part that is a picture, the i-th of image b's prompt. */
static nj_status embed_picture(th_scope *s, const nj_targets_config *c,
                               size_t b, size_t part, size_t i,
                               struct rows *out, nj_err *err)
{
    const nj_settings settings = picture_settings(c->settings);
    const nj_cut_draw draw = {
        .seeds = &c->seeds[b],
        .images = 1,
        .iteration = last_iteration - (uint32_t)i,
        .draw = (uint32_t)c->clip_index * (uint32_t)settings.cutn_batches,
    };
    th_tensor *x = NULL;
    th_tensor *cuts;
    nj_status status =
        read_picture(s, c, c->prompts[b]->parts[part].text, &x, err);

    if (status != NJ_OK)
        return status;
    /* Those notebooks take the picture as [-1,1] for one in [0,1]. */
    if (nj_settings_have_quirks(c->settings))
        x = th_add_scalar(s, th_mul_scalar(s, x, 2), -1);
    cuts =
        nj_cut_once(s, &settings, nj_clip_shape(c->clip)->image_size, x, &draw);
    return add_rows(s, c, b, part, nj_clip_encode_image(s, c->clip, cuts, NULL),
                    out, err);
}

/* ---- one prompt -------------------------------------------------------- */

static nj_status embed_parts(th_scope *s, const nj_targets_config *c, size_t b,
                             struct rows *out, nj_err *err)
{
    const nj_prompt *prompt = c->prompts[b];
    nj_status status = embed_texts(s, c, b, out, err);
    size_t images = 0;

    for (size_t i = 0; i < prompt->count && status == NJ_OK; i++)
        if (prompt->parts[i].image)
            status = embed_picture(s, c, b, i, images++, out, err);
    return status;
}

static void repeat(struct rows *out, double weight, size_t times)
{
    for (size_t k = 0; k < times; k++)
        out->weights[out->total++] = (float)(weight / (double)times);
}

/* A row for each text, cutn rows for each picture; 25 times as many when they
 * are fuzzy, the weight divided among them. */
static nj_status weigh(const nj_targets_config *c, const nj_prompt *prompt,
                       struct rows *out, nj_err *err)
{
    size_t copies = copies_of(c);
    size_t cutn = (size_t)c->settings->cutn;
    double *parts = nj_calloc(prompt->count, sizeof(*parts));
    nj_status status;

    if (!parts)
        return no_memory(err);
    for (size_t i = 0; i < prompt->count; i++)
        parts[i] = prompt->parts[i].weight;
    status = nj_prompt_normalise(parts, prompt->count, err);
    for (size_t i = 0; i < prompt->count && status == NJ_OK; i++)
        if (!prompt->parts[i].image)
            repeat(out, parts[i], copies);
    for (size_t i = 0; i < prompt->count && status == NJ_OK; i++)
        if (prompt->parts[i].image)
            repeat(out, parts[i], copies * cutn);
    free(parts);
    return status;
}

static void store(th_scope *scope, th_scope *s, const nj_targets_config *c,
                  const struct rows *rows, nj_target *out)
{
    const int64_t total = (int64_t)rows->total;
    th_tensor *weights = th_from_data(s, NJ_F32, 1, &total, rows->weights);

    out->embeddings =
        th_keep(scope, th_cat(s, rows->embeddings, rows->count, 0));
    out->weights = th_keep(scope, th_to(s, weights, NJ_F32, c->device));
}

static nj_status gather(th_scope *s, const nj_targets_config *c, size_t b,
                        struct rows *out, nj_err *err)
{
    nj_status status;

    if (!out->embeddings || !out->weights)
        return no_memory(err);
    status = weigh(c, c->prompts[b], out, err);
    return status == NJ_OK ? embed_parts(s, c, b, out, err) : status;
}

static nj_status make_target(th_scope *scope, const nj_targets_config *c,
                             size_t b, nj_target *out, nj_err *err)
{
    const nj_prompt *prompt = c->prompts[b];
    size_t entries = prompt->count * copies_of(c);
    size_t most = entries * (size_t)c->settings->cutn;
    th_scope *s = th_scope_new(scope);
    struct rows rows = {
        .embeddings = nj_calloc(entries, sizeof(*rows.embeddings)),
        .weights = nj_calloc(most, sizeof(*rows.weights)),
    };
    nj_status status = gather(s, c, b, &rows, err);

    if (status == NJ_OK) {
        store(scope, s, c, &rows, out);
        status = th_scope_check(s, err);
    }
    th_scope_free(s);
    free(rows.embeddings);
    free(rows.weights);
    return status;
}

/* An earlier image whose prompt gives the same target; `b` if there is none.
 * Image prompts are cut by the image's own seed, fuzzy prompts get its noise:
 * they are never shared. */
static size_t same_target(const nj_targets_config *c, size_t b)
{
    bool own = c->settings->fuzzy_prompt || has_images(c->prompts[b]);

    for (size_t i = 0; i < b && !own; i++)
        if (!has_images(c->prompts[i]) &&
            same_texts(c->prompts[i], c->prompts[b]))
            return i;
    return b;
}

nj_status nj_targets_make(th_scope *scope, const nj_targets_config *config,
                          nj_target *out, nj_err *err)
{
    bool grad = th_enable_grad(false);
    nj_status status = NJ_OK;

    for (size_t b = 0; b < config->images && status == NJ_OK; b++) {
        size_t from = same_target(config, b);

        if (from < b)
            out[b] = out[from];
        else
            status = make_target(scope, config, b, &out[b], err);
        if (status == NJ_OK && config->watch && config->watch->target)
            config->watch->target(config->watch->user, config->clip_index, b,
                                  out[b].embeddings, out[b].weights);
    }
    th_enable_grad(grad);
    return status;
}
