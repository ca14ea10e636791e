/* Layers: see layers.h. */
#include "model/layers.h"

#include <math.h>

static int padding_of(const nj_layer *l)
{
    return (int)(th_size(l->weight, -1) / 2);
}

th_tensor *nj_conv(th_scope *s, const nj_layer *l, const th_tensor *x,
                   int stride)
{
    return th_conv2d(s, x, l->weight, l->bias, stride, padding_of(l));
}

th_tensor *nj_conv_add(th_scope *s, const nj_layer *l, const th_tensor *x,
                       const th_tensor *more)
{
    return th_conv2d_add(s, x, l->weight, l->bias, padding_of(l), more);
}

th_tensor *nj_conv_relu(th_scope *s, const nj_layer *l, const th_tensor *x,
                        int stride)
{
    th_scope *t = th_scope_new(s);
    th_tensor *h = th_keep(s, th_relu(t, nj_conv(t, l, x, stride)));

    th_scope_free(t);
    return h;
}

th_tensor *nj_linear(th_scope *s, const nj_layer *l, const th_tensor *x)
{
    return th_linear(s, x, l->weight, l->bias);
}

th_tensor *nj_to_tokens(th_scope *s, const th_tensor *x)
{
    const int order[4] = {0, 2, 3, 1};
    const int64_t shape[3] = {th_size(x, 0), th_size(x, 2) * th_size(x, 3),
                              th_size(x, 1)};

    return th_reshape(s, th_permute(s, x, 4, order), 3, shape);
}

th_tensor *nj_from_tokens(th_scope *s, const th_tensor *x, int64_t h, int64_t w)
{
    const int order[4] = {0, 3, 1, 2};
    const int64_t shape[4] = {th_size(x, 0), h, w, th_size(x, 2)};

    return th_permute(s, th_reshape(s, x, 4, shape), 4, order);
}

th_tensor *nj_split_heads(th_scope *s, const th_tensor *x, int heads)
{
    const int64_t shape[4] = {th_size(x, 0), th_size(x, 1), heads,
                              th_size(x, 2) / heads};

    return th_transpose(s, th_reshape(s, x, 4, shape), 1, 2);
}

th_tensor *nj_merge_heads(th_scope *s, const th_tensor *x)
{
    const int64_t shape[3] = {th_size(x, 0), th_size(x, 2),
                              th_size(x, 1) * th_size(x, 3)};

    return th_reshape(s, th_transpose(s, x, 1, 2), 3, shape);
}

th_tensor *nj_self_attention(th_scope *s, const th_tensor *qkv, int heads,
                             nj_qkv_order order, bool causal)
{
    bool outer = order == NJ_HEADS_FIRST;
    int64_t width = th_size(qkv, 2) / 3 / heads;
    const int64_t shape[5] = {th_size(qkv, 0), th_size(qkv, 1),
                              outer ? heads : 3, outer ? 3 : heads, width};

    return th_packed_attention(s, th_reshape(s, qkv, 5, shape), outer ? 3 : 2,
                               1.0 / sqrt((double)width), causal);
}

th_tensor *nj_double_nearest(th_scope *s, const th_tensor *x)
{
    return th_upsample_nearest2d(s, x, 2 * th_size(x, 2), 2 * th_size(x, 3));
}

nj_held nj_hold(th_scope *parent, const th_tensor *t)
{
    nj_held h = {.scope = th_scope_new(parent)};

    h.tensor = th_keep(h.scope, t);
    return h;
}

void nj_hold_next(th_scope *parent, nj_held *h, const th_tensor *t)
{
    nj_held next = nj_hold(parent, t);

    nj_drop(h);
    *h = next;
}

void nj_drop(nj_held *h)
{
    th_scope_free(h->scope);
    h->scope = NULL;
    h->tensor = NULL;
}
