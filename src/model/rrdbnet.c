/* RRDBNet: see rrdbnet.h. Residual blocks of three dense blocks each. */
#include "model/rrdbnet.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/layers.h"
#include "model/params.h"

#define DENSE_BLOCKS 3   /* in a residual block */
#define DENSE_LAYERS 5   /* convolutions of a dense block */
#define RESIDUAL     0.2 /* share of a block in its sum */
#define SLOPE        0.2 /* of the leaky rectifier below zero */

/* A file may hold the network twice; the reader starts at the averaged one. */
static const char *const ignored[] = {"params", NULL};

typedef struct dense_block {
    nj_layer conv[DENSE_LAYERS];
} dense_block;

struct nj_rrdbnet {
    nj_rrdbnet_config config;
    th_scope *scope;
    nj_dtype dtype;
    th_device device;
    nj_layer first;
    dense_block *body; /* blocks * DENSE_BLOCKS */
    nj_layer trunk;
    nj_layer up[2];
    nj_layer hr;
    nj_layer last;
};

static void build_dense(nj_params *p, const nj_rrdbnet_config *f,
                        dense_block *b)
{
    for (int i = 0; i < DENSE_LAYERS; i++) {
        const char *names[DENSE_LAYERS] = {"conv1", "conv2", "conv3", "conv4",
                                           "conv5"};
        int64_t in = f->features + (int64_t)i * f->growth;

        b->conv[i] = nj_take_conv(
            p, names[i], i == DENSE_LAYERS - 1 ? f->features : f->growth, in,
            3);
    }
}

static void build(nj_params *p, void *net)
{
    nj_rrdbnet *n = net;
    const nj_rrdbnet_config *f = &n->config;
    int64_t c = f->features;

    n->first =
        nj_take_conv(p, "conv_first", c, (int64_t)3 * f->factor * f->factor, 3);
    for (int i = 0; i < f->blocks; i++) {
        for (int j = 0; j < DENSE_BLOCKS; j++) {
            size_t before = nj_params_enter(p, "body.%d.rdb%d", i, j + 1);

            build_dense(p, f, &n->body[i * DENSE_BLOCKS + j]);
            nj_params_leave(p, before);
        }
    }
    n->trunk = nj_take_conv(p, "conv_body", c, c, 3);
    n->up[0] = nj_take_conv(p, "conv_up1", c, c, 3);
    n->up[1] = nj_take_conv(p, "conv_up2", c, c, 3);
    n->hr = nj_take_conv(p, "conv_hr", c, c, 3);
    n->last = nj_take_conv(p, "conv_last", 3, c, 3);
}

/* The first convolution sees 3 channels of blocks of 1, 2x2 or 4x4 pixels. */
static nj_status read_scale(const nj_view *first, nj_rrdbnet_config *c,
                            nj_err *err)
{
    switch (first->shape[1]) {
    case 3:
        c->scale = 4;
        break;
    case 12:
        c->scale = 2;
        break;
    case 48:
        c->scale = 1;
        break;
    default:
        return nj_fail(err, NJ_E_FORMAT,
                       "tensor '%s' has %lld input channels, expected 3, 12 "
                       "or 48",
                       first->name, (long long)first->shape[1]);
    }
    c->factor = 4 / c->scale;
    c->features = (int)first->shape[0];
    return NJ_OK;
}

static nj_status read_config(const nj_weights *weights, nj_rrdbnet_config *out,
                             nj_err *err)
{
    nj_rrdbnet_config c = {0};
    const nj_view *first;
    const nj_view *dense;
    nj_status status =
        nj_params_peek(weights, "conv_first.weight", 4, &first, err);

    if (status == NJ_OK)
        status =
            nj_params_peek(weights, "body.0.rdb1.conv1.weight", 4, &dense, err);
    if (status == NJ_OK)
        status = read_scale(first, &c, err);
    if (status != NJ_OK)
        return status;
    c.growth = (int)dense->shape[0];
    c.blocks = nj_params_count(weights, "body", "rdb1.conv1.weight");
    *out = c;
    return NJ_OK;
}

static nj_status layout(const nj_weights *weights, nj_rrdbnet **out,
                        nj_err *err)
{
    nj_rrdbnet *n = nj_calloc(1, sizeof(*n));
    nj_status status;

    *out = n;
    if (!n)
        return nj_fail(err, NJ_E_MEMORY, "out of memory");
    status = read_config(weights, &n->config, err);
    if (status != NJ_OK)
        return status;
    n->body =
        nj_calloc((size_t)n->config.blocks * DENSE_BLOCKS, sizeof(*n->body));
    return n->body ? NJ_OK : nj_fail(err, NJ_E_MEMORY, "out of memory");
}

nj_status nj_rrdbnet_new(const nj_weights *weights, nj_dtype dtype,
                         th_device device, nj_rrdbnet **out, nj_err *err)
{
    nj_status status = layout(weights, out, err);
    nj_rrdbnet *n = *out;

    if (status == NJ_OK) {
        n->dtype = dtype;
        n->device = device;
        n->scope = th_scope_new(NULL);
        status = nj_params_fill(
            weights,
            &(const nj_blueprint){.build = build, .net = n, .ignored = ignored},
            &(const nj_target){n->scope, dtype, device}, err);
    }
    if (status != NJ_OK) {
        nj_rrdbnet_free(n);
        *out = NULL;
    }
    return status;
}

void nj_rrdbnet_free(nj_rrdbnet *net)
{
    if (!net)
        return;
    th_scope_free(net->scope);
    free(net->body);
    free(net);
}

const nj_rrdbnet_config *nj_rrdbnet_shape(const nj_rrdbnet *net)
{
    return &net->config;
}

/* What goes into the rectifier is let go at once: behind the last doubling it
 * is 256 bytes for each pixel of the result. */
static th_tensor *conv_leaky(th_scope *s, const nj_layer *l, const th_tensor *x)
{
    th_scope *inner = th_scope_new(s);
    th_tensor *y = th_leaky_relu(s, nj_conv(inner, l, x, 1), SLOPE);

    th_scope_free(inner);
    return y;
}

/* x + 0.2 h */
static th_tensor *residual(th_scope *s, const th_tensor *x, const th_tensor *h)
{
    return th_add(s, x, th_mul_scalar(s, h, RESIDUAL));
}

/* Every layer sees the input and all layers before it. */
static th_tensor *dense(th_scope *s, const dense_block *b, const th_tensor *x)
{
    const th_tensor *parts[DENSE_LAYERS] = {x};
    th_tensor *all;

    for (int i = 0; i < DENSE_LAYERS - 1; i++) {
        all = th_cat(s, parts, (size_t)i + 1, 1);
        parts[i + 1] = conv_leaky(s, &b->conv[i], all);
    }
    all = th_cat(s, parts, DENSE_LAYERS, 1);
    return residual(s, x, nj_conv(s, &b->conv[DENSE_LAYERS - 1], all, 1));
}

static void run_body(th_scope *s, const nj_rrdbnet *n, nj_held *h)
{
    for (int i = 0; i < n->config.blocks; i++) {
        nj_held r = nj_hold(s, h->tensor);
        th_scope *inner;

        for (int j = 0; j < DENSE_BLOCKS; j++) {
            inner = th_scope_new(s);
            nj_hold_next(
                s, &r, dense(inner, &n->body[i * DENSE_BLOCKS + j], r.tensor));
            th_scope_free(inner);
        }
        inner = th_scope_new(s);
        nj_hold_next(s, h, residual(inner, h->tensor, r.tensor));
        th_scope_free(inner);
        nj_drop(&r);
    }
}

/* Trunk features -> the picture, four times as large. */
static th_tensor *upscale(th_scope *s, const nj_rrdbnet *n, nj_held *h)
{
    th_tensor *x;

    for (int i = 0; i < 2; i++) {
        th_scope *inner = th_scope_new(s);

        x = nj_double_nearest(inner, h->tensor);
        nj_hold_next(s, h, conv_leaky(inner, &n->up[i], x));
        th_scope_free(inner);
    }
    nj_hold_next(s, h, conv_leaky(s, &n->hr, h->tensor));
    return nj_conv(s, &n->last, h->tensor, 1);
}

th_tensor *nj_rrdbnet_forward(th_scope *s, const nj_rrdbnet *net,
                              const th_tensor *image)
{
    th_scope *t = th_scope_new(s);
    th_tensor *x = th_to(t, image, net->dtype, net->device);
    th_tensor *first;
    nj_held h;

    if (net->config.factor > 1)
        x = th_pixel_unshuffle(t, x, net->config.factor);
    first = nj_conv(t, &net->first, th_channels_last(t, x), 1);
    h = nj_hold(t, first);
    run_body(t, net, &h);
    nj_hold_next(t, &h, th_add(t, first, nj_conv(t, &net->trunk, h.tensor, 1)));
    x = upscale(t, net, &h);
    x = th_keep(s, th_to(t, x, th_dtype(image), net->device));
    nj_drop(&h);
    th_scope_free(t);
    return x;
}
