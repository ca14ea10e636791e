/* CLIP's transformer, which image and text tower share: blocks of attention
 * and a two-layer network, each behind a layer norm and beside a shortcut. */
#include "model/clip_layout.h"

#define EPS 1e-5

th_tensor *nj_layer_norm(th_scope *s, const nj_layer *l, const th_tensor *x)
{
    return th_layer_norm(s, x, l->weight, l->bias, EPS);
}

static nj_layer take_in_proj(nj_params *p, const nj_clip_names *names, int w)
{
    size_t parts = names->split ? 3 : 1;
    int64_t rows = names->split ? w : 3 * w;
    nj_layer l;

    l.weight =
        nj_params_take_rows(p, names->in_weight, parts, NJ_SHAPE(rows, w));
    l.bias = nj_params_take_rows(p, names->in_bias, parts, NJ_SHAPE(rows));
    return l;
}

void nj_transformer_build(nj_params *p, const nj_clip_names *names,
                          const char *blocks, nj_transformer *t)
{
    int w = t->width;

    for (int i = 0; i < t->count; i++) {
        size_t before = nj_params_enter(p, "%s.%d", blocks, i);
        nj_clip_block *b = &t->blocks[i];

        b->ln_1 = nj_take_norm(p, names->ln_1, w);
        b->in_proj = take_in_proj(p, names, w);
        b->out_proj = nj_take_linear(p, names->out_proj, w, w);
        b->ln_2 = nj_take_norm(p, names->ln_2, w);
        b->fc = nj_take_linear(p, names->fc, t->mlp, w);
        b->proj = nj_take_linear(p, names->proj, w, t->mlp);
        nj_params_leave(p, before);
    }
}

/* [width,embed] -> [embed,width] in memory: the own product takes no view. The
 * first form is let go. */
static th_tensor *take_turned(nj_params *p, const char *name, int width,
                              int embed)
{
    th_scope *all = p->scope;
    th_scope *inner = all ? th_scope_new(all) : NULL;
    th_tensor *w;

    p->scope = inner;
    w = nj_params_take(p, name, NJ_SHAPE(width, embed));
    p->scope = all;
    if (all)
        w = th_keep(all, th_contiguous(inner, th_transpose(inner, w, 0, 1)));
    th_scope_free(inner);
    return w;
}

nj_layer nj_clip_take_projection(nj_params *p, const nj_clip_names *names,
                                 const char *name, int width, int embed)
{
    nj_layer l = {0};

    l.weight = names->transposed
                   ? nj_params_take(p, name, NJ_SHAPE(embed, width))
                   : take_turned(p, name, width, embed);
    return l;
}

static th_tensor *attend(th_scope *s, const nj_transformer *t,
                         const nj_clip_block *b, const th_tensor *x)
{
    th_tensor *h = nj_linear(s, &b->in_proj, nj_layer_norm(s, &b->ln_1, x));

    h = nj_self_attention(s, h, t->heads, NJ_QKV_FIRST, t->causal);
    return th_add(s, x, nj_linear(s, &b->out_proj, h));
}

static th_tensor *mlp(th_scope *s, const nj_transformer *t,
                      const nj_clip_block *b, const th_tensor *x)
{
    th_tensor *h = nj_linear(s, &b->fc, nj_layer_norm(s, &b->ln_2, x));

    h = t->gelu ? th_gelu(s, h) : th_quick_gelu(s, h);
    return th_add(s, x, nj_linear(s, &b->proj, h));
}

void nj_transformer_run(th_scope *s, const nj_transformer *t, nj_held *h,
                        const char *word, const nj_observer *o)
{
    for (int i = 0; i < t->count; i++) {
        th_scope *inner = th_scope_new(s);

        nj_hold_next(s, h, attend(inner, t, &t->blocks[i], h->tensor));
        th_scope_free(inner);
        inner = th_scope_new(s);
        nj_hold_next(s, h, mlp(inner, t, &t->blocks[i], h->tensor));
        th_scope_free(inner);
        nj_observe(o, h->tensor, "%safter_block_%d", word, i);
    }
}
