/* CLIP: loading, and the image tower's entry. Lists of blocks are allocated
 * from the configuration before any tensor is taken, so that checking and
 * converting run the same code. */
#include "model/clip.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/clip_layout.h"

/* Slices of two sizes, and as much again where numbers of cutouts change. */
#define RECORDINGS 4

/* Not weights: counters, index tables, figures of TorchScript archives. */
static const char *const ignored[] = {
    "num_batches_tracked", "position_ids", "attn_mask", "input_resolution",
    "context_length",      "vocab_size",   NULL};

/* What does not belong to the text tower. */
static const char *const not_text[] = {"visual",
                                       "vision_model",
                                       "visual_projection",
                                       "logit_scale",
                                       "position_ids",
                                       "attn_mask",
                                       "input_resolution",
                                       "context_length",
                                       "vocab_size",
                                       "num_batches_tracked",
                                       NULL};

static void build_text(nj_params *p, void *net)
{
    nj_clip *c = net;
    th_scope *outer = p->scope;

    if (outer)
        p->scope = c->text_scope;
    nj_clip_text_build(p, c);
    p->scope = outer;
}

static void build(nj_params *p, void *net)
{
    nj_clip *c = net;

    if (c->config.resnet)
        nj_clip_resnet_build(p, c);
    else
        nj_clip_vit_build(p, c);
    build_text(p, c);
    nj_params_take(p, "logit_scale", 0, NULL);
}

static void plan_towers(nj_clip *c)
{
    const nj_clip_config *f = &c->config;

    c->text.transformer = (nj_transformer){.count = f->text_layers,
                                           .width = f->text_width,
                                           .mlp = f->text_mlp,
                                           .heads = f->text_heads,
                                           .causal = true,
                                           .gelu = f->gelu};
    if (!f->resnet)
        c->vit.transformer = (nj_transformer){.count = f->vision_layers[0],
                                              .width = f->vision_width,
                                              .mlp = f->vision_mlp,
                                              .heads = f->vision_heads,
                                              .gelu = f->gelu};
}

static bool allocate_blocks(nj_clip *c)
{
    nj_transformer *text = &c->text.transformer;
    nj_transformer *vision = &c->vit.transformer;
    size_t bottlenecks = 0;

    for (int i = 0; i < 4; i++)
        bottlenecks += (size_t)c->config.vision_layers[i];
    text->blocks = nj_calloc((size_t)text->count, sizeof(*text->blocks));
    vision->blocks = nj_calloc((size_t)vision->count, sizeof(*vision->blocks));
    c->resnet.blocks = nj_calloc(bottlenecks, sizeof(*c->resnet.blocks));
    return text->blocks && vision->blocks && c->resnet.blocks;
}

/* Lists of blocks for c->config. */
static nj_status plan_blocks(nj_clip *c, nj_err *err)
{
    plan_towers(c);
    return allocate_blocks(c) ? NJ_OK
                              : nj_fail(err, NJ_E_MEMORY, "out of memory");
}

/* A network without tensors. */
static nj_status layout(const nj_weights *weights, const nj_clip_hints *hints,
                        nj_clip **out, nj_err *err)
{
    nj_clip *c = nj_calloc(1, sizeof(*c));
    nj_status status = NJ_OK;

    *out = NULL;
    if (!c)
        return nj_fail(err, NJ_E_MEMORY, "out of memory");
    status = nj_clip_names_of(weights, &c->names, err);
    if (status == NJ_OK)
        status = nj_clip_read_config(weights, c->names, hints, &c->config, err);
    if (status == NJ_OK)
        status = plan_blocks(c, err);
    if (status == NJ_OK)
        *out = c;
    else
        nj_clip_free(c);
    return status;
}

static nj_clip_config config_of(const nj_clip_card *card)
{
    return (nj_clip_config){
        .embed = card->embed_dim,
        .image_size = card->image_size,
        .patch = card->patch_size,
        .vision_width = card->vision_width,
        .vision_layers = {card->vision_layers},
        .vision_mlp = 4 * card->vision_width,
        .context = card->context_length,
        .vocabulary = card->vocab_size,
        .text_width = card->text_width,
        .text_layers = card->text_layers,
        .text_mlp = 4 * card->text_width,
    };
}

nj_status nj_clip_make_up(const nj_clip_card *card, nj_weights **out,
                          nj_err *err)
{
    nj_clip *c = nj_calloc(1, sizeof(*c));
    nj_status status;

    if (!c)
        return nj_fail(err, NJ_E_MEMORY, "out of memory");
    if (card->patch_size == 0) {
        free(c);
        return nj_fail(err, NJ_E_USAGE,
                       "random weights are made of vision transformers only");
    }
    c->names = nj_clip_default_names();
    c->config = config_of(card);
    status = plan_blocks(c, err);
    if (status == NJ_OK)
        status = nj_params_make_up(
            &(const nj_blueprint){.build = build, .net = c}, out, err);
    nj_clip_free(c);
    return status;
}

nj_status nj_clip_new(const nj_weights *weights, const nj_clip_hints *hints,
                      nj_dtype dtype, th_device device, nj_clip **out,
                      nj_err *err)
{
    nj_status status = layout(weights, hints, out, err);
    nj_clip *c = *out;
    float logit_scale = 0;

    if (status != NJ_OK)
        return status;
    c->dtype = dtype;
    c->device = device;
    c->scope = th_scope_new(NULL);
    c->text_scope = th_scope_new(NULL);
    status = nj_params_fill(
        weights,
        &(const nj_blueprint){.build = build, .net = c, .ignored = ignored},
        &(const nj_target){c->scope, dtype, device}, err);
    if (status != NJ_OK) {
        nj_clip_free(c);
        *out = NULL;
        return status;
    }
    nj_view_to_f32(nj_weights_find(weights, "logit_scale"), &logit_scale);
    c->logit_scale = exp((double)logit_scale);
    return NJ_OK;
}

void nj_clip_free(nj_clip *c)
{
    if (!c)
        return;
    th_recording_free(c->recording);
    th_scope_free(c->scope);
    th_scope_free(c->text_scope);
    free(c->text.transformer.blocks);
    free(c->vit.transformer.blocks);
    free(c->resnet.blocks);
    free(c);
}

void nj_clip_drop_text(nj_clip *c)
{
    th_scope_free(c->text_scope);
    c->text_scope = NULL;
}

bool nj_clip_has_text(const nj_clip *c)
{
    return c->text_scope != NULL;
}

nj_status nj_clip_load_text(nj_clip *c, const nj_weights *weights, nj_err *err)
{
    const nj_blueprint plan = {
        .build = build_text, .net = c, .ignored = not_text};
    nj_status status;

    c->text_scope = th_scope_new(NULL);
    status = nj_params_fill(
        weights, &plan, &(const nj_target){c->text_scope, c->dtype, c->device},
        err);
    if (status != NJ_OK)
        nj_clip_drop_text(c);
    return status;
}

const nj_clip_config *nj_clip_shape(const nj_clip *c)
{
    return &c->config;
}

double nj_clip_logit_scale(const nj_clip *c)
{
    return c->logit_scale;
}

void nj_clip_record(nj_clip *c, bool on, const nj_clip *beside,
                    const th_recording *around)
{
    if (on == (c->recording != NULL))
        return;
    th_recording_free(c->recording);
    c->recording =
        on ? th_recording_new(RECORDINGS, beside ? beside->recording : NULL,
                              around)
           : NULL;
}

static th_tensor *encode(th_scope *s, const nj_clip *c, const th_tensor *image,
                         const nj_observer *observer)
{
    th_scope *t = th_scope_new(s);
    th_tensor *x = th_channels_last(t, th_to(t, image, c->dtype, c->device));
    th_tensor *e = c->config.resnet ? nj_clip_resnet_run(t, c, x, observer)
                                    : nj_clip_vit_run(t, c, x, observer);

    e = th_keep(s, th_to(t, e, th_dtype(image), c->device));
    th_scope_free(t);
    return e;
}

static th_tensor *image_tower(th_scope *s, const void *user,
                              const th_tensor *const *in)
{
    return encode(s, user, in[0], NULL);
}

th_tensor *nj_clip_encode_image(th_scope *s, const nj_clip *c,
                                const th_tensor *image,
                                const nj_observer *observer)
{
    if (observer)
        return encode(s, c, image, observer);
    return th_recorded(s, c->recording, image_tower, c, &image, 1);
}
