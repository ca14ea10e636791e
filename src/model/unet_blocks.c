/* The UNet's modules: residual block, attention, resampling (Dhariwal & Nichol
 * 2021, appendix A). Apart from unet.c, which only strings them together. */
#include "model/unet_layout.h"

#define EPS 1e-5

th_tensor *nj_unet_norm(th_scope *s, const nj_layer *l, const th_tensor *x,
                        bool silu, th_tensor **through)
{
    return th_group_norm_silu(s, x,
                              &(th_group_norm){
                                  .groups = NJ_UNET_GROUPS,
                                  .eps = EPS,
                                  .gamma = l->weight,
                                  .beta = l->bias,
                                  .silu = silu,
                                  .through = through,
                              });
}

static th_tensor *resample(th_scope *s, nj_resample how, const th_tensor *x)
{
    if (how == NJ_HALVE)
        return th_avg_pool2d(s, x, 2);
    return how == NJ_DOUBLE ? nj_double_nearest(s, x) : th_keep(s, x);
}

/* Norm, SiLU, resampling, convolution. What lies between is not needed for
 * the backward pass and goes at once. */
static th_tensor *in_layers(th_scope *s, const nj_residual *r,
                            const th_tensor *x, th_tensor **through)
{
    th_scope *t = th_scope_new(s);
    th_tensor *h = nj_unet_norm(t, &r->in_norm, x, true, through);

    *through = th_keep(s, *through);
    h = resample(t, r->resample, h);
    h = th_keep(s, nj_conv(t, &r->in_conv, h, 1));
    th_scope_free(t);
    return h;
}

/* SiLU(norm(h) * (1 + scale) + shift) with e = [scale, shift], or
 * SiLU(norm(h + e)); e [B,2K] or [B,K]. */
static th_tensor *norm_with_embedding(th_scope *s, const nj_residual *r,
                                      const th_tensor *h, const th_tensor *e)
{
    int64_t k = th_size(h, 1);

    if (r->scale_shift)
        return th_group_norm_silu(s, h,
                                  &(th_group_norm){
                                      .groups = NJ_UNET_GROUPS,
                                      .eps = EPS,
                                      .gamma = r->out_norm.weight,
                                      .beta = r->out_norm.bias,
                                      .scale = th_narrow(s, e, 1, 0, k),
                                      .shift = th_narrow(s, e, 1, k, k),
                                      .silu = true,
                                  });
    e = th_unsqueeze(s, th_unsqueeze(s, e, 2), 3); /* [B,K,1,1] */
    return nj_unet_norm(s, &r->out_norm, th_add(s, h, e), true, NULL);
}

/* x + the second half of a block on h, x through the skip convolution where
 * there is one. */
static th_tensor *out_layers(th_scope *s, const nj_residual *r,
                             const th_tensor *x, const th_tensor *h,
                             const th_tensor *emb)
{
    th_scope *t = th_scope_new(s);
    th_tensor *e = th_narrow(t, emb, 1, r->emb_first, r->emb_size);
    th_tensor *y;

    h = norm_with_embedding(t, r, h, e);
    if (r->skip.weight)
        x = nj_conv(t, &r->skip, x, 1);
    y = th_keep(s, nj_conv_add(t, &r->out_conv, h, x));
    th_scope_free(t);
    return y;
}

static th_tensor *residual(th_scope *s, const nj_residual *r,
                           const th_tensor *x, const th_tensor *emb)
{
    th_tensor *past = NULL;
    const th_tensor *h = in_layers(s, r, x, &past);

    return out_layers(s, r, resample(s, r->resample, past), h, emb);
}

static th_tensor *attention(th_scope *s, const nj_attention *a,
                            const th_tensor *x)
{
    th_tensor *past = NULL;
    th_tensor *h = nj_to_tokens(
        s, nj_unet_norm(s, &a->norm, x, false, &past)); /* [B,HW,C] */

    h = nj_linear(s, &a->qkv, h); /* [B,HW,3C] */
    h = nj_self_attention(s, h, a->heads, a->order, false);
    h = nj_linear(s, &a->proj, h);
    return th_add(s, past, nj_from_tokens(s, h, th_size(x, 2), th_size(x, 3)));
}

static th_tensor *resample_module(th_scope *s, const nj_module *m,
                                  const th_tensor *x)
{
    if (m->resample == NJ_HALVE && m->conv.weight)
        return nj_conv(s, &m->conv, x, 2);
    x = resample(s, m->resample, x);
    return m->conv.weight ? nj_conv(s, &m->conv, x, 1) : th_keep(s, x);
}

th_tensor *nj_module_forward(th_scope *s, const nj_module *m,
                             const th_tensor *x, const th_tensor *emb)
{
    switch (m->kind) {
    case NJ_MODULE_RESIDUAL:
        return residual(s, &m->residual, x, emb);
    case NJ_MODULE_ATTENTION:
        return attention(s, &m->attention, x);
    case NJ_MODULE_RESAMPLE:
        return resample_module(s, m, x);
    case NJ_MODULE_CONV:
        break;
    }
    return nj_conv(s, &m->conv, x, 1);
}
