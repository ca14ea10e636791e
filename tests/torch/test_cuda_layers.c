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
    {"gates", gates},
    {"gates, odd rows", gates_odd},
    {"gates, large numbers", gates_far},
    {"attention", attention},
    {"attention, causal", attention_causal},
    {"attention, packed", attention_packed},
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

static void close_to(th_scope *s, const th_tensor *got, const th_tensor *want)
{
    const th_tensor *zero = th_mul_scalar(s, want, 0);

    assert_true(max_difference(s, got, want) <=
                1e-5 * max_difference(s, want, zero));
}

static void like_the_cpu(void **state)
{
    th_set_tf32(false);
    for (int i = 0; i < LAYERS; i++) {
        th_scope *s = th_scope_new(*state);
        const struct outcome want = run(s, layers[i].f, NJ_F32, cpu);
        const struct outcome got = run(s, layers[i].f, NJ_F32, gpu);

        print_message("%s\n", layers[i].name);
        close_to(s, got.y, want.y);
        close_to(s, got.dx, want.dx);
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

/* Several uploads in a row, each from memory that is used again at once. */
static void uploads_arrive(void **state)
{
    enum { N = 1 << 20, TIMES = 8 };
    th_scope *s = *state;
    th_tensor *there[TIMES];
    float *values = malloc(N * sizeof(*values));

    assert_non_null(values);
    for (int k = 0; k < TIMES; k++) {
        th_scope *t = th_scope_new(s);

        for (int i = 0; i < N; i++)
            values[i] = (float)(i + k);
        there[k] =
            th_keep(s, th_to(t, th_from_data(t, NJ_F32, SHAPE(N), values),
                             NJ_F32, gpu));
        th_scope_free(t);
    }
    for (int k = 0; k < TIMES; k++) {
        th_read_f32(s, there[k], values, N);
        OK(s);
        for (int i = 0; i < N; i++)
            if (values[i] != (float)(i + k))
                fail_msg("number %d of upload %d is %g", i, k,
                         (double)values[i]);
    }
    free(values);
}

static void noise_has_the_cpus_bytes(void **state)
{
    enum { N = 3 * 100 * 1001 };
    th_scope *s = *state;
    const uint64_t seeds[2] = {18446744073709551615U, 1};
    const th_normals from = {seeds, 999, 1, 3, 77};
    float *want = malloc(2 * N * sizeof(*want));
    float *got = malloc(2 * N * sizeof(*got));

    assert_non_null(want);
    assert_non_null(got);
    th_read_f32(s, th_philox_normals(s, &from, cpu, SHAPE(2, 3, 100, 1001)),
                want, 2 * N);
    th_read_f32(s, th_philox_normals(s, &from, gpu, SHAPE(2, 3, 100, 1001)),
                got, 2 * N);
    OK(s);
    assert_memory_equal(got, want, 2 * N * sizeof(*got));
    free(want);
    free(got);
}

/* 40 pictures take two launches. */
static void added_noise_has_the_cpus_bytes(void **state)
{
    enum { PICTURES = 40 };
    th_scope *s = *state;
    const uint64_t seed = 77;
    th_normals each[PICTURES];
    const th_tensor *x = RANDOM(s, 1, SHAPE(PICTURES, 3, 33, 31));

    for (uint32_t b = 0; b < PICTURES; b++)
        each[b] = (th_normals){&seed, 5, 1, b % 2, 1000 * b};
    assert_true(max_difference(
                    s, th_add_normals(s, th_to(s, x, NJ_F32, gpu), .01, each),
                    th_add_normals(s, x, .01, each)) == 0);
    OK(s);
}

/* The sampler's step; its kinds and layouts are compared on the CPU with the
 * operations that it stands for (engine/test_sampler.c). */
static void sampler_updates_like_the_cpu(void **state)
{
    th_scope *s = *state;
    const th_update_kind kinds[] = {TH_UPDATE_LEARNED, TH_UPDATE_FIXED,
                                    TH_UPDATE_DDIM};

    for (int i = 0; i < 6; i++) {
        th_update u = {.kind = kinds[i / 2],
                       .mean_x0 = .3,
                       .mean_x = .7,
                       .variance = .01,
                       .deviation = .1,
                       .middle = -4,
                       .reach = .5,
                       .recip = 1.3,
                       .recipm1 = .8,
                       .sigma = .6,
                       .ddim_x0 = .9,
                       .ddim_eps = .4,
                       .ddim_z = .2};
        const th_tensor **const inputs[] = {&u.x, &u.x0, &u.eps,
                                            &u.v, &u.g,  &u.z};
        th_tensor *want;

        for (uint32_t k = 0; k < 6; k++) {
            th_tensor *t = RANDOM(s, k, SHAPE(2, 6, 9, 7)); /* channels last */

            t = th_narrow(s, k % 2 ? t : th_contiguous(s, t), 1, k % 4, 3);
            *inputs[k] = k < 4 || i % 2 ? t : NULL;
        }
        want = th_sampler_update(s, &u);
        for (int k = 0; k < 6; k++)
            if (*inputs[k])
                *inputs[k] = th_to(s, *inputs[k], NJ_F32, gpu);
        close_to(s, th_sampler_update(s, &u), want);
        OK(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(like_the_cpu),
        TH_TEST(repeats),
        TH_TEST(uploads_arrive),
        TH_TEST(noise_has_the_cpus_bytes),
        TH_TEST(added_noise_has_the_cpus_bytes),
        TH_TEST(sampler_updates_like_the_cpu),
    };

    if (th_cuda_count() == 0)
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
