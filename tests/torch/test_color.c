/* th_color against the same steps made of libtorch's operations: the same
 * bits, gradients that differ by roundings. */
#include "torch/th_test.h"

enum { B = 2, H = 9, W = 31, N = B * 3 * H * W };

/* ---- the steps in torchvision's operations ----------------------------- */

static th_tensor *channel(th_scope *s, const th_tensor *x, int c)
{
    return th_narrow(s, x, 1, c, 1);
}

static th_tensor *gray_of(th_scope *s, const th_tensor *x)
{
    const th_tensor *r = th_mul_scalar(s, channel(s, x, 0), .2989);
    const th_tensor *g = th_mul_scalar(s, channel(s, x, 1), .587);
    const th_tensor *b = th_mul_scalar(s, channel(s, x, 2), .114);

    return th_add(s, th_add(s, r, g), b);
}

static th_tensor *mix(th_scope *s, const th_tensor *x, const th_tensor *other,
                      double factor)
{
    const th_tensor *sum = th_add(s, th_mul_scalar(s, x, factor),
                                  th_mul_scalar(s, other, 1 - factor));

    return th_clamp(s, sum, 0, 1);
}

static th_tensor *repeated(th_scope *s, const th_tensor *x)
{
    return th_expand(s, x, SHAPE(-1, 3, H, W));
}

static th_tensor *mean_of(th_scope *s, const th_tensor *x)
{
    return repeated(
        s, th_mean_dims(s, gray_of(s, x), 3, (const int[]){1, 2, 3}, true));
}

static th_tensor *equal(th_scope *s, const th_tensor *a, const th_tensor *b)
{
    return th_eq_scalar(s, th_sub(s, a, b), 0);
}

/* a > b ? yes : no */
static th_tensor *if_above(th_scope *s, const th_tensor *a, const th_tensor *b,
                           const th_tensor *yes, const th_tensor *no)
{
    const th_tensor *above = th_clamp_min(s, th_sub(s, a, b), 0);

    return th_where_self(s, th_eq_scalar(s, above, 0), no, yes);
}

/* Of equals the gradient goes to b alone. */
static th_tensor *less(th_scope *s, const th_tensor *a, const th_tensor *b)
{
    return if_above(s, b, a, a, b);
}

static th_tensor *greater(th_scope *s, const th_tensor *a, const th_tensor *b)
{
    return if_above(s, a, b, a, b);
}

/* x, one channel, less the largest multiple of m that is not above it. */
static th_tensor *modulo(th_scope *s, const th_tensor *x, float m)
{
    float v[B * H * W];

    th_read_f32(s, x, v, B * H * W);
    for (int i = 0; i < B * H * W; i++)
        v[i] = m * floorf(v[i] / m);
    return th_sub(s, x, th_from_data(s, NJ_F32, SHAPE(B, 1, H, W), v));
}

struct hsv {
    const th_tensor *h, *s, *v;
};

/* The hue in sixths of a turn, -1 to 5. */
static th_tensor *sixths(th_scope *s, const th_tensor *const rgb[3],
                         const th_tensor *max, const th_tensor *range)
{
    const th_tensor *c[3];
    const th_tensor *red, *green, *blue;

    for (int i = 0; i < 3; i++)
        c[i] = th_div(s, th_sub(s, max, rgb[i]), range);
    red = th_sub(s, c[2], c[1]);
    green = th_sub(s, th_add_scalar(s, c[0], 2), c[2]);
    blue = th_sub(s, th_add_scalar(s, c[1], 4), c[0]);
    green = th_where_self(s, equal(s, max, rgb[1]), green, blue);
    return th_where_self(s, equal(s, max, rgb[0]), red, green);
}

static struct hsv to_hsv(th_scope *s, const th_tensor *x)
{
    const th_tensor *rgb[3] = {channel(s, x, 0), channel(s, x, 1),
                               channel(s, x, 2)};
    const th_tensor *max = greater(s, rgb[2], greater(s, rgb[1], rgb[0]));
    const th_tensor *min = less(s, rgb[2], less(s, rgb[1], rgb[0]));
    const th_tensor *range = th_sub(s, max, min);
    const th_tensor *flat = equal(s, max, min);
    const th_tensor *one = th_add_scalar(s, th_mul_scalar(s, max, 0), 1);
    const th_tensor *h =
        sixths(s, rgb, max, th_where_self(s, flat, one, range));
    const th_tensor *turns = th_add_scalar(s, th_mul_scalar(s, h, 1 / 6.0), 1);

    return (struct hsv){modulo(s, turns, 1),
                        th_div(s, range, th_where_self(s, flat, one, max)),
                        max};
}

static th_tensor *by_sector(th_scope *s, const th_tensor *sector,
                            const th_tensor *const choice[6])
{
    const th_tensor *y = choice[5];

    for (int i = 4; i >= 0; i--)
        y = th_where_self(s, th_eq_scalar(s, sector, i), choice[i], y);
    return th_keep(s, y);
}

static th_tensor *to_rgb(th_scope *s, const struct hsv *in)
{
    const th_tensor *h6 = th_mul_scalar(s, in->h, 6);
    const th_tensor *part = modulo(s, h6, 1);
    const th_tensor *sf = th_mul(s, in->s, part);
    const th_tensor *i = modulo(s, th_sub(s, h6, part), 6);
    const th_tensor *rest = th_add_scalar(s, th_neg(s, in->s), 1);
    const th_tensor *q = th_add_scalar(s, th_neg(s, sf), 1);
    const th_tensor *v = in->v;
    const th_tensor *p = th_clamp(s, th_mul(s, rest, v), 0, 1);
    const th_tensor *t = th_clamp(s, th_mul(s, th_add(s, sf, rest), v), 0, 1);
    const th_tensor *rgb[3];

    q = th_clamp(s, th_mul(s, q, v), 0, 1);
    rgb[0] = by_sector(s, i, (const th_tensor *[]){v, q, p, p, t, v});
    rgb[1] = by_sector(s, i, (const th_tensor *[]){t, v, v, q, p, p});
    rgb[2] = by_sector(s, i, (const th_tensor *[]){p, p, t, v, v, q});
    return th_cat(s, rgb, 3, 1);
}

static th_tensor *turned(th_scope *s, const th_tensor *x, double turns)
{
    struct hsv c = to_hsv(s, x);

    c.h = modulo(s, th_add_scalar(s, c.h, turns), 1);
    return to_rgb(s, &c);
}

static th_tensor *by_operations(th_scope *s, const th_tensor *x,
                                const th_color_step *step)
{
    switch (step->kind) {
    case TH_COLOR_BRIGHTNESS:
        return th_clamp(s, th_mul_scalar(s, x, step->factor), 0, 1);
    case TH_COLOR_CONTRAST:
        return mix(s, x, mean_of(s, x), step->factor);
    case TH_COLOR_SATURATION:
        return mix(s, x, gray_of(s, x), step->factor);
    case TH_COLOR_HUE:
        return turned(s, x, step->factor);
    case TH_COLOR_GRAY:
        break;
    }
    return repeated(s, gray_of(s, x));
}

/* ---- comparisons ------------------------------------------------------- */

/* Colours in and around [0,1]; greys, equal channels, zeros and ones. */
static th_tensor *colours(th_scope *s)
{
    const float special[4] = {0, .25F, .5F, 1};
    float v[N];

    fill_random(v, N, 3);
    for (int i = 0; i < N; i++)
        v[i] = .5F + .7F * v[i];
    for (int i = 0; i < 64; i++)
        for (int c = 0; c < 3; c++)
            v[c * H * W + i] = special[i >> (2 * c) & 3];
    return th_from_data(s, NJ_F32, SHAPE(B, 3, H, W), v);
}

static void equals(th_scope *outer, const th_color_step *steps, int n)
{
    th_scope *s = th_scope_new(outer);
    const th_tensor *x = th_leaf(s, colours(s), true);
    const th_tensor *up = RANDOM(s, 5, SHAPE(B, 3, H, W));
    const th_tensor *got = th_color(s, x, steps, n), *want = x;
    const th_tensor *dx;

    for (int k = 0; k < n; k++)
        want = by_operations(s, want, &steps[k]);
    assert_true(max_difference(s, got, want) == 0);
    dx = th_grad(s, want, up, x);
    assert_true(max_difference(s, th_grad(s, got, up, x), dx) <=
                2e-6 * max_difference(s, dx, th_mul_scalar(s, dx, 0)));
    OK(s);
    th_scope_free(s);
}

static void each_step(void **state)
{
    const double factors[] = {0, .4, 1, 1.7, -.1, .33, -.5, 2};

    for (int kind = TH_COLOR_BRIGHTNESS; kind <= TH_COLOR_GRAY; kind++)
        for (int i = 0; i < 8; i++)
            equals(*state,
                   &(const th_color_step){(th_color_kind)kind, factors[i]}, 1);
}

/* All orders of the four, and shorter runs. */
static void runs_of_steps(void **state)
{
    const th_color_step four[4] = {{TH_COLOR_BRIGHTNESS, 1.08},
                                   {TH_COLOR_CONTRAST, .93},
                                   {TH_COLOR_SATURATION, 1.1},
                                   {TH_COLOR_HUE, -.07}};

    for (int k = 0; k < 256; k++) {
        const int order[4] = {k & 3, k >> 2 & 3, k >> 4 & 3, k >> 6};
        th_color_step steps[4];
        bool all = true;

        for (int i = 0; i < 4; i++) {
            steps[i] = four[order[i]];
            for (int j = 0; j < i; j++)
                all = all && order[i] != order[j];
        }
        for (int n = 2; all && n <= 4; n++)
            equals(*state, steps, n);
    }
}

static void takes_any_layout(void **state)
{
    th_scope *s = *state;
    const th_color_step steps[2] = {{TH_COLOR_CONTRAST, .5},
                                    {TH_COLOR_GRAY, 1}};
    const th_tensor *x = colours(s);

    assert_true(max_difference(s, th_color(s, th_channels_last(s, x), steps, 2),
                               th_color(s, x, steps, 2)) == 0);
}

static const th_color_step jitter[4] = {{TH_COLOR_HUE, .1},
                                        {TH_COLOR_CONTRAST, .9},
                                        {TH_COLOR_BRIGHTNESS, 1.1},
                                        {TH_COLOR_SATURATION, .8}};

static void keeps_x_only(void **state)
{
    th_scope *s = *state;
    const int64_t before = th_saved_bytes();
    const th_tensor *x = th_leaf(s, colours(s), true);

    th_color(s, x, jitter, 4);
    OK(s);
    assert_int_equal(th_saved_bytes() - before, N * sizeof(float));
}

static void same_on_any_number_of_threads(void **state)
{
    th_scope *s = *state;
    const int threads = th_threads();
    const th_tensor *x =
        th_leaf(s, th_contiguous(s, RANDOM(s, 1, SHAPE(2, 3, 150, 160))), true);
    const th_tensor *up = RANDOM(s, 2, SHAPE(2, 3, 150, 160));
    th_tensor *y[2], *dx[2];

    for (int i = 0; i < 2; i++) {
        th_set_threads(i + 1);
        y[i] = th_color(s, x, jitter, 4);
        dx[i] = th_grad(s, y[i], up, x);
    }
    th_set_threads(threads);
    assert_true(max_difference(s, y[0], y[1]) == 0);
    assert_true(max_difference(s, dx[0], dx[1]) == 0);
    OK(s);
}

static void refuses(th_scope *outer, const th_tensor *x, int n, const char *why)
{
    const th_color_step steps[5] = {{TH_COLOR_CONTRAST, .5},
                                    {TH_COLOR_CONTRAST, .5}};
    th_scope *s = th_scope_new(outer);
    nj_err err = {0};

    assert_null(th_color(s, x, steps, n));
    assert_int_equal(th_scope_check(s, &err), NJ_E_INTERNAL);
    if (strstr(err.text, why) == NULL)
        fail_msg("'%s' does not say '%s'", err.text, why);
    th_scope_clear_error(s);
    th_scope_free(s);
}

static void refuses_what_does_not_fit(void **state)
{
    th_scope *s = *state;
    const th_tensor *x = colours(s);

    refuses(s, x, 0, "0 steps");
    refuses(s, x, 5, "5 steps");
    refuses(s, x, 2, "twice");
    refuses(s, th_to(s, x, NJ_F64, cpu), 1, "float32");
    refuses(s, th_narrow(s, x, 1, 0, 1), 1, "[B,3,H,W]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(each_step),
        TH_TEST(runs_of_steps),
        TH_TEST(takes_any_layout),
        TH_TEST(keeps_x_only),
        TH_TEST(same_on_any_number_of_threads),
        TH_TEST(refuses_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
