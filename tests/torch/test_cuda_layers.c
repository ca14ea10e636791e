/* Layers on a GPU: like the CPU's in float32, and the same bits each time.
 * Skipped without a GPU. */
#include "torch/th_test.h"

static const th_device gpu = {TH_CUDA, 0};

enum { B = 3, C = 32, H = 16, W = 12 };

/* Of x on its device; other tensors are put there. */
typedef th_tensor *layer(th_scope *s, const th_tensor *x);

static th_tensor *beside(th_scope *s, const th_tensor *x, uint32_t seed,
                         int ndim, const int64_t *shape)
{
    return th_to(s, random_tensor(s, seed, ndim, shape), th_dtype(x),
                 th_where(x));
}

static th_tensor *conv(th_scope *s, const th_tensor *x)
{
    return th_conv2d(s, x,
                     th_channels_last(s, beside(s, x, 1, SHAPE(64, C, 3, 3))),
                     beside(s, x, 2, SHAPE(64)), 1, 1);
}

/* Both inputs of the sum depend on x. */
static th_tensor *conv_add(th_scope *s, const th_tensor *x)
{
    return th_conv2d_add(
        s, x, th_channels_last(s, beside(s, x, 1, SHAPE(C, C, 3, 3))),
        beside(s, x, 2, SHAPE(C)), 1, th_sin(s, x));
}

/* 5 channels, of which no wide word is. */
static th_tensor *conv_add_odd(th_scope *s, const th_tensor *x)
{
    const th_tensor *five = th_channels_last(s, th_narrow(s, x, 1, 3, 5));

    return th_conv2d_add(
        s, x, th_channels_last(s, beside(s, x, 1, SHAPE(5, C, 3, 3))),
        beside(s, x, 2, SHAPE(5)), 1, five);
}

static th_tensor *join(th_scope *s, const th_tensor *x)
{
    const th_tensor *parts[2] = {th_channels_last(s, th_narrow(s, x, 1, 8, 16)),
                                 th_sin(s, x)};

    return th_cat(s, parts, 2, 1);
}

/* Parts that words of 16 bytes do not fit, though the sum is 16 channels. */
static th_tensor *join_odd(th_scope *s, const th_tensor *x)
{
    const th_tensor *parts[2] = {
        th_channels_last(s, th_narrow(s, x, 1, 3, 5)),
        th_channels_last(s, th_narrow(s, x, 1, 1, 11))};

    return th_cat(s, parts, 2, 1);
}

/* More pieces in a pixel than a block has threads. */
static th_tensor *join_wide(th_scope *s, const th_tensor *x)
{
    const th_tensor *flat =
        th_channels_last(s, th_reshape(s, x, SHAPE(B, C * H * W / 2, 2, 1)));
    const th_tensor *parts[2] = {flat, th_sin(s, flat)};

    return th_cat(s, parts, 2, 1);
}

static th_tensor *conv_stride(th_scope *s, const th_tensor *x)
{
    return th_conv2d(s, x,
                     th_channels_last(s, beside(s, x, 1, SHAPE(C, C, 3, 3))),
                     NULL, 2, 1);
}

static th_tensor *conv_point(th_scope *s, const th_tensor *x)
{
    return th_conv2d(s, x, beside(s, x, 1, SHAPE(48, C, 1, 1)), NULL, 1, 0);
}

static th_tensor *conv_patch(th_scope *s, const th_tensor *x)
{
    return th_conv2d(s, x,
                     th_channels_last(s, beside(s, x, 1, SHAPE(40, C, 4, 4))),
                     NULL, 4, 0);
}

static th_tensor *linear(th_scope *s, const th_tensor *x)
{
    return th_linear(s, x, beside(s, x, 1, SHAPE(20, W)),
                     beside(s, x, 2, SHAPE(20)));
}

static th_tensor *layer_norm(th_scope *s, const th_tensor *x)
{
    return th_layer_norm(s, x, beside(s, x, 1, SHAPE(W)),
                         beside(s, x, 2, SHAPE(W)), 1e-5);
}

/* Rows of 768 numbers, more pieces than a warp has lanes, and rows of 96
 * without gamma and beta; something is added to those, as the sum of their
 * squares does not change with x. */
static th_tensor *layer_norm_wide(th_scope *s, const th_tensor *x)
{
    const th_tensor *y = th_layer_norm(
        s, th_reshape(s, x, SHAPE(B * C * H * W / 768, 768)),
        beside(s, x, 1, SHAPE(768)),
        th_to(s, beside(s, x, 2, SHAPE(768)), NJ_F32, th_where(x)), 1e-5);

    y = th_layer_norm(s, th_reshape(s, y, SHAPE(B * C * 2, 96)), NULL, NULL,
                      1e-3);
    return th_add(s, y, beside(s, x, 3, SHAPE(B * C * 2, 96)));
}

/* Rows that no wide word begins with. */
static th_tensor *layer_norm_odd(th_scope *s, const th_tensor *x)
{
    const th_tensor *rows = th_reshape(s, x, SHAPE(B * C * 2, 96));

    rows = th_narrow(s, rows, 1, 1, 95);
    return th_layer_norm(s, rows, beside(s, x, 1, SHAPE(95)), NULL, 1e-5);
}

static th_tensor *gates(th_scope *s, const th_tensor *x)
{
    return th_silu(s, th_quick_gelu(s, x));
}

/* 95 of the 96 numbers that lie together, which no wide word holds. */
static th_tensor *gates_odd(th_scope *s, const th_tensor *x)
{
    const th_tensor *rows = th_reshape(s, x, SHAPE(B * C * 2, 96));

    return th_quick_gelu(s, th_silu(s, th_narrow(s, rows, 1, 1, 95)));
}

/* Large numbers, to where a sigmoid is 0 or 1. */
static th_tensor *gates_far(th_scope *s, const th_tensor *x)
{
    return th_quick_gelu(s, th_mul_scalar(s, x, 60));
}

static th_tensor *attention(th_scope *s, const th_tensor *x)
{
    const th_tensor *q = th_reshape(s, x, SHAPE(B, 4, 96, 16));

    return th_attention(s, q, th_neg(s, q), th_sin(s, q), .25, false);
}

static th_tensor *attention_causal(th_scope *s, const th_tensor *x)
{
    const th_tensor *q = th_reshape(s, x, SHAPE(B, 4, 96, 16));

    return th_attention(s, q, q, q, .25, true);
}

static th_tensor *attention_packed(th_scope *s, const th_tensor *x)
{
    return th_packed_attention(s, th_reshape(s, x, SHAPE(B, 32, 3, 4, 16)), 2,
                               .25, false);
}

/* Two blocks of keys. */
static th_tensor *attention_long(th_scope *s, const th_tensor *x)
{
    return th_packed_attention(s, th_reshape(s, x, SHAPE(B, 256, 3, 1, 8)), 2,
                               .25, false);
}

static th_tensor *attention_by_heads(th_scope *s, const th_tensor *x)
{
    return th_packed_attention(s, th_reshape(s, x, SHAPE(B, 32, 4, 3, 16)), 3,
                               .25, false);
}

/* Three channels, float32 in any case. */
static th_tensor *colours(th_scope *s, const th_tensor *x)
{
    return th_to(s, th_narrow(s, x, 1, 5, 3), NJ_F32, th_where(x));
}

static th_tensor *project(th_scope *s, const th_tensor *x)
{
    const th_projection p = {.m = {.8, .4, 1, -.4, .9, 3, .01, -.02}};

    return th_project(s, colours(s, x), &p);
}

/* With z = 0 in the picture: some pixels look at all outputs. */
static th_tensor *project_filled(th_scope *s, const th_tensor *x)
{
    const double fill[3] = {.5, -.25, .75};
    const th_projection p = {.m = {1, .2, 0, .1, 1, 0, -.21, .013},
                             .fill = fill};

    return th_project(s, colours(s, x), &p);
}

static th_tensor *project_nearest(th_scope *s, const th_tensor *x)
{
    const th_projection p = {.m = {.8, .4, 1, -.4, .9, 3, .01, -.02},
                             .nearest = true};

    return th_project(s, colours(s, x), &p);
}

/* In both orders of contrast and hue. */
static th_tensor *color(th_scope *s, const th_tensor *x)
{
    const th_color_step steps[4] = {{TH_COLOR_BRIGHTNESS, 1.2},
                                    {TH_COLOR_CONTRAST, .8},
                                    {TH_COLOR_SATURATION, 1.3},
                                    {TH_COLOR_HUE, .1}};
    const th_color_step others[3] = {
        {TH_COLOR_HUE, -.1}, {TH_COLOR_CONTRAST, 1.2}, {TH_COLOR_GRAY, 1}};
    const th_tensor *y = th_add_scalar(s, th_mul_scalar(s, colours(s, x), .4),
                                       .5); /* .1 to .9 */

    return th_add(s, th_color(s, y, steps, 4), th_color(s, y, others, 3));
}

static th_tensor *bilinear(th_scope *s, const th_tensor *x)
{
    return th_upsample_bilinear2d(s, x, 2 * H, 2 * W, false);
}

static th_tensor *pools(th_scope *s, const th_tensor *x)
{
    return th_upsample_nearest2d(s, th_max_pool2d(s, th_avg_pool2d(s, x, 2), 2),
                                 H, W);
}

static th_tensor *conv_odd(th_scope *s, const th_tensor *x)
{
    return th_conv2d(s, x,
                     th_channels_last(s, beside(s, x, 1, SHAPE(27, C, 3, 3))),
                     beside(s, x, 2, SHAPE(27)), 1, 1);
}

static th_tensor *doubled(th_scope *s, const th_tensor *x)
{
    return th_upsample_nearest2d(s, th_sin(s, th_channels_last(s, x)), 2 * H,
                                 2 * W);
}

static th_tensor *halved(th_scope *s, const th_tensor *x)
{
    return th_avg_pool2d(s, th_sin(s, th_channels_last(s, x)), 2);
}

/* Of 5 channels, which no wide word holds. */
static th_tensor *halved_odd(th_scope *s, const th_tensor *x)
{
    const th_tensor *five = th_channels_last(s, th_narrow(s, x, 1, 3, 5));

    return th_upsample_nearest2d(s, th_avg_pool2d(s, five, 2), H, W);
}

static const struct {
    const char *name;
    layer *f;
} layers[] = {
    {"conv", conv},
    {"conv, 27 channels", conv_odd},
    {"conv, plus", conv_add},
    {"conv, plus, 5 channels", conv_add_odd},
    {"join", join},
    {"join, 5 and 11 channels", join_odd},
    {"join, 6144 channels", join_wide},
    {"conv, stride", conv_stride},
    {"conv, point", conv_point},
    {"conv, patches", conv_patch},
    {"linear", linear},
    {"layer norm", layer_norm},
    {"layer norm, wide rows", layer_norm_wide},
    {"layer norm, odd rows", layer_norm_odd},
    {"gates", gates},
    {"gates, odd rows", gates_odd},
    {"gates, large numbers", gates_far},
    {"attention", attention},
    {"attention, causal", attention_causal},
    {"attention, packed", attention_packed},
    {"attention, long", attention_long},
    {"attention, by heads", attention_by_heads},
    {"project", project},
    {"project, filled", project_filled},
    {"project, nearest", project_nearest},
    {"color", color},
    {"bilinear", bilinear},
    {"pools", pools},
    {"doubled", doubled},
    {"halved", halved},
    {"halved and doubled, 5 channels", halved_odd},
};

enum { LAYERS = sizeof(layers) / sizeof(layers[0]) };

struct outcome {
    th_tensor *y, *dx;
};

static struct outcome run(th_scope *s, layer *f, nj_dtype dtype,
                          th_device where)
{
    const th_tensor *x = th_leaf(
        s, th_to(s, RANDOM(s, 7, SHAPE(B, C, H, W)), dtype, where), true);
    struct outcome out;

    out.y = f(s, x);
    out.dx = th_grad(s, th_square(s, out.y), NULL, x);
    OK(s);
    return out;
}

static void like_the_cpu(void **state)
{
    th_set_tf32(false);
    for (int i = 0; i < LAYERS; i++) {
        th_scope *s = th_scope_new(*state);
        const struct outcome want = run(s, layers[i].f, NJ_F32, cpu);
        const struct outcome got = run(s, layers[i].f, NJ_F32, gpu);

        print_message("%s\n", layers[i].name);
        expect_close(s, got.y, want.y, 1e-5);
        expect_close(s, got.dx, want.dx, 1e-5);
        th_scope_free(s);
    }
}

static void repeats(void **state)
{
    const nj_dtype types[] = {NJ_F32, NJ_F16, NJ_BF16};

    th_set_fast(false);
    for (int i = 0; i < LAYERS * 3; i++) {
        th_scope *s = th_scope_new(*state);
        const struct outcome a = run(s, layers[i / 3].f, types[i % 3], gpu);
        const struct outcome b = run(s, layers[i / 3].f, types[i % 3], gpu);

        print_message("%s, type %d\n", layers[i / 3].name, i % 3);
        assert_true(max_difference(s, a.y, b.y) == 0);
        assert_true(max_difference(s, a.dx, b.dx) == 0);
        th_scope_free(s);
    }
}

/* Our own small kernels, each in float16 and bfloat16 beside float32 on the
 * CPU. */
static void half_types_come_close(void **state)
{
    static layer *const own[] = {
        gates,          gates_odd, gates_far,    layer_norm, layer_norm_wide,
        layer_norm_odd, conv_add,  conv_add_odd, join,       join_odd,
        join_wide,      doubled,   halved,       halved_odd,
    };
    static const struct {
        nj_dtype dtype;
        double share; /* of the largest number */
    } types[] = {{NJ_F16, 5e-3}, {NJ_BF16, 4e-2}};

    for (size_t i = 0; i < 2 * sizeof(own) / sizeof(own[0]); i++) {
        th_scope *s = th_scope_new(*state);
        const struct outcome want = run(s, own[i / 2], NJ_F32, cpu);
        const struct outcome got = run(s, own[i / 2], types[i % 2].dtype, gpu);

        print_message("layer %zu, type %zu\n", i / 2, i % 2);
        expect_close(s, got.y, want.y, types[i % 2].share);
        expect_close(s, got.dx, want.dx, types[i % 2].share);
        th_scope_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(like_the_cpu),
        TH_TEST(repeats),
        TH_TEST(half_types_come_close),
    };

    if (th_cuda_count() == 0)
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
