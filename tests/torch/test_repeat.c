/* "Same seed, same picture" rests on these: a second run gives the same bits,
 * an image does not feel the others of its batch, and one or two threads make
 * no difference. Values and gradients with respect to x. */
#include "torch/th_test.h"

typedef th_tensor *layer(th_scope *s, const th_tensor *x);

enum { B = 4, C = 64, H = 24, W = 20 };

static const int64_t shape[] = {B, C, H, W};

/* A random tensor of x's type. */
#define LIKE(s, x, ...)                                                        \
    th_to((s), random_tensor((s), __VA_ARGS__), th_dtype(x), cpu)

static th_tensor *conv(th_scope *s, const th_tensor *x)
{
    return th_conv2d(s, x,
                     th_channels_last(s, LIKE(s, x, 1, SHAPE(96, C, 3, 3))),
                     LIKE(s, x, 2, SHAPE(96)), 1, 1);
}

static th_tensor *conv_point(th_scope *s, const th_tensor *x)
{
    return th_conv2d(s, x, LIKE(s, x, 1, SHAPE(128, C, 1, 1)), NULL, 1, 0);
}

static th_tensor *conv_stride(th_scope *s, const th_tensor *x)
{
    return th_conv2d(s, x, LIKE(s, x, 1, SHAPE(C, C, 3, 3)), NULL, 2, 1);
}

static th_tensor *conv_patch(th_scope *s, const th_tensor *x)
{
    return th_conv2d(s, x, LIKE(s, x, 1, SHAPE(96, C, 4, 4)), NULL, 4, 0);
}

static th_tensor *norm(th_scope *s, const th_tensor *x)
{
    return th_group_norm_silu(
        s, x,
        &(th_group_norm){32, 1e-5, RANDOM(s, 1, SHAPE(C)),
                         RANDOM(s, 2, SHAPE(C)), RANDOM(s, 3, SHAPE(B, C)),
                         RANDOM(s, 4, SHAPE(B, C)), true, NULL});
}

/* [B,C,H,W] -> [B,4,120,64] */
static th_tensor *heads(th_scope *s, const th_tensor *x)
{
    return th_reshape(s, th_contiguous(s, x), SHAPE(B, 4, 120, 64));
}

static th_tensor *attention(th_scope *s, const th_tensor *x)
{
    th_tensor *q = heads(s, x);

    return th_attention(s, q, th_neg(s, q), th_sin(s, q), 0.3, false);
}

static th_tensor *attention_causal(th_scope *s, const th_tensor *x)
{
    th_tensor *q = heads(s, x);

    return th_attention(s, q, th_neg(s, q), th_sin(s, q), 0.3, true);
}

static th_tensor *linear(th_scope *s, const th_tensor *x)
{
    return th_linear(s, heads(s, x), LIKE(s, x, 1, SHAPE(256, 64)),
                     LIKE(s, x, 2, SHAPE(256)));
}

static th_tensor *linear_row(th_scope *s, const th_tensor *x)
{
    th_tensor *flat = th_reshape(s, th_contiguous(s, x), SHAPE(B, C * H * W));

    return th_linear(s, flat, LIKE(s, x, 1, SHAPE(7, C * H * W)), NULL);
}

static th_tensor *matmul(th_scope *s, const th_tensor *x)
{
    th_tensor *a = heads(s, x);

    return th_matmul(s, a, th_transpose(s, a, 2, 3));
}

static th_tensor *layer_norm(th_scope *s, const th_tensor *x)
{
    return th_layer_norm(s, heads(s, x), LIKE(s, x, 1, SHAPE(64)), NULL, 1e-5);
}

static th_tensor *mean(th_scope *s, const th_tensor *x)
{
    return th_mean_dims(s, x, 3, (const int[]){1, 2, 3}, false);
}

static th_tensor *length(th_scope *s, const th_tensor *x)
{
    return th_norm(s, heads(s, x), -1, true);
}

static th_tensor *avg_pool(th_scope *s, const th_tensor *x)
{
    return th_avg_pool2d(s, x, 2);
}

static th_tensor *nearest(th_scope *s, const th_tensor *x)
{
    return th_upsample_nearest2d(s, x, 2 * H, 2 * W);
}

static const struct {
    const char *name;
    layer *f;
} layers[] = {
    {"conv2d 3x3", conv},
    {"conv2d 1x1", conv_point},
    {"conv2d stride 2", conv_stride},
    {"conv2d patches", conv_patch},
    {"group_norm_silu", norm},
    {"attention", attention},
    {"attention causal", attention_causal},
    {"linear", linear},
    {"linear of long rows", linear_row},
    {"matmul", matmul},
    {"layer_norm", layer_norm},
    {"silu", th_silu},
    {"quick_gelu", th_quick_gelu},
    {"gelu", th_gelu},
    {"mean", mean},
    {"norm", length},
    {"avg_pool2d", avg_pool},
    {"upsample_nearest2d", nearest},
};

struct bits {
    float *y, *dx;
    size_t n;
};

/* Random batch whose image `fixed` has seed 1; the others have `seed`. */
static th_tensor *batch(th_scope *s, int fixed, uint32_t seed)
{
    const size_t n = (size_t)C * H * W;
    float *data = malloc(B * n * sizeof(*data));
    th_tensor *x;

    for (int i = 0; i < B; i++)
        fill_random(data + (size_t)i * n, n,
                    i == fixed ? 1 : seed + (uint32_t)i);
    x = th_from_data(s, NJ_F32, 4, shape, data);
    free(data);
    return th_leaf(s, th_channels_last(s, x), true);
}

static struct bits run(layer *f, int fixed, uint32_t seed, nj_dtype dtype)
{
    th_scope *s = th_scope_new(NULL);
    th_tensor *x = batch(s, fixed, seed);
    th_tensor *y = f(s, th_to(s, x, dtype, cpu));
    th_tensor *dx = th_grad(s, y, th_cos(s, th_leaf(s, y, false)), x);
    struct bits out = {0};

    out.n = th_elements(y);
    out.y = malloc(out.n * sizeof(float));
    out.dx = malloc(th_elements(x) * sizeof(float));
    th_read_f32(s, y, out.y, out.n);
    th_read_f32(s, dx, out.dx, th_elements(x));
    OK(s);
    th_scope_free(s);
    return out;
}

static void drop(struct bits *b)
{
    free(b->y);
    free(b->dx);
}

/* Whether image `fixed` has the same bits in both; both are released. */
static bool same(struct bits a, struct bits b, int fixed)
{
    const size_t n = a.n / B, m = (size_t)C * H * W, i = (size_t)fixed;
    const bool equal =
        memcmp(a.y + i * n, b.y + i * n, n * sizeof(float)) == 0 &&
        memcmp(a.dx + i * m, b.dx + i * m, m * sizeof(float)) == 0;

    drop(&a);
    drop(&b);
    return equal;
}

static int count_wrong(const char *what, const char *name, bool equal)
{
    if (!equal)
        print_error("%s: other bits %s\n", name, what);
    return !equal;
}

static int check_layer(const char *name, layer *f, nj_dtype dtype)
{
    int wrong = 0;
    struct bits two;

    wrong += count_wrong("in a second run", name,
                         same(run(f, 0, 9, dtype), run(f, 0, 9, dtype), 0));
    for (int i = 0; i < B; i += 3)
        wrong +=
            count_wrong("beside other images", name,
                        same(run(f, i, 9, dtype), run(f, i, 99, dtype), i));
    two = run(f, 0, 9, dtype);
    th_set_threads(1);
    wrong +=
        count_wrong("with one thread", name, same(run(f, 0, 9, dtype), two, 0));
    th_set_threads(2);
    return wrong;
}

static void repeats(void **state)
{
    int wrong = 0;

    (void)state;
    th_set_fast(false);
    th_set_threads(2);
    for (size_t l = 0; l < sizeof(layers) / sizeof(layers[0]); l++) {
        wrong += check_layer(layers[l].name, layers[l].f, NJ_F32);
        wrong += check_layer(layers[l].name, layers[l].f, NJ_BF16);
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(th_threads(), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TH_TEST(repeats)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
