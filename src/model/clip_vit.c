/* CLIP's vision transformer: patches as tokens, the class token first
 * (Dosovitskiy et al. 2021, with a layer norm before the blocks). */
#include "model/clip_layout.h"

void nj_clip_vit_build(nj_params *p, nj_clip *c)
{
    const nj_clip_config *f = &c->config;
    const nj_clip_names *n = c->names;
    nj_clip_vit *v = &c->vit;
    int64_t w = f->vision_width;
    int64_t side = f->image_size / f->patch;

    v->patch = nj_params_take(p, n->patch, NJ_SHAPE(w, 3, f->patch, f->patch));
    v->class_embedding = nj_params_take(p, n->class_embedding, NJ_SHAPE(w));
    v->positions =
        nj_params_take(p, n->vision_positions, NJ_SHAPE(1 + side * side, w));
    v->ln_pre = nj_take_norm(p, n->ln_pre, w);
    nj_transformer_build(p, n, n->vision_blocks, &v->transformer);
    v->ln_post = nj_take_norm(p, n->ln_post, w);
    v->projection = nj_clip_take_projection(p, n, n->vision_projection,
                                            f->vision_width, f->embed);
}

/* The class token in front of every image's tokens: [B,T,w] -> [B,1+T,w]. */
static th_tensor *with_class(th_scope *s, const nj_clip_vit *v,
                             const th_tensor *x)
{
    const int64_t shape[3] = {th_size(x, 0), 1, th_size(x, 2)};
    const th_tensor *parts[2] = {th_expand(s, v->class_embedding, 3, shape), x};

    return th_cat(s, parts, 2, 1);
}

th_tensor *nj_clip_vit_run(th_scope *s, const nj_clip *c,
                           const th_tensor *image, const nj_observer *o)
{
    const nj_clip_vit *v = &c->vit;
    th_tensor *x = th_conv2d(s, image, v->patch, NULL, c->config.patch, 0);
    nj_held h;

    nj_observe(o, x, "patch_embedding"); /* [B,w,g,g] */
    x = with_class(s, v, nj_to_tokens(s, x));
    x = nj_layer_norm(s, &v->ln_pre, th_add(s, x, v->positions));
    nj_observe(o, x, "after_ln_pre"); /* [B,1+g*g,w] */
    h = nj_hold(s, x);
    nj_transformer_run(s, &v->transformer, &h, "", o);
    x = nj_layer_norm(s, &v->ln_post, th_select(s, h.tensor, 1, 0)); /* [B,w] */
    nj_drop(&h);
    return nj_linear(s, &v->projection, x);
}
