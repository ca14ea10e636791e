/* th_project against a plain sum over all pixels of the picture for each
 * output: rotations, perspectives, horizons in the picture, maps without an
 * inverse, and what it refuses. */
#include "torch/th_test.h"

enum { B = 2, C = 3, H = 13, W = 11, N = B * C * H * W };

static const double colour[3] = {.8, .4, -.2};

/* How much output (i,j) takes of pixel (row,col): a tent of one pixel, or the
 * nearest. The position is rounded to float between -1 and 1. */
static double share(const th_projection *p, const int at[2], int row, int col)
{
    const double *m = p->m;
    const double x = at[1] + .5, y = at[0] + .5;
    const double z = m[6] * x + m[7] * y + 1;
    const float u = (float)(2 * (m[0] * x + m[1] * y + m[2]) / z / W - 1);
    const float v = (float)(2 * (m[3] * x + m[4] * y + m[5]) / z / H - 1);
    const double right = ((double)u + 1) * W / 2 - .5 - col;
    const double down = ((double)v + 1) * H / 2 - .5 - row;

    if (p->nearest)
        return fabs(right) <= .5 && fabs(down) <= .5 ? 1 : 0;
    return fmax(0, 1 - fabs(right)) * fmax(0, 1 - fabs(down));
}

struct sums {
    double y[N], dx[N];
};

/* One output of all planes, and what it gives back. */
static void add_output(const th_projection *p, const int at[2], const float *x,
                       const float *dy, struct sums *out)
{
    const int o = at[0] * W + at[1];
    double mask = 0;

    for (int i = 0; i < H * W; i++)
        mask += share(p, at, i / W, i % W);
    for (int n = 0; n < B * C; n++) {
        const int first = n * H * W;
        const double kept = p->fill ? mask : 1;

        for (int i = 0; i < H * W; i++) {
            const double s = kept * share(p, at, i / W, i % W);

            out->y[first + o] += s * (double)x[first + i];
            out->dx[first + i] += s * (double)dy[first + o];
        }
        if (p->fill)
            out->y[first + o] += (1 - mask) * p->fill[n % C];
    }
}

static void is_the_sum(th_scope *outer, const th_projection *p)
{
    th_scope *s = th_scope_new(outer);
    float in[N], up[N];
    struct sums want = {{0}, {0}};
    const th_tensor *x, *y;

    fill_random(in, N, 1);
    fill_random(up, N, 2);
    for (int i = 0; i < H * W; i++)
        add_output(p, (const int[2]){i / W, i % W}, in, up, &want);
    x = th_leaf(s, th_from_data(s, NJ_F32, SHAPE(B, C, H, W), in), true);
    y = th_project(s, x, p);
    expect_doubles(s, y, 4e-6, want.y, N, __FILE__, __LINE__);
    expect_doubles(
        s, th_grad(s, y, th_from_data(s, NJ_F32, SHAPE(B, C, H, W), up), x),
        2e-5, want.dx, N, __FILE__, __LINE__);
    th_scope_free(s);
}

/* Bilinear and nearest, without and with a colour outside. */
static void in_all_ways(th_scope *s, const double m[8])
{
    for (int way = 0; way < 4; way++) {
        th_projection p = {.nearest = way % 2, .fill = way / 2 ? colour : NULL};

        memcpy(p.m, m, sizeof(p.m));
        is_the_sum(s, &p);
    }
}

/* About the middle, with shifts that leave the picture. */
static void turns_and_shifts(void **state)
{
    for (int i = 0; i < 9; i++) {
        const double c = cos(.7 * i + .1), d = sin(.7 * i + .1);
        const double across = 3.3 * (i % 3 - 1), down = 5.2 * (i / 3 - 1);

        in_all_ways(*state,
                    (const double[8]){
                        c, d, W / 2. - c * (W / 2. - across) - d * 6.5, -d, c,
                        6.5 + d * (W / 2.) - c * (6.5 - down), 0, 0});
    }
}

static void enlarges_and_shrinks(void **state)
{
    in_all_ways(*state, (const double[8]){.2, 0, 2, 0, .3, 4, 0, 0});
    in_all_ways(*state, (const double[8]){3.1, .2, -9, .1, 2.7, -8, 0, 0});
}

static void perspectives(void **state)
{
    in_all_ways(*state,
                (const double[8]){.9, .1, 1.3, -.05, 1.1, -.7, .01, -.02});
    in_all_ways(*state, (const double[8]){1.4, -.3, .5, .2, .8, 1, .05, .03});
    /* mirrored */
    in_all_ways(*state, (const double[8]){-1.2, .1, 10, .1, 1.1, 0, -.03, .01});
}

/* z is zero on a line through the picture, and has either sign beside it. */
static void horizons(void **state)
{
    in_all_ways(*state, (const double[8]){1, .2, 0, .1, 1, 0, -.21, .013});
    in_all_ways(*state, (const double[8]){-1.1, 0, 7, .3, .8, 2, -.1, -.083});
    in_all_ways(*state, (const double[8]){.3, 0, -1, 0, .4, -2, -2. / W, 0});
}

/* A line and a point take all; no number of the map is one. */
static void maps_without_inverse(void **state)
{
    in_all_ways(*state, (const double[8]){.5, .25, 1, 1, .5, 2, 0, 0});
    in_all_ways(*state, (const double[8]){0, 0, 4.2, 0, 0, 6.1, 0, 0});
    in_all_ways(*state, (const double[8]){1, 0, 0, 0, 1, 0, 1e300, 1e300});
}

static void reads_nothing_at_nan(void **state)
{
    th_scope *s = *state;
    const th_projection p = {.m = {NAN, 0, 0, 0, 1, 0, 0, 0}};
    const th_tensor *x = th_leaf(s, RANDOM(s, 1, SHAPE(1, 1, 2, 2)), true);
    const th_tensor *y = th_project(s, x, &p);

    EXPECT(s, y, 0, 0, 0, 0, 0);
    EXPECT(s, th_grad(s, y, NULL, x), 0, 0, 0, 0, 0);
}

static const th_projection tilted = {
    .m = {.9, .1, 1.3, -.05, 1.1, -.7, .01, -.02}, .fill = colour};

static void takes_any_layout(void **state)
{
    th_scope *s = *state;
    const th_tensor *x = RANDOM(s, 1, SHAPE(B, C, H, W));

    assert_true(max_difference(s, th_project(s, x, &tilted),
                               th_project(s, th_contiguous(s, x), &tilted)) ==
                0);
}

static void keeps_no_picture(void **state)
{
    th_scope *s = *state;
    const int64_t before = th_saved_bytes();
    const th_tensor *x = th_leaf(s, RANDOM(s, 1, SHAPE(B, C, H, W)), true);

    th_project(s, x, &tilted);
    OK(s);
    assert_int_equal(th_saved_bytes(), before);
}

static void same_on_any_number_of_threads(void **state)
{
    th_scope *s = *state;
    const int threads = th_threads();
    const th_tensor *x = th_leaf(s, RANDOM(s, 1, SHAPE(4, C, 40, 50)), true);
    const th_tensor *up = RANDOM(s, 2, SHAPE(4, C, 40, 50));
    th_tensor *y[2], *dx[2];

    for (int i = 0; i < 2; i++) {
        th_set_threads(i + 1);
        y[i] = th_project(s, x, &tilted);
        dx[i] = th_grad(s, y[i], up, x);
    }
    th_set_threads(threads);
    assert_true(max_difference(s, y[0], y[1]) == 0);
    assert_true(max_difference(s, dx[0], dx[1]) == 0);
    OK(s);
}

static void refuses(th_scope *outer, const th_tensor *x, const char *why)
{
    th_scope *s = th_scope_new(outer);
    nj_err err = {0};

    assert_null(th_project(s, x, &tilted));
    assert_int_equal(th_scope_check(s, &err), NJ_E_INTERNAL);
    if (strstr(err.text, why) == NULL)
        fail_msg("'%s' does not say '%s'", err.text, why);
    th_scope_clear_error(s);
    th_scope_free(s);
}

static void refuses_other_tensors(void **state)
{
    th_scope *s = *state;

    refuses(s, th_zeros(s, NJ_F64, cpu, SHAPE(1, 3, 2, 2)), "float32");
    refuses(s, th_zeros(s, NJ_F32, cpu, SHAPE(3, 2, 2)), "4 dimensions");
    refuses(s, th_zeros(s, NJ_F32, cpu, SHAPE(1, 5, 2, 2)), "channels");
    refuses(s, th_zeros(s, NJ_F32, cpu, SHAPE(1, 3, 0, 2)), "sides");
    refuses(s, th_zeros(s, NJ_F32, cpu, SHAPE(1, 1, 1, 65537)), "sides");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(turns_and_shifts),
        TH_TEST(enlarges_and_shrinks),
        TH_TEST(perspectives),
        TH_TEST(horizons),
        TH_TEST(maps_without_inverse),
        TH_TEST(reads_nothing_at_nan),
        TH_TEST(takes_any_layout),
        TH_TEST(keeps_no_picture),
        TH_TEST(same_on_any_number_of_threads),
        TH_TEST(refuses_other_tensors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
