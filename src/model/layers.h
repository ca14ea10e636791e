/* Layers that several networks share, on the weights of params.h. Shapes as in
 * th.h: B batch, C channels, H W pixels, T tokens. */
#ifndef NJ_MODEL_LAYERS_H
#define NJ_MODEL_LAYERS_H

#include "model/params.h"
#include "torch/th.h"

/* Convolution with padding that keeps H and W at stride 1. */
th_tensor *nj_conv(th_scope *s, const nj_layer *l, const th_tensor *x,
                   int stride);
/* The same at stride 1, plus `more` of the result's shape. */
th_tensor *nj_conv_add(th_scope *s, const nj_layer *l, const th_tensor *x,
                       const th_tensor *more);
/* nj_conv and a rectifier, whose input is let go at once. */
th_tensor *nj_conv_relu(th_scope *s, const nj_layer *l, const th_tensor *x,
                        int stride);
th_tensor *nj_linear(th_scope *s, const nj_layer *l, const th_tensor *x);

/* x [B,C,H,W] channels-last -> [B,H*W,C], a view, and back. */
th_tensor *nj_to_tokens(th_scope *s, const th_tensor *x);
th_tensor *nj_from_tokens(th_scope *s, const th_tensor *x, int64_t h,
                          int64_t w);

/* How the 3*C channels of a fused projection are ordered. */
typedef enum nj_qkv_order {
    NJ_QKV_FIRST,  /* q, k, v, each [heads,D] */
    NJ_HEADS_FIRST /* heads, each [q,k,v] of D */
} nj_qkv_order;

/* Attention of tokens among themselves: qkv [B,T,3C] -> [B,T,C]; causal hides
 * later tokens. */
th_tensor *nj_self_attention(th_scope *s, const th_tensor *qkv, int heads,
                             nj_qkv_order order, bool causal);

/* x [B,T,C] -> [B,heads,T,C/heads], and back. */
th_tensor *nj_split_heads(th_scope *s, const th_tensor *x, int heads);
th_tensor *nj_merge_heads(th_scope *s, const th_tensor *x);

/* A tensor with a scope of its own, so that it can go before the parent
 * scope: what flows from block to block of a network. */
typedef struct nj_held {
    th_scope *scope;
    th_tensor *tensor;
} nj_held;

nj_held nj_hold(th_scope *parent, const th_tensor *t);
/* Lets *h go and holds t instead, which may depend on it. */
void nj_hold_next(th_scope *parent, nj_held *h, const th_tensor *t);
void nj_drop(nj_held *h);

/* H and W doubled, each pixel four times. */
th_tensor *nj_double_nearest(th_scope *s, const th_tensor *x);

#endif
