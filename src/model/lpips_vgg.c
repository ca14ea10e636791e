/* LPIPS on VGG16: see lpips_vgg.h. */
#include "model/lpips_vgg.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/layers.h"
#include "model/params.h"

#define CONVOLUTIONS 13
#define EPS          1e-10

/* VGG16's convolutions: number in torchvision's list, output channels, and
 * the layer of LPIPS that ends behind it (-1: none). 2x2 pooling comes before
 * the first convolution of the next layer. */
static const struct {
    int number;
    int channels;
    int layer;
} plan[CONVOLUTIONS] = {
    {0, 64, -1},   {2, 64, 0},    {5, 128, -1},  {7, 128, 1},   {10, 256, -1},
    {12, 256, -1}, {14, 256, 2},  {17, 512, -1}, {19, 512, -1}, {21, 512, 3},
    {24, 512, -1}, {26, 512, -1}, {28, 512, 4},
};

static const int layer_channels[NJ_LPIPS_LAYERS] = {64, 128, 256, 512, 512};

/* The two files may be one; VGG16's file holds its classifier too. */
static const char *const not_features[] = {"classifier", "lin0", "lin1", "lin2",
                                           "lin3",       "lin4", NULL};
static const char *const not_heads[] = {"features", "classifier", NULL};

struct nj_lpips {
    th_scope *scope;
    nj_dtype dtype;
    th_device device;
    th_tensor *shift; /* [1,3,1,1] f32 */
    th_tensor *scale;
    nj_layer conv[CONVOLUTIONS];
    th_tensor *head[NJ_LPIPS_LAYERS]; /* [1,C,1,1] f32 */
};

static void build_features(nj_params *p, void *net)
{
    nj_lpips *n = net;
    int in = 3;

    for (int i = 0; i < CONVOLUTIONS; i++) {
        size_t before = nj_params_enter(p, "features");
        char name[16];

        snprintf(name, sizeof(name), "%d", plan[i].number);
        n->conv[i] = nj_take_conv(p, name, plan[i].channels, in, 3);
        in = plan[i].channels;
        nj_params_leave(p, before);
    }
}

static void build_heads(nj_params *p, void *net)
{
    nj_lpips *n = net;

    for (int i = 0; i < NJ_LPIPS_LAYERS; i++) {
        size_t before = nj_params_enter(p, "lin%d.model.1", i);

        n->head[i] = nj_params_take_as(p, NJ_F32, "weight",
                                       NJ_SHAPE(1, layer_channels[i], 1, 1));
        nj_params_leave(p, before);
    }
}

static nj_blueprint features_of(nj_lpips *n)
{
    return (nj_blueprint){
        .build = build_features, .net = n, .ignored = not_features};
}

static nj_blueprint heads_of(nj_lpips *n)
{
    return (nj_blueprint){.build = build_heads, .net = n, .ignored = not_heads};
}

nj_status nj_lpips_check(const nj_weights *vgg, const nj_weights *heads,
                         nj_err *err)
{
    nj_lpips n;
    nj_blueprint features = features_of(&n);
    nj_blueprint tops = heads_of(&n);
    nj_status status = nj_params_check(vgg, &features, err);

    return status == NJ_OK ? nj_params_check(heads, &tops, err) : status;
}

/* [1,3,1,1] on the network's device. */
static th_tensor *per_channel(const nj_lpips *n, const float values[3])
{
    const int64_t shape[4] = {1, 3, 1, 1};

    return th_to(n->scope, th_from_data(n->scope, NJ_F32, 4, shape, values),
                 NJ_F32, n->device);
}

static nj_status fill(nj_lpips *n, const nj_weights *vgg,
                      const nj_weights *heads, nj_err *err)
{
    const float shift[3] = {-0.030F, -0.088F, -0.188F};
    const float scale[3] = {0.458F, 0.448F, 0.450F};
    const nj_target target = {n->scope, n->dtype, n->device};
    nj_blueprint features = features_of(n);
    nj_blueprint tops = heads_of(n);
    nj_status status = nj_lpips_check(vgg, heads, err);

    n->shift = per_channel(n, shift);
    n->scale = per_channel(n, scale);
    if (status == NJ_OK)
        status = nj_params_fill(vgg, &features, &target, err);
    if (status == NJ_OK)
        status = nj_params_fill(heads, &tops, &target, err);
    return status;
}

nj_status nj_lpips_new(const nj_weights *vgg, const nj_weights *heads,
                       nj_dtype dtype, th_device device, nj_lpips **out,
                       nj_err *err)
{
    nj_lpips *n = nj_calloc(1, sizeof(*n));
    nj_status status;

    *out = n;
    if (!n)
        return nj_fail(err, NJ_E_MEMORY, "out of memory");
    n->dtype = dtype;
    n->device = device;
    n->scope = th_scope_new(NULL);
    status = fill(n, vgg, heads, err);
    if (status != NJ_OK) {
        nj_lpips_free(n);
        *out = NULL;
    }
    return status;
}

void nj_lpips_free(nj_lpips *n)
{
    if (!n)
        return;
    th_scope_free(n->scope);
    free(n);
}

/* a / |a| over the channels of every pixel, float32. Where a is all zero the
 * root has no slope: it is taken of 1 there, which changes neither the result
 * nor, behind a rectifier, the gradient. */
static th_tensor *unit_length(th_scope *s, const th_tensor *a)
{
    const int over_channels[1] = {1};
    th_scope *t = th_scope_new(s);
    th_tensor *x = th_to(t, a, NJ_F32, th_where(a));
    th_tensor *sum = th_sum_dims(t, th_square(t, x), 1, over_channels, true);
    th_tensor *one = th_full(t, NJ_F32, th_where(a), 0, NULL, 1.0);

    sum = th_where_self(t, th_eq_scalar(t, sum, 0.0), one, sum);
    x = th_div(s, x, th_add_scalar(t, th_sqrt(t, sum), EPS));
    th_scope_free(t);
    return x;
}

nj_lpips_features nj_lpips_look(th_scope *s, const nj_lpips *n,
                                const th_tensor *image,
                                const nj_observer *observer)
{
    nj_lpips_features f = {0};
    th_scope *t = th_scope_new(s);
    th_tensor *x = th_div(t, th_sub(t, image, n->shift), n->scale);
    nj_held h =
        nj_hold(t, th_channels_last(t, th_to(t, x, n->dtype, n->device)));

    for (int i = 0; i < CONVOLUTIONS; i++) {
        int layer = plan[i].layer;
        th_scope *inner = th_scope_new(t);

        x = h.tensor;
        if (i && plan[i - 1].layer >= 0)
            x = th_max_pool2d(inner, x, 2);
        nj_hold_next(t, &h, th_relu(inner, nj_conv(inner, &n->conv[i], x, 1)));
        th_scope_free(inner);
        if (layer < 0)
            continue;
        nj_observe(observer, h.tensor, "layer_%d", layer);
        f.layer[layer] = unit_length(s, h.tensor);
    }
    nj_drop(&h);
    th_scope_free(t);
    return f;
}

/* Mean over pixels of the weighted squared differences: [B] */
static th_tensor *layer_distance(th_scope *s, const th_tensor *head,
                                 const th_tensor *a, const th_tensor *b)
{
    const int over_pixels[2] = {1, 2};
    const int over_channels[1] = {1};
    th_tensor *d = th_mul(s, th_square(s, th_sub(s, a, b)), head);

    d = th_sum_dims(s, d, 1, over_channels, false); /* [B,h,w] */
    return th_mean_dims(s, d, 2, over_pixels, false);
}

th_tensor *nj_lpips_distances(th_scope *s, const nj_lpips *n,
                              const nj_lpips_features *image,
                              const nj_lpips_features *reference)
{
    const th_tensor *all[NJ_LPIPS_LAYERS];
    th_scope *t = th_scope_new(s);
    th_tensor *stacked;

    for (int i = 0; i < NJ_LPIPS_LAYERS; i++)
        all[i] =
            layer_distance(t, n->head[i], image->layer[i], reference->layer[i]);
    stacked = th_stack(s, all, NJ_LPIPS_LAYERS, 1);
    th_scope_free(t);
    return stacked;
}
