/* th_apply_bands against products with full matrices, and what it refuses. */
#include "torch/th_test.h"

#include "cuda/bands.h"

#define IMAGES   2
#define PICTURES 4
#define CHANNELS 3
#define H        7
#define W        9
#define S        5
#define T        6
#define TAPS     3

static float next_value(void)
{
    static uint32_t state = 1;

    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / (float)(1 << 24) - .5F;
}

/* A map with random weights, its transpose, and both written out in full. */
struct map {
    int32_t first[PICTURES * 9], first_back[PICTURES * 9];
    float weights[PICTURES * 9 * TAPS], weights_back[PICTURES * 9 * 9];
    float full[PICTURES * 9 * 9];
    th_band band, back;
};

static void random_map(struct map *m, int inputs, int outputs)
{
    memset(m, 0, sizeof(*m));
    for (int i = 0; i < PICTURES * outputs; i++) {
        const int from = i % outputs * (inputs - TAPS) / (outputs - 1);
        float *row = m->full + (ptrdiff_t)i * inputs;

        m->first[i] = from;
        for (int k = 0; k < TAPS; k++)
            row[from + k] = m->weights[i * TAPS + k] = next_value();
    }
    /* the whole column, zeros included */
    for (int p = 0; p < PICTURES; p++)
        for (int j = 0; j < inputs; j++)
            for (int i = 0; i < outputs; i++)
                m->weights_back[(p * inputs + j) * outputs + i] =
                    m->full[(p * outputs + i) * inputs + j];
    m->band = (th_band){inputs, outputs, TAPS, m->first, m->weights};
    m->back =
        (th_band){outputs, inputs, outputs, m->first_back, m->weights_back};
}

static th_tensor *pictures(th_scope *s, int64_t n, int64_t h, int64_t w)
{
    float v[PICTURES * CHANNELS * 9 * 9];

    for (int64_t i = 0; i < n * CHANNELS * h * w; i++)
        v[i] = next_value();
    return th_from_data(s, NJ_F32, SHAPE(n, CHANNELS, h, w), v);
}

/* Picture r is rows_r x[r % B] cols_r^T, one after the other. */
static th_tensor *by_products(th_scope *s, const th_tensor *x,
                              const struct map *rows, const struct map *cols)
{
    const th_tensor *list[PICTURES];

    for (int r = 0; r < PICTURES; r++) {
        const th_tensor *left = th_from_data(s, NJ_F32, SHAPE(S, H),
                                             rows->full + (ptrdiff_t)r * S * H);
        const th_tensor *right = th_from_data(
            s, NJ_F32, SHAPE(T, W), cols->full + (ptrdiff_t)r * T * W);
        const th_tensor *image = th_select(s, x, 0, r % IMAGES);

        list[r] = th_matmul(s, left,
                            th_matmul(s, image, th_transpose(s, right, 0, 1)));
    }
    return th_stack(s, list, PICTURES, 0);
}

static th_bands bands_of(const struct map *rows, const struct map *cols)
{
    return (th_bands){PICTURES, rows->band, cols->band, rows->back, cols->back};
}

static void same(th_scope *s, const th_tensor *got, const th_tensor *want)
{
    assert_int_equal(th_elements(got), th_elements(want));
    assert_true(max_difference(s, got, want) <= 1e-6);
}

static void equals_products(void **state)
{
    th_scope *s = *state;
    struct map rows, cols;
    th_bands bands;
    th_tensor *x = th_leaf(s, pictures(s, IMAGES, H, W), true);
    th_tensor *up = pictures(s, PICTURES, S, T);
    th_tensor *got, *want;

    random_map(&rows, H, S);
    random_map(&cols, W, T);
    bands = bands_of(&rows, &cols);
    got = th_apply_bands(s, x, &bands);
    want = by_products(s, x, &rows, &cols);
    same(s, got, want);
    same(s, th_grad(s, got, up, x), th_grad(s, want, up, x));
}

/* Two taps take another loop. */
static void equals_products_with_two_taps(void **state)
{
    th_scope *s = *state;
    const int32_t first[2] = {0, 1}, back[3] = {0, 0, 0};
    const float w[4] = {1, 2, 3, 4}, b[6] = {1, 0, 2, 3, 0, 4};
    const th_band map = {3, 2, 2, first, w}, transposed = {2, 3, 2, back, b};
    const th_bands bands = {1, map, map, transposed, transposed};
    th_tensor *x = th_leaf(
        s, TENSOR(s, SHAPE(1, 1, 3, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9), true);
    th_tensor *y = th_apply_bands(s, x, &bands);
    th_tensor *up = TENSOR(s, SHAPE(1, 1, 2, 2), 1, 0, 0, -1);

    EXPECT(s, y, 1e-5, 33, 96, 134, 357);
    EXPECT(s, th_grad(s, y, up, x), 1e-5, 1, 2, 0, 2, -5, -12, 0, -12, -16);
}

/* A layout that is not row by row is put in order first. */
static nj_bands_side side_of(const th_band *b)
{
    return (nj_bands_side){b->inputs, b->outputs, b->taps, b->first,
                           b->weights};
}

/* Every number by itself, as the kernels make them. */
static void twin_forward(const th_bands *b, const float *x, float *y)
{
    const nj_bands n = {side_of(&b->rows), side_of(&b->cols), PICTURES, IMAGES,
                        CHANNELS};

    for (int64_t p = 0; p < PICTURES * CHANNELS; p++)
        for (int64_t i = 0; i < S; i++)
            for (int64_t j = 0; j < T; j++)
                nj_bands_forward_at(&n, p, i, j, x, y);
}

static void twin_backward(const th_bands *b, const float *dy, float *dx)
{
    const nj_bands n = {side_of(&b->rows_back), side_of(&b->cols_back),
                        PICTURES, IMAGES, CHANNELS};

    for (int64_t p = 0; p < IMAGES * CHANNELS; p++)
        for (int64_t i = 0; i < H; i++)
            for (int64_t j = 0; j < W; j++)
                nj_bands_backward_at(&n, p, i, j, dy, dx);
}

static void the_kernels_twin_gives_the_same(void **state)
{
    th_scope *s = *state;
    struct map rows, cols;
    th_bands bands;
    th_tensor *x = th_leaf(s, pictures(s, IMAGES, H, W), true);
    th_tensor *up = pictures(s, PICTURES, S, T);
    th_tensor *y;
    float in[IMAGES * CHANNELS * H * W], dx[IMAGES * CHANNELS * H * W];
    float out[PICTURES * CHANNELS * S * T], dy[PICTURES * CHANNELS * S * T];

    random_map(&rows, H, S);
    random_map(&cols, W, T);
    bands = bands_of(&rows, &cols);
    th_read_f32(s, x, in, IMAGES * CHANNELS * H * W);
    th_read_f32(s, up, dy, PICTURES * CHANNELS * S * T);
    twin_forward(&bands, in, out);
    twin_backward(&bands, dy, dx);
    y = th_apply_bands(s, x, &bands);
    same(s, th_from_data(s, NJ_F32, SHAPE(PICTURES, CHANNELS, S, T), out), y);
    same(s, th_from_data(s, NJ_F32, SHAPE(IMAGES, CHANNELS, H, W), dx),
         th_grad(s, y, up, x));
}

static void takes_any_layout(void **state)
{
    th_scope *s = *state;
    struct map rows, cols;
    th_bands bands;
    th_tensor *x = pictures(s, IMAGES, H, W);

    random_map(&rows, H, S);
    random_map(&cols, W, T);
    bands = bands_of(&rows, &cols);
    same(s, th_apply_bands(s, th_channels_last(s, x), &bands),
         th_apply_bands(s, x, &bands));
}

static void same_on_any_number_of_threads(void **state)
{
    th_scope *s = *state;
    const int threads = th_threads();
    struct map rows, cols;
    th_bands bands;
    th_tensor *x = th_leaf(s, pictures(s, IMAGES, H, W), true);
    th_tensor *up = pictures(s, PICTURES, S, T);
    float v[2][IMAGES * CHANNELS * H * W];

    random_map(&rows, H, S);
    random_map(&cols, W, T);
    bands = bands_of(&rows, &cols);
    for (int i = 0; i < 2; i++) {
        th_set_threads(i + 1);
        th_read_f32(s, th_grad(s, th_apply_bands(s, x, &bands), up, x), v[i],
                    IMAGES * CHANNELS * H * W);
    }
    th_set_threads(threads);
    OK(s);
    assert_memory_equal(v[0], v[1], sizeof(v[0]));
}

static void cuda_equals_the_cpu(void **state)
{
    const th_device cuda = {TH_CUDA, 0};
    th_scope *s = *state;
    struct map rows, cols;
    th_bands bands;
    th_tensor *x = th_leaf(s, pictures(s, IMAGES, H, W), true);
    th_tensor *up = pictures(s, PICTURES, S, T);
    th_tensor *x2, *y, *y2;

    if (th_cuda_count() == 0)
        skip();
    random_map(&rows, H, S);
    random_map(&cols, W, T);
    bands = bands_of(&rows, &cols);
    x2 = th_leaf(s, th_to(s, x, NJ_F32, cuda), true);
    y = th_apply_bands(s, x, &bands);
    y2 = th_apply_bands(s, x2, &bands);
    same(s, y2, y);
    same(s, th_grad(s, y2, th_to(s, up, NJ_F32, cuda), x2),
         th_grad(s, y, up, x));
}

static void refuses(th_scope *outer, const th_tensor *x, const th_bands *b,
                    const char *why)
{
    th_scope *s = th_scope_new(outer);
    nj_err err = {0};

    assert_null(th_apply_bands(s, x, b));
    assert_int_equal(th_scope_check(s, &err), NJ_E_INTERNAL);
    if (strstr(err.text, why) == NULL)
        fail_msg("'%s' does not say '%s'", err.text, why);
    th_scope_clear_error(s);
    th_scope_free(s);
}

static void refuses_what_does_not_fit(void **state)
{
    th_scope *s = *state;
    struct map rows, cols;
    th_bands good, b;
    th_tensor *x = pictures(s, IMAGES, H, W);

    random_map(&rows, H, S);
    random_map(&cols, W, T);
    b = good = bands_of(&rows, &cols);
    b.pictures = 3;
    refuses(s, x, &b, "do not divide");
    b = good;
    b.rows = cols.band;
    refuses(s, x, &b, "got 7");
    b = good;
    b.cols_back = rows.back;
    refuses(s, x, &b, "got 6");
    refuses(s, th_to(s, x, NJ_F64, cpu), &good, "float32");
    cols.first[3] = W - TAPS + 1;
    refuses(s, x, &good, "outside");
    cols.first[3] = -1;
    refuses(s, x, &good, "outside");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(equals_products),
        TH_TEST(equals_products_with_two_taps),
        TH_TEST(takes_any_layout),
        TH_TEST(the_kernels_twin_gives_the_same),
        TH_TEST(same_on_any_number_of_threads),
        TH_TEST(cuda_equals_the_cpu),
        TH_TEST(refuses_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
