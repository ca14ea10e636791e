/* CLIP's ResNet (He et al. 2016 as changed for CLIP): a stem of three
 * convolutions, averages instead of strides, attention instead of the final
 * average. Batch norms with running statistics are folded into the
 * convolutions before them: the backward pass then keeps nothing but the
 * rectifiers' outputs. */
#include "model/clip_layout.h"

#include <math.h>
#include <string.h>

#define EPS       1e-5
#define EXPANSION 4 /* of channels, behind a bottleneck */

/* gamma / sqrt(var + eps) and beta - mean times it, in double. */
static void fold_norm(nj_params *p, const char *name, int64_t n,
                      th_tensor **factor, th_tensor **offset)
{
    size_t before = nj_params_enter(p, "%s", name);
    th_tensor *gamma = nj_params_take_as(p, NJ_F64, "weight", NJ_SHAPE(n));
    th_tensor *beta = nj_params_take_as(p, NJ_F64, "bias", NJ_SHAPE(n));
    th_tensor *mean = nj_params_take_as(p, NJ_F64, "running_mean", NJ_SHAPE(n));
    th_tensor *var = nj_params_take_as(p, NJ_F64, "running_var", NJ_SHAPE(n));
    th_scope *s = p->scope;

    *factor = NULL;
    *offset = NULL;
    if (s) {
        *factor = th_div(s, gamma, th_sqrt(s, th_add_scalar(s, var, EPS)));
        *offset = th_sub(s, beta, th_mul(s, mean, *factor));
    }
    nj_params_leave(p, before);
}

/* A convolution without bias, [out,in,size,size], and the norm behind it. */
static nj_layer take_folded(nj_params *p, const char *conv, const char *norm,
                            const int64_t shape[4])
{
    const int64_t per_channel[4] = {shape[0], 1, 1, 1};
    th_scope *outer = p->scope;
    th_scope *s = outer ? th_scope_new(outer) : NULL;
    size_t before = nj_params_enter(p, "%s", conv);
    th_tensor *factor;
    nj_layer l;

    p->scope = s;
    l.weight = nj_params_take_as(p, NJ_F32, "weight", 4, shape);
    nj_params_leave(p, before);
    fold_norm(p, norm, shape[0], &factor, &l.bias);
    if (s) {
        factor = th_to(s, factor, NJ_F32, p->device);
        factor = th_reshape(s, factor, 4, per_channel);
        l.weight = th_to(s, th_mul(s, l.weight, factor), p->dtype, p->device);
        l.weight = th_keep(outer, l.weight);
        l.bias = th_keep(outer, th_to(s, l.bias, p->dtype, p->device));
    }
    p->scope = outer;
    th_scope_free(s);
    return l;
}

static void build_bottleneck(nj_params *p, nj_bottleneck *b, int64_t in,
                             int64_t planes)
{
    int64_t out = EXPANSION * planes;

    b->conv[0] = take_folded(p, "conv1", "bn1", (int64_t[]){planes, in, 1, 1});
    b->conv[1] =
        take_folded(p, "conv2", "bn2", (int64_t[]){planes, planes, 3, 3});
    b->conv[2] = take_folded(p, "conv3", "bn3", (int64_t[]){out, planes, 1, 1});
    memset(&b->shortcut, 0, sizeof(b->shortcut));
    if (b->stride > 1 || in != out)
        b->shortcut = take_folded(p, "downsample.0", "downsample.1",
                                  (int64_t[]){out, in, 1, 1});
}

static void build_layers(nj_params *p, nj_clip *c)
{
    nj_bottleneck *b = c->resnet.blocks;
    int64_t in = c->config.vision_width;

    for (int layer = 0; layer < 4; layer++) {
        int64_t planes = (int64_t)c->config.vision_width << layer;

        for (int i = 0; i < c->config.vision_layers[layer]; i++, b++) {
            size_t before =
                nj_params_enter(p, "visual.layer%d.%d", layer + 1, i);

            b->stride = layer > 0 && i == 0 ? 2 : 1;
            build_bottleneck(p, b, in, planes);
            in = EXPANSION * planes;
            nj_params_leave(p, before);
        }
    }
}

void nj_clip_resnet_build(nj_params *p, nj_clip *c)
{
    nj_clip_resnet *r = &c->resnet;
    int64_t w = c->config.vision_width;
    int64_t out = 32 * w;
    int64_t side = c->config.image_size / 32;
    size_t before = nj_params_enter(p, "visual");

    r->stem[0] = take_folded(p, "conv1", "bn1", (int64_t[]){w / 2, 3, 3, 3});
    r->stem[1] =
        take_folded(p, "conv2", "bn2", (int64_t[]){w / 2, w / 2, 3, 3});
    r->stem[2] = take_folded(p, "conv3", "bn3", (int64_t[]){w, w / 2, 3, 3});
    nj_params_leave(p, before);
    build_layers(p, c);
    before = nj_params_enter(p, "visual.attnpool");
    r->positions = nj_params_take(p, "positional_embedding",
                                  NJ_SHAPE(1 + side * side, out));
    r->q = nj_take_linear(p, "q_proj", out, out);
    r->k = nj_take_linear(p, "k_proj", out, out);
    r->v = nj_take_linear(p, "v_proj", out, out);
    r->c = nj_take_linear(p, "c_proj", c->config.embed, out);
    nj_params_leave(p, before);
}

static th_tensor *stem(th_scope *s, const nj_clip_resnet *r, const th_tensor *x)
{
    th_tensor *h = nj_conv_relu(s, &r->stem[0], x, 2);

    h = nj_conv_relu(s, &r->stem[1], h, 1);
    h = nj_conv_relu(s, &r->stem[2], h, 1);
    return th_avg_pool2d(s, h, 2);
}

static th_tensor *bottleneck(th_scope *s, const nj_bottleneck *b,
                             const th_tensor *x)
{
    th_tensor *h = nj_conv_relu(s, &b->conv[0], x, 1);

    h = nj_conv_relu(s, &b->conv[1], h, 1);
    if (b->stride > 1)
        h = th_avg_pool2d(s, h, b->stride);
    h = nj_conv(s, &b->conv[2], h, 1);
    if (b->stride > 1)
        x = th_avg_pool2d(s, x, b->stride);
    if (b->shortcut.weight)
        x = nj_conv(s, &b->shortcut, x, 1);
    return th_relu(s, th_add(s, h, x));
}

static void run_layers(th_scope *s, const nj_clip *c, nj_held *h,
                       const nj_observer *o)
{
    const nj_bottleneck *b = c->resnet.blocks;

    for (int layer = 0; layer < 4; layer++) {
        for (int i = 0; i < c->config.vision_layers[layer]; i++, b++) {
            th_scope *inner = th_scope_new(s);

            nj_hold_next(s, h, bottleneck(inner, b, h->tensor));
            th_scope_free(inner);
        }
        nj_observe(o, h->tensor, "after_layer%d", layer + 1);
    }
}

/* The mean of all tokens asks all tokens and itself: [B,C,g,g] -> [B,embed] */
static th_tensor *attention_pool(th_scope *s, const nj_clip *c,
                                 const th_tensor *x)
{
    const nj_clip_resnet *r = &c->resnet;
    const int tokens[1] = {1};
    int heads = c->config.vision_heads;
    double scale = 1.0 / sqrt((double)th_size(x, 1) / heads);
    th_tensor *t = nj_to_tokens(s, x);
    const th_tensor *parts[2] = {th_mean_dims(s, t, 1, tokens, true), t};
    th_tensor *q;
    th_tensor *k;
    th_tensor *v;

    t = th_add(s, th_cat(s, parts, 2, 1), r->positions); /* [B,1+g*g,C] */
    q = nj_linear(s, &r->q, th_narrow(s, t, 1, 0, 1));
    k = nj_linear(s, &r->k, t);
    v = nj_linear(s, &r->v, t);
    t = th_attention(s, nj_split_heads(s, q, heads),
                     nj_split_heads(s, k, heads), nj_split_heads(s, v, heads),
                     scale, false);
    return th_select(s, nj_linear(s, &r->c, nj_merge_heads(s, t)), 1, 0);
}

th_tensor *nj_clip_resnet_run(th_scope *s, const nj_clip *c,
                              const th_tensor *image, const nj_observer *o)
{
    th_scope *t = th_scope_new(s);
    nj_held h = nj_hold(s, stem(t, &c->resnet, image));
    th_tensor *out;

    th_scope_free(t);
    nj_observe(o, h.tensor, "after_stem");
    run_layers(s, c, &h, o);
    out = attention_pool(s, c, h.tensor);
    nj_drop(&h);
    return out;
}
