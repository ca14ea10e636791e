/* Secondary model: see secondary.h. Five levels nested in each other; the
 * names of tensors nest the same way. */
#include "model/secondary.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/layers.h"
#include "model/params.h"

#define LEVELS   5
#define FEATURES 8 /* frequencies of t; a cosine and a sine plane each */
#define PI       3.14159265358979323846

static const int channels[LEVELS + 1] = {64, 128, 128, 256, 256, 512};

/* A level halves, runs in[], the level below, out[], and doubles. */
struct level {
    nj_layer in[2];
    nj_layer out[2];
};

struct nj_secondary {
    th_scope *scope;
    nj_dtype dtype;
    th_device device;
    th_tensor *frequencies; /* [8,1] f32 */
    nj_layer first[2];
    struct level levels[LEVELS];
    nj_layer third;
    nj_layer last;
};

/* Convolution K of a level's list. */
static nj_layer take(nj_params *p, int k, int out, int in)
{
    size_t before = nj_params_enter(p, "%d", k);
    nj_layer l = nj_take_conv(p, "0", out, in, 3);

    nj_params_leave(p, before);
    return l;
}

/* The list of level i: convolutions 1 and 2, the level below as 3 where there
 * is one, then two convolutions that take its result beside their own. */
static void build_levels(nj_params *p, nj_secondary *n)
{
    size_t outermost = p->length;

    for (int i = 0; i < LEVELS; i++) {
        struct level *l = &n->levels[i];
        bool last = i == LEVELS - 1;
        int outer = channels[i];
        int inner = channels[i + 1];
        int k = last ? 3 : 4;

        nj_params_enter(p, i ? "3.main" : "net.2.main");
        l->in[0] = take(p, 1, inner, outer);
        l->in[1] = take(p, 2, inner, inner);
        l->out[0] = take(p, k, inner, last ? inner : 2 * inner);
        l->out[1] = take(p, k + 1, outer, inner);
    }
    nj_params_leave(p, outermost);
}

static void build(nj_params *p, void *net)
{
    nj_secondary *n = net;

    n->frequencies = nj_params_take_as(p, NJ_F32, "timestep_embed.weight",
                                       NJ_SHAPE(FEATURES, 1));
    n->first[0] = nj_take_conv(p, "net.0.0", channels[0], 3 + 2 * FEATURES, 3);
    n->first[1] = nj_take_conv(p, "net.1.0", channels[0], channels[0], 3);
    build_levels(p, n);
    n->third = nj_take_conv(p, "net.3.0", channels[0], 2 * channels[0], 3);
    n->last = nj_take_conv(p, "net.4", 3, channels[0], 3);
}

nj_status nj_secondary_new(const nj_weights *weights, nj_dtype dtype,
                           th_device device, nj_secondary **out, nj_err *err)
{
    nj_secondary *n = nj_calloc(1, sizeof(*n));
    nj_status status;

    *out = n;
    if (!n)
        return nj_fail(err, NJ_E_MEMORY, "out of memory");
    n->dtype = dtype;
    n->device = device;
    n->scope = th_scope_new(NULL);
    status =
        nj_params_fill(weights, &(const nj_blueprint){.build = build, .net = n},
                       &(const nj_target){n->scope, dtype, device}, err);
    if (status != NJ_OK) {
        nj_secondary_free(n);
        *out = NULL;
    }
    return status;
}

void nj_secondary_free(nj_secondary *n)
{
    if (!n)
        return;
    th_scope_free(n->scope);
    free(n);
}

double nj_secondary_t(double alpha, double sigma)
{
    return atan2(sigma, alpha) * 2.0 / PI;
}

void nj_secondary_levels(th_scope *s, const th_tensor *t, th_tensor **alpha,
                         th_tensor **sigma)
{
    th_tensor *angle = th_mul_scalar(s, t, PI / 2.0);

    *alpha = th_cos(s, angle);
    *sigma = th_sin(s, angle);
}

/* [B,n] -> [B,n,1,1] */
static th_tensor *planes(th_scope *s, const th_tensor *x)
{
    return th_unsqueeze(s, th_unsqueeze(s, x, 2), 3);
}

/* x and the Fourier features of t, constant over the picture: [B,19,H,W] */
static th_tensor *input(th_scope *s, const nj_secondary *n, const th_tensor *x,
                        const th_tensor *t)
{
    const int64_t shape[4] = {-1, -1, th_size(x, 2), th_size(x, 3)};
    th_tensor *f = th_unsqueeze(s, th_mul_scalar(s, t, 2.0 * PI), 1);
    const th_tensor *parts[3] = {x};

    /* [B,8], without a matrix unit's rounding (TF32) */
    f = th_mul(s, f, th_transpose(s, n->frequencies, 0, 1));
    parts[1] = th_expand(s, planes(s, th_cos(s, f)), 4, shape);
    parts[2] = th_expand(s, planes(s, th_sin(s, f)), 4, shape);
    f = th_cat(s, parts, 3, 1);
    return th_channels_last(s, th_to(s, f, n->dtype, n->device));
}

/* [main(x), x] along the channels. */
static th_tensor *skip_level(th_scope *s, const nj_secondary *n, int i,
                             const th_tensor *x)
{
    const struct level *l = &n->levels[i];
    th_scope *t = th_scope_new(s);
    th_tensor *h = th_avg_pool2d(t, x, 2);
    const th_tensor *parts[2] = {NULL, x};

    h = nj_conv_relu(t, &l->in[0], h, 1);
    h = nj_conv_relu(t, &l->in[1], h, 1);
    if (i + 1 < LEVELS)
        h = skip_level(t, n, i + 1, h);
    h = nj_conv_relu(t, &l->out[0], h, 1);
    h = nj_conv_relu(t, &l->out[1], h, 1);
    parts[0] =
        th_upsample_bilinear2d(t, h, th_size(x, 2), th_size(x, 3), false);
    h = th_cat(s, parts, 2, 1);
    th_scope_free(t);
    return h;
}

static th_tensor *velocity(th_scope *s, const nj_secondary *n,
                           const th_tensor *x, const th_tensor *t)
{
    th_scope *inner = th_scope_new(s);
    th_tensor *h = input(inner, n, x, t);

    h = nj_conv_relu(inner, &n->first[0], h, 1);
    h = nj_conv_relu(inner, &n->first[1], h, 1);
    h = skip_level(inner, n, 0, h);
    h = nj_conv_relu(inner, &n->third, h, 1);
    h = nj_conv(inner, &n->last, h, 1);
    h = th_to(s, h, th_dtype(x), n->device);
    th_scope_free(inner);
    return h;
}

nj_secondary_output nj_secondary_forward(th_scope *s, const nj_secondary *n,
                                         const th_tensor *x, const th_tensor *t)
{
    nj_secondary_output out = {.v = velocity(s, n, x, t)};
    th_scope *inner = th_scope_new(s);
    th_tensor *alpha;
    th_tensor *sigma;

    nj_secondary_levels(inner, t, &alpha, &sigma);
    alpha = planes(inner, th_unsqueeze(inner, alpha, 1)); /* [B,1,1,1] */
    sigma = planes(inner, th_unsqueeze(inner, sigma, 1));
    out.pred = th_sub(s, th_mul(inner, x, alpha), th_mul(inner, out.v, sigma));
    out.eps = th_add(s, th_mul(inner, x, sigma), th_mul(inner, out.v, alpha));
    th_scope_free(inner);
    return out;
}
